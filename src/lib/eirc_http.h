/*
 * What the headers of a handshake are made of (RFC 7230, 3.2.6 and 7), for
 * whoever reads one of them.
 */

#ifndef _EIRC_HTTP_H_INCLUDED_
#define _EIRC_HTTP_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_slice.h"

/* a header's value, or what is left of it */
typedef struct {
    const uint8_t *pos;
    const uint8_t *end;
} eirc_http_t;

/* Passes over spaces and tabs. */
void eirc_http_space(eirc_http_t *h);

/* Takes the character c and the space around it, if it is what comes next. */
bool eirc_http_take(eirc_http_t *h, uint8_t c);

/* Takes the token that comes next; { pos, 0 } if none does. */
eirc_slice_t eirc_http_token(eirc_http_t *h);

/*
 * Passes over the commas between two elements of a list, and over elements
 * that are empty, which are to be borne.  true: there is an element.
 */
bool eirc_http_element(eirc_http_t *h);

#endif /* _EIRC_HTTP_H_INCLUDED_ */
