/*
 * eirc_irc: lines taken apart, and tags.  Most lines are
 * those of tests/msg-split.yaml and tests/userhost-split.yaml of
 * ircdocs/parser-tests (Daniel Oaks, CC0).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_irc.h"

#define PAIRS 6

/* a line in words; what isn't there is NULL */
typedef struct {
    const char *line;
    const char *source;
    const char *verb;
    const char *params[EIRC_IRC_PARAMS_MAX];
    const char *tags[PAIRS][2]; /* key, unescaped value; "": empty or none */
} line_case_t;

static const line_case_t split[] = {
    {"foo bar baz asdf", NULL, "foo", {"bar", "baz", "asdf"}, {{0}}},
    {":coolguy foo bar baz asdf",
     "coolguy",
     "foo",
     {"bar", "baz", "asdf"},
     {{0}}},
    {"foo bar baz :asdf quux",
     NULL,
     "foo",
     {"bar", "baz", "asdf quux"},
     {{0}}},
    {"foo bar baz :", NULL, "foo", {"bar", "baz", ""}, {{0}}},
    {"foo bar baz ::asdf", NULL, "foo", {"bar", "baz", ":asdf"}, {{0}}},
    {":coolguy foo bar baz :asdf quux",
     "coolguy",
     "foo",
     {"bar", "baz", "asdf quux"},
     {{0}}},
    {":coolguy foo bar baz :  asdf quux ",
     "coolguy",
     "foo",
     {"bar", "baz", "  asdf quux "},
     {{0}}},
    {":coolguy PRIVMSG bar :lol :) ",
     "coolguy",
     "PRIVMSG",
     {"bar", "lol :) "},
     {{0}}},
    {":coolguy foo bar baz :", "coolguy", "foo", {"bar", "baz", ""}, {{0}}},
    {":coolguy foo bar baz :  ",
     "coolguy",
     "foo",
     {"bar", "baz", "  "},
     {{0}}},
    {"@a=b;c=32;k;rt=ql7 foo",
     NULL,
     "foo",
     {0},
     {{"a", "b"}, {"c", "32"}, {"k", ""}, {"rt", "ql7"}}},
    {"@a=b\\\\and\\nk;c=72\\s45;d=gh\\:764 foo",
     NULL,
     "foo",
     {0},
     {{"a", "b\\and\nk"}, {"c", "72 45"}, {"d", "gh;764"}}},
    {"@c;h=;a=b :quux ab cd",
     "quux",
     "ab",
     {"cd"},
     {{"c", ""}, {"h", ""}, {"a", "b"}}},
    {":src JOIN #chan", "src", "JOIN", {"#chan"}, {{0}}},
    {":src JOIN :#chan", "src", "JOIN", {"#chan"}, {{0}}},
    {":src AWAY", "src", "AWAY", {0}, {{0}}},
    {":src AWAY ", "src", "AWAY", {0}, {{0}}},
    {":cool\tguy foo bar baz", "cool\tguy", "foo", {"bar", "baz"}, {{0}}},
    {":coolguy!ag@net\x03"
     "5w\x03"
     "ork.admin PRIVMSG foo :bar baz",
     "coolguy!ag@net\x03"
     "5w\x03"
     "ork.admin",
     "PRIVMSG",
     {"foo", "bar baz"},
     {{0}}},
    {":coolguy!~ag@n\x02"
     "et\x03"
     "05w\x0f"
     "ork.admin PRIVMSG foo :bar baz",
     "coolguy!~ag@n\x02"
     "et\x03"
     "05w\x0f"
     "ork.admin",
     "PRIVMSG",
     {"foo", "bar baz"},
     {{0}}},
    {"@tag1=value1;tag2;vendor1/tag3=value2;vendor2/tag4= :irc.example.com "
     "COMMAND param1 param2 :param3 param3",
     "irc.example.com",
     "COMMAND",
     {"param1", "param2", "param3 param3"},
     {{"tag1", "value1"},
      {"tag2", ""},
      {"vendor1/tag3", "value2"},
      {"vendor2/tag4", ""}}},
    {":irc.example.com COMMAND param1 param2 :param3 param3",
     "irc.example.com",
     "COMMAND",
     {"param1", "param2", "param3 param3"},
     {{0}}},
    {"@tag1=value1;tag2;vendor1/tag3=value2;vendor2/tag4 COMMAND param1 param2 "
     ":param3 param3",
     NULL,
     "COMMAND",
     {"param1", "param2", "param3 param3"},
     {{"tag1", "value1"},
      {"tag2", ""},
      {"vendor1/tag3", "value2"},
      {"vendor2/tag4", ""}}},
    {"COMMAND", NULL, "COMMAND", {0}, {{0}}},
    {"@foo=\\\\\\\\\\:\\\\s\\s\\r\\n COMMAND",
     NULL,
     "COMMAND",
     {0},
     {{"foo", "\\\\;\\s \r\n"}}},
    {":gravel.mozilla.org 432  #momo :Erroneous Nickname: Illegal characters",
     "gravel.mozilla.org",
     "432",
     {"#momo", "Erroneous Nickname: Illegal characters"},
     {{0}}},
    {":gravel.mozilla.org MODE #tckk +n ",
     "gravel.mozilla.org",
     "MODE",
     {"#tckk", "+n"},
     {{0}}},
    {":services.esper.net MODE #foo-bar +o foobar  ",
     "services.esper.net",
     "MODE",
     {"#foo-bar", "+o", "foobar"},
     {{0}}},
    {"@tag1=value\\\\ntest COMMAND",
     NULL,
     "COMMAND",
     {0},
     {{"tag1", "value\\ntest"}}},
    {"@tag1=value\\1 COMMAND", NULL, "COMMAND", {0}, {{"tag1", "value1"}}},
    {"@tag1=value1\\ COMMAND", NULL, "COMMAND", {0}, {{"tag1", "value1"}}},
    {"@tag1=1;tag2=3;tag3=4;tag1=5 COMMAND",
     NULL,
     "COMMAND",
     {0},
     {{"tag1", "5"}, {"tag2", "3"}, {"tag3", "4"}}},
    {"@tag1=1;tag2=3;tag3=4;tag1=5;vendor/tag2=8 COMMAND",
     NULL,
     "COMMAND",
     {0},
     {{"tag1", "5"}, {"tag2", "3"}, {"tag3", "4"}, {"vendor/tag2", "8"}}},
    {":SomeOp MODE #channel :+i", "SomeOp", "MODE", {"#channel", "+i"}, {{0}}},
    {":SomeOp MODE #channel +oo SomeUser :AnotherUser",
     "SomeOp",
     "MODE",
     {"#channel", "+oo", "SomeUser", "AnotherUser"},
     {{0}}},

    /* our own */
    {"@a=b=c;;d;   :s   v   p   :t",
     "s",
     "v",
     {"p", "t"},
     {{"a", "b=c"}, {"d", ""}}},
    {"@ v", NULL, "v", {0}, {{0}}},
    {"v 1 2 3 4 5 6 7 8 9 10 11 12 13 14 :15 16",
     NULL,
     "v",
     {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
      "14", "15 16"},
     {{0}}},
    {"v 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 :17",
     NULL,
     "v",
     {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
      "14", "15 16 :17"},
     {{0}}},
};


static eirc_slice_t
str(const char *s)
{
    return eirc_slice_str(s);
}


static void
expect(const char *line, eirc_slice_t s, const char *expected)
{
    if (expected == NULL ? s.p != NULL : !eirc_slice_equal(s, str(expected))) {
        fail_msg("\"%s\": \"%.*s\" instead of \"%s\"", line, (int) s.len,
                 s.len > 0 ? (const char *) s.p : "",
                 expected != NULL ? expected : "nothing");
    }
}


static void
check_tags(const line_case_t *c, eirc_slice_t tags)
{
    size_t i, len;
    uint8_t value[64];
    eirc_slice_t v;

    for (i = 0; i < PAIRS && c->tags[i][0] != NULL; i++) {
        assert_true(eirc_irc_tag_get(tags, str(c->tags[i][0]), &v));
        assert_int_equal(eirc_irc_tag_unescape(value, sizeof(value), &len, v),
                         EIRC_OK);
        expect(c->line, eirc_slice(value, len), c->tags[i][1]);
    }
}


static void
test_split(void **state)
{
    size_t i, len;
    unsigned n;
    uint8_t *p;
    eirc_irc_msg_t msg;
    const line_case_t *c;

    (void) state;

    for (i = 0; i < sizeof(split) / sizeof(split[0]); i++) {
        c = &split[i];

        /* exactly its size, so that a sanitizer sees any step out */
        len = strlen(c->line);
        p = malloc(len);
        assert_non_null(p);
        memcpy(p, c->line, len);

        if (eirc_irc_parse(&msg, p, len) != EIRC_OK) {
            fail_msg("\"%s\" was refused", c->line);
        }

        expect(c->line, msg.source, c->source);
        expect(c->line, msg.verb, c->verb);

        for (n = 0; n < EIRC_IRC_PARAMS_MAX && c->params[n] != NULL; n++) {
            expect(c->line, eirc_irc_param(&msg, n), c->params[n]);
        }

        assert_int_equal(msg.nparams, n);
        assert_null(eirc_irc_param(&msg, n).p);
        check_tags(c, msg.tags);

        free(p);
    }
}


/* no prefix of a line steps out of it; all have a verb, or are refused */
static void
test_split_cut(void **state)
{
    size_t i, len, cut;
    uint8_t *p;
    eirc_irc_msg_t msg;

    (void) state;

    for (i = 0; i < sizeof(split) / sizeof(split[0]); i++) {
        len = strlen(split[i].line);

        for (cut = 0; cut <= len; cut++) {
            p = malloc(cut > 0 ? cut : 1);
            assert_non_null(p);
            memcpy(p, split[i].line, cut);

            if (eirc_irc_parse(&msg, p, cut) == EIRC_OK) {
                assert_true(msg.verb.len > 0);
                assert_true(msg.verb.p + msg.verb.len <= p + cut);
            }

            free(p);
        }
    }
}


static void
test_refused(void **state)
{
    size_t i, len;
    uint8_t *tags;
    eirc_irc_msg_t msg;
    const char *bad[] = {
        "",      " ",      " foo", "@",      "@a",       "@a ",  "@a  ",
        "@a :s", ":",      ":s",   ":s ",    ": v",      ":  v", "a\rb",
        "a\nb",  "v :a\r", "\n",   "@a\n v", ":s\r v p",
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (eirc_irc_parse(&msg, (const uint8_t *) bad[i], strlen(bad[i]))
            != EIRC_ERROR)
        {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }

    assert_int_equal(eirc_irc_parse(&msg, (const uint8_t *) "v a\0b", 5),
                     EIRC_ERROR);
    assert_int_equal(eirc_irc_parse(&msg, NULL, 0), EIRC_ERROR);

    /* tags of exactly the size with '@' and space, and one more */
    len = EIRC_IRC_TAGS_MAX;
    tags = malloc(len + 2);
    assert_non_null(tags);
    memset(tags, 'a', len + 2);
    tags[0] = '@';
    tags[len - 1] = ' ';
    assert_int_equal(eirc_irc_parse(&msg, tags, len + 1), EIRC_OK);
    assert_int_equal(msg.tags.len, len - 2);
    tags[len - 1] = 'a';
    tags[len] = ' ';
    assert_int_equal(eirc_irc_parse(&msg, tags, len + 2), EIRC_ERROR);
    free(tags);
}


static void
test_trailing_flag(void **state)
{
    eirc_irc_msg_t msg;

    (void) state;

    assert_int_equal(eirc_irc_parse(&msg, (const uint8_t *) "v a b", 5),
                     EIRC_OK);
    assert_false(msg.trailing);
    assert_int_equal(eirc_irc_parse(&msg, (const uint8_t *) "v a :b", 6),
                     EIRC_OK);
    assert_true(msg.trailing);
    assert_true(eirc_irc_verb_is(&msg, "V"));
    assert_false(eirc_irc_verb_is(&msg, "VV"));
}


static void
test_sources(void **state)
{
    size_t i;
    eirc_slice_t nick, user, host;
    const char *const sources[][4] = {
        {"coolguy!ag@127.0.0.1", "coolguy", "ag", "127.0.0.1"},
        {"coolguy!~ag@localhost", "coolguy", "~ag", "localhost"},
        {"coolguy@127.0.0.1", "coolguy", NULL, "127.0.0.1"},
        {"coolguy!ag", "coolguy", "ag", NULL},
        {"coolguy!ag@net\x03"
         "5w\x03"
         "ork.admin",
         "coolguy", "ag",
         "net\x03"
         "5w\x03"
         "ork.admin"},
        {"coolguy!~ag@n\x02"
         "et\x03"
         "05w\x0f"
         "ork.admin",
         "coolguy", "~ag",
         "n\x02"
         "et\x03"
         "05w\x0f"
         "ork.admin"},

        /* our own */
        {"irc.example.com", "irc.example.com", NULL, NULL},
        {"a@b!c", "a", NULL, "b!c"},
        {"a!b@c@d", "a", "b", "c@d"},
        {"a!b!c@d", "a", "b!c", "d"},
        {"!@", "", "", ""},
        {"@", "", NULL, ""},
        {"", NULL, NULL, NULL},
    };

    (void) state;

    for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        eirc_irc_source_split(str(sources[i][0]), &nick, &user, &host);
        assert_true(sources[i][1] == NULL
                    || eirc_slice_equal(nick, str(sources[i][1])));
        expect(sources[i][0], user, sources[i][2]);
        expect(sources[i][0], host, sources[i][3]);
    }
}


static void
test_tags(void **state)
{
    size_t i, len, cap;
    uint8_t out[512];
    uint8_t all[256];
    eirc_slice_t rest, key, value;

    (void) state;

    rest = str(";;a=1;;b;+c/d=;e=f=g;");
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_OK);
    expect("a", key, "a");
    expect("a", value, "1");
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_OK);
    expect("b", key, "b");
    expect("b", value, NULL);
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_OK);
    expect("c", key, "+c/d");
    expect("c", value, "");
    assert_non_null(value.p);
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_OK);
    expect("e", value, "f=g");
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_DONE);
    assert_int_equal(eirc_irc_tag_next(&rest, &key, &value), EIRC_DONE);

    assert_false(eirc_irc_tag_get(str("a=1;b"), str("c"), &value));
    assert_false(eirc_irc_tag_get(eirc_slice(NULL, 0), str("c"), &value));
    assert_false(eirc_irc_tag_get(str("A=1"), str("a"), &value));

    /* every byte but NUL there and back */
    for (i = 0; i < 255; i++) {
        all[i] = (uint8_t) (i + 1);
    }

    assert_int_equal(
        eirc_irc_tag_escape(out, sizeof(out), &len, eirc_slice(all, 255)),
        EIRC_OK);
    assert_int_equal(len, 255 + 5);
    assert_null(memchr(out, ' ', len));
    assert_null(memchr(out, ';', len));
    assert_true(eirc_irc_text_valid(eirc_slice(out, len)));

    for (cap = 0; cap < len; cap++) {
        assert_int_equal(eirc_irc_tag_escape(out + 260, cap < 252 ? cap : 251,
                                             &i, eirc_slice(all, 255)),
                         EIRC_ERROR);
    }

    assert_int_equal(eirc_irc_tag_unescape(all, 254, &i, eirc_slice(out, len)),
                     EIRC_ERROR);
    assert_int_equal(eirc_irc_tag_unescape(all, 255, &i, eirc_slice(out, len)),
                     EIRC_OK);
    assert_int_equal(i, 255);

    for (i = 0; i < 255; i++) {
        assert_int_equal(all[i], i + 1);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),   cmocka_unit_test(test_split_cut),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_trailing_flag),
        cmocka_unit_test(test_sources), cmocka_unit_test(test_tags),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
