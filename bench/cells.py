"""bench/cells.py - what the tables measure: a cell is a model, a test and a number of threads.

Tests are named as `quern bench` names them (pp512, tg32, tg16@d8192, tg32xs8; `+q8_0`: keys and values as that,
`+packed`: --weights packed);
`first` is the time from exec to the first byte of an answer, `memory` the most anonymous memory of a run that fills its
context; those of the model `kernels` are programs of bench/kernel. A set holds the ones before it.
"""
import dataclasses
import re

SETS = ["core", "full"]

# name: (shape, encoding, layers where not all) for bench/make_model, or a name for script/fetch-model
MODELS = {
    "smollm2": "smollm2",
    "gemma3-270m": "gemma3-270m",
    "qwen1.5b": "qwen2.5-coder-1.5b",
    "1b-q8_0": ("llama-3.2-1b", "Q8_0"),
    "1b-q4_0": ("llama-3.2-1b", "Q4_0"),
    "1b-q4_k_m": ("llama-3.2-1b", "Q4_K_M"),
    "1b-bf16": ("llama-3.2-1b", "BF16"),
    "8b-q8_0": ("llama-3.1-8b", "Q8_0"),
    "8b-q4_0": ("llama-3.1-8b", "Q4_0"),
    "8b-q4_k_m": ("llama-3.1-8b", "Q4_K_M"),
    "8b-bf16": ("llama-3.1-8b", "BF16"),
    "gemma1b-q4_0": ("gemma-3-1b", "Q4_0"),
    "moe-q4_k_m": ("qwen3-30b-a3b", "Q4_K_M", 12),
    "kernels": None,
}
KERNELS = ("linear", "attend-prefill", "attend-decode")  # bench/kernel, one core

# set, models, tests, threads; a test that ends in ! is run without peers: theirs takes minutes to get there
ROWS = [
    ("core", "smollm2 gemma3-270m", "tg64", "1 2"),
    ("core", "1b-q8_0 1b-q4_0 1b-q4_k_m 1b-bf16", "tg32", "1 2"),
    ("core", "smollm2 gemma3-270m 1b-q8_0 1b-q4_0 1b-q4_k_m", "pp512", "2"),
    ("core", "1b-q4_k_m", "tg32xs4 tg32xs16 tg16@d8192! first memory", "2"),
    ("core", "1b-q4_k_m", "tg32xs4+packed", "2"),
    ("core", "qwen1.5b", "first", "2"),
    ("full", "1b-bf16", "pp512", "2"),
    ("full", "1b-q4_k_m", "pp2048 pp512@d8192! tg16@d32768!", "2"),
    ("full", "1b-q8_0 1b-q4_k_m", "tg32xs2 tg32xs4 tg32xs8 tg32xs16", "2"),
    ("full", "1b-q8_0 1b-q4_k_m", "tg32xs32! tg32xs64!", "2"),
    ("full", "1b-q8_0 1b-q4_0 1b-q4_k_m", "tg32+packed", "1 2"),
    ("full", "1b-q8_0 1b-q4_0 1b-q4_k_m", "pp512+packed tg32xs2+packed tg32xs4+packed", "2"),
    ("full", "1b-q8_0 1b-q4_k_m", "tg32xs8+packed tg32xs16+packed", "2"),
    ("full", "8b-q4_k_m 8b-q8_0", "tg16+packed", "2"),
    ("full", "moe-q4_k_m", "tg32+packed pp512+packed", "2"),
    ("full", "1b-q8_0 1b-q4_k_m", "pp512", "1"),
    ("full", "1b-q8_0", "first memory", "2"),
    ("full", "smollm2", "first memory pp2048", "2"),
    ("full", "gemma1b-q4_0", "tg32 pp512", "2"),
    ("full", "8b-q4_k_m 8b-q8_0 8b-q4_0", "tg16", "1 2"),
    ("full", "8b-q4_k_m 8b-q4_0", "pp512", "2"),
    ("full", "8b-q4_k_m", "pp2048!", "2"),
    ("full", "moe-q4_k_m", "tg32 pp512 tg32xs4", "2"),
    ("full", "8b-bf16", "tg16", "1 2"),
    ("full", "1b-q4_k_m", "tg16@d8192 pp512@d8192", "2"),
    ("full", "1b-q4_k_m", "tg16@d8192+q8_0! tg16@d32768+q8_0!", "2"),
    ("full", "kernels", "linear attend-prefill attend-decode", "1"),
]

_TEST = re.compile(r"(pp|tg)(\d+)(?:@d(\d+))?(?:xs(\d+))?(?:\+(\w+))?$")


@dataclasses.dataclass(frozen=True)
class Cell:
    model: str
    test: str
    threads: int
    kind: str = ""  # pp, tg, first, memory or kernel
    n: int = 0
    depth: int = 0
    sequences: int = 1
    kv: str = "f16"
    weights: str = "map"
    peers: bool = True

    @property
    def name(self):
        return f"{self.model}/{self.test}/t{self.threads}"


def parse_cell(model, test, threads):
    """The cell of a test's name, which a `!` may end."""
    peers, test = not test.endswith("!"), test.rstrip("!")
    if model not in MODELS:
        raise ValueError(f"{model}: no such model")
    if model == "kernels" and test in KERNELS:
        return Cell(model, test, threads, "kernel", peers=False)
    if test in ("first", "memory"):
        return Cell(model, test, threads, test, peers=peers)
    m = _TEST.match(test)
    if not m:
        raise ValueError(f"{test}: no such test")
    kind, n, depth, sequences, option = m.groups()
    choice = {"weights": option} if option == "packed" else {"kv": option or "f16"}
    return Cell(model, test, threads, kind, int(n), int(depth or 0), int(sequences or 1), peers=peers, **choice)


def cells_of(name):
    """The cells of a set and of those before it. One that a later row names again, with peers, takes its place."""
    wanted = SETS[: SETS.index(name) + 1]
    cells = {}
    for row_set, models, tests, threads in ROWS:
        if row_set not in wanted:
            continue
        for model in models.split():
            for test in tests.split():
                for t in threads.split():
                    cell = parse_cell(model, test, int(t))
                    if cell.name not in cells or cell.peers:
                        cells[cell.name] = cell
    return list(cells.values())
