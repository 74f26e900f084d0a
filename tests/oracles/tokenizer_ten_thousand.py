"""10,000 strings a family, and every id decoded, against the real packages:

    python tests/oracles/tokenizer_ten_thousand.py build/quern DATA/tokenizers [FAMILY ...] [--table FILE]

Needs tokenizers 0.23.3, sentencepiece 0.2.3, tiktoken. Families are the tokenizer.json, tokenizer.model and
tiktoken files of the conformance data. Strings are a fixed mix (tokenizer_strings.py): every general
category, unassigned code points, ZWJ sequences, CRLF, digit runs, characters that NFC changes, spelled
control tokens, code, 40 languages; invalid UTF-8 must come back byte for byte where a vocabulary has all
bytes. Prints a line a family and ends with status 1 if anything differs.
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


def mix(specials):
    strings = all_strings(N, specials)
    return strings[:N] if len(strings) > N else strings


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
    added = t.get_added_tokens_decoder()
    specials = [a.content for a in added.values()]
    strings = mix(specials[:30] + specials[-10:])
    half = len(strings) // 2
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
    strings = [s for s in mix([]) if "\0" not in s]
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


def main():
    program, data = sys.argv[1:3]
    table = sys.argv[sys.argv.index("--table") + 1] if "--table" in sys.argv else None
    only = [a for a in sys.argv[3:] if not a.startswith("--") and a != table]
    bad, rows = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name in sorted(os.listdir(data)):
            family = name.split(".")[0]
            if only and family not in only:
                continue
            path = folder + "/" + name.replace(".json.gz", "").replace(".tokenizer", ".tokenizer.json")
            if name.endswith(".tokenizer.json.gz"):
                with gzip.open(data + "/" + name) as f, open(path, "wb") as g:
                    g.write(f.read())
                source, result = "tokenizer.json", hugging_face(program, path)
            elif name.endswith(".model"):
                path = data + "/" + name
                source, result = "tokenizer.model", sentence_piece(program, path)
            elif name.endswith(".tiktoken.json.gz"):
                source, result = "tiktoken", tik_token(program, path, data + "/" + name)
            else:
                continue
            n, wrong, n_ids, wrong_ids, has_bytes = result
            lost = invalid(program, path) if has_bytes and "NFC" not in open(path, "rb").read(1 << 20).decode("utf-8", "replace") else 0
            bad += wrong + wrong_ids + lost
            rows.append((family, source, n, wrong, n_ids, wrong_ids, lost))
            print("%-18s %-16s %6d strings, %d differ; %6d ids, %d differ; %d invalid texts lost" % rows[-1], flush=True)
    if table:
        with open(table, "w") as f:
            for r in rows:
                f.write("| %s | %s | %d | %d | %d | %d | %d |\n" % r)
    sys.exit(1 if bad else 0)


main()
