/*
 * What a person types: text for the window that is shown, or a command. It
 * becomes messages for the core, and what is shown of them. Called by ui.c.
 * No I/O.
 */

#ifndef _TYPED_H_INCLUDED_
#define _TYPED_H_INCLUDED_

#include "chat.h"

/* A line, in UTF-8. */
void typed_line(chat_t *c, eirc_slice_t line);

/* The name of command i with its '/', sorted; NULL: there are not so many. */
const char *typed_command(unsigned i);

#endif /* _TYPED_H_INCLUDED_ */
