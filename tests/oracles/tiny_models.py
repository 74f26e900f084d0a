"""Tiny random models of each family: logits and hidden states by transformers, float32, eager attention.

    python tiny_models.py OUT_FOLDER        writes OUT_FOLDER/<name>.bin and prints what was checked

The weights are a function of the spec below and are not stored (README.md tells the formula and the
file format). Each result is held to a second implementation, tiny_reference.py, in float64; the run
fails when they part, when attention is flat, or when a changed property would not show."""

import math
import pathlib
import sys

import numpy as np
import torch
import transformers

import tiny_reference
from tiny_reference import has_experts, has_qk_norm
from quern_random import random_ids, random_u64, random_weights

N_IDS, N_HIDDEN = 150, 80
EPS = 2.0**-10  # large, so that a wrong epsilon shows

COMMON = dict(n_vocab=256, n_ff=96, n_heads=4, n_kv_heads=2, eps=EPS, rope_factor=1.0, rope_freqs=None)
LLAMA = dict(COMMON, family="llama", n_layers=3, n_embd=64, head_dim=16, rope_base=10000.0, tied=False,
             pattern="G", window=0, scale_of=16)
GEMMA = dict(COMMON, family="gemma3", n_embd=64, head_dim=32, rope_base=1e6, rope_base_local=1e4,
             tied=True, pattern="LLLLLG", window=24)
QWEN = dict(COMMON, family="qwen2", n_layers=3, n_embd=64, head_dim=16, rope_base=1e6, tied=True, pattern="G",
            window=0, scale_of=16)
QWEN3 = dict(COMMON, family="qwen3", n_layers=3, n_embd=64, head_dim=32, rope_base=1e6, tied=False, pattern="G",
             window=0, scale_of=32)
QWEN3MOE = dict(QWEN3, family="qwen3moe", n_experts=8, n_used=3, n_ff_expert=64, expert_norm=True)
SPECS = [
    dict(LLAMA, name="llama-plain", seed=101, hidden=True),
    dict(LLAMA, name="llama-tied", seed=102, tied=True, n_embd=96, n_heads=6, rope_base=100000.0),
    dict(LLAMA, name="llama-rope-scaled", seed=103, n_embd=128, head_dim=32, scale_of=32,
         llama3=dict(factor=8.0, low=1.0, high=4.0, original=64)),
    dict(LLAMA, name="llama-wide-head", seed=104, head_dim=32, scale_of=32),
    dict(QWEN, name="qwen2-plain", seed=151),
    dict(QWEN3, name="qwen3-plain", seed=161),
    dict(QWEN3, name="qwen3-tied", seed=162, tied=True, n_heads=6, head_dim=16, scale_of=16, n_kv_heads=3),
    dict(QWEN3MOE, name="qwen3moe-plain", seed=171, hidden=True),
    dict(QWEN3MOE, name="qwen3moe-many", seed=172, n_layers=2, n_experts=24, n_used=8, n_ff_expert=32, tied=True),
    dict(QWEN3MOE, name="qwen3moe-unnormed", seed=173, n_layers=2, expert_norm=False),
    dict(GEMMA, name="gemma3-plain", seed=201, n_layers=8, scale_of=32, hidden=True),
    dict(GEMMA, name="gemma3-query-scalar", seed=202, n_layers=7, scale_of=24),
    dict(GEMMA, name="gemma3-rope-scaled", seed=203, n_layers=12, scale_of=32, n_kv_heads=1, rope_factor=8.0),
]


def tensors_of(s):
    """(GGUF name, HF name, shape, base, scale, transform): the order gives each its seed."""
    e, d, f = s["n_embd"], s["head_dim"], s["n_ff"]
    q, k = s["n_heads"] * d, s["n_kv_heads"] * d
    gemma = s["family"] == "gemma3"
    norm, one = ((0.0, 0.25), "one") if gemma else ((1.0, 0.25), "none")
    pairs = f"pairs:{d}" if s["family"] == "llama" else "none"
    def scale(n_in, gain):  # a multiple of 1/64 near the one that makes outputs of deviation `gain`
        return max(1, round(64 * gain * math.sqrt(3.0 / n_in))) / 64
    rows = [("token_embd.weight", "model.embed_tokens.weight", (s["n_vocab"], e), 0.0, 0.375 if gemma else 1.0, "none")]
    for i in range(s["n_layers"]):
        g, h = f"blk.{i}.", f"model.layers.{i}."
        rows += [
            (g + "attn_norm.weight", h + "input_layernorm.weight", (e,), *norm, one),
            (g + "attn_q.weight", h + "self_attn.q_proj.weight", (q, e), 0.0, scale(e, 1.9), pairs),
            (g + "attn_k.weight", h + "self_attn.k_proj.weight", (k, e), 0.0, scale(e, 1.9), pairs),
            (g + "attn_v.weight", h + "self_attn.v_proj.weight", (k, e), 0.0, scale(e, 1.0), "none"),
            (g + "attn_output.weight", h + "self_attn.o_proj.weight", (e, q), 0.0, scale(q, 1.0), "none"),
        ]
        if has_experts(s):  # transformers joins gate and up; the names of its published files are per expert
            n, f_e = s["n_experts"], s["n_ff_expert"]
            rows += [
                (g + "ffn_gate_inp.weight", h + "mlp.gate.weight", (n, e), 0.0, scale(e, 2.0), "none"),
                (g + "ffn_gate_exps.weight", h + "mlp.experts.gate_proj", (n, f_e, e), 0.0, scale(e, 1.0), "none"),
                (g + "ffn_up_exps.weight", h + "mlp.experts.up_proj", (n, f_e, e), 0.0, scale(e, 1.0), "none"),
                (g + "ffn_down_exps.weight", h + "mlp.experts.down_proj", (n, e, f_e), 0.0, scale(f_e, 4.0), "none"),
            ]
        else:
            rows += [
                (g + "ffn_gate.weight", h + "mlp.gate_proj.weight", (f, e), 0.0, scale(e, 1.0), "none"),
                (g + "ffn_up.weight", h + "mlp.up_proj.weight", (f, e), 0.0, scale(e, 1.0), "none"),
                (g + "ffn_down.weight", h + "mlp.down_proj.weight", (e, f), 0.0, scale(f, 2.0), "none"),
            ]
        if s["family"] == "qwen2":
            rows += [(g + f"attn_{t}.bias", h + f"self_attn.{t}_proj.bias", (q if t == "q" else k,), 0.0, 0.5, "none")
                     for t in "qkv"]
        if has_qk_norm(s):  # times 1.875 each, so that attention is peaked
            rows += [(g + f"attn_{t}_norm.weight", h + f"self_attn.{t}_norm.weight", (d,), 0.875 if gemma else 1.875, 0.25, one)
                     for t in "qk"]
        if gemma:
            rows += [
                (g + "post_attention_norm.weight", h + "post_attention_layernorm.weight", (e,), *norm, one),
                (g + "ffn_norm.weight", h + "pre_feedforward_layernorm.weight", (e,), *norm, one),
                (g + "post_ffw_norm.weight", h + "post_feedforward_layernorm.weight", (e,), *norm, one),
            ]
        else:
            rows += [(g + "ffn_norm.weight", h + "post_attention_layernorm.weight", (e,), *norm, one)]
    rows += [("output_norm.weight", "model.norm.weight", (e,), *norm, one)]
    if not s["tied"]:
        rows += [("output.weight", "lm_head.weight", (s["n_vocab"], e), 0.0, scale(e, 2.0), "none")]
    return rows


def llama3_divisors(s):
    """What GGUF keeps as rope_freqs.weight: each pair's frequency is divided by it."""
    scaling = s.get("llama3")
    if not scaling:
        return None
    out = []
    for i in range(s["head_dim"] // 2):
        wave = 2 * math.pi * s["rope_base"] ** (2 * i / s["head_dim"])
        smooth = (scaling["original"] / wave - scaling["low"]) / (scaling["high"] - scaling["low"])
        smooth = min(1.0, max(0.0, smooth))
        out.append(float(np.float32(1 / ((1 - smooth) / scaling["factor"] + smooth))))
    return out


def config_of(s):
    common = dict(vocab_size=s["n_vocab"], hidden_size=s["n_embd"], intermediate_size=s["n_ff"],
                  num_hidden_layers=s["n_layers"], num_attention_heads=s["n_heads"],
                  num_key_value_heads=s["n_kv_heads"], head_dim=s["head_dim"], rms_norm_eps=s["eps"],
                  max_position_embeddings=2048, tie_word_embeddings=s["tied"], attn_implementation="eager")
    if s["family"] == "llama":
        rope = dict(rope_type="default", rope_theta=s["rope_base"])
        if "llama3" in s:
            c = s["llama3"]
            rope.update(rope_type="llama3", factor=c["factor"], low_freq_factor=c["low"],
                        high_freq_factor=c["high"], original_max_position_embeddings=c["original"])
        return transformers.LlamaConfig(**common, rope_parameters=rope)
    full = dict(rope_type="default", rope_theta=s["rope_base"])
    if s["family"] == "qwen2":
        return transformers.Qwen2Config(**common, rope_parameters=full, use_sliding_window=False)
    if s["family"] == "qwen3":
        return transformers.Qwen3Config(**common, rope_parameters=full, use_sliding_window=False, attention_bias=False)
    if s["family"] == "qwen3moe":
        return transformers.Qwen3MoeConfig(
            **common, rope_parameters=full, use_sliding_window=False, attention_bias=False, num_experts=s["n_experts"],
            num_experts_per_tok=s["n_used"], moe_intermediate_size=s["n_ff_expert"], norm_topk_prob=s["expert_norm"],
            decoder_sparse_step=1, mlp_only_layers=[], experts_implementation="eager")
    if s["rope_factor"] != 1.0:
        full.update(rope_type="linear", factor=s["rope_factor"])
    kinds = ["sliding_attention" if s["pattern"][i % 6] == "L" else "full_attention" for i in range(s["n_layers"])]
    return transformers.Gemma3TextConfig(
        **common, query_pre_attn_scalar=s["scale_of"], sliding_window=s["window"], layer_types=kinds,
        rope_parameters=dict(full_attention=full, sliding_attention=dict(rope_type="default", rope_theta=s["rope_base_local"])))


def model_of(s, weights):
    kind = {"llama": transformers.LlamaForCausalLM, "qwen2": transformers.Qwen2ForCausalLM,
            "qwen3": transformers.Qwen3ForCausalLM, "qwen3moe": transformers.Qwen3MoeForCausalLM,
            "gemma3": transformers.Gemma3ForCausalLM}[s["family"]]
    model = kind(config_of(s)).to(torch.float32).eval()
    for name in [n for n in weights if n.endswith("experts.gate_proj")]:
        weights = dict(weights)
        up = name.replace("gate_proj", "up_proj")
        weights[name.replace("gate_proj", "gate_up_proj")] = np.concatenate([weights.pop(name), weights.pop(up)], 1)
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"} and (not missing or s["tied"]), (missing, unexpected)
    model.tie_weights()
    return model


def run(s, weights, ids):
    """float32 logits [position][vocab] and hidden states [layer][position][n_embd]."""
    model, seen = model_of(s, weights), []
    hooks = [layer.register_forward_hook(lambda m, a, out: seen.append(out[0] if isinstance(out, tuple) else out))
             for layer in model.model.layers]
    with torch.no_grad():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    hidden = torch.stack([h.reshape(len(ids), -1) for h in seen])
    return logits.float().numpy(), hidden.float().numpy()


def changes_of(s):
    """One wrong property at a time: each must show in the logits."""
    heads = {"head grouping": dict(heads_interleaved=True)} if s["n_kv_heads"] > 1 else {}
    out = {"rope base": dict(rope_base=s["rope_base"] * 2), "score scale": dict(scale_of=s["scale_of"] * 1.1),
           "rope pairs": dict(adjacent=True), "epsilon": dict(eps=s["eps"] * 2), **heads,
           "activation": dict(act="llama" if s["family"] == "gemma3" else "gemma3")}
    if s["rope_freqs"]:
        out["rope divisors"] = dict(rope_freqs=None)
    if s["rope_factor"] != 1.0:
        out["rope factor"] = dict(rope_factor=1.0)
    if s["family"] == "qwen2":
        out["biases"] = dict(no_bias=True)
    if has_qk_norm(s):
        out |= {"qk-norm": dict(no_qk_norm=True), "qk-norm behind rope": dict(qk_norm_late=True)}
    if has_experts(s):
        out |= {"experts used, one less": dict(n_used=s["n_used"] - 1), "experts used, one more": dict(n_used=s["n_used"] + 1),
                "renormalised": dict(expert_norm=not s["expert_norm"]), "experts by the least": dict(choose_least=True),
                "gate and up of experts": dict(swap_gate_up=True), "equal weights": dict(equal_weights=True)}
    if s["family"] == "gemma3":
        out |= {"window + 1": dict(window=s["window"] + 1), "window - 1": dict(window=s["window"] - 1),
                "local rope base": dict(rope_base_local=s["rope_base_local"] * 2),
                "norm offset": dict(norm_plus=0.0), "embedding scale": dict(embed_scale=1.0),
                "layer pattern": dict(pattern="LLLLGL"), "post norms": dict(no_post_norm=True)}
    return out


def gguf_keys(s):
    a = s["family"]
    keys = [("general.architecture", "string", a), (f"{a}.block_count", "u32", s["n_layers"]),
            (f"{a}.context_length", "u32", 2048), (f"{a}.embedding_length", "u32", s["n_embd"]),
            (f"{a}.feed_forward_length", "u32", s["n_ff"]), (f"{a}.attention.head_count", "u32", s["n_heads"]),
            (f"{a}.attention.head_count_kv", "u32", s["n_kv_heads"]),
            (f"{a}.attention.key_length", "u32", s["head_dim"]), (f"{a}.attention.value_length", "u32", s["head_dim"]),
            (f"{a}.attention.layer_norm_rms_epsilon", "f32", s["eps"]), (f"{a}.rope.freq_base", "f32", s["rope_base"])]
    if a == "llama":
        return keys + [("llama.rope.dimension_count", "u32", s["head_dim"]), ("llama.vocab_size", "u32", s["n_vocab"])]
    if a in ("qwen2", "qwen3"):
        return keys
    if a == "qwen3moe":
        keys += [(f"{a}.expert_count", "u32", s["n_experts"]), (f"{a}.expert_used_count", "u32", s["n_used"]),
                 (f"{a}.expert_feed_forward_length", "u32", s["n_ff_expert"])]
        return keys + ([] if s["expert_norm"] else [(f"{a}.expert_weights_norm", "bool", 0)])
    keys += [("gemma3.attention.sliding_window", "u32", s["window"])]
    if s["scale_of"] != s["head_dim"]:
        keys += [("gemma3.attention.scale", "f32", float(np.float32(s["scale_of"] ** -0.5)))]
    if s["rope_factor"] != 1.0:
        keys += [("gemma3.rope.scaling.type", "string", "linear"), ("gemma3.rope.scaling.factor", "f32", s["rope_factor"])]
    return keys


def header(s, rows, ids, arrays):
    number = lambda v: f"{v:.9g}" if isinstance(v, float) else str(v)
    lines = ["quern-fixture 1", f"name {s['name']}", f"seed {s['seed']}",
             f"made-by transformers {transformers.__version__} torch {torch.__version__.split('+')[0]}"]
    lines += [f"gguf {key} {kind} {number(value)}" for key, kind, value in gguf_keys(s)]
    for n, (gguf, hf, shape, base, scale, transform) in enumerate(rows):
        dims = " ".join(str(v) for v in shape)
        lines += [f"tensor {gguf} {hf} {random_u64(s['seed'], n)} {number(base)} {number(scale)} {transform} {len(shape)} {dims}"]
    if s["rope_freqs"]:
        lines += [f"values rope_freqs.weight {len(s['rope_freqs'])} " + " ".join(number(v) for v in s["rope_freqs"])]
    lines += [f"ids {len(ids)} " + " ".join(map(str, ids))]
    lines += [f"array {name} {a.ndim} " + " ".join(map(str, a.shape)) for name, a in arrays.items()]
    text = "\n".join(lines) + "\nend"
    return (text + " " * (-(len(text) + 1) % 64) + "\n").encode()


def make(s, folder):
    s = dict(s, rope_freqs=llama3_divisors(s))
    rows = tensors_of(s)
    weights = {hf: random_weights(int(random_u64(s["seed"], n)), shape, base, scale)
               for n, (_, hf, shape, base, scale, _) in enumerate(rows)}
    ids = random_ids(s["seed"] + 1000, N_IDS, s["n_vocab"])
    logits, hidden = run(s, weights, ids)
    s["gaps"] = []
    exact, exact_hidden, entropies = tiny_reference.forward(s, weights, ids)
    span = exact.max() - exact.min()
    error = abs(logits - exact).max() / span
    hidden_error = max(abs(h - e).max() / (e.max() - e.min()) for h, e in zip(hidden, exact_hidden))
    print(f"{s['name']}: logits span {span:.2f}, rms {exact.std():.2f}; transformers f32 against f64 of span: "
          f"logits {error:.1e}, hidden {hidden_error:.1e}; entropy over flat: worst layer {max(entropies):.2f}")
    if has_experts(s):  # a choice that rounding could turn is no choice
        print(f"    least gap between the logits of a chosen expert and one that is not: {min(s['gaps']):.1e}")
        assert min(s["gaps"]) > 2e-4, s["name"]
    assert error < 1e-5 and hidden_error < 1e-5 and max(entropies) < 0.5, s["name"]
    for what, change in changes_of(s).items():
        moved = abs(tiny_reference.forward(dict(s, **change), weights, ids)[0] - exact).max() / span
        print(f"    {what}: {moved:.3f} of span")
        assert moved > 0.002, (s["name"], what)
    arrays = dict(logits=logits)
    if s.get("hidden"):
        arrays["hidden"] = hidden[:, :N_HIDDEN]
    data = header(s, rows, ids, arrays) + b"".join(a.astype("<f4").tobytes() for a in arrays.values())
    (folder / f"{s['name']}.bin").write_bytes(data)


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for spec in SPECS:
        make(spec, out)
