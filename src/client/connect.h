/*
 * The connector: a process that resolves names and connects to IRC servers for
 * all sessions of a socket layer, and so the only one that needs the resolver's
 * files, and the network beyond this machine. It tries the servers of a session in turn, and
 * paces what comes back to a server at once; the connected descriptor goes to
 * the layer. Waiting before coming back is the worker's affair.
 */

#ifndef _CONNECT_H_INCLUDED_
#define _CONNECT_H_INCLUDED_

/* Serves the socket layer on HELPER_FD until its end; an exit code. */
int connect_run(void);

#endif /* _CONNECT_H_INCLUDED_ */
