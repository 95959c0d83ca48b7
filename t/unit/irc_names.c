/*
 * eirc_irc_names: case, masks, and what may go into a line.  The masks are
 * those of tests/mask-match.yaml of ircdocs/parser-tests (Daniel Oaks, CC0).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "eirc_irc_names.h"
#include "eirc_limits.h"

static const struct {
    const char *mask;
    const char *matches[4];
    const char *fails[5];
} masks[] = {
    {"*@127.0.0.1",
     {"coolguy!ab@127.0.0.1", "cooldud3!~bc@127.0.0.1"},
     {"coolguy!ab@127.0.0.5", "cooldud3!~d@124.0.0.1"}},
    {"cool*@*",
     {"coolguy!ab@127.0.0.1", "cooldud3!~bc@127.0.0.1",
      "cool132!ab@example.com"},
     {"koolguy!ab@127.0.0.5", "cooodud3!~d@124.0.0.1"}},
    {"cool!*@*",
     {"cool!guyab@127.0.0.1", "cool!~dudebc@127.0.0.1",
      "cool!312ab@example.com"},
     {"coolguy!ab@127.0.0.1", "cooldud3!~bc@127.0.0.1", "koolguy!ab@127.0.0.5",
      "cooodud3!~d@124.0.0.1"}},
    {"cool!?username@*",
     {"cool!ausername@127.0.0.1", "cool!~username@127.0.0.1"},
     {"cool!username@127.0.0.1"}},
    {"cool!a?*@*",
     {"cool!ab@127.0.0.1", "cool!abc@127.0.0.1"},
     {"cool!a@127.0.0.1"}},
    {"cool[guy]!*@*",
     {"cool[guy]!guy@127.0.0.1", "cool[guy]!a@example.com"},
     {"coolg!ab@127.0.0.1", "cool[!ac@127.0.1.1"}},

    /* our own */
    {"*", {"", "a", "***"}, {NULL}},
    {"", {""}, {"a"}},
    {"?", {"a", "?", "*"}, {"", "ab"}},
    {"a*b*c", {"abc", "aXbXc", "abbcc", "abcbc"}, {"ab", "abcd", "acb"}},
    {"*ab", {"ab", "aab", "abab"}, {"aba", "b"}},
    {"**a**", {"a", "bab"}, {"", "b"}},
    {"*?", {"a", "ab"}, {""}},
    {"NICK{}!*", {"nick[]!x", "Nick{]!"}, {"nick()!x"}},
};


static eirc_slice_t
str(const char *s)
{
    return eirc_slice_str(s);
}


static void
test_masks(void **state)
{
    size_t i, j;

    (void) state;

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        for (j = 0; j < 4 && masks[i].matches[j] != NULL; j++) {
            if (!eirc_irc_mask_match(EIRC_IRC_RFC1459, str(masks[i].mask),
                                     str(masks[i].matches[j])))
            {
                fail_msg("\"%s\" does not match \"%s\"", masks[i].mask,
                         masks[i].matches[j]);
            }
        }

        for (j = 0; j < 5 && masks[i].fails[j] != NULL; j++) {
            if (eirc_irc_mask_match(EIRC_IRC_RFC1459, str(masks[i].mask),
                                    str(masks[i].fails[j])))
            {
                fail_msg("\"%s\" matches \"%s\"", masks[i].mask,
                         masks[i].fails[j]);
            }
        }
    }
}


/* a mask that would take a recursive matcher for ever */
static void
test_mask_time(void **state)
{
    char mask[401], text[501];
    size_t i;

    (void) state;

    for (i = 0; i < 400; i += 2) {
        memcpy(mask + i, "a*", 2);
    }

    mask[399] = 'b';
    mask[400] = '\0';
    memset(text, 'a', 500);
    text[500] = '\0';

    assert_false(eirc_irc_mask_match(EIRC_IRC_ASCII, str(mask), str(text)));
}


static void
test_fold(void **state)
{
    unsigned c, a, s, r;

    (void) state;

    for (c = 0; c < 256; c++) {
        a = eirc_irc_fold(EIRC_IRC_ASCII, (uint8_t) c);
        s = eirc_irc_fold(EIRC_IRC_RFC1459_STRICT, (uint8_t) c);
        r = eirc_irc_fold(EIRC_IRC_RFC1459, (uint8_t) c);

        switch (c) {

        case '[':
        case ']':
        case '\\':
            assert_true(a == c && s == c + 32 && r == c + 32);
            break;

        case '^':
            assert_true(a == c && s == c && r == '~');
            break;

        default:
            assert_int_equal(a, c >= 'A' && c <= 'Z' ? c + 32 : c);
            assert_true(s == a && r == a);
        }
    }
}


static void
test_casemap_names(void **state)
{
    eirc_irc_casemap_e map;

    (void) state;

    assert_true(eirc_irc_casemap(str("ascii"), &map));
    assert_int_equal(map, EIRC_IRC_ASCII);
    assert_true(eirc_irc_casemap(str("rfc1459"), &map));
    assert_int_equal(map, EIRC_IRC_RFC1459);
    assert_true(eirc_irc_casemap(str("strict-rfc1459"), &map));
    assert_int_equal(map, EIRC_IRC_RFC1459_STRICT);
    assert_true(eirc_irc_casemap(str("rfc1459-strict"), &map));
    assert_int_equal(map, EIRC_IRC_RFC1459_STRICT);
    assert_false(eirc_irc_casemap(str("rfc7613"), &map));
    assert_int_equal(map, EIRC_IRC_ASCII);
    assert_false(eirc_irc_casemap(eirc_slice(NULL, 0), &map));
}


static void
test_compare(void **state)
{
    eirc_slice_t a, b;

    (void) state;

    a = str("Ab[~");
    b = str("aB{^");

    assert_true(eirc_irc_equal(EIRC_IRC_RFC1459, a, b));
    assert_false(eirc_irc_equal(EIRC_IRC_RFC1459_STRICT, a, b));
    assert_false(eirc_irc_equal(EIRC_IRC_ASCII, a, b));
    assert_int_equal(eirc_irc_hash(EIRC_IRC_RFC1459, 7, a),
                     eirc_irc_hash(EIRC_IRC_RFC1459, 7, b));
    assert_int_not_equal(eirc_irc_hash(EIRC_IRC_RFC1459, 7, a),
                         eirc_irc_hash(EIRC_IRC_RFC1459, 8, a));
    assert_int_not_equal(eirc_irc_hash(EIRC_IRC_RFC1459, 7, a),
                         eirc_irc_hash(EIRC_IRC_ASCII, 7, a));

    assert_true(eirc_irc_compare(EIRC_IRC_ASCII, str("a"), str("B")) < 0);
    assert_true(eirc_irc_compare(EIRC_IRC_ASCII, str("b"), str("A")) > 0);
    assert_true(eirc_irc_compare(EIRC_IRC_ASCII, str("a"), str("AB")) < 0);
    assert_true(eirc_irc_compare(EIRC_IRC_ASCII, str("AB"), str("a")) > 0);
    assert_int_equal(eirc_irc_compare(EIRC_IRC_ASCII, str(""), str("")), 0);
    assert_true(eirc_irc_compare(EIRC_IRC_ASCII, str("a"), str("\xff")) < 0);
}


static void
test_nicks(void **state)
{
    size_t i;
    char nick[EIRC_IRC_NICK_MAX + 2];
    const char *good[] = {
        "a",     "alice", "Alice_", "[x]",     "`x^",   "_",
        "{a|b}", "a1-2",  "a~b",    "client2", "clien", "J\xc3\xbcrgen",
    };
    const char *bad[] = {
        "",      "1a",   "-a",     ":a",     "#a",     "&a",    "@a",   "+a",
        "%a",    "~a",   "!a",     "$a",     "a b",    " a",    "a,b",  "a*",
        "a?b",   "a!b",  "a.b",    "a@b",    "a:b",    "a\rb",  "a\nb", "a\tb",
        "a\x7f", "\x01", "client", "CLIENT", "Client", "a\xff", "\xc3",
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!eirc_irc_nick_valid(str(good[i]))) {
            fail_msg("\"%s\" was refused", good[i]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (eirc_irc_nick_valid(str(bad[i]))) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }

    assert_false(eirc_irc_nick_valid(eirc_slice("a\0b", 3)));
    assert_false(eirc_irc_nick_valid(eirc_slice(NULL, 0)));

    memset(nick, 'a', sizeof(nick));
    assert_true(eirc_irc_nick_valid(eirc_slice(nick, EIRC_IRC_NICK_MAX)));
    assert_false(eirc_irc_nick_valid(eirc_slice(nick, EIRC_IRC_NICK_MAX + 1)));

    assert_true(eirc_irc_nick_reserved(str("cLiEnT")));
    assert_false(eirc_irc_nick_reserved(str("client_")));
    assert_false(eirc_irc_nick_reserved(eirc_slice(NULL, 0)));
}


static void
test_users(void **state)
{
    char user[EIRC_IRC_USER_MAX + 1];

    (void) state;

    assert_true(eirc_irc_user_valid(str("alice")));
    assert_true(eirc_irc_user_valid(str("1.alice-x")));
    assert_true(eirc_irc_user_valid(str("~a")));
    assert_false(eirc_irc_user_valid(str("")));
    assert_false(eirc_irc_user_valid(str("a b")));
    assert_false(eirc_irc_user_valid(str("a@b")));
    assert_false(eirc_irc_user_valid(str("a!b")));
    assert_false(eirc_irc_user_valid(str(":a")));
    assert_false(eirc_irc_user_valid(str("a\nb")));
    assert_false(eirc_irc_user_valid(eirc_slice("a\0", 2)));

    memset(user, 'a', sizeof(user));
    assert_true(eirc_irc_user_valid(eirc_slice(user, EIRC_IRC_USER_MAX)));
    assert_false(eirc_irc_user_valid(eirc_slice(user, sizeof(user))));
}


static void
test_channels(void **state)
{
    size_t i;
    char name[EIRC_IRC_CHANNEL_MAX + 1];
    const char *good[] = {"#a", "&local", "+modeless", "!12345x",
                          "##", "#a:b",   "#\xc3\xa4", "#\xff"};
    const char *bad[]
        = {"",     "#",   "a",   "help", ":#a", " #a",    "#a b",      "#a,#b",
           "#a\a", "#\r", "#\n", "@#a",  "0",   "#a\n#b", "#a\r\nQUIT"};

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!eirc_irc_channel_valid(str(good[i]))) {
            fail_msg("\"%s\" was refused", good[i]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (eirc_irc_channel_valid(str(bad[i]))) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }

    assert_false(eirc_irc_channel_valid(eirc_slice("#a\0b", 4)));

    memset(name, '#', sizeof(name));
    assert_true(
        eirc_irc_channel_valid(eirc_slice(name, EIRC_IRC_CHANNEL_MAX)));
    assert_false(eirc_irc_channel_valid(eirc_slice(name, sizeof(name))));
}


/* a byte that is refused at every place of texts of every length */
static void
test_text(void **state)
{
    size_t len, i, k;
    uint8_t text[40];
    const uint8_t refused[] = {'\0', '\r', '\n'};
    const uint8_t near[] = {1, 9, 11, 12, 14, 0x80, 0x8a, 0x8d, 0xff, 0x0b};

    (void) state;

    assert_true(eirc_irc_text_valid(eirc_slice(NULL, 0)));

    for (len = 1; len <= sizeof(text); len++) {
        for (i = 0; i < len; i++) {
            for (k = 0; k < sizeof(near); k++) {
                memset(text, near[k], sizeof(text));
                assert_true(eirc_irc_text_valid(eirc_slice(text, len)));
            }

            for (k = 0; k < sizeof(refused); k++) {
                memset(text, 'a', sizeof(text));
                text[i] = refused[k];
                assert_false(eirc_irc_text_valid(eirc_slice(text, len)));
            }
        }
    }
}


static void
test_words(void **state)
{
    unsigned i;
    static const char *const words[]
        = {"a", "a:", "#a", "-", "\xc3\xa4", "=!*"};
    static const char *const none[] = {"",   ":",   ":a", " ",    "a b",  "a ",
                                       " a", "a\r", "\n", "\x7f", "a\x01"};

    (void) state;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_true(eirc_irc_word_valid(eirc_slice_str(words[i])));
    }

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(eirc_irc_word_valid(eirc_slice_str(none[i])));
    }

    assert_false(eirc_irc_word_valid(eirc_slice("a\0b", 3)));
    assert_false(eirc_irc_word_valid(eirc_slice(NULL, 0)));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),   cmocka_unit_test(test_mask_time),
        cmocka_unit_test(test_fold),    cmocka_unit_test(test_casemap_names),
        cmocka_unit_test(test_compare), cmocka_unit_test(test_nicks),
        cmocka_unit_test(test_users),   cmocka_unit_test(test_channels),
        cmocka_unit_test(test_text),    cmocka_unit_test(test_words),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
