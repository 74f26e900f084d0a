"""Seeds of the tokenizers' fuzz targets (needs gguf 0.19.0):

    python tests/oracles/tokenizer_seeds.py tests/fuzz/seeds
"""
import os
import sys

from gguf import GGUFWriter

from tokenizer_strings import LANGUAGES, PLAIN, by_category

PICKED = [s for s in PLAIN if len(s) > 8] + LANGUAGES[::4] + by_category()[1::9] + [
    "a" * 40, " " * 40 + "x", "\n \n x", "\u2581\u2581\u2581a \u2581", "12345 " * 9, "<|im_end|><tool>  \n<unk><0x41>", "\u4e2d1\u3099\u30fb" * 9, "1234567 12x 123456" + "\u0663" * 7]


def texts(out, n_kinds):
    for i, s in enumerate(PICKED):
        with open("%s/%02d" % (out, i), "wb") as f:
            f.write(bytes([i % n_kinds, i * 7 % 64, len(s) // 2]) + s.encode())
    for i, raw in enumerate([b"\xff\xfe a\xe2\x82 \xf0\x9f", b"\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80", b"\xe2\x96"]):
        with open("%s/invalid%d" % (out, i), "wb") as f:
            f.write(bytes([i, 0, 1]) + raw)


def ids(out):
    """Two bytes an id: some of each tokenizer, in order, then far ones, then runs that may be byte tokens."""
    for i in range(8):
        for flags in (0, 1, 4, 6):
            chosen = list(range(flags, 300, 1 + flags)) + [7 * k % 900 for k in range(120)] + [65535, 3]
            with open("%s/%d-%d" % (out, i, flags), "wb") as f:
                f.write(bytes([i, flags]) + b"".join(c.to_bytes(2, "little") for c in chosen))


def vocabulary(path, model, tokens, kinds, **more):
    w = GGUFWriter(path, "llama")
    w.add_tokenizer_model(model)
    w.add_token_list(tokens)
    if kinds:
        w.add_token_types(kinds)
    for key, value in more.items():
        getattr(w, "add_" + key)(value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def vocabularies(out):
    byte_tokens = ["<0x%02X>" % b for b in range(256)]
    spm = ["<unk>", "<s>", "</s>", "\u2581", "t", "h", "e", "a", "th", "the", "\u2581the", "aa", "aaaa", "<tool>", "\u2581\u2581", "[PAD]"]
    kinds = [2, 3, 3] + [1] * 10 + [4, 4, 5]
    scores = [0.0, 0.0, 0.0] + [-float(i) for i in range(13)]
    vocabulary(out + "/spm", "llama", spm + byte_tokens, kinds + [6] * 256, token_scores=scores + [0.0] * 256, bos_token_id=1,
               eos_token_id=2, unk_token_id=0, add_space_prefix=True, add_bos_token=True)
    vocabulary(out + "/spm-unknown", "llama", spm, kinds, token_scores=scores)
    vocabulary(out + "/spm-nan", "llama", spm, kinds, token_scores=[float("nan")] + scores[1:])
    vocabulary(out + "/spm-no-scores", "llama", spm, kinds)
    bpe = ["a", "b", "t", "h", "e", "\u0120", "th", "the", "\u0120the", "aa", "aaaa", "<|im_end|>", "<|endoftext|>", "<tool>", "1", "\u4e2d"]
    merges = ["t h", "th e", "\u0120 the", "a a", "aa aa"]
    bkinds = [1] * 11 + [3, 3, 4, 1, 1]
    for pre in ("smollm", "llama-bpe", "deepseek-llm", "kimi-k2", "falcon"):
        vocabulary("%s/bpe-%s" % (out, pre), "gpt2", bpe, bkinds, tokenizer_pre=pre, token_merges=merges, eos_token_id=12, eot_token_id=13)
    vocabulary(out + "/bpe-no-pre", "gpt2", bpe, bkinds, token_merges=merges)
    for pre in ("default", "afmoe"):
        vocabulary("%s/bpe-%s" % (out, {"default": "default-pre"}.get(pre, pre)), "gpt2", bpe, bkinds, token_merges=merges, tokenizer_pre=pre)
    marked = ["<unk>", "<s>", "</s>", "\u2581", "t", "h", "e", "a", "th", "the", "\u2581the", "aa", "aaaa", "<tool>", "\u2581\u2581", "[PAD]"]
    joins = ["t h", "th e", "\u2581 the", "a a", "aa aa"]
    vocabulary(out + "/marked", "gemma4", marked + byte_tokens, kinds + [6] * 256, token_merges=joins, bos_token_id=1, eos_token_id=2, unk_token_id=0,
               add_bos_token=True, add_eos_token=True)
    vocabulary(out + "/marked-pre", "gpt2", marked, kinds, token_merges=joins, tokenizer_pre="granite-embed-multi-311m")
    vocabulary(out + "/marked-bad-merge", "gemma4", marked, kinds, token_merges=["t x"])
    vocabulary(out + "/bpe-unknown-pre", "gpt2", bpe, bkinds, token_merges=merges, tokenizer_pre="no-such")
    vocabulary(out + "/bpe-bad-merge", "gpt2", bpe, bkinds, token_merges=["t x"], tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-no-space", "gpt2", bpe, bkinds, token_merges=["th"], tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-empty-right", "gpt2", bpe, bkinds, token_merges=["t "], tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-twice", "gpt2", bpe + ["a", ""], bkinds + [1, 1], token_merges=merges + merges, tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-bad-kind", "gpt2", bpe, [9] * 16, tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-bad-eos", "gpt2", bpe, bkinds, tokenizer_pre="gpt-2", eos_token_id=99)
    vocabulary(out + "/bpe-short-kinds", "gpt2", bpe, bkinds[:3], tokenizer_pre="gpt-2")
    vocabulary(out + "/bpe-long-special", "gpt2", bpe + ["x" * 600], bkinds + [3], tokenizer_pre="gpt-2")
    vocabulary(out + "/phi-3", "llama", spm, kinds, token_scores=scores, name="Phi-3 mini")
    vocabulary(out + "/roberta", "gpt2", bpe + ["<mask>"], bkinds + [3], tokenizer_pre="roberta-bpe", token_merges=merges)
    vocabulary(out + "/harmony", "gpt2", ["a", "<|return|>", "<|call|>", "<|end|>"], [1, 3, 3, 3], tokenizer_pre="gpt-4o")
    vocabulary(out + "/unknown-model", "rwkv", spm, kinds)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581the", "\u2581mill", "\u2581a", "a", "e", "\u2581th", "\u2581.", "\u2581grind", "s"]
    vocabulary(out + "/wordpiece", "bert", words, [3, 2, 3, 3] + [1] * 9, unk_token_id=1, bos_token_id=2, sep_token_id=3)
    unigram = ["<pad>", "</s>", "<unk>", "\u2581", "a", "t", "h", "e", "\u2581the", "aa", "\u2581mill", "<tool>"]
    vocabulary(out + "/unigram", "t5", unigram, [3, 3, 2] + [1] * 8 + [4], token_scores=[0.0] * 3 + [-float(i) for i in range(9)],
               remove_extra_whitespaces=True, precompiled_charsmap=bytes([4, 0, 0, 0, 0, 4, 0, 0, 0x61, 0]))
    vocabulary(out + "/unigram-bad-map", "t5", unigram, [3, 3, 2] + [1] * 8 + [4], token_scores=[0.0] * 12, precompiled_charsmap=bytes([9, 0]))


if __name__ == "__main__":
    for name in ("tokenize_bpe", "tokenize_spm", "tokenize_kinds", "detokenize", "tokenizer_gguf"):
        os.makedirs(sys.argv[1] + "/" + name, exist_ok=True)
    texts(sys.argv[1] + "/tokenize_bpe", 10)
    texts(sys.argv[1] + "/tokenize_spm", 3)
    texts(sys.argv[1] + "/tokenize_kinds", 20)
    ids(sys.argv[1] + "/detokenize")
    vocabularies(sys.argv[1] + "/tokenizer_gguf")
