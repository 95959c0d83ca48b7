#include "eirc_protocol.h"

#include "eirc_http.h"

#include <string.h>

#define TICKET "eirc.ticket."
#define TICKET_LEN (sizeof(TICKET) - 1)


static void
offer(eirc_protocol_t *p, eirc_slice_t name)
{
    size_t i;
    static const struct {
        eirc_slice_t name;
        eirc_protocol_e protocol;
    } ours[] = {
        {EIRC_SLICE("text.ircv3.net"), EIRC_PROTOCOL_TEXT},
        {EIRC_SLICE("binary.ircv3.net"), EIRC_PROTOCOL_BINARY},
    };

    if (name.len > TICKET_LEN && memcmp(name.p, TICKET, TICKET_LEN) == 0) {

        if (p->ticket.p == NULL) {
            p->ticket = eirc_slice(name.p + TICKET_LEN, name.len - TICKET_LEN);
        }

        return;
    }

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {

        if (p->taken == EIRC_PROTOCOL_NONE
            && eirc_slice_equal(name, ours[i].name)) {
            p->taken = ours[i].protocol;
            p->name = name;
        }
    }
}


int
eirc_protocol_read(eirc_protocol_t *p, const uint8_t *header, size_t len)
{
    eirc_http_t h;
    eirc_slice_t name;

    h.pos = header;
    h.end = header + len;

    while (eirc_http_element(&h)) {
        name = eirc_http_token(&h);

        if (name.len == 0) {
            return EIRC_ERROR;
        }

        offer(p, name);
        eirc_http_space(&h);

        if (h.pos < h.end && *h.pos != ',') {
            return EIRC_ERROR;
        }
    }

    return EIRC_OK;
}
