"""bench/report.py - results as tables: medians and spread, shares of the limit, ratios to peers, goals.

A result is a line of JSON: {"cell", "round", engine: {"samples", ...} or {"error"}}; the rounds of a cell are pooled.
"""
import json
import re
import statistics

import cells
import engines

ENGINES = ["quern"] + [peer.name for peer in engines.PEERS]
LOWER_IS_BETTER = ("first", "memory")
SMALL = ("smollm2", "gemma3-270m")  # caches hold much of them
BATCH_GAIN = {2: 1.9, 4: 3.2, 8: 5, 16: 6.5}


def read(path):
    """The lines of a results file; one that was cut short by an interruption is left out."""
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        return []
    results = []
    for line in text.splitlines():
        try:
            results.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return results


def pool(results):
    """{cell name: {engine: what all its rounds say}}; an engine that never succeeded keeps its error. Of a cell that
    was run with several commits, the newest counts."""
    pooled, newest = {}, {r["cell"]: r.get("commit") for r in results}
    by_commit = {}
    for result in results:
        samples = result.get("quern", {}).get("samples", [])
        by_commit.setdefault((result["cell"], result.get("commit")), []).extend(samples)
        if result.get("commit") != newest[result["cell"]]:
            continue
        engines_of = pooled.setdefault(result["cell"], {})
        for name in ENGINES:
            one = result.get(name)
            if one is None:
                continue
            into = engines_of.setdefault(name, {"samples": [], "limits": [], "fractions": [], "shares": {}, "last": {}})
            into["last"] = one if "samples" in one or not into["samples"] else into["last"]
            into["commit"], into["when"] = result.get("commit", ""), result.get("when", "")
            into["samples"] += one.get("samples", [])
            into["limits"] += [one["limit"]] if "limit" in one else []
            for kernel, share in one.get("shares", {}).items():
                into["shares"].setdefault(kernel, []).append(share)
            into["fractions"] += [one["fraction_of_limit"]] if "fraction_of_limit" in one else []
    for (cell, commit), samples in by_commit.items():
        if "quern" in pooled[cell]:
            pooled[cell]["quern"].setdefault("by_commit", {})[commit] = samples
    return pooled


def median_of(engine):
    return statistics.median(engine["samples"]) if engine and engine["samples"] else None


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def spread(engine):
    """min / median / max."""
    if not engine:
        return ""
    if not engine["samples"]:
        return "failed"
    if len(engine["samples"]) == 1:
        return number(engine["samples"][0])
    return " / ".join(number(x) for x in (min(engine["samples"]), median_of(engine), max(engine["samples"])))


def fraction(engine):
    return statistics.median(engine["fractions"]) if engine and engine["fractions"] else None


def ratios(row):
    """{peer: Quern's median over the peer's}."""
    ours = median_of(row.get("quern"))
    theirs = {name: median_of(row.get(name)) for name in ENGINES[1:]}
    return {name: ours / x for name, x in theirs.items() if ours and x}


def ratio_to_best(row, kind):
    all_ratios = ratios(row).values()
    if not all_ratios:
        return None
    return max(all_ratios) if kind in LOWER_IS_BETTER else min(all_ratios)


def step_model(row, sequences):
    """A step's time over max(bytes / bandwidth, operations / 0.6 of the peak): at most 1.35 is the goal."""
    last = row["quern"]["last"]
    limits = last["limits"]
    bandwidth = max(limits["read_bytes_per_second"].values())
    bytes_of_step = sequences * (last["weight_bytes_per_token"] + last["kv_bytes_per_token"])
    ops_of_step = sequences * last["ops_per_token"]
    model = max(bytes_of_step / bandwidth, ops_of_step / (0.6 * limits["int8_ops_per_second"]))
    return sequences / median_of(row["quern"]) / model


def goals_of(cell, row, pooled):
    """[(what, value or None, comparison, goal)] of a cell."""
    best, share = ratio_to_best(row, cell.kind), fraction(row.get("quern"))
    if cell.kind == "first":
        return [("of the best peer's", best, "<=", 0.35)]
    if cell.kind == "memory":
        planned, used = row["quern"]["last"].get("planned"), median_of(row["quern"])
        return [("of the plan", used / planned if planned and used else None, "<=", 1.0)]
    if cell.kind == "pp":
        shares = {512: 0.55, 2048: {"1b": 0.45, "8b": 0.50}.get(cell.model[:2])}
        goals = [("of the limit", share, ">=", shares[cell.n])] if shares.get(cell.n) and not cell.depth else []
        if "bf16" in cell.model:
            goals = []
        return goals + [("x best peer", best, ">=", 2.0)]
    if cell.sequences > 1:
        option = "+packed" if cell.weights == "packed" else ""
        alone = pooled.get(f"{cell.model}/tg{cell.n}{option}/t{cell.threads}", {}).get("quern", {}).get("by_commit", {})
        alone = alone.get(row["quern"]["commit"])  # of the same program
        gain = median_of(row["quern"]) / statistics.median(alone) if alone else None
        goals = [("x the model of a step", step_model(row, cell.sequences), "<=", 1.35)]
        if cell.sequences in BATCH_GAIN and not cell.model.startswith("moe"):  # whose sequences take experts of their own
            goals.append(("x one sequence", gain, ">=", BATCH_GAIN[cell.sequences]))
        return goals
    if cell.kv != "f16":
        plain = median_of(pooled.get(cell.name.replace(f"+{cell.kv}", ""), {}).get("quern"))
        return [("x the same with F16", median_of(row["quern"]) / plain if plain else None, ">=", 1.0)]
    if cell.depth:
        return [("of the limit", share, ">=", 0.85)] + ([("x best peer", best, ">=", 2.0)] if cell.peers else [])
    if cell.model in SMALL:
        return [("x best peer", best, ">=", 2.0)]
    return [("of the limit", share, ">=", 0.88), ("x best peer", best, ">=", 1.4)]


def is_met(value, comparison, goal):
    return value >= goal if comparison == ">=" else value <= goal


def verdict(goals):
    """Each goal with its figure: "0.91 of the limit (>= 0.88): met"."""
    said = []
    for what, value, comparison, goal in goals:
        if value is None:
            said.append(f"{what} ({comparison} {goal:g}): not measured")
        else:
            said.append(f"{value:.3f} {what} ({comparison} {goal:g}): "
                        f"{'met' if is_met(value, comparison, goal) else '**not met**'}")
    return "; ".join(said)


def newest_commit(pooled):
    return max(((row["quern"]["when"], row["quern"]["commit"]) for row in pooled.values() if "quern" in row))[1]


def table(cells_shown, pooled):
    """Markdown lines, a row for each cell that has results; one of an older commit names it."""
    lines = ["| model | test | threads | Quern | of limit | llama.cpp | ik_llama.cpp | ratios | goals |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for cell in cells_shown:
        row = pooled.get(cell.name)
        if not row or not median_of(row.get("quern")):
            continue
        share = fraction(row["quern"])
        commit = row["quern"]["commit"]
        test = cell.test if commit == newest_commit(pooled) else f"{cell.test} ({commit})"
        columns = [cell.model, test, str(cell.threads), spread(row["quern"]),
                   f"{100 * share:.0f} %" if share else "", *(spread(row.get(name)) for name in ENGINES[1:]),
                   ", ".join(f"{x:.2f}" for x in ratios(row).values()), verdict(goals_of(cell, row, pooled))]
        lines.append("| " + " | ".join(columns) + " |")
    return lines


def kernel_goal(kernel):
    """Of the peak for many rows and prompts, of read bandwidth for one row and decode; None: no goal of its own."""
    if kernel.startswith("attention"):
        return 0.85 if "decode" in kernel else 0.60
    if kernel.startswith("BF16") or not kernel.endswith("512 rows"):
        return None
    return 0.48 if kernel.startswith("Q6_K") else 0.62


def kernel_table(pooled):
    """A row for each encoding and number of rows, and for each size of attention's heads."""
    rows = {}
    for name, row in pooled.items():
        for kernel, shares in row["quern"]["shares"].items() if name.startswith("kernels/") else ():
            size = re.match(r"(attention, \w+, )\d+ (heads of \d+)", kernel)
            rows.setdefault(size[1] + size[2] if size else kernel, []).append((kernel, statistics.median(shares)))
    lines = ["| kernel | share of its limit | goal |", "| --- | --- | --- |"]
    for title, found in rows.items():
        least, most, goal = min(x for _, x in found), max(x for _, x in found), kernel_goal(found[0][0])
        shares = f"{least:.3f}" if len(found) == 1 else f"{least:.3f} to {most:.3f} in {len(found)} shapes"
        met = "" if goal is None else f">= {goal}: {'met' if least >= goal else '**not met**'}"
        lines.append(f"| {title} | {shares} | {met} |")
    return lines


def errors(cells_shown, pooled):
    """What an engine said where it failed and never succeeded."""
    return [f"- {cell.name}, {name}: {engine['last']['error']}" for cell in cells_shown
            for name, engine in pooled.get(cell.name, {}).items()
            if not engine["samples"] and "error" in engine["last"]]


SECTIONS = [
    ("Decode, one sequence", lambda c: c.kind == "tg" and c.sequences == 1 and not c.depth),
    ("Prompts", lambda c: c.kind == "pp" and not c.depth),
    ("Small batches", lambda c: c.kind == "tg" and c.sequences > 1),
    ("At depth", lambda c: c.depth > 0),
    ("First token, milliseconds from exec to the first byte of the answer", lambda c: c.kind == "first"),
    ("Memory, MiB of anonymous memory at most, context of %d full" % engines.CONTEXT, lambda c: c.kind == "memory"),
]


def sections(cells_shown, pooled):
    lines = []
    for title, belongs in SECTIONS:
        rows = table([c for c in cells_shown if belongs(c)], pooled)
        if len(rows) > 2:
            lines += [f"## {title}", "", *rows, ""]
    kernels = kernel_table(pooled)
    if len(kernels) > 2:
        lines += ["## Kernels, one core (`build/release/bench/kernel`)", "", *kernels, ""]
    failed = errors(cells_shown, pooled)
    return lines + (["## What failed", "", *failed, ""] if failed else [])


GOALS = [  # of the table, what says so
    ("Decode, one sequence, 1B and 8B", lambda c: c.model[:2] in ("1b", "8b") and SECTIONS[0][1](c)),
    ("Decode, 135M and 270M", lambda c: c.model in SMALL and SECTIONS[0][1](c)),
    ("Prompts end to end", lambda c: c.kind == "pp" and not c.depth),
    ("Small batches", lambda c: c.kind == "tg" and c.sequences > 1),
    ("At depth", lambda c: c.depth > 0),
    ("First token", lambda c: c.kind == "first"),
    ("Memory", lambda c: c.kind == "memory"),
]


def kernel_goals(pooled):
    """{(what, comparison, goal): [values]} of the kernels that have a goal."""
    found = {}
    for name, row in pooled.items():
        for kernel, shares in row["quern"]["shares"].items() if name.startswith("kernels/") else ():
            if kernel_goal(kernel):
                what = kernel.split(", ")[1] + " attention" if kernel.startswith("attention") else "linear, 512 rows"
                found.setdefault((what, ">=", kernel_goal(kernel)), []).append(statistics.median(shares))
    return found


def summary(cells_shown, pooled):
    """A row for each goal and figure: how many of its cells meet it, and the range of their values."""
    lines = ["| what | goal | met | least / median / greatest |", "| --- | --- | --- | --- |"]
    rows = []
    for title, belongs in GOALS:
        found = {}
        for cell in cells_shown:
            row = pooled.get(cell.name)
            if belongs(cell) and row and median_of(row.get("quern")):
                for what, value, comparison, goal in goals_of(cell, row, pooled):
                    if value is not None:
                        found.setdefault((what, comparison, goal), []).append(value)
        rows += [(title, key, values) for key, values in found.items()]
    rows += [("Kernels", key, values) for key, values in kernel_goals(pooled).items()]
    for title, (what, comparison, goal), values in rows:
        n_met = sum(is_met(x, comparison, goal) for x in values)
        lines.append(f"| {title} | {comparison} {goal:g} {what} | {n_met} of {len(values)} | "
                     f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f} |")
    return lines


ELSEWHERE = [  # goals that other programs measure
    "Per-op and barrier overhead of a step: `docs/speed/012-few-rows.md`.",
    "Experts beside a dense product of the same operations: `docs/speed/006-experts.md`.",
    "Quality and speed of keys and values in 8 and 4 bits: `docs/speed/007-kv-types.md`, `008-attention-depth.md`.",
    "AMX, on another machine: int8 tiles 0.98 to 1.46 times VNNI (>= 2.5): **not met**; the best loop by "
    "itself reaches 2.3, with a minimum 1.7: `docs/speed/009-tiles.md`. "
    "Attention in tiles of bf16: 2.4 to 3.3 times f32 fma for many rows; `docs/speed/024-bf16-attention.md`.",
    "`--weights huge` and `packed` beside `map`: `docs/speed/010-huge-weights.md`, `015-large-pages.md`, "
    "`032-packed-weights.md`.",
    "Products of BF16 weights: `docs/speed/009-tiles.md`, `017-float-blocks.md`, `020-bf16.md`.",
    "Price of determinism (<= 5 %): end to end 0 to 3 %: met; kernels from memory 0 to 5 %: met, two rows of Q4_K by 2 % on "
    "an Intel CPU and not measured again on this one (14 % before); on that CPU two rows of Q4_0 "
    "6 and Q6_K 10 %: **not met**; `docs/speed/016-price-of-determinism.md`.",
    "CPUs with AVX2 alone: `docs/speed/027-avx2.md`, `030-panels-by-steps.md`, `031-registers-of-eight-lanes.md`, "
    "`032-packed-weights.md`; an Intel CPU with AMX: `029-intel-with-amx.md`.",
    "Where cells miss a goal, and what the machine would allow: `docs/speed/018-limits.md`.",
]


def document(results, commands):
    """docs/speed.md: where it was measured, how, and the tables."""
    pooled, last = pool(results), results[-1]
    cells_shown = cells.cells_of(cells.SETS[-1])
    machine, whens = last["machine"], sorted(r["when"] for r in results)
    builds = {n: e["last"].get("build", "") for row in pooled.values() for n, e in row.items()
              if e["last"].get("build")}
    return "\n".join([
        "# Speed", "",
        "Written by `make bench-full` (`bench/table.py --report docs/speed.md`); edits are lost.", "",
        f"**Machine.** {machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB, level "
        f"{machine['level']}; {machine['compiler']}; {machine['policy']}. {whens[0]} to {whens[-1]}; "
        f"commit {newest_commit(pooled)}.", "",
        "**How.** Tokens a second as min / median / max; a sample is a process of its own, and the engines take turns, "
        "so that a noisy minute slows all. *Of limit* is the median share of what reading (decode) or multiplying "
        "(prompts, linear operations only) alone would allow, measured in the same process right after the sample over "
        "a buffer of the size that a token reads. *Ratios* are Quern's median over each peer's. Keys and values are "
        "F16 where nothing else is said; a commit behind a test says that the row is older. Files named 1b, 8b and "
        "gemma1b hold random weights in the shape of Llama 3.2 1B, "
        "Llama 3.1 8B and Gemma 3 1B; moe is 12 of the 48 layers of Qwen3 30B A3B. "
        "Memory bandwidth moves with the machine's other guests.", "",
        "**Peers.** " + "; ".join(f"{n}: {b}" for n, b in builds.items()) + ". Commands, FILE being the model's:", "",
        *(f"    {c}" for c in commands), "",
        "## Goals, in cells that meet them", "", *summary(cells_shown, pooled), "",
        *(f"- {line}" for line in ELSEWHERE), "",
        *sections(cells_shown, pooled)])
