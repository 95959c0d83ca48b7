/*
 * What permessage-deflate agrees on: the offers of a client
 * (Sec-WebSocket-Extensions, RFC 6455, 9.1) are read, the first that can be
 * met is taken, and the answer is written (RFC 7692, 5 and 7.1).  No zlib
 * here: compressing is done where the memory for it is.
 */

#ifndef _EIRC_DEFLATE_H_INCLUDED_
#define _EIRC_DEFLATE_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_limits.h"

/* what the server wants, and what both have agreed on */
typedef struct {
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    uint8_t server_window_bits; /* 8 to 15 */
    uint8_t client_window_bits; /* 8 to 15 */
    bool server_window_stated;  /* agreed: the answer names the server's */
    bool client_window_stated;  /* agreed: the answer names the client's */
} eirc_deflate_t;

/*
 * Reads one header line of len bytes.  want holds the server's own bounds: it
 * never keeps a context or uses a window larger than that, and asks the
 * client for no more either, as far as the offer permits to ask.
 *
 *     EIRC_OK     an offer was taken: *agreed is set
 *     EIRC_DONE   none that can be met; the next line may have one
 *     EIRC_ERROR  not an extension list: the handshake fails (RFC 6455, 9.1)
 *
 * An offer is passed over when it has a parameter that is unknown, stands
 * twice, lacks its value or has a wrong one (RFC 7692, 7.1), or when it
 * demands a window that deflate cannot do.  A client's window that is wanted
 * smaller but cannot be asked for is not a reason: whoever inflates then has
 * to cope with 15 bits, and finds 15 in *agreed.
 */
int eirc_deflate_negotiate(eirc_deflate_t *agreed, const eirc_deflate_t *want,
                           const uint8_t *header, size_t len);

/*
 * Writes the value of the answer's header to out, which has room for
 * EIRC_DEFLATE_ANSWER_MAX bytes, and returns its length.
 */
size_t eirc_deflate_answer(uint8_t *out, const eirc_deflate_t *agreed);

#endif /* _EIRC_DEFLATE_H_INCLUDED_ */
