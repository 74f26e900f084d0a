"""Pieces under the pre-tokenizers of one family alone (src/text/pretokenizers.def), by tokenizers 0.23.3:

    python tests/oracles/tokenizer_patterns.py tests/fixtures/text/own-pieces.jsonl

The first line is {"texts"}, then for each name {"pre", "ignore_merges", "hashes"}: FNV-1a of the bytes of each
piece of each text. The patterns stand here as the models' tokenizer.json has them. Some of the texts are made for
them: where Han and word characters begin and end, runs of spaces and digits of many lengths.
"""
import json
import sys

from tokenizers import Regex, pre_tokenizers

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
    "tiny_aya": AYA, "cohere2moe": AYA, "granite-embed-multi-97m": [CASES + r"|\p{N}{1,3}" + SLASH],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "spark2_5": [r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
                 r"[\p{L}\p{M}]+| ?[\p{P}\p{S}]+" + "|[\r\n]" + r"|\s+(?!\S)|\s+", r"\p{N}"],
    "kimi-k2": [r"[\p{Han}]+|" + CASES.replace(r"\p{M}]", r"\p{M}&&[^\p{Han}]]") + r"|\p{N}{1,3}" + TAIL],
    "chameleon": ["<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}", "punctuation", GPT2],
    "falcon": ["punctuation+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
}
IGNORE_MERGES = ("minicpm5", "youtu", "granite-embed-multi-97m")


def edges(pattern):
    """The first and the last character of every run that matches, and those beside them."""
    codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    pieces = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str("".join(map(chr, codes)))
    return [chr(codes[at]) for _, span in pieces for at in (span[0] - 1, span[0]) if at > 0 and codes[at] > 127]


def own_strings():
    yield from ("Ab" + c + "cD'll " + c + "E1" + c + c + "\n" for c in edges(r"\p{Han}+"))
    words = edges(r"\w+")
    yield from ("".join("1234" + c + "56 7" + c for c in words[i : i + 64]) for i in range(0, len(words), 64))
    yield from ("a" + c + "b 1" + c + c for c in edges(BLOOM) + edges(PATTERNS["youtu"][0]))
    for n in [*range(1, 18), 31, 32, 33, 127, 255, 511, 512, 513, 767, 1023, 1024, 1025, 1537]:
        yield from (" " * n, "a" + " " * n + "b", " " * n + "!", " \t" * n + "\r\n" + " " * n + "9", "7" * n, "x " + "\u0663" * n + "8" * n + " y", "1" * n + "z")
    yield from ("<sentinel:1>x<sentinel:>" + "<sentinel:" * 3 + "22>", "IMGIMGAZ IMGIMGABCDZ IMGIMGABCDEZ IMGIMGZ IMGIMGIMGIMGIZ", "a\t\tb\n\nc     d   e       f")


def step(pattern):
    if pattern == "punctuation":
        return pre_tokenizers.Punctuation("isolated")
    if pattern == "punctuation+":
        return pre_tokenizers.Punctuation("contiguous")
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def main(out):
    texts = [s for s in all_strings(150) + [*own_strings()] if s]
    with open(out, "w") as f:
        f.write(json.dumps(dict(texts=texts)) + "\n")
        for name, patterns in PATTERNS.items():
            cut = pre_tokenizers.Sequence([step(p) for p in patterns] + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
            hashes = ["%016x" % fnv([len(piece) for piece, _ in cut.pre_tokenize_str(s)]) for s in texts]
            f.write(json.dumps(dict(pre=name, ignore_merges=name in IGNORE_MERGES, hashes=hashes)) + "\n")
    print("%d names, %d texts" % (len(PATTERNS), len(texts)))


if __name__ == "__main__":
    main(sys.argv[1])
