/*
 * Strict transport security (IRCv3 sts): a server that is reached without TLS
 * says at which port it wants to be reached with it, and with TLS, for how
 * long nothing else will do. For a client that stands alone, where its owner
 * wants it (u->sts.ask); elsewhere the capability is nobody's. Called by
 * handle.c and registration.c within a step; the relay does what u->sts.port
 * asks for.
 */

#ifndef _STS_H_INCLUDED_
#define _STS_H_INCLUDED_

#include "user.h"

/* seconds that a policy lasts at most: some years */
#define STS_DURATION_MAX 100000000

typedef struct {
    uint16_t port;     /* 0: none that can be */
    uint32_t duration; /* s */
    bool lasts;        /* there is a duration */
} sts_t;

/* The value of the capability; keys that aren't known don't matter. */
void sts_read(sts_t *sts, eirc_slice_t value);

/* A CAP line of the server. true: the connection is to be left for another
 * one, and the line is dealt with. */
bool sts_cap(user_t *u, const eirc_irc_msg_t *msg);

/* The server knows nothing of capabilities. */
void sts_unknown(user_t *u);

/* The server has been silent for too long. */
void sts_late(user_t *u);

/* Is what would come now to wait for the list of capabilities?  A password is
 * not for everybody to read. */
bool sts_holds(user_t *u);

/* The connection was left; the next one has TLS. */
void sts_leave(user_t *u);

#endif /* _STS_H_INCLUDED_ */
