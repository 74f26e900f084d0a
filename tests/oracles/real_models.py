"""Greedy continuations and per-token log-probabilities of the two real models, by transformers in float32
on weights that gguf-py dequantizes.

    python real_models.py MODEL_FOLDER OUT_FOLDER        reads <name>.gguf, writes <name>.json

Where PEER_COMPLETION and PEER_TOKENIZE name llama.cpp's programs, token ids are compared, and its greedy
text on the same weights written out as float32 (and on the file itself, whose activations it quantizes)
is recorded beside."""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import jinja2
import numpy as np
import torch
import transformers

N_GREEDY = 96
POEM = """The mill stands on the hill where the wind is strong, and the miller gets up before the sun to see which way the sails must turn.
He opens the small door, climbs the stairs, and listens to the stones. When the grain is dry they sing; when it is wet they complain.
His daughter brings the sacks in from the cart, counts them twice, and writes the number on the wall with a piece of chalk.
Nobody in the village owns a clock, so they look at the sails. If the sails stand still at noon, there will be no bread tomorrow.
"""
LONG = POEM + """Once, in a year without wind, the people carried the grain home again and ground it by hand, each family with two flat stones.
It took the whole evening to make enough flour for one loaf, but the loaf was theirs, and no one had to ask the lord for his permission.
The lord did not like this. He sent a man to break the stones, house by house, and the man came back in the evening with nothing done.
"They hide them," he said. "Under the bed, in the well, behind the picture of your grandfather. I have found one, and it was too heavy to lift."
So the lord made a law: whoever grinds his own grain pays the miller all the same. The miller was ashamed of the law and never took the money.
When the wind came back in the spring, the sails turned day and night, and the miller ground the grain of the whole village without asking for a coin.
The lord heard of it and rode up the hill himself. He stood before the mill for a long time, looked at the sails, and then at the road behind him.
All the people of the village stood on the road. They did not shout and they did not carry anything in their hands. They only looked at him.
He got off his horse, went into the mill, and asked the miller's daughter how many sacks there were. "Forty-two," she said, "and one of them is yours."
From this day on the law was forgotten, although nobody ever wrote down that it had ended. The hand mills stayed under the beds, clean and dry.
Years later a traveller asked why every house kept two stones that no one used. An old woman laughed. "We use them every day," she said.
"As long as they are here, the mill on the hill is ours as well. A thing you can do yourself is a thing that no one can sell you too dearly."
The traveller wrote it in his book, under a drawing of the hill, between the price of salt and the way to the next town.
"""
CODE = '''def fibonacci(n):
    """Return the n-th Fibonacci number."""
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def is_prime(n):
'''
PROMPTS = {
    "smollm2": [
        dict(name="question", messages=[dict(role="user", content="How does a hand mill grind grain? List the steps.")]),
        dict(name="system", messages=[dict(role="system", content="You are a patient teacher."),
                                      dict(role="user", content="Explain why the sky is blue to a child of ten.")]),
        dict(name="long", messages=[dict(role="user", content=LONG + "\nWho is the miller's daughter, and what does she say to the lord? Tell the story again in your own words.")]),
    ],
    "gemma3-270m": [
        dict(name="sentence", text="The capital of France is"),
        dict(name="code", text=CODE),
        dict(name="long", text=LONG + "On the last page of the book"),
    ],
}


def weights_of(reader):
    """GGUF name -> float32 array in row-major [outputs][inputs]."""
    return {t.name: np.ascontiguousarray(gguf.quants.dequantize(t.data, t.tensor_type), dtype=np.float32)
            .reshape([int(d) for d in reversed(t.shape)]) for t in reader.tensors}


def halves(w, head_dim):
    """Undoes llama's permutation: neighbours of a rope pair move half a head apart."""
    return w.reshape(-1, head_dim // 2, 2, w.shape[-1]).swapaxes(1, 2).reshape(w.shape)


NAMES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "attn_q_norm": "self_attn.q_norm",
         "attn_k_norm": "self_attn.k_norm", "post_attention_norm": "post_attention_layernorm",
         "post_ffw_norm": "post_feedforward_layernorm"}


def hf_weights(weights, gemma, head_dim):
    out = {}
    for name, w in weights.items():
        if name.endswith("norm.weight") and gemma:
            w = w - np.float32(1)  # Hugging Face adds the one again
        if not name.startswith("blk."):
            out[{"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
                 "output.weight": "lm_head.weight"}[name]] = w
            continue
        _, layer, role, _ = name.split(".")
        if role in ("attn_q", "attn_k") and not gemma:
            w = halves(w, head_dim)
        hf = "pre_feedforward_layernorm" if role == "ffn_norm" and gemma else \
             "post_attention_layernorm" if role == "ffn_norm" else NAMES[role]
        out[f"model.layers.{layer}.{hf}.weight"] = w
    return out


def load(path):
    reader = gguf.GGUFReader(path)
    get = lambda key, default=None: reader.fields[key].contents() if key in reader.fields else default
    arch = get("general.architecture")
    key = lambda name, default=None: get(f"{arch}.{name}", default)
    weights, heads = weights_of(reader), key("attention.head_count")
    head_dim = key("attention.key_length", key("embedding_length") // heads)
    base = key("rope.freq_base", 10000.0)
    common = dict(vocab_size=weights["token_embd.weight"].shape[0], hidden_size=key("embedding_length"),
                  intermediate_size=key("feed_forward_length"), num_hidden_layers=key("block_count"),
                  num_attention_heads=heads, num_key_value_heads=key("attention.head_count_kv"), head_dim=head_dim,
                  rms_norm_eps=key("attention.layer_norm_rms_epsilon"), max_position_embeddings=key("context_length"),
                  tie_word_embeddings="output.weight" not in weights, attn_implementation="eager")
    if arch == "llama":
        config = transformers.LlamaConfig(**common, rope_parameters=dict(rope_type="default", rope_theta=base))
        kind = transformers.LlamaForCausalLM
    else:
        assert arch == "gemma3", arch
        kinds = ["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(common["num_hidden_layers"])]
        config = transformers.Gemma3TextConfig(
            **common, query_pre_attn_scalar=head_dim, sliding_window=key("attention.sliding_window"), layer_types=kinds,
            rope_parameters=dict(full_attention=dict(rope_type="default", rope_theta=base),
                                 sliding_attention=dict(rope_type="default", rope_theta=10000.0)))
        kind = transformers.Gemma3ForCausalLM
    model = kind(config).to(torch.float32).eval()
    state = {n: torch.from_numpy(w.copy()) for n, w in hf_weights(weights, arch == "gemma3", head_dim).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return reader, weights, model, get


def render(template, messages):
    """As transformers renders it: trimmed blocks, a sandbox."""
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(messages=messages, add_generation_prompt=True)


def greedy(model, ids, stop):
    """N_GREEDY tokens or up to the first of `stop`, with the runner-up and how far it lay behind."""
    out, second, gaps, cache = [], [], [], None
    feed = torch.tensor([ids])
    with torch.no_grad():
        while len(out) < N_GREEDY and not (out and out[-1] in stop):
            r = model(feed, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = r.past_key_values
            top = torch.topk(r.logits[0, -1], 2)
            out.append(int(top.indices[0]))
            second.append(int(top.indices[1]))
            gaps.append(round(float(top.values[0] - top.values[1]), 5))
            feed = torch.tensor([[out[-1]]])
    return out, second, gaps


def layers(model, ids):
    """Of the last position: root mean square and first four values behind each layer."""
    seen = []
    hooks = [m.register_forward_hook(lambda m, a, out: seen.append((out[0] if isinstance(out, tuple) else out).reshape(len(ids), -1)[-1]))
             for m in model.model.layers]
    with torch.no_grad():
        model(torch.tensor([ids]), use_cache=False, logits_to_keep=1)
    for hook in hooks:
        hook.remove()
    return [dict(rms=float(h.square().mean().sqrt()), first=[float(v) for v in h[:4]]) for h in seen]


def score(model, ids, n_top=5):
    """Of each token behind the first: its log-probability and the n_top most likely in its place."""
    with torch.no_grad():
        p = torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0, :-1].double(), -1)
    own = p[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
    top = torch.topk(p, n_top)
    return dict(ids=ids, logprob=[round(float(v), 6) for v in own], nll=float(-own.mean()),
                top=[[[int(i), round(float(v), 6)] for i, v in zip(a, b)] for a, b in zip(top.indices, top.values)])


def write_f32(path, reader, weights):
    """The same model with all tensors as float32, for the peer."""
    arch = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(path, arch)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        sub = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub)
    for name, w in weights.items():
        writer.add_tensor(name, w)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def peer_text(path, prompt, n):
    """llama.cpp's greedy text; float32 keys and values, no fused attention."""
    command = [os.environ["PEER_COMPLETION"], "-m", path, "-p", prompt, "--no-escape", "-n", str(n), "--temp", "0", "-t", "1",
               "-no-cnv", "-fa", "off", "-ctk", "f32", "-ctv", "f32", "--no-display-prompt", "--no-warmup", "-c", "2048"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout.decode()


def peer_ids(path, text):
    command = [os.environ["PEER_TOKENIZE"], "-m", path, "--ids", "--log-disable", "--stdin"]
    return json.loads(subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout)


def common_prefix(a, b):
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def make(name, folder, out):
    path = str(folder / f"{name}.gguf")
    reader, weights, model, get = load(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), gguf_file=f"{name}.gguf")
    stop = {get("tokenizer.ggml.eos_token_id")}
    result = dict(model=name, sha256=hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
                  made_by=f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, gguf {importlib.metadata.version('gguf')}, float32, eager",
                  greedy=[])
    encode = lambda text: tokenizer(text).input_ids
    peer = "PEER_COMPLETION" in os.environ
    with tempfile.TemporaryDirectory() as scratch:
        wide = f"{scratch}/{name}-f32.gguf"
        if peer:
            write_f32(wide, reader, weights)
        for p in PROMPTS[name]:
            text = render(get("tokenizer.chat_template"), p["messages"]) if "messages" in p else p["text"]
            ids = encode(text)
            assert not peer or peer_ids(path, text) == ids, (p["name"], "token ids differ")
            more, second, gaps = greedy(model, ids, stop)
            row = dict(p, prompt=text, ids=ids, continuation=more, text=tokenizer.decode([t for t in more if t not in stop]),
                       second=second, gap=gaps)
            if not result["greedy"]:
                row["layers"] = layers(model, ids)
            print(name, p["name"], len(ids), "->", len(more), "least gap", min(gaps), "at", gaps.index(min(gaps)), repr(row["text"][:300]))
            if peer:
                row["peer_f32_text"] = peer_text(wide, text, len(more))
                row["peer_file_text"] = peer_text(path, text, len(more))
                for k in ("peer_f32_text", "peer_file_text"):
                    print("   ", k, common_prefix(row[k], row["text"]), "of", len(row["text"]), "characters are the same")
            result["greedy"].append(row)
    result["score"] = dict(text=LONG, **score(model, encode(LONG)))
    print(name, "score of", len(result["score"]["ids"]), "tokens: nll", result["score"]["nll"])
    rows = [f'"{k}": ' + (("[\n" + ",\n".join(json.dumps(v, ensure_ascii=False) for v in value) + "\n]") if k == "greedy"
                          else json.dumps(value, ensure_ascii=False)) for k, value in result.items()]
    (out / f"{name}.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    models, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    for model_name in PROMPTS:
        make(model_name, models, target)
