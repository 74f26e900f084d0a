#!/usr/bin/env python3
"""Prints tests/fixtures/jinja_cases.jsonl: the templates of jinja_cases.txt (separated by lines of
----) as Jinja2 renders them.

The environment is the one of transformers' chat_template_utils (immutable sandbox, trim_blocks,
lstrip_blocks, loop controls, generation blocks, its tojson, raise_exception, strftime_now) with a
fixed time. A row is {"template", "context", "expected"} or {"template", "context", "error": true}.

    python3 tests/oracles/jinja_cases.py > tests/fixtures/jinja_cases.jsonl     
"""
import datetime
import json
import os
import sys

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_generation_support")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _generation_support(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def strftime_now(format):
    return datetime.datetime(2024, 7, 26, 12, 34, 56).strftime(format)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                    extensions=[Generation, loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = strftime_now

C = {"bos_token": "<s>", "s": "Hello, World", "u": "ÄßöéİΣΑΣ ǆ ﬁ 東京 👩\u200d👧", "n": 5, "neg": -7, "f": 2.5, "t": True, "none": None,
     "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"b": 1, "a": 2, "C": 3}, "e": [], "ed": {},
     "m": [{"role": "user", "content": "Hi <|im_end|>"}, {"role": "assistant", "content": "Yo"}],
     "html": "<b>\"a\" & 'b'</b>", "text": "line one\nline two\n\nline four", "ws": " \t x \n",
     "tree": [{"n": "a", "c": [{"n": "b", "c": []}, {"n": "c", "c": [{"n": "d", "c": []}]}]}],
     "users": [{"name": "Bob", "age": 30, "city": "x"}, {"name": "alice", "age": 25},
               {"name": "Carol", "age": 30, "city": "y"}]}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(here + "/jinja_cases.txt", encoding="utf-8") as f:
        cases = f.read()[:-1].split("\n----\n")
    for name in ("smollm2", "gemma3"):  # whole templates, with and without a prompt to continue
        with open("%s/../fixtures/jinja/%s.jinja" % (here, name), encoding="utf-8") as f:
            model = f.read()
        for messages in ("m", "[{'role': 'system', 'content': ' S '}] + m", "m + m[1:]"):
            for prompt in ("true", "false"):
                cases.append("{%% set messages = %s %%}{%% set add_generation_prompt = %s %%}%s" %
                             (messages, prompt, model))
    print(json.dumps({"context": C}, ensure_ascii=False))
    for template in cases:
        try:
            row = {"template": template, "expected": env.from_string(template).render(**C)}
        except Exception as e:  # any failure counts: Python raises many kinds
            row = {"template": template, "error": "%s: %s" % (type(e).__name__, e)}
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
