#!/usr/bin/env python3
"""Prints src/text/jinja_case.def: what Python's str knows of characters that are not ASCII.

Chat templates are run by Python, so its tables decide: case mappings, and the sets behind
islower, isupper, isalpha, isdecimal, isdigit and isnumeric.

    python3 tests/oracles/jinja_case_tables.py > src/text/jinja_case.def
"""
import sys
import unicodedata

ALL = [chr(c) for c in range(0x80, 0x110000) if not 0xD800 <= c < 0xE000]


def ranges(test):
    """(first, last, step) of the code points that pass, step 1 or 2."""
    codes, out = [ord(c) for c in ALL if test(c)], []
    for c in codes:
        if out and c - out[-1][1] == 1 and out[-1][2] in (0, 1):
            out[-1][1:] = [c, 1]
        elif out and c - out[-1][1] == 2 and out[-1][2] in (0, 2):
            out[-1][1:] = [c, 2]
        else:
            out.append([c, c, 0])
    return out


def mappings(how):
    """(first, last, step, delta) where one character becomes another."""
    out = []
    for ch in ALL:
        to, c = how(ch), ord(ch)
        if to == ch or len(to) != 1:
            continue
        delta = ord(to) - c
        last = out[-1] if out else [0, 0, 0, None]
        step = c - last[1]
        if last[3] == delta and step in (1, 2) and last[2] in (0, step):
            last[1:3] = [c, step]
        else:
            out.append([c, c, 0, delta])
    return out


def longer(how, unless):
    return [(ord(ch), how(ch)) for ch in ALL if len(how(ch)) > 1 and how(ch) != unless(ch)]


def lower(ch):
    return ch.lower()


print("/* text/jinja_case.def - characters beyond ASCII as Python %d.%d (Unicode %s) knows them; made by\n"
      " * tests/oracles/jinja_case_tables.py. */" % (*sys.version_info[:2], unicodedata.unidata_version))
for name, test in (("LOWER", str.islower), ("UPPER", str.isupper),
                   ("TITLE", lambda c: unicodedata.category(c) == "Lt"), ("ALPHA", str.isalpha),
                   ("DECIMAL", str.isdecimal), ("DIGIT", str.isdigit), ("NUMERIC", str.isnumeric)):
    print("#ifdef RANGE_%s" % name)
    for first, last, step in ranges(test):
        print("{0x%X, 0x%X, %d, 0}," % (first, last, step or 1))
    print("#endif")
for name, how in (("UPPER", str.upper), ("LOWER", str.lower), ("TITLE", str.title),
                  ("FOLD", str.casefold)):
    print("#ifdef MAP_%s" % name)
    for first, last, step, delta in mappings(how):
        print("{0x%X, 0x%X, %d, %d}," % (first, last, step or 1, delta))
    print("#endif")
for name, how in (("UPPER", str.upper), ("LOWER", str.lower), ("TITLE", str.title),
                  ("FOLD", str.casefold)):
    print("#ifdef LONG_%s" % name)
    for code, to in longer(how, lambda c: ""):
        print("{0x%X, {%s}, %d}," % (code, ", ".join("0x%X" % ord(c) for c in to), len(to)))
    print("#endif")
