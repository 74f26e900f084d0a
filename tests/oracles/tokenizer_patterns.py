"""Ids under the pre-tokenizers that are patterns (src/text/pre_patterns.def), by tokenizers 0.23.3:

    python tests/oracles/tokenizer_patterns.py tests/fixtures/text/bpe.vocab tests/fixtures/text/bpe-patterns.jsonl

The first line is {"texts"}, then for each name {"pre", "hashes"}: FNV-1a of the ids of each text with the
vocabulary of bpe.vocab. The patterns stand here as the models' tokenizer.json has them.
"""
import json
import struct
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from tokenizer_pipelines import fnv
from tokenizer_strings import all_strings

LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CASES = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?")
SLASH = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
BAILING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
AYA = [r"\d{1,3}(?=(?:\d{3})*\b)", CASES + r"|\p{N}{1,3}" + SLASH]
PATTERNS = {
    "bloom": [BLOOM], "poro-chat": [BLOOM], "gpt3-finnish": [BLOOM], "viking": [BLOOM, r"\p{N}"],
    "bailingmoe": [BAILING], "bailingmoe2": [BAILING], "llada-moe": [BAILING],
    "seed-coder": [END + "|" + LETTERS + "|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"],
    "ufakzeka": [LETTERS + r"|\p{N}" + TAIL],
    "laguna": [r"[^\n]+|[\n]+", END + "|" + LETTERS + r"|\p{N}" + TAIL],
    "minicpm5": [r"\p{N}{1,3}", END + "|" + LETTERS + r"|\p{N}+" + TAIL],
    "exaone-moe": [END + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    "jais-2": [END + "|" + LETTERS + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|"
               r"\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"],
    "youtu": ["[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+", CASES + r"|\p{N}" + SLASH],
    "tiny_aya": AYA, "cohere2moe": AYA,
    "kimi-k2": [r"[\p{Han}]+|" + CASES.replace(r"\p{M}]", r"\p{M}&&[^\p{Han}]]") + r"|\p{N}{1,3}" + TAIL],
    "chameleon": ["<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}", "punctuation", GPT2],
    "falcon": ["punctuation+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
}
IGNORE_MERGES = ("minicpm5", "youtu")


def read_vocab(path):
    data = open(path, "rb").read()
    at = 14

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n : at].decode()

    text(), text(), take("4I3i")
    n, _ = take("QQ")
    tokens = [text() for _ in range(n)]
    if take("B"):
        at += 4 * n
    kinds = [take("i") for _ in range(n)]
    at += n
    n_merges, _ = take("QQ")
    return tokens, kinds, [tuple(text().split(" ", 1)) for _ in range(n_merges)]


def step(pattern):
    if pattern == "punctuation":
        return pre_tokenizers.Punctuation("isolated")
    if pattern == "punctuation+":
        return pre_tokenizers.Punctuation("contiguous")
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def main(vocab, out):
    tokens, kinds, merges = read_vocab(vocab)
    normal = {t: i for i, t in enumerate(tokens) if kinds[i] == 1}
    added = [t for i, t in enumerate(tokens) if kinds[i] == 4]
    texts = [s for s in all_strings(150) if s and not any(a in s for a in added)]
    with open(out, "w") as f:
        f.write(json.dumps(dict(texts=texts)) + "\n")
        for name, patterns in PATTERNS.items():
            t = Tokenizer(models.BPE(normal, merges, ignore_merges=name in IGNORE_MERGES))
            t.pre_tokenizer = pre_tokenizers.Sequence([step(p) for p in patterns] + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
            hashes = ["%016x" % fnv(t.encode(s).ids) for s in texts]
            f.write(json.dumps(dict(pre=name, hashes=hashes)) + "\n")
    print("%d names, %d texts" % (len(PATTERNS), len(texts)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
