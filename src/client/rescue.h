/*
 * The socket that a worker keeps for the day its socket layer is gone (a relay
 * has some of them), and how a socket layer knows one. Workers have the user ID
 * of nginx's workers, and may connect this one socket to any path, so the layer
 * must see on the connection itself whose it is. The socket is bound before the
 * sandbox is entered, to a name that the kernel chooses: it cannot be bound
 * again, a worker has no calls to make another, and the name stays on the
 * connection when the worker is dead. What nginx connects has no name.
 */

#ifndef _RESCUE_H_INCLUDED_
#define _RESCUE_H_INCLUDED_

/* A new one; -1 and errno. */
int rescue_open(void);

/* Connects it to the socket layer with that number in the current directory. It
 * can be done once: what was connected stays what it is. -1 and errno: perhaps
 * later. */
int rescue_reach(int fd, unsigned number);

/* Is the peer of that accepted connection a rescue socket? What
 * can't be told counts as one. */
int rescue_is(int fd);

#endif /* _RESCUE_H_INCLUDED_ */
