/*
 * What the socket layer holds of one session: made, handed on, let go. When
 * and why is decided in birth.c, dial.c and keeper.c.
 */

#ifndef _HELD_H_INCLUDED_
#define _HELD_H_INCLUDED_

#include "control.h"
#include "eirc_link.h"
#include "layer.h"
#include "sessions.h"

/* Gives a new session its ID, segment and control channel; -1 and errno, with
 * what there is so far left in place. It holds what the request says. */
int held_equip(layer_t *l, held_t *s, const eirc_link_session_t *request);

/* Memory for a segment with so many bytes of replay ring; -1 and errno. */
int held_segment_open(uint32_t replay);

/* A control channel for the next worker, or none any more; -1 and errno. */
int held_control_open(layer_t *l, held_t *s);
void held_control_close(layer_t *l, held_t *s);

/* It is another session now; -1 and errno. */
int held_id_renew(layer_t *l, held_t *s);
/* Fills what limits a worker. */
void held_buckets_fill(const layer_t *l, held_t *s);

/* Has a session with an ID learn what its request says, and signs its passport;
 * -1 and errno. */
int held_learn(layer_t *l, held_t *s, const eirc_link_session_t *request);

/* The server with this number is to be reached with TLS at that port, from now
 * on; -1: it has it already, or there is no memory. */
int held_server_secure(layer_t *l, held_t *s, uint32_t number, uint16_t port);

/* Lets go of everything, and forgets the session. */
void held_clear(layer_t *l, held_t *s);

/* Closes a link, if there is one, so that what was sent before still arrives.
 */
void held_link_close(int *fd);

/* Says why a link ends, and lets go of it, if there is one: the process still
 * has it. */
void held_link_end(int *fd, eirc_link_reason_e reason);

/* Tells the peer on a link why there is no session, and closes it. */
void held_link_refuse(int *fd, eirc_link_reason_e reason, const char *text);

/* The same for a session that has been begun, which is cleared; END for one
 * that has stood. */
void held_refuse(layer_t *l, held_t *s, eirc_link_reason_e reason,
                 const char *text);

/* Tells the worker; fd, or -1, stays the layer's. */
void held_tell(held_t *s, control_t *c, int fd);

/* Ends the worker at once, if there is one. */
void held_signal(const held_t *s);

/* The session's worker has stopped, and waits for one that takes its offer. */
void held_before_begin(layer_t *l, held_t *s, uint32_t offer);

/* Ends the one that waits, at once, if there is one. */
void held_before_end(held_t *s);

/* The worker is not one of another layer's any more. */
void held_pidfd_close(layer_t *l, held_t *s);

/* A worker that breaks the rules: its end comes back as any other's. */
void held_kill(held_t *s, const char *why);

/* Gives the connection to IRC up, if there is one. */
void held_irc_close(held_t *s);

/* Closes and forgets a descriptor, if there is one. */
void held_fd_close(int *fd);

#endif /* _HELD_H_INCLUDED_ */
