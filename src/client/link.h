/*
 * The link as the worker sees it (docs/link.md): the request at its beginning,
 * then records. The descriptor stays the worker's.
 */

#ifndef _LINK_H_INCLUDED_
#define _LINK_H_INCLUDED_

#include "browser.h"

/* what is to be read of USER, header included */
#define LINK_USER_MAX (EIRC_LINK_HEADER_SIZE + EIRC_LINK_USER_MAX)

void link_init(browser_t *b, int fd);

/*
 * Waits for USER, at most so many ms, and reads it into buf, which holds
 * LINK_USER_MAX bytes; *json is within. EIRC_ERROR: it didn't come, or is no
 * USER.
 */
int link_user_read(int fd, int ms, uint8_t *buf, eirc_slice_t *json);

/* Answers the request; to say yes is the browser's greeting. */
void link_refuse(int fd, uint32_t reason, const char *text);

#endif /* _LINK_H_INCLUDED_ */
