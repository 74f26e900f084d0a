#!/usr/bin/env python3
"""Writes tests/fuzz/seeds/jinja_render/calls-*: the templates of tests/fixtures/jinja_calls.jsonl, one after the other.

    python3 tests/oracles/jinja_seeds.py tests/fixtures/jinja_calls.jsonl tests/fuzz/seeds/jinja_render
"""
import json
import sys

N_SEEDS = 32

with open(sys.argv[1], encoding="utf-8") as f:
    rows = [json.loads(line) for line in f]
variables = json.dumps(rows[0]["context"], ensure_ascii=False)
templates = [r[0] for r in rows[1:] if "\x00" not in r[0]]
for i in range(N_SEEDS):
    with open("%s/calls-%02d" % (sys.argv[2], i), "w", encoding="utf-8") as f:
        f.write("\x1e".join(templates[i::N_SEEDS]) + "\0" + variables)
