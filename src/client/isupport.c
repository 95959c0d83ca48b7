#include "isupport.h"

#include <string.h>

/* a server that says 0 or something absurd is not followed */
#define LINELEN_MIN 512
#define LINELEN_MAX EIRC_IRC_LINE_BUFFER


void
isupport_init(isupport_t *is)
{
    memset(is, 0, sizeof(isupport_t));

    is->casemap = EIRC_IRC_RFC1459;
    is->linelen = LINELEN_MIN;
    strcpy(is->prefix_modes, "ov");
    strcpy(is->prefix_chars, "@+");
    strcpy(is->chantypes, "#&");
    strcpy(is->modes_always, "beIk");
    strcpy(is->modes_set, "l");
}


/* Copies as much as there is room for. */
static void
string_set(char *dst, size_t size, eirc_slice_t src)
{
    if (src.len >= size) {
        src.len = size - 1;
    }

    if (src.len > 0) {
        memcpy(dst, src.p, src.len);
    }

    dst[src.len] = '\0';
}


static void
set_casemapping(isupport_t *is, eirc_slice_t value)
{
    (void) eirc_irc_casemap(value, &is->casemap);
}


/* (ov)@+; an empty value: there are no prefixes */
static void
set_prefix(isupport_t *is, eirc_slice_t value)
{
    size_t n;
    const uint8_t *close;

    if (value.len == 0) {
        is->prefix_modes[0] = '\0';
        is->prefix_chars[0] = '\0';
        return;
    }

    close = memchr(value.p, ')', value.len);

    if (value.p[0] != '(' || close == NULL) {
        return;
    }

    n = (size_t) (close - value.p) - 1;

    if (value.len != 2 * n + 2) {
        return;
    }

    /* the lowest ranks of too many are left out */

    n = n > ISUPPORT_PREFIXES_MAX ? ISUPPORT_PREFIXES_MAX : n;
    string_set(is->prefix_modes, sizeof(is->prefix_modes),
               eirc_slice(value.p + 1, n));
    string_set(is->prefix_chars, sizeof(is->prefix_chars),
               eirc_slice(close + 1, n));
}


static void
set_chantypes(isupport_t *is, eirc_slice_t value)
{
    string_set(is->chantypes, sizeof(is->chantypes), value);
}


/* A,B,C,D,...: A and B become one set */
static void
set_chanmodes(isupport_t *is, eirc_slice_t value)
{
    size_t i, n, always;
    unsigned group;

    always = 0;
    n = 0;
    group = 0;

    for (i = 0; i < value.len && group < 3; i++) {

        if (value.p[i] == ',') {
            group++;

        } else if (group < 2 && always + 1 < sizeof(is->modes_always)) {
            is->modes_always[always++] = (char) value.p[i];

        } else if (group == 2 && n + 1 < sizeof(is->modes_set)) {
            is->modes_set[n++] = (char) value.p[i];
        }
    }

    is->modes_always[always] = '\0';
    is->modes_set[n] = '\0';
}


/* A number up to max, or 0 for anything else. */
static uint32_t
number(eirc_slice_t value, uint32_t max)
{
    size_t i;
    uint32_t n;

    n = 0;

    for (i = 0; i < value.len; i++) {

        if (value.p[i] < '0' || value.p[i] > '9') {
            return 0;
        }

        n = n * 10 + (uint32_t) (value.p[i] - '0');

        if (n > max) {
            return max;
        }
    }

    return n;
}


static void
set_nicklen(isupport_t *is, eirc_slice_t value)
{
    is->nicklen = number(value, EIRC_IRC_NICK_MAX);
}


static void
set_channellen(isupport_t *is, eirc_slice_t value)
{
    is->channellen = number(value, EIRC_IRC_CHANNEL_MAX);
}


static void
set_linelen(isupport_t *is, eirc_slice_t value)
{
    is->linelen = number(value, LINELEN_MAX);

    if (is->linelen < LINELEN_MIN) {
        is->linelen = LINELEN_MIN;
    }
}


static void
set_network(isupport_t *is, eirc_slice_t value)
{
    string_set(is->network, sizeof(is->network), value);
}


static const struct {
    const char *name;
    void (*set)(isupport_t *is, eirc_slice_t value);
} tokens[] = {
    {"CASEMAPPING", set_casemapping}, {"CHANMODES", set_chanmodes},
    {"CHANNELLEN", set_channellen},   {"CHANTYPES", set_chantypes},
    {"LINELEN", set_linelen},         {"NETWORK", set_network},
    {"NICKLEN", set_nicklen},         {"PREFIX", set_prefix},
};

#define TOKENS (sizeof(tokens) / sizeof(tokens[0]))


/* The place of its name in the table, or that behind the last. */
static size_t
token_find(eirc_slice_t token, eirc_slice_t *value)
{
    size_t i;
    eirc_slice_t name;
    const uint8_t *equal;

    name = token;
    *value = eirc_slice(NULL, 0);
    equal = token.len > 0 ? memchr(token.p, '=', token.len) : NULL;

    if (equal != NULL) {
        name.len = (size_t) (equal - token.p);
        *value = eirc_slice(equal + 1, token.len - name.len - 1);
    }

    for (i = 0; i < TOKENS; i++) {

        if (eirc_slice_equal(name, eirc_slice_str(tokens[i].name))) {
            break;
        }
    }

    return i;
}


bool
isupport_is_known(eirc_slice_t token)
{
    eirc_slice_t value;

    return token_find(token, &value) < TOKENS;
}


void
isupport_token(isupport_t *is, eirc_slice_t token)
{
    size_t i;
    eirc_slice_t value;

    i = token_find(token, &value);

    if (i < TOKENS) {
        tokens[i].set(is, value);
    }
}


bool
isupport_is_channel(const isupport_t *is, eirc_slice_t name)
{
    return name.len > 0 && name.p[0] != '\0'
           && strchr(is->chantypes, name.p[0]) != NULL;
}


/* The bit of the place where a character stands in a string. */
static uint8_t
bit_of(const char *set, uint8_t c)
{
    const char *p;

    p = c == '\0' ? NULL : strchr(set, c);

    return p == NULL ? 0 : (uint8_t) (1u << (p - set));
}


uint8_t
isupport_prefix_mode(const isupport_t *is, uint8_t mode)
{
    return bit_of(is->prefix_modes, mode);
}


uint8_t
isupport_prefix_char(const isupport_t *is, uint8_t c)
{
    return bit_of(is->prefix_chars, c);
}
