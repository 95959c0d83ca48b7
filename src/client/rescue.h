/*
 * The socket that a worker keeps for the day its socket layer is gone (a relay
 * has some of them), and how a socket layer knows one. Workers have the user ID
 * of nginx's workers, and may connect this socket to any short name, so the layer
 * must see on the connection itself whose it is. The socket has SO_PASSCRED, as
 * nothing that nginx connects has: by that the kernel gives it a name when it is
 * connected (unix(7)), which stays on the connection when the worker is dead.
 * A worker has no call to take the option away, and none to make another socket.
 * That the name comes this late is for speed: the kernel looks through all names
 * of the same hash for each new one.
 */

#ifndef _RESCUE_H_INCLUDED_
#define _RESCUE_H_INCLUDED_

/* Bytes of the longest name that it is connected to: with it an address is
 * shorter than any of TCP (sandbox.c). */
#define RESCUE_NAME_MAX 13

/* A new one; -1 and errno. */
int rescue_open(void);

/* Connects it to the socket of that name in the current directory. It can be
 * done once: what was connected stays what it is. -1 and errno: perhaps
 * later; ENAMETOOLONG: never. */
int rescue_reach(int fd, const char *name);

/* Is the peer of that accepted connection a rescue socket? What
 * can't be told counts as one. */
int rescue_is(int fd);

#endif /* _RESCUE_H_INCLUDED_ */
