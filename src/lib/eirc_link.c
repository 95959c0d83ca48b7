#include "eirc_link.h"

#include <string.h>

#include "eirc_utf8.h"


static void
put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v & 0xff);
    p[1] = (uint8_t) ((v >> 8) & 0xff);
}


static void
put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}


static void
put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t) (v & 0xffffffff));
    put32(p + 4, (uint32_t) (v >> 32));
}


static uint32_t
get16(const uint8_t *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8;
}


static uint32_t
get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}


static uint64_t
get64(const uint8_t *p)
{
    return (uint64_t) get32(p) | (uint64_t) get32(p + 4) << 32;
}


void
eirc_link_header_write(uint8_t *p, const eirc_link_header_t *h)
{
    p[0] = h->type;
    p[1] = h->flags;
    put16(p + 2, 0);
    put32(p + 4, h->value);
    put64(p + 8, h->count);
}


/* The longest body of a type, and in *min the shortest; -1: no such type. */
static long
body_bounds(uint8_t type, long *min)
{
    *min = 0;

    switch (type) {

    case EIRC_LINK_HELLO:
    case EIRC_LINK_WATCH:
    case EIRC_LINK_DETACH:
    case EIRC_LINK_CONFIRM:
        return 0;

    case EIRC_LINK_SESSION:
        *min = EIRC_LINK_SESSION_SIZE - EIRC_LINK_HEADER_SIZE + 1;
        return EIRC_LINK_SESSION_MAX - EIRC_LINK_HEADER_SIZE;

    case EIRC_LINK_USER:
        *min = 2;
        return EIRC_LINK_USER_MAX;

    case EIRC_LINK_READY:
        *min = 1;
        return EIRC_LINK_ID_MAX;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
        return EIRC_LINK_TEXT_MAX;

    case EIRC_LINK_LINES:
        *min = 2;
        return EIRC_LINK_LINES_MAX - EIRC_LINK_HEADER_SIZE;

    case EIRC_LINK_MESSAGE:
        return EIRC_LINK_MESSAGE_MAX;

    default:
        return -1;
    }
}


/* Is everything in the header 0 that has no meaning in its type? */
static int
header_in_bounds(const eirc_link_header_t *h)
{
    uint8_t flags;

    flags = (h->type == EIRC_LINK_HELLO) ? EIRC_LINK_FULL : 0;

    if ((h->flags & ~flags) != 0) {
        return 0;
    }

    switch (h->type) {

    case EIRC_LINK_HELLO:
        return 1;

    case EIRC_LINK_WATCH:
    case EIRC_LINK_SESSION:
        return h->count == 0;

    case EIRC_LINK_REFUSED:
    case EIRC_LINK_END:
        return h->count == 0 && h->value >= 1 && h->value <= EIRC_LINK_SLOW;

    case EIRC_LINK_LINES:
        return h->value >= 1;

    case EIRC_LINK_MESSAGE:
    case EIRC_LINK_CONFIRM:
        return h->value == 0;

    default:
        return h->value == 0 && h->count == 0;
    }
}


/*
 * The length of the character at p, 0 if it may not stand in a text: what is
 * not UTF-8, and controls (Unicode's Cc: to U+001F, U+007F to U+009F).
 */
static size_t
text_char(const uint8_t *p, size_t len)
{
    size_t n;

    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] != 0x7f;
    }

    n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

    if (n > len || !eirc_utf8_valid(p, n)) {
        return 0;
    }

    return (p[0] == 0xc2 && p[1] < 0xa0) ? 0 : n;
}


/* Copies as much of a text as max holds; what may not be there becomes '?'. */
static size_t
text_copy(uint8_t *out, size_t max, const char *text)
{
    size_t i, n, len, used;
    const uint8_t *p;

    p = (const uint8_t *) text;
    len = strlen(text);
    used = 0;

    for (i = 0; i < len; i += n) {
        n = text_char(p + i, len - i);

        if (used + (n ? n : 1) > max) {
            break;
        }

        if (n == 0) {
            n = 1;
            out[used++] = '?';
            continue;
        }

        memcpy(out + used, p + i, n);
        used += n;
    }

    return used;
}


int
eirc_link_header_read(eirc_link_header_t *h, const uint8_t *p, size_t len)
{
    long min, max;
    size_t body;

    if (len < EIRC_LINK_HEADER_SIZE || get16(p + 2) != 0) {
        return EIRC_ERROR;
    }

    h->type = p[0];
    h->flags = p[1];
    h->value = get32(p + 4);
    h->count = get64(p + 8);

    max = body_bounds(h->type, &min);
    body = len - EIRC_LINK_HEADER_SIZE;

    if (max < 0 || body < (size_t) min || body > (size_t) max
        || !header_in_bounds(h))
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


size_t
eirc_link_record_write(uint8_t *p, eirc_link_type_e type, uint32_t value,
                       uint64_t count, const char *text)
{
    size_t max;
    eirc_link_header_t h;

    h.type = (uint8_t) type;
    h.flags = 0;
    h.value = value;
    h.count = count;

    eirc_link_header_write(p, &h);

    if (text == NULL) {
        return EIRC_LINK_HEADER_SIZE;
    }

    max = (type == EIRC_LINK_READY) ? EIRC_LINK_ID_MAX : EIRC_LINK_TEXT_MAX;

    return EIRC_LINK_HEADER_SIZE
           + text_copy(p + EIRC_LINK_HEADER_SIZE, max, text);
}


const char *
eirc_link_reason_name(uint32_t reason)
{
    static const char *const names[] = {"unknown",
                                        "quit",
                                        "closed",
                                        "violation",
                                        "IRC connection lost",
                                        "refused by the IRC server",
                                        "no IRC server reachable",
                                        "shutdown",
                                        "session limit",
                                        "full",
                                        "bad request",
                                        "failed",
                                        "slow browser"};

    if (reason >= sizeof(names) / sizeof(names[0])) {
        reason = 0;
    }

    return names[reason];
}


size_t
eirc_link_entry_head(size_t len)
{
    return (len < 126) ? 2 : 4;
}


void
eirc_link_entry_write(uint8_t *p, size_t len)
{
    p[0] = 0;

    if (len < 126) {
        p[1] = (uint8_t) len;
        return;
    }

    p[1] = 126;
    p[2] = (uint8_t) ((len >> 8) & 0xff);
    p[3] = (uint8_t) (len & 0xff);
}


int
eirc_link_entry_next(const uint8_t **p, const uint8_t *end,
                     const uint8_t **line, size_t *len)
{
    const uint8_t *s;
    size_t n, head;

    s = *p;

    if (s == end) {
        return EIRC_DONE;
    }

    if (end - s < 2 || s[0] != 0) {
        return EIRC_ERROR;
    }

    n = s[1];
    head = 2;

    if (n > 125) {

        if (n != 126 || end - s < 4) {
            return EIRC_ERROR;
        }

        n = (size_t) s[2] << 8 | s[3];
        head = 4;

        if (n < 126 || n > EIRC_LINK_LINE_MAX) {
            return EIRC_ERROR;
        }
    }

    if ((size_t) (end - s) < head + n) {
        return EIRC_ERROR;
    }

    *line = s + head;
    *len = n;
    *p = s + head + n;

    return EIRC_OK;
}


/* EIRC_OK when the entries are sound to the last byte and not too many. */
static int
servers_check(const uint8_t *p, const uint8_t *end)
{
    int rc, n;
    eirc_link_server_t server;

    for (n = 0;; n++) {
        rc = eirc_link_server_next(&p, end, &server);

        if (rc == EIRC_DONE) {
            return n ? EIRC_OK : EIRC_ERROR;
        }

        if (rc != EIRC_OK || n == EIRC_LINK_SERVERS_MAX) {
            return EIRC_ERROR;
        }
    }
}


static int
session_in_bounds(const eirc_link_session_t *s)
{
    eirc_link_tls_t tls;

    return s->account_len >= 1 && s->account_len <= EIRC_LINK_ACCOUNT_MAX
           && s->servers_len >= 1 && s->servers_len <= EIRC_LINK_SERVERS_SIZE
           && s->replay >= EIRC_REPLAY_MIN && s->replay <= EIRC_REPLAY_MAX
           && memchr(s->account, 0, s->account_len) == NULL
           && servers_check(s->servers, s->servers + s->servers_len) == EIRC_OK
           && eirc_link_tls_read(&tls, s->tls, s->tls_len) == EIRC_OK;
}


size_t
eirc_link_session_write(uint8_t *p, const eirc_link_session_t *s)
{
    if (!session_in_bounds(s)) {
        return 0;
    }

    memset(p, 0, EIRC_LINK_SESSION_SIZE);

    (void) eirc_link_record_write(p, EIRC_LINK_SESSION, EIRC_LINK_VERSION, 0,
                                  NULL);

    put32(p + 16, s->limit);
    put32(p + 20, s->replay);
    put32(p + 24, s->linger);
    put32(p + 28, s->crash_limit);
    put32(p + 32, s->crash_time);
    put32(p + 36, s->cpu);
    put16(p + 40, (uint32_t) s->account_len);
    put16(p + 42, (uint32_t) s->servers_len);
    put16(p + 44, (uint32_t) s->tls_len);
    memcpy(p + 48, s->account, s->account_len);
    memcpy(p + EIRC_LINK_SESSION_SIZE, s->servers, s->servers_len);

    if (s->tls_len > 0) {
        memcpy(p + EIRC_LINK_SESSION_SIZE + s->servers_len, s->tls,
               s->tls_len);
    }

    return EIRC_LINK_SESSION_SIZE + s->servers_len + s->tls_len;
}


static int
account_is_padded(const eirc_link_session_t *s)
{
    size_t i;

    for (i = s->account_len; i < EIRC_LINK_ACCOUNT_MAX; i++) {
        if (s->account[i] != '\0') {
            return 0;
        }
    }

    return 1;
}


int
eirc_link_session_read(eirc_link_session_t *s, const uint8_t *p, size_t len)
{
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, p, len) != EIRC_OK
        || h.type != EIRC_LINK_SESSION || h.value != EIRC_LINK_VERSION)
    {
        return EIRC_ERROR;
    }

    s->limit = get32(p + 16);
    s->replay = get32(p + 20);
    s->linger = get32(p + 24);
    s->crash_limit = get32(p + 28);
    s->crash_time = get32(p + 32);
    s->cpu = get32(p + 36);
    s->account_len = get16(p + 40);
    s->servers_len = get16(p + 42);
    s->account = (const char *) (p + 48);
    s->servers = p + EIRC_LINK_SESSION_SIZE;
    s->tls_len = get16(p + 44);
    s->tls = s->servers + s->servers_len;

    /* the lengths first: only then are account, servers and TLS all there */

    if (s->account_len > EIRC_LINK_ACCOUNT_MAX
        || len != EIRC_LINK_SESSION_SIZE + s->servers_len + s->tls_len
        || !session_in_bounds(s) || !account_is_padded(s)
        || get16(p + 46) != 0)
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


static int
server_in_bounds(const eirc_link_server_t *server)
{
    size_t i;

    if ((server->flags & ~(EIRC_LINK_SERVER_TLS | EIRC_LINK_SERVER_UNIX)) != 0)
    {
        return 0;
    }

    if (server->host_len < 1 || server->host_len > EIRC_LINK_HOST_MAX) {
        return 0;
    }

    /* names go to logs, and no name has controls */

    for (i = 0; i < server->host_len; i++) {
        if ((uint8_t) server->host[i] < 0x20 || server->host[i] == 0x7f) {
            return 0;
        }
    }

    if (server->flags & EIRC_LINK_SERVER_UNIX) {
        return server->host[0] == '/' && server->port == 0;
    }

    return server->port != 0;
}


int
eirc_link_server_add(uint8_t *p, size_t *len, size_t size,
                     const eirc_link_server_t *server)
{
    if (!server_in_bounds(server) || *len > size
        || size - *len < 4 + server->host_len)
    {
        return EIRC_ERROR;
    }

    p += *len;

    p[0] = server->flags;
    p[1] = (uint8_t) server->host_len;
    put16(p + 2, server->port);
    memcpy(p + 4, server->host, server->host_len);

    *len += 4 + server->host_len;

    return EIRC_OK;
}


int
eirc_link_server_next(const uint8_t **p, const uint8_t *end,
                      eirc_link_server_t *server)
{
    const uint8_t *s;

    s = *p;

    if (s == end) {
        return EIRC_DONE;
    }

    if (end - s < 4 || end - s < 4 + s[1]) {
        return EIRC_ERROR;
    }

    server->flags = s[0];
    server->host_len = s[1];
    server->port = (uint16_t) get16(s + 2);
    server->host = (const char *) (s + 4);

    if (!server_in_bounds(server)) {
        return EIRC_ERROR;
    }

    *p = s + 4 + server->host_len;

    return EIRC_OK;
}


int
eirc_link_server_at(const uint8_t *p, size_t len, uint32_t number,
                    eirc_link_server_t *server)
{
    uint32_t i;
    const uint8_t *end;

    end = p + len;

    for (i = 0; i <= number; i++) {
        if (eirc_link_server_next(&p, end, server) != EIRC_OK) {
            return EIRC_ERROR;
        }
    }

    return EIRC_OK;
}


/* A path from the root, or nothing where it may be left away. */
static int
path_in_bounds(eirc_slice_t path)
{
    return path.len == 0
           || (path.len <= EIRC_LINK_PATH_MAX && path.p[0] == '/'
               && memchr(path.p, 0, path.len) == NULL);
}


static int
tls_in_bounds(const eirc_link_tls_t *tls)
{
    return (tls->flags & ~EIRC_LINK_TLS_UNVERIFIED) == 0
           && tls->npins <= EIRC_LINK_PINS_MAX && path_in_bounds(tls->ca)
           && path_in_bounds(tls->certificate) && path_in_bounds(tls->key)
           && (tls->key.len == 0 || tls->certificate.len > 0);
}


static uint8_t *
bytes_put(uint8_t *p, const uint8_t *bytes, size_t len)
{
    if (len > 0) {
        memcpy(p, bytes, len);
    }

    return p + len;
}


size_t
eirc_link_tls_write(uint8_t *p, const eirc_link_tls_t *tls)
{
    uint8_t *end;

    if (!tls_in_bounds(tls)) {
        return 0;
    }

    p[0] = tls->flags;
    p[1] = (uint8_t) tls->npins;
    put16(p + 2, (uint32_t) tls->ca.len);
    put16(p + 4, (uint32_t) tls->certificate.len);
    put16(p + 6, (uint32_t) tls->key.len);

    end = bytes_put(p + EIRC_LINK_TLS_HEAD, tls->pins,
                    tls->npins * EIRC_LINK_PIN_SIZE);
    end = bytes_put(end, tls->ca.p, tls->ca.len);
    end = bytes_put(end, tls->certificate.p, tls->certificate.len);
    end = bytes_put(end, tls->key.p, tls->key.len);

    return (size_t) (end - p);
}


int
eirc_link_tls_read(eirc_link_tls_t *tls, const uint8_t *p, size_t len)
{
    memset(tls, 0, sizeof(eirc_link_tls_t));

    if (len == 0) {
        return EIRC_OK;
    }

    if (len < EIRC_LINK_TLS_HEAD) {
        return EIRC_ERROR;
    }

    tls->flags = p[0];
    tls->npins = p[1];
    tls->pins = p + EIRC_LINK_TLS_HEAD;
    tls->ca.len = get16(p + 2);
    tls->certificate.len = get16(p + 4);
    tls->key.len = get16(p + 6);

    /* the sum first: only then is all of it there to be looked at */

    if (len
        != EIRC_LINK_TLS_HEAD + tls->npins * EIRC_LINK_PIN_SIZE + tls->ca.len
               + tls->certificate.len + tls->key.len)
    {
        return EIRC_ERROR;
    }

    tls->ca.p = tls->pins + tls->npins * EIRC_LINK_PIN_SIZE;
    tls->certificate.p = tls->ca.p + tls->ca.len;
    tls->key.p = tls->certificate.p + tls->certificate.len;

    return tls_in_bounds(tls) ? EIRC_OK : EIRC_ERROR;
}


static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


int
eirc_link_pin_read(uint8_t *pin, eirc_slice_t text)
{
    int high, low;
    size_t i, at, step;

    /* with colons everywhere, or without any */

    step = (text.len == 3 * EIRC_LINK_PIN_SIZE - 1) ? 3 : 2;

    if (step == 2 && text.len != 2 * EIRC_LINK_PIN_SIZE) {
        return EIRC_ERROR;
    }

    for (i = 0; i < EIRC_LINK_PIN_SIZE; i++) {
        at = i * step;
        high = hex_digit(text.p[at]);
        low = hex_digit(text.p[at + 1]);

        if (high == -1 || low == -1
            || (step == 3 && i > 0 && text.p[at - 1] != ':')) {
            return EIRC_ERROR;
        }

        pin[i] = (uint8_t) (high << 4 | low);
    }

    return EIRC_OK;
}
