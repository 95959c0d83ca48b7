/*
 * The address of a browser, as IRC servers are told it. No I/O; anybody may
 * call.
 */

#ifndef _ADDRESS_H_INCLUDED_
#define _ADDRESS_H_INCLUDED_

#include <stdbool.h>

/* the longest, terminated, with a zero in front */
#define ADDRESS_SIZE 48

/*
 * Writes the address, as nginx has it, in the one form that all have in common
 * (RFC 5952). An IPv4 address in one of IPv6 is an IPv4 address; "unix:", a
 * peer on this machine, is 127.0.0.1; and as a word on IRC can't begin with a
 * colon, an address that does so gets a 0 in front. false: it is none.
 */
bool address_write(char *out, const char *address);

#endif /* _ADDRESS_H_INCLUDED_ */
