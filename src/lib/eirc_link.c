#include "eirc_link.h"

#include <string.h>

#include "eirc_link_bytes.h"
#include "eirc_utf8.h"


void
eirc_link_header_write(uint8_t *p, const eirc_link_header_t *h)
{
    p[0] = h->type;
    p[1] = h->flags;
    put16(p + 2, 0);
    put32(p + 4, h->value);
    put64(p + 8, h->count);
}


/* The longest body of a type, and in *min the shortest; -1: no such type. */
static long
body_bounds(uint8_t type, long *min)
{
    *min = 0;

    switch (type) {

    case EIRC_LINK_HELLO:
    case EIRC_LINK_WATCH:
    case EIRC_LINK_UPGRADE:
    case EIRC_LINK_DETACH:
    case EIRC_LINK_CONFIRM:
    case EIRC_LINK_RESET:
        return 0;

    case EIRC_LINK_SESSION:
        *min = EIRC_LINK_SESSION_SIZE - EIRC_LINK_HEADER_SIZE + 1;
        return EIRC_LINK_SESSION_MAX - EIRC_LINK_HEADER_SIZE;

    case EIRC_LINK_USER:
        *min = 2;
        return EIRC_LINK_USER_MAX;

    case EIRC_LINK_RESUME:
        *min = EIRC_LINK_RESUME_SIZE - EIRC_LINK_HEADER_SIZE;
        return *min;

    case EIRC_LINK_RESUMED:
        *min = EIRC_LINK_RESUMED_SIZE - EIRC_LINK_HEADER_SIZE;
        return EIRC_LINK_RESUMED_MAX - EIRC_LINK_HEADER_SIZE;

    case EIRC_LINK_RESCUE:
        *min = EIRC_LINK_CARD_SIZE;
        return EIRC_LINK_CARD_SIZE;

    case EIRC_LINK_ADOPT:
        *min = EIRC_LINK_ADOPT_MIN;
        return EIRC_LINK_ADOPT_MAX;

    case EIRC_LINK_READY:
        *min = 1;
        return EIRC_LINK_ID_MAX;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
    case EIRC_LINK_UPGRADED:
        return EIRC_LINK_TEXT_MAX;

    case EIRC_LINK_LINES:
        *min = 2;
        return EIRC_LINK_LINES_MAX - EIRC_LINK_HEADER_SIZE;

    case EIRC_LINK_MESSAGE:
        return EIRC_LINK_MESSAGE_MAX;

    default:
        return -1;
    }
}


/* Is everything in the header 0 that has no meaning in its type? It is one of
 * those that there are. */
static int
header_in_bounds(const eirc_link_header_t *h)
{
    static const uint8_t flags[EIRC_LINK_UPGRADED + 1]
        = {[EIRC_LINK_HELLO] = EIRC_LINK_FULL,
           [EIRC_LINK_READY] = EIRC_LINK_READY_RESET,
           [EIRC_LINK_RESUMED] = EIRC_LINK_GAP};

    if ((h->flags & ~flags[h->type]) != 0) {
        return 0;
    }

    switch (h->type) {

    case EIRC_LINK_HELLO:
    case EIRC_LINK_RESUME:
    case EIRC_LINK_RESUMED:
    case EIRC_LINK_RESCUE:
    case EIRC_LINK_ADOPT:
        return 1;

    case EIRC_LINK_WATCH:
    case EIRC_LINK_SESSION:
    case EIRC_LINK_UPGRADE:
        return h->count == 0;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
        return h->count == 0 && h->value >= 1 && h->value <= EIRC_LINK_TAKEN;

    case EIRC_LINK_LINES:
        return h->value >= 1;

    case EIRC_LINK_MESSAGE:
    case EIRC_LINK_CONFIRM:
        return h->value == 0;

    default:
        return h->value == 0 && h->count == 0;
    }
}


/*
 * The length of the character at p, 0 if it may not stand in a text: what is
 * not UTF-8, and controls (Unicode's Cc: to U+001F, U+007F to U+009F).
 */
static size_t
text_char(const uint8_t *p, size_t len)
{
    size_t n;

    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] != 0x7f;
    }

    n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    if (n > len || !eirc_utf8_valid(p, n)) {
        return 0;
    }

    return (p[0] == 0xc2 && p[1] < 0xa0) ? 0 : n;
}


/* Copies as much of a text as max holds; what may not be there becomes '?'. */
static size_t
text_copy(uint8_t *out, size_t max, const char *text)
{
    size_t i, n, len, used;
    const uint8_t *p;

    p = (const uint8_t *) text;
    len = strlen(text);
    used = 0;

    for (i = 0; i < len; i += n) {
        n = text_char(p + i, len - i);

        if (used + (n ? n : 1) > max) {
            break;
        }

        if (n == 0) {
            n = 1;
            out[used++] = '?';
            continue;
        }

        memcpy(out + used, p + i, n);
        used += n;
    }

    return used;
}


int
eirc_link_header_read(eirc_link_header_t *h, const uint8_t *p, size_t len)
{
    long min, max;
    size_t body;

    if (len < EIRC_LINK_HEADER_SIZE || get16(p + 2) != 0) {
        return EIRC_ERROR;
    }

    h->type = p[0];
    h->flags = p[1];
    h->value = get32(p + 4);
    h->count = get64(p + 8);

    max = body_bounds(h->type, &min);
    body = len - EIRC_LINK_HEADER_SIZE;

    if (max < 0 || body < (size_t) min || body > (size_t) max
        || !header_in_bounds(h))
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


size_t
eirc_link_record_write(uint8_t *p, eirc_link_type_e type, uint32_t value,
                       uint64_t count, const char *text)
{
    size_t max;
    eirc_link_header_t h;

    h.type = (uint8_t) type;
    h.flags = 0;
    h.value = value;
    h.count = count;

    eirc_link_header_write(p, &h);

    if (text == NULL) {
        return EIRC_LINK_HEADER_SIZE;
    }

    max = (type == EIRC_LINK_READY) ? EIRC_LINK_ID_MAX : EIRC_LINK_TEXT_MAX;

    return EIRC_LINK_HEADER_SIZE
           + text_copy(p + EIRC_LINK_HEADER_SIZE, max, text);
}


size_t
eirc_link_ready_write(uint8_t *p, uint8_t flags, const char *id)
{
    size_t len;

    len = eirc_link_record_write(p, EIRC_LINK_READY, 0, 0, id);
    p[1] = flags;

    return len;
}


const char *
eirc_link_reason_name(uint32_t reason)
{
    static const char *const names[] = {"unknown",
                                        "quit",
                                        "closed",
                                        "violation",
                                        "IRC connection lost",
                                        "refused by the IRC server",
                                        "no IRC server reachable",
                                        "shutdown",
                                        "session limit",
                                        "full",
                                        "bad request",
                                        "failed",
                                        "slow browser",
                                        "session gone",
                                        "taken over"};

    if (reason >= sizeof(names) / sizeof(names[0])) {
        reason = 0;
    }

    return names[reason];
}


size_t
eirc_link_entry_head(size_t len)
{
    return (len < 126) ? 2 : 4;
}


void
eirc_link_entry_write(uint8_t *p, size_t len)
{
    p[0] = 0;

    if (len < 126) {
        p[1] = (uint8_t) len;
        return;
    }

    p[1] = 126;
    p[2] = (uint8_t) ((len >> 8) & 0xff);
    p[3] = (uint8_t) (len & 0xff);
}


int
eirc_link_entry_next(const uint8_t **p, const uint8_t *end,
                     const uint8_t **line, size_t *len)
{
    const uint8_t *s;
    size_t n, head;

    s = *p;

    if (s == end) {
        return EIRC_DONE;
    }

    if (end - s < 2 || s[0] != 0) {
        return EIRC_ERROR;
    }

    n = s[1];
    head = 2;

    if (n > 125) {

        if (n != 126 || end - s < 4) {
            return EIRC_ERROR;
        }

        n = (size_t) s[2] << 8 | s[3];
        head = 4;

        if (n < 126 || n > EIRC_LINK_LINE_MAX) {
            return EIRC_ERROR;
        }
    }

    if ((size_t) (end - s) < head + n) {
        return EIRC_ERROR;
    }

    *line = s + head;
    *len = n;
    *p = s + head + n;

    return EIRC_OK;
}
