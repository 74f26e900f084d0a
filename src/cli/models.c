/* cli/models.c - from MODEL to the path of a file. */
#include "cli/models.h"

#include "cli/nearest.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = ".gguf";

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* "...-00002-of-00004.gguf": not the first of the files of one model. */
static bool is_later_shard(const char *name)
{
    static const char later[] = "-[0-9]*-of-[0-9]*.gguf", first[] = "-00001-of-[0-9]*.gguf";
    size_t n = strlen(name), n_end = strlen("-00002-of-00004.gguf");
    if (n <= n_end)
        return false;
    const char *end = name + n - n_end;
    return fnmatch(later, end, 0) == 0 && fnmatch(first, end, 0) != 0;
}

static qn_status join(char path[QN_MODEL_PATH], const char *folder, const char *name, qn_error *err)
{
    int n = snprintf(path, QN_MODEL_PATH, "%s/%s", folder, name);
    QN_FAIL_IF(n < 0 || n >= QN_MODEL_PATH, err, QN_EARGUMENT,
               "the path of %s is longer than %d bytes", name, QN_MODEL_PATH);
    return QN_OK;
}

static qn_status find_in_folder(const char *folder, char path[QN_MODEL_PATH], qn_error *err)
{
    char name[256] = "";
    size_t n = 0;
    DIR *d = opendir(folder);
    QN_FAIL_IF(!d, err, QN_ENOTFOUND, "%s: %s", folder, strerror(errno));
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (e->d_name[0] == '.' || !ends_in(e->d_name, suffix) || is_later_shard(e->d_name))
            continue;
        n++;
        if (n == 1 || strcmp(e->d_name, name) < 0)
            snprintf(name, sizeof name, "%s", e->d_name);
    }
    closedir(d);
    QN_FAIL_IF(n == 0, err, QN_ENOTFOUND, "%s: the directory holds no .gguf file", folder);
    QN_FAIL_IF(n > 1, err, QN_EARGUMENT,
               "%s: the directory holds %zu models; name one of them, such as %s/%s", folder, n,
               folder, name);
    return join(path, folder, name, err);
}

static qn_status cache_folder(char folder[QN_MODEL_PATH], qn_error *err)
{
    const char *cache = getenv("QUERN_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int n;
    if (cache && *cache)
        n = snprintf(folder, QN_MODEL_PATH, "%s/models", cache);
    else if (xdg && *xdg)
        n = snprintf(folder, QN_MODEL_PATH, "%s/quern/models", xdg);
    else
        n = snprintf(folder, QN_MODEL_PATH, "%s/.cache/quern/models", home ? home : "");
    QN_FAIL_IF(n < 0 || n >= QN_MODEL_PATH, err, QN_EARGUMENT,
               "the path of the model cache is longer than %d bytes; set QUERN_CACHE",
               QN_MODEL_PATH);
    return QN_OK;
}

/* The cached name that is nearest to a wrong one, or "". */
static void find_nearest(const char *name, const char *folder, char nearest[256])
{
    size_t least = SIZE_MAX;
    DIR *d = opendir(folder);
    nearest[0] = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        char known[256];
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' || !ends_in(e->d_name, suffix))
            continue;
        snprintf(known, sizeof known, "%.*s", (int)(n - strlen(suffix)), e->d_name);
        size_t distance = qn_edit_distance(name, known);
        if (distance < least || (distance == least && strcmp(known, nearest) < 0)) {
            least = distance;
            snprintf(nearest, 256, "%s", known);
        }
    }
    if (d)
        closedir(d);
}

static qn_status find_in_cache(const char *name, char path[QN_MODEL_PATH], qn_error *err)
{
    char folder[QN_MODEL_PATH], nearest[256], file[512];
    struct stat st;
    QN_FAIL_IF(strlen(name) > 200, err, QN_ENOTFOUND, "no model has a name of %zu bytes",
               strlen(name));
    QN_TRY(cache_folder(folder, err));
    snprintf(file, sizeof file, "%s%s", name, ends_in(name, suffix) ? "" : suffix);
    QN_TRY(join(path, folder, file, err));
    if (stat(path, &st) == 0)
        return QN_OK;
    find_nearest(name, folder, nearest);
    QN_FAIL_IF(
        nearest[0], err, QN_ENOTFOUND,
        "there is no file and no cached model '%s'; the nearest in the cache is '%s', others "
        "are fetched with: script/fetch-model NAME",
        name, nearest);
    return qn_fail(err, QN_ENOTFOUND,
                   "there is no file and no cached model '%s'; give the path of a .gguf file or "
                   "fetch one with: script/fetch-model smollm2",
                   name);
}

qn_status qn_model_find(const char *model, char path[QN_MODEL_PATH], qn_error *err)
{
    struct stat st;
    QN_FAIL_IF(!*model, err, QN_EARGUMENT, "MODEL is empty; give a file or a name");
    if (stat(model, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return find_in_folder(model, path, err);
        int n = snprintf(path, QN_MODEL_PATH, "%s", model);
        QN_FAIL_IF(n < 0 || n >= QN_MODEL_PATH, err, QN_EARGUMENT,
                   "the path of the model is longer than %d bytes", QN_MODEL_PATH);
        return QN_OK;
    }
    QN_FAIL_IF(strchr(model, ':'), err, QN_EUNSUPPORTED,
               "%s: models are not downloaded by name; give the path of a .gguf file", model);
    QN_FAIL_IF(strchr(model, '/'), err, QN_ENOTFOUND, "%s: %s", model, strerror(errno));
    return find_in_cache(model, path, err);
}
