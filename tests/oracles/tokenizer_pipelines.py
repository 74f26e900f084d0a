"""What stands around a model in the tokenizers that transformers writes, each once, with a small trained
model in it:

    python tests/oracles/tokenizer_pipelines.py tests/fixtures/text/pipelines.jsonl

Needs transformers 5, tokenizers 0.23.3. Every tokenizer class of transformers that can be made without
files is made; classes whose normalizer, pre-tokenizer, post-processor, decoder and kind of model are the
same count once. The first line is {"texts"}; then for each {"names", "tokenizer", "plain", "parsed",
"back", "each"}: FNV-1a of the ids of each text, untrusted and without a template; of the ids with control
tokens parsed and the template's added; of the UTF-8 bytes that the plain ids decode to; and of each id's
own. "" leaves a text out: Unigram finds control and byte tokens in any text.
"""
import importlib
import inspect
import json
import os
import sys
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import transformers.models
from tokenizers import Tokenizer, pre_tokenizers, trainers
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from tokenizer_fixtures import corpus
from tokenizer_strings import all_strings

PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
FNV, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def fnv(values, h=FNV):
    for v in values:
        h = ((h ^ v) * PRIME) & MASK
    return h


def classes():
    """Name and JSON of each class's own tokenizer."""
    root = os.path.dirname(transformers.models.__file__)
    for model in sorted(os.listdir(root)):
        for name in sorted(os.listdir(root + "/" + model)) if os.path.isdir(root + "/" + model) else []:
            if not name.startswith("tokenization_") or not name.endswith(".py"):
                continue
            try:
                module = importlib.import_module("transformers.models.%s.%s" % (model, name[:-3]))
            except Exception:  # it wants a package for its own field
                continue
            for kind, c in sorted(inspect.getmembers(module, inspect.isclass)):
                if not issubclass(c, TokenizersBackend) or c.__module__ != module.__name__:
                    continue
                try:
                    yield kind, json.loads(c().backend_tokenizer.to_str())
                except Exception:  # it wants a vocabulary
                    pass


def shape(j):
    model = {k: v for k, v in j["model"].items() if k not in ("vocab", "merges", "unk_id", "unk_token")}
    post = json.dumps(j["post_processor"])
    for a in j["added_tokens"]:
        post = post.replace(json.dumps(a["content"]), "TOKEN")
    marked = sorted({"\u2581" in a["content"] for a in j["added_tokens"]})
    return json.dumps([j["normalizer"], j["pre_tokenizer"], j["decoder"], "".join(c for c in post if not c.isdigit()), model, marked])


def trainer_of(j, special):
    kind = j["model"].get("type", "BPE")
    common = dict(special_tokens=special, show_progress=False)
    if kind == "Unigram":
        unk = j["model"]["vocab"][j["model"]["unk_id"]][0] if j["model"]["unk_id"] is not None else "<unk>"
        return trainers.UnigramTrainer(vocab_size=300 + len(special), unk_token=unk, **common)
    if kind == "WordPiece":
        return trainers.WordPieceTrainer(vocab_size=330 + len(special), **common)
    if "ByteLevel" in json.dumps(j["pre_tokenizer"]):
        common["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    if j["model"].get("end_of_word_suffix"):
        common["end_of_word_suffix"] = j["model"]["end_of_word_suffix"]
    if j["model"].get("byte_fallback"):
        common["special_tokens"] = special + ["<0x%02X>" % i for i in range(256)]
    return trainers.BpeTrainer(vocab_size=340 + len(common["special_tokens"]), limit_alphabet=300, **common)


def trained(j):
    own = {a["content"]: a for a in sorted(j["added_tokens"], key=lambda a: a["id"])[:12]}
    used = json.dumps(j["post_processor"])
    own.update({a["content"]: a for a in j["added_tokens"] if json.dumps(a["content"]) in used})
    t = Tokenizer.from_str(json.dumps(dict(j, added_tokens=[])))
    t.train_from_iterator([s for s in corpus() if not s or ord(max(s)) < 0x500], trainer_of(j, list(own)))
    k = json.loads(t.to_str())
    k["added_tokens"] = [dict(own[a["content"]], id=a["id"]) for a in k["added_tokens"] if a["content"] in own]
    k["truncation"] = k["padding"] = None
    ids = {a["content"]: a["id"] for a in k["added_tokens"]}
    post = k["post_processor"] or {}
    for s in (post.get("special_tokens") or {}).values():
        s["ids"] = [ids.get(x, 0) for x in s["tokens"]]
    for s in ("cls", "sep"):
        if s in post:
            post[s][1] = ids[post[s][0]]
    return k


def row(names, j, texts):
    k = trained(j)
    t = Tokenizer.from_str(json.dumps(k))
    hard = ["<0x"] + [a["content"] for a in k["added_tokens"]] if k["model"]["type"] == "Unigram" else []
    r = dict(names=names, tokenizer=k, plain=[], parsed=[], back=[])
    for s in texts:
        t.encode_special_tokens = True
        plain = t.encode(s, add_special_tokens=False).ids
        t.encode_special_tokens = False
        parsed = t.encode(s, add_special_tokens=True).ids
        left_out = any(h in s for h in hard)
        back = t.decode(plain, skip_special_tokens=False).encode()
        for key, h in (("plain", plain), ("parsed", parsed), ("back", back)):
            r[key].append("" if left_out else "%016x" % fnv(h))
    h = FNV
    for i in range(t.get_vocab_size()):
        h = fnv(t.decode([i], skip_special_tokens=False).encode() + b"\n", h)
    r["each"] = "%016x" % h
    return r


def main(out):
    found = {}
    for name, j in classes():
        if name == "EsmcTokenizer":  # a control token of one letter, which its model knows: never from outside here
            continue
        found.setdefault(shape(j), [j]).append(name)
    special = ["<s>", "</s>", "[CLS]", "<|endoftext|>", "\u2581<PRE>", "<extra_id_0>"]
    texts = [s for s in all_strings(60, special) if s and len(s) < 90][::6]
    with open(out, "w") as f:
        f.write(json.dumps(dict(texts=texts)) + "\n")
        for j, *names in found.values():
            f.write(json.dumps(row(names, j, texts), ensure_ascii=False, separators=(",", ":")) + "\n")
    print("%d tokenizers, %d kinds, %d texts" % (sum(len(x) - 1 for x in found.values()), len(found), len(texts)))


if __name__ == "__main__":
    main(sys.argv[1])
