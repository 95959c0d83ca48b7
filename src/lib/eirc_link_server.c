#include "eirc_link.h"

#include <string.h>

#include "eirc_link_bytes.h"


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


uint32_t
eirc_link_servers_count(const uint8_t *p, size_t len)
{
    uint32_t n;
    const uint8_t *end;
    eirc_link_server_t server;

    end = p + len;

    for (n = 0; eirc_link_server_next(&p, end, &server) == EIRC_OK; n++) {
        /* void */
    }

    return n;
}


int
eirc_link_server_secure(uint8_t *p, size_t len, uint32_t number, uint16_t port)
{
    uint8_t *entry;
    const uint8_t *next, *end;
    eirc_link_server_t server;

    next = p;
    end = p + len;

    do {
        entry = p + (next - p);

        if (eirc_link_server_next(&next, end, &server) != EIRC_OK) {
            return EIRC_ERROR;
        }
    } while (number-- > 0);

    if (server.flags != 0 || port == 0) {
        return EIRC_ERROR;
    }

    entry[0] = EIRC_LINK_SERVER_TLS;
    entry[2] = (uint8_t) (port & 0xff);
    entry[3] = (uint8_t) (port >> 8);

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
