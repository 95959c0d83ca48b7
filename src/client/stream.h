/*
 * The browser's side where irc-client stands alone: another program, on a UNIX
 * stream socket, whose lines end in LF. Each line is a message.
 */

#ifndef _STREAM_H_INCLUDED_
#define _STREAM_H_INCLUDED_

#include "browser.h"

/* There is one in a process. */
void stream_init(browser_t *b, int fd);

#endif /* _STREAM_H_INCLUDED_ */
