/*
 * Lets anybody try src/lib with vectors of others: a JSON object on each line
 * of the input, and one on each line of the output. Operations have the names
 * of the files of ircdocs/parser-tests.
 *
 *     {"op": "msg-split", "input": LINE}             {"atoms": {...}}
 *     {"op": "msg-join", "atoms": {...}}             {"line": LINE}
 *     {"op": "userhost-split", "source": SOURCE}     {"atoms": {...}}
 *     {"op": "mask-match", "mask": M, "text": T}     {"matches": true|false}
 *
 * Atoms are tags (an object), source, verb, params (an array); or nick, user,
 * host; what isn't there is left out. A mask may be compared by another
 * "casemapping" than rfc1459. Whatever can't be done: {"error": WORDS}.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "eirc_irc.h"

#define LINE_SIZE 65536


static json_t *
fail(const char *words)
{
    return json_pack("{s:s}", "error", words);
}


static json_t *
string_of(eirc_slice_t s)
{
    return json_stringn(s.p == NULL ? "" : (const char *) s.p, s.len);
}


/* A member of an object that is a string; not there otherwise. */
static eirc_slice_t
member(const json_t *object, const char *name)
{
    const json_t *value;

    value = json_object_get(object, name);

    if (!json_is_string(value)) {
        return eirc_slice(NULL, 0);
    }

    return eirc_slice(json_string_value(value), json_string_length(value));
}


static void
put(json_t *object, const char *name, eirc_slice_t value)
{
    if (value.p != NULL) {
        (void) json_object_set_new(object, name, string_of(value));
    }
}


static json_t *
tags_split(eirc_slice_t tags)
{
    char name[EIRC_IRC_TAGS_MAX + 1];
    size_t len;
    json_t *object;
    uint8_t plain[EIRC_IRC_TAGS_MAX];
    eirc_slice_t key, value;

    object = json_object();

    while (eirc_irc_tag_next(&tags, &key, &value) == EIRC_OK) {
        memcpy(name, key.p, key.len);
        name[key.len] = '\0';

        if (eirc_irc_tag_unescape(plain, sizeof(plain), &len, value)
            == EIRC_OK) {
            put(object, name, eirc_slice(plain, len));
        }
    }

    return object;
}


static json_t *
msg_split(const json_t *request)
{
    unsigned i;
    json_t *atoms, *params;
    eirc_slice_t input;
    eirc_irc_msg_t msg;

    input = member(request, "input");

    if (input.p == NULL || eirc_irc_parse(&msg, input.p, input.len) != EIRC_OK)
    {
        return fail("no line");
    }

    atoms = json_object();

    if (msg.tags.p != NULL) {
        (void) json_object_set_new(atoms, "tags", tags_split(msg.tags));
    }

    put(atoms, "source", msg.source);
    put(atoms, "verb", msg.verb);

    if (msg.nparams > 0) {
        params = json_array();

        for (i = 0; i < msg.nparams; i++) {
            (void) json_array_append_new(params, string_of(msg.params[i]));
        }

        (void) json_object_set_new(atoms, "params", params);
    }

    return json_pack("{s:o}", "atoms", atoms);
}


/* The last parameter has its colon where it needs one. */
static void
params_join(eirc_irc_builder_t *b, const json_t *params)
{
    size_t i, n;
    const json_t *value;
    eirc_slice_t param;

    n = json_array_size(params);

    for (i = 0; i < n; i++) {
        value = json_array_get(params, i);
        param
            = eirc_slice(json_string_value(value), json_string_length(value));

        if (i + 1 == n
            && (param.len == 0 || param.p[0] == ':'
                || memchr(param.p, ' ', param.len) != NULL))
        {
            eirc_irc_build_trailing(b, param);

        } else {
            eirc_irc_build_param(b, param);
        }
    }
}


static json_t *
msg_join(json_t *request)
{
    size_t len;
    json_t *atoms, *value;
    uint8_t line[EIRC_IRC_LINE_BUFFER];
    const char *key;
    eirc_slice_t source;
    eirc_irc_builder_t b;

    atoms = json_object_get(request, "atoms");
    eirc_irc_build_init(&b, line, sizeof(line));

    json_object_foreach(json_object_get(atoms, "tags"), key, value)
    {
        eirc_irc_build_tag(
            &b, eirc_slice_str(key),
            eirc_slice(json_string_value(value), json_string_length(value)));
    }

    source = member(atoms, "source");

    if (source.p != NULL) {
        eirc_irc_build_source(&b, source);
    }

    eirc_irc_build_verb(&b, member(atoms, "verb"));
    params_join(&b, json_object_get(atoms, "params"));

    if (eirc_irc_build_finish(&b, &len) != EIRC_OK) {
        return fail("no line can be made of it");
    }

    return json_pack("{s:o}", "line", string_of(eirc_slice(line, len)));
}


static json_t *
userhost_split(const json_t *request)
{
    json_t *atoms;
    eirc_slice_t nick, user, host;

    eirc_irc_source_split(member(request, "source"), &nick, &user, &host);

    atoms = json_object();
    put(atoms, "nick", nick);
    put(atoms, "user", user);
    put(atoms, "host", host);

    return json_pack("{s:o}", "atoms", atoms);
}


static json_t *
mask_match(const json_t *request)
{
    bool matches;
    eirc_slice_t name;
    eirc_irc_casemap_e map;

    name = member(request, "casemapping");
    map = EIRC_IRC_RFC1459;

    if (name.p != NULL && !eirc_irc_casemap(name, &map)) {
        return fail("no such casemapping");
    }

    matches = eirc_irc_mask_match(map, member(request, "mask"),
                                  member(request, "text"));

    return json_pack("{s:b}", "matches", (int) matches);
}


static json_t *
answer(json_t *request)
{
    eirc_slice_t op;

    op = member(request, "op");

    if (eirc_slice_equal(op, EIRC_SLICE("msg-split"))) {
        return msg_split(request);
    }

    if (eirc_slice_equal(op, EIRC_SLICE("msg-join"))) {
        return msg_join(request);
    }

    if (eirc_slice_equal(op, EIRC_SLICE("userhost-split"))) {
        return userhost_split(request);
    }

    if (eirc_slice_equal(op, EIRC_SLICE("mask-match"))) {
        return mask_match(request);
    }

    return fail("no such operation");
}


int
main(void)
{
    char *text;
    json_t *request, *reply;
    static char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        request = json_loads(line, 0, NULL);
        reply = request == NULL ? fail("no JSON") : answer(request);
        text = json_dumps(reply, JSON_COMPACT | JSON_SORT_KEYS);

        (void) printf("%s\n", text == NULL ? "{}" : text);
        (void) fflush(stdout);

        free(text);
        json_decref(reply);
        json_decref(request);
    }

    return 0;
}
