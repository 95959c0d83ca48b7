/*
 * eirc_zlib: messages of RFC 7692, 7.2.3, cut output, final blocks, what is
 * no deflate; packing and unpacking again with every window.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_zlib.h"

#define TEXT(s) (const uint8_t *) (s), sizeof(s) - 1

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

static const struct {
    const uint8_t *p;
    size_t len;
    const char *message; /* NULL: not to be unpacked */
} messages[] = {
    {TEXT(HELLO), "Hello"},
    {TEXT("\x00\x05\x00\xfa\xffHello\x00"), "Hello"},
    {TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello"},
    {TEXT("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello"},
    {TEXT("\x00"), ""},

    /* no byte at all; a final block and nothing behind it; two of them */
    {TEXT(""), ""},
    {TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello"},
    {TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00"),
     "HelloHello"},

    /* cut, in a block and in a header; a kind of block that isn't */
    {TEXT("\xf2\x48\xcd\xc9"), NULL},
    {TEXT("\x00\x05\x00\xfa\xffHel"), NULL},
    {TEXT("\x00\x05"), NULL},
    {TEXT("\x07"), NULL},
    {TEXT("\x06\x00\x00"), NULL},

    /* lengths that differ; garbage behind; a reference to nothing */
    {TEXT("\x00\x05\x00\x00\x00Hello\x00"), NULL},
    {TEXT(HELLO "\xff\xff"), NULL},
    {TEXT("\xf3\x48\xcd\xc9\xc9\x07\x00\xff"), NULL},
    {TEXT("\x02\x06\x00\x00"), NULL},
};


static void
begin_inflate(z_stream *zs, int bits)
{
    memset(zs, 0, sizeof(*zs));
    assert_int_equal(inflateInit2(zs, -bits), Z_OK);
}


static void
begin_deflate(z_stream *zs, unsigned bits)
{
    memset(zs, 0, sizeof(*zs));
    assert_int_equal(deflateInit2(zs, 6, Z_DEFLATED, -eirc_pack_bits(bits), 5,
                                  Z_DEFAULT_STRATEGY),
                     Z_OK);
}


/* with room for step bytes more each time */
static int
unpack(z_stream *zs, const uint8_t *p, size_t len, uint8_t *out, size_t *n,
       size_t step)
{
    int rc;
    size_t size;
    eirc_unpack_t u;

    eirc_unpack_init(&u, zs, p, len);

    *n = 0;
    size = step;

    while ((rc = eirc_unpack(&u, out, n, size)) == EIRC_AGAIN) {
        assert_int_equal(*n, size);
        size += step;
    }

    assert_true(*n <= size);

    return rc;
}


static void
test_messages(void **state)
{
    int rc;
    size_t i, n, step;
    uint8_t out[64];
    z_stream zs;

    (void) state;

    for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        for (step = 1; step < 16; step++) {
            begin_inflate(&zs, 15);
            rc = unpack(&zs, messages[i].p, messages[i].len, out, &n, step);
            (void) inflateEnd(&zs);

            if (messages[i].message == NULL) {
                assert_int_equal(rc, EIRC_ERROR);
                continue;
            }

            assert_int_equal(rc, EIRC_OK);
            assert_int_equal(n, strlen(messages[i].message));
            assert_memory_equal(out, messages[i].message, n);
        }
    }
}


/* every message that is one, in one context */
static void
test_context(void **state)
{
    size_t i, n;
    uint8_t out[64];
    z_stream zs;

    (void) state;

    begin_inflate(&zs, 15);

    for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].message == NULL) {
            continue;
        }

        assert_int_equal(
            unpack(&zs, messages[i].p, messages[i].len, out, &n, 3), EIRC_OK);
        assert_int_equal(n, strlen(messages[i].message));
        assert_memory_equal(out, messages[i].message, n);
    }

    /* 7.2.3.2: refers to a "Hello" before */
    assert_int_equal(unpack(&zs, TEXT(HELLO), out, &n, 3), EIRC_OK);
    assert_int_equal(unpack(&zs, TEXT("\xf2\x00\x11\x00\x00"), out, &n, 3),
                     EIRC_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(out, "Hello", 5);

    (void) inflateEnd(&zs);
}


static void
fill(uint8_t *p, size_t len, unsigned seed)
{
    size_t i;

    for (i = 0; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        p[i] = (uint8_t) ("abcdefgh \n"[(seed >> 16) % 10]);
    }
}


static void
test_windows(void **state)
{
    size_t n, packed, len;
    unsigned bits, i;
    uint8_t *text, *out, *back;
    z_stream in, to;

    (void) state;

    text = malloc(5000);
    out = malloc(5000 + EIRC_DEFLATE_TAIL);
    back = malloc(5000);
    assert_true(text != NULL && out != NULL && back != NULL);

    for (bits = 8; bits <= 15; bits++) {
        begin_deflate(&to, bits);
        begin_inflate(&in, (int) bits);

        for (i = 0; i < 40; i++) {
            len = 100 + i * 117;
            fill(text, len, i / 2);

            assert_int_equal(eirc_pack(&to, text, len, out, &packed), EIRC_OK);
            assert_true(packed < len);

            /* cut output makes zlib look at its window */
            assert_int_equal(unpack(&in, out, packed, back, &n, 100), EIRC_OK);
            assert_int_equal(n, len);
            assert_memory_equal(back, text, len);
        }

        (void) deflateEnd(&to);
        (void) inflateEnd(&in);
    }

    free(text);
    free(out);
    free(back);
}


/* a message that gets no smaller goes as it is, and those behind it forget
 * what came before */
static void
test_no_gain(void **state)
{
    size_t i, n, packed;
    uint8_t noise[200], text[200], back[200];
    uint8_t out[200 + EIRC_DEFLATE_TAIL];
    unsigned seed;
    z_stream in, to;

    (void) state;

    begin_deflate(&to, 15);
    begin_inflate(&in, 15);
    fill(text, sizeof(text), 1);

    for (i = 0, seed = 7; i < sizeof(noise); i++) {
        seed = seed * 1103515245u + 12345u;
        noise[i] = (uint8_t) (seed >> 16);
    }

    for (i = 0; i < 4; i++) {
        assert_int_equal(eirc_pack(&to, text, sizeof(text), out, &packed),
                         EIRC_OK);
        assert_int_equal(unpack(&in, out, packed, back, &n, 200), EIRC_OK);
        assert_memory_equal(back, text, sizeof(text));

        assert_int_equal(eirc_pack(&to, noise, sizeof(noise), out, &packed),
                         EIRC_DONE);
    }

    /* nor does what is too short for any gain */
    for (i = 0; i <= 2; i++) {
        assert_int_equal(eirc_pack(&to, text, i, out, &packed), EIRC_DONE);
    }

    (void) deflateEnd(&to);
    (void) inflateEnd(&in);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_no_gain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
