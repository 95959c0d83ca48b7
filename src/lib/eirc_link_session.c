#include "eirc_link.h"

#include <string.h>

#include "eirc_link_bytes.h"


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


/* the layers that there can be: eirc_client's processes= has fewer */
#define LAYER_DIGITS 5


int
eirc_link_id_read(const char *id, size_t len, uint32_t *layer)
{
    size_t i, digits;

    if (len == 0 || len > EIRC_LINK_ID_MAX) {
        return EIRC_ERROR;
    }

    *layer = 0;
    digits = 0;

    while (digits < len && id[digits] >= '0' && id[digits] <= '9') {
        if (digits == LAYER_DIGITS) {
            return EIRC_ERROR;
        }

        *layer = *layer * 10 + (uint32_t) (id[digits] - '0');
        digits++;
    }

    /* one layer has one name: without zeros before it */

    if (digits == 0 || (digits > 1 && id[0] == '0') || digits + 1 >= len
        || id[digits] != '-')
    {
        return EIRC_ERROR;
    }

    for (i = digits + 1; i < len; i++) {
        if (!(id[i] >= '0' && id[i] <= '9') && !(id[i] >= 'a' && id[i] <= 'z'))
        {
            return EIRC_ERROR;
        }
    }

    return EIRC_OK;
}


static int
replay_in_bounds(uint32_t replay)
{
    return replay >= EIRC_REPLAY_MIN && replay <= EIRC_REPLAY_MAX;
}


static int
mode_in_bounds(eirc_protocol_e mode)
{
    return mode == EIRC_PROTOCOL_NONE || mode == EIRC_PROTOCOL_TEXT
           || mode == EIRC_PROTOCOL_BINARY;
}


/* A session waits for its browser exactly if there is a key to come with. */
static int
key_in_bounds(const eirc_link_session_t *s)
{
    if (s->flags & EIRC_LINK_RESUMABLE) {
        return s->key != NULL && s->linger > 0;
    }

    return s->key == NULL;
}


#define FLAGS (EIRC_LINK_RESUMABLE | EIRC_LINK_NO_SECRET)


static int
session_in_bounds(const eirc_link_session_t *s)
{
    eirc_link_tls_t tls;

    return mode_in_bounds(s->mode) && (s->flags & ~FLAGS) == 0
           && key_in_bounds(s) && replay_in_bounds(s->replay)
           && s->account_len >= 1 && s->account_len <= EIRC_LINK_ACCOUNT_MAX
           && s->servers_len >= 1 && s->servers_len <= EIRC_LINK_SERVERS_SIZE
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
    p[46] = (uint8_t) s->mode;
    p[47] = s->flags;
    memcpy(p + 48, s->account, s->account_len);

    if (s->key != NULL) {
        memcpy(p + 112, s->key, EIRC_LINK_KEY_SIZE);
    }

    memcpy(p + EIRC_LINK_SESSION_SIZE, s->servers, s->servers_len);

    if (s->tls_len > 0) {
        memcpy(p + EIRC_LINK_SESSION_SIZE + s->servers_len, s->tls,
               s->tls_len);
    }

    return EIRC_LINK_SESSION_SIZE + s->servers_len + s->tls_len;
}


static int
is_zero(const void *bytes, size_t len)
{
    size_t i;
    const uint8_t *p;

    p = bytes;

    for (i = 0; i < len; i++) {
        if (p[i] != 0) {
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
    s->mode = (eirc_protocol_e) p[46];
    s->flags = p[47];
    s->key = (s->flags & EIRC_LINK_RESUMABLE) ? p + 112 : NULL;

    /* the lengths first: only then are account, servers and TLS all there */

    if (s->account_len > EIRC_LINK_ACCOUNT_MAX
        || len != EIRC_LINK_SESSION_SIZE + s->servers_len + s->tls_len
        || !session_in_bounds(s)
        || !is_zero(s->account + s->account_len,
                    EIRC_LINK_ACCOUNT_MAX - s->account_len)
        || (s->key == NULL && !is_zero(p + 112, EIRC_LINK_KEY_SIZE)))
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


size_t
eirc_link_resume_write(uint8_t *p, const eirc_link_resume_t *r)
{
    uint32_t layer;

    if (!mode_in_bounds(r->mode)
        || eirc_link_id_read(r->id, r->id_len, &layer) != EIRC_OK)
    {
        return 0;
    }

    memset(p, 0, EIRC_LINK_RESUME_SIZE);

    (void) eirc_link_record_write(p, EIRC_LINK_RESUME, EIRC_LINK_VERSION,
                                  r->lines, NULL);

    memcpy(p + 16, r->id, r->id_len);
    memcpy(p + 48, r->key, EIRC_LINK_KEY_SIZE);
    memcpy(p + 80, r->next, EIRC_LINK_KEY_SIZE);
    p[112] = (uint8_t) r->mode;
    put32(p + 116, r->cpu);

    return EIRC_LINK_RESUME_SIZE;
}


int
eirc_link_resume_read(eirc_link_resume_t *r, const uint8_t *p, size_t len)
{
    uint32_t layer;
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, p, len) != EIRC_OK
        || h.type != EIRC_LINK_RESUME || h.value != EIRC_LINK_VERSION)
    {
        return EIRC_ERROR;
    }

    r->lines = h.count;
    r->id = (const char *) (p + 16);
    r->id_len = strnlen(r->id, EIRC_LINK_ID_MAX + 1);
    r->key = p + 48;
    r->next = p + 80;
    r->mode = (eirc_protocol_e) p[112];
    r->cpu = get32(p + 116);

    if (!mode_in_bounds(r->mode)
        || eirc_link_id_read(r->id, r->id_len, &layer) != EIRC_OK
        || !is_zero(r->id + r->id_len, EIRC_LINK_ID_MAX + 1 - r->id_len)
        || !is_zero(p + 113, 3))
    {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


/* Names go to logs and headers: none has spaces or controls in it. */
static int
name_in_bounds(eirc_slice_t name, size_t max)
{
    size_t i;

    if (name.len > max) {
        return 0;
    }

    for (i = 0; i < name.len; i++) {
        if (name.p[i] <= 0x20 || name.p[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static int
resumed_in_bounds(const eirc_link_resumed_t *r)
{
    return replay_in_bounds(r->replay) && r->nick.len > 0
           && name_in_bounds(r->nick, EIRC_IRC_NICK_MAX)
           && name_in_bounds(r->account, EIRC_LINK_ACCOUNT_MAX);
}


size_t
eirc_link_resumed_write(uint8_t *p, const eirc_link_resumed_t *r)
{
    uint8_t *end;

    if ((r->flags & ~EIRC_LINK_GAP) != 0 || !resumed_in_bounds(r)) {
        return 0;
    }

    (void) eirc_link_record_write(p, EIRC_LINK_RESUMED, r->replay, r->messages,
                                  NULL);

    p[1] = r->flags;
    put64(p + 16, r->lines);
    p[24] = (uint8_t) r->nick.len;
    end = p + EIRC_LINK_RESUMED_SIZE;
    memcpy(end, r->nick.p, r->nick.len);
    end += r->nick.len;

    if (r->account.len > 0) {
        memcpy(end, r->account.p, r->account.len);
        end += r->account.len;
    }

    return (size_t) (end - p);
}


int
eirc_link_resumed_read(eirc_link_resumed_t *r, const uint8_t *p, size_t len)
{
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, p, len) != EIRC_OK
        || h.type != EIRC_LINK_RESUMED || len - EIRC_LINK_RESUMED_SIZE < p[24])
    {
        return EIRC_ERROR;
    }

    r->flags = h.flags;
    r->replay = h.value;
    r->messages = h.count;
    r->lines = get64(p + 16);
    r->nick = eirc_slice(p + EIRC_LINK_RESUMED_SIZE, p[24]);
    r->account = eirc_slice(r->nick.p + r->nick.len,
                            len - EIRC_LINK_RESUMED_SIZE - r->nick.len);

    return resumed_in_bounds(r) ? EIRC_OK : EIRC_ERROR;
}
