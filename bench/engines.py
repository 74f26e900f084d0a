"""bench/engines.py - how each engine is told to run a cell, and what its answer says.

A peer is a folder of its programs, named by an environment variable: QUERN_BENCH_LLAMA for llama.cpp (llama-bench,
llama-batched-bench, llama-completion), QUERN_BENCH_IK for ik_llama.cpp (llama-bench, llama-batched-bench,
llama-sweep-bench, llama-cli). Peers keep keys and values in F16.
"""
import json
import os
import re
import subprocess
import tempfile
import time

PROMPT = "What is a hand mill, in one short plain sentence?"
CONTEXT = 2048  # of `memory`; the prompt fills all but MARGIN of it
MARGIN = 64
LOGS = tempfile.gettempdir()  # some programs leave a log where they run
LINEAR = ("Q8_0", "Q4_0", "Q4_K", "Q6_K", "BF16")


class Failed(Exception):
    pass


def _json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.rstrip().endswith("}")]


def parse_quern(text):
    """{"samples", "limit", ...} of the one test, with the limits line under "limits"."""
    lines = _json_lines(text)
    tests = [line for line in lines if line["test"] != "limits"]
    if len(tests) != 1:
        raise Failed("quern bench printed no test")
    result = {k: v for k, v in tests[0].items() if k not in ("tokens_per_second", "threads", "depth", "sequences")}
    for line in lines:
        if line["test"] == "limits":
            result["limits"] = {k: v for k, v in line.items() if k not in ("test", "threads")}
    return result


def parse_llama_bench(text):
    """Samples of llama-bench's one test. What a peer says while it loads may stand in the middle of its JSON."""
    found = re.findall(r'"samples_ts": *\[([^\]]*)\]', text)
    builds = re.findall(r'"build_commit": *"([^"]*)"', text)
    if len(found) != 1:
        raise Failed("llama-bench printed no test")
    return {"samples": [float(x) for x in found[0].split(",")], "build": builds[0] if builds else ""}


def parse_batched(text):
    """Tokens a second of generation in llama-batched-bench's one row, JSON lines or a table."""
    rows = [row["speed_tg"] for row in _json_lines(text)]
    for line in text.splitlines():
        columns = [c.strip() for c in line.strip("|\n ").split("|")]
        if line.startswith("|") and len(columns) == 10 and columns[0].isdigit():
            rows.append(float(columns[7]))
    if len(rows) != 1:
        raise Failed("llama-batched-bench printed no row")
    return {"samples": rows}


def parse_sweep(text, depth, kind):
    """What llama-sweep-bench says of the chunk that begins at a depth."""
    for row in _json_lines(text):
        if row["n_kv"] == depth:
            return {"samples": [row["speed_pp" if kind == "pp" else "speed_tg"]]}
    raise Failed(f"llama-sweep-bench printed no row at {depth}")


def output_of(command, both=False):
    """What a program prints, on standard error too where it prints its table there."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=900, check=False,
                              stderr=subprocess.STDOUT if both else subprocess.PIPE, cwd=LOGS)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Failed(f"{command[0]}: {e}") from e
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        said = (text if both else done.stderr.decode(errors="replace")).strip().splitlines()
        raise Failed(f"{os.path.basename(command[0])} ended with {done.returncode}: {said[-1] if said else ''}")
    return text


def first_byte_ms(command):
    """Milliseconds from exec to the first byte on standard output."""
    begin = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          cwd=LOGS) as p:
        first = os.read(p.stdout.fileno(), 1)
        ms = 1000 * (time.monotonic() - begin)
        p.kill()
    if not first:
        raise Failed(f"{os.path.basename(command[0])} printed nothing")
    return {"samples": [ms]}


def _anonymous_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def peak_anonymous_mib(command):
    """The most anonymous memory that was resident, looked up every 5 ms."""
    most = 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, cwd=LOGS) as p:
        while p.poll() is None:
            try:
                most = max(most, _anonymous_kib(p.pid))
            except OSError:
                break
            time.sleep(0.005)
    if p.wait() != 0:
        raise Failed(f"{os.path.basename(command[0])} ended with {p.returncode}")
    return {"samples": [most / 1024]}


def parse_kernels(text):
    """{"Q8_0, 512 rows": share of the limit that counts there} of bench/kernel's lines."""
    shares = {}
    for row in _json_lines(text):
        if "encoding" in row:
            share = row["fraction_of_read" if row["rows"] == 1 else "fraction_of_peak"]
            shares[f"{row['encoding']}, {row['rows']} row{'s' if row['rows'] > 1 else ''}"] = share
        elif "test" in row:
            shares[f"attention, {row['test']}, {row['group']} heads of {row['head_dim']} for one of keys, context "
                   f"{row['context']}"] = row["fraction_of_limit"]["median"]
    if not shares:
        raise Failed("bench/kernel printed nothing")
    return {"samples": [], "shares": shares}


class Quern:
    name = "quern"

    def __init__(self, program):
        self.program = program

    def kernel_commands(self, cell):
        folder = os.path.join(os.path.dirname(self.program), "bench/kernel")
        if cell.test == "linear":
            return [[os.path.join(folder, "linear"), "--json", "--repeat", "5", "--encoding", e, "--rows", rows]
                    for e in LINEAR for rows in ("1", "512")]
        return [[os.path.join(folder, "attend"), "--json", "--only", cell.test.split("-")[1]]]

    def command(self, cell, model, prompt_file="FILE"):
        t = ["-t", str(cell.threads)]
        if cell.kind == "first":
            return [self.program, "run", model, "--raw", PROMPT, "-n", "2", "--temp", "0", "--ignore-end", *t]
        if cell.kind == "memory":
            return [self.program, "run", model, "--raw", "-f", prompt_file, "-c", str(CONTEXT), "--temp", "0",
                    "--ignore-end", *t]
        p, n = (cell.n, 0) if cell.kind == "pp" else (0, cell.n)
        command = [self.program, "bench", model, "--json", "--limits", "-p", str(p), "-n", str(n), "-r", "1", *t]
        if cell.depth:
            command += ["-d", str(cell.depth)]
        if cell.sequences > 1:
            command += ["-s", str(cell.sequences)]
        if cell.weights != "map":
            command += ["--weights", cell.weights]
        return command + (["--kv", cell.kv] if cell.kv != "f16" else [])

    def run(self, cell, model, prompt_file):
        command = self.command(cell, model, prompt_file)
        if cell.kind == "first":
            return first_byte_ms(command)
        if cell.kind == "memory":
            plan = json.loads(output_of([self.program, "plan", model, "--json", "-c", str(CONTEXT), "-t",
                                         str(cell.threads)]))
            return peak_anonymous_mib(command) | {"planned": plan["anonymous"] / 2**20}
        if cell.kind == "kernel":
            level = json.loads(output_of([self.program, "doctor", "--json"]))["level"]
            return parse_kernels("".join(output_of(c + ["--level", level]) for c in self.kernel_commands(cell)))
        return parse_quern(output_of(command))


class Llama:
    """llama.cpp."""
    name = "llama.cpp"
    variable = "QUERN_BENCH_LLAMA"
    runner = "llama-completion"
    bench_flags = ["-fa", "1", "-o", "jsonl"]
    batched_flags = ["-fa", "on", "--output-format", "jsonl"]
    runner_flags = ["-no-cnv"]

    def __init__(self, folder):
        self.folder = folder

    def program(self, name):
        return os.path.join(self.folder, name)

    def command(self, cell, model, prompt_file="FILE"):
        t = ["-t", str(cell.threads)]
        if cell.kind in ("first", "memory"):
            context = 4096 if cell.kind == "first" else CONTEXT
            ask = ["-p", PROMPT, "-n", "2"] if cell.kind == "first" else ["-f", prompt_file, "-n", str(MARGIN // 2)]
            return [self.program(self.runner), "-m", model, *ask, "-c", str(context), "--temp", "0", "--ignore-eos",
                    "--no-display-prompt", "--no-warmup", *self.runner_flags, *t]
        if cell.sequences > 1:
            return [self.program("llama-batched-bench"), "-m", model, "-npp", "16", "-ntg", str(cell.n), "-npl",
                    str(cell.sequences), "-c", str(cell.sequences * (16 + cell.n)), "-b", "2048", "-ub", "512",
                    *self.batched_flags, *t, "-tb", str(cell.threads)]
        return self.bench_command(cell, model) + t

    def bench_command(self, cell, model):
        p, n = (cell.n, 0) if cell.kind == "pp" else (0, cell.n)
        depth = ["-d", str(cell.depth), "--no-warmup"] if cell.depth else []
        return [self.program("llama-bench"), "-m", model, "-p", str(p), "-n", str(n), *depth, "-r", "1",
                *self.bench_flags]

    def parse(self, cell, text):
        return parse_batched(text) if cell.sequences > 1 else parse_llama_bench(text)

    def run(self, cell, model, prompt_file):
        command = self.command(cell, model, prompt_file)
        if cell.kind == "first":
            return first_byte_ms(command)
        if cell.kind == "memory":
            return peak_anonymous_mib(command)
        return self.parse(cell, output_of(command, both=cell.sequences > 1 or cell.depth > 0))


class Ik(Llama):
    """ik_llama.cpp, repacking at load but where the load is timed. Its flash attention aborts with several sequences,
    and its llama-bench has no depth: llama-sweep-bench walks there. Its llama-batched-bench feeds token 0 to every
    sequence at every step, so that all choose the same experts and read a fraction of what others read."""
    name = "ik_llama.cpp"
    variable = "QUERN_BENCH_IK"
    runner = "llama-cli"
    bench_flags = ["-fa", "1", "-rtr", "1", "-o", "json"]
    batched_flags = ["-fa", "off", "-rtr"]
    runner_flags = ["-fa", "on"]

    def run(self, cell, model, prompt_file):
        if cell.model.startswith("moe") and cell.sequences > 1:
            raise Failed("its sequences are all the same token, and so are their experts")
        return super().run(cell, model, prompt_file)

    def bench_command(self, cell, model):
        if not cell.depth:
            return super().bench_command(cell, model)
        n = 16 if cell.kind == "pp" else cell.n
        return [self.program("llama-sweep-bench"), "-m", model, "-c", str(cell.depth + 512), "-b", "512", "-ub", "512",
                "-n", str(n), "-fa", "on", "-rtr", "--output-format", "jsonl", "-tb", str(cell.threads)]

    def parse(self, cell, text):
        return parse_sweep(text, cell.depth, cell.kind) if cell.depth else super().parse(cell, text)


PEERS = [Llama, Ik]


def peers_here(environment):
    """The peers that the environment names; raises Failed where a name is wrong."""
    found = []
    for peer in PEERS:
        folder = environment.get(peer.variable)
        if folder and not os.access(os.path.join(folder, "llama-bench"), os.X_OK):
            raise Failed(f"{peer.variable}: there is no program llama-bench in {folder}")
        if folder:
            found.append(peer(os.path.abspath(folder)))
    return found
