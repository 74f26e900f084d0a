/* text/jinja_urlize.c - the filter urlize: links around what looks like an address. Source:
 * jinja2/utils.py; its patterns are scanners here, one pass each.
 *
 * What is put around a word counts as written by whoever wrote the word. */
#include "text/jinja_node.h"
#include "text/jinja_tables.h"

#include <string.h>

static bool in_word(uint32_t code)
{
    return code == '_' || qn_jis_alpha(code) || qn_jis_numeric(code);
}

static bool begins(qn_str s, const char *text)
{
    size_t n = strlen(text);
    return s.n_bytes >= n && memcmp(s.bytes, text, n) == 0;
}

static bool begins_in_any_case(qn_str s, const char *text)
{
    size_t n = strlen(text);
    return s.n_bytes >= n && strncasecmp(s.bytes, text, n) == 0;
}

static bool ends(qn_str s, const char *text)
{
    size_t n = strlen(text);
    return s.n_bytes >= n && memcmp(s.bytes + s.n_bytes - n, text, n) == 0;
}

static qn_str from(qn_str s, size_t at)
{
    return (qn_str){s.bytes + at, s.n_bytes - at};
}

static qn_str until(qn_str s, size_t end)
{
    return (qn_str){s.bytes, end};
}

static size_t count(qn_str s, const char *part)
{
    size_t n = 0, n_part = strlen(part);
    for (const char *at = s.bytes, *end = s.bytes + s.n_bytes;
         (at = memmem(at, (size_t)(end - at), part, n_part)); n++)
        at += n_part;
    return n;
}

/* How many characters s has, all of which are of a word or in `also`; -1: not all are. */
static int64_t all_of(qn_str s, const char *also)
{
    int64_t count_ = 0;
    size_t n;
    for (size_t at = 0; at < s.n_bytes; at += n, count_++) {
        uint32_t code = qn_jcode_at(s, at, &n);
        if (!in_word(code) && !(code && code < 128 && strchr(also, (int)code)))
            return -1;
    }
    return count_;
}

static bool is_top_level(qn_str s)
{
    bool letters = s.n_bytes >= 2 && s.n_bytes <= 63;
    for (size_t i = 0; i < s.n_bytes && letters; i++)
        letters = (s.bytes[i] | 32) >= 'a' && (s.bytes[i] | 32) <= 'z';
    if (letters || !begins_in_any_case(s, "xn--"))
        return letters;
    int64_t n = all_of(from(s, 4), "%");
    return n >= 2 && n <= 59;
}

static bool is_common_domain(qn_str s)
{
    static const char *const names[] = {"com", "net", "int", "edu", "gov", "org", "info", "mil"};
    bool any = false;
    for (size_t i = 0; i < QN_COUNT(names); i++)
        any |= s.n_bytes == strlen(names[i]) && begins_in_any_case(s, names[i]);
    return any;
}

/* Labels with a dot behind each, then the last one. */
static bool is_host(qn_str s, bool common)
{
    size_t n_labels = 0;
    for (;; n_labels++) {
        const char *dot = s.n_bytes ? memchr(s.bytes, '.', s.n_bytes) : NULL;
        if (!dot)
            break;
        int64_t n = all_of(until(s, (size_t)(dot - s.bytes)), "%-");
        if (n < (common ? 2 : 1) || (common && n > 63))
            return false;
        s = from(s, (size_t)(dot - s.bytes) + 1);
    }
    return common ? n_labels && is_common_domain(s) : is_top_level(s);
}

static bool is_ipv4(qn_str s)
{
    size_t n, n_parts = 1, n_digits = 0;
    for (size_t at = 0; at < s.n_bytes; at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        if (code == '.' && n_digits)
            n_parts++, n_digits = 0;
        else if (!qn_jis_decimal(code) || ++n_digits > 3)
            return false;
    }
    return n_parts == 4 && n_digits;
}

/* The bytes of "[...]" that an IPv6 address takes; 0: none begins there. */
static size_t ipv6(qn_str s)
{
    size_t at = 1, n_colons = 0, n_groups = 0, n_hex = 0, n;
    if (s.n_bytes == 0 || s.bytes[0] != '[')
        return 0;
    for (; at < s.n_bytes && s.bytes[at] != ']'; at += n) {
        uint32_t code = qn_jcode_at(s, at, &n);
        bool hex = qn_jis_decimal(code) || ((code | 32) >= 'a' && (code | 32) <= 'f');
        if (!hex && code != ':')
            return 0;
        if (n_colons < 2) {
            n_hex = hex ? n_hex + 1 : 0;
            n_colons += !hex;
            if (n_hex > 4)
                return 0;
        } else if (!hex) {
            n_groups += n_hex ? 0 : 1; /* a colon alone is a group too */
            n_hex = 0;
        } else {
            n_groups += n_hex % 4 == 0;
            n_hex++;
        }
    }
    return at < s.n_bytes && n_colons == 2 && n_groups <= 6 ? at + 1 : 0;
}

/* ":port", "/path" and the like, or nothing. */
static bool is_rest(qn_str s)
{
    size_t at = 0, n_digits = 0, n = 1;
    if (s.n_bytes && s.bytes[0] == ':') {
        for (at = 1; at < s.n_bytes && qn_jis_decimal(qn_jcode_at(s, at, &n)); at += n)
            n_digits++;
        if (n_digits < 1 || n_digits > 5)
            return false;
    }
    return at == s.n_bytes || (s.bytes[at] && strchr("/?#", s.bytes[at]));
}

static bool is_url(qn_str s)
{
    size_t scheme = begins_in_any_case(s, "https://")  ? 8
                    : begins_in_any_case(s, "http://") ? 7
                                                       : 0;
    size_t at = scheme ? scheme : begins_in_any_case(s, "www.") ? 4 : 0, end;
    size_t bracket = scheme ? ipv6(from(s, scheme)) : 0;
    if (bracket)
        return is_rest(from(s, scheme + bracket));
    for (end = at; end < s.n_bytes && !strchr(":/?#", s.bytes[end]); end++)
        ;
    qn_str host = {s.bytes + at, end - at};
    if (!is_rest(from(s, end)))
        return false;
    return (at && is_host(host, false)) || (scheme && is_ipv4(host)) ||
           (!scheme && is_host(until(s, end), true));
}

/* name@word.words.word */
static bool is_email(qn_str s)
{
    const char *sign = s.n_bytes ? memrchr(s.bytes, '@', s.n_bytes) : NULL;
    size_t n;
    if (!sign || sign == s.bytes)
        return false;
    qn_str domain = from(s, (size_t)(sign - s.bytes) + 1);
    const char *dot = domain.n_bytes ? memrchr(domain.bytes, '.', domain.n_bytes) : NULL;
    if (!dot || !in_word(qn_jcode_at(domain, 0, &n)))
        return false;
    size_t at = (size_t)(dot - domain.bytes);
    return all_of(until(domain, at), ".-") > 0 && all_of(from(domain, at + 1), "") > 0;
}

/* Words */

typedef struct link {
    qn_jbuild *b;
    qn_jstr *s; /* all of the escaped text */
    qn_jval limit;
    qn_jstr *attributes; /* rel and target */
    qn_jlist *schemes;
    unsigned origin; /* of the word at hand */
} link;

static void put(link *l, const char *text)
{
    qn_jbuild_add(l->b, strlen(text), text, l->origin);
}

static void put_attributes(link *l)
{
    qn_str text = qn_jbytes(l->b->r, l->attributes);
    if (l->origin & J_TRUSTED)
        qn_jbuild_str(l->b, l->attributes);
    else
        qn_jbuild_add(l->b, text.n_bytes, text.bytes, 0);
}

static void put_trimmed(link *l, qn_jstr *word)
{
    qn_jstate *r = l->b->r;
    if (!word) /* memory ended before */
        return;
    qn_jval n = qn_jint((int64_t)word->n_chars);
    if (l->limit.kind == J_MISSING || !qn_jcompare_op(r, J_GT, n, l->limit)) {
        qn_jbuild_str(l->b, word);
        return;
    }
    qn_jval cut = qn_jfailed(r)
                      ? l->limit
                      : qn_jsliced(r, qn_jstr_value(word), qn_jnone(), l->limit, qn_jnone());
    if (qn_jfailed(r))
        return;
    qn_jbuild_str(l->b, cut.s);
    put(l, "...");
}

/* <a href="before word" attributes>text</a>, text being the word, perhaps trimmed */
static void put_link(link *l, const char *before, qn_jstr *word, bool attributes, qn_jstr *text)
{
    put(l, "<a href=\"");
    put(l, before);
    qn_jbuild_str(l->b, word);
    put(l, "\"");
    if (attributes)
        put_attributes(l);
    put(l, ">");
    if (text)
        qn_jbuild_str(l->b, text);
    else
        put_trimmed(l, word);
    put(l, "</a>");
}

static qn_jstr *with_schemes(link *l, qn_jstr *word)
{
    qn_jstate *r = l->b->r;
    for (size_t i = 0; i < l->schemes->n && !qn_jfailed(r); i++) {
        qn_str s = qn_jbytes(r, word), scheme = qn_jbytes(r, l->schemes->v[i].s);
        if (s.n_bytes <= scheme.n_bytes || memcmp(s.bytes, scheme.bytes, scheme.n_bytes) != 0)
            continue;
        qn_jbuild inside = qn_jbuild_begin(r), *outside = l->b;
        l->b = &inside;
        put_link(l, "", word, true, word);
        word = qn_jbuild_end(&inside);
        l->b = outside;
    }
    return word;
}

static void put_word(link *l, size_t begin, size_t end)
{
    qn_jstr *word = qn_jslice_bytes(l->b->r, l->s, begin, end);
    qn_str s = qn_jbytes(l->b->r, word);
    bool web = begins(s, "https://") || begins(s, "http://");
    if (is_url(s)) {
        put_link(l, web ? "" : "https://", word, true, NULL);
    } else if (begins(s, "mailto:") && is_email(from(s, 7))) {
        put_link(l, "", word, false, qn_jslice_bytes(l->b->r, word, 7, s.n_bytes));
    } else if (s.n_bytes && memchr(s.bytes, '@', s.n_bytes) && !begins(s, "www.") &&
               s.bytes[0] != '@' && !memchr(s.bytes, ':', s.n_bytes) && is_email(s)) {
        put_link(l, "mailto:", word, false, word);
    } else {
        qn_jbuild_str(l->b, with_schemes(l, word));
    }
}

static size_t head_end(qn_str s)
{
    size_t at = 0;
    while (at < s.n_bytes) {
        if (s.bytes[at] == '(' || s.bytes[at] == '<')
            at++;
        else if (begins(from(s, at), "&lt;"))
            at += 4;
        else
            break;
    }
    return at;
}

/* Where the punctuation at the end of s begins, in which closing brackets that have an open one
 * before stay with the word. */
static size_t tail_begin(qn_str s)
{
    static const char *const pairs[][2] = {{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}};
    size_t at = s.n_bytes;
    for (size_t n = 1; n && at;) {
        qn_str left = until(s, at);
        n = ends(left, "&gt;") ? 4 : strchr(")>.,", s.bytes[at - 1]) && s.bytes[at - 1] ? 1 : 0;
        at -= n;
    }
    for (size_t i = 0; i < QN_COUNT(pairs); i++) {
        size_t n_open = count(until(s, at), pairs[i][0]), n_end = strlen(pairs[i][1]);
        if (n_open <= count(until(s, at), pairs[i][1]))
            continue;
        for (; n_open > 0; n_open--) {
            const char *close = memmem(s.bytes + at, s.n_bytes - at, pairs[i][1], n_end);
            if (!close)
                break;
            at = (size_t)(close - s.bytes) + n_end;
        }
    }
    return at;
}

static void link_word(link *l, size_t begin, size_t end, size_t *cursor)
{
    qn_str all = qn_jbytes(l->b->r, l->s);
    qn_str s = {all.bytes + begin, end - begin};
    size_t head = head_end(s), tail = head + tail_begin(from(s, head));
    l->origin = qn_jorigin(l->s, begin, cursor);
    qn_jspend(l->b->r, 1 + s.n_bytes / 8);
    qn_jbuild_piece(l->b, l->s, begin, begin + head);
    put_word(l, begin + head, begin + tail);
    qn_jbuild_piece(l->b, l->s, begin + tail, end);
}

static void link_all(link *l)
{
    qn_str s = qn_jbytes(l->b->r, l->s);
    size_t cursor = 0, n;
    for (size_t at = 0, end; at < s.n_bytes && !qn_jfailed(l->b->r); at = end) {
        bool space = qn_jis_space(qn_jcode_at(s, at, &n));
        for (end = at + n; end < s.n_bytes && qn_jis_space(qn_jcode_at(s, end, &n)) == space;)
            end += n;
        if (space)
            qn_jbuild_piece(l->b, l->s, at, end);
        else
            link_word(l, at, end, &cursor);
    }
}

/* Arguments */

static bool in_list(qn_jstate *r, const qn_jlist *list, const char *text)
{
    bool any = false;
    for (size_t i = 0; i < list->n; i++)
        any |= qn_jstr_is(r, list->v[i], text);
    return any;
}

/* The words of rel, those of ours with them, each once and in order. */
static qn_jstr *rel_words(qn_jstate *r, qn_jval rel, bool nofollow)
{
    qn_jlist *words = qn_jlist_new(r, 0), *keys;
    qn_jbuild b = qn_jbuild_begin(r);
    if (rel.kind == J_STR)
        words = qn_jsplit(r, rel.s, NULL, -1, false);
    else if (rel.kind != J_MISSING && qn_jtruth(r, rel))
        qn_jfail(r, QN_EARGUMENT, "'%s' object has no attribute 'split'", qn_jtype_name(rel));
    if (nofollow && !in_list(r, words, "nofollow"))
        qn_jlist_push(r, words, qn_jtext(r, "nofollow"));
    if (!in_list(r, words, "noopener"))
        qn_jlist_push(r, words, qn_jtext(r, "noopener"));
    keys = qn_jlist_range(r, words, 0, words->n);
    if (!qn_jfailed(r))
        qn_jsort(r, words->n, words->v, keys->v, false);
    for (size_t i = 0; i < words->n && !qn_jfailed(r); i++) {
        if (i && qn_jequal(r, words->v[i - 1], words->v[i]))
            continue;
        qn_jbuild_text(&b, i ? " " : "");
        qn_jbuild_str(&b, words->v[i].s);
    }
    return qn_jescape(r, qn_jbuild_end(&b));
}

static bool is_scheme(qn_str s)
{
    size_t n_slashes = 0;
    while (n_slashes < 2 && s.n_bytes && s.bytes[s.n_bytes - 1] == '/')
        s.n_bytes--, n_slashes++;
    return s.n_bytes && s.bytes[s.n_bytes - 1] == ':' &&
           all_of(until(s, s.n_bytes - 1), ".+-") >= 2;
}

static qn_jlist *read_schemes(qn_jstate *r, qn_jval v)
{
    bool given = v.kind != J_MISSING && v.kind != J_NONE;
    qn_jlist *list = given ? qn_jlist_of(r, v) : qn_jlist_new(r, 0);
    for (size_t i = 0; i < list->n && !qn_jfailed(r); i++) {
        if (list->v[i].kind != J_STR)
            qn_jfail(r, QN_EARGUMENT, "expected string or bytes-like object, got '%s'",
                     qn_jtype_name(list->v[i]));
        else if (!is_scheme(qn_jbytes(r, list->v[i].s)))
            qn_jfail(r, QN_EARGUMENT, "%s is not a valid URI scheme prefix.",
                     qn_jrepr_of(r, list->v[i]));
    }
    return list;
}

qn_jval qn_jf_urlize(qn_jstate *r, qn_jval v, qn_jcall *c)
{
    qn_jbuild b = qn_jbuild_begin(r), attributes = qn_jbuild_begin(r);
    qn_jval target = c->v[2];
    qn_jbuild_text(&attributes, " rel=\"");
    qn_jbuild_str(&attributes, rel_words(r, c->v[3], qn_jtruth(r, c->v[1])));
    qn_jbuild_text(&attributes, "\"");
    link l = {.b = &b, .limit = c->v[0].kind == J_NONE ? (qn_jval){0} : c->v[0]};
    l.schemes = read_schemes(r, c->v[4]);
    if (target.kind != J_MISSING && qn_jtruth(r, target)) {
        bool markup = target.kind == J_STR && target.s->markup;
        qn_jbuild_text(&attributes, " target=\"");
        qn_jbuild_str(&attributes, markup ? target.s : qn_jescape(r, qn_jstr_of(r, target)));
        qn_jbuild_text(&attributes, "\"");
    }
    l.attributes = qn_jbuild_end(&attributes);
    l.s = v.kind == J_STR && v.s->markup ? v.s : qn_jescape(r, qn_jstr_of(r, v));
    if (!qn_jfailed(r))
        link_all(&l);
    return qn_jstr_value(qn_jbuild_end(&b));
}
