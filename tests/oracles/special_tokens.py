"""The names of the special tokens that published vocabularies have, of numbered ones the first two, and the markers that
published templates write, one a line:

    python tests/oracles/special_tokens.py DATA tests/fixtures/text/special_tokens.txt     (needs sentencepiece)
"""
import gzip
import json
import os
import re
import sys

import sentencepiece


MARKER = re.compile(r"<\|[^|<>{}\s]{1,40}\|>|<\uff5c[^\uff5c<>{}\s]{1,40}\uff5c>|\[/?[A-Z_]{3,30}\]|</?s>|</?(?:tool_call|tool_response|think|tools)>")


def names_of(path):
    if path.endswith(".jinja"):
        return MARKER.findall(open(path, encoding="utf-8").read())
    if path.endswith(".tokenizer.json.gz"):
        return [a["content"] for a in json.load(gzip.open(path))["added_tokens"] if a["special"]]
    if path.endswith(".tiktoken.json.gz"):
        return list(json.load(gzip.open(path))["special_tokens"])
    if path.endswith(".model"):
        p = sentencepiece.SentencePieceProcessor(model_file=path)
        return [p.id_to_piece(i) for i in range(p.vocab_size()) if p.is_control(i) or p.is_unknown(i)]
    return []


def main(data, out):
    seen, numbered = set(), {}
    files = ["%s/%s/%s" % (data, folder, name) for folder in ("tokenizers", "templates/jinja") for name in sorted(os.listdir(data + "/" + folder))]
    for path in files:
        for token in names_of(path):
            series = re.sub(r"\d+(\.\d+)?", "N", token)
            if token not in seen and numbered.get(series, 0) < 2:
                seen.add(token)
                numbered[series] = numbered.get(series, 0) + (series != token)
    with open(out, "w") as f:
        f.write("".join(t + "\n" for t in sorted(seen) if "\n" not in t))
    print("%d names" % len(seen))


main(*sys.argv[1:3])
