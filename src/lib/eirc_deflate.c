#include "eirc_deflate.h"

#include <string.h>

#include "eirc_http.h"
#include "eirc_slice.h"

#define WINDOW_MAX 15

/* parameters of an offer, as bits to see which came already */
enum {
    SERVER_NO_CONTEXT = 0x01,
    CLIENT_NO_CONTEXT = 0x02,
    SERVER_WINDOW = 0x04,
    CLIENT_WINDOW = 0x08
};

/* one offer, as it was read */
typedef struct {
    unsigned seen; /* bits of the parameters */
    uint8_t server_bits;
    uint8_t client_bits; /* 0: offered without a value */
    bool usable;
} offer_t;


/*
 * A value: a token, or a quoted string whose content has to be a token
 * (RFC 6455, 9.1).  A quoted pair could only stand for a character that needs
 * no quoting; such a value is read, and is never one that we know.
 */
static int
read_value(eirc_http_t *r, eirc_slice_t *value)
{
    const uint8_t *start;
    bool quoted;

    quoted = r->pos < r->end && *r->pos == '"';
    r->pos += quoted;
    start = r->pos;

    while (eirc_http_token(r).len > 0 && quoted && r->pos < r->end
           && *r->pos == '\\')
    {
        r->pos++;
    }

    *value = eirc_slice(start, (size_t) (r->pos - start));

    if (value->len == 0 || r->pos[-1] == '\\') {
        return EIRC_ERROR;
    }

    if (!quoted) {
        return EIRC_OK;
    }

    if (r->pos == r->end || *r->pos != '"') {
        return EIRC_ERROR;
    }

    r->pos++;

    return EIRC_OK;
}


/* 8 to 15, without a leading zero; else 0 */
static uint8_t
window_bits(eirc_slice_t value)
{
    unsigned n;

    if (value.len == 1 && value.p[0] >= '8' && value.p[0] <= '9') {
        return (uint8_t) (value.p[0] - '0');
    }

    if (value.len == 2 && value.p[0] == '1' && value.p[1] >= '0'
        && value.p[1] <= '9')
    {
        n = 10u + (unsigned) (value.p[1] - '0');
        return n <= WINDOW_MAX ? (uint8_t) n : 0;
    }

    return 0;
}


/* one parameter of permessage-deflate; false: not one that can be met */
static bool
offer_param(offer_t *offer, eirc_slice_t name, eirc_slice_t value)
{
    static const struct {
        eirc_slice_t name;
        unsigned bit;
    } params[] = {
        {EIRC_SLICE("server_no_context_takeover"), SERVER_NO_CONTEXT},
        {EIRC_SLICE("client_no_context_takeover"), CLIENT_NO_CONTEXT},
        {EIRC_SLICE("server_max_window_bits"), SERVER_WINDOW},
        {EIRC_SLICE("client_max_window_bits"), CLIENT_WINDOW},
    };

    size_t i;
    unsigned bit;

    bit = 0;

    for (i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        if (eirc_slice_equal(name, params[i].name)) {
            bit = params[i].bit;
        }
    }

    if (bit == 0 || (offer->seen & bit)) {
        return false;
    }

    offer->seen |= bit;

    switch (bit) {

    case SERVER_WINDOW:
        offer->server_bits = window_bits(value);
        return offer->server_bits != 0;

    case CLIENT_WINDOW:
        offer->client_bits = window_bits(value);
        return value.p == NULL || offer->client_bits != 0;

    default:
        return value.p == NULL;
    }
}


/* One element of the list, to the comma or the end. */
static int
read_offer(eirc_http_t *r, offer_t *offer)
{
    bool ours;
    eirc_slice_t name, value;

    memset(offer, 0, sizeof(*offer));

    name = eirc_http_token(r);

    if (name.len == 0) {
        return EIRC_ERROR;
    }

    ours = eirc_slice_equal(name, EIRC_SLICE("permessage-deflate"));
    offer->usable = ours;

    while (eirc_http_take(r, ';')) {

        name = eirc_http_token(r);

        if (name.len == 0) {
            return EIRC_ERROR;
        }

        value = eirc_slice(NULL, 0);

        if (eirc_http_take(r, '=') && read_value(r, &value) != EIRC_OK) {
            return EIRC_ERROR;
        }

        if (ours && !offer_param(offer, name, value)) {
            offer->usable = false;
        }
    }

    return EIRC_OK;
}


static uint8_t
smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}


static void
agree(eirc_deflate_t *agreed, const eirc_deflate_t *want, const offer_t *offer)
{
    agreed->server_no_context_takeover
        = want->server_no_context_takeover
          || (offer->seen & SERVER_NO_CONTEXT) != 0;

    agreed->client_no_context_takeover
        = want->client_no_context_takeover
          || (offer->seen & CLIENT_NO_CONTEXT) != 0;

    agreed->server_window_bits = want->server_window_bits;
    agreed->server_window_stated = want->server_window_bits < WINDOW_MAX;

    /* demanded by the client: to be confirmed whatever the value, 7.1.2.1 */
    if (offer->seen & SERVER_WINDOW) {
        agreed->server_window_bits
            = smaller(offer->server_bits, want->server_window_bits);
        agreed->server_window_stated = true;
    }

    /* may be limited only where the client says that it understands */
    agreed->client_window_bits = WINDOW_MAX;
    agreed->client_window_stated = false;

    if (offer->seen & CLIENT_WINDOW) {
        agreed->client_window_bits = want->client_window_bits;

        if (offer->client_bits != 0) {
            agreed->client_window_bits
                = smaller(offer->client_bits, want->client_window_bits);
        }

        agreed->client_window_stated = agreed->client_window_bits < WINDOW_MAX;
    }
}


int
eirc_deflate_negotiate(eirc_deflate_t *agreed, const eirc_deflate_t *want,
                       const uint8_t *header, size_t len)
{
    bool found;
    offer_t offer;
    eirc_http_t r;

    r.pos = header;
    r.end = header + len;
    found = false;

    while (eirc_http_element(&r)) {

        if (read_offer(&r, &offer) != EIRC_OK) {
            return EIRC_ERROR;
        }

        eirc_http_space(&r);

        if (r.pos < r.end && *r.pos != ',') {
            return EIRC_ERROR;
        }

        if (offer.usable && !found) {
            agree(agreed, want, &offer);
            found = true;
        }
    }

    return found ? EIRC_OK : EIRC_DONE;
}


static size_t
append(uint8_t *out, size_t n, const char *text)
{
    size_t len;

    len = strlen(text);
    memcpy(out + n, text, len);

    return n + len;
}


static size_t
append_bits(uint8_t *out, size_t n, unsigned bits)
{
    if (bits >= 10) {
        out[n++] = '1';
        bits -= 10;
    }

    out[n++] = (uint8_t) ('0' + bits);

    return n;
}


size_t
eirc_deflate_answer(uint8_t *out, const eirc_deflate_t *agreed)
{
    size_t n;

    n = append(out, 0, "permessage-deflate");

    if (agreed->server_no_context_takeover) {
        n = append(out, n, "; server_no_context_takeover");
    }

    if (agreed->client_no_context_takeover) {
        n = append(out, n, "; client_no_context_takeover");
    }

    if (agreed->server_window_stated) {
        n = append(out, n, "; server_max_window_bits=");
        n = append_bits(out, n, agreed->server_window_bits);
    }

    if (agreed->client_window_stated) {
        n = append(out, n, "; client_max_window_bits=");
        n = append_bits(out, n, agreed->client_window_bits);
    }

    return n;
}
