#include "eirc_irc.h"

/* states of a builder, in the order of a line */
enum {
    BUILD_NOTHING, /* zero, so that a new builder is zeroed */
    BUILD_TAGS,
    BUILD_SOURCE,
    BUILD_PARAMS, /* the verb is there */
    BUILD_TRAILING,
    BUILD_FAILED
};


/* text without a space, and not empty */
static bool
is_word(eirc_slice_t s)
{
    return s.len > 0 && eirc_irc_text_valid(s)
           && memchr(s.p, ' ', s.len) == NULL;
}


static bool
is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}


/* parsing */


static const uint8_t *
find_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p != ' ') {
        p++;
    }

    return p;
}


static const uint8_t *
skip_spaces(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p == ' ') {
        p++;
    }

    return p;
}


static eirc_slice_t
between(const uint8_t *p, const uint8_t *end)
{
    return eirc_slice(p, (size_t) (end - p));
}


static void
parse_params(eirc_irc_msg_t *msg, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q;

    for (;;) {
        p = skip_spaces(p, end);

        if (p == end) {
            return;
        }

        if (*p == ':') {
            msg->trailing = true;
            msg->params[msg->nparams++] = between(p + 1, end);
            return;
        }

        if (msg->nparams == EIRC_IRC_PARAMS_MAX - 1) {
            msg->params[msg->nparams++] = between(p, end);
            return;
        }

        q = find_space(p, end);
        msg->params[msg->nparams++] = between(p, q);
        p = q;
    }
}


int
eirc_irc_parse(eirc_irc_msg_t *msg, const uint8_t *line, size_t len)
{
    const uint8_t *p, *q, *end;
    const eirc_slice_t none = {NULL, 0};

    msg->tags = none;
    msg->source = none;
    msg->nick = none;
    msg->user = none;
    msg->host = none;
    msg->verb = none;
    msg->nparams = 0;
    msg->trailing = false;

    if (len == 0 || !eirc_irc_text_valid(eirc_slice(line, len))) {
        return EIRC_ERROR;
    }

    p = line;
    end = line + len;

    if (*p == '@') {
        q = memchr(p, ' ', len);

        if (q == NULL || q - p + 1 > EIRC_IRC_TAGS_MAX) {
            return EIRC_ERROR;
        }

        msg->tags = between(p + 1, q);
        p = skip_spaces(q, end);
    }

    if (p < end && *p == ':') {
        q = find_space(p, end);

        if (q == p + 1) {
            return EIRC_ERROR;
        }

        msg->source = between(p + 1, q);
        eirc_irc_source_split(msg->source, &msg->nick, &msg->user, &msg->host);
        p = skip_spaces(q, end);
    }

    q = find_space(p, end);

    if (q == p) {
        return EIRC_ERROR;
    }

    msg->verb = between(p, q);
    parse_params(msg, q, end);

    return EIRC_OK;
}


eirc_slice_t
eirc_irc_param(const eirc_irc_msg_t *msg, unsigned i)
{
    return i < msg->nparams ? msg->params[i] : eirc_slice(NULL, 0);
}


bool
eirc_irc_verb_is(const eirc_irc_msg_t *msg, const char *upper)
{
    return eirc_irc_equal(EIRC_IRC_ASCII, msg->verb, eirc_slice_str(upper));
}


void
eirc_irc_source_split(eirc_slice_t source, eirc_slice_t *nick,
                      eirc_slice_t *user, eirc_slice_t *host)
{
    const uint8_t *p, *end, *bang, *at;

    *nick = source;
    *user = eirc_slice(NULL, 0);
    *host = eirc_slice(NULL, 0);

    if (source.len == 0) {
        return;
    }

    end = source.p + source.len;
    bang = NULL;
    at = end;

    for (p = source.p; p < end; p++) {
        if (*p == '@') {
            at = p;
            *host = between(p + 1, end);
            break;
        }

        if (*p == '!' && bang == NULL) {
            bang = p;
        }
    }

    if (bang != NULL) {
        *user = between(bang + 1, at);
        *nick = between(source.p, bang);

    } else {
        *nick = between(source.p, at);
    }
}


/* building */


static void
build_put(eirc_irc_builder_t *b, const void *p, size_t len)
{
    if (len > (size_t) (b->end - b->pos)) {
        b->state = BUILD_FAILED;
        return;
    }

    if (len > 0) {
        memcpy(b->pos, p, len);
        b->pos += len;
    }
}


/* from here on the tags are whole, if there are any */
static void
build_end_tags(eirc_irc_builder_t *b)
{
    if (b->state != BUILD_TAGS) {
        return;
    }

    build_put(b, " ", 1);

    if (b->pos - b->start > EIRC_IRC_TAGS_MAX) {
        b->state = BUILD_FAILED;
    }

    b->content = b->pos;
}


void
eirc_irc_build_init(eirc_irc_builder_t *b, uint8_t *buf, size_t cap)
{
    b->start = buf;
    b->pos = buf;
    b->end = buf + cap;
    b->content = buf;
    b->nparams = 0;
    b->state = BUILD_NOTHING;
}


/* letters, digits, '-', and what joins vendor and client prefix to them */
static bool
tag_key_valid(eirc_slice_t key)
{
    size_t i;
    uint8_t c;

    for (i = 0; i < key.len; i++) {
        c = key.p[i];

        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '/'
            && c != '+')
        {
            return false;
        }
    }

    return key.len > 0;
}


void
eirc_irc_build_tag(eirc_irc_builder_t *b, eirc_slice_t key, eirc_slice_t value)
{
    size_t len;

    if (b->state > BUILD_TAGS || !tag_key_valid(key)) {
        b->state = BUILD_FAILED;
        return;
    }

    build_put(b, b->state == BUILD_NOTHING ? "@" : ";", 1);
    build_put(b, key.p, key.len);

    if (value.len > 0) {
        build_put(b, "=", 1);

        if (eirc_irc_tag_escape(b->pos, (size_t) (b->end - b->pos), &len,
                                value)
            != EIRC_OK)
        {
            b->state = BUILD_FAILED;
            return;
        }

        b->pos += len;
    }

    if (b->state != BUILD_FAILED) {
        b->state = BUILD_TAGS;
    }
}


void
eirc_irc_build_source(eirc_irc_builder_t *b, eirc_slice_t source)
{
    if (b->state > BUILD_TAGS || !is_word(source)) {
        b->state = BUILD_FAILED;
        return;
    }

    build_end_tags(b);
    build_put(b, ":", 1);
    build_put(b, source.p, source.len);
    build_put(b, " ", 1);

    if (b->state != BUILD_FAILED) {
        b->state = BUILD_SOURCE;
    }
}


void
eirc_irc_build_verb(eirc_irc_builder_t *b, eirc_slice_t verb)
{
    size_t i;

    if (b->state > BUILD_SOURCE || verb.len == 0) {
        b->state = BUILD_FAILED;
        return;
    }

    for (i = 0; i < verb.len; i++) {
        if (!is_letter(verb.p[i]) && !is_digit(verb.p[i])) {
            b->state = BUILD_FAILED;
            return;
        }
    }

    build_end_tags(b);
    build_put(b, verb.p, verb.len);

    if (b->state != BUILD_FAILED) {
        b->state = BUILD_PARAMS;
    }
}


void
eirc_irc_build_param(eirc_irc_builder_t *b, eirc_slice_t param)
{
    if (b->state != BUILD_PARAMS || b->nparams == EIRC_IRC_PARAMS_MAX
        || !is_word(param) || param.p[0] == ':')
    {
        b->state = BUILD_FAILED;
        return;
    }

    b->nparams++;
    build_put(b, " ", 1);
    build_put(b, param.p, param.len);
}


void
eirc_irc_build_trailing(eirc_irc_builder_t *b, eirc_slice_t param)
{
    if (b->state != BUILD_PARAMS || b->nparams == EIRC_IRC_PARAMS_MAX
        || !eirc_irc_text_valid(param))
    {
        b->state = BUILD_FAILED;
        return;
    }

    b->nparams++;
    b->state = BUILD_TRAILING;
    build_put(b, " :", 2);
    build_put(b, param.p, param.len);
}


int
eirc_irc_build_finish(eirc_irc_builder_t *b, size_t *len)
{
    if ((b->state != BUILD_PARAMS && b->state != BUILD_TRAILING)
        || b->pos - b->content > EIRC_IRC_CONTENT_MAX)
    {
        return EIRC_ERROR;
    }

    *len = (size_t) (b->pos - b->start);

    return EIRC_OK;
}


/* tags */


int
eirc_irc_tag_next(eirc_slice_t *rest, eirc_slice_t *key, eirc_slice_t *value)
{
    const uint8_t *p, *end, *tag_end, *equals;

    p = rest->p;
    end = rest->len > 0 ? p + rest->len : p;

    while (p < end && *p == ';') {
        p++;
    }

    if (p == end) {
        *rest = eirc_slice(NULL, 0);
        return EIRC_DONE;
    }

    tag_end = memchr(p, ';', (size_t) (end - p));

    if (tag_end == NULL) {
        tag_end = end;
    }

    equals = memchr(p, '=', (size_t) (tag_end - p));

    if (equals == NULL) {
        *key = between(p, tag_end);
        *value = eirc_slice(NULL, 0);

    } else {
        *key = between(p, equals);
        *value = between(equals + 1, tag_end);
    }

    *rest = between(tag_end, end);

    return EIRC_OK;
}


bool
eirc_irc_tag_get(eirc_slice_t tags, eirc_slice_t key, eirc_slice_t *value)
{
    bool found;
    eirc_slice_t k, v;

    found = false;

    while (eirc_irc_tag_next(&tags, &k, &v) == EIRC_OK) {
        if (eirc_slice_equal(k, key)) {
            *value = v;
            found = true;
        }
    }

    return found;
}


int
eirc_irc_tag_escape(uint8_t *out, size_t cap, size_t *len, eirc_slice_t value)
{
    size_t i, n;
    uint8_t c;

    n = 0;

    for (i = 0; i < value.len; i++) {
        c = value.p[i];

        switch (c) {

        case '\0':
            return EIRC_ERROR;

        case ';':
            c = ':';
            break;

        case ' ':
            c = 's';
            break;

        case '\\':
            break;

        case '\r':
            c = 'r';
            break;

        case '\n':
            c = 'n';
            break;

        default:
            if (n == cap) {
                return EIRC_ERROR;
            }

            out[n++] = c;
            continue;
        }

        if (cap - n < 2) {
            return EIRC_ERROR;
        }

        out[n++] = '\\';
        out[n++] = c;
    }

    *len = n;

    return EIRC_OK;
}


int
eirc_irc_tag_unescape(uint8_t *out, size_t cap, size_t *len,
                      eirc_slice_t value)
{
    size_t i, n;
    uint8_t c;

    n = 0;

    for (i = 0; i < value.len; i++) {
        c = value.p[i];

        if (c == '\\') {
            if (++i == value.len) {
                break;
            }

            c = value.p[i];

            switch (c) {

            case ':':
                c = ';';
                break;

            case 's':
                c = ' ';
                break;

            case 'r':
                c = '\r';
                break;

            case 'n':
                c = '\n';
                break;

            default: /* it means itself */
                break;
            }
        }

        if (n == cap) {
            return EIRC_ERROR;
        }

        out[n++] = c;
    }

    *len = n;

    return EIRC_OK;
}
