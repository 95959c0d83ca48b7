/*
 * The browser of a user: a WebSocket through nginx, which comes again when it
 * is cut off, resumes its session where it had asked for that, and sends again
 * what was not counted (docs/resume.md).
 */

#ifndef _SOAK_BROWSER_H_INCLUDED_
#define _SOAK_BROWSER_H_INCLUDED_

#include <stdint.h>

#include "crowd.h"

/* how a connection is cut */
typedef enum {
    BROWSER_CUT_CLEAN = 0, /* the end of the stream, and what comes is read */
    BROWSER_CUT_RESET,
    BROWSER_CUT_FRAME,  /* within a frame */
    BROWSER_CUT_SILENT, /* the connection stands, and nobody is there */
    BROWSER_CUT_CUTS
} browser_cut_e;


/* One who isn't there will come with a token. */
void browser_begin(user_t *u);

/* What is due: it comes, or comes back. */
void browser_tick(user_t *u, uint64_t now);

/* Sends what may be sent. */
void browser_talk(user_t *u, uint64_t now);

void browser_cut(user_t *u, browser_cut_e how);

/* Closes connections that were left standing; all of them, or the oldest. */
void browser_sweep(bool all);

/* Closes, for good. */
void browser_leave(user_t *u);

#endif /* _SOAK_BROWSER_H_INCLUDED_ */
