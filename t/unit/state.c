/*
 * state, members, isupport: names in channels with their prefixes, through
 * joins, parts, kicks, quits, other nicks, modes and lists of names; what a
 * server says it supports; tables large enough to have an index.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state.h"


static eirc_slice_t
str(const char *p)
{
    return eirc_slice_str(p);
}


/* All members, "@a +b c", in a buffer that the next call uses again. */
static const char *
members(const state_t *st, const char *channel)
{
    unsigned i;
    uint8_t prefixes;
    uint32_t cursor;
    channel_t *ch;
    eirc_slice_t nick;
    static char out[4096];

    out[0] = '\0';
    ch = state_channel(st, str(channel));

    if (ch == NULL) {
        return "none";
    }

    cursor = 0;

    while (members_next(&ch->members, &cursor, &nick, &prefixes)) {

        if (out[0] != '\0') {
            strcat(out, " ");
        }

        for (i = 0; i < ISUPPORT_PREFIXES_MAX; i++) {

            if (prefixes & (1u << i)) {
                strncat(out, &st->isupport.prefix_chars[i], 1);
            }
        }

        strncat(out, (const char *) nick.p, nick.len);
    }

    return out;
}


static channel_t *
joined(state_t *st, const char *channel, const char *names)
{
    channel_t *ch;

    ch = state_channel_add(st, str(channel));
    assert_non_null(ch);
    state_names(st, ch, str(names));
    state_names_end(st, ch);

    return ch;
}


static void
test_names(void **state)
{
    state_t st;
    channel_t *ch;

    (void) state;

    state_init(&st, 7);
    ch = state_channel_add(&st, str("#a"));
    state_join(&st, ch, str("me"));
    assert_string_equal(members(&st, "#a"), "me");

    /* several lines are one list, and it replaces what was known */

    state_names(&st, ch, str("@op +voice me"));
    assert_string_equal(members(&st, "#A"), "me");
    state_names(&st, ch, str("  @+both  nick!user@host "));
    state_join(&st, ch, str("late"));
    state_part(&st, ch, str("voice"));
    state_names_end(&st, ch);
    assert_string_equal(members(&st, "#a"), "@op me @+both nick late");

    /* an end without a list changes nothing */

    state_names_end(&st, ch);
    assert_string_equal(members(&st, "#a"), "@op me @+both nick late");

    state_names(&st, ch, str(""));
    state_names_end(&st, ch);
    assert_string_equal(members(&st, "#a"), "");

    state_done(&st);
}


static void
test_coming_and_going(void **state)
{
    state_t st;
    channel_t *a, *b;

    (void) state;

    state_init(&st, 7);
    a = joined(&st, "#a", "@me x Y[]");
    b = joined(&st, "#b", "me +x z");
    assert_int_equal(st.count, 2);
    assert_ptr_equal(state_channel_add(&st, str("#B")), b);

    state_rename(&st, str("X"), str("x2"));
    assert_string_equal(members(&st, "#a"), "@me Y[] x2");
    assert_string_equal(members(&st, "#b"), "me z +x2");

    state_rename(&st, str("z"), str("Z"));
    assert_string_equal(members(&st, "#b"), "me +x2 Z");

    state_quit(&st, str("x2"));
    assert_string_equal(members(&st, "#a"), "@me Y[]");
    assert_string_equal(members(&st, "#b"), "me Z");

    state_part(&st, a, str("y{}"));
    state_part(&st, a, str("nobody"));
    assert_string_equal(members(&st, "#a"), "@me");

    state_channel_remove(&st, str("#c"));
    state_channel_remove(&st, str("#A"));
    assert_string_equal(members(&st, "#a"), "none");
    assert_string_equal(members(&st, "#b"), "me Z");

    state_reset(&st);
    assert_int_equal(st.count, 0);

    state_done(&st);
}


static void
test_sorted(void **state)
{
    unsigned i;
    state_t st;
    static const char *const names[] = {"#m", "#Z", "#b", "&x", "#y", "#a"};
    static const char *const sorted[] = {"#a", "#b", "#m", "#y", "#Z", "&x"};

    (void) state;

    state_init(&st, 7);

    for (i = 0; i < 6; i++) {
        assert_non_null(state_channel_add(&st, str(names[i])));
    }

    for (i = 0; i < 6; i++) {
        assert_true(eirc_slice_equal(state_channel_name(st.channels[i]),
                                     str(sorted[i])));
    }

    state_done(&st);
}


static void
modes(state_t *st, channel_t *ch, const char *letters, const char *p1,
      const char *p2, const char *p3)
{
    unsigned n;
    eirc_slice_t params[3];

    params[0] = str(p1);
    params[1] = str(p2);
    params[2] = str(p3);

    for (n = 0; n < 3 && params[n].p != NULL; n++) {
        /* void */
    }

    state_modes(st, ch, str(letters), params, n);
}


static void
test_modes(void **state)
{
    state_t st;
    channel_t *ch;

    (void) state;

    state_init(&st, 7);
    isupport_token(&st.isupport, str("PREFIX=(qov)~@+"));
    isupport_token(&st.isupport, str("CHANMODES=beI,k,lj,imnt"));
    ch = joined(&st, "#a", "@a b c");

    modes(&st, ch, "+v-o", "b", "a", NULL);
    assert_string_equal(members(&st, "#a"), "a +b c");

    modes(&st, ch, "+nbo", "*!*@x", "c", NULL);
    assert_string_equal(members(&st, "#a"), "a +b @c");

    modes(&st, ch, "+lo", "5", "b", NULL);
    assert_string_equal(members(&st, "#a"), "a @+b @c");

    modes(&st, ch, "-lo", "b", NULL, NULL);
    assert_string_equal(members(&st, "#a"), "a +b @c");

    modes(&st, ch, "-k+q", "*", "a", NULL);
    assert_string_equal(members(&st, "#a"), "~a +b @c");

    /* parameters that aren't there, members that aren't there */

    modes(&st, ch, "+ov", NULL, NULL, NULL);
    modes(&st, ch, "+o", "nobody", NULL, NULL);
    modes(&st, ch, "", NULL, NULL, NULL);
    assert_string_equal(members(&st, "#a"), "~a +b @c");

    state_done(&st);
}


static void
test_mode_find(void **state)
{
    bool set;
    state_t st;
    unsigned i;
    eirc_slice_t param, params[3];
    static const struct {
        const char *modes;
        int found; /* 1 set, -1 taken away */
        const char *param;
    } table[] = {
        {"+k", 1, "1"},    {"+bk", 1, "2"},   {"-k", -1, "1"},
        {"+ntlk", 1, "2"}, {"-l+k", 1, "1"},  {"+k-k", -1, "2"},
        {"+ovk", 1, "3"},  {"+nt", 0, ""},    {"+ovbk", 0, ""},
        {"", 0, ""},       {"-b+lk", 1, "3"},
    };

    (void) state;

    state_init(&st, 7);
    isupport_token(&st.isupport, str("CHANMODES=beI,k,lj,imnt"));
    params[0] = str("1");
    params[1] = str("2");
    params[2] = str("3");

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        set = false;
        assert_int_equal(state_mode_find(&st, str(table[i].modes), params, 3,
                                         'k', &set, &param),
                         table[i].found != 0);

        if (table[i].found != 0) {
            assert_int_equal(set, table[i].found == 1);
            assert_true(eirc_slice_equal(param, str(table[i].param)));
        }
    }

    state_done(&st);
}


/* Half of the network goes, and comes back, with the names in another case, a
 * list of names in between. */
static void
test_netsplit(void **state)
{
    state_t st;
    channel_t *ch;

    (void) state;

    state_init(&st, 7);
    ch = joined(&st, "#a[]", "@me +b{} c|d e");
    assert_ptr_equal(state_channel(&st, str("#A{}")), ch);

    state_names(&st, ch, str("@me +b{} c|d"));
    state_quit(&st, str("B[]"));
    state_quit(&st, str("C\\D"));
    state_names(&st, ch, str("e"));
    state_names_end(&st, ch);
    assert_string_equal(members(&st, "#a[]"), "@me e");

    state_join(&st, ch, str("b[]"));
    state_join(&st, ch, str("C|D"));
    modes(&st, ch, "+ov", "B{}", "c\\d", NULL);
    assert_string_equal(members(&st, "#A{}"), "@me e @b[] +C|D");
    state_join(&st, ch, str("B{}"));
    assert_int_equal(ch->members.count, 4);

    state_done(&st);
}


static void
test_isupport(void **state)
{
    unsigned i;
    isupport_t is, before;
    static const char *const useless[] = {"",
                                          "PREFIX=ov@+",
                                          "PREFIX=(ov@+",
                                          "PREFIX=(ov)@",
                                          "-PREFIX",
                                          "UNKNOWN=1",
                                          "=",
                                          "PREFIX=(",
                                          "LINELEN",
                                          "LINELEN=0",
                                          "LINELEN=x"};

    (void) state;

    isupport_init(&is);
    assert_int_equal(is.casemap, EIRC_IRC_RFC1459);
    before = is;

    for (i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        isupport_token(&is, str(useless[i]));
        assert_memory_equal(&is, &before, sizeof(is));
    }

    isupport_token(&is, str("CASEMAPPING=ascii"));
    assert_int_equal(is.casemap, EIRC_IRC_ASCII);
    isupport_token(&is, str("PREFIX=(Yqaohv)!~&@%+"));
    assert_string_equal(is.prefix_modes, "Yqaohv");
    assert_string_equal(is.prefix_chars, "!~&@%+");
    assert_int_equal(isupport_prefix_char(&is, '@'), 8);
    assert_int_equal(isupport_prefix_mode(&is, 'o'), 8);
    assert_int_equal(isupport_prefix_char(&is, '.'), 0);
    assert_int_equal(isupport_prefix_char(&is, '\0'), 0);
    isupport_token(&is, str("PREFIX="));
    assert_string_equal(is.prefix_chars, "");

    isupport_token(&is, str("CHANTYPES=#!"));
    assert_true(isupport_is_channel(&is, str("!x")));
    assert_false(isupport_is_channel(&is, str("&x")));
    assert_false(isupport_is_channel(&is, str("")));

    isupport_token(&is, str("NICKLEN=30"));
    isupport_token(&is, str("CHANNELLEN=99999999999999"));
    isupport_token(&is, str("LINELEN=2048"));
    isupport_token(&is, str("NETWORK=Some Where"));
    assert_int_equal(is.nicklen, 30);
    assert_int_equal(is.channellen, EIRC_IRC_CHANNEL_MAX);
    assert_int_equal(is.linelen, 2048);
    assert_string_equal(is.network, "Some Where");
}


/* A table beside a plain list of what should be in it. */
static void
test_many(void **state)
{
    int i, k;
    bool *there;
    char nick[32];
    uint8_t prefixes, *found;
    uint32_t cursor, seed, count;
    members_t m;
    eirc_slice_t name;
    enum {
        N = 3000
    };

    (void) state;

    there = calloc(N, sizeof(bool));
    assert_non_null(there);
    members_init(&m, EIRC_IRC_ASCII, 99);
    seed = 5;
    count = 0;

    for (i = 0; i < 60000; i++) {
        seed = seed * 1664525 + 1013904223;
        k = (int) ((seed >> 8) % N);
        (void) snprintf(nick, sizeof(nick), "%s%d", k % 2 ? "Nick" : "n", k);

        /* it grows at first, and shrinks in the end */

        if ((seed >> 4) % 100 < (i < 30000 ? 70 : 20)) {
            assert_int_equal(members_add(&m, str(nick), (uint8_t) (k % 3)),
                             EIRC_OK);
            count += !there[k];
            there[k] = true;

        } else {
            assert_int_equal(members_remove(&m, str(nick)), there[k]);
            count -= there[k];
            there[k] = false;
        }

        assert_int_equal(m.count, count);
    }

    for (k = 0; k < N; k++) {
        (void) snprintf(nick, sizeof(nick), "%s%d", k % 2 ? "nICK" : "N", k);
        found = members_find(&m, str(nick));
        assert_int_equal(found != NULL, there[k]);
        assert_true(found == NULL || *found == k % 3);
    }

    cursor = 0;

    while (members_next(&m, &cursor, &name, &prefixes)) {
        count--;
    }

    assert_int_equal(count, 0);

    members_done(&m);
    free(there);
}


static void
test_limits(void **state)
{
    unsigned i;
    char name[EIRC_IRC_CHANNEL_MAX + 2];
    state_t st;
    members_t m;

    (void) state;

    memset(name, 'x', sizeof(name));
    name[0] = '#';

    state_init(&st, 7);
    assert_null(state_channel_add(&st, str("")));
    assert_null(state_channel_add(&st, eirc_slice(name, sizeof(name))));
    assert_non_null(state_channel_add(&st, eirc_slice(name, 200)));

    for (i = 1; i < STATE_CHANNELS_MAX; i++) {
        (void) snprintf(name, sizeof(name), "#%u", i);
        assert_non_null(state_channel_add(&st, str(name)));
    }

    assert_null(state_channel_add(&st, str("#more")));
    state_done(&st);

    members_init(&m, EIRC_IRC_RFC1459, 1);
    assert_int_equal(members_add(&m, str(""), 0), EIRC_ERROR);
    assert_int_equal(members_add(&m, eirc_slice(name, 65), 0), EIRC_ERROR);
    memset(name, 'y', 64);
    assert_int_equal(members_add(&m, eirc_slice(name, 64), 1), EIRC_OK);

    for (i = 1; i < MEMBERS_MAX; i++) {
        (void) snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(members_add(&m, str(name), 0), EIRC_OK);
    }

    assert_int_equal(members_add(&m, str("more"), 0), EIRC_ERROR);
    members_done(&m);
}


/* As many members as there may be in all channels: others don't count, until
 * some have gone. */
static void
test_too_many(void **state)
{
    unsigned i, n;
    char nick[16];
    state_t st;
    channel_t *ch[3];

    (void) state;

    state_init(&st, 7);
    ch[0] = state_channel_add(&st, str("#a"));
    ch[1] = state_channel_add(&st, str("#b"));
    ch[2] = state_channel_add(&st, str("#c"));

    for (n = 0; n < 3; n++) {

        for (i = 0; i < 80000; i++) {
            (void) snprintf(nick, sizeof(nick), "m%u", i);
            state_names(&st, ch[n], str(nick));
        }

        state_names_end(&st, ch[n]);
    }

    assert_int_equal(ch[0]->members.count, 80000);
    assert_int_equal(ch[1]->members.count, 80000);
    assert_int_equal(ch[2]->members.count, STATE_MEMBERS_MAX - 160000);

    state_join(&st, ch[1], str("late"));
    assert_null(members_find(&ch[1]->members, str("late")));
    state_part(&st, ch[1], str("m7"));
    state_join(&st, ch[1], str("late"));
    assert_non_null(members_find(&ch[1]->members, str("late")));

    /* who is known by nobody changes nothing */

    state_rename(&st, str("m79999"), str("other"));
    assert_null(members_find(&ch[2]->members, str("other")));
    assert_non_null(members_find(&ch[0]->members, str("other")));
    state_quit(&st, str("other"));
    assert_int_equal(ch[0]->members.count, 79999);

    state_done(&st);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_coming_and_going),
        cmocka_unit_test(test_sorted),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_mode_find),
        cmocka_unit_test(test_netsplit),
        cmocka_unit_test(test_isupport),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
