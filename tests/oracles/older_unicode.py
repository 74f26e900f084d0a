"""Where the Unicode tables of Hugging Face's tokenizers are older than ours: writes src/text/older.def.

    python tests/oracles/older_unicode.py src/text     (needs tokenizers 0.23.3, Debian's unicode-data 15.0)

Its normalizers know Unicode 9, its Bert parts Unicode 8; a code point that came later, or changed, is
listed by its range. Every code point is asked.
"""
import sys

from tokenizers import normalizers as N, pre_tokenizers as P

UNICODE = "/usr/share/unicode/"
ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def categories(added):
    of, previous = {}, 0
    for line in open(UNICODE + "UnicodeData.txt"):
        f = line.split(";")
        c = int(f[0], 16)
        for k in range(previous if f[1].endswith("Last>") else c, c + 1):
            of[k] = f[2]
        previous = c
    for line in open(added):
        first, last, category = line.split()
        for k in range(int(first, 16), int(last, 16) + 1):
            of[k] = category
    return of


def normalizing():
    """Code points after Unicode 9 with a combining class or a decomposition."""
    inert = set()
    for line in open(UNICODE + "UnicodeData.txt"):
        f = line.split(";")
        if f[3] != "0" or f[5]:
            inert.add(int(f[0], 16))
    newer = set()
    for line in open(UNICODE + "DerivedAge.txt"):
        line = line.split("#")[0].strip()
        if line:
            codes, age = [x.strip() for x in line.split(";")]
            if float(age) > 9.0:
                first, last = (codes.split("..") * 2)[:2]
                newer.update(range(int(first, 16), int(last, 16) + 1))
    return inert & newer


def newer(added):
    """Assigned after Unicode 14, which Debian's PCRE2 10.42 knows."""
    out = set()
    for line in open(UNICODE + "DerivedAge.txt"):
        line = line.split("#")[0].strip()
        if line and float(line.split(";")[1]) > 14.0:
            first, last = (line.split(";")[0].strip().split("..") * 2)[:2]
            out.update(range(int(first, 16), int(last, 16) + 1))
    for line in open(added):
        out.update(range(int(line.split()[0], 16), int(line.split()[1], 16) + 1))
    return out


def rows(name, codes):
    codes, out = sorted(codes), []
    for c in codes:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return "".join("X(%s, 0x%X, 0x%X, 0)\n" % (name, a, b) for a, b in out)


def gone(normalizer):
    return {c for c in ALL if normalizer.normalize_str("a" + chr(c) + "b") == "ab"}


def main(folder):
    of = categories(folder + "/unicode_added.txt")
    have = lambda *names: {c for c in ALL if of.get(c, "Cn") in names}
    bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    other = gone(N.BertNormalizer(**dict(bert, clean_text=True))) - {0xFFFD}
    ours = (have("Cc", "Cf", "Co") - {9, 10, 13})
    mn = gone(N.BertNormalizer(**dict(bert, strip_accents=True)))
    mark = gone(N.StripAccents())
    cutter = P.Punctuation()
    punct = {c for c in ALL if c > 127 and len(cutter.pre_tokenize_str("a" + chr(c) + "b")) == 3}
    p = {c for c in have("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po") if c > 127}
    lower = N.Lowercase()
    import unicodedata
    case = [(c, lower.normalize_str(chr(c))) for c in ALL]
    case = [(c, s) for c, s in case if s != chr(c).lower()]
    assert all(len(s) == 1 for _, s in case)
    groups = []
    for c, s in case:
        d = ord(s) - c
        if groups and groups[-1][1] == c - 1 and groups[-1][2] == d:
            groups[-1][1] = c
        else:
            groups.append([c, c, d])
    with open(folder + "/older.def", "w") as f:
        f.write("/* text/older.def - X(set, first, last, distance), made by tests/oracles/older_unicode.py, which states what it\n"
                " * is. Sets: INERT: no normalization; OTHER, MN, MARK, PUNCT and _NOT: ours but not theirs; _TOO: theirs but not\n"
                " * ours; NEWER: after Unicode 14; LOWER: with the distance to the lower case that Python 3.11 does not know. */\n")
        f.write(rows("INERT", normalizing()))
        for name, a, b in (("OTHER", ours, other), ("MN", have("Mn"), mn), ("MARK", have("Mn", "Mc", "Me"), mark), ("PUNCT", p, punct)):
            f.write(rows(name + "_NOT", a - b) + rows(name + "_TOO", b - a))
        f.write(rows("NEWER", newer(folder + "/unicode_added.txt")))
        f.write("".join("X(LOWER, 0x%X, 0x%X, %d)\n" % tuple(g) for g in groups))


main(sys.argv[1])
