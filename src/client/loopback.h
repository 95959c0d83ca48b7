/*
 * IRC servers on this machine, by address: connect() has the answer of such a
 * one before it returns, so that a session need not wait for the connector, nor
 * wake it.
 */

#ifndef _LOOPBACK_H_INCLUDED_
#define _LOOPBACK_H_INCLUDED_

#include "eirc_link.h"
#include "pace.h"

/*
 * A connection to that server, the caller's, if its address is one of the
 * loopback device (127.0.0.0/8, ::1) and it stands at once; name has it as
 * "host port". -1: nothing is left behind, and the connector is to try.
 */
int loopback_connect(const eirc_link_server_t *server,
                     char name[PACE_NAME_SIZE]);

#endif /* _LOOPBACK_H_INCLUDED_ */
