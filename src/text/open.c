/* text/open.c - a tokenizer from a path: a file by what it holds, a directory by its files. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "text/tokenizer.h"

enum { MOST_PATH = 4096, MOST_CONFIG = 64 << 20 };

static bool join(char path[MOST_PATH], const char *folder, size_t n_folder, const char *name)
{
    int n = snprintf(path, MOST_PATH, "%.*s%s%s", (int)n_folder, folder, n_folder ? "/" : "", name);
    return n > 0 && n < MOST_PATH;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A small file beside the tokenizer: *text is its bytes, or has none. */
static qn_status read_beside(const char *folder, size_t n_folder, const char *name, qn_buf *text,
                             qn_error *err)
{
    char path[MOST_PATH];
    if (!join(path, folder, n_folder, name) || !exists(path))
        return QN_OK;
    return qn_buf_read_file(text, path, MOST_CONFIG, err);
}

typedef struct beside { /* the files beside a tokenizer, as far as there are any */
    qn_buf config, generation;
    qn_str texts[2];
} beside;

/* folder NULL: only the file itself was named, and nothing is read. */
static qn_status open_beside(beside *b, const char *folder, size_t n_folder, qn_error *err)
{
    *b = (beside){0};
    if (!folder)
        return QN_OK;
    QN_TRY(read_beside(folder, n_folder, "tokenizer_config.json", &b->config, err));
    QN_TRY(read_beside(folder, n_folder, "generation_config.json", &b->generation, err));
    b->texts[0] = (qn_str){b->config.bytes, b->config.n_bytes};
    b->texts[1] = (qn_str){b->generation.bytes, b->generation.n_bytes};
    return QN_OK;
}

static const qn_str *text_of(const beside *b, size_t i)
{
    return b->texts[i].n_bytes ? &b->texts[i] : NULL;
}

static void close_beside(beside *b)
{
    qn_buf_release(&b->config);
    qn_buf_release(&b->generation);
}

static bool is_named(const char *path, const char *name)
{
    size_t n = strlen(path), n_name = strlen(name);
    return n >= n_name && strcmp(path + n - n_name, name) == 0;
}

/* A line of base64 and a number, which no protocol buffer begins with. */
static bool has_ranks(const qn_map *m)
{
    size_t n = 0;
    while (n < m->n_bytes && n < 1024 && m->bytes[n] > ' ' && m->bytes[n] < 0x7F)
        n++;
    return n > 0 && n + 1 < m->n_bytes && m->bytes[n] == ' ' && m->bytes[n + 1] >= '0' &&
           m->bytes[n + 1] <= '9';
}

/* tekken.json has a config of its own, which no tokenizer.json has. */
static bool is_tekken(const qn_map *m, const char *path)
{
    const qn_str key = qn_str_of("default_num_special_tokens");
    return is_named(path, "tekken.json") ||
           memmem(m->bytes, QN_MIN(m->n_bytes, (size_t)4096), key.bytes, key.n_bytes);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static qn_status open_text(qn_tokenizer **t, qn_str text, const char *path, const beside *b,
                           bool json, qn_error *err)
{
    const char *slash = strrchr(path, '/');
    const qn_tiktoken_file ranks = {text, slash ? slash + 1 : path, text_of(b, 0), text_of(b, 1)};
    if (json)
        return qn_tokenizer_from_json(t, text, text_of(b, 0), text_of(b, 1), err);
    return qn_tokenizer_from_tiktoken(t, &ranks, err);
}

static qn_status open_mapped(qn_tokenizer **t, const qn_map *m, const char *path, bool in_folder,
                             qn_error *err)
{
    const char *slash = strrchr(path, '/');
    const qn_str text = {(const char *)m->bytes, m->n_bytes};
    size_t at = 0;
    beside b;
    while (at < m->n_bytes && is_blank(m->bytes[at]))
        at++;
    bool json = (at < m->n_bytes && m->bytes[at] == '{') || is_named(path, ".json");
    if (json && is_tekken(m, path))
        return qn_tokenizer_from_tekken(t, text, err);
    if (!json && !has_ranks(m))
        return qn_tokenizer_from_spm(t, m->n_bytes, m->bytes, err);
    qn_status st =
        open_beside(&b, in_folder ? path : NULL, slash ? (size_t)(slash - path) : 0, err);
    if (st == QN_OK)
        st = open_text(t, text, path, &b, json, err);
    close_beside(&b);
    return st;
}

static qn_status open_file(qn_tokenizer **t, const char *path, bool in_folder, qn_error *err)
{
    qn_map m;
    QN_TRY(qn_map_open(&m, path, err));
    qn_status st = open_mapped(t, &m, path, in_folder, err);
    if (st == QN_OK && qn_map_torn(&m)) {
        qn_tokenizer_release(*t);
        *t = NULL;
        st = qn_fail(err, QN_EIO, "the file changed while it was read");
    }
    qn_map_release(&m);
    return st == QN_OK ? QN_OK : qn_fail_in(err, path);
}

static const char *const names[] = {"tokenizer.json", "tekken.json",   "tokenizer.model",
                                    "tiktoken.model", "qwen.tiktoken", "hy.tiktoken"};

/* The first of the known files that the directory has. */
static bool find(const char *folder, char path[MOST_PATH])
{
    for (size_t i = 0; i < QN_COUNT(names); i++)
        if (join(path, folder, strlen(folder), names[i]) && exists(path))
            return true;
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool qn_tokenizer_is_at(const char *path)
{
    char file[MOST_PATH];
    qn_map m;
    if (is_folder(path))
        return find(path, file);
    size_t n = strlen(path);
    bool named = n >= 5 && strcmp(path + n - 5, ".gguf") == 0;
    if (named || !exists(path) || qn_map_open(&m, path, NULL) != QN_OK)
        return false;
    bool gguf = m.n_bytes >= 4 && memcmp(m.bytes, "GGUF", 4) == 0;
    bool empty = m.n_bytes == 0;
    qn_map_release(&m);
    return !gguf && !empty;
}

qn_status qn_tokenizer_open(qn_tokenizer **t, const char *path, qn_error *err)
{
    char file[MOST_PATH];
    *t = NULL;
    if (!is_folder(path))
        return open_file(t, path, false, err);
    QN_FAIL_IF(
        !find(path, file), err, QN_ENOTFOUND,
        "%s: the directory holds no tokenizer.json, tekken.json, tokenizer.model or tiktoken file",
        path);
    return open_file(t, file, true, err);
}
