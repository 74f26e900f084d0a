"""What transformers calls the assistant's tokens of a conversation:

    python tests/oracles/generation_masks.py tests/fixtures/text/json tests/fixtures/text/generation_masks.jsonl

Needs transformers 5. A row is {"tokenizer", "template", "request", "ids", "mask"}: the ids and the mask of
apply_chat_template with return_assistant_tokens_mask, for small tokenizers of that folder. Offsets keep
the spaces of byte-level tokens, as in the files of Llama 3 and Qwen: where they are cut off and a block
ends in a space, transformers marks all that follows.
"""
import json
import os
import re
import sys

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

TEMPLATES = [
    "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}",
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}\n{{ m.content }}</s>\n{% endgeneration %}{% else %}\n{{ m.content }}\n{% endif %}{% endfor %}",
    "{% for m in messages %}{% if m.role == 'assistant' %}[{% generation %}{{ m.content[:4] }}{% endgeneration %}{{ m.content[4:] }}]{% else %}{{ m.content }} {% endif %}{% endfor %}",
    "{% generation %}{{ messages[0].content }}{% endgeneration %}",
]
SAYINGS = [("the mill grinds", "the grain is ground"), ("  two  spaces ", " and  then\nsome\n"), ("1234", "Müller, 中文 👩\u200d👧!"), ("a", "b"),
           ("tabs\tand\r\nlines", "def f(x):\n    return x\n")]


def main(folder, out):
    n = 0
    with open(out, "w") as f:
        for name in ("flags", "llama", "llama-first"):
            own = open("%s/%s.json" % (folder, name), encoding="utf-8").read()
            t = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(re.sub('"trim_offsets": *true', '"trim_offsets":false', own)))
            for template in TEMPLATES:
                for asked, said in SAYINGS:
                    messages = [dict(role="user", content=asked), dict(role="assistant", content=said), dict(role="user", content="on"),
                                dict(role="assistant", content=asked + said)]
                    made = t.apply_chat_template(messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
                    f.write(json.dumps(dict(tokenizer=name, template=template, request=dict(messages=messages), ids=made["input_ids"],
                                            mask=made["assistant_masks"]), ensure_ascii=False) + "\n")
                    n += 1
    print("%d rows" % n)


main(*sys.argv[1:3])
