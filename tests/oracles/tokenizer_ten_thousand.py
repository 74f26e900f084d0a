"""10,000 strings a family, and every id decoded, against the real packages:

    python tests/oracles/tokenizer_ten_thousand.py build/quern DATA/tokenizers [FAMILY ...] [--rows ROWS] [--table docs/tokenizers.md BENCH TEXT]

Needs tokenizers 0.23.3, sentencepiece 0.2.3, tiktoken, gguf. Families are the tokenizer.json, tokenizer.model and
tiktoken files of the conformance data; the vocabularies of tokenizer.json are also written out as the GGUF files
that converters make of them, Mistral Nemo's as tekken.json, others as tiktoken files, and asked for the same
ids. A folder DATA/tokenizers/NAME may hold a model's own tiktoken file (llama-models' models/llama3 and llama4,
qwen.tiktoken). Strings are a fixed mix (tokenizer_strings.py): every general category, unassigned code points, ZWJ
sequences, CRLF, digit runs, characters that NFC changes, spelled control tokens, code, 40 languages; invalid UTF-8
must come back byte for byte where a vocabulary has all bytes. The small vocabularies of tests/fixtures/text/json
stand for kinds of which the data has no published one. Prints a line a family and ends with status 1 if anything
differs. --rows keeps the rows in a file and leaves out what it has, so that a run can be interrupted. --table writes
the page, with MB/s by BENCH (build/release/bench/text/tokenize) and by the package, one thread, on TEXT.

`make tables` is this and templates_table.py.
"""
import base64
import gzip
import json
import math
import os
import random
import subprocess
import statistics
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tiktoken_fixtures
import vocab_file
from tokenizer_strings import all_strings

N = 10000
REPS = 5


def quern(program, path, requests):
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    out = subprocess.run([program, "tokenize", path, "--jsonl"], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def mix(specials, keep=lambda s: True):
    return [s for s in all_strings(N + N // 2, specials) if keep(s)][:N]


def differing(wants, answers, strings, field, show):
    n = 0
    for want, got, s in zip(wants, answers, strings):
        if got.get(field) != want:
            n += 1
            if n <= 3:
                print("   ", show, repr(s)[:160], "\n      want", str(want)[:200], "\n      got ", str(got)[:200])
    return n


def mb_per_s(text, load, encode):
    """Of the package: the first pass of a fresh tokenizer, and the median of the passes after it."""
    made, times = load(), []
    for _ in range(REPS + 1):
        start = time.process_time()
        encode(made, text)
        times.append(len(text.encode()) / 1e6 / (time.process_time() - start))
    return "%.1f" % times[0], "%.1f" % statistics.median(times[1:])


class HuggingFace:
    """What the package says of a tokenizer.json; each of `same` may say it too."""

    def __init__(self, path):
        from tokenizers import Tokenizer

        self.path, self.t = path, Tokenizer.from_file(path)
        t, self.json = self.t, json.load(open(path))
        specials = [a.content for a in t.get_added_tokens_decoder().values()]
        unigram = self.json["model"].get("type") == "Unigram"  # in its vocabulary any text finds control and byte tokens
        strings = mix(specials[:30] + specials[-10:], lambda s: not unigram or not ("<0x" in s or any(c in s for c in specials)))
        self.order = strings[::2] + strings[1::2]
        t.encode_special_tokens = True
        self.wants = [t.encode(s, add_special_tokens=False).ids for s in strings[::2]]
        t.encode_special_tokens = False
        self.plain = len(strings[::2])
        self.trusted = {adds: [t.encode(s, add_special_tokens=adds).ids for s in strings[1::2]] for adds in (True, False)}
        self.texts = [t.decode([i], skip_special_tokens=False) for i in range(t.get_vocab_size())]
        self.has_bytes = "ByteLevel" in json.dumps(self.json["decoder"]) or self.json["model"].get("byte_fallback")

    def compare(self, program, path, adds=True, n_ids=None):
        """adds: the file says what is put around a text; n_ids: the first ids whose names it knows."""
        wants = self.wants + self.trusted[adds]
        requests = [dict(text=s, add_special=adds and i >= self.plain, parse_special=i >= self.plain) for i, s in enumerate(self.order)]
        wrong = differing(wants, quern(program, path, requests), self.order, "ids", "encode")
        ids = [i for i in range(n_ids or len(self.texts)) if self.t.id_to_token(i) is not None]
        wrong_ids = differing([self.texts[i] for i in ids], quern(program, path, [dict(ids=[i], skip_special=False) for i in ids]), ids, "text", "decode")
        return len(wants), wrong, len(ids), wrong_ids, self.has_bytes

    def speed(self, text):
        from tokenizers import Tokenizer

        return mb_per_s(text, lambda: Tokenizer.from_file(self.path), lambda t, s: t.encode(s, add_special_tokens=False))


def sentence_piece(program, path):
    import sentencepiece

    p = sentencepiece.SentencePieceProcessor(model_file=path)
    controls = [p.id_to_piece(i) for i in range(p.vocab_size()) if p.is_control(i) or p.is_unknown(i)]
    strings = mix([], lambda s: "\0" not in s and not any(c in s for c in controls))  # it takes NUL for the end
    wants = [p.encode(s) for s in strings]
    wrong = differing(wants, quern(program, path, [dict(text=s, add_special=False, parse_special=False) for s in strings]), strings, "ids", "encode")
    ids = [i for i in range(p.vocab_size()) if p.id_to_piece(i) not in controls]
    texts = [p.decode([i]) for i in ids]
    wrong_ids = differing(texts, quern(program, path, [dict(ids=[i]) for i in ids]), ids, "text", "decode")
    return len(strings), wrong, len(ids), wrong_ids, any(p.is_byte(i) for i in range(p.vocab_size()))


def sentence_piece_speed(path, text):
    import sentencepiece

    return mb_per_s(text, lambda: sentencepiece.SentencePieceProcessor(model_file=path), lambda p, s: p.encode(s))


def tik_token_speed(made, text):
    import tiktoken

    load = lambda: tiktoken.Encoding("again", pat_str=made._pat_str, mergeable_ranks=made._mergeable_ranks, special_tokens=made._special_tokens)
    return mb_per_s(text, load, lambda e, s: e.encode_ordinary(s))


def tik_token(program, path, data):
    j = json.load(gzip.open(data))
    ranks = {}
    for line in j["bpe_ranks"].split("\n"):
        words = line.split(" ")
        for i, word in enumerate(words[2:]):
            ranks[base64.b64decode(word)] = int(words[1]) + i
    with open(path, "w") as f:
        for b, i in sorted(ranks.items(), key=lambda x: x[1]):
            f.write("%s %d\n" % (base64.b64encode(b).decode(), i))
    return ranked(program, path, ranks, j["pat_str"], j["special_tokens"])


def folder_of_ranks(program, path):
    """A model's folder that holds a tiktoken file, and perhaps a config."""
    file = next(path + "/" + f for f in ("tokenizer.model", "tiktoken.model", "qwen.tiktoken", "hy.tiktoken") if os.path.exists(path + "/" + f))
    config = json.load(open(path + "/tokenizer_config.json")) if os.path.exists(path + "/tokenizer_config.json") else {}
    ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in open(file) if line.strip()}
    known = tiktoken_fixtures.real(len(ranks), config)
    return ranked(program, path, ranks, known["pat_str"], known["special"], tiktoken_fixtures.QWEN == known["pat_str"])


def ranked(program, path, ranks, pattern, special, nfc=False):
    import tiktoken

    e = tiktoken.Encoding(os.path.basename(path), pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
    strings = mix(list(special)[:40] + list(special)[-10:])
    wants, requests = [], []
    for i, s in enumerate(strings):
        parse = bool(i % 2)
        text = unicodedata.normalize("NFC", s) if nfc else s
        wants.append(e.encode(text, allowed_special="all" if parse else set(), disallowed_special=()))
        requests.append(dict(text=s, add_special=False, parse_special=parse))
    wrong = differing(wants, quern(program, path, requests), strings, "ids", "encode")
    ids = list(ranks.values()) + list(special.values())
    texts = [e.decode_bytes([i]).hex() for i in ids]
    wrong_ids = differing(texts, quern(program, path, [dict(ids=[i], skip_special=False) for i in ids]), ids, "hex", "decode")
    return (len(strings), wrong, len(ids), wrong_ids, not nfc), e


def ranks_of(j):
    """The bytes of the tokens of a byte-level vocabulary, by id."""
    chars = {}
    for b in range(256):
        plain = 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255
        chars[chr(b) if plain else chr(256 + sum(1 for v in chars if ord(v) > 255))] = b
    added = {a["content"] for a in j["added_tokens"]}
    return [bytes(chars[c] for c in t) for t, _ in sorted(j["model"]["vocab"].items(), key=lambda x: x[1]) if t not in added]


def write_tekken(path, j, n_special):
    split = next(p for p in j["pre_tokenizer"]["pretokenizers"] if p["type"] == "Split")
    ranks = ranks_of(j)
    special = [dict(rank=a["id"], token_str=a["content"], is_control=True) for a in j["added_tokens"] if a["id"] < n_special]
    config = dict(pattern=split["pattern"]["Regex"], num_vocab_tokens=len(ranks), default_vocab_size=len(ranks) + n_special,
                  default_num_special_tokens=n_special, version="v3")
    vocab = [dict(rank=i, token_bytes=base64.b64encode(b).decode(), token_str=None) for i, b in enumerate(ranks)]
    with open(path, "w") as f:
        json.dump(dict(config=config, vocab=vocab, special_tokens=special), f)


def write_tiktoken(folder, j):
    """The ranks, and the names of the special tokens where a model's folder has them."""
    os.makedirs(folder)
    with open(folder + "/tokenizer.model", "w") as f:
        f.writelines("%s %d\n" % (base64.b64encode(b).decode(), i) for i, b in enumerate(ranks_of(j)))
    with open(folder + "/tokenizer_config.json", "w") as f:
        json.dump(dict(added_tokens_decoder={str(a["id"]): a for a in j["added_tokens"]}), f)


def invalid(program, path):
    """Bytes that are not UTF-8 come back."""
    r = random.Random(7)
    texts = [bytes(r.choice([r.randint(0, 255), 0xE2, 0x80, 0xF0, 0x61, 0x20]) for _ in range(r.randint(1, 24))) for _ in range(1000)]
    ids = [a["ids"] for a in quern(program, path, [dict(hex=b.hex(), add_special=False, parse_special=False) for b in texts])]
    back = quern(program, path, [dict(ids=i, skip_special=False) for i in ids])
    return sum(a["hex"] != b.hex() for a, b in zip(back, texts))


def speed(bench, path, text):
    out = subprocess.run([bench, path, text, "9"], stdout=subprocess.PIPE, check=True).stdout.decode()
    load = out.split(": load ")[1].split(" ms")[0]
    cold, warm = (line.split()[2] for line in out.splitlines()[1:3])
    return load, cold, warm


PAGE = """# Tokenizers

Made by `make tables` (`tests/oracles/tokenizer_ten_thousand.py`), which asks the real packages (tokenizers 0.23.3,
sentencepiece 0.2.3, tiktoken): 10,000 strings a family, half of them trusted (control tokens parsed, the template's
tokens added), and every id decoded alone. "Lost": of 1,000 texts that are not UTF-8, those that do not come back byte
for byte (where a vocabulary has all bytes; NFC vocabularies left out). GGUF, tekken.json and tiktoken rows of a family
that has a tokenizer.json are the same vocabulary in that form, held to the ids of its tokenizer.json; where the form
does not say which tokens stand around a text, none are added. Of the families that are tiktoken files alone, llama3,
llama4 and qwen are the published files (a folder each of the data: llama-models' `tokenizer.model`, `qwen.tiktoken`);
"made" ones are of that form and size, but with the ranks of another. The last rows are small vocabularies of
`tests/fixtures/text/json`, for kinds that the data has no published file of. MB/s: one core, CPU time, %s, first pass
and median of the next ones (nine, of the package five), of the package in the same run; load: from the file, page
cache warm.

What differs from a package on purpose: text from outside never becomes a control token or a byte token, also where a
Unigram vocabulary lists them; of a run of byte tokens that is not UTF-8, what is well-formed stays readable; the
special tokens that a `tokenizer_config.json` lists beside a tiktoken file are all control tokens, also those that it
calls not special, which then stay in decoded text.

Which surroundings of a model are held to the packages: those of every tokenizer class of transformers that can be made
without files (`tests/text/pipelines.c`), each normalizer and pre-tokenizer alone (`tests/text/json_probe.c`), ten of
them and two patterns over every code point, the special tokens of every published tiktoken file (`tests/text/tiktoken.c`).
`build/release/bench/text/classes` times a mebibyte of every general category through every kind: the slowest takes 0.2 s
(two cores of an EPYC, spaces, o200k_base).

What is refused, by a sentence that names it, because no published model has it or nothing says what is right:

- `tokenizer.json`: Metaspace with another mark than U+2581; a decoder that changes the text behind one that joins it,
  other than by one space at its start, since a stream could not know; two that both join words; a normalizer behind
  ByteLevel. A tokenizer with dropout leaves out merges at random, so there are no ids to be equal to.
- GGUF, of all pre-tokenizers that llama.cpp knew in September 2026: `default` and none, which converters write where they
  did not know the model's own; `afmoe`, whose digits llama.cpp cuts by code of its own, which joins what stands before
  a number to it, and whose published pattern was not at hand; `whitespace`, of an embedding model, whose unknown
  characters llama.cpp leaves out. Of the tokenizer models `rwkv`, `plamo2`, `hybriddna` and `whitespace`.
- tiktoken files that are of no known name, class or number of ranks.

A pattern of a tokenizer.json that no scanner knows runs on PCRE2, whose properties are Unicode 14. It is shown a
character assigned since as one of the same general category, Han as Han, so that categories, `\\w`, `\\s` and `\\d` are
those of the scanners' Unicode 16 (as Oniguruma in tokenizers has it); only a pattern that asks such a character for another
script, or for a property like `Emoji`, can match otherwise.

| family | source | strings | differ | ids | differ | lost | load ms | MB/s cold | warm | package cold | warm |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
SMALL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/text/json")
TIKTOKEN = ("gpt2", "gpt4o", "llama3_1")  # whose first files are of that kind


def forms(program, folder, family, path, text):
    """The rows of one tokenizer.json: itself, and the other files that its vocabulary comes in."""
    hf = HuggingFace(path)
    speed = hf.speed(text) if text else ("", "")
    yield family, "tokenizer.json", hf.compare(program, path), path, speed
    if family not in vocab_file.PRE:
        return
    other = folder + "/" + family
    vocab_file.from_json(path, other + ".gguf", vocab_file.PRE[family], vocab_file.write_gguf)
    adds = family != "whisper_large_v3"  # GGUF has no key for its prefix of several tokens
    yield family, "GGUF", hf.compare(program, other + ".gguf", adds), other + ".gguf", speed
    if family == "gemma3":
        vocab_file.from_json(path, other + ".merges.gguf", "gemma4", vocab_file.write_gguf)
        yield family, "GGUF, merges", hf.compare(program, other + ".merges.gguf"), other + ".merges.gguf", speed
    if family == "mistral_nemo":
        write_tekken(other + ".tekken.json", hf.json, 1000)
        yield family, "tekken.json", hf.compare(program, other + ".tekken.json", False), other + ".tekken.json", speed
    if family in TIKTOKEN:
        write_tiktoken(other + ".tiktoken", hf.json)
        yield family, "tiktoken", hf.compare(program, other + ".tiktoken", False), other + ".tiktoken", speed


def write_unigram(path, j):
    """A Unigram model of published size, which the data has none of: the texts of another vocabulary, the earlier the likelier."""
    texts = [t for t, _ in sorted(j["model"]["vocab"].items(), key=lambda x: x[1]) if not t.startswith("<") and "\n" not in t]
    vocab = [["<unk>", 0.0]] + [[t, -math.log(i + 10)] for i, t in enumerate(texts[:250000])]
    spaces = dict(type="Metaspace", replacement="\u2581", prepend_scheme="always", split=True)
    model = dict(type="Unigram", unk_id=0, vocab=vocab, byte_fallback=False)
    with open(path, "w") as f:
        json.dump(dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=spaces,
                       post_processor=None, decoder=spaces, model=model), f)


def made_forms(program, folder, j, text):
    """Published forms that the data has no file of: Kimi K2's with o200k's ranks, p50k's with GPT-2's and runs of spaces."""
    ranks = {b: i for i, b in enumerate(ranks_of(j))}
    if len(ranks) == 50256:
        ranks.update({b" " * (k + 2): 50257 + k for k in range(24) if b" " * (k + 2) not in ranks})
        ranks.update({b"\n" * (k + 3) + b" ": 50257 + k for k in range(24) if 50257 + k not in ranks.values()})
        name, path, config, x = "made: p50k", folder + "/p50k_edit.tiktoken", None, tiktoken_fixtures.published("p50k_edit", 50280, 50256)
    else:
        x = tiktoken_fixtures.kimi(len(ranks))
        name, path, config = "made: Kimi K2", folder + "/kimi", x["config"]
        os.makedirs(path)
        with open(path + "/tokenizer_config.json", "w") as f:
            json.dump(config, f)
    with open(path + "/tiktoken.model" if config else path, "w") as f:
        f.writelines("%s %d\n" % (base64.b64encode(b).decode(), i) for b, i in sorted(ranks.items(), key=lambda x: x[1]))
    result, made = ranked(program, path, ranks, x["pat_str"], x["special"])
    yield name, "tiktoken", result, path, tik_token_speed(made, text) if text else ("", "")


def rows_of(program, data, folder, name, text):
    family = name.split(".")[0]
    path = "%s/%s" % (folder, name.replace(".json.gz", ".json" if ".tokenizer." in name else ""))
    if name.endswith(".tokenizer.json.gz"):
        with gzip.open(data + "/" + name) as f, open(path, "wb") as g:
            g.write(f.read())
        yield from forms(program, folder, family, path, text)
        if family in ("gpt2", "gpt4o"):
            yield from made_forms(program, folder, json.load(open(path)), text)
        if family == "gemma3":
            write_unigram(folder + "/unigram.json", json.load(open(path)))
            yield from forms(program, folder, "made: Unigram, 250k", folder + "/unigram.json", text)
    elif name.endswith(".tiktoken.json.gz"):
        result, made = tik_token(program, path, data + "/" + name)
        yield family, "tiktoken", result, path, tik_token_speed(made, text) if text else ("", "")
    elif os.path.isdir(data + "/" + name) and any(f.endswith((".model", ".tiktoken")) for f in os.listdir(data + "/" + name)):
        path = data + "/" + name
        result, made = folder_of_ranks(program, path)
        yield family, "tiktoken", result, path, tik_token_speed(made, text) if text else ("", "")
    elif name.endswith(".model"):
        path = data + "/" + name
        yield family, "tokenizer.model", sentence_piece(program, path), path, sentence_piece_speed(path, text) if text else ("", "")
    elif name.endswith(".json") and os.path.exists("%s/%sl" % (data, name)) and name != "tekken.json":
        yield from forms(program, folder, "small: " + family, data + "/" + name, text)


def check(program, data, folder, name, table):
    text = open(table[2], encoding="utf-8").read() if table else None
    for family, source, result, path, package in rows_of(program, data, folder, name, text):
        n, wrong, n_ids, wrong_ids, has_bytes = result
        head = b"" if os.path.isdir(path) else open(path, "rb").read(1 << 20)
        changes = source != "tiktoken" and (b"normalizers" in head[: 1 << 16] or b"NFC" in head)
        changes |= source == "tokenizer.model" and has_bytes and "spm_mistral" not in name
        changes |= source == "GGUF" and vocab_file.PRE[family] == "qwen2"  # which is brought to NFC
        lost = invalid(program, path) if has_bytes and not changes else 0
        figures = speed(table[1], path, table[2]) if table else ("", "", "")
        yield [family, source, n, wrong, n_ids, wrong_ids, lost, *figures, *package]


def main():
    program, data = sys.argv[1:3]
    options = [i for i, a in enumerate(sys.argv) if a.startswith("--")] + [len(sys.argv)]
    only = sys.argv[3 : options[0]]
    rows_file = sys.argv[sys.argv.index("--rows") + 1] if "--rows" in sys.argv else None
    table = sys.argv[sys.argv.index("--table") + 1 :][:3] if "--table" in sys.argv else []
    rows = [json.loads(line) for line in open(rows_file)] if rows_file and os.path.exists(rows_file) else []
    done = {r[0].replace("small: ", "") for r in rows}
    with tempfile.TemporaryDirectory() as folder:
        for place in (data, SMALL):
            for name in sorted(os.listdir(place)):
                family = name.split(".")[0]
                if (only and family not in only) or family in done:
                    continue
                new = list(check(program, place, folder, name, table))
                for row in new:
                    print("%-22s %-16s %6d strings, %d differ; %6d ids, %d differ; %d invalid texts lost" % tuple(row[:7]), flush=True)
                rows += new
                if rows_file and new:
                    with open(rows_file, "a") as f:
                        f.writelines(json.dumps(r) + "\n" for r in new)
    sources = ("tokenizer.json", "GGUF", "GGUF, merges", "tekken.json", "tiktoken", "tokenizer.model")
    rows.sort(key=lambda r: (r[4] < 1000, r[0], sources.index(r[1])))
    if table:
        with open(table[0], "w") as f:
            f.write(PAGE % os.path.basename(table[2]))
            f.writelines("| %s |\n" % " | ".join(str(c) for c in r) for r in rows)
    sys.exit(1 if sum(r[3] + r[5] + r[6] for r in rows) else 0)


main()
