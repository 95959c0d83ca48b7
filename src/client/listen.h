/*
 * Standing alone: the same client for another program, which connects to a
 * UNIX stream socket DIR/irc-client-ID.sock and speaks lines ending in LF; or,
 * without such a directory, for a person at a terminal. Called by main.c and
 * nobody else.
 */

#ifndef _LISTEN_H_INCLUDED_
#define _LISTEN_H_INCLUDED_

/*
 * Runs with the arguments of the command line; options that it doesn't know
 * are ignored, as they always were. Returns the exit code: 0, or 1.
 */
int listen_main(int argc, char **argv);

#endif /* _LISTEN_H_INCLUDED_ */
