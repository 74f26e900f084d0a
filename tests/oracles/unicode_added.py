"""Prints the general categories that the Oniguruma inside Hugging Face's tokenizers knows and
Debian's unicode-data does not, as lines "FIRST LAST CATEGORY": the input of
script/make-unicode-tables beside UnicodeData.txt. Needs: pip install tokenizers (run with 0.23.3,
whose Oniguruma is at Unicode 16.0); unicode-data 15.0.0-1.

    python tests/oracles/unicode_added.py > src/text/unicode_added.txt
"""
from tokenizers import Regex, pre_tokenizers

CATEGORIES = """Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf
Co""".split()


def debian():
    known, previous = {}, None
    for line in open("/usr/share/unicode/UnicodeData.txt"):
        field = line.split(";")
        c = int(field[0], 16)
        first = previous if field[1].endswith("Last>") else c
        for x in range(first, c + 1):
            known[x] = field[2]
        previous = c
    return known


def oniguruma(category):
    """The code points that \\p{category} removes."""
    split = pre_tokenizers.Split(Regex(r"\p{%s}" % category), "removed")
    found = set()
    for base in range(0, 0x110000, 0x1000):
        block = [c for c in range(base, base + 0x1000) if not 0xD800 <= c < 0xE000]
        if block:
            left = split.pre_tokenize_str("".join(map(chr, block)))
            found |= set(block) - {ord(ch) for piece, _ in left for ch in piece}
    return found


def main():
    known = debian()
    rows = []
    for category in CATEGORIES:
        for c in oniguruma(category):
            if known.get(c) != category:
                rows.append((c, category))
    runs = []
    for c, category in sorted(rows):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == category:
            runs[-1][1] = c
        else:
            runs.append([c, c, category])
    for first, last, category in runs:
        print("%04X %04X %s" % (first, last, category))


main()
