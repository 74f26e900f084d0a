/* cli/completion.c - one list of words per command; options with values complete files after them.
 */
#include "cli/completion.h"

#include "cli/args.h"
#include "cli/cli.h"

#include <ctype.h>

static bool is_short(const struct argp_option *o)
{
    return o->key > ' ' && o->key < 0x7f && isgraph(o->key);
}

static void append_words(void *context, const struct argp_option *o)
{
    qn_buf *out = context;
    qn_buf_format(out, " --%s", o->name);
    if (is_short(o))
        qn_buf_format(out, " -%c", o->key);
}

static void append_commands(qn_buf *out)
{
    for (size_t i = 0; qn_command_at(i); i++)
        qn_buf_format(out, "%s%s", i ? " " : "", qn_command_at(i)->name);
}

static void bash(qn_buf *out)
{
    qn_buf_text(out, "# bash completion of quern; made by: quern help --completion bash\n"
                     "_quern()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                     "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='");
    append_commands(out);
    qn_buf_text(out, "'\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; qn_command_at(i); i++) {
        const qn_command *c = qn_command_at(i);
        qn_buf_format(out, "        %s) words='--help", c->name);
        qn_args_each(c->argp, append_words, out);
        qn_buf_text(out, "' ;;\n");
    }
    qn_buf_text(out, "        esac\n    fi\n"
                     "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
                     "complete -o default -F _quern quern\n");
}

/* For text between single quotes. */
static void append_quoted(qn_buf *out, const char *text)
{
    for (; *text; text++)
        qn_buf_text(out, *text == '\'' ? "'\\''" : (char[2]){*text, 0});
}

static void append_zsh_option(void *context, const struct argp_option *o)
{
    qn_buf *out = context;
    qn_buf_format(out, " '--%s%s[", o->name, o->arg ? "=" : "");
    for (const char *c = o->doc; *c; c++) { /* colons and brackets have a meaning there */
        char text[3] = {*c, 0, 0};
        if (*c == ':' || *c == '[' || *c == ']')
            text[0] = '\\', text[1] = *c;
        append_quoted(out, text);
    }
    qn_buf_text(out, "]");
    if (o->arg)
        qn_buf_format(out, ":%s:_files", o->arg);
    qn_buf_text(out, "'");
}

static void zsh(qn_buf *out)
{
    qn_buf_text(out, "#compdef quern\n# zsh completion of quern; made by: quern help --completion "
                     "zsh\n_quern()\n{\n    if (( CURRENT == 2 )); then\n        compadd ");
    append_commands(out);
    qn_buf_text(out, "\n        return\n    fi\n    local command=$words[2]\n    shift words\n"
                     "    (( CURRENT-- ))\n    case $command in\n");
    for (size_t i = 0; qn_command_at(i); i++) {
        qn_buf_format(out, "    %s) _arguments '--help[Explain the command]'",
                      qn_command_at(i)->name);
        qn_args_each(qn_command_at(i)->argp, append_zsh_option, out);
        qn_buf_text(out, " '*:file:_files' ;;\n");
    }
    qn_buf_text(out, "    esac\n}\n"
                     "if [[ $funcstack[1] = _quern ]]; then\n    _quern \"$@\"\nelse\n"
                     "    compdef _quern quern\nfi\n");
}

typedef struct fish_context {
    qn_buf *out;
    const char *command;
} fish_context;

static void append_fish_option(void *context, const struct argp_option *o)
{
    fish_context *f = context;
    qn_buf_format(f->out, "complete -c quern -n '__fish_seen_subcommand_from %s' -l %s", f->command,
                  o->name);
    if (is_short(o))
        qn_buf_format(f->out, " -s %c", o->key);
    qn_buf_format(f->out, "%s -d '", o->arg ? " -r" : "");
    append_quoted(f->out, o->doc);
    qn_buf_text(f->out, "'\n");
}

static void fish(qn_buf *out)
{
    qn_buf_text(out, "# fish completion of quern; made by: quern help --completion fish\n");
    for (size_t i = 0; qn_command_at(i); i++) {
        const qn_command *c = qn_command_at(i);
        qn_buf_format(out, "complete -c quern -n __fish_use_subcommand -a %s -d '", c->name);
        append_quoted(out, c->summary);
        qn_buf_text(out, "'\n");
        qn_args_each(c->argp, append_fish_option, &(fish_context){out, c->name});
    }
}

void qn_completion(qn_shell shell, qn_buf *out)
{
    switch (shell) {
    case QN_BASH: bash(out); return;
    case QN_ZSH: zsh(out); return;
    case QN_FISH: fish(out); return;
    }
}
