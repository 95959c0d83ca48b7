/*
 * Bytes to lines: what comes from IRC is cut at LF and made fit for the
 * browser, what comes from the browser is made fit for IRC. Called by user.c
 * and command.c. No I/O.
 */

#ifndef _LINE_H_INCLUDED_
#define _LINE_H_INCLUDED_

#include "session.h"

/*
 * The next line from IRC, without its end; *taken is what it takes of the
 * bytes pending. EIRC_AGAIN: there is no whole one. A line that is longer than
 * any may be is cut, and its rest passed over.
 */
int line_next(session_t *s, eirc_slice_t *line, size_t *taken);

/* Without the tags, and the spaces behind them. */
eirc_slice_t line_without_tags(eirc_slice_t line);

/* May the browser see it as it is?  No NUL, CR; UTF-8, unless it has bytes as
 * they are (binary), and in no other set of characters; not too long. */
bool line_fit(const session_t *s, eirc_slice_t line);

/*
 * Makes a line fit, in buf, which holds EIRC_LINK_LINE_MAX bytes: what is no
 * UTF-8 is taken for what the session says, or Windows-1252. Tags stay as they
 * are where they are UTF-8. Returns its length.
 */
size_t line_repair(const session_t *s, uint8_t *buf, eirc_slice_t line);

/* Does the server want it in another set of characters? */
bool line_needs_encoding(const session_t *s, eirc_slice_t line);

/* Such a line in that set; in buf, which has room for the line as it is. Tags
 * are always UTF-8. */
eirc_slice_t line_encode(const session_t *s, uint8_t *buf, eirc_slice_t line);

/* Of the first max bytes of more: so many that no character is cut. */
size_t line_prefix(const uint8_t *p, size_t max);

/* With its tags, and at most max bytes behind them, cut between characters. */
eirc_slice_t line_cut(eirc_slice_t line, size_t max);

/*
 * A line as IRC may see it: without tags and the spaces in front, cut to max
 * bytes between two characters. May be empty.
 */
eirc_slice_t line_for_irc(eirc_slice_t line, size_t max);

/* Words behind a head, as UTF-8, cut to fit. Returns the length. */
size_t line_words(uint8_t *buf, size_t size, const char *head,
                  eirc_slice_t words);

#endif /* _LINE_H_INCLUDED_ */
