"""Small tokenizer.json files, and the ids that tokenizers 0.23.3 gives for them:

    python tests/oracles/tokenizer_json_fixtures.py tests/fixtures/text/json

probe.jsonl: a model whose ids spell every byte of the normalized text and show where pieces begin
(its first line), texts (the second), then a row per normalizer and pre-tokenizer: FNV-1a of the
ids of each text, and where "all" is given of all code points (see text_of_block in the test).
NAME.json and NAME.jsonl: whole tokenizers, rows as in tokenizer_fixtures.py.
"""
import base64
import io
import json
import os
import sys
import tempfile

import sentencepiece as spm

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_fixtures import SPLITS, corpus, row, save
from tokenizer_patterns import PATTERNS as OWN
from tokenizer_strings import LANGUAGES, PLAIN, all_strings

N, P = normalizers, pre_tokenizers
FNV, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def fnv(ids, h=FNV):
    for i in ids:
        h = ((h ^ i) * PRIME) & MASK
    return h


def probe_model():
    alphabet = sorted(P.ByteLevel.alphabet())
    texts = alphabet + ["##" + c for c in alphabet]
    return dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix="##", end_of_word_suffix=None,
                fuse_unk=False, byte_fallback=False, vocab={s: i for i, s in enumerate(texts)}, merges=[])


def split(pattern, behavior="isolated", invert=False):
    return P.Split(pattern, behavior, invert)


BYTES = P.ByteLevel(add_prefix_space=False, use_regex=False)
NORMALIZERS = {
    "NFC": N.NFC(), "NFD": N.NFD(), "NFKC": N.NFKC(), "NFKD": N.NFKD(), "Lowercase": N.Lowercase(), "StripAccents": N.StripAccents(),
    "Nmt": N.Nmt(), "Strip": N.Strip(), "Strip left": N.Strip(right=False), "Strip right": N.Strip(left=False),
    "Bert": N.BertNormalizer(), "Bert cased": N.BertNormalizer(strip_accents=False, lowercase=False),
    "Bert lower": N.BertNormalizer(strip_accents=False, clean_text=False, handle_chinese_chars=False),
    "Bert accents": N.BertNormalizer(strip_accents=True, clean_text=False, handle_chinese_chars=False, lowercase=False),
    "Prepend": N.Prepend("<x>"), "Replace": N.Replace("a", "bb"), "Replace spaces": N.Replace(Regex(" {2,}"), "_"),
    "Replace empty": N.Replace(Regex(r"x*|(?=m)|$"), "-"),  # behind which tokenizers cannot tell offsets
    "Replace classes": N.Replace(Regex(r"[\p{L}&&[^a-m]]+|\h{2}|[[:punct:]]"), "."),
    "Sequence": N.Sequence([N.NFKC(), N.Lowercase(), N.Replace(Regex(r"\s+"), " "), N.Sequence([N.Strip(), N.Prepend("!")])]),
}
EVERY = ("UnicodeScripts", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Bert", "Bert accents", "Split negated", "Split classes")
CUTS = {
    "ByteLevel": [P.ByteLevel(add_prefix_space=False)], "ByteLevel prefix": [P.ByteLevel(add_prefix_space=True)],
    "Whitespace": [P.Whitespace(), BYTES], "WhitespaceSplit": [P.WhitespaceSplit(), BYTES], "Bert": [P.BertPreTokenizer(), BYTES],
    "Digits": [P.Digits(individual_digits=False), BYTES], "Digits alone": [P.Digits(individual_digits=True), BYTES],
    "Punctuation": [P.Punctuation(), BYTES], "Punctuation contiguous": [P.Punctuation("contiguous"), BYTES],
    "Punctuation next": [P.Punctuation("merged_with_next"), BYTES], "Punctuation removed": [P.Punctuation("removed"), BYTES],
    "UnicodeScripts": [P.UnicodeScripts(), BYTES], "UnicodeScripts in words": [P.WhitespaceSplit(), P.UnicodeScripts(), BYTES],
    "CharDelimiterSplit": [P.CharDelimiterSplit("a"), BYTES], "FixedLength": [P.FixedLength(length=3), BYTES],
    "Split text": [split("th", "merged_with_previous"), BYTES], "Split next": [split(" ", "merged_with_next"), BYTES],
    "Split inverted": [split(Regex(r"\w+|[^\w\s]"), "removed", True), BYTES],
    "Split contiguous": [split(Regex("[aeiou]"), "contiguous"), BYTES],
    "Split negative": [split(Regex(r"[^\S\n]+|\W\p{Lu}"), "isolated"), BYTES],
    "Split clip": [split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True), BYTES],
    "Split han": [split(Regex(r"[\p{Han}]+|[\p{L}&&[^\p{Han}]]+|\s$"), "isolated"), BYTES],
    "falcon": [P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), P.Digits(individual_digits=False),
               split(Regex("[0-9][0-9][0-9]"))],
    "number": [split(Regex(r"\p{N}")), BYTES],
    "Split in pieces": [split(" ", "merged_with_next"), split(Regex(r"^ ?[a-m]|(?<=[a-z])[A-Z]|\b\w$|(?<!e)n\B")), BYTES],
    "Split negated": [split(Regex(r"[^[:punct:]\w\s]+|[^\W\d]{2}|[\p{Lu}[^\x00-\x7f]]|[^a-y[^\p{L}]]")), BYTES],
    "Split classes": [split(Regex(r"[[:graph:]&&[^[:upper:]\w]]|\p{Han}|[\p{^Hangul}&&\p{Letter}]|\w\b|[^\W[:punct:]]")), BYTES],
}
EMPTY = r"(?<=[a-z])(?=[A-Z0-9])|\s*(?=\w)|\b"
CUTS.update({"Split empty " + how: [split(Regex(EMPTY), how), BYTES] for how in
             ("isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous")})
CUTS["Split empty inverted"] = [split(Regex("x*"), "merged_with_next", True), BYTES]
CUTS["Split counts"] = [split(Regex(r"(?:[a-f]|\p{N}{1,3}+|(?:x|o{2}?n)){2,3}+|t{,2}h|e{2}?r|(l(?:l|e))?{1,2}|\{{2,}|a{,}|a{x}|{x}")), BYTES]
CUTS["thousands"] = [split(Regex(OWN["superbpe"][1])), BYTES]
CUTS["thousands next"] = [split(Regex(OWN["superbpe"][1]), "merged_with_next"), BYTES]
CUTS.update({name: [split(Regex(s)) for s in OWN[name]] + [BYTES] for name in ("jais-2", "tiny_aya", "superbpe", "spark2_5")})
PATTERNS = {name: [split(Regex(s)) for s in stages] + [BYTES] for name, stages in SPLITS.items() if "gpt2" not in stages and "digits" not in stages}


def block_text(block):
    codes = [block * 256 + i for i in range(256)]
    return "".join("a" + chr(c) for c in codes if not 0xD800 <= c < 0xE000)


def probe(out):
    model = probe_model()
    texts = [s for s in all_strings(120) if s] + ["xxoon12345abcdef a{,}a{x}{x}{{{ tthh ear eer r lelll e{2}", "oonooxx 1234567890 oo23x", "{{ {x {{{{"]
    with open(out + "/probe.jsonl", "w") as f:
        f.write(json.dumps(dict(model=model)) + "\n")
        f.write(json.dumps(dict(texts=texts)) + "\n")
        variants = [(name, n, [BYTES]) for name, n in NORMALIZERS.items()]
        variants += [(name, None, cuts) for name, cuts in list(CUTS.items()) + list(PATTERNS.items())]
        for name, normalizer, cuts in variants:
            t = Tokenizer.from_str(json.dumps(dict(version="1.0", added_tokens=[], normalizer=None, pre_tokenizer=None,
                                                   post_processor=None, decoder=None, model=model)))
            t.normalizer = normalizer or N.Sequence([])
            t.pre_tokenizer = P.Sequence(cuts) if len(cuts) > 1 else cuts[0]
            j = json.loads(t.to_str())
            if name == "Replace empty":
                t.normalizer = N.Sequence([])
            before = normalizer.normalize_str if name == "Replace empty" else str
            r = dict(name=name, normalizer=j["normalizer"], pre_tokenizer=j["pre_tokenizer"],
                     hashes=["%016x" % fnv(t.encode(before(s)).ids) for s in texts])
            if name in EVERY:
                h = FNV
                for block in range(0x1100):
                    h = fnv(t.encode(block_text(block)).ids, h)
                r["all"] = "%016x" % h
            f.write(json.dumps(r) + "\n")
            print(name, flush=True)


def added(content, **flags):
    return AddedToken(content, **flags)


def train(model, trainer, pre=None, normalizer=None):
    t = Tokenizer(model)
    if pre:
        t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(corpus(), trainer)
    return t


def flags_bpe():
    """Byte-level, NFC, every flag of added tokens, a template."""
    pre = P.Sequence([split(Regex(SPLITS["llama-bpe"][0])), BYTES])
    t = train(models.BPE(), trainers.BpeTrainer(vocab_size=420, show_progress=False, initial_alphabet=P.ByteLevel.alphabet(),
                                                special_tokens=["<s>", "</s>"]), pre, N.NFC())
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([added("<|left|>", lstrip=True, normalized=False), added("<|right|>", rstrip=True, normalized=False),
                          added("<|both|>", lstrip=True, rstrip=True, normalized=False), added("<|norm\u1100\u1161|>", normalized=True)])
    t.add_tokens([added("word", single_word=True, normalized=False), added("\u1100\u1161t", normalized=True), added("<tool>", normalized=False),
                  added("  \n", normalized=False), added("normal", single_word=True, lstrip=True, normalized=True)])
    t.post_processor = processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])])
    return t


def owned(name):
    """Byte-level, cut as one family alone does."""
    t = train(models.BPE(), trainers.BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=P.ByteLevel.alphabet()), P.Sequence(CUTS[name]))
    t.decoder = decoders.ByteLevel()
    return t


def clip():
    pre = P.Sequence(CUTS["Split clip"])
    t = train(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"),
              trainers.BpeTrainer(vocab_size=500, show_progress=False, end_of_word_suffix="</w>", special_tokens=["<|startoftext|>", "<|endoftext|>"]),
              pre, N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]))
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    return t


def llama(first):
    """BPE over characters with byte fallback: the legacy normalizer, or Metaspace at the first word."""
    marks = N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")])
    byte_tokens = ["<0x%02X>" % b for b in range(256)]
    t = train(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
              trainers.BpeTrainer(vocab_size=720, show_progress=False, limit_alphabet=120, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens), None, marks)
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(j))
    tail = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    t.decoder = decoders.Sequence(tail + [decoders.Strip(" ", 1, 0)])
    t.add_tokens([added("\u2581\u2581", normalized=False), added("<tool>", normalized=False)])
    if first:
        t.normalizer = N.Sequence([])
        t.pre_tokenizer = P.Metaspace(prepend_scheme="first", split=False)
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t


def prefixed():
    t = train(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=False),
              trainers.BpeTrainer(vocab_size=400, show_progress=False, limit_alphabet=60, continuing_subword_prefix="##", special_tokens=["[UNK]"]), P.Whitespace())
    t.decoder = decoders.WordPiece()
    return t


def suffixed():
    t = train(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
              trainers.BpeTrainer(vocab_size=500, show_progress=False, limit_alphabet=80, end_of_word_suffix="</w>", special_tokens=["<unk>"]),
              P.BertPreTokenizer(), N.BertNormalizer())
    t.decoder = decoders.BPEDecoder()
    return t


def fields(data):
    """The fields of a protocol buffer, of which only texts and numbers matter here."""
    def varint(i):
        v = shift = 0
        while True:
            v, shift, i = v | (data[i] & 127) << shift, shift + 7, i + 1
            if data[i - 1] < 128:
                return v, i

    i = 0
    while i < len(data):
        tag, i = varint(i)
        if tag & 7 == 2:
            n, i = varint(i)
            yield tag >> 3, data[i : i + n]
            i += n
        elif tag & 7 == 0:
            v, i = varint(i)
            yield tag >> 3, v
        else:
            i += 4 if tag & 7 == 5 else 8


def small_charsmap():
    """Rules that sentencepiece compiles: one to one, to many, to nothing, of many characters."""
    rules = [("41", "61"), ("C4", "41 65"), ("FF21", "41"), ("200B", ""), ("65 301", "E9"), ("2460", "31"), ("9", "20"), ("A", "20"), ("3000", "20"),
             ("AB", "22"), ("FB01", "66 69"), ("1100 1161", "AC00")]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
        f.write("".join("%s\t%s\n" % r for r in rules))
        f.flush()
        model = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES * 3), model_writer=model, vocab_size=700, model_type="bpe",
                                       normalization_rule_tsv=f.name, minloglevel=2)
    normalizer = [v for k, v in fields(model.getvalue()) if k == 3][0]
    return [v for k, v in fields(normalizer) if k == 2][0]


SENTENCES = [s for s in corpus(300) if s.strip() and "\0" not in s]


def unigram(fallback):
    byte_tokens = ["<0x%02X>" % b for b in range(256)] if fallback else []
    t = Tokenizer(models.Unigram())
    t.normalizer = N.Sequence([N.Precompiled(small_charsmap()), N.Strip(left=False), N.Replace(Regex(" {2,}"), "\u2581")])
    t.pre_tokenizer = P.Metaspace()
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=900, unk_token="<unk>", show_progress=False,
                                                            special_tokens=["<pad>", "</s>", "<unk>"] + byte_tokens))
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
    j["model"]["byte_fallback"] = fallback
    if fallback:
        j["model"]["vocab"] = [[s, -9.0] if s in byte_tokens else [s, v] for s, v in j["model"]["vocab"]]
    t = Tokenizer.from_str(json.dumps(j))
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]) if fallback else decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    t.add_tokens([added("<tool>", normalized=False), added("<mask>", lstrip=True, normalized=True)])
    return t


def albert():
    """Spaces that are cut away before Metaspace marks them."""
    t = Tokenizer(models.Unigram())
    t.normalizer = N.Sequence([N.Replace("``", '"'), N.NFKD(), N.StripAccents(), N.Lowercase(), N.Precompiled(small_charsmap())])
    t.pre_tokenizer = P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="always")])
    t.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=900, unk_token="<unk>", show_progress=False, special_tokens=["<unk>"]))
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    return t


def wordpiece():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t = train(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20), trainers.WordPieceTrainer(vocab_size=400, show_progress=False, special_tokens=special),
              P.BertPreTokenizer(), N.BertNormalizer())
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def wordlevel():
    return train(models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]"]), P.Whitespace(), N.NFC())


def marked(out):
    """Gemma's kind as GGUF has it since Gemma 4: characters with merges, no scores."""
    from gguf import GGUFWriter

    byte_tokens = ["<0x%02X>" % b for b in range(256)]
    t = train(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
              trainers.BpeTrainer(vocab_size=800, show_progress=False, limit_alphabet=120, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens),
              split(" ", "merged_with_previous"), N.Replace(" ", "\u2581"))
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
    for s in ("\u2581\u2581a\u2581", "<tool>"):
        j["model"]["vocab"].setdefault(s, len(j["model"]["vocab"]))
    t = Tokenizer.from_str(json.dumps(j))
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.add_tokens([added("\u2581\u2581a\u2581", normalized=False), added("<tool>", normalized=False)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    texts = sorted(t.get_vocab(), key=t.get_vocab().get)
    special = {a["content"]: a["special"] for a in json.loads(t.to_str())["added_tokens"]}
    kinds = [6 if s in byte_tokens else 2 if s == "<unk>" else 3 if special.get(s) else 4 if s in special else 1 for s in texts]
    for name, model, pre in (("gemma4", "gemma4", ""), ("sarvam-moe", "gpt2", "sarvam-moe")):
        w = GGUFWriter("%s/%s.gguf" % (out, name), "llama")
        w.add_tokenizer_model(model)
        if pre:
            w.add_tokenizer_pre(pre)
        w.add_token_list(texts)
        w.add_token_types(kinds)
        w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]])
        w.add_bos_token_id(1)
        w.add_unk_token_id(0)
        w.add_add_bos_token(True)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.close()
    save(out + "/gemma4.jsonl", tokenizer_rows(t, [s for s in PLAIN + LANGUAGES[::2] + MARKED + all_strings(40)[-60:]]))


def shown():
    """Decoders that change the text of each token."""
    t = train(models.BPE(unk_token="<unk>", fuse_unk=False), trainers.BpeTrainer(vocab_size=500, show_progress=False, limit_alphabet=80, special_tokens=["<unk>"]),
              P.WhitespaceSplit())
    t.decoder = decoders.Sequence([decoders.Replace("th", "TTH"), decoders.Replace(Regex(r"[0-9]+|(?=n)"), "#"), decoders.Strip("s", 0, 1),
                                   decoders.Strip("e", 2, 0), decoders.Fuse()])
    return t


def ctc():
    """Characters, of which the same in a row is one."""
    letters = sorted(set("".join(LANGUAGES[:12]).replace(" ", "")))
    vocab = {s: i for i, s in enumerate(["<pad>", "<unk>", "|", " .", " do not", "x<pad>y", *letters, "n't", "a|b"])}
    t = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    t.pre_tokenizer = split(Regex("."), "isolated")
    t.decoder = decoders.CTC()
    return t


def spm_model(out, name, **options):
    """tokenizer.model: sentencepiece's own ids."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
        f.write("41\t61\nC4\t41 65\nFF21\t41\n200B\t\n65 301\tE9\n9\t20\nA\t20\n3000\t20\n")
        f.flush()
        model = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(SENTENCES), model_writer=model, character_coverage=0.98, max_sentence_length=10000,
                                       minloglevel=2, **dict(dict(normalization_rule_tsv=f.name), **options))
    with open("%s/%s.model" % (out, name), "wb") as f:
        f.write(model.getvalue())
    p = spm.SentencePieceProcessor(model_proto=model.getvalue())
    rows = []
    for s in PLAIN + LANGUAGES[::2] + all_strings(120)[-160:]:
        if "\0" in s or any(u in s for u in ("<s>", "</s>", "<unk>")):
            continue
        ids = p.encode(s)
        rows.append(dict(text=s, ids=ids, decoded=p.decode(ids)))
    save("%s/%s.jsonl" % (out, name), rows)


def spms(out):
    plain = dict(normalization_rule_name="identity", normalization_rule_tsv="")
    spm_model(out, "spm-unigram", model_type="unigram", vocab_size=400)
    spm_model(out, "spm-unigram-bytes", model_type="unigram", vocab_size=650, byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False, **plain)
    spm_model(out, "spm-bpe", model_type="bpe", vocab_size=650, byte_fallback=True)


def tekken(out):
    """tekken.json of a small vocabulary; ids by tiktoken."""
    import tiktoken

    t = train(models.BPE(), trainers.BpeTrainer(vocab_size=520, show_progress=False, initial_alphabet=P.ByteLevel.alphabet()),
              P.Sequence([split(Regex(SPLITS["tekken"][0])), BYTES]))
    byte_of = {c: b for b, c in zip(list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256)) + [b for b in range(256) if not (33 <= b <= 126 or 161 <= b <= 172 or b >= 174)],
                                    [chr(b) for b in list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))] + [chr(256 + i) for i in range(68)])}
    texts = sorted(t.get_vocab(), key=t.get_vocab().get)
    raw = [bytes(byte_of[c] for c in s) for s in texts]
    assert len(set(raw)) == len(raw)
    n_special = 24
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    j = dict(config=dict(pattern=SPLITS["tekken"][0], num_vocab_tokens=len(raw), default_vocab_size=len(raw) + n_special, default_num_special_tokens=n_special, version="v3"),
             vocab=[dict(rank=i, token_bytes=base64.b64encode(b).decode(), token_str=None) for i, b in enumerate(raw)],
             special_tokens=[dict(rank=i, token_str=s, is_control=True) for i, s in enumerate(special)])
    with open(out + "/tekken.json", "w") as f:
        json.dump(j, f, separators=(",", ":"))
    e = tiktoken.Encoding("small", pat_str=j["config"]["pattern"], mergeable_ranks={b: i for i, b in enumerate(raw)}, special_tokens={})
    rows = []
    for s in PLAIN + LANGUAGES[::2] + all_strings(60)[-80:]:
        ids = [i + n_special for i in e.encode(s, disallowed_special=())]
        rows.append(dict(text=s, ids=ids, parse_special=False))
        rows.append(dict(text=s, ids=[1] + ids, add_special=True))
    rows.append(dict(text="[INST]a[/INST]", ids=[3] + [i + n_special for i in e.encode("a")] + [4], parse_special=True))
    save(out + "/tekken.jsonl", rows)


def tokenizer_rows(t, strings):
    rows = []
    t.encode_special_tokens = True
    special = {t.token_to_id(s) for s in SPECIAL} - {None}
    for s in strings:
        r = row(t, s, parse_special=False)
        if not (special & set(r["ids"]) and any(x in s for x in SPECIAL)):  # a Unigram finds them in any text: there is none such here
            rows.append(r)
    t.encode_special_tokens = False
    for s in strings:
        rows.append(row(t, s, parse_special=True, add_special=True))
    for r in rows:
        skipped = t.decode(r["ids"], skip_special_tokens=True)
        shows = "<|norm\uac00|>" in skipped  # tokenizers cannot skip a special token that it normalized
        if skipped != r.get("decoded", r["text"]) and not shows:
            r["decoded_skip"] = skipped
    return rows


SPECIAL = ["<s>", "</s>", "<unk>", "<pad>"]
MARKED = ["<|left|>x", "a <|left|> b", "a  <|right|>  b", " \n<|both|>\n ", "<|both|><|left|> <|right|>", "sword word words word-word word", "wordword",
          "\uac00t \u1100\u1161tx \uac00\u11a8t", "<|norm\uac00|>x<|norm\u1100\u1161|>", "a normal day, abnormal  normals normal", "x<tool>y  \nz", "<s>a</s>",
          "\u2581\u2581a", "a\u2581\u2581 b", "<unk>x", "[UNK] [CLS]x[SEP]", "playing unaffable", "<0x41>", "</w>", "##a"]


def own_strings():
    """Runs of spaces and digits of many lengths."""
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33, 127, 256, 1030):
        yield from ("a" + " " * n + "b", " " * n, "x" + "7" * n, "8" * n + " ", " \t" * n + "\n" + " " * n + "9")


def whole(out, only):
    strings = [s for s in PLAIN + LANGUAGES[::2] + MARKED + all_strings(40)[-60:]]
    for name, make in TOKENIZERS.items():
        if only and name not in only:
            continue
        t = make()
        with open("%s/%s.json" % (out, name), "w") as f:
            json.dump(json.loads(t.to_str()), f, ensure_ascii=False, separators=(",", ":"))
        own = [*own_strings()] if name in OWN else []
        save("%s/%s.jsonl" % (out, name), tokenizer_rows(t, [s for s in strings if "unigram" not in name or "<0x" not in s] + own))  # tokenizers takes <0x41> for that byte


TOKENIZERS = {"flags": flags_bpe, "clip": clip, "llama": lambda: llama(False), "llama-first": lambda: llama(True), "prefixed": prefixed,
              "suffixed": suffixed, "unigram": lambda: unigram(False), "unigram-bytes": lambda: unigram(True), "albert": albert,
              "wordpiece": wordpiece, "wordlevel": wordlevel, "jais-2": lambda: owned("jais-2"), "tiny_aya": lambda: owned("tiny_aya"),
              "superbpe": lambda: owned("superbpe"), "shown": shown, "ctc": ctc}

if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    if len(sys.argv) < 3 or sys.argv[2] == "probe":
        probe(sys.argv[1])
    if len(sys.argv) < 3 or sys.argv[2] == "whole":
        whole(sys.argv[1], sys.argv[3:])
    if len(sys.argv) < 3 or sys.argv[2] == "marked":
        marked(sys.argv[1])
    if len(sys.argv) < 3 or sys.argv[2] == "tekken":
        tekken(sys.argv[1])
    if len(sys.argv) < 3 or sys.argv[2] == "spm":
        spms(sys.argv[1])
