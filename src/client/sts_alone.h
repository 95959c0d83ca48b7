/*
 * Policies of strict transport security for clients that stand alone: a file
 * of them, one in a line, host, port and the second up to which nothing but
 * TLS at that port will do.
 */

#ifndef _STS_ALONE_H_INCLUDED_
#define _STS_ALONE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

/* policies in a file; those that end first make room */
#define STS_ALONE_MAX 500

/* The file for who names none: below $XDG_STATE_HOME, or ~/.local/state. Empty
 * where there is no such place. */
void sts_alone_path(char *out, size_t size);

/* The port at which a host wants TLS, or 0. */
uint16_t sts_alone_find(const char *path, const char *host, uint64_t now);

/* Keeps a policy up to that second, or, with 0, none. 0, or -1 with errno. */
int sts_alone_set(const char *path, const char *host, uint16_t port,
                  uint64_t until, uint64_t now);

#endif /* _STS_ALONE_H_INCLUDED_ */
