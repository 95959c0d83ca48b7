/*
 * Reads any bytes as the values of Sec-WebSocket-Protocol, a line of the input
 * for each header line.  What comes out lies within the line it came from, is
 * one of the two names or a ticket that is not empty, and does not change once
 * it is there.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* not there, as it was, or within this line */
static void
check_place(eirc_slice_t now, eirc_slice_t before, const uint8_t *p,
            size_t len)
{
    if (now.p == before.p) {
        check(now.len == before.len);
        return;
    }

    check(before.p == NULL && now.len > 0);
    check(now.p >= p && now.p + now.len <= p + len);
}


static void
check_taken(const eirc_protocol_t *protocol)
{
    switch (protocol->taken) {

    case EIRC_PROTOCOL_NONE:
        check(protocol->name.p == NULL);
        break;

    case EIRC_PROTOCOL_TEXT:
        check(eirc_slice_equal(protocol->name, EIRC_SLICE("text.ircv3.net")));
        break;

    case EIRC_PROTOCOL_BINARY:
        check(
            eirc_slice_equal(protocol->name, EIRC_SLICE("binary.ircv3.net")));
        break;

    default:
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t n;
    const uint8_t *end, *lf;
    eirc_protocol_t protocol, before;

    memset(&protocol, 0, sizeof(protocol));
    end = p + len;

    for (;;) {
        lf = p == end ? NULL : memchr(p, '\n', (size_t) (end - p));
        n = (size_t) ((lf == NULL ? end : lf) - p);
        before = protocol;

        if (eirc_protocol_read(&protocol, p, n) != EIRC_OK) {
            return 0;
        }

        check_place(protocol.name, before.name, p, n);
        check_place(protocol.ticket, before.ticket, p, n);
        check_taken(&protocol);

        if (lf == NULL) {
            return 0;
        }

        p = lf + 1;
    }
}
