"""Seeds of the fuzz targets tokenizer_json and tokenizer_files (needs nothing):

    python tests/oracles/tokenizer_json_seeds.py tests/fuzz/seeds
"""
import base64
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__))
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
TEMPLATE = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}
MARKS = [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]
UNMARKS = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
           {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
ADDED = [dict(id=0, content="<s>", single_word=False, lstrip=False, rstrip=True, normalized=False, special=True),
         dict(id=1, content="</s>", special=True, normalized=False, lstrip=True), dict(id=40, content="Mill", normalized=True, single_word=True, special=False),
         dict(id=41, content="e\u0301", normalized=True, special=True)]


def charsmap():
    """A double array of one rule: the byte 'M' becomes 'm'. The root's children lie at its offset xor the byte."""
    units = [0] * 256
    units[0] = 1 << 10  # offset 1
    at = 1 ^ ord("M")
    leaf = at ^ 2
    units[at] = (2 << 10) | (1 << 8) | ord("M")
    units[leaf] = 0x80000000
    return base64.b64encode(struct.pack("<I256I", 1024, *units) + b"m\0").decode()


def bpe(texts, merges=(), **more):
    return dict(type="BPE", vocab={s: i for i, s in enumerate(texts)}, merges=list(merges), **more)


def document(model, normalizer=None, pre=None, post=None, decoder=None, added=ADDED, **more):
    return dict(version="1.0", truncation=None, padding=None, added_tokens=added, normalizer=normalizer, pre_tokenizer=pre,
                post_processor=post, decoder=decoder, model=model, **more)


BASE = ["<s>", "</s>", "a", "t", "h", "e", "\u0120", "th", "the", "\u0120the", "aa", "1", "2", "3", "M", "i", "l"]
MERGES = ["t h", "th e", "\u0120 the", "a a"]
BYTE = bpe(BASE, MERGES)
SPM = ["<unk>", "</s>", "a", "t", "h", "e", "\u2581", "th", "the", "\u2581the", "aa", "<0xE4>", "<0xB8>", "<0xAD>", "\u2581\u2581", "x y", "<s>"]
SPM_ADDED = [dict(ADDED[0], id=16), ADDED[1], dict(id=14, content="\u2581\u2581", special=False, normalized=False)]
LLAMA = bpe(SPM, [["t", "h"], ["th", "e"], ["\u2581", "the"], ["a", "a"]], unk_token="<unk>", byte_fallback=True, fuse_unk=True)
PLAIN = dict(type="Sequence", decoders=[])
STEPS = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"]
CUTS = {
    "whitespace": {"type": "Whitespace"}, "bert": {"type": "BertPreTokenizer"}, "digits": {"type": "Digits", "individual_digits": False},
    "digit": {"type": "Digits", "individual_digits": True}, "punctuation": {"type": "Punctuation", "behavior": "Contiguous"},
    "spaces": {"type": "WhitespaceSplit"}, "delimiter": {"type": "CharDelimiterSplit", "delimiter": "a"}, "fixed": {"type": "FixedLength", "length": 3},
    "scan": {"type": "Split", "pattern": {"Regex": r"\p{N}{1,3}"}, "behavior": "Isolated", "invert": False},
    "next": {"type": "Split", "pattern": {"String": "th"}, "behavior": "MergedWithNext", "invert": False},
    "previous": {"type": "Split", "pattern": {"Regex": r"[a-c&&[^b]]|\h\H|\w\W[\s\w]|[[:alpha:]]{3}"}, "behavior": "MergedWithPrevious", "invert": True},
    "bad-behavior": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Odd", "invert": False},
    "bad-pattern": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Removed", "invert": False},
    "negated-class": {"type": "Split", "pattern": {"Regex": r"[^\W]|[a[^b]]|[^a[^b&&\S]]\b|\B[[:graph:]]"}, "behavior": "Removed", "invert": False},
    "bad-class": {"type": "Split", "pattern": {"Regex": "[" * 12 + "a" + "]" * 12}, "behavior": "Removed", "invert": False},
    "no-pattern": {"type": "Split", "behavior": "Removed", "invert": False},
    "odd-pattern": {"type": "Split", "pattern": {"Odd": "a"}, "behavior": "Removed", "invert": False},
    "empty-pattern": {"type": "Split", "pattern": {"String": ""}, "behavior": "Removed", "invert": False},
    "properties": {"type": "Split", "pattern": {"Regex": r"\p{Han}+|\P{Greek}\x{41}|[\p{^Latin}[[:punct:]]\d]|\p{Lowercase}\o{101}"}, "behavior": "Isolated", "invert": False},
    "no-brace": {"type": "Split", "pattern": {"Regex": r"\p{L"}, "behavior": "Isolated", "invert": False},
    "unknown": {"type": "Odd"}, "scripts": {"type": "UnicodeScripts"},
}


PATTERNS = {  # that are several scanners one within the other
    "jais-2": [r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|" +
               "".join(r"\s{%d}(?!\S)|" % n for n in (512, 256, 128, 64, 32, 16, 8, 4)) + r"\s{1,2}(?!\S)|\s{1}"],
    "tiny_aya": [r"\d{1,3}(?=(?:\d{3})*\b)"], "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"]}


def seeds():
    plain = [{"type": s} for s in STEPS]
    more = [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "_"},
            {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}, {"type": "Prepend", "prepend": "x"},
            {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
            {"type": "Precompiled", "precompiled_charsmap": charsmap()}]
    yield "byte-level", document(BYTE, {"type": "NFC"}, {"type": "ByteLevel", "add_prefix_space": True}, TEMPLATE, BYTE_LEVEL)
    yield "scanners", document(BYTE, None, {"type": "Sequence", "pretokenizers": [CUTS["scan"], BYTE_LEVEL]}, None, BYTE_LEVEL)
    for s in plain + more:
        yield "normalizer-" + s["type"].lower() + str(len(json.dumps(s))), document(BYTE, s, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "normalizers", document(BYTE, {"type": "Sequence", "normalizers": plain + more}, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "byte-normalizer", document(BYTE, {"type": "ByteLevel"}, None, None, BYTE_LEVEL)
    yield "byte-normalizer-first", document(BYTE, {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}, {"type": "NFC"}]}, None, None, BYTE_LEVEL)
    yield "byte-normalizer-cut", document(BYTE, {"type": "ByteLevel"}, CUTS["digits"], None, BYTE_LEVEL)
    yield "bad-normalizer", document(BYTE, {"type": "Odd"}, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "bad-charsmap", document(BYTE, {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "bad-charsmap-end", document(BYTE, {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAB4"}, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "bad-base64", document(BYTE, {"type": "Precompiled", "precompiled_charsmap": "A*"}, BYTE_LEVEL, None, BYTE_LEVEL)
    deep = {"type": "NFC"}
    for _ in range(6):
        deep = {"type": "Sequence", "normalizers": [deep]}
    yield "deep", document(BYTE, deep, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "no-list", document(BYTE, {"type": "Sequence"}, BYTE_LEVEL, None, BYTE_LEVEL)
    for name, cut in CUTS.items():
        yield "cut-" + name, document(BYTE, None, {"type": "Sequence", "pretokenizers": [cut, BYTE_LEVEL]}, None, BYTE_LEVEL)
    yield "falcon", document(BYTE, None, {"type": "Sequence", "pretokenizers": [BYTE_LEVEL, CUTS["digits"]]}, None, BYTE_LEVEL)
    yield "llama", document(LLAMA, {"type": "Sequence", "normalizers": MARKS}, None, None, UNMARKS, SPM_ADDED)
    yield "gemma", document(LLAMA, MARKS[1], {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}, None, UNMARKS, SPM_ADDED)
    yield "marks-late", document(LLAMA, {"type": "Sequence", "normalizers": [{"type": "NFC"}, MARKS[1], MARKS[0]]}, None, None, UNMARKS, SPM_ADDED)
    for scheme in ("first", "always", "never", "odd"):
        for split in (True, False):
            metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}
            yield "metaspace-%s-%s" % (scheme, split), document(LLAMA, None, metaspace, None, metaspace, SPM_ADDED)
    yield "metaspace-old", document(LLAMA, None, {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False}, None, {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}, SPM_ADDED)
    yield "metaspace-other", document(LLAMA, None, {"type": "Metaspace", "replacement": "_"}, None, UNMARKS, SPM_ADDED)
    yield "metaspace-two", document(LLAMA, None, {"type": "Sequence", "pretokenizers": [{"type": "Metaspace"}, {"type": "Metaspace"}]}, None, UNMARKS, SPM_ADDED)
    yield "marks-one-side", document(LLAMA, None, None, None, UNMARKS, SPM_ADDED)
    yield "marks-and-bytes", document(LLAMA, MARKS[1], BYTE_LEVEL, None, UNMARKS, SPM_ADDED)
    yield "bytes-one-side", document(BYTE, None, BYTE_LEVEL)
    word = bpe(["[UNK]", "a", "##a", "##h", "t", "##e", "the", "th", "aa", "##aa"], ["a ##a", "t ##h", "th ##e", "##a ##a"], unk_token="[UNK]",
               continuing_subword_prefix="##", fuse_unk=False)
    yield "prefixed", document(word, None, CUTS["whitespace"], None, {"type": "WordPiece", "prefix": "##", "cleanup": True}, [])
    ends = bpe(["<unk>", "a", "a</w>", "t", "h", "e</w>", "the</w>", "th"], ["t h", "th e</w>"], unk_token="<unk>", end_of_word_suffix="</w>")
    yield "suffixed", document(ends, None, CUTS["bert"], None, {"type": "BPEDecoder", "suffix": "</w>"}, [])
    yield "joined-by-spaces", document(bpe(["a", "t", "h", "e"]), None, CUTS["spaces"], None, None, [])
    yield "dropped", document(bpe(["a", "b"]), None, None, None, PLAIN, [])
    roberta = {"type": "RobertaProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}
    yield "roberta", document(dict(BYTE, type=None), None, BYTE_LEVEL, roberta, BYTE_LEVEL)
    yield "bert-processing", document(BYTE, None, BYTE_LEVEL, {"type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>"]}, BYTE_LEVEL)
    yield "sequence-processing", document(BYTE, None, BYTE_LEVEL, {"type": "Sequence", "processors": [BYTE_LEVEL, TEMPLATE, roberta]}, BYTE_LEVEL)
    yield "no-cls", document(BYTE, None, BYTE_LEVEL, {"type": "BertProcessing"}, BYTE_LEVEL)
    yield "bad-processor", document(BYTE, None, BYTE_LEVEL, {"type": "Odd"}, BYTE_LEVEL)
    yield "template-two-texts", document(BYTE, None, BYTE_LEVEL, dict(TEMPLATE, single=[{"Sequence": {"id": "A"}}] * 2), BYTE_LEVEL)
    yield "template-unnamed", document(BYTE, None, BYTE_LEVEL, dict(TEMPLATE, single=[{"SpecialToken": {}}]), BYTE_LEVEL)
    yield "template-unknown", document(BYTE, None, BYTE_LEVEL, dict(TEMPLATE, single=[{"SpecialToken": {"id": "x"}}]), BYTE_LEVEL)
    yield "template-without", document(BYTE, None, BYTE_LEVEL, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]}, BYTE_LEVEL)
    yield "template-empty", document(BYTE, None, BYTE_LEVEL, {"type": "TemplateProcessing"}, BYTE_LEVEL)
    yield "template-many", document(BYTE, None, BYTE_LEVEL, dict(TEMPLATE, single=[{"SpecialToken": {"id": "<s>"}}] * 9 + [{"Sequence": {"id": "A"}}]), BYTE_LEVEL)
    yield "template-id", document(BYTE, None, BYTE_LEVEL, dict(TEMPLATE, special_tokens={"<s>": {"ids": [99]}, "</s>": {"ids": [1]}}), BYTE_LEVEL)
    for name in ("jais-2", "tiny_aya", "superbpe"):
        splits = [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in PATTERNS[name]]
        yield "cut-" + name, document(BYTE, None, {"type": "Sequence", "pretokenizers": splits + [BYTE_LEVEL]}, None, BYTE_LEVEL)
    counts = r"(?:[a-f]|\p{N}{1,3}+|(?:x|o{2}?n)){2,3}+|t{,2}h|(l)?{1,2}|\{{2,}|a{,}|{x}"
    for name, pattern in (("counts", counts), ("counts-back", "a{3,2}"), ("groups", "(" * 65 + ")" * 65)):
        yield "cut-" + name, document(BYTE, None, {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, BYTE_LEVEL]}, None, BYTE_LEVEL)
    yield "cut-thousands-next", document(BYTE, None, {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": PATTERNS["superbpe"][1]}, "behavior": "MergedWithNext", "invert": False}, BYTE_LEVEL]}, None, BYTE_LEVEL)
    yield "cut-empty", document(BYTE, {"type": "Replace", "pattern": {"Regex": "x*|$"}, "content": "-"}, {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": r"(?=[A-Z])|\b"}, "behavior": "Removed", "invert": False}, BYTE_LEVEL]}, None, BYTE_LEVEL)
    yield "bad-decoder", document(BYTE, None, BYTE_LEVEL, None, {"type": "Odd"})
    words = dict(type="WordLevel", unk_token="<unk>", vocab={"<unk>": 0, "the": 1, "mill": 2, "<pad>": 3, "|": 4, " .": 5, "1": 6})
    replaced, fused = {"type": "Replace", "pattern": {"String": "h"}, "content": "hh"}, {"type": "Fuse"}
    stripped = {"type": "Strip", "content": "l", "start": 1, "stop": 1}
    unmarked = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    counted = {"type": "Replace", "pattern": {"Regex": r"\d|(?=i)"}, "content": "#"}
    for name, steps in (("shown", [replaced, counted, stripped, fused]), ("ctc", [{"type": "CTC"}]), ("ctc-plain", [{"type": "CTC", "cleanup": False, "pad_token": ""}]),
                        ("behind-fuse", [fused, replaced]), ("strip-fused", [fused, stripped]), ("strip-nothing", [dict(stripped, content="")]),
                        ("replace-pattern", [dict(counted, pattern={"Regex": "("})]), ("before-marks", [replaced, unmarked]), ("before-metaspace", [replaced, {"type": "Metaspace"}]),
                        ("long", [dict(replaced, content="h" * 70000)]), ("many", [replaced] * 33)):
        yield "decoder-" + name, document(words, None, {"type": "Whitespace"}, None, {"type": "Sequence", "decoders": steps}, [])
    yield "decoder-two", document(BYTE, None, BYTE_LEVEL, None, {"type": "Sequence", "decoders": [{"type": "WordPiece"}, {"type": "BPEDecoder"}]})
    yield "decoder-metaspace", document(BYTE, None, BYTE_LEVEL, None, {"type": "Metaspace", "replacement": "_"})
    yield "ignore-merges", document(bpe(BASE, [m.split(" ") for m in MERGES], ignore_merges=True, dropout=None), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "dropout", document(bpe(BASE, MERGES, dropout=0.5), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-mixed", document(bpe(BASE, ["t h", ["th", "e"]]), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-three", document(bpe(BASE, [["t", "h", "e"]]), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-empty", document(bpe(BASE, [["", "h"]]), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-unknown", document(bpe(BASE, ["t x"]), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-no-space", document(bpe(BASE, ["th"]), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "merge-control", document(bpe(["<", "s", "<s", "s>", "<s>"], ["< s", "<s s>"]), None, BYTE_LEVEL, None, BYTE_LEVEL,
                                    [dict(id=4, content="<s>", special=True, normalized=False)])
    yield "id-twice", document(dict(BYTE, vocab={"a": 1, "b": 1}, merges=[]), None, BYTE_LEVEL, None, BYTE_LEVEL, [])
    yield "id-large", document(dict(BYTE, vocab={"a": 1 << 40}, merges=[]), None, BYTE_LEVEL, None, BYTE_LEVEL, [])
    yield "id-negative", document(dict(BYTE, vocab={"a": -1}, merges=[]), None, BYTE_LEVEL, None, BYTE_LEVEL, [])
    yield "id-gap", document(dict(BYTE, vocab={"a": 9, "中": 3}, merges=[]), None, BYTE_LEVEL, None, BYTE_LEVEL, [])
    yield "added-other", document(BYTE, None, BYTE_LEVEL, None, BYTE_LEVEL, [dict(id=2, content="b", special=True)])
    yield "added-large", document(BYTE, None, BYTE_LEVEL, None, BYTE_LEVEL, [dict(id=1 << 30, content="b", special=True)])
    yield "added-empty", document(BYTE, None, BYTE_LEVEL, None, BYTE_LEVEL, [dict(id=50, content="", special=True)])
    yield "added-long", document(BYTE, None, BYTE_LEVEL, None, BYTE_LEVEL, [dict(id=50, content="x" * 600, special=True)])
    yield "affix-long", document(bpe(["a"], end_of_word_suffix="x" * 65), None, None, None, PLAIN, [])
    unigram = dict(type="Unigram", unk_id=0, byte_fallback=False, vocab=[["<unk>", 0.0], ["\u2581", -2.0], ["\u2581the", -3.0], ["a", -3.5], ["th", -4.0], ["e", -4.5]])
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    yield "unigram", document(unigram, None, metaspace, None, metaspace, [])
    yield "unigram-bad", document(dict(unigram, vocab=[["a"]]), None, metaspace, None, metaspace, [])
    yield "unigram-bytes", document(dict(unigram, byte_fallback=True, vocab=unigram["vocab"] + [["<0x%02X>" % b, -9.0] for b in range(256)]), None, metaspace, None, UNMARKS, [])
    piece = dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=20,
                 vocab={s: i for i, s in enumerate(["[UNK]", "the", "##a", "a", "mill", "##e", "t", "##h", ".", ","])})
    yield "wordpiece", document(piece, {"type": "BertNormalizer"}, CUTS["bert"], None, {"type": "WordPiece", "prefix": "##", "cleanup": True}, [])
    level = dict(type="WordLevel", unk_token="[UNK]", vocab={"[UNK]": 0, "the": 1, "a": 2})
    yield "wordlevel", document(level, None, CUTS["whitespace"], None, None, [])
    yield "model-unknown", document(dict(BYTE, type="Odd"), None, BYTE_LEVEL, None, BYTE_LEVEL)
    yield "model-untyped", document(dict(vocab={"a": 0}), None, None, None, PLAIN, [])
    yield "no-model", dict(version="1.0")
    yield "no-vocab", document(dict(type="BPE"), None, BYTE_LEVEL, None, BYTE_LEVEL)


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def message(*members):
    """(number, bytes, int or float)"""
    out = b""
    for number, v in members:
        if isinstance(v, bytes):
            out += varint(number << 3 | 2) + varint(len(v)) + v
        elif isinstance(v, float):
            out += varint(number << 3 | 5) + struct.pack("<f", v)
        else:
            out += varint(number << 3) + varint(v & (1 << 64) - 1)
    return out


def spm(kind, trainer=(), normalizer=(), pieces=None):
    pieces = pieces or [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("\u2581", -1.0, 1), ("t", -2.0, 1), ("h", -3.0, 1), ("th", -0.5, 1), ("e", -4.0, 1),
                        ("\u2581the", -0.25, 1), ("the", -0.3, 1), ("a", -5.0, 1), ("aa", -6.0, 1), ("<tool>", 0.0, 4), ("<0x4D>", 0.0, 6), ("[PAD]", 0.0, 5)]
    made = [(1, message((1, t.encode()), (2, s), (3, k))) for t, s, k in pieces]
    return b"s" + message(*made, (2, message((3, kind), *trainer)), (3, message(*normalizer)), (9, 7))


def files():
    blob = base64.b64decode(charsmap())
    yield "spm-unigram", spm(1, [(40, 0), (41, 1), (42, 2), (43, -1), (44, b" ? "), (35, 1)], [(2, blob), (3, 1), (4, 1), (5, 1)])
    yield "spm-bpe", spm(2, [], [(3, 0), (4, 0)])
    yield "spm-words", spm(3)
    yield "spm-unescaped", spm(1, [], [(5, 0)])
    yield "spm-bad-map", spm(1, [], [(2, b"\4\0\0\0")])
    yield "spm-bad-kind", spm(1, pieces=[("a", 0.0, 9)])
    yield "spm-no-text", b"s" + message((1, message((2, 1.0))))
    yield "spm-no-pieces", b"s" + message((2, message((3, 1))))
    yield "spm-bad-id", spm(2, [(41, 99)])
    yield "spm-nan", spm(1, pieces=[("a", float("nan"), 1)])
    yield "spm-fixed64", b"s" + varint(9 << 3 | 1) + bytes(8) + spm(2)[1:]
    yield "spm-group", b"s" + varint(9 << 3 | 3)
    yield "spm-long-varint", b"s" + b"\x08" + b"\xff" * 12
    yield "spm-cut", spm(1)[:60]
    yield "spm-cut-trainer", b"s" + message((1, message((1, b"a"))), (2, b"\x1a\x09a"))
    config = dict(pattern=r"\p{N}{1,3}", default_vocab_size=12, default_num_special_tokens=4, num_vocab_tokens=9, version="v3")
    vocab = [dict(rank=i, token_bytes=base64.b64encode(s).decode(), token_str=None) for i, s in enumerate([b"a", b"t", b"h", b"e", b"th", b"the", b" the", b"aa", b"1"])]
    special = [dict(rank=i, token_str=s, is_control=True) for i, s in enumerate(["<unk>", "<s>", "</s>"])]
    tekken = dict(config=config, vocab=vocab, special_tokens=special)

    def document(**more):
        return b"k" + json.dumps(dict(tekken, **more)).encode()

    yield "tekken", document()
    yield "tekken-old", document(special_tokens=None)
    yield "tekken-many", document(special_tokens=None, config=dict(config, default_num_special_tokens=30, default_vocab_size=36))
    yield "tekken-regex", document(config=dict(config, pattern=r"[a-z]+|\s+"))
    yield "tekken-bad-pattern", document(config=dict(config, pattern="("))
    yield "tekken-rank", document(vocab=[dict(rank=3, token_bytes="YQ==")])
    yield "tekken-base64", document(vocab=[dict(rank=0, token_bytes="*")])
    yield "tekken-long", document(vocab=[dict(rank=0, token_bytes="A" * 5000)])
    yield "tekken-special-text", document(special_tokens=[dict(rank=0, token_str="")])
    yield "tekken-special-many", document(special_tokens=[dict(rank=i, token_str="<%d>" % i) for i in range(6)])
    yield "tekken-no-config", b"k{}"
    yield "tekken-bad-config", document(config={})
    lines = b"".join(b"%s %d\n" % (base64.b64encode(bytes([b])), b) for b in range(64))
    yield "tiktoken-unknown", b"t" + lines
    yield "tiktoken-crlf", b"t" + lines[:40].replace(b"\n", b"\r\n") + b"\n"
    for i, size in enumerate((50256, 100256, 128000, 151643, 127957, 163584, 199998, 200000)):  # the target makes the lines before
        rest = b"".join(b"%s %d\n" % (base64.b64encode(b"%d" % k), size - 2 + k) for k in range(2))
        yield "tiktoken-%d" % size, b"n" + bytes([8 * i + 2]) + rest
        if size == 199998:
            yield "tiktoken-harmony", b"n" + bytes([128 + 8 * i + 2]) + rest
    kimi = dict(auto_map=["tokenization_kimi.TikTokenTokenizer"], bos_token="[BOS]", eos_token=dict(content="[EOS]"), add_bos_token=True, eos_token_id=[65, 999],
                added_tokens_decoder={"64": dict(content="[BOS]", special=True), "65": dict(content="[EOS]", special=True), "70": dict(content="<think>")})
    glm = dict(auto_map=["ChatGLM4Tokenizer"], added_tokens_decoder={"64": dict(content="[gMASK]"), "66": dict(content="<sop>", special=True)})
    for name, config in (("kimi", kimi), ("glm4", glm), ("no-mask", dict(glm, added_tokens_decoder={})), ("bad-added", dict(kimi, added_tokens_decoder={"x": {"content": "a"}})),
                         ("added-rank", dict(kimi, added_tokens_decoder={"3": {"content": "a"}})), ("unnamed", dict(kimi, added_tokens_decoder={"65": {}}))):
        yield "tiktoken-" + name, b"t" + lines + b"\0" + json.dumps(config).encode()
    yield "tiktoken-bad-config", b"t" + lines + b"\0{\"a\": \"tokenization_kimi.TikTokenTokenizer\""
    yield "tiktoken-no-rank", b"tYQ==\n\0{\"a\": \"tokenization_kimi.TikTokenTokenizer\"}"
    yield "tiktoken-bad-rank", b"tYQ== x\n\0{\"a\": \"tokenization_kimi.TikTokenTokenizer\"}"
    yield "tiktoken-other-rank", b"tYQ== 7\n\0{\"a\": \"tokenization_kimi.TikTokenTokenizer\"}"


CONFIG = dict(bos_token="<s>", eos_token=dict(content="</s>", special=True), unk_token=None, pad_token="</s>", add_bos_token=True, add_eos_token=True,
              eos_token_id=[1, 0, 99999], chat_template="x")

if __name__ == "__main__":
    out = sys.argv[1] + "/tokenizer_files"
    os.makedirs(out, exist_ok=True)
    for name, data in files():
        with open("%s/%s" % (out, name), "wb") as f:
            f.write(data)
    out = sys.argv[1] + "/tokenizer_json"
    os.makedirs(out, exist_ok=True)
    for name, d in seeds():
        with open("%s/%s" % (out, name), "w") as f:
            f.write(json.dumps(d, ensure_ascii=False, separators=(",", ":")))
    first = json.dumps(document(BYTE, None, BYTE_LEVEL, None, BYTE_LEVEL))
    for name, config in (("config", json.dumps(CONFIG)), ("config-one", json.dumps(dict(CONFIG, eos_token_id=1))), ("config-bad", "{")):
        with open("%s/%s" % (out, name), "w") as f:
            f.write(first + "\0" + config)
    for name, text in (("cut", first[:900]), ("empty", ""), ("list", "[]")):
        with open("%s/%s" % (out, name), "w") as f:
            f.write(text)
