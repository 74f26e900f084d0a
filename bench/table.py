#!/usr/bin/env python3
"""bench/table.py - Quern beside its peers: a table of speeds, shares of the machine's limits and ratios.

    make bench           the core cells, in a quarter of an hour
    make bench-full      all cells, for docs/speed.md

A cell is run in rounds; in a round each engine runs once, one after the other. What a round says is a line of the
results file, and a round that is there is not run again, so an interrupted run goes on where it was. QUERN_BENCH_LLAMA
and QUERN_BENCH_IK name the folders of the peers' programs (see engines.py), QUERN_BENCH_MODELS the folder of models,
which are made there when they are absent.
"""
import argparse
import json
import mmap
import os
import re
import subprocess
import sys
import tempfile
import time

import cells
import engines
import report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LARGE_ENOUGH = 0.9
NOISE = 0.2  # of a core: what other programs may take of those that an engine uses
TRIES = 3


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--set", choices=cells.SETS, default="core")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--results", metavar="FILE", help="build/bench/SET.jsonl unless given")
    p.add_argument("--only", metavar="REGEX", help="cells whose name it matches")
    p.add_argument("--seconds", type=float, help="begin nothing after that long; status 3: nothing was left to do")
    p.add_argument("--list", action="store_true", help="print the rounds that are left and end")
    p.add_argument("--no-peers", action="store_true")
    p.add_argument("--report", metavar="FILE", help="write all results there as a page")
    args = p.parse_args()
    args.results = args.results or os.path.join(ROOT, f"build/bench/{args.set}.jsonl")
    return args


def release(path):
    return os.path.join(ROOT, "build/release", path)


def make_model(name, folder):
    """The path of a model's file, which is made or fetched when it is absent."""
    what = cells.MODELS[name]
    if isinstance(what, str):
        return engines.output_of([os.path.join(ROOT, "script/fetch-model"), what]).splitlines()[-1]
    shape, encoding, *layers = what
    path = os.path.join(folder, "-".join([shape, encoding, *(f"{n}-layers" for n in layers)]) + ".gguf")
    if not os.path.exists(path):
        print(f"making {path}", file=sys.stderr)
        os.makedirs(folder, exist_ok=True)
        engines.output_of([release("bench/make_model"), shape, encoding, path + ".part", *map(str, layers)])
        evict(path + ".part")
        os.rename(path + ".part", path)
    return path


def evict(path):
    """What was written stays in memory in small pages; what is read comes in large ones (docs/speed/015)."""
    with open(path, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memory_available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith("MemAvailable"))


def in_large_pages(path):
    """Reads a file through a mapping, as engines do; returns the share that was mapped in large pages."""
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
        m.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, len(m), 4096):
            m[at]  # pylint: disable=pointless-statement
        with open("/proc/self/smaps", encoding="ascii") as maps:
            here = maps.read().split(os.path.realpath(path), 1)[-1]
        return 1024 * int(here.split("FilePmdMapped:", 1)[1].split()[0]) / len(m)


def read_through(path):
    """Brings a file into the page cache, where each engine finds it; raises Failed where it cannot stay there. Memory
    that is short leaves it in small pages, in which all engines are slower (docs/speed/015): then it is read anew."""
    size = os.path.getsize(path)
    if size > memory_available():
        raise engines.Failed(f"{path} holds {size >> 20} MiB, more than the memory that is available")
    if in_large_pages(path) < LARGE_ENOUGH:
        evict(path)
        in_large_pages(path)


def machine():
    doctor = json.loads(engines.output_of([release("quern"), "doctor", "--json"]))
    version = json.loads(engines.output_of([release("quern"), "version", "--json"]))
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        names = re.findall(r"^model name\s*:\s*(.*)$", f.read(), re.M)
    with open("/proc/meminfo", encoding="ascii") as f:
        total = int(f.readline().split()[1])
    return {"policy": policy(),
            "cpu": names[0] if names else doctor["machine"], "cores": doctor["cores"], "level": doctor["level"],
            "memory_gib": round(total / 2**20), "compiler": "compiler " + version["compiler"]}


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"], check=False,
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def units_left(all_cells, rounds, results):
    """(round, cell) in the order of running: every cell once before any cell twice."""
    done = {(r["round"], r["cell"]) for r in results}
    return [(n, cell) for n in range(1, rounds + 1) for cell in all_cells if (n, cell.name) not in done]


def policy():
    """Linux stops a real-time program that runs on for what is left of each second, unless told not to."""
    if not is_real_time():
        return "usual priority"
    with open("/proc/sys/kernel/sched_rt_runtime_us", encoding="ascii") as f:
        runtime = int(f.read())
    return "real-time priority (chrt -f 1)" + ("" if runtime < 0 else f", {runtime / 1e6:.2f} s of a second")


def is_real_time():
    return os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)


def others_seconds():
    """Seconds of CPU that others had so far: other programs, and the hypervisor. At real-time priority other programs
    only get what an engine leaves idle, and do not count."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, soft_irq, stolen = (
            int(x) / os.sysconf("SC_CLK_TCK") for x in f.readline().split()[1:9])
    return stolen if is_real_time() else user + nice + system + irq + soft_irq + stolen - sum(os.times()[:4])


def run_quietly(engine, cell, path, prompt):
    """What an engine says while nothing else runs; raises Failed when that never was so."""
    for _ in range(TRIES):
        begin, before = time.monotonic(), others_seconds()
        try:
            said = engine.run(cell, path, prompt)
        except (engines.Failed, ValueError, KeyError) as e:  # also what cannot be parsed
            said = {"error": str(e)}
        others = others_seconds() - before - 0.1  # clocks tick in hundredths of a second
        left_idle = 0 if is_real_time() else os.cpu_count() - cell.threads
        noise = others / (time.monotonic() - begin) - left_idle
        if noise < NOISE:
            return said
    raise engines.Failed(f"others take {100 * noise:.0f} % of a core")


def run_unit(n, cell, all_engines, folder):
    path = None if cell.kind == "kernel" else make_model(cell.model, folder)
    if path:
        read_through(path)
    result = {"cell": cell.name, "round": n, "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
              "commit": commit(), "machine": machine()}
    turn = all_engines[n % len(all_engines):] + all_engines[: n % len(all_engines)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as prompt:
        prompt.write(("mill " * engines.CONTEXT)[: engines.CONTEXT - engines.MARGIN])
        prompt.flush()
        for engine in turn:
            if engine is not all_engines[0] and not cell.peers:
                continue
            result[engine.name] = run_quietly(engine, cell, path, prompt.name)
    return result


def append(path, result):
    """A line of its own, also behind one that was cut short."""
    with open(path, "a+", encoding="utf-8") as f:
        f.seek(0)
        text = f.read()
        f.write(("" if not text or text.endswith("\n") else "\n") + json.dumps(result) + "\n")


def shown(result):
    said = []
    for name in report.ENGINES:
        one = result.get(name)
        if one:
            figures = " ".join(report.number(x) for x in one.get("samples", [])) or "done"
            said.append(f"{name}: {one['error']}" if "error" in one else f"{name} {figures}")
    return f"{result['cell']} round {result['round']}: " + ", ".join(said)


def run(args, all_cells, all_engines):
    folder = os.path.abspath(os.environ.get("QUERN_BENCH_MODELS") or os.path.join(ROOT, "build/bench/models"))
    os.makedirs(os.path.dirname(os.path.abspath(args.results)), exist_ok=True)
    left, started = units_left(all_cells, args.rounds, report.read(args.results)), time.monotonic()
    for n, cell in left:
        begin = time.monotonic()
        if args.seconds and begin - started > args.seconds:
            break
        try:
            result = run_unit(n, cell, all_engines, folder)
        except engines.Failed as e:
            print(f"{cell.name} is left out: {e}", file=sys.stderr)
            continue
        append(args.results, result)
        print(f"{shown(result)} ({time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True)
    return bool(left)


def commands(all_engines):
    """One command of each kind and engine, for the page."""
    kinds = [("1b-q4_k_m", "tg32", 2), ("1b-q4_k_m", "tg32xs4", 2), ("1b-q4_k_m", "tg16@d8192", 2),
             ("1b-q4_k_m", "first", 2), ("1b-q4_k_m", "memory", 2)]
    lines = []
    for kind in kinds:
        for engine in all_engines:
            command = engine.command(cells.parse_cell(*kind), "FILE", "PROMPT")
            line = engine.name + ": " + " ".join([os.path.basename(command[0]), *command[1:]])
            lines.append(line.replace(engines.PROMPT, f'"{engines.PROMPT}"'))
    return lines


def main():
    args = arguments()
    all_cells = [c for c in cells.cells_of(args.set) if not args.only or re.search(args.only, c.name)]
    try:
        peers = [] if args.no_peers else engines.peers_here(os.environ)
    except engines.Failed as e:
        sys.exit(f"table.py: {e}")
    all_engines = [engines.Quern(release("quern")), *peers]
    if args.report:
        page = report.document(report.read(args.results), commands([all_engines[0], *(p("") for p in engines.PEERS)]))
        with open(args.report, "w", encoding="utf-8") as f:
            f.write(page)
        return 0
    if args.list:
        for n, cell in units_left(all_cells, args.rounds, report.read(args.results)):
            print(n, cell.name)
        return 0
    for peer in engines.PEERS:
        if peer.name not in [e.name for e in all_engines]:
            print(f"{peer.name} is left out: {peer.variable} does not name the folder of its programs", file=sys.stderr)
    some_left = run(args, all_cells, all_engines)
    if not args.seconds:
        print("\n".join(report.sections(all_cells, report.pool(report.read(args.results)))))
    return 0 if some_left or not args.seconds else 3


if __name__ == "__main__":
    sys.exit(main())
