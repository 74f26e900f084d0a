"""Seconds of CPU for 1 MiB of one character, for many classes of characters, less the time to start:

    python bench/text/classes.py build/quern TOKENIZER...      any file that `quern tokenize` takes
"""
import os
import resource
import subprocess
import sys

CLASSES = {"a": "a", "A": "A", "1": "1", "space": " ", "newline": "\n", "dot": ".", "tab": "\t", "han": "\u4e2d", "mark": "\u0301", "marks": "\u0301\u0323",
           "emoji": "\U0001F600", "hangul": "\u1100\u1161\u11a8", "eighteen": "\ufdfa", "metaspace": "\u2581", "quote": "'", "joiner": "\u200d", "less": "<",
           "crlf": "\r\n", "unassigned": "\u0378", "stray": None}


def seconds(program, path, data):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "tokenize", path, "--json"], input=data, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


for path in sys.argv[2:]:
    start = seconds(sys.argv[1], path, b"a")
    times = {name: seconds(sys.argv[1], path, ((c.encode() if c else b"\xff") * (1 << 20))[: 1 << 20]) - start for name, c in CLASSES.items()}
    worst = max(times, key=times.get)
    print("%-32s start %.3f, worst %.3f (%s), all %.3f" % (os.path.basename(path), start, times[worst], worst, sum(times.values())), flush=True)
