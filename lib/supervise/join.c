#include "supervise/join.h"

#include <errno.h>
#include <sys/socket.h>

#include "json/json.h"

#include "base/banned.h"

enum { ANSWER_MAX = 8192 };

void join_put_hello(struct buf *dst, const char *role, unsigned client, struct slice connection)
{
    buf_puts(dst, "{\"hello\":1");
    json_put_member_text(dst, S("role"), slice_str(role));
    json_put_member_int(dst, S("client"), client);
    if (connection.p)
        json_put_member(dst, S("connection"), connection);
    buf_puts(dst, "}\n");
}

static int unavailable(struct ditto_error *err)
{
    return ditto_fail(err, 503, "connectivity:connection.unavailable", NULL, NULL, "The hub went away.");
}

static void copy(char *dst, size_t size, struct json v, struct buf *scratch)
{
    struct slice s = json_text(v, scratch);
    size_t n = s.len < size - 1 ? s.len : size - 1;
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
}

static int judge(struct slice line, struct ditto_error *err)
{
    struct json answer, why;
    struct json_error bad;
    struct buf scratch = {0};
    int64_t status = 503;
    if (json_parse(line, &answer, &bad) < 0)
        return ditto_fail(err, 503, "connectivity:connection.unavailable", NULL, NULL,
                          "The hub's answer is no JSON.");
    why = json_get(answer, S("error"));
    if (!json_present(why))
        return 1;
    json_int(json_get(why, S("status")), &status);
    err->status = (int)status;
    copy(err->code, sizeof err->code, json_get(why, S("error")), &scratch);
    copy(err->message, sizeof err->message, json_get(why, S("message")), &scratch);
    copy(err->description, sizeof err->description, json_get(why, S("description")), &scratch);
    buf_free(&scratch);
    return -1;
}

int join_answer(int fd, struct ditto_error *err)
{
    char text[ANSWER_MAX];
    ssize_t n = recv(fd, text, sizeof text, MSG_PEEK | MSG_DONTWAIT);
    const char *end;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : unavailable(err);
    if (n == 0)
        return unavailable(err);
    end = memchr(text, '\n', (size_t)n);
    if (!end)
        return n == (ssize_t)sizeof text ? unavailable(err) : 0;
    n = recv(fd, text, (size_t)(end - text) + 1, MSG_DONTWAIT);
    if (n != end - text + 1)
        return unavailable(err);
    return judge(slice_of(text, (size_t)(end - text)), err);
}
