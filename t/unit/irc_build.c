/*
 * eirc_irc: lines put together.  The lines of the first table are those of
 * tests/msg-join.yaml of ircdocs/parser-tests (Daniel Oaks, CC0).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_irc.h"

#define PAIRS 6

/* a line in words; what isn't there is NULL */
typedef struct {
    const char *source;
    const char *verb;
    const char *params[EIRC_IRC_PARAMS_MAX];
    const char *tags[PAIRS][2]; /* key, unescaped value; "": empty or none */
} line_case_t;

static const struct {
    line_case_t atoms;
    const char *matches[4];
} join[] = {
    {{NULL, "foo", {"bar", "baz", "asdf"}, {{0}}},
     {"foo bar baz asdf", "foo bar baz :asdf"}},
    {{"src", "AWAY", {0}, {{0}}}, {":src AWAY"}},
    {{"src", "AWAY", {""}, {{0}}}, {":src AWAY :"}},
    {{"coolguy", "foo", {"bar", "baz", "asdf"}, {{0}}},
     {":coolguy foo bar baz asdf", ":coolguy foo bar baz :asdf"}},
    {{NULL, "foo", {"bar", "baz", "asdf quux"}, {{0}}},
     {"foo bar baz :asdf quux"}},
    {{NULL, "foo", {"bar", "baz", ""}, {{0}}}, {"foo bar baz :"}},
    {{NULL, "foo", {"bar", "baz", ":asdf"}, {{0}}}, {"foo bar baz ::asdf"}},
    {{"coolguy", "foo", {"bar", "baz", "asdf quux"}, {{0}}},
     {":coolguy foo bar baz :asdf quux"}},
    {{"coolguy", "foo", {"bar", "baz", "  asdf quux "}, {{0}}},
     {":coolguy foo bar baz :  asdf quux "}},
    {{"coolguy", "PRIVMSG", {"bar", "lol :) "}, {{0}}},
     {":coolguy PRIVMSG bar :lol :) "}},
    {{"coolguy", "foo", {"bar", "baz", ""}, {{0}}},
     {":coolguy foo bar baz :"}},
    {{"coolguy", "foo", {"bar", "baz", "  "}, {{0}}},
     {":coolguy foo bar baz :  "}},
    {{"coolguy", "foo", {"b\tar", "baz"}, {{0}}},
     {":coolguy foo b\tar baz", ":coolguy foo b\tar :baz"}},
    {{"coolguy", "foo", {"bar", "baz", "  "}, {{"asd", ""}}},
     {"@asd :coolguy foo bar baz :  "}},
    {{NULL, "foo", {0}, {{"a", "b\\and\nk"}, {"d", "gh;764"}}},
     {"@a=b\\\\and\\nk;d=gh\\:764 foo", "@d=gh\\:764;a=b\\\\and\\nk foo"}},
    {{NULL, "foo", {"par1", "par2"}, {{"a", "b\\and\nk"}, {"d", "gh;764"}}},
     {"@a=b\\\\and\\nk;d=gh\\:764 foo par1 par2",
      "@a=b\\\\and\\nk;d=gh\\:764 foo par1 :par2",
      "@d=gh\\:764;a=b\\\\and\\nk foo par1 par2",
      "@d=gh\\:764;a=b\\\\and\\nk foo par1 :par2"}},
    {{NULL, "COMMAND", {0}, {{"foo", "\\\\;\\s \r\n"}}},
     {"@foo=\\\\\\\\\\:\\\\s\\s\\r\\n COMMAND"}},
};


static eirc_slice_t
str(const char *s)
{
    return eirc_slice_str(s);
}


static int
build_atoms(uint8_t *out, size_t cap, size_t *len, const line_case_t *c)
{
    unsigned i;
    const char *p;
    eirc_irc_builder_t b;

    eirc_irc_build_init(&b, out, cap);

    for (i = 0; i < PAIRS && c->tags[i][0] != NULL; i++) {
        eirc_irc_build_tag(&b, str(c->tags[i][0]), str(c->tags[i][1]));
    }

    if (c->source != NULL) {
        eirc_irc_build_source(&b, str(c->source));
    }

    eirc_irc_build_verb(&b, str(c->verb));

    for (i = 0; i < EIRC_IRC_PARAMS_MAX && c->params[i] != NULL; i++) {
        p = c->params[i];

        if (*p == '\0' || *p == ':' || strchr(p, ' ') != NULL) {
            eirc_irc_build_trailing(&b, str(p));

        } else {
            eirc_irc_build_param(&b, str(p));
        }
    }

    return eirc_irc_build_finish(&b, len);
}


/* all vectors, with a buffer of every size up to the one that is needed */
static void
test_join(void **state)
{
    size_t i, j, len, need, cap;
    uint8_t out[256];

    (void) state;

    for (i = 0; i < sizeof(join) / sizeof(join[0]); i++) {
        assert_int_equal(build_atoms(out, sizeof(out), &need, &join[i].atoms),
                         EIRC_OK);

        for (j = 0; j < 4 && join[i].matches[j] != NULL; j++) {
            if (eirc_slice_equal(eirc_slice(out, need),
                                 str(join[i].matches[j]))) {
                break;
            }
        }

        if (j == 4 || join[i].matches[j] == NULL) {
            fail_msg("\"%.*s\" was built instead of \"%s\"", (int) need, out,
                     join[i].matches[0]);
        }

        for (cap = 0; cap <= need; cap++) {
            memset(out, 0x55, sizeof(out));
            assert_int_equal(build_atoms(out, cap, &len, &join[i].atoms),
                             cap == need ? EIRC_OK : EIRC_ERROR);
            assert_int_equal(out[cap], 0x55);
        }
    }
}


typedef enum {
    TAG,
    VALUE,
    SOURCE,
    VERB,
    PARAM,
    TRAILING
} part_e;

static const struct {
    part_e part;
    const char *bytes;
    size_t len;
} mistakes[] = {
    {TAG, "", 0},          {TAG, "a b", 3},      {TAG, "a=b", 3},
    {TAG, "a;b", 3},       {TAG, "a\n", 2},      {VALUE, "a\0", 2},
    {SOURCE, "", 0},       {SOURCE, "a b", 3},   {SOURCE, "a\r", 2},
    {SOURCE, "a\0", 2},    {VERB, "", 0},        {VERB, "A B", 3},
    {VERB, ":A", 2},       {VERB, "@A", 2},      {VERB, "A\n", 2},
    {PARAM, "", 0},        {PARAM, "a b", 3},    {PARAM, ":a", 2},
    {PARAM, "a\n", 2},     {PARAM, "a\r", 2},    {PARAM, "a\0b", 3},
    {PARAM, "a\nQUIT", 6}, {TRAILING, "a\n", 2}, {TRAILING, "a\r", 2},
    {TRAILING, "a\0", 2},
};


static void
test_build_mistakes(void **state)
{
    size_t i, len;
    uint8_t out[64];
    part_e part;
    eirc_slice_t s;
    eirc_irc_builder_t b;

    (void) state;

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        part = mistakes[i].part;
        s = eirc_slice(mistakes[i].bytes, mistakes[i].len);

        eirc_irc_build_init(&b, out, sizeof(out));
        eirc_irc_build_tag(&b, part == TAG ? s : str("a"),
                           part == VALUE ? s : str("b"));
        eirc_irc_build_source(&b, part == SOURCE ? s : str("s"));
        eirc_irc_build_verb(&b, part == VERB ? s : str("V"));
        eirc_irc_build_param(&b, part == PARAM ? s : str("p"));
        eirc_irc_build_trailing(&b, part == TRAILING ? s : str("t"));

        if (eirc_irc_build_finish(&b, &len) != EIRC_ERROR) {
            fail_msg("mistake %zu was built: \"%.*s\"", i, (int) len, out);
        }
    }
}


static void
test_build_order(void **state)
{
    size_t len;
    uint8_t out[64];
    eirc_irc_builder_t b;

    (void) state;

    /* nothing, and only what stands before a verb */
    eirc_irc_build_init(&b, out, sizeof(out));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);
    eirc_irc_build_source(&b, str("s"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);
    eirc_irc_build_verb(&b, str("V"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_OK);
    assert_int_equal(len, 4);

    eirc_irc_build_source(&b, str("s"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);

    eirc_irc_build_init(&b, out, sizeof(out));
    eirc_irc_build_verb(&b, str("V"));
    eirc_irc_build_tag(&b, str("a"), str("b"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);

    eirc_irc_build_init(&b, out, sizeof(out));
    eirc_irc_build_param(&b, str("p"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);

    eirc_irc_build_init(&b, out, sizeof(out));
    eirc_irc_build_verb(&b, str("V"));
    eirc_irc_build_trailing(&b, str("t"));
    eirc_irc_build_param(&b, str("p"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);
}


static void
test_build_limits(void **state)
{
    size_t i, len;
    uint8_t out[EIRC_IRC_LINE_BUFFER + 64];
    static char text[EIRC_IRC_TAGS_MAX + 64];
    eirc_irc_builder_t b;

    (void) state;

    memset(text, 'x', sizeof(text));

    /* parameters: 15, also the last behind a ':' */
    eirc_irc_build_init(&b, out, sizeof(out));
    eirc_irc_build_verb(&b, str("V"));

    for (i = 0; i < EIRC_IRC_PARAMS_MAX; i++) {
        eirc_irc_build_param(&b, str("p"));
    }

    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_OK);
    eirc_irc_build_trailing(&b, str("t"));
    assert_int_equal(eirc_irc_build_finish(&b, &len), EIRC_ERROR);

    /* content: 510 bytes */
    for (i = 500; i < 512; i++) {
        eirc_irc_build_init(&b, out, sizeof(out));
        eirc_irc_build_tag(&b, str("t"), str("v"));
        eirc_irc_build_verb(&b, str("PRIVMSG"));
        eirc_irc_build_param(&b, str("#c"));
        eirc_irc_build_trailing(&b, eirc_slice(text, i - 12));
        assert_int_equal(eirc_irc_build_finish(&b, &len),
                         i <= 510 ? EIRC_OK : EIRC_ERROR);
    }

    /* tags: 8191 bytes with '@' and space */
    for (i = EIRC_IRC_TAGS_MAX - 4; i <= EIRC_IRC_TAGS_MAX; i++) {
        eirc_irc_build_init(&b, out, sizeof(out));
        eirc_irc_build_tag(&b, eirc_slice(text, i), eirc_slice(NULL, 0));
        eirc_irc_build_verb(&b, str("V"));
        assert_int_equal(eirc_irc_build_finish(&b, &len),
                         i + 2 <= EIRC_IRC_TAGS_MAX ? EIRC_OK : EIRC_ERROR);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_build_mistakes),
        cmocka_unit_test(test_build_order),
        cmocka_unit_test(test_build_limits),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
