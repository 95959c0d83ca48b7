#include "line.h"

#include "eirc_utf8.h"

#include <string.h>

/* bytes of the longest character of UTF-8 */
#define CHARACTER_MAX 4


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


static bool
is_binary(const session_t *s)
{
    return s->identity->mode == SESSION_BINARY;
}


static bool
is_ascii(eirc_slice_t line)
{
    size_t i;

    for (i = 0; i < line.len; i++) {

        if (line.p[i] >= 0x80) {
            return false;
        }
    }

    return true;
}


/* Is it text as the browser knows it? */
static bool
is_utf8(const session_t *s, eirc_slice_t line)
{
    if (s->identity->charsets & SESSION_CHARSET_ALL) {
        return is_ascii(line_without_tags(line));
    }

    return eirc_utf8_valid(line.p, line.len);
}


bool
line_fit(const session_t *s, eirc_slice_t line)
{
    return line.len <= EIRC_LINK_LINE_MAX && !has_control(line)
           && (is_binary(s) || is_utf8(s, line));
}


static size_t
decode(const session_t *s, uint8_t *buf, size_t size, eirc_slice_t text)
{
    return s->identity->charsets & SESSION_CHARSET_IN
               ? eirc_charset_decode(buf, size, text.p, text.len,
                                     &s->charsets->in)
               : eirc_utf8_from_cp1252(buf, size, text.p, text.len);
}


size_t
line_repair(const session_t *s, uint8_t *buf, eirc_slice_t line)
{
    size_t head, len;
    eirc_slice_t text;

    len = line.len < EIRC_LINK_LINE_MAX ? line.len : EIRC_LINK_LINE_MAX;

    if (is_binary(s)) {
        memcpy(buf, line.p, len);

    } else if (is_utf8(s, line)) {
        len = eirc_utf8_prefix(line.p, len);
        memcpy(buf, line.p, len);

    } else {
        text = line_without_tags(line);
        head = line.len - text.len;

        if (head > EIRC_LINK_LINE_MAX || !eirc_utf8_valid(line.p, head)) {
            text = line;
            head = 0;
        }

        memcpy(buf, line.p, head);
        len = head + decode(s, buf + head, EIRC_LINK_LINE_MAX - head, text);
    }

    return control_strip(buf, len);
}


bool
line_needs_encoding(const session_t *s, eirc_slice_t line)
{
    return s->identity->charsets & SESSION_CHARSET_OUT && !is_binary(s)
           && !is_ascii(line);
}


eirc_slice_t
line_encode(const session_t *s, uint8_t *buf, eirc_slice_t line)
{
    size_t head;
    eirc_slice_t text;

    text = line_without_tags(line);
    head = line.len - text.len;
    memcpy(buf, line.p, head);

    return eirc_slice(buf,
                      head
                          + eirc_charset_encode(buf + head, text.p, text.len,
                                                &s->charsets->out));
}


size_t
line_prefix(const uint8_t *p, size_t max)
{
    size_t cut;

    cut = eirc_utf8_prefix(p, max);

    /* bytes of another encoding have no characters that we knew */

    return max - cut < CHARACTER_MAX ? cut : max;
}


eirc_slice_t
line_cut(eirc_slice_t line, size_t max)
{
    eirc_slice_t content;

    content = line_without_tags(line);

    if (content.len > max) {
        line.len -= content.len - line_prefix(content.p, max);
    }

    return line;
}


eirc_slice_t
line_for_irc(eirc_slice_t line, size_t max)
{
    return line_cut(line_without_tags(line), max);
}


size_t
line_words(uint8_t *buf, size_t size, const char *head, eirc_slice_t words)
{
    size_t len;

    len = strlen(head);
    memcpy(buf, head, len);
    size -= len;

    if (!eirc_utf8_valid(words.p, words.len)) {

        /* what a program said to a client that stands alone, or IRC did */

        return len
               + eirc_utf8_from_cp1252(buf + len, size, words.p, words.len);
    }

    if (words.len > size) {
        words.len = eirc_utf8_prefix(words.p, size);
    }

    memcpy(buf + len, words.p, words.len);

    return len + words.len;
}
