"""10,000 strings a family, and every id decoded, against the real packages:

    python tests/oracles/tokenizer_ten_thousand.py build/quern DATA/tokenizers [FAMILY ...] [--table docs/tokenizers.md BENCH TEXT]

Needs tokenizers 0.23.3, sentencepiece 0.2.3, tiktoken. Families are the tokenizer.json, tokenizer.model and
tiktoken files of the conformance data. Strings are a fixed mix (tokenizer_strings.py): every general
category, unassigned code points, ZWJ sequences, CRLF, digit runs, characters that NFC changes, spelled
control tokens, code, 40 languages; invalid UTF-8 must come back byte for byte where a vocabulary has all
bytes. The small vocabularies of tests/fixtures/text/json stand for kinds of which the data has no published
one. Prints a line a family and ends with status 1 if anything differs. --table writes the page, with MB/s by
BENCH (build/release/bench/text/tokenize) on TEXT.
"""
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile

from tokenizer_strings import all_strings

N = 10000


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


def hugging_face(program, path):
    from tokenizers import Tokenizer

    t = Tokenizer.from_file(path)
    specials = [a.content for a in t.get_added_tokens_decoder().values()]
    unigram = json.load(open(path))["model"].get("type") == "Unigram"  # in its vocabulary any text finds control and byte tokens
    strings = mix(specials[:30] + specials[-10:], lambda s: not unigram or not ("<0x" in s or any(c in s for c in specials)))
    wants, requests = [], []
    t.encode_special_tokens = True
    for s in strings[::2]:
        wants.append(t.encode(s, add_special_tokens=False).ids)
        requests.append(dict(text=s, add_special=False, parse_special=False))
    t.encode_special_tokens = False
    for s in strings[1::2]:
        wants.append(t.encode(s, add_special_tokens=True).ids)
        requests.append(dict(text=s, add_special=True, parse_special=True))
    order = strings[::2] + strings[1::2]
    wrong = differing(wants, quern(program, path, requests), order, "ids", "encode")
    ids = list(range(t.get_vocab_size()))
    texts = [t.decode([i], skip_special_tokens=False) for i in ids]
    wrong_ids = differing(texts, quern(program, path, [dict(ids=[i], skip_special=False) for i in ids]), ids, "text", "decode")
    vocabulary = json.load(open(path))
    return len(strings), wrong, len(ids), wrong_ids, "ByteLevel" in json.dumps(vocabulary["decoder"]) or vocabulary["model"].get("byte_fallback")


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


def tik_token(program, path, data):
    import tiktoken

    j = json.load(gzip.open(data))
    ranks = {}
    for line in j["bpe_ranks"].split("\n"):
        words = line.split(" ")
        import base64

        for i, word in enumerate(words[2:]):
            ranks[base64.b64decode(word)] = int(words[1]) + i
    e = tiktoken.Encoding(os.path.basename(path), pat_str=j["pat_str"], mergeable_ranks=ranks, special_tokens=j["special_tokens"])
    with open(path, "w") as f:
        for b, i in sorted(ranks.items(), key=lambda x: x[1]):
            f.write("%s %d\n" % (base64.b64encode(b).decode(), i))
    strings = mix(list(j["special_tokens"]))
    wants, requests = [], []
    for i, s in enumerate(strings):
        parse = bool(i % 2)
        wants.append(e.encode(s, allowed_special="all" if parse else set(), disallowed_special=()))
        requests.append(dict(text=s, add_special=False, parse_special=parse))
    wrong = differing(wants, quern(program, path, requests), strings, "ids", "encode")
    ids = list(ranks.values()) + list(j["special_tokens"].values())
    texts = [e.decode_bytes([i]).hex() for i in ids]
    wrong_ids = differing(texts, quern(program, path, [dict(ids=[i], skip_special=False) for i in ids]), ids, "hex", "decode")
    return len(strings), wrong, len(ids), wrong_ids, True


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

Made by `tests/oracles/tokenizer_ten_thousand.py`, which asks the real packages (tokenizers 0.23.3, sentencepiece
0.2.3, tiktoken): 10,000 strings a family, half of them trusted (control tokens parsed, the template's tokens
added), and every id decoded alone. "Lost": of 1,000 texts that are not UTF-8, those that do not come back byte for
byte (where a vocabulary has all bytes; NFC vocabularies left out). The last rows are small vocabularies of
`tests/fixtures/text/json`, for kinds that the data has no published file of. MB/s: one core, CPU time, %s,
first pass and median of nine; load: from the file, page cache warm.

What differs from a package on purpose: text from outside never becomes a control token or a byte token, also where a
Unigram vocabulary lists them; of a run of byte tokens that is not UTF-8, what is well-formed stays readable.

| family | source | strings | differ | ids | differ | lost | load ms | MB/s cold | MB/s warm |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def check(program, data, folder, name):
    family = name.split(".")[0]
    path = "%s/%s" % (folder, name.replace(".json.gz", ".json" if ".tokenizer." in name else ""))
    if name.endswith(".tokenizer.json.gz"):
        with gzip.open(data + "/" + name) as f, open(path, "wb") as g:
            g.write(f.read())
        source, result = "tokenizer.json", hugging_face(program, path)
    elif name.endswith(".tiktoken.json.gz"):
        source, result = "tiktoken", tik_token(program, path, data + "/" + name)
    elif name.endswith(".model"):
        path = data + "/" + name
        source, result = "tokenizer.model", sentence_piece(program, path)
    elif name.endswith(".json") and os.path.exists("%s/%sl" % (data, name)) and name != "tekken.json":
        path = data + "/" + name
        family, source, result = "small: " + family, "tokenizer.json", hugging_face(program, path)
    else:
        return None
    n, wrong, n_ids, wrong_ids, has_bytes = result
    changes = b"normalizers" in open(path, "rb").read(1 << 16) or b"NFC" in open(path, "rb").read(1 << 20) or (source == "tokenizer.model" and "small" not in data and has_bytes and "spm_mistral" not in name)
    lost = invalid(program, path) if has_bytes and not changes else 0
    return family, source, n, wrong, n_ids, wrong_ids, lost, path


def main():
    program, data = sys.argv[1:3]
    at = sys.argv.index("--table") if "--table" in sys.argv else len(sys.argv)
    only, table = sys.argv[3:at], sys.argv[at + 1 :]
    fixtures = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/text/json")
    bad, lines = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for place in (data, fixtures):
            for name in sorted(os.listdir(place)):
                if only and name.split(".")[0] not in only:
                    continue
                row = check(program, place, folder, name)
                if not row:
                    continue
                bad += row[3] + row[5] + row[6]
                print("%-22s %-16s %6d strings, %d differ; %6d ids, %d differ; %d invalid texts lost" % row[:7], flush=True)
                figures = speed(table[1], row[7], table[2]) if table else ("", "", "")
                lines.append("| %s | %s | %d | %d | %d | %d | %d | %s | %s | %s |\n" % (*row[:7], *figures))
    if table:
        with open(table[0], "w") as f:
            f.write(PAGE % os.path.basename(table[2]) + "".join(lines))
    sys.exit(1 if bad else 0)


main()
