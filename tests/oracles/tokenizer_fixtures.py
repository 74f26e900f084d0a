"""Small tokenizers, trained here, and the ids that tokenizers and sentencepiece give for them; and the
ids of the two real models. Run with tokenizers 0.23.3, sentencepiece 0.2.3, gguf 0.19.0:

    python tests/oracles/tokenizer_fixtures.py small tests/fixtures/text
    python tests/oracles/tokenizer_fixtures.py smollm2 model.gguf tests/fixtures/text/smollm2.jsonl
    python tests/oracles/tokenizer_fixtures.py gemma3 model.gguf tokenizer.json.gz tests/fixtures/text/gemma3-270m.jsonl

bpe.vocab is byte-level BPE; bpe-PRE.jsonl are its ids under a pre-tokenizer, pieces.jsonl the byte
lengths of the pieces that every pre-tokenizer cuts a text into. spm*.vocab are SentencePiece BPE. A row is {"text", "ids", "parse_special"?, "add_special"?, "decoded"?}; "decoded" is
left out where it equals the text.
"""
import copy
import gzip
import io
import json
import sys

import sentencepiece as spm
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import vocab_file
from tokenizer_strings import LANGUAGES, PLAIN, all_strings

CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = r"[^\r\n\p{L}\p{N}]?%s*%s+%s|[^\r\n\p{L}\p{N}]?%s+%s*%s"
LLAMA3 = CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + SPACES
LETTERS_LLM = ("A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ"
               "Ὗ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆ"
               "ﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃")
SPLITS = {
    "gpt-2": ["gpt2"],
    "smollm": ["digits", "gpt2"],
    "llama-bpe": [LLAMA3],
    "qwen2": [LLAMA3.replace("{1,3}", "")],
    "qwen35": [CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + SPACES],
    "gpt-4o": [CASED % (UPPER, LOWER, CONTRACTION + "?", UPPER, LOWER, CONTRACTION + "?")
               + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES],
    "tekken": [CASED % (UPPER, LOWER, "", UPPER, LOWER, "") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + SPACES],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
                    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
                    r"""| ?[\p{P}\p{S}]+[\r\n]*""" + SPACES],
    "deepseek-llm": [r"[\r\n]", r"\s?[%s]+" % LETTERS_LLM, r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥ࠀ-一가-퟿]+",
                     "digits"],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", "digits"],
}
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER = ["<tool>", "</tool>", "  \n"]


def pre_tokenizer(stages):
    made = []
    for s in stages:
        if s == "digits":
            made.append(pre_tokenizers.Digits(individual_digits=True))
        elif s == "gpt2":
            return pre_tokenizers.Sequence(made + [pre_tokenizers.ByteLevel(add_prefix_space=False)])
        else:
            made.append(pre_tokenizers.Split(Regex(s), "isolated"))
    return pre_tokenizers.Sequence(made + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def corpus(n_english=20):
    known = [s for s in PLAIN if "unreachable" not in s]
    return (LANGUAGES + known) * 3 + ["the mill grinds the grain and the grain is ground by the mill 123 456 789 100 200\n\n"] * n_english


def row(tokenizer, text, **flags):
    ids = tokenizer.encode(text, add_special_tokens=flags.get("add_special", False)).ids
    r = {"text": text, "ids": ids, **flags}
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    if decoded != text:
        r["decoded"] = decoded
    return r


def save(path, rows):
    with open(path, "w") as f:
        for r in rows:
            f.write(json.dumps(r) + "\n")
    print(path, len(rows))


def with_and_without(j, strings):
    """Rows with control tokens parsed, and without: then they are no added tokens."""
    trusted = Tokenizer.from_str(json.dumps(j))
    plain = copy.deepcopy(j)
    plain["added_tokens"] = [a for a in j["added_tokens"] if not a["special"]]
    untrusted = Tokenizer.from_str(json.dumps(plain))
    rows = [row(untrusted, s, parse_special=False) for s in strings]
    return rows + [row(trusted, s, parse_special=True) for s in strings if any(c in s for c in "<[")]


def small_bpe(out):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizer(SPLITS["llama-bpe"])
    t.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=700, special_tokens=CONTROL, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    j = json.loads(t.to_str())
    vocab = j["model"]["vocab"]
    for text in USER + ["\u0120unreachable"]:  # the last by no merge, only as a whole
        vocab[text] = len(vocab)
    j["added_tokens"] = [dict(id=vocab[s], content=s, single_word=False, lstrip=False, rstrip=False, normalized=False,
                              special=s in CONTROL) for s in CONTROL + USER]
    texts = sorted(vocab, key=vocab.get)
    assert [vocab[s] for s in texts] == list(range(len(texts)))
    kinds = [vocab_file.CONTROL if s in CONTROL else vocab_file.USER if s in USER else vocab_file.NORMAL for s in texts]
    merges = [m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]]
    vocab_file.write(out + "/bpe.vocab", "gpt2", "smollm", [s.encode() for s in texts], kinds, [m.encode() for m in merges],
                     bos=1, eos=2, add_bos=0)
    j["decoder"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    strings = all_strings(60, CONTROL + USER)
    pieces(out, strings)
    for pre in ("smollm", "llama-bpe", "deepseek-llm"):
        stages = SPLITS[pre]
        j["model"]["ignore_merges"] = pre in ("llama-bpe", "tekken")
        holder = Tokenizer(models.BPE())
        holder.pre_tokenizer = pre_tokenizer(stages)
        j["pre_tokenizer"] = json.loads(holder.to_str())["pre_tokenizer"]
        save("%s/bpe-%s.jsonl" % (out, pre), with_and_without(j, strings))


def pieces(out, strings):
    cutters = {pre: pre_tokenizer(stages) for pre, stages in SPLITS.items()}
    rows = []
    for s in strings:  # a byte is one character of the pieces
        rows.append({"text": s, "pieces": {pre: [len(p) for p, _ in c.pre_tokenize_str(s)] for pre, c in cutters.items()}})
    save(out + "/pieces.jsonl", rows)


def small_spm(out, name, prefix, fallback, user):
    model = io.BytesIO()
    options = dict(model_type="bpe", vocab_size=700 if fallback else 420, byte_fallback=fallback, normalization_rule_name="identity",
                   remove_extra_whitespaces=False, add_dummy_prefix=prefix, character_coverage=0.98, max_sentence_length=10000,
                   user_defined_symbols=user, minloglevel=2)
    spm.SentencePieceTrainer.train(sentence_iterator=iter([s for s in corpus(900) if s.strip() and "\0" not in s]),
                                   model_writer=model, **options)
    p = spm.SentencePieceProcessor(model_proto=model.getvalue())
    n = p.vocab_size()
    kinds = [vocab_file.UNKNOWN if p.is_unknown(i) else vocab_file.CONTROL if p.is_control(i) else
             vocab_file.BYTE if p.is_byte(i) else vocab_file.USER if p.id_to_piece(i) in user else vocab_file.NORMAL for i in range(n)]
    vocab_file.write("%s/%s.vocab" % (out, name), "llama", "", [p.id_to_piece(i).encode() for i in range(n)], kinds,
                     scores=[p.get_score(i) for i in range(n)], bos=1, eos=2, unk=0, add_bos=1, add_eos=0, add_space_prefix=int(prefix))
    rows = []
    for s in all_strings(150, user):
        if "\0" in s or (user and "\u2581" in s):
            continue  # a spelled U+2581 beside a user token is where tokenizers, which decides, differs
        r = {"text": s, "ids": p.encode(s)}
        back = s.replace("\u2581", " ")
        if fallback and back != s:
            r["decoded"] = back
        if fallback and prefix and back.startswith(" ") and not p.encode(s):
            continue
        rows.append(r)
        rows.append({"text": s, "ids": p.encode(s, add_bos=True), "add_special": True})
    save("%s/%s.jsonl" % (out, name), rows)


def small(out):
    small_bpe(out)
    small_spm(out, "spm-prefix", True, True, [])
    small_spm(out, "spm", False, True, ["<tool>", "</tool>", "\u2581\u2581", "\u2581\u2581\u2581", "\n\n"])
    small_spm(out, "spm-unknown", True, False, [])


def specials_of(j):
    return [a["content"] for a in j["added_tokens"]]


def smollm2(gguf, out):
    """The published tokenizer.json's pipeline around the vocabulary of the GGUF file."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    texts, kinds = (fields["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type"))
    merges = [tuple(m.split(" ", 1)) for m in fields["tokenizer.ggml.merges"].contents()]
    t = Tokenizer(models.BPE({s: i for i, s in enumerate(texts)}, merges))
    t.pre_tokenizer = pre_tokenizer(SPLITS["smollm"])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(s, normalized=False) for s, k in zip(texts, kinds) if k == vocab_file.CONTROL])
    j = json.loads(t.to_str())
    save(out, with_and_without(j, all_strings(400, specials_of(j))))


def gemma3(gguf, tokenizer_json, out):
    """The published tokenizer.json, whose vocabulary must be that of the GGUF file."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    texts, kinds = (fields["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type"))
    j = json.load(gzip.open(tokenizer_json))
    vocab = j["model"]["vocab"]
    for i, s in enumerate(texts):
        if vocab.get(s) != i and vocab.get(s.replace(" ", "\u2581")) != i:
            print("differs:", i, repr(s))
    control = {s for s, k in zip(texts, kinds) if k in (vocab_file.CONTROL, vocab_file.UNKNOWN)}
    j["added_tokens"] = [dict(a, special=a["content"] in control) for a in j["added_tokens"] if a["id"] < len(texts)]
    save(out, with_and_without(j, all_strings(400, specials_of(j)[:40])))


if __name__ == "__main__":
    {"small": small, "smollm2": smollm2, "gemma3": gemma3}[sys.argv[1]](*sys.argv[2:])
