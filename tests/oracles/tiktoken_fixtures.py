"""tiktoken files of the published sizes, by tiktoken 0.14.0:

    python tests/oracles/tiktoken_fixtures.py tests/fixtures/text/tiktoken.jsonl

The ranks are made, so that none of the published ones need be here: the 256 bytes, then words of ALPHABET of two and more
letters, as many as the file has, which join what no pattern leaves together. Patterns and special tokens are those of the package's openai_public.py, and of the models'
own code for the others. A line a file: {"name" of the file, "ranks", "gap": the rank that is left out, "config":
tokenizer_config.json, "first": the first id behind the ranks, "n_tokens", "names": FNV-1a of the names from there on,
each and a newline, "before", "rows": [[text, trusted, ids], ...]}.
"""
import itertools
import json
import random
import sys

import tiktoken
from tiktoken_ext import openai_public

from tokenizer_strings import LANGUAGES, PLAIN

CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = CL100K.replace("{1,3}", "")
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}%s]*[\p{Ll}\p{Lm}\p{Lo}\p{M}%s]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n%s]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HAN = r"&&[^\p{Han}]"
KIMI = "|".join([r"[\p{Han}]+", CASED % (HAN, HAN), (CASED % (HAN, HAN)).replace("]]*[", "]]+[").replace("]]+(?i", "]]*(?i"), r"\p{N}{1,3}", TAIL % ""])
O200K = "|".join([CASED % ("", ""), (CASED % ("", "")).replace("]*[", "]+[").replace("]+(?i", "]*(?i"), r"\p{N}{1,3}", TAIL % "/"])


ALPHABET = "aelst AS12'/.\n\r!-(\u00e9\u4e2dvmdr:_"


def made(n, gap=None):
    words = ("".join(w).encode() for k in (2, 3, 4) for w in itertools.product(ALPHABET, repeat=k))
    tokens = [bytes([b]) for b in range(256)] + ["\u00e9".encode(), "\u4e2d".encode()[:2], "\u4e2d".encode()]
    tokens += itertools.islice(words, n - len(tokens))
    return {t: i + (gap is not None and i >= gap) for i, t in enumerate(tokens)}


def published(name, n, gap=None):
    openai_public.load_tiktoken_bpe = lambda *a, **k: made(n, gap)
    e = openai_public.ENCODING_CONSTRUCTORS[name]()
    return dict(name=name + ".tiktoken", ranks=n, gap=gap, pat_str=e["pat_str"], special=e["special_tokens"])


def reserved(name, first, n):
    return ["<|%s_%d|>" % (name, i) for i in range(first, first + n)]


def listed(name, n, pat_str, names, config=None, before=()):
    special = {s: n + i for i, s in enumerate(names)}
    return dict(name=name, ranks=n, gap=None, pat_str=pat_str, special=special, config=config, before=[special[b] for b in before])


def llama4():
    text, vision, think = "text_post_train_reserved_special_token", "vision_reserved_special_token", "reasoning_reserved_special_token"
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
             "<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>", "<|step|>", *reserved(text, 0, 6),
             "<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>", *reserved(text, 8, 61),
             "<|image_start|>", "<|image_end|>", *reserved(vision, 0, 2), "<|tile_x_separator|>", "<|tile_y_separator|>", *reserved(vision, 2, 4),
             "<|image|>", *reserved(vision, 6, 1), "<|patch|>", *reserved(vision, 7, 1041),
             *reserved(think, 0, 8), "<|reasoning_thinking_start|>", "<|reasoning_thinking_end|>"]
    return listed("tokenizer.model", 200000, O200K, names + reserved("reserved_special_token", 0, 2048 - len(names)))


def llama3():
    names = ["<|begin_of_text|>", "<|end_of_text|>", *reserved("reserved_special_token", 0, 2), "<|finetune_right_pad_id|>", "<|step_id|>",
             "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>", "<|image|>"]
    return listed("tokenizer.model", 128000, CL100K, names + reserved("reserved_special_token", 2, 256 - len(names)))


def kimi(n):
    named = {0: "[BOS]", 1: "[EOS]", 2: "<|im_end|>", 3: "<|im_user|>", 11: "<|tool_calls_section_begin|>", 22: "<think>", 254: "[UNK]", 255: "[PAD]"}
    names = [named.get(i, "<|reserved_token_%d|>" % (n + i)) for i in range(256)]
    added = {str(n + i): dict(content=s, lstrip=False, normalized=False, rstrip=False, single_word=False, special=not s.startswith("<|tool") and s != "<think>")
             for i, s in named.items()}
    module = "tokenization_kimi" if n == 300 else "tokenization_moonshot"  # known by its size
    config = dict(added_tokens_decoder=added, auto_map={"AutoTokenizer": [module + ".TikTokenTokenizer", None]}, bos_token="[BOS]", eos_token="[EOS]",
                  pad_token="[PAD]", unk_token=dict(content="[UNK]"), tokenizer_class="TikTokenTokenizer")
    return listed("tiktoken.model", n, KIMI, names, config)


def glm4(n):
    names = ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
    added = {str(n + i): dict(content=s, special=True) for i, s in enumerate(names)}
    config = dict(added_tokens_decoder=added, eos_token="<|endoftext|>")
    if n == 1000:
        config["auto_map"] = {"AutoTokenizer": ["tokenization_chatglm.ChatGLM4Tokenizer", None]}
    return listed("tokenizer.model", n, CL100K, names, config, ("[gMASK]", "<sop>"))


def real(n, config):
    """The pattern and special tokens of a published file of n ranks."""
    if n in (163584, 151329):
        x = kimi(n) if n == 163584 else glm4(n)
        x["special"] = {} if n == 151329 else {"<|reserved_token_%d|>" % i: i for i in range(n, n + 256) if str(i) not in config["added_tokens_decoder"]}
        x["special"].update({a["content"]: int(i) for i, a in config["added_tokens_decoder"].items()})
        return x
    return next(x for x in files() if x["ranks"] == n)


def files():
    return [published("r50k_base", 50256), published("p50k_base", 50280, 50256), published("p50k_edit", 50280, 50256), published("cl100k_base", 100256),
         published("o200k_base", 199998), published("o200k_harmony", 199998), llama3(), llama4(), kimi(300), kimi(163584), glm4(1000), glm4(151329),
         listed("qwen.tiktoken", 151643, QWEN, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *reserved("extra", 0, 205)]),
         listed("hy.tiktoken", 127957, QWEN, ["<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>", *reserved("extra", 0, 205)])]


def fnv(text):
    h = 0xCBF29CE484222325
    for b in text.encode():
        h = ((h ^ b) * 0x100000001B3) & ((1 << 64) - 1)
    return "%016x" % h


def texts(special):
    names = sorted(special, key=special.get)
    some = names[:4] + names[-2:]
    yield from ("x" + s + " y" for s in some)
    yield from (s[:-1] + s for s in some)
    yield from ("2112 112", "a12.s 1211", "e\n \n  ", " .//\n\n-a", "As\u4e2d\u4e2dsA 'S'md", "tAt SSa\u00e9\u4e2d ")
    r = random.Random(len(special))
    yield from ("".join(r.choice(ALPHABET) for _ in range(r.randint(8, 30))) for _ in range(20))
    yield from (s for s in PLAIN[1:] + LANGUAGES[::5] if not any(ord(c) >= 0x300 and ord(c) < 0x370 for c in s) and "<" not in s)


def main(out):
    with open(out, "w") as f:
        for x in files():
            ranks = made(x["ranks"], x["gap"])
            e = tiktoken.Encoding(x["name"], pat_str=x["pat_str"], mergeable_ranks=ranks, special_tokens=x["special"])
            ids = {i: s for s, i in x["special"].items()}
            first, n = x["ranks"] + (x["gap"] is not None), max([*ids, max(ranks.values())]) + 1
            rows = [[s, trusted, e.encode(s, allowed_special="all" if trusted else set(), disallowed_special=())]
                    for i, s in enumerate(list(dict.fromkeys(texts(x["special"])))[: 40 if x["ranks"] > 500 else 200]) for trusted in ((True, False) if "<" in s or "[" in s else (bool(i % 2),))]
            f.write(json.dumps(dict(name=x["name"], ranks=x["ranks"], gap=x["gap"], config=x.get("config"), first=first, n_tokens=n, before=x.get("before", []),
                                    names=fnv("".join(ids.get(i, "") + "\n" for i in range(first, n))), rows=rows)) + "\n")
            print(x["name"], x["ranks"], n, len(rows))


if __name__ == "__main__":
    main(sys.argv[1])
