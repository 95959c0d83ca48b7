#include "line.h"

#include "eirc_utf8.h"

#include <string.h>


int
line_next(session_t *s, eirc_slice_t *line, size_t *taken)
{
    size_t len;
    eirc_slice_t pending;
    const uint8_t *lf;

    pending = session_in_pending(s);

    if (pending.len == 0) {
        return EIRC_AGAIN;
    }

    lf = memchr(pending.p, '\n', pending.len);

    if (lf == NULL && pending.len < EIRC_IRC_LINE_BUFFER) {
        return EIRC_AGAIN;
    }

    *taken = lf == NULL ? pending.len : (size_t) (lf - pending.p) + 1;
    len = lf == NULL ? pending.len : *taken - 1;

    while (len > 0 && pending.p[len - 1] == '\r') {
        len--;
    }

    *line = eirc_slice(pending.p, s->state->skipping ? 0 : len);
    s->state->skipping = lf == NULL;

    return EIRC_OK;
}


eirc_slice_t
line_without_tags(eirc_slice_t line)
{
    size_t i;

    i = 0;

    if (line.len > 0 && line.p[0] == '@') {
        while (i < line.len && line.p[i] != ' ') {
            i++;
        }
    }

    while (i < line.len && line.p[i] == ' ') {
        i++;
    }

    return eirc_slice(line.p + i, line.len - i);
}


static bool
has_control(eirc_slice_t line)
{
    return memchr(line.p, '\0', line.len) != NULL
           || memchr(line.p, '\r', line.len) != NULL;
}


/* Takes NUL and CR out, in place. */
static size_t
control_strip(uint8_t *p, size_t len)
{
    size_t i, n;

    n = 0;

    for (i = 0; i < len; i++) {

        if (p[i] != '\0' && p[i] != '\r') {
            p[n++] = p[i];
        }
    }

    return n;
}


bool
line_fit(eirc_slice_t line)
{
    return line.len <= EIRC_LINK_LINE_MAX && !has_control(line)
           && eirc_utf8_valid(line.p, line.len);
}


size_t
line_repair(uint8_t *buf, eirc_slice_t line)
{
    size_t len;

    if (eirc_utf8_valid(line.p, line.len)) {
        len = line.len < EIRC_LINK_LINE_MAX ? line.len : EIRC_LINK_LINE_MAX;
        len = eirc_utf8_prefix(line.p, len);
        memcpy(buf, line.p, len);

    } else {
        len = eirc_utf8_from_cp1252(buf, EIRC_LINK_LINE_MAX, line.p, line.len);
    }

    return control_strip(buf, len);
}


eirc_slice_t
line_for_irc(eirc_slice_t line, size_t max)
{
    line = line_without_tags(line);

    if (line.len > max) {
        line.len = eirc_utf8_prefix(line.p, max);
    }

    return line;
}


size_t
line_error(uint8_t *buf, size_t size, eirc_slice_t words)
{
    static const char head[] = ":client error :";

    memcpy(buf, head, sizeof(head) - 1);
    size -= sizeof(head) - 1;

    if (words.len > size) {
        words.len = eirc_utf8_prefix(words.p, size);
    }

    memcpy(buf + sizeof(head) - 1, words.p, words.len);

    return sizeof(head) - 1 + words.len;
}
