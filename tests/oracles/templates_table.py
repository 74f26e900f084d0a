"""Writes docs/templates.md: every published template of the conformance data over every context, by the
program, against what Jinja2 in transformers' settings made of it (needs nothing but the program):

    python tests/oracles/templates_table.py build/quern DATA/templates docs/templates.md

Ends with status 1 if anything differs.
"""
import collections
import json
import subprocess
import sys
import time

NOW = 1721997296  # 2024-07-26 12:34:56


LANGUAGE = """
## The language

All statements, expressions, filters, tests and globals of Jinja2 3.1 with the methods of str, list, tuple, dict, int, float
and range, in the sandbox of transformers. %s templates and %s single calls, with right and wrong arguments of each type,
give the text of Jinja2 or its error, word for word (`tests/fixtures/jinja_cases.jsonl` and `jinja_calls.jsonl`; the scripts
beside `tests/oracles/README.md` make them and print more).

- Refused by name: `lipsum`, `{%% autoescape true %%}`, templates from files (`include`, `import`, `extends`), sets, bytes,
  complex numbers, halves of surrogate pairs, ranges whose ends need more than 64 bits. What only shows an address in
  Python (`{{ range }}`) shows the type.
- Integers have up to 65,536 bits, as decimal text up to Python's 4,300 digits.
- `random` takes its choice from the time that the template is told: with the same `--now` a request is rendered alike.
- `strftime_now` tells local time, as transformers does, in the C locale; with `--now` that moment in UTC.
- Limits (`quern doctor --limits`, rows `template`) end a rendering with a sentence that names the limit and the line.
- Each byte of a rendering is known to come from the template or from outside. What a filter puts into, around or in place
  of text from outside counts as from outside: control tokens are looked for only in what the template wrote.
"""


def rows_of(fixture):
    with open("tests/fixtures/" + fixture, encoding="utf-8") as f:
        return "{:,}".format(sum(1 for _ in f) - 1)


def render(program, template, requests):
    lines = "".join(json.dumps(r) + "\n" for r in requests)
    command = [program, "render", "--template", template, "--jsonl", "--now", str(NOW)]
    run = subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    return answers or [dict(error=run.stderr.decode())] * len(requests)


def source_of(template):
    head = template.split("-")[0]
    return head if head in ("llamacpp", "vllm", "trl", "mistral", "ollama", "ortx", "mistralrs", "hf") else "vendors"


def sentence_of(error):
    """Of "error: ..." or "exception: Type: ..."."""
    return error.split(": ", 2 if error.startswith("exception:") else 1)[-1]


def main(program, data, out):
    contexts = json.load(open(data + "/contexts.json"))
    rows = collections.defaultdict(list)
    for line in open(data + "/rendered.jsonl"):
        r = json.loads(line)
        rows[r["template"]].append(r)
    # templates, renderings, errors, other texts, other errors, other sentences, seconds
    table = collections.defaultdict(lambda: [0, 0, 0, 0, 0, 0, 0.0])
    for template, wanted in sorted(rows.items()):
        t = table[source_of(template)]
        start = time.time()
        answers = render(program, "%s/jinja/%s.jinja" % (data, template), [contexts[r["context"]] for r in wanted])
        t[6] += time.time() - start
        t[0] += 1
        for want, got in zip(wanted, answers):
            t[1] += 1
            t[2] += "expected" not in want
            t[3] += "expected" in want and "prompt" in got and want["expected"] != got["prompt"]
            t[4] += ("expected" in want) != ("prompt" in got)
            t[5] += "error" in want and "error" in got and not got["error"].endswith(sentence_of(want["error"]))
    with open(out, "w") as f:
        f.write("# Chat templates\n\nPublished templates over conversations with and without tools, system prompts and reasoning, rendered by\n"
                "`quern render` and compared byte for byte with Jinja2 3.1 in transformers' settings; errors by their sentences,\n"
                "behind the line that ours names. Made by `make tables` (`tests/oracles/templates_table.py`);\n"
                "`tests/text/jinja_data.c` holds every build to the same rows, `tests/text/jinja.c` to the language itself\n"
                "(`tests/fixtures/jinja_cases.jsonl`), `tests/text/spelled.c` to what a message may not put into a prompt.\n"
                "Seconds are wall time of the program with its start for each template.\n\n"
                "| source | templates | renderings | of them errors | other texts | other errors | other sentences | seconds |\n"
                "| --- | --- | --- | --- | --- | --- | --- | --- |\n")
        for name, t in sorted(table.items()):
            f.write("| %s | %d | %d | %d | %d | %d | %d | %.1f |\n" % (name, *t))
        total = [sum(t[i] for t in table.values()) for i in range(7)]
        f.write("| all | %d | %d | %d | %d | %d | %d | %.1f |\n" % tuple(total))
        f.write("\nWhich template a request gets: `tool_use` where the model has one and the request has tools, `rag` where it has one\n"
                "and the request has documents, else `default`; `quern render MODEL --explain` says which, why, its SHA-256, and\n"
                "whether the repository's (`chat_template.jinja`, `additional_chat_templates/`, `tokenizer_config.json` beside the\n"
                "file) differs. `quern run` and `quern show` take the same one (`src/engine/templates.c`).\n")
        f.write(LANGUAGE % (rows_of("jinja_cases.jsonl"), rows_of("jinja_calls.jsonl")))
    print("%d templates, %d renderings, %d other texts, %d other errors, %d other sentences" % tuple(total[i] for i in (0, 1, 3, 4, 5)))
    sys.exit(1 if sum(total[3:6]) else 0)


main(*sys.argv[1:4])
