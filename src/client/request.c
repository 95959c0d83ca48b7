#include "request.h"

#include "address.h"

#include "eirc_utf8.h"

#include <jansson.h>
#include <string.h>
#include <sys/auxv.h>

#define FLOOD_RATE_MAX 1000000000
#define FLOOD_BURST_MAX 1000000


/* jansson has one allocator for all: this is its memory, while it reads. Where
 * a worker writes anyhow, as worker.c says. */
static _Thread_local struct {
    uint8_t *base;
    size_t used;
} arena;

static bool prepared;


static void *
arena_alloc(size_t size)
{
    void *p;

    size = (size + 15) / 16 * 16;

    if (arena.base == NULL || size > REQUEST_ROOM - arena.used) {
        return NULL;
    }

    p = arena.base + arena.used;
    arena.used += size;

    return p;
}


static void
arena_free(void *p)
{
    (void) p;
}


void
request_init(request_t *r)
{
    memset(&r->identity, 0, sizeof(session_identity_t));
    memset(&r->charsets, 0, sizeof(session_charsets_t));
    memset(&r->secrets, 0, sizeof(secrets_t));
    r->secrets.mechanisms = EIRC_SASL_PASSWORD;
    r->nchannels = 0;
    r->used = 0;
}


static int
refuse(const char **error, const char *why)
{
    *error = why;
    return EIRC_ERROR;
}


/* Copies a value that was checked; cut, between characters, to its room. */
static void
string_set(char *dst, size_t size, eirc_slice_t value)
{
    if (value.len >= size) {
        value.len = eirc_utf8_prefix(value.p, size - 1);
    }

    if (value.len > 0) {
        memcpy(dst, value.p, value.len);
    }

    dst[value.len] = '\0';
}


int
request_set(request_t *r, const char *name, eirc_slice_t value,
            const char **error)
{
    session_identity_t *id;

    id = &r->identity;

    if (!eirc_irc_text_valid(value) || !eirc_utf8_valid(value.p, value.len)) {
        return refuse(error, "a string of the user object can't stand in an"
                             " IRC line");
    }

    if (strcmp(name, "nick") == 0) {

        if (!eirc_irc_nick_valid(value)) {
            return refuse(error, "the nick can't be used");
        }

        string_set(id->nick, sizeof(id->nick), value);

    } else if (strcmp(name, "username") == 0) {

        if (value.len > 0 && !eirc_irc_user_valid(value)) {
            return refuse(error, "the username can't be used");
        }

        string_set(id->username, sizeof(id->username), value);

    } else if (strcmp(name, "realname") == 0) {
        string_set(id->realname, sizeof(id->realname), value);

    } else if (strcmp(name, "account") == 0) {

        if (value.len >= sizeof(id->account)) {
            return refuse(error, "the account is too long");
        }

        string_set(id->account, sizeof(id->account), value);

    } else if (strcmp(name, "sasl_secret") == 0) {

        if (value.len >= sizeof(r->secrets.secret)) {
            return refuse(error, "the secret is too long");
        }

        string_set(r->secrets.secret, sizeof(r->secrets.secret), value);
    }

    return EIRC_OK;
}


int
request_channel_next(const request_t *r, uint32_t *cursor, eirc_slice_t *name)
{
    if (*cursor == r->used) {
        return EIRC_DONE;
    }

    *name = eirc_slice(r->channels + *cursor + 1, r->channels[*cursor]);
    *cursor += 1 + r->channels[*cursor];

    return EIRC_OK;
}


/* Adds one channel, with or without its prefix, unless it is there. */
static int
channel_add(request_t *r, eirc_slice_t name, const char **error)
{
    uint8_t *p;
    uint32_t cursor;
    size_t prefix;
    eirc_slice_t other;

    name = eirc_slice_trim(name);

    if (name.len == 0) {
        return EIRC_OK;
    }

    prefix = strchr("#&+!", name.p[0]) == NULL;

    if (prefix + name.len > EIRC_IRC_CHANNEL_MAX) {
        return refuse(error, "a channel's name is too long");
    }

    if (r->nchannels == REQUEST_CHANNELS_MAX) {
        return EIRC_OK;
    }

    p = r->channels + r->used;
    p[0] = (uint8_t) (prefix + name.len);
    p[1] = '#';
    memcpy(p + 1 + prefix, name.p, name.len);
    name = eirc_slice(p + 1, p[0]);

    /* a lone prefix is what an empty name becomes */

    if (name.len == 1) {
        return EIRC_OK;
    }

    if (!eirc_irc_channel_valid(name)) {
        return refuse(error, "a channel's name can't be used");
    }

    cursor = 0;

    while (request_channel_next(r, &cursor, &other) == EIRC_OK) {

        if (eirc_irc_equal(EIRC_IRC_ASCII, name, other)) {
            return EIRC_OK;
        }
    }

    r->used += 1 + p[0];
    r->nchannels++;

    return EIRC_OK;
}


int
request_channels(request_t *r, eirc_slice_t list, const char **error)
{
    size_t start, i;

    start = 0;

    for (i = 0; i <= list.len; i++) {

        if (i < list.len && list.p[i] != ',') {
            continue;
        }

        if (i > start
            && channel_add(r, eirc_slice(list.p + start, i - start), error)
                   != EIRC_OK)
        {
            return EIRC_ERROR;
        }

        start = i + 1;
    }

    return EIRC_OK;
}


void
request_username(char *username, eirc_slice_t words)
{
    size_t i, n;
    uint8_t c;

    n = 0;

    for (i = 0; i < words.len && n < EIRC_IRC_USER_MAX; i++) {
        c = words.p[i];

        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z')
            || (n > 0 && (c == '_' || c == '-' || c == '.')))
        {
            username[n++] = (char) c;
        }
    }

    username[n] = '\0';

    if (n == 0) {
        strcpy(username, "user");
    }
}


int
request_finish(request_t *r, const char **error)
{
    session_identity_t *id;

    id = &r->identity;

    if (id->nick[0] == '\0') {
        return refuse(error, "the user object has no nick");
    }

    if (id->realname[0] == '\0') {
        strcpy(id->realname, id->nick);
    }

    if (id->username[0] == '\0') {
        request_username(id->username, eirc_slice_str(id->nick));
    }

    return EIRC_OK;
}


static eirc_slice_t
json_slice(const json_t *value)
{
    return eirc_slice(json_string_value(value), json_string_length(value));
}


static int
channels_read(request_t *r, const json_t *value, const char **error)
{
    size_t i;
    const json_t *name;

    if (value == NULL || json_is_null(value)) {
        return EIRC_OK;
    }

    if (json_is_string(value)) {
        return request_channels(r, json_slice(value), error);
    }

    if (!json_is_array(value)) {
        return refuse(error, "channels are neither an array nor a string");
    }

    for (i = 0; i < json_array_size(value); i++) {
        name = json_array_get(value, i);

        if (!json_is_string(name)) {
            return refuse(error, "a channel's name is no string");
        }

        if (memchr(json_string_value(name), ',', json_string_length(name))
                != NULL
            || channel_add(r, json_slice(name), error) != EIRC_OK)
        {
            return refuse(error, "a channel's name can't be used");
        }
    }

    return EIRC_OK;
}


static int
user_read(request_t *r, const json_t *user, const char **error)
{
    unsigned i;
    const json_t *value;
    static const char *const names[]
        = {"nick", "username", "realname", "account", "sasl_secret"};

    if (!json_is_object(user)) {
        return refuse(error, "there is no user object");
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = json_object_get(user, names[i]);

        if (value == NULL || (json_is_null(value) && i > 0)) {
            continue;
        }

        if (!json_is_string(value)) {
            return refuse(error, "a member of the user object is no string");
        }

        if (request_set(r, names[i], json_slice(value), error) != EIRC_OK) {
            return EIRC_ERROR;
        }
    }

    return channels_read(r, json_object_get(user, "channels"), error);
}


/* An integer from 0 to max; what isn't there leaves *n as it is. */
static int
number_read(uint32_t *n, const json_t *value, json_int_t max)
{
    if (value == NULL) {
        return EIRC_OK;
    }

    if (!json_is_integer(value) || json_integer_value(value) < 0
        || json_integer_value(value) > max)
    {
        return EIRC_ERROR;
    }

    *n = (uint32_t) json_integer_value(value);

    return EIRC_OK;
}


static int
mode_read(uint32_t *mode, const json_t *value)
{
    uint32_t i;
    static const eirc_slice_t modes[SESSION_MODES] = {
        [SESSION_EIRC] = EIRC_SLICE("eirc"),
        [SESSION_TEXT] = EIRC_SLICE("text"),
        [SESSION_BINARY] = EIRC_SLICE("binary"),
    };

    for (i = 0; i < SESSION_MODES; i++) {

        if (json_is_string(value)
            && eirc_slice_equal(json_slice(value), modes[i])) {
            *mode = i;
            return EIRC_OK;
        }
    }

    return EIRC_ERROR;
}


/* A string that the location gives; what isn't there leaves out as it is. */
static int
location_string(char *out, size_t size, const json_t *value,
                bool (*valid)(eirc_slice_t))
{
    eirc_slice_t s;

    if (value == NULL) {
        return EIRC_OK;
    }

    s = json_slice(value);

    if (!json_is_string(value) || s.len == 0 || s.len >= size || !valid(s)) {
        return EIRC_ERROR;
    }

    string_set(out, size, s);

    return EIRC_OK;
}


/* Whether there is to be a login by SASL, and how. */
static int
sasl_read(secrets_t *secrets, const json_t *policy, const json_t *mechanisms)
{
    if (mechanisms != NULL) {
        secrets->mechanisms = eirc_sasl_set(json_slice(mechanisms))
                              & ~EIRC_SASL_BIT(EIRC_SASL_ECDSA);

        if (secrets->mechanisms == 0) {
            return EIRC_ERROR;
        }
    }

    if (policy == NULL
        || eirc_slice_equal(json_slice(policy), EIRC_SLICE("optional")))
    {
        return EIRC_OK;
    }

    if (eirc_slice_equal(json_slice(policy), EIRC_SLICE("required"))) {
        secrets->required = true;
        return EIRC_OK;
    }

    if (eirc_slice_equal(json_slice(policy), EIRC_SLICE("off"))) {
        secrets->mechanisms = 0;
        return EIRC_OK;
    }

    return EIRC_ERROR;
}


/* What the location of nginx has for all its users. */
static int
location_read(request_t *r, const json_t *root, const char **error)
{
    char address[ADDRESS_SIZE];
    const json_t *webirc;
    secrets_t *secrets;

    secrets = &r->secrets;
    webirc = json_object_get(root, "webirc");

    if (location_string(secrets->password, sizeof(secrets->password),
                        json_object_get(root, "password"), eirc_irc_text_valid)
            != EIRC_OK
        || location_string(secrets->webirc, sizeof(secrets->webirc),
                           json_object_get(webirc, "password"),
                           eirc_irc_word_valid)
               != EIRC_OK
        || location_string(secrets->gateway, sizeof(secrets->gateway),
                           json_object_get(webirc, "gateway"),
                           eirc_irc_word_valid)
               != EIRC_OK
        || sasl_read(secrets, json_object_get(root, "sasl"),
                     json_object_get(root, "mechanisms"))
               != EIRC_OK)
    {
        return refuse(error, "what the location says can't be used");
    }

    if (webirc == NULL) {
        return EIRC_OK;
    }

    if (secrets->webirc[0] == '\0' || secrets->gateway[0] == '\0') {
        return refuse(error, "what the location says can't be used");
    }

    if (!address_write(address, r->identity.address)) {
        return refuse(error, "the address is no address");
    }

    return EIRC_OK;
}


/* A table of characters, if there is one. */
static int
charset_read(request_t *r, eirc_charset_t *cs, uint32_t flag,
             const json_t *value)
{
    eirc_slice_t text;

    if (value == NULL) {
        return EIRC_OK;
    }

    text = json_slice(value);
    r->identity.charsets |= flag;

    return json_is_string(value)
                   && eirc_charset_read(cs, text.p, text.len) == EIRC_OK
               ? EIRC_OK
               : EIRC_ERROR;
}


static int
charsets_read(request_t *r, const json_t *root, const char **error)
{
    const json_t *all;

    all = json_object_get(root, "charset_all");

    if (json_is_true(all)) {
        r->identity.charsets |= SESSION_CHARSET_ALL;
    }

    if ((all != NULL && !json_is_boolean(all))
        || charset_read(r, &r->charsets.in, SESSION_CHARSET_IN,
                        json_object_get(root, "charset"))
               != EIRC_OK
        || charset_read(r, &r->charsets.out, SESSION_CHARSET_OUT,
                        json_object_get(root, "charset_out"))
               != EIRC_OK
        || (r->identity.charsets & (SESSION_CHARSET_ALL | SESSION_CHARSET_IN))
               == SESSION_CHARSET_ALL)
    {
        return refuse(error, "a set of characters is none");
    }

    return EIRC_OK;
}


static int
root_read(request_t *r, const json_t *root, const char **error)
{
    eirc_slice_t address;
    const json_t *value;
    session_identity_t *id;

    if (!json_is_object(root)) {
        return refuse(error, "it is no JSON object");
    }

    id = &r->identity;
    value = json_object_get(root, "mode");

    if (value != NULL && mode_read(&id->mode, value) != EIRC_OK) {
        return refuse(error, "the mode is none that is served");
    }

    value = json_object_get(root, "address");
    address = json_slice(value);

    if (value != NULL
        && (!json_is_string(value) || address.len > SESSION_ADDRESS_MAX
            || !eirc_irc_text_valid(address)))
    {
        return refuse(error, "the address is no address");
    }

    string_set(id->address, sizeof(id->address), address);

    value = json_object_get(root, "secure");
    id->secure = json_is_true(value);

    if ((value != NULL && !json_is_boolean(value))
        || number_read(&id->port, json_object_get(root, "port"), 65535)
               != EIRC_OK
        || number_read(&id->local_port, json_object_get(root, "local_port"),
                       65535)
               != EIRC_OK
        || number_read(&id->flood_rate, json_object_get(root, "flood_rate"),
                       FLOOD_RATE_MAX)
               != EIRC_OK
        || number_read(&id->flood_burst, json_object_get(root, "flood_burst"),
                       FLOOD_BURST_MAX)
               != EIRC_OK)
    {
        return refuse(error, "a number or flag is out of bounds");
    }

    if (location_read(r, root, error) != EIRC_OK
        || charsets_read(r, root, error) != EIRC_OK)
    {
        return EIRC_ERROR;
    }

    return user_read(r, json_object_get(root, "user"), error);
}


/* jansson would open a file for a seed of its hashes. */
void
request_prepare(void)
{
    size_t seed;
    const void *random;

    seed = (size_t) (uintptr_t) &seed;
    random = (const void *) (uintptr_t) getauxval(AT_RANDOM);

    if (random != NULL) {
        memcpy(&seed, random, sizeof(seed));
    }

    json_object_seed(seed | 1);

    json_set_alloc_funcs(arena_alloc, arena_free);
    prepared = true;
}


int
request_read(request_t *r, const void *json, size_t len, void *room,
             const char **error)
{
    int rc;
    json_t *root;

    request_init(r);

    arena.used = 0;
    arena.base = room;

    if (!prepared) {
        request_prepare();
    }

    root = json_loadb(json, len, 0, NULL);
    rc = root_read(r, root, error);

    explicit_bzero(arena.base, arena.used);
    arena.base = NULL;

    if (rc != EIRC_OK) {
        return rc;
    }

    return request_finish(r, error);
}
