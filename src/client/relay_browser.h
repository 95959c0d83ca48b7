/*
 * The relay's browser: coming, going, coming back. Behind it is nginx, or
 * whatever browser.h stands for. Only relay.c calls it.
 *
 *     (none) --attach--> attached --lost--> lingering --attach--> attached
 *                           |                   |
 *                           +--END, or no       +--linger time--> left
 *                              way back--> left
 */

#ifndef _RELAY_BROWSER_H_INCLUDED_
#define _RELAY_BROWSER_H_INCLUDED_

#include "control.h"
#include "relay.h"

/* A link, as CONTROL_ATTACH has it: the first one of a successor, or that of a
 * browser that came back, which ends the present one. */
void relay_browser_attach(relay_t *r, int fd, const control_short_t *c);

/* A successor that has no link: its session waits for a browser. */
void relay_browser_missing(relay_t *r);

/* The other end is closed. What it said before that still goes, for a while;
 * but not before there is a registered user to say it. */
void relay_browser_hung_up(relay_t *r);

/* It is gone: the session waits for it to come back, or ends. */
void relay_browser_gone(relay_t *r);

/* It takes nothing. */
void relay_browser_slow(relay_t *r);

void relay_browser_close(relay_t *r);

/* Is there a message that has not been dealt with? */
bool relay_browser_pending(const relay_t *r);

/* May it say something now? */
bool relay_browser_wanted(const relay_t *r);

/* true if a message came */
bool relay_browser_read(relay_t *r);

/* true if something went, so that there is room again */
bool relay_browser_write(relay_t *r);

#endif /* _RELAY_BROWSER_H_INCLUDED_ */
