"""MB/s of encoding beside Hugging Face's tokenizers 0.23.3, one thread each, CPU time, in one run.

    python bench/text/against_tokenizers.py BENCH TEXT NAME FILE TOKENIZER.json[.gz] [NAME FILE JSON]...

BENCH is build/release/bench/text/tokenize, FILE what it takes: that JSON unpacked, a GGUF file. First pass and median of further ones. tokenizers gets the
text in parts of 2048 characters: whole, its SentencePiece-like models take far longer.
"""
import gzip
import os
import statistics
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer


def theirs(path, text):
    opener = gzip.open if path.endswith(".gz") else open
    start = time.process_time()
    t = Tokenizer.from_str(opener(path, "rt").read())
    load = time.process_time() - start
    parts = [text[i : i + 2048] for i in range(0, len(text), 2048)]
    speeds = []
    n = len(text.encode())
    for _ in range(8):
        start = time.process_time()
        for p in parts:
            t.encode(p, add_special_tokens=False)
        speeds.append(n / 1e6 / (time.process_time() - start))
    return load, speeds[0], statistics.median(speeds[1:])


def main():
    bench, path = sys.argv[1:3]
    text = open(path).read()
    for i in range(3, len(sys.argv), 3):
        name, vocab, json = sys.argv[i : i + 3]
        print("==", name)
        print(subprocess.run([bench, vocab, path, "15"], capture_output=True, text=True).stdout, end="")
        load, cold, warm = theirs(json, text)
        print("tokenizers   load %.0f ms, cold %.1f MB/s, warm %.1f MB/s, in pieces of 2048 characters" % (load * 1e3, cold, warm), flush=True)


main()
