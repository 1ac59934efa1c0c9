#include "ctl/document.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lines.h"
#include "base/log.h"
#include "base/banned.h"

bool document_is_path(const char *operand)
{
    return strcmp(operand, "-") == 0 || strpbrk(operand, "./") || access(operand, F_OK) == 0;
}

void document_read(const char *path, struct buf *text)
{
    if (io_read_file(path, LINE_MAX_BYTES, text) < 0)
        die_sys(EXIT_TEMPORARY, "cannot read '%s'", path);
}

int document_parse(struct ctl *ctl, const char *path, struct buf *text, struct json *v)
{
    struct json_error bad;
    struct ditto_error e = {0};
    document_read(path, text);
    if (json_parse(buf_slice(text), v, &bad) == 0)
        return EXIT_DONE;
    ditto_fail(&e, 400, "json.invalid", NULL, NULL, "Not JSON: %s at offset %zu.", bad.reason, bad.offset);
    ctl_print_problem(ctl, &e);
    return EXIT_NEGATIVE;
}

static void add(struct documents *d, const char *path, unsigned line, struct slice text)
{
    d->v = xrealloc_array(d->v, d->n + 1, sizeof(*d->v));
    struct document *new = &d->v[d->n++];
    *new = (struct document){.path = xstrndup(path, strlen(path)), .line = line};
    buf_put_slice(&new->text, text);
}

/* A text that is no document as a whole, but whose first line is one, holds one a line. */
static bool one_a_line(struct slice text)
{
    struct json v;
    struct slice rest = slice_trim(text), first = slice_cut(&rest, '\n');
    return rest.p && json_parse(text, &v, NULL) < 0 && json_parse(first, &v, NULL) == 0;
}

static void add_file(struct documents *d, const char *path)
{
    struct buf text = {0};
    document_read(path, &text);
    struct slice rest = buf_slice(&text);
    if (!one_a_line(rest))
        add(d, path, 0, rest);
    for (unsigned line = 1; one_a_line(buf_slice(&text)) && rest.p; line++) {
        struct slice next = slice_trim(slice_cut(&rest, '\n'));
        if (next.len)
            add(d, path, line, next);
    }
    buf_wipe(&text);
}

static int is_document(const struct dirent *e)
{
    struct slice name = slice_str(e->d_name);
    return !slice_starts(name, S(".")) && slice_ends(name, S(".json"));
}

static void add_folder(struct documents *d, const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, is_document, alphasort);
    if (n < 0)
        die_sys(EXIT_TEMPORARY, "cannot read '%s'", path);
    for (int i = 0; i < n; i++) {
        struct buf file = {0};
        buf_printf(&file, "%s/%s", path, names[i]->d_name);
        add_file(d, buf_z(&file));
        buf_free(&file);
        free(names[i]);
    }
    free(names);
}

void documents_add(struct documents *d, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        add_folder(d, path);
    else
        add_file(d, path);
}

void documents_free(struct documents *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free(d->v[i].path);
        buf_wipe(&d->v[i].text);
    }
    free(d->v);
    *d = (struct documents){0};
}
