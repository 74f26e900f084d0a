"""A second implementation of the tiny models, written from the papers' formulas in numpy float64: it
holds transformers' numbers, and shows which properties of a spec the fixtures can tell apart."""

import math

import numpy as np

SQRT_2_PI = math.sqrt(2.0 / math.pi)


def has_qk_norm(s):
    return s["family"] in ("gemma3", "qwen3", "qwen3moe")


def has_experts(s):
    return "n_experts" in s


def rms(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def rope(x, base, factor, divisors, adjacent=False):
    """Rotates pairs (i, i + d/2), or (2i, 2i + 1) when adjacent, of x[head][position][d]."""
    d = x.shape[-1]
    inverse = base ** (-np.arange(0, d, 2) / d) / factor / (1.0 if divisors is None else np.asarray(divisors))
    angle = np.arange(x.shape[1])[:, None] * inverse
    c, s = np.cos(angle), np.sin(angle)
    y = np.empty_like(x)
    a, b = (slice(0, None, 2), slice(1, None, 2)) if adjacent else (slice(0, d // 2), slice(d // 2, None))
    y[..., a], y[..., b] = x[..., a] * c - x[..., b] * s, x[..., b] * c + x[..., a] * s
    return y


def attend(s, q, k, v, window):
    """Returns the mix of v and each query's entropy over that of a flat choice."""
    group, n = s["n_heads"] // s["n_kv_heads"], q.shape[1]
    k, v = np.repeat(k, group, 0), np.repeat(v, group, 0)
    if s.get("heads_interleaved"):  # wrong on purpose: head h reads KV head h % n_kv_heads
        k, v = (np.concatenate([t[::group]] * group) for t in (k, v))
    score = q @ k.transpose(0, 2, 1) / math.sqrt(s["scale_of"])
    distance = np.arange(n)[:, None] - np.arange(n)[None, :]
    score[:, (distance < 0) | (window > 0) & (distance >= window)] = -np.inf
    p = np.exp(score - score.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    entropy = -np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0).sum(-1)
    n_keys = np.minimum(np.arange(n) + 1, window or n)
    return p @ v, (entropy[:, 32:] / np.log(n_keys[32:])).mean()


def act(s, x):
    if s.get("act", s["family"]) == "gemma3":
        return 0.5 * x * (1 + np.tanh(SQRT_2_PI * (x + 0.044715 * x**3)))
    return x / (1 + np.exp(-x))


def feed_forward(s, h, w, p):
    gate, up = "gate_proj", "up_proj"
    if s.get("swap_gate_up"):
        gate, up = up, gate
    if not has_experts(s):
        return (act(s, h @ w[p + f"mlp.{gate}.weight"].T) * (h @ w[p + f"mlp.{up}.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
    logits = h @ w[p + "mlp.gate.weight"].T
    order = np.argsort(logits if s.get("choose_least") else -logits, -1, kind="stable")
    chosen, n = order[:, : s["n_used"]], np.arange(len(h))
    if "gaps" in s:
        s["gaps"].append((logits[n, chosen[:, -1]] - logits[n, order[:, s["n_used"]]]).min())
    share = np.exp(logits - logits.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    y = np.zeros_like(h)
    for t in range(len(h)):
        weight = share[t, chosen[t]]
        weight = weight / weight.sum() if s["expert_norm"] else weight
        weight = np.full_like(weight, weight.mean()) if s.get("equal_weights") else weight
        for e, m in zip(chosen[t], weight):
            g, u, d = (w[p + f"mlp.experts.{name}"][e] for name in (gate, up, "down_proj"))
            y[t] += m * (d @ (act(s, g @ h[t]) * (u @ h[t])))
    return y


def forward(s, weights, ids):
    """weights: Hugging Face name -> array. Returns logits, [hidden state behind each layer], entropies."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    gemma, d, eps = s["family"] == "gemma3", s["head_dim"], s["eps"]
    plus = s.get("norm_plus", 1.0) if gemma else 0.0
    norm = lambda x, name: rms(x, w[name] + plus, eps)
    x = w["model.embed_tokens.weight"][ids]
    x = x * s.get("embed_scale", np.float64(np.float32(math.sqrt(s["n_embd"]))) if gemma else 1.0)
    hidden, entropies = [], []
    for i in range(s["n_layers"]):
        p = f"model.layers.{i}."
        local = s["pattern"][i % len(s["pattern"])] == "L"
        base, factor = (s["rope_base_local"], 1.0) if local else (s["rope_base"], s["rope_factor"])
        h = norm(x, p + "input_layernorm.weight")
        heads = lambda t: t.reshape(len(ids), -1, d).transpose(1, 0, 2)
        bias = lambda t: 0.0 if s.get("no_bias") else w.get(p + f"self_attn.{t}_proj.bias", 0.0)
        q, k, v = (heads(h @ w[p + f"self_attn.{t}_proj.weight"].T + bias(t)) for t in "qkv")
        qk_norm = lambda q, k: (norm(q, p + "self_attn.q_norm.weight"), norm(k, p + "self_attn.k_norm.weight"))
        late = s.get("qk_norm_late", False)
        if has_qk_norm(s) and not late and not s.get("no_qk_norm"):
            q, k = qk_norm(q, k)
        q, k = (rope(t, base, factor, s["rope_freqs"], s.get("adjacent", False)) for t in (q, k))
        if late:
            q, k = qk_norm(q, k)
        mixed, entropy = attend(s, q, k, v, s["window"] if local else 0)
        entropies.append(entropy)
        h = mixed.transpose(1, 0, 2).reshape(len(ids), -1) @ w[p + "self_attn.o_proj.weight"].T
        x = x + (norm(h, p + "post_attention_layernorm.weight") if gemma and not s.get("no_post_norm") else h)
        h = norm(x, p + ("pre_feedforward" if gemma else "post_attention") + "_layernorm.weight")
        h = feed_forward(s, h, w, p)
        x = x + (norm(h, p + "post_feedforward_layernorm.weight") if gemma and not s.get("no_post_norm") else h)
        hidden.append(x)
    head = w["model.embed_tokens.weight" if s["tied"] else "lm_head.weight"]
    return norm(x, "model.norm.weight") @ head.T, hidden, entropies
