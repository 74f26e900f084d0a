"""Vocabularies as tests/support/vocab_file.c reads them: what GGUF's tokenizer.ggml.* keys say,
without a GGUF around it.

    python tests/oracles/vocab_file.py OUT.vocab tokenizer.json[.gz] [PRE]   (needs nothing)
    python tests/oracles/vocab_file.py OUT.vocab model.gguf                  (needs: pip install gguf)
    python tests/oracles/vocab_file.py --all DATA/tokenizers OUT             (those of tests/text/vectors.c)

Layout, little-endian: "quern-vocab 1\\n"; model, pre: u64 length, bytes; bos, eos, unk, pad: u32
(0xFFFFFFFF: none); add_bos, add_eos, add_space_prefix: i32 (-1: not stated); number of tokens u64,
bytes of their list u64, the list (each u64 length, bytes); u8 1 if scores follow, n f32; n i32 kinds;
n u8 strips; merges: number u64, bytes u64, list.
"""
import gzip
import json
import struct
import sys

NONE = 0xFFFFFFFF
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
LSTRIP, RSTRIP = 1, 2


def text_list(texts):
    data = b"".join(struct.pack("<Q", len(t)) + t for t in texts)
    return struct.pack("<QQ", len(texts), len(data)) + data


def write(path, model, pre, tokens, kinds, merges=(), scores=None, strips=None, bos=NONE, eos=NONE,
          unk=NONE, pad=NONE, add_bos=-1, add_eos=-1, add_space_prefix=-1):
    """tokens and merges are bytes."""
    out = b"quern-vocab 1\n"
    for name in (model, pre):
        out += struct.pack("<Q", len(name)) + name.encode()
    out += struct.pack("<4I3i", bos, eos, unk, pad, add_bos, add_eos, add_space_prefix)
    out += text_list(tokens)
    out += struct.pack("<B", scores is not None)
    if scores is not None:
        out += struct.pack("<%df" % len(tokens), *scores)
    out += struct.pack("<%di" % len(tokens), *kinds)
    out += bytes(strips or [0] * len(tokens))
    out += text_list(merges)
    with open(path, "wb") as f:
        f.write(out)


def is_byte(text):
    return len(text) == 6 and text.startswith("<0x") and text.endswith(">")


def write_gguf(path, model, pre, tokens, kinds, merges=(), scores=None, strips=None, bos=NONE, eos=NONE,
               unk=NONE, pad=NONE, add_bos=-1, add_eos=-1, add_space_prefix=-1):
    """The same as the keys of a GGUF file, which has none for strips: the name tells."""
    from gguf import GGUFWriter

    w = GGUFWriter(path, "llama")
    w.add_name(path.split("/")[-1].split(".")[0])
    w.add_tokenizer_model(model)
    if pre:
        w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    if merges:
        w.add_token_merges([m.decode() for m in merges])
    if scores is not None:
        w.add_token_scores(scores)
    for value, add in ((bos, w.add_bos_token_id), (eos, w.add_eos_token_id), (unk, w.add_unk_token_id)):
        if value != NONE:
            add(value)
    for value, add in ((add_bos, w.add_add_bos_token), (add_eos, w.add_add_eos_token), (add_space_prefix, w.add_add_space_prefix)):
        if value >= 0:
            add(bool(value))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()


def from_json(path, out, pre, write=write):
    """A tokenizer.json the way llama.cpp's converter writes it: added tokens become control or user
    tokens, the latter with spaces for U+2581; scores fall with the rank of the merge."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path) as f:
        j = json.load(f)
    model = j["model"]
    n = max(list(model["vocab"].values()) + [a["id"] for a in j["added_tokens"]]) + 1
    texts, kinds, strips = ["[PAD%d]" % i for i in range(n)], [UNUSED] * n, [0] * n
    spm, merged = bool(model.get("byte_fallback")), pre == "gemma4"
    for text, i in model["vocab"].items():
        texts[i], kinds[i] = text, BYTE if spm and is_byte(text) else NORMAL
    for a in j["added_tokens"]:
        i, text = a["id"], a["content"]
        texts[i] = text.replace("\u2581", " ") if spm and not merged and not a["special"] else text
        kinds[i] = CONTROL if a["special"] else USER
        strips[i] = LSTRIP * a["lstrip"] | RSTRIP * a["rstrip"]
        if spm and text == model.get("unk_token"):
            kinds[i] = UNKNOWN
    pairs = [m.split(" ", 1) if isinstance(m, str) else m for m in model["merges"]]
    first = [a for a in ((j.get("post_processor") or {}).get("single") or []) if "SpecialToken" in a]
    for p in (j.get("post_processor") or {}).get("processors", []):
        first += [a for a in p.get("single", []) if "SpecialToken" in a]
    named = {t: i for i, t in enumerate(texts)}
    bos = named[first[0]["SpecialToken"]["id"]] if first else NONE
    last = (j.get("post_processor") or {}).get("sep")
    if last:  # RobertaProcessing
        bos = j["post_processor"]["cls"][1]
    common = dict(bos=bos, eos=last[1] if last else NONE, add_bos=int(bos != NONE), add_eos=int(bool(last)), strips=strips,
                  unk=named.get(model.get("unk_token"), NONE))
    tokens = [t.encode() for t in texts]
    if not spm or merged:
        merges = [("%s %s" % (a, b)).encode() for a, b in pairs]
        return write(out, "gemma4" if merged else "gpt2", pre, tokens, kinds, merges, **common)
    score = {}
    for rank, (a, b) in enumerate(pairs):
        score.setdefault(a + b, -float(rank))
    prefix = "Prepend" in json.dumps(j["normalizer"])
    scores = [score.get(t, -1e9) for t in texts]
    for a in j["added_tokens"]:
        scores[a["id"]] = score.get(a["content"], -1e9)
    write(out, "llama", "", tokens, kinds, scores=scores, add_space_prefix=int(prefix), **common)


def from_gguf(path, out):
    from gguf import GGUFReader

    fields = GGUFReader(path).fields

    def value(key, default):
        f = fields.get("tokenizer.ggml." + key)
        return default if f is None else f.contents()

    def raw(key):
        f = fields.get("tokenizer.ggml." + key)
        return [] if f is None else [bytes(f.parts[i]) for i in f.data]

    tokens = raw("tokens")
    kinds = value("token_type", None) or [NORMAL] * len(tokens)
    flag = {k: int(value(k, -1)) for k in ("add_space_prefix",)}
    write(out, value("model", ""), value("pre", ""), tokens, kinds, raw("merges"),
          value("scores", None), None, value("bos_token_id", NONE), value("eos_token_id", NONE),
          value("unknown_token_id", NONE), value("padding_token_id", NONE),
          int(value("add_bos_token", -1)), int(value("add_eos_token", -1)), flag["add_space_prefix"])


PRE = {"gpt2": "gpt-2", "llama3_1": "llama-bpe", "qwen2_5": "qwen2", "qwen3": "qwen2", "deepseek_v3": "deepseek-v3",
       "gpt4o": "gpt-4o", "mistral_nemo": "tekken", "roberta_base": "roberta-bpe", "whisper_large_v3": "gpt-2",
       "gemma3": "", "gemma2": "", "mistral_v1_hf": "", "phi3_mini": "", "yi": ""}


def unpack(data, out):
    """tokenizer.json and tiktoken's lines as tests/text/json_vectors.c wants them."""
    for name in PRE:
        with gzip.open("%s/%s.tokenizer.json.gz" % (data, name)) as f, open("%s/%s.tokenizer.json" % (out, name), "wb") as g:
            g.write(f.read())
    for name in ("cl100k_base", "o200k_base"):
        ranks = json.load(gzip.open("%s/%s.tiktoken.json.gz" % (data, name)))["bpe_ranks"]
        with open("%s/tiktoken_%s.tiktoken" % (out, name), "w") as g:
            for line in ranks.split("\n"):
                words = line.split(" ")
                for i, word in enumerate(words[2:]):
                    g.write("%s %d\n" % (word, int(words[1]) + i))


if __name__ == "__main__":
    if sys.argv[1] == "--all":
        unpack(sys.argv[2], sys.argv[3])
        for name, pre in PRE.items():
            from_json("%s/%s.tokenizer.json.gz" % (sys.argv[2], name), "%s/%s.vocab" % (sys.argv[3], name), pre)
    elif sys.argv[2].endswith(".gguf"):
        from_gguf(sys.argv[2], sys.argv[1])
    else:
        from_json(sys.argv[2], sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else "")
