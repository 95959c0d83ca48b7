/*
 * Sets of characters for a client that stands alone: what the command line
 * says of them.
 */

#ifndef _CHARSET_ALONE_H_INCLUDED_
#define _CHARSET_ALONE_H_INCLUDED_

#include "request.h"

/* values of options; NULL: not given */
typedef struct {
    const char *in;  /* what lines that aren't UTF-8 are in */
    const char *out; /* what goes to the server */
    const char *recode;
} charset_alone_t;

/* Makes it part of the request. EIRC_ERROR: *error says why, *value of which
 * word. */
int charset_alone_set(request_t *r, const charset_alone_t *o,
                      const char **error, const char **value);

#endif /* _CHARSET_ALONE_H_INCLUDED_ */
