#!/usr/bin/env python3
"""Prints src/text/jinja_entities.def: the names of characters in HTML, as Python's html.entities has them (WHATWG).

    python3 tests/oracles/jinja_entities.py > src/text/jinja_entities.def
"""
import html.entities

print("/* text/jinja_entities.def - {name, first and second code point} of HTML's entities, by name, as Python 3.11 has\n"
      " * them; made by tests/oracles/jinja_entities.py. */")
for name, text in sorted(html.entities.html5.items(), key=lambda e: e[0].encode()):
    print('{"%s", 0x%X, %s},' % (name, ord(text[0]), hex(ord(text[1])) if len(text) > 1 else 0))
