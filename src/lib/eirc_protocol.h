/*
 * Subprotocols that a client offers (Sec-WebSocket-Protocol, RFC 6455, 4.1):
 * which of ours is taken, and a token that came among them.  Slices point
 * into the header.
 */

#ifndef _EIRC_PROTOCOL_H_INCLUDED_
#define _EIRC_PROTOCOL_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_slice.h"

/* how IRC goes over the WebSocket */
typedef enum {
    EIRC_PROTOCOL_NONE = 0, /* eIRC's own way, nothing to answer */
    EIRC_PROTOCOL_TEXT,     /* text.ircv3.net */
    EIRC_PROTOCOL_BINARY    /* binary.ircv3.net */
} eirc_protocol_e;

typedef struct {
    eirc_protocol_e taken;
    eirc_slice_t name;   /* of it, for the answer; or { NULL, 0 } */
    eirc_slice_t ticket; /* behind "eirc.ticket."; or { NULL, 0 } */
} eirc_protocol_t;

/*
 * Reads one header line; p is zeroed before the first one.  The order is the
 * client's: the first name that is one of ours is taken, other names are
 * passed over.  A ticket is never what is answered; the first one counts.
 * EIRC_ERROR: not a list of tokens.
 */
int eirc_protocol_read(eirc_protocol_t *p, const uint8_t *header, size_t len);

#endif /* _EIRC_PROTOCOL_H_INCLUDED_ */
