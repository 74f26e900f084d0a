"""src/text/scripts.def: which characters are of one script for the pre-tokenizer UnicodeScripts, by tokenizers 0.23.3:

    python tests/oracles/unicode_scripts.py src/text/scripts.def

Every code point is asked. Sets are numbered in the order in which they are met; characters of none are left out.
"""
import sys

from tokenizers import pre_tokenizers

cut = pre_tokenizers.UnicodeScripts()
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def pieces(s):
    return [piece for piece, _ in cut.pre_tokenize_str(s)]


def is_none(c):
    """It stays with what is before it, whatever that is."""
    return pieces("A" + c + "\u0416") == ["A" + c, "\u0416"] and pieces("\u0416" + c + "A") == ["\u0416" + c, "A"]


def main(out):
    first_of, ranges, last = [], [], None
    for code in CODES:
        c = chr(code)
        if last is not None and ranges and len(pieces(last + c)) == 1 and not is_none(c):
            number = ranges[-1][2]
        elif is_none(c):
            continue
        else:
            number = next((i for i, r in enumerate(first_of) if len(pieces(r + c)) == 1), len(first_of))
            if number == len(first_of):
                first_of.append(c)
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == number:
            ranges[-1][1] = code
        else:
            ranges.append([code, code, number])
        last = c
    with open(out, "w") as f:
        f.write("/* text/scripts.def - X(first, last, set), made by tests/oracles/unicode_scripts.py, which states what it is. */\n")
        for i in range(0, len(ranges), 5):
            f.write(" ".join("X(0x%X, 0x%X, %d)" % tuple(r) for r in ranges[i : i + 5]) + "\n")
    print("%d sets, %d ranges" % (len(first_of), len(ranges)))


main(sys.argv[1])
