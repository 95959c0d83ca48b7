#include "eirc_http.h"

#include <string.h>


static bool
is_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
        || (c >= 'a' && c <= 'z')) {
        return true;
    }

    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}


void
eirc_http_space(eirc_http_t *h)
{
    while (h->pos < h->end && (*h->pos == ' ' || *h->pos == '\t')) {
        h->pos++;
    }
}


bool
eirc_http_take(eirc_http_t *h, uint8_t c)
{
    eirc_http_space(h);

    if (h->pos == h->end || *h->pos != c) {
        return false;
    }

    h->pos++;
    eirc_http_space(h);

    return true;
}


eirc_slice_t
eirc_http_token(eirc_http_t *h)
{
    const uint8_t *start;

    start = h->pos;

    while (h->pos < h->end && is_token_char(*h->pos)) {
        h->pos++;
    }

    return eirc_slice(start, (size_t) (h->pos - start));
}


bool
eirc_http_element(eirc_http_t *h)
{
    while (eirc_http_take(h, ',')) {
        /* void */
    }

    return h->pos < h->end;
}
