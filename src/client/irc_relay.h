/*
 * A relay: a process that speaks TLS with one IRC server for some of its
 * users, and carries bytes between each of those connections and the socket
 * of the user's worker. It is told of its server first, loads what it needs
 * for it, and closes itself into its sandbox before it takes a connection.
 * Without a socket layer it goes on with what it has.
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
