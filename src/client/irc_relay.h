/*
 * A relay: a process that carries bytes between connections to one IRC server,
 * with TLS or to a UNIX socket, and the workers of some of its users. It is
 * told of its server first, loads what it needs for it, and closes itself into
 * its sandbox before it takes a connection. Without a socket layer it goes on
 * with what it has.
 */

#ifndef _IRC_RELAY_H_INCLUDED_
#define _IRC_RELAY_H_INCLUDED_

/* users of one relay, unless the layer is told another number */
#define IRC_RELAY_USERS 250
#define IRC_RELAY_USERS_MAX 1000

/* Serves the socket layer on HELPER_FD, and its users to their end; an exit
 * code. */
int irc_relay_run(void);

#endif /* _IRC_RELAY_H_INCLUDED_ */
