/*
 * WEBIRC: tells the IRC server, before anything else, whose connection it is,
 * and proves with a password that we may say so. Part of a step of user.c.
 */

#ifndef _WEBIRC_H_INCLUDED_
#define _WEBIRC_H_INCLUDED_

#include "user.h"

/* Says it, if the location has a password for it. */
void webirc_say(user_t *u);

#endif /* _WEBIRC_H_INCLUDED_ */
