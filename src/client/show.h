/*
 * Lines as the core tells them (docs/commands.md), put into words in the
 * window that they belong to. Called by ui.c. No I/O.
 */

#ifndef _SHOW_H_INCLUDED_
#define _SHOW_H_INCLUDED_

#include "chat.h"

void show_line(chat_t *c, eirc_slice_t line);

#endif /* _SHOW_H_INCLUDED_ */
