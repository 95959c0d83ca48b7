/*
 * eirc_ws: headers, masking, close codes, and the reader with every stream of
 * frames cut at every byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_ws.h"

#define LIMIT 1000

/* what a reader made of a stream, in words */
typedef struct {
    char text[4096];
    size_t len;
    size_t consumed; /* bytes of the stream */
    uint8_t message[2048];
    size_t message_len;
    int in_message;
} trace_t;

typedef struct {
    const char *title;
    unsigned options;
    const char *stream; /* frames, as frames_of() reads them */
    const char *expected;
    size_t consumed; /* when judged, fed byte by byte; 0: all of it */
} stream_case_t;

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};


static void say(trace_t *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


static void
say(trace_t *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->text + t->len, sizeof(t->text) - t->len, format, args);
    va_end(args);

    assert_true(n >= 0 && (size_t) n < sizeof(t->text) - t->len);
    t->len += (size_t) n;
}


static void
say_bytes(trace_t *t, const uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (p[i] >= ' ' && p[i] < 0x7f) {
            say(t, "%c", p[i]);

        } else {
            say(t, "<%02x>", p[i]);
        }
    }
}


static void
say_data(trace_t *t, const eirc_ws_event_t *event)
{
    if (event->flags & EIRC_WS_PIECE_FIRST) {
        assert_false(t->in_message);
        t->in_message = 1;
        t->message_len = 0;
    }

    assert_true(t->in_message);
    assert_true(event->len > 0 || (event->flags & EIRC_WS_PIECE_END));
    assert_true(t->message_len + event->len <= sizeof(t->message));

    if (event->len > 0) {
        memcpy(t->message + t->message_len, event->data, event->len);
        t->message_len += event->len;
    }

    if (event->flags & EIRC_WS_PIECE_END) {
        assert_true(event->flags & EIRC_WS_PIECE_FIN);
        say(t, "%s%s(", event->opcode == EIRC_WS_TEXT ? "text" : "binary",
            event->flags & EIRC_WS_PIECE_COMPRESSED ? "+z" : "");
        say_bytes(t, t->message, t->message_len);
        say(t, ") ");
        t->in_message = 0;
    }
}


/* feeds one piece; false when the reader wants no more */
static int
feed(trace_t *t, eirc_ws_reader_t *r, const uint8_t *p, size_t len)
{
    uint8_t *copy, *pos;
    int rc;
    eirc_ws_event_t event;

    /* a buffer of exactly this size, so that a sanitizer sees any step out */
    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, p, len);
    pos = copy;

    while ((rc = eirc_ws_read(r, &pos, copy + len, &event)) == EIRC_OK) {
        switch (event.type) {

        case EIRC_WS_EVENT_FRAME:
            break;

        case EIRC_WS_EVENT_DATA:
            say_data(t, &event);
            break;

        case EIRC_WS_EVENT_PING:
        case EIRC_WS_EVENT_PONG:
            say(t, event.type == EIRC_WS_EVENT_PING ? "ping(" : "pong(");
            say_bytes(t, event.data, event.len);
            say(t, ") ");
            break;

        case EIRC_WS_EVENT_CLOSE:
            say(t, "close(%u ", event.code);
            say_bytes(t, event.data, event.len);
            say(t, ") ");
            break;
        }
    }

    t->consumed += (size_t) (pos - copy);

    if (rc == EIRC_AGAIN) {
        assert_ptr_equal(pos, copy + len);

    } else if (rc == EIRC_ERROR) {
        assert_non_null(event.error);
        say(t, "%u", event.code);

        /* and it stays so */
        assert_int_equal(eirc_ws_read(r, &pos, copy + len, &event),
                         EIRC_ERROR);
        assert_non_null(event.error);

    } else {
        assert_int_equal(rc, EIRC_DONE);
        say(t, "done");
    }

    free(copy);

    return rc == EIRC_AGAIN;
}


/*
 * Frames from a text: words of the form FIRST:PAYLOAD or FIRST/BYTES:PAYLOAD.
 * FIRST is the first byte in hex; the payload is literal with %XX for bytes
 * and *N for N times 'x'.  A frame is masked unless FIRST begins with 'u'.
 * BYTES are those of the header behind the first one, in hex, as they are;
 * then the payload is taken as it is.
 */
static size_t
frames_of(uint8_t *out, size_t cap, const char *text)
{
    char hex[3];
    size_t len, n, h;
    long times;
    int masked;
    unsigned first;
    uint8_t payload[2048], header[EIRC_WS_HEADER_MAX];

    len = 0;

    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }

        masked = *text != 'u';
        text += !masked;
        hex[0] = text[0];
        hex[1] = text[1];
        hex[2] = '\0';
        first = (unsigned) strtoul(hex, NULL, 16);
        text += 2;
        h = 0;
        n = 0;

        if (*text == '/') {
            text++;
            header[h++] = (uint8_t) first;

            while (*text != '\0' && *text != ':' && *text != ' ') {
                hex[0] = text[0];
                hex[1] = text[1];
                header[h++] = (uint8_t) strtoul(hex, NULL, 16);
                text += 2;
            }
        }

        if (*text == ':') {
            text++;

            while (*text != '\0' && *text != ' ') {
                if (*text == '%') {
                    hex[0] = text[1];
                    hex[1] = text[2];
                    payload[n++] = (uint8_t) strtoul(hex, NULL, 16);
                    text += 3;

                } else if (*text == '*') {
                    times = strtol(text + 1, (char **) &text, 10);
                    assert_true(n + (size_t) times <= sizeof(payload));
                    memset(payload + n, 'x', (size_t) times);
                    n += (size_t) times;

                } else {
                    payload[n++] = (uint8_t) *text++;
                }
            }
        }

        if (h == 0) {
            h = eirc_ws_header(header, first, n, masked ? key : NULL);

            if (masked) {
                eirc_ws_mask(payload, n, key, 0);
            }
        }

        assert_true(len + h + n <= cap);
        memcpy(out + len, header, h);
        memcpy(out + len + h, payload, n);
        len += h + n;
    }

    return len;
}


static void
start(trace_t *t, eirc_ws_reader_t *r, unsigned options)
{
    memset(t, 0, sizeof(*t));
    eirc_ws_reader_init(r, options, LIMIT);
}


/* whole, in steps of each size from 1, and in two pieces at each place */
static void
check_stream(const stream_case_t *c)
{
    size_t i, len, step;
    uint8_t stream[4096];
    trace_t t;
    eirc_ws_reader_t r;

    len = frames_of(stream, sizeof(stream), c->stream);

    for (step = len; step > 0; step--) {
        start(&t, &r, c->options);

        for (i = 0; i < len; i += step) {
            if (!feed(&t, &r, stream + i, len - i < step ? len - i : step)) {
                break;
            }
        }

        if (strcmp(t.text, c->expected) != 0) {
            fail_msg("%s, in steps of %zu: \"%s\" instead of \"%s\"", c->title,
                     step, t.text, c->expected);
        }

        if (step == 1) {
            assert_int_equal(t.consumed, c->consumed ? c->consumed : len);
        }
    }

    for (i = 0; i <= len; i++) {
        start(&t, &r, c->options);

        if (feed(&t, &r, stream, i)) {
            (void) feed(&t, &r, stream + i, len - i);
        }

        if (strcmp(t.text, c->expected) != 0) {
            fail_msg("%s, cut at %zu: \"%s\" instead of \"%s\"", c->title, i,
                     t.text, c->expected);
        }
    }
}


#define S EIRC_WS_SERVER
#define C EIRC_WS_CLIENT
#define Z (EIRC_WS_SERVER | EIRC_WS_DEFLATE)

static const stream_case_t good[] = {
    {"text", S, "81:Hello", "text(Hello) ", 0},
    {"text of a server", C, "u81:Hello", "text(Hello) ", 0},
    {"any mask will do", 0, "u81:Hello 81:Hello", "text(Hello) text(Hello) ",
     0},
    {"binary of any bytes", S, "82:%00%ff%80a", "binary(<00><ff><80>a) ", 0},
    {"empty text", S, "81:", "text() ", 0},
    {"empty binary", S, "82:", "binary() ", 0},
    {"two fragments", S, "01:Hel 80:lo", "text(Hello) ", 0},
    {"empty fragments", S, "01: 00: 00:a 00: 80:", "text(a) ", 0},
    {"only empty fragments", S, "02: 00: 80:", "binary() ", 0},
    {"control frames between fragments", S, "01:a 89:p 00:b 8a:q 80:c",
     "ping(p) pong(q) text(abc) ", 0},
    {"empty control frames", S, "89: 8a:", "ping() pong() ", 0},
    {"largest control frames", C, "u89:*125",
     "ping(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) ",
     0},
    {"binary payload of a ping", S, "89:%00%ff%fe", "ping(<00><ff><fe>) ", 0},
    {"close without a code", S, "88:", "close(1005 ) done", 0},
    {"close with a code", S, "88:%03%e8", "close(1000 ) done", 0},
    {"close with a reason", S, "88:%0f%a1bye", "close(4001 bye) done", 0},
    {"nothing counts behind a close", S, "88:%03%e8 ff:garbage",
     "close(1000 ) done", 8},
    {"close inside of a message", S, "01:a 88:%03%e9", "close(1001 ) done", 0},
    {"UTF-8 cut by fragments", S, "01:%f0%9f 00:%98 80:%80",
     "text(<f0><9f><98><80>) ", 0},
    {"UTF-8 cut by a ping", S, "01:%c3 89: 80:%a4", "ping() text(<c3><a4>) ",
     0},
    {"binary between texts", S, "81:a 82:%c3 81:b",
     "text(a) binary(<c3>) text(b) ", 0},
    {"compressed text is not looked at", Z, "c1:%ff%00", "text+z(<ff><00>) ",
     0},
    {"compressed fragments", Z, "41:%ff 00:%fe 80:%fd",
     "text+z(<ff><fe><fd>) ", 0},
    {"compressed, then plain", Z, "c1:%ff 81:b", "text+z(<ff>) text(b) ", 0},
    {"compressed empty binary", Z, "c2:", "binary+z() ", 0},
    {"16 bit length", S, "82:*126",
     "binary(xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx) ",
     0},
};

static const stream_case_t bad[] = {
    {"not masked", S, "u81:Hello", "1002", 2},
    {"ping not masked", S, "u89:", "1002", 2},
    {"masked by a server", C, "81:Hello", "1002", 2},
    {"RSV1 without deflate", S, "c1:a", "1002", 2},
    {"RSV2", Z, "a1:a", "1002", 2},
    {"RSV3", Z, "91:a", "1002", 2},
    {"RSV1 on a ping", Z, "c9:", "1002", 2},
    {"RSV1 on a continuation", Z, "41:a c0:b", "1002", 9},
    {"opcode 3", S, "83:", "1002", 2},
    {"opcode 7", S, "87:", "1002", 2},
    {"opcode 11", S, "8b:", "1002", 2},
    {"opcode 15", S, "8f:", "1002", 2},
    {"fragmented ping", S, "09:a", "1002", 2},
    {"fragmented close", S, "08:", "1002", 2},
    {"long ping", S, "89:*126", "1002", 2},
    {"long close", S, "88:%03%e8*124", "1002", 2},
    {"continuation of nothing", S, "80:a", "1002", 2},
    {"continuation behind the end", S, "81:a 80:b", "text(a) 1002", 9},
    {"text inside of a message", S, "01:a 81:b", "1002", 9},
    {"binary inside of a message", S, "02:a 02:b", "1002", 9},
    {"length 5 in 16 bits", S, "82/fe000537fa213d", "1002", 8},
    {"length 125 in 16 bits", S, "82/fe007d37fa213d", "1002", 8},
    {"length 65535 in 64 bits", S, "82/ff000000000000ffff37fa213d", "1002",
     14},
    {"length with its top bit", S, "82/ff800000000001000037fa213d", "1002",
     14},
    {"one byte too many", S, "82/fe03e937fa213d", "1009", 8},
    {"far too many", S, "82/ff7fffffffffffffff37fa213d", "1009", 14},
    {"too many in fragments", S, "02:*500 00:*500 80:x", "1009", 1022},
    {"half a code", S, "88:%03", "1002", 0},
    {"code 999", S, "88:%03%e7", "1002", 0},
    {"code 1004", S, "88:%03%ec", "1002", 0},
    {"code 1005", S, "88:%03%ed", "1002", 0},
    {"code 1006", S, "88:%03%ee", "1002", 0},
    {"code 1015", S, "88:%03%f7", "1002", 0},
    {"code 2999", S, "88:%0b%b7", "1002", 0},
    {"code 5000", S, "88:%13%88", "1002", 0},
    {"reason without UTF-8", S, "88:%03%e8%c3", "1007", 0},
    {"bad byte in text", S, "81:a%ffbcdef", "1007", 8},
    {"bad byte in a fragment", S, "01:a 80:b%c0cdef", "1007", 15},
    {"overlong across fragments", S, "01:%e0 80:%80%80", "1007", 14},
    {"surrogate", S, "81:%ed%a0%80", "1007", 8},
    {"text ends inside of a character", S, "81:a%f0%9f%98", "1007", 0},
    {"text ends so with an empty fragment", S, "01:%c3 80:", "1007", 0},
    {"good, then bad", Z, "c1:%ff 81:%ff", "text+z(<ff>) 1007", 0},
};


static void
test_streams_good(void **state)
{
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        check_stream(&good[i]);
    }
}


static void
test_streams_bad(void **state)
{
    size_t i;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_stream(&bad[i]);
    }
}


/* RFC 6455, 5.7 */
static void
test_rfc_examples(void **state)
{
    uint8_t out[EIRC_WS_HEADER_MAX], hello[] = "Hello";

    (void) state;

    assert_int_equal(eirc_ws_header(out, 0x81, 5, NULL), 2);
    assert_memory_equal(out, "\x81\x05", 2);

    assert_int_equal(eirc_ws_header(out, 0x81, 5, key), 6);
    assert_memory_equal(out, "\x81\x85\x37\xfa\x21\x3d", 6);

    eirc_ws_mask(hello, 5, key, 0);
    assert_memory_equal(hello, "\x7f\x9f\x4d\x51\x58", 5);

    assert_int_equal(eirc_ws_header(out, 0x82, 256, NULL), 4);
    assert_memory_equal(out, "\x82\x7e\x01\x00", 4);

    assert_int_equal(eirc_ws_header(out, 0x82, 65536, NULL), 10);
    assert_memory_equal(out, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
}


static void
test_header_lengths(void **state)
{
    uint8_t out[EIRC_WS_HEADER_MAX];

    (void) state;

    assert_int_equal(eirc_ws_header(out, 0x82, 0, NULL), 2);
    assert_int_equal(eirc_ws_header(out, 0x82, 125, NULL), 2);
    assert_int_equal(eirc_ws_header(out, 0x82, 126, NULL), 4);
    assert_memory_equal(out, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(eirc_ws_header(out, 0x82, 65535, NULL), 4);
    assert_memory_equal(out, "\x82\x7e\xff\xff", 4);
    assert_int_equal(eirc_ws_header(out, 0x82, 65536, key), 14);
    assert_memory_equal(out, "\x82\xff\0\0\0\0\0\x01\0\0\x37\xfa\x21\x3d", 14);
}


static void
test_mask_pieces(void **state)
{
    size_t i, len, cut, shift;
    uint8_t buf[64], *p;

    (void) state;

    for (shift = 0; shift < 8; shift++) {
        p = buf + shift;

        for (len = 0; len <= 40; len++) {
            for (cut = 0; cut <= len; cut++) {
                memset(buf, 0x5a, sizeof(buf));
                eirc_ws_mask(p, cut, key, 0);
                eirc_ws_mask(p + cut, len - cut, key, cut);

                for (i = 0; i < len; i++) {
                    assert_int_equal(p[i], 0x5a ^ key[i & 3]);
                }

                assert_int_equal(p[len], 0x5a);
                assert_true(shift == 0 || p[-1] == 0x5a);
            }
        }
    }

    /* an offset that needs 64 bits */
    p = buf;
    memset(p, 0, 4);
    eirc_ws_mask(p, 4, key, UINT64_C(0x100000003));
    assert_memory_equal(p, "\x3d\x37\xfa\x21", 4);
}


static void
test_close_codes(void **state)
{
    unsigned code;
    int expected;

    (void) state;

    for (code = 0; code <= 0xffff; code++) {
        expected = (code >= 1000 && code <= 1014 && code != 1004
                    && code != 1005 && code != 1006)
                   || (code >= 3000 && code <= 4999);

        assert_int_equal(eirc_ws_code_valid(code), expected);
    }
}


static void
test_close_build(void **state)
{
    size_t i, len;
    uint16_t code;
    uint8_t out[EIRC_WS_CONTROL_MAX];
    char reason[200];
    const char *error;
    eirc_slice_t s;

    (void) state;

    assert_int_equal(eirc_ws_close_build(out, EIRC_WS_CODE_NONE, "a", 1), 0);

    assert_int_equal(eirc_ws_close_build(out, 1000, NULL, 0), 2);
    assert_memory_equal(out, "\x03\xe8", 2);

    assert_int_equal(eirc_ws_close_build(out, 4001, "bye", 3), 5);
    assert_memory_equal(out,
                        "\x0f\xa1"
                        "bye",
                        5);

    /* nothing from a byte on that is no UTF-8 */
    assert_int_equal(eirc_ws_close_build(out, 1000,
                                         "by\xff"
                                         "e",
                                         4),
                     4);

    /* a character of four bytes at every place around the limit */
    for (i = 110; i < 130; i++) {
        memset(reason, 'a', sizeof(reason));
        memcpy(reason + i, "\xf0\x9f\x98\x80", 4);
        len = eirc_ws_close_build(out, 1011, reason, sizeof(reason));

        assert_int_equal(len, i > 119 && i < 123 ? 2 + i : 125);
        assert_int_equal(eirc_ws_close_parse(out, len, &code, &s, &error),
                         EIRC_OK);
        assert_int_equal(code, 1011);
        assert_int_equal(s.len, len - 2);
    }
}


/* what a reader never passes on, but another caller might */
static void
test_close_parse(void **state)
{
    uint16_t code;
    uint8_t body[EIRC_WS_CONTROL_MAX + 1];
    const char *error;
    eirc_slice_t s;

    (void) state;

    memset(body, 'a', sizeof(body));
    body[0] = 1000 >> 8;
    body[1] = 1000 & 0xff;
    error = NULL;

    assert_int_equal(
        eirc_ws_close_parse(body, sizeof(body), &code, &s, &error),
        EIRC_ERROR);
    assert_int_equal(code, EIRC_WS_CODE_PROTOCOL);
    assert_non_null(error);

    assert_int_equal(
        eirc_ws_close_parse(body, sizeof(body) - 1, &code, &s, &error),
        EIRC_OK);
    assert_int_equal(code, 1000);
    assert_int_equal(s.len, EIRC_WS_REASON_MAX);

    assert_int_equal(eirc_ws_close_parse(NULL, 0, &code, &s, &error), EIRC_OK);
    assert_int_equal(code, EIRC_WS_CODE_NONE);
    assert_null(s.p);
}


/* 16 MiB in 65,536 fragments with pings between, through a buffer of 4 KB */
static void
test_many_fragments(void **state)
{
    size_t i, n, fill, fragments;
    uint64_t data, pings, frames;
    uint8_t buf[4096], *pos;
    int rc, ended;
    eirc_ws_event_t event;
    eirc_ws_reader_t r;

    (void) state;

    eirc_ws_reader_init(&r, EIRC_WS_SERVER, 16 << 20);
    data = 0;
    pings = 0;
    frames = 0;
    ended = 0;
    fragments = 65536;
    fill = 0;

    for (i = 0; i < fragments; i++) {
        n = eirc_ws_header(buf + fill,
                           (i == 0 ? EIRC_WS_TEXT : EIRC_WS_CONTINUATION)
                               | (i + 1 == fragments ? EIRC_WS_FIN : 0u),
                           256, key);
        fill += n;
        memset(buf + fill, 'a', 256);
        eirc_ws_mask(buf + fill, 256, key, 0);
        fill += 256;

        if (i % 100 == 7) {
            fill += eirc_ws_header(buf + fill, EIRC_WS_FIN | EIRC_WS_PING, 0,
                                   key);
        }

        if (fill < 3500 && i + 1 < fragments) {
            continue;
        }

        pos = buf;

        while ((rc = eirc_ws_read(&r, &pos, buf + fill, &event)) == EIRC_OK) {
            if (event.type == EIRC_WS_EVENT_PING) {
                pings++;

            } else if (event.type == EIRC_WS_EVENT_FRAME) {
                frames++;

            } else {
                assert_int_equal(event.type, EIRC_WS_EVENT_DATA);
                assert_int_equal(event.data[0], 'a');
                assert_int_equal(event.data[event.len - 1], 'a');
                data += event.len;
                ended = (event.flags & EIRC_WS_PIECE_END) != 0;
            }
        }

        assert_int_equal(rc, EIRC_AGAIN);
        fill = 0;
    }

    assert_true(ended);
    assert_int_equal(data, 16 << 20);
    assert_int_equal(frames, fragments);
    assert_int_equal(pings, 656);
}


static void
test_frame_event(void **state)
{
    uint8_t stream[64], *pos;
    size_t len;
    eirc_ws_event_t e;
    eirc_ws_reader_t r;

    (void) state;

    len = frames_of(stream, sizeof(stream), "41:ab 80:c");
    pos = stream;
    eirc_ws_reader_init(&r, Z, LIMIT);

    assert_int_equal(eirc_ws_read(&r, &pos, stream + len, &e), EIRC_OK);
    assert_int_equal(e.type, EIRC_WS_EVENT_FRAME);
    assert_int_equal(e.opcode, EIRC_WS_TEXT);
    assert_int_equal(e.flags, EIRC_WS_PIECE_FIRST | EIRC_WS_PIECE_COMPRESSED);
    assert_int_equal(e.length, 2);

    assert_int_equal(eirc_ws_read(&r, &pos, stream + len, &e), EIRC_OK);
    assert_int_equal(e.type, EIRC_WS_EVENT_DATA);
    assert_int_equal(e.flags, EIRC_WS_PIECE_FIRST | EIRC_WS_PIECE_COMPRESSED);
    assert_ptr_equal(e.data, stream + 6);

    assert_int_equal(eirc_ws_read(&r, &pos, stream + len, &e), EIRC_OK);
    assert_int_equal(e.type, EIRC_WS_EVENT_FRAME);
    assert_int_equal(e.opcode, EIRC_WS_TEXT);
    assert_int_equal(e.flags, EIRC_WS_PIECE_FIN | EIRC_WS_PIECE_COMPRESSED);

    assert_int_equal(eirc_ws_read(&r, &pos, stream + len, &e), EIRC_OK);
    assert_int_equal(e.flags, EIRC_WS_PIECE_FIN | EIRC_WS_PIECE_END
                                  | EIRC_WS_PIECE_COMPRESSED);

    assert_int_equal(eirc_ws_read(&r, &pos, stream + len, &e), EIRC_AGAIN);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_examples),
        cmocka_unit_test(test_header_lengths),
        cmocka_unit_test(test_mask_pieces),
        cmocka_unit_test(test_close_codes),
        cmocka_unit_test(test_close_build),
        cmocka_unit_test(test_close_parse),
        cmocka_unit_test(test_streams_good),
        cmocka_unit_test(test_streams_bad),
        cmocka_unit_test(test_frame_event),
        cmocka_unit_test(test_many_fragments),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
