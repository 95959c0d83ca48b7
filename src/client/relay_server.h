/*
 * The relay's connection to the IRC server: bytes between it and the segment,
 * and how a successor takes it over from a process that died at any instant.
 * Only relay.c calls it.
 */

#ifndef _RELAY_SERVER_H_INCLUDED_
#define _RELAY_SERVER_H_INCLUDED_

#include "control.h"
#include "relay.h"

void relay_server_read(relay_t *r);

/* true if something went. Lines with secrets go in front of the segment's, but
 * never into one. */
bool relay_server_write_login(relay_t *r);
bool relay_server_write(relay_t *r);

/* It is gone, or given up; what was read before is still dealt with. */
void relay_server_close(relay_t *r, int error);

/* The secrets are of no use any more. */
void relay_server_forget(relay_t *r);

/*
 * A successor takes over what its predecessor had: fd, as the record says
 * (CONTROL_INHERITED). What that read and wrote without having noted it is
 * noted now. EIRC_ERROR: the counters contradict the segment, which can't be
 * trusted.
 */
int relay_server_inherit(relay_t *r, int fd, const control_short_t *c);

#endif /* _RELAY_SERVER_H_INCLUDED_ */
