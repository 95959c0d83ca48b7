/*
 * request: what comes in USER becomes somebody who can be registered, or is
 * refused; nothing that could not stand in an IRC line gets through.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "request.h"


static request_t r;
static _Alignas(16) uint8_t room[REQUEST_ROOM];


static int
take(const char *json)
{
    int rc;
    const char *why;

    why = NULL;
    rc = request_read(&r, json, strlen(json), room, &why);
    assert_int_equal(rc == EIRC_ERROR, why != NULL);

    return rc;
}


/* with these members of the user object behind a nick */
static int
user(const char *members)
{
    char json[4096];

    (void) snprintf(json, sizeof(json), "{\"user\":{\"nick\":\"n\"%s}}",
                    members);

    return take(json);
}


/* the channels, with spaces between them */
static const char *
channels(void)
{
    uint32_t cursor;
    eirc_slice_t name;
    static char out[16384];

    out[0] = '\0';
    cursor = 0;

    while (request_channel_next(&r, &cursor, &name) == EIRC_OK) {
        strcat(out, out[0] == '\0' ? "" : " ");
        strncat(out, (const char *) name.p, name.len);
    }

    return out;
}


static void
test_modes(void **state)
{
    (void) state;

    assert_int_equal(take("{\"user\":{\"nick\":\"n\"}}"), EIRC_OK);
    assert_int_equal(r.identity.mode, SESSION_EIRC);

    assert_int_equal(take("{\"user\":{\"nick\":\"n\"},\"mode\":\"text\"}"),
                     EIRC_OK);
    assert_int_equal(r.identity.mode, SESSION_TEXT);

    assert_int_equal(take("{\"user\":{\"nick\":\"n\"},\"mode\":\"binary\"}"),
                     EIRC_OK);
    assert_int_equal(r.identity.mode, SESSION_BINARY);
}


static void
test_whole(void **state)
{
    (void) state;

    assert_int_equal(
        take("{\"user\":{\"id\":7,\"nick\":\"alice\",\"realname\":\"Al Ice\","
             "\"username\":\"al\",\"account\":\"acc\",\"sasl_secret\":\"s\","
             "\"channels\":[\"one\",\"#two\",\"\"],\"profile\":null},"
             "\"address\":\"::1\",\"port\":1234,\"secure\":true,"
             "\"mode\":\"eirc\",\"flood_rate\":2000,\"flood_burst\":10,"
             "\"more\":[{}]}"),
        EIRC_OK);

    assert_string_equal(r.identity.nick, "alice");
    assert_string_equal(r.identity.realname, "Al Ice");
    assert_string_equal(r.identity.username, "al");
    assert_string_equal(r.identity.account, "acc");
    assert_string_equal(r.identity.address, "::1");
    assert_int_equal(r.identity.port, 1234);
    assert_int_equal(r.identity.secure, 1);
    assert_int_equal(r.identity.mode, SESSION_EIRC);
    assert_int_equal(r.identity.flood_rate, 2000);
    assert_int_equal(r.identity.flood_burst, 10);
    assert_string_equal(channels(), "#one #two");
}


static void
test_defaults(void **state)
{
    (void) state;

    assert_int_equal(take("{\"user\":{\"nick\":\"Al_[x]\"}}"), EIRC_OK);
    assert_string_equal(r.identity.realname, "Al_[x]");
    assert_string_equal(r.identity.username, "Al_x");
    assert_string_equal(channels(), "");

    assert_int_equal(user(",\"realname\":null,\"username\":null,"
                          "\"account\":null,\"channels\":null"),
                     EIRC_OK);
    assert_string_equal(r.identity.realname, "n");

    assert_int_equal(user(",\"realname\":\"\",\"username\":\"\","
                          "\"channels\":[]"),
                     EIRC_OK);
    assert_string_equal(r.identity.username, "n");

    assert_int_equal(take("{\"user\":{\"nick\":\"\xc3\xa4\"}}"), EIRC_OK);
    assert_string_equal(r.identity.username, "user");
}


static void
test_channels(void **state)
{
    int i;
    char json[4096], expected[4096];

    (void) state;

    assert_int_equal(user(",\"channels\":\"\""), EIRC_OK);
    assert_string_equal(channels(), "");
    assert_int_equal(user(",\"channels\":[\"\"]"), EIRC_OK);
    assert_string_equal(channels(), "");
    assert_int_equal(user(",\"channels\":\"#\""), EIRC_OK);
    assert_string_equal(channels(), "");
    assert_int_equal(user(",\"channels\":\"a, #b ,,&c,A,+d,!e\""), EIRC_OK);
    assert_string_equal(channels(), "#a #b &c +d !e");

    assert_int_equal(user(",\"channels\":[\"a,b\"]"), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":[1]"), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":7"), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":{}"), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":\"a b\""), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":\"a\\r\\nQUIT\""), EIRC_ERROR);
    assert_int_equal(user(",\"channels\":[\"a\\u0007\"]"), EIRC_ERROR);

    /* more than there is room for are left out, too long ones refused */

    strcpy(json, ",\"channels\":\"");
    expected[0] = '\0';

    for (i = 0; i < REQUEST_CHANNELS_MAX + 20; i++) {
        (void) sprintf(json + strlen(json), "c%d,", i);

        if (i < REQUEST_CHANNELS_MAX) {
            (void) sprintf(expected + strlen(expected), "%s#c%d",
                           i == 0 ? "" : " ", i);
        }
    }

    strcat(json, "\"");
    assert_int_equal(user(json), EIRC_OK);
    assert_string_equal(channels(), expected);

    (void) sprintf(json, ",\"channels\":\"%0199d\"", 0);
    assert_int_equal(user(json), EIRC_OK);
    (void) sprintf(json, ",\"channels\":\"%0200d\"", 0);
    assert_int_equal(user(json), EIRC_ERROR);
}


/* with these members beside the user object */
static int
location(const char *members)
{
    char json[4096];

    (void) snprintf(json, sizeof(json), "{\"user\":{\"nick\":\"n\"}%s}",
                    members);

    return take(json);
}


static void
test_location(void **state)
{
    unsigned i;
    char json[1024];
    static const char *const refused[] = {
        ",\"password\":\"\"",
        ",\"password\":7",
        ",\"password\":\"a\\nb\"",
        ",\"webirc\":{}",
        ",\"webirc\":\"a\"",
        ",\"webirc\":null",
        ",\"address\":\"::1\",\"webirc\":{\"password\":\"a\"}",
        ",\"address\":\"::1\",\"webirc\":{\"gateway\":\"a\"}",
        ",\"address\":\"::1\",\"webirc\":{\"password\":\"a b\","
        "\"gateway\":\"g\"}",
        ",\"address\":\"::1\",\"webirc\":{\"password\":\"a\","
        "\"gateway\":\":g\"}",
        ",\"webirc\":{\"password\":\"a\",\"gateway\":\"g\"}",
        ",\"address\":\"host\",\"webirc\":{\"password\":\"a\","
        "\"gateway\":\"g\"}",
        ",\"sasl\":\"on\"",
        ",\"sasl\":true",
        ",\"mechanisms\":\"\"",
        ",\"mechanisms\":\"FOO\"",
        ",\"mechanisms\":\"ECDSA-NIST256P-CHALLENGE\"",
        ",\"mechanisms\":[\"PLAIN\"]",
        ",\"local_port\":65536",
        ",\"local_port\":\"1\"",
    };

    (void) state;

    assert_int_equal(location(""), EIRC_OK);
    assert_string_equal(r.secrets.password, "");
    assert_string_equal(r.secrets.webirc, "");
    assert_int_equal(r.secrets.mechanisms, EIRC_SASL_PASSWORD);
    assert_false(r.secrets.required);
    assert_int_equal(r.identity.local_port, 0);

    assert_int_equal(
        location(",\"address\":\"192.0.2.1\",\"local_port\":443,"
                 "\"webirc\":{\"password\":\"a:\\\"\",\"gateway\":\"g.h\"},"
                 "\"password\":\": b \",\"sasl\":\"required\","
                 "\"mechanisms\":\"EXTERNAL,FOO,PLAIN\""),
        EIRC_OK);
    assert_string_equal(r.secrets.webirc, "a:\"");
    assert_string_equal(r.secrets.gateway, "g.h");
    assert_string_equal(r.secrets.password, ": b ");
    assert_int_equal(r.secrets.mechanisms,
                     EIRC_SASL_BIT(EIRC_SASL_EXTERNAL)
                         | EIRC_SASL_BIT(EIRC_SASL_PLAIN));
    assert_true(r.secrets.required);
    assert_int_equal(r.identity.local_port, 443);

    assert_int_equal(location(",\"sasl\":\"off\""), EIRC_OK);
    assert_int_equal(r.secrets.mechanisms, 0);
    assert_int_equal(location(",\"sasl\":\"optional\""), EIRC_OK);
    assert_int_equal(r.secrets.mechanisms, EIRC_SASL_PASSWORD);

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(location(refused[i]), EIRC_ERROR);
    }

    /* the longest, and one byte more */

    (void) sprintf(json, ",\"password\":\"%0255d\"", 0);
    assert_int_equal(location(json), EIRC_OK);
    (void) sprintf(json, ",\"password\":\"%0256d\"", 0);
    assert_int_equal(location(json), EIRC_ERROR);
}


static void
test_refused(void **state)
{
    unsigned i;
    static const char *const objects[] = {
        "",
        "x",
        "[]",
        "7",
        "{}",
        "{\"user\":{}}",
        "{\"user\":[]}",
        "{\"user\":{\"nick\":null}}",
        "{\"user\":{\"nick\":7}}",
        "{\"user\":{\"nick\":\"\"}}",
        "{\"user\":{\"nick\":\"a b\"}}",
        "{\"user\":{\"nick\":\"a\\nb\"}}",
        "{\"user\":{\"nick\":\"a\\u0000b\"}}",
        "{\"user\":{\"nick\":\":a\"}}",
        "{\"user\":{\"nick\":\"client\"}}",
        "{\"user\":{\"nick\":\"Client\"}}",
        "{\"user\":{\"nick\":\"n\"},\"mode\":\"other\"}",
        "{\"user\":{\"nick\":\"n\"},\"mode\":1}",
        "{\"user\":{\"nick\":\"n\"},\"port\":65536}",
        "{\"user\":{\"nick\":\"n\"},\"port\":-1}",
        "{\"user\":{\"nick\":\"n\"},\"port\":\"1\"}",
        "{\"user\":{\"nick\":\"n\"},\"secure\":1}",
        "{\"user\":{\"nick\":\"n\"},\"flood_rate\":1.5}",
        "{\"user\":{\"nick\":\"n\"},\"flood_burst\":-1}",
        "{\"user\":{\"nick\":\"n\"},\"address\":[]}",
        "{\"user\":{\"nick\":\"n\"},\"address\":\"a\\nb\"}",
    };
    static const char *const members[] = {
        ",\"realname\":7",          ",\"realname\":\"a\\rb\"",
        ",\"username\":\"a b\"",    ",\"username\":\"a@b\"",
        ",\"account\":\"a\\nb\"",   ",\"sasl_secret\":\"a\\nb\"",
        ",\"sasl_secret\":[\"a\"]", ",\"realname\":\"\\u0000\"",
    };

    (void) state;

    for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        assert_int_equal(take(objects[i]), EIRC_ERROR);
    }

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        assert_int_equal(user(members[i]), EIRC_ERROR);
    }

    /* and the next one is served as ever */

    assert_int_equal(user(""), EIRC_OK);
}


static void
test_long(void **state)
{
    char json[2048];
    size_t len;

    (void) state;

    /* a long real name is cut between two characters */

    strcpy(json, ",\"realname\":\"x");

    for (len = 0; len < 200; len++) {
        strcat(json, "\xc3\xa4");
    }

    strcat(json, "\"");
    assert_int_equal(user(json), EIRC_OK);
    assert_int_equal(strlen(r.identity.realname), 255);

    (void) sprintf(json, ",\"account\":\"%065d\"", 0);
    assert_int_equal(user(json), EIRC_ERROR);
    (void) sprintf(json, ",\"username\":\"%065d\"", 0);
    assert_int_equal(user(json), EIRC_ERROR);
    (void) sprintf(json, "{\"user\":{\"nick\":\"n%064d\"}}", 0);
    assert_int_equal(take(json), EIRC_ERROR);
}


/* What takes the most memory of what fits in a record. */
static void
test_heavy(void **state)
{
    char *json;
    unsigned i, n;
    static const char *const pieces[]
        = {"[", "[],", "{\"a\":{}},", "1,", "\"\","};

    (void) state;

    json = malloc(EIRC_LINK_USER_MAX + 64);
    assert_non_null(json);

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        strcpy(json, "{\"user\":{\"nick\":\"n\"},\"x\":[");
        n = (unsigned) strlen(json);

        while (n + 40 < EIRC_LINK_USER_MAX) {
            n += (unsigned) sprintf(json + n, "%s", pieces[i]);
        }

        strcpy(json + n, "1]}");
        (void) take(json);
    }

    strcpy(json, "{\"user\":{\"nick\":\"n\"}");
    n = (unsigned) strlen(json);

    for (i = 0; n + 40 < EIRC_LINK_USER_MAX; i++) {
        n += (unsigned) sprintf(json + n, ",\"%x\":1", i);
    }

    strcpy(json + n, "}");
    assert_int_equal(take(json), EIRC_OK);

    free(json);
}


/* with these members beside the user object; '#' is a table */
static int
beside(const char *members)
{
    size_t len;
    char json[4096];
    eirc_charset_t cs;

    assert_int_equal(eirc_charset_find(&cs, "koi8-r"), EIRC_OK);
    len = (size_t) sprintf(json, "{\"user\":{\"nick\":\"n\"}");

    for (; *members != '\0'; members++) {

        if (*members == '#') {
            len += eirc_charset_write((uint8_t *) json + len, &cs);

        } else {
            json[len++] = *members;
        }
    }

    json[len++] = '}';
    json[len] = '\0';

    return take(json);
}


static void
test_charsets(void **state)
{
    size_t i;
    static const char *const refused[] = {
        ",\"charset\":\"\"",
        ",\"charset\":7",
        ",\"charset\":null",
        ",\"charset\":\"x#\"",
        ",\"charset\":\"##\"",
        ",\"charset_out\":\"abc\"",
        ",\"charset_all\":true",
        ",\"charset\":\"#\",\"charset_all\":1",
        ",\"charset_out\":\"#\",\"charset_all\":true",
    };

    (void) state;

    assert_int_equal(beside(""), EIRC_OK);
    assert_int_equal(r.identity.charsets, 0);
    assert_int_equal(beside(",\"charset\":\"#\""), EIRC_OK);
    assert_int_equal(r.identity.charsets, SESSION_CHARSET_IN);
    assert_int_equal(r.charsets.in.high[0xc1 - 0x80], 0x0430);
    assert_int_equal(
        beside(
            ",\"charset\":\"#\",\"charset_all\":true,\"charset_out\":\"#\""),
        EIRC_OK);
    assert_int_equal(r.identity.charsets, SESSION_CHARSET_IN
                                              | SESSION_CHARSET_ALL
                                              | SESSION_CHARSET_OUT);
    assert_int_equal(r.charsets.out.high[0xc1 - 0x80], 0x0430);
    assert_int_equal(beside(",\"charset_all\":false"), EIRC_OK);

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(beside(refused[i]), EIRC_ERROR);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),    cmocka_unit_test(test_modes),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_channels),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_long),
        cmocka_unit_test(test_heavy),    cmocka_unit_test(test_location),
        cmocka_unit_test(test_charsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
