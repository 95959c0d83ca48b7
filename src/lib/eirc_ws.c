#include "eirc_ws.h"

#include <string.h>

/*
 * What comes next:
 *
 *     START --2 bytes--> LENGTH --rest of the header--> PAYLOAD --> START
 *                           |                              |
 *                           +--------> CONTROL -------> START or CLOSED
 *
 * and from everywhere to FAILED.
 */
enum {
    STATE_START, /* zero, so that a new reader is zeroed */
    STATE_LENGTH,
    STATE_PAYLOAD,
    STATE_CONTROL,
    STATE_CLOSED,
    STATE_FAILED
};

#define OPCODE_BITS 0x0f
#define CONTROL_BIT 0x08
#define RSV_BITS (EIRC_WS_RSV1 | EIRC_WS_RSV2 | EIRC_WS_RSV3)

/* in the second byte of a header */
#define MASK_BIT 0x80
#define LENGTH_BITS 0x7f
#define LENGTH_16 126
#define LENGTH_64 127

/* what deflate may add to a message that it can't make smaller */
#define SLACK(limit) ((limit) / 8 + 64)

/* a session costs one of these while it is idle */
_Static_assert(sizeof(eirc_ws_reader_t) <= 200, "the reader has grown");


size_t
eirc_ws_header(uint8_t *out, unsigned first, uint64_t length,
               const uint8_t *mask)
{
    size_t n;
    int shift;

    out[0] = (uint8_t) first;
    n = 2;

    if (length < LENGTH_16) {
        out[1] = (uint8_t) length;

    } else if (length <= UINT16_MAX) {
        out[1] = LENGTH_16;
        out[n++] = (uint8_t) (length >> 8);
        out[n++] = (uint8_t) length;

    } else {
        out[1] = LENGTH_64;

        for (shift = 56; shift >= 0; shift -= 8) {
            out[n++] = (uint8_t) (length >> shift);
        }
    }

    if (mask != NULL) {
        out[1] |= MASK_BIT;
        memcpy(out + n, mask, 4);
        n += 4;
    }

    return n;
}


void
eirc_ws_mask(uint8_t *p, size_t len, const uint8_t *mask, uint64_t offset)
{
    uint8_t turned[8];
    uint64_t key, word;
    size_t i;

    for (i = 0; i < 8; i++) {
        turned[i] = mask[(offset + i) & 3];
    }

    memcpy(&key, turned, 8);

    while (len >= 8) {
        memcpy(&word, p, 8);
        word ^= key;
        memcpy(p, &word, 8);
        p += 8;
        len -= 8;
    }

    for (i = 0; i < len; i++) {
        p[i] ^= turned[i];
    }
}


bool
eirc_ws_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


size_t
eirc_ws_close_build(uint8_t *out, unsigned code, const void *reason,
                    size_t len)
{
    if (code == EIRC_WS_CODE_NONE) {
        return 0;
    }

    out[0] = (uint8_t) (code >> 8);
    out[1] = (uint8_t) code;

    if (len > EIRC_WS_REASON_MAX) {
        len = EIRC_WS_REASON_MAX;
    }

    len = eirc_utf8_prefix(reason, len);

    if (len > 0) {
        memcpy(out + 2, reason, len);
    }

    return 2 + len;
}


int
eirc_ws_close_parse(const uint8_t *p, size_t len, uint16_t *code,
                    eirc_slice_t *reason, const char **error)
{
    unsigned theirs;

    if (len == 0) {
        *code = EIRC_WS_CODE_NONE;
        *reason = eirc_slice(NULL, 0);
        return EIRC_OK;
    }

    *code = EIRC_WS_CODE_PROTOCOL;

    if (len == 1) {
        *error = "close frame with half a code";
        return EIRC_ERROR;
    }

    if (len > EIRC_WS_CONTROL_MAX) {
        *error = "control frame longer than 125 bytes";
        return EIRC_ERROR;
    }

    theirs = (unsigned) p[0] << 8 | p[1];

    if (!eirc_ws_code_valid(theirs)) {
        *error = "close frame with an invalid code";
        return EIRC_ERROR;
    }

    if (!eirc_utf8_valid(p + 2, len - 2)) {
        *code = EIRC_WS_CODE_INVALID;
        *error = "close frame with a reason that is no UTF-8";
        return EIRC_ERROR;
    }

    *code = (uint16_t) theirs;
    *reason = eirc_slice(p + 2, len - 2);

    return EIRC_OK;
}


void
eirc_ws_reader_init(eirc_ws_reader_t *r, unsigned options, uint64_t limit)
{
    memset(r, 0, sizeof(*r));
    r->options = (uint8_t) options;
    r->limit = limit;
}


static int
fail(eirc_ws_reader_t *r, uint16_t code, const char *error)
{
    r->state = STATE_FAILED;
    r->code = code;
    r->error = error;

    return EIRC_ERROR;
}


static int
fail_protocol(eirc_ws_reader_t *r, const char *error)
{
    return fail(r, EIRC_WS_CODE_PROTOCOL, error);
}


static bool
is_control(const eirc_ws_reader_t *r)
{
    return (r->first & CONTROL_BIT) != 0;
}


/* collects the header's first want bytes */
static int
read_head(eirc_ws_reader_t *r, size_t want, uint8_t **pos, const uint8_t *last)
{
    size_t n;

    n = want - r->head_len;

    if (n > (size_t) (last - *pos)) {
        n = (size_t) (last - *pos);
    }

    if (n > 0) {
        memcpy(r->head + r->head_len, *pos, n);
        r->head_len = (uint8_t) (r->head_len + n);
        *pos += n;
    }

    return r->head_len == want ? EIRC_OK : EIRC_AGAIN;
}


/* the first two bytes tell all that there is to know but long lengths */
static int
judge_start(eirc_ws_reader_t *r)
{
    unsigned opcode, rsv, length;
    bool masked;

    r->first = r->head[0];
    opcode = r->first & OPCODE_BITS;
    rsv = r->first & RSV_BITS;
    length = r->head[1] & LENGTH_BITS;
    masked = (r->head[1] & MASK_BIT) != 0;

    if ((rsv & (EIRC_WS_RSV2 | EIRC_WS_RSV3)) != 0
        || (rsv != 0 && (r->options & EIRC_WS_DEFLATE) == 0))
    {
        return fail_protocol(r, "reserved bit set");
    }

    switch (opcode) {

    case EIRC_WS_CONTINUATION:
        if (r->opcode == 0) {
            return fail_protocol(r, "continuation without a message");
        }

        if (rsv != 0) {
            return fail_protocol(r, "RSV1 inside of a message");
        }

        break;

    case EIRC_WS_TEXT:
    case EIRC_WS_BINARY:
        if (r->opcode != 0) {
            return fail_protocol(r, "new message inside of a fragmented one");
        }

        break;

    case EIRC_WS_CLOSE:
    case EIRC_WS_PING:
    case EIRC_WS_PONG:
        if (rsv != 0) {
            return fail_protocol(r, "RSV1 on a control frame");
        }

        if ((r->first & EIRC_WS_FIN) == 0) {
            return fail_protocol(r, "fragmented control frame");
        }

        if (length > EIRC_WS_CONTROL_MAX) {
            return fail_protocol(r, "control frame longer than 125 bytes");
        }

        break;

    default:
        return fail_protocol(r, "reserved opcode");
    }

    if ((r->options & EIRC_WS_SERVER) && !masked) {
        return fail_protocol(r, "frame of a client is not masked");
    }

    if ((r->options & EIRC_WS_CLIENT) && masked) {
        return fail_protocol(r, "frame of a server is masked");
    }

    r->state = STATE_LENGTH;

    return EIRC_OK;
}


/* of the whole header, as its first two bytes have it */
static size_t
head_size(const eirc_ws_reader_t *r)
{
    size_t n;

    n = (r->head[1] & MASK_BIT) ? 6 : 2;

    switch (r->head[1] & LENGTH_BITS) {

    case LENGTH_16:
        return n + 2;

    case LENGTH_64:
        return n + 8;

    default:
        return n;
    }
}


/*
 * A header is whole.  EIRC_OK for a data frame, whose FRAME event is set;
 * EIRC_AGAIN for a control frame.
 */
static int
begin_frame(eirc_ws_reader_t *r, eirc_ws_event_t *event)
{
    uint64_t length, limit;
    size_t i, n;
    unsigned opcode;

    length = r->head[1] & LENGTH_BITS;
    n = 2;

    if (length >= LENGTH_16) {
        n = length == LENGTH_16 ? 4 : 10;
        length = 0;

        for (i = 2; i < n; i++) {
            length = length << 8 | r->head[i];
        }

        if (length < LENGTH_16 || (n == 10 && length <= UINT16_MAX)) {
            return fail_protocol(r, "length not in its shortest form");
        }

        if (length >> 63) {
            return fail_protocol(r, "length with its top bit set");
        }
    }

    if (r->head[1] & MASK_BIT) {
        memcpy(r->mask, r->head + n, 4);

    } else {
        memset(r->mask, 0, 4);
    }

    r->mask_offset = 0;
    r->head_len = 0;
    r->left = length;

    if (is_control(r)) {
        r->control_len = 0;
        r->state = STATE_CONTROL;
        return EIRC_AGAIN;
    }

    opcode = r->first & OPCODE_BITS;

    if (opcode != EIRC_WS_CONTINUATION) {
        r->opcode = (uint8_t) opcode;
        r->flags = EIRC_WS_PIECE_FIRST;
        r->message = 0;
        r->utf8 = EIRC_UTF8_START;

        if (r->first & EIRC_WS_RSV1) {
            r->flags |= EIRC_WS_PIECE_COMPRESSED;
        }
    }

    limit = r->limit;

    if (r->flags & EIRC_WS_PIECE_COMPRESSED) {
        limit += SLACK(limit);
    }

    if (length > limit - r->message) {
        return fail(r, EIRC_WS_CODE_TOO_BIG, "message too big");
    }

    r->message += length;
    r->state = STATE_PAYLOAD;

    event->type = EIRC_WS_EVENT_FRAME;
    event->opcode = r->opcode;
    event->flags = r->flags & EIRC_WS_PIECE_COMPRESSED;
    event->length = length;

    if (opcode != EIRC_WS_CONTINUATION) {
        event->flags |= EIRC_WS_PIECE_FIRST;
    }

    if (r->first & EIRC_WS_FIN) {
        event->flags |= EIRC_WS_PIECE_FIN;
    }

    return EIRC_OK;
}


/* unmasks n bytes of payload and goes on behind them */
static void
take(eirc_ws_reader_t *r, uint8_t *p, size_t n)
{
    if ((r->mask[0] | r->mask[1] | r->mask[2] | r->mask[3]) != 0) {
        eirc_ws_mask(p, n, r->mask, r->mask_offset);
        r->mask_offset = (uint8_t) ((r->mask_offset + n) & 3);
    }

    r->left -= n;
}


static int
read_payload(eirc_ws_reader_t *r, uint8_t **pos, const uint8_t *last,
             eirc_ws_event_t *event)
{
    size_t n;
    uint8_t *p;
    bool text, fin;

    p = *pos;
    n = (size_t) (last - p);
    fin = (r->first & EIRC_WS_FIN) != 0;
    text = r->opcode == EIRC_WS_TEXT
           && (r->flags & EIRC_WS_PIECE_COMPRESSED) == 0;

    if (n > r->left) {
        n = (size_t) r->left;
    }

    if (n == 0 && r->left > 0) {
        return EIRC_AGAIN;
    }

    if (n > 0) {
        take(r, p, n);
        *pos += n;

        if (text) {
            r->utf8 = eirc_utf8_feed(r->utf8, p, n);

            if (r->utf8 == EIRC_UTF8_BAD) {
                return fail(r, EIRC_WS_CODE_INVALID, "text is no UTF-8");
            }
        }
    }

    event->type = EIRC_WS_EVENT_DATA;
    event->opcode = r->opcode;
    event->flags = r->flags;
    event->data = p;
    event->len = n;

    if (fin) {
        event->flags |= EIRC_WS_PIECE_FIN;
    }

    if (r->left == 0) {
        r->state = STATE_START;

        if (!fin && n == 0) {
            return EIRC_AGAIN; /* an empty fragment is no event */
        }

        if (fin) {
            if (text && r->utf8 != EIRC_UTF8_START) {
                return fail(r, EIRC_WS_CODE_INVALID,
                            "text ends inside of a character");
            }

            event->flags |= EIRC_WS_PIECE_END;
            r->opcode = 0;
        }
    }

    r->flags &= (uint8_t) ~EIRC_WS_PIECE_FIRST;

    return EIRC_OK;
}


static int
read_control(eirc_ws_reader_t *r, uint8_t **pos, const uint8_t *last,
             eirc_ws_event_t *event)
{
    size_t n;
    uint8_t *p;
    const char *error;
    eirc_slice_t reason;

    p = *pos;
    n = (size_t) (last - p);

    if (n > r->left) {
        n = (size_t) r->left;
    }

    if (n > 0) {
        *pos += n;
    }

    if (r->control_len > 0 || n < r->left) {
        if (n > 0) {
            memcpy(r->control + r->control_len, p, n);
            take(r, r->control + r->control_len, n);
            r->control_len = (uint8_t) (r->control_len + n);
        }

        if (r->left > 0) {
            return EIRC_AGAIN;
        }

        p = r->control;
        n = r->control_len;

    } else if (n > 0) {
        take(r, p, n);
    }

    r->state = STATE_START;
    event->data = p;
    event->len = n;

    switch (r->first & OPCODE_BITS) {

    case EIRC_WS_PING:
        event->type = EIRC_WS_EVENT_PING;
        break;

    case EIRC_WS_PONG:
        event->type = EIRC_WS_EVENT_PONG;
        break;

    default:
        if (eirc_ws_close_parse(p, n, &event->code, &reason, &error)
            != EIRC_OK) {
            return fail(r, event->code, error);
        }

        event->type = EIRC_WS_EVENT_CLOSE;
        event->len = reason.len;

        if (n > 0) {
            event->data += 2;
        }

        r->state = STATE_CLOSED;
    }

    return EIRC_OK;
}


int
eirc_ws_read(eirc_ws_reader_t *r, uint8_t **pos, const uint8_t *last,
             eirc_ws_event_t *event)
{
    int rc;

    for (;;) {
        switch (r->state) {

        case STATE_START:
            rc = read_head(r, 2, pos, last);

            if (rc == EIRC_AGAIN) {
                return rc;
            }

            (void) judge_start(r);
            break;

        case STATE_LENGTH:
            rc = read_head(r, head_size(r), pos, last);

            if (rc == EIRC_AGAIN) {
                return rc;
            }

            rc = begin_frame(r, event);

            if (rc == EIRC_OK) {
                return rc;
            }

            break;

        case STATE_PAYLOAD:
            rc = read_payload(r, pos, last, event);

            if (rc == EIRC_OK || r->state == STATE_PAYLOAD) {
                return rc;
            }

            break;

        case STATE_CONTROL:
            rc = read_control(r, pos, last, event);

            if (rc == EIRC_OK || r->state == STATE_CONTROL) {
                return rc;
            }

            break;

        case STATE_CLOSED:
            return EIRC_DONE;

        default: /* STATE_FAILED */
            event->code = r->code;
            event->error = r->error;
            return EIRC_ERROR;
        }
    }
}
