/*
 * Reads any bytes as frames, once whole and once in pieces, and both must say
 * the same.  The first byte of an input holds the reader's options, the second
 * the sizes of the pieces.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_ws.h"

#define LIMIT 4096
#define LIMIT_COMPRESSED (LIMIT + LIMIT / 8 + 64)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

/* what was read, as a number, and how it ended */
typedef struct {
    uint64_t sum;
    uint64_t message; /* bytes of the open message */
    size_t consumed;
    int rc;
    int open;
    unsigned options;
    uint16_t code;
} trace_t;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
note(trace_t *t, const void *data, size_t len)
{
    size_t i;
    const uint8_t *p = data;

    for (i = 0; i < len; i++) {
        t->sum = (t->sum ^ p[i]) * UINT64_C(0x100000001b3);
    }
}


static void
note_number(trace_t *t, uint64_t n)
{
    note(t, &n, sizeof(n));
}


static void
note_data(trace_t *t, const eirc_ws_event_t *event)
{
    int first, end;

    first = (event->flags & EIRC_WS_PIECE_FIRST) != 0;
    end = (event->flags & EIRC_WS_PIECE_END) != 0;

    check(first == !t->open);
    check(event->len > 0 || end);
    check(!end || (event->flags & EIRC_WS_PIECE_FIN));
    check(event->opcode == EIRC_WS_TEXT || event->opcode == EIRC_WS_BINARY);
    check((event->flags & EIRC_WS_PIECE_COMPRESSED) == 0
          || (t->options & EIRC_WS_DEFLATE));

    if (first) {
        note_number(t, event->opcode);
        t->message = 0;
    }

    t->open = !end;
    t->message += event->len;
    check(t->message <= ((event->flags & EIRC_WS_PIECE_COMPRESSED)
                             ? LIMIT_COMPRESSED
                             : LIMIT));
    note(t, event->data, event->len);

    if (end) {
        note_number(t, t->message);
    }
}


/* false when the reader wants no more */
static int
feed(trace_t *t, eirc_ws_reader_t *r, const uint8_t *p, size_t len)
{
    uint8_t *copy, *pos;
    eirc_ws_event_t event;

    copy = malloc(len > 0 ? len : 1);
    check(copy != NULL);

    if (len > 0) {
        memcpy(copy, p, len);
    }

    pos = copy;

    while ((t->rc = eirc_ws_read(r, &pos, copy + len, &event)) == EIRC_OK) {
        switch (event.type) {

        case EIRC_WS_EVENT_FRAME:
            check(event.length <= LIMIT_COMPRESSED);
            note_number(t, event.length);
            break;

        case EIRC_WS_EVENT_DATA:
            note_data(t, &event);
            break;

        case EIRC_WS_EVENT_CLOSE:
            check(event.code == EIRC_WS_CODE_NONE
                  || eirc_ws_code_valid(event.code));
            check(event.len <= EIRC_WS_REASON_MAX);
            check(eirc_utf8_valid(event.data, event.len));
            note_number(t, event.code);
            note(t, event.data, event.len);
            break;

        case EIRC_WS_EVENT_PING:
        case EIRC_WS_EVENT_PONG:
            check(event.len <= EIRC_WS_CONTROL_MAX);
            note_number(t, (uint64_t) event.type);
            note(t, event.data, event.len);
            break;
        }
    }

    t->consumed += (size_t) (pos - copy);

    if (t->rc == EIRC_AGAIN) {
        check(pos == copy + len);

    } else if (t->rc == EIRC_ERROR) {
        t->code = event.code;
        check(event.error != NULL);
        check(event.code == EIRC_WS_CODE_PROTOCOL
              || event.code == EIRC_WS_CODE_INVALID
              || event.code == EIRC_WS_CODE_TOO_BIG);

    } else {
        check(t->rc == EIRC_DONE);
    }

    free(copy);

    return t->rc == EIRC_AGAIN;
}


/*
 * Bad text is found sooner in pieces, but the good bytes in front of it are
 * given out with them: so the events are compared only where nothing is bad.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t i, n, step;
    trace_t whole, pieces;
    eirc_ws_reader_t r;

    if (len < 2) {
        return 0;
    }

    memset(&whole, 0, sizeof(whole));
    whole.options = p[0] & 7;
    step = p[1] % 37 + 1u;
    pieces = whole;
    p += 2;
    len -= 2;

    eirc_ws_reader_init(&r, whole.options, LIMIT);
    feed(&whole, &r, p, len);
    eirc_ws_reader_init(&r, pieces.options, LIMIT);
    pieces.rc = EIRC_AGAIN;

    for (i = 0; i < len; i += n) {
        n = len - i < step ? len - i : step;

        if (!feed(&pieces, &r, p + i, n)) {
            break;
        }

        step = step * 5 % 37 + 1;
    }

    check(whole.rc == pieces.rc);
    check(whole.code == pieces.code);

    if (whole.rc != EIRC_ERROR) {
        check(whole.sum == pieces.sum);
        check(whole.consumed == pieces.consumed);
    }

    return 0;
}
