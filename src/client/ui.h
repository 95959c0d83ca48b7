/*
 * Standing alone on a terminal: the browser's side of a user is a person with
 * a screen and a keyboard, who speaks eIRC's way (docs/commands.md). Called by
 * listen.c and nobody else. It sees no server.
 */

#ifndef _UI_H_INCLUDED_
#define _UI_H_INCLUDED_

#include "browser.h"

/* Is there a terminal at standard input and output? */
bool ui_possible(void);

/*
 * Takes the terminal and becomes the browser. EIRC_ERROR, with words about it
 * in *why: it can't be had.
 */
int ui_init(browser_t *b, const char *server, const char *nick, uint32_t seed,
            const char **why);

/* Words for the server's window, and at once on the screen. */
void ui_say(const char *words, const char *more);

/* Gives the terminal back, and says why it ended unless the person wanted
 * that. */
void ui_done(void);

#endif /* _UI_H_INCLUDED_ */
