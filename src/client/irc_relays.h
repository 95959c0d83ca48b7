/*
 * The socket layer's relays (irc_relay.h), each for some users of one server.
 * A connection goes to the first relay of its server that has room, or to a
 * new one; a relay that nobody needs is let go.
 */

#ifndef _IRC_RELAYS_H_INCLUDED_
#define _IRC_RELAYS_H_INCLUDED_

#include "helper.h"
#include "layer.h"
#include "sessions.h"

struct irc_relay_s {
    helper_t helper;
    uint32_t slot; /* of layer_t */
    uint32_t users;
    uint32_t users_max;
    uint64_t idle_since; /* ms */
    uint32_t events;     /* that it was allowed to have in the log */
    int blocked;         /* flag: its socket is full */
    int drains;          /* flag: it takes no new users */
    int tls;             /* flag: its server has TLS; as far as we know */
    char id[EIRC_LINK_ID_MAX + 1];

    /* irc_strangers.c */
    int stranger;  /* flag: not our child; its end is that of its socket */
    int listed;    /* flag: it has said what it carries */
    pid_t process; /* for logs */

    /* of connections that it had before we knew it, from malloc */
    uint64_t *ids;
    uint32_t nids;

    size_t len;
    uint8_t server[]; /* entry and TLS, as the relay got it */
};

/*
 * A relay takes the session's new connection fd, to server number so-and-so of
 * its own; s->irc is its other end from now on. 0, or -1 and errno; fd stays
 * the caller's. What comes of it is told to dial_relayed().
 */
int irc_relays_carry(layer_t *l, held_t *s, uint32_t server, int fd);

/* The relay in this slot has something to say. */
void irc_relays_read(layer_t *l, uint64_t slot);

/* Is that process a relay? */
int irc_relays_has(const layer_t *l, pid_t pid);

/* Was that the end of a relay? Who waited for it is told. */
int irc_relays_reaped(layer_t *l, pid_t pid, int status);

/* Lets go of relays without users; when there is more to do, in ms, or 0. */
uint64_t irc_relays_expire(layer_t *l);

/* A new one in a free slot, with room for so many bytes about its server; NULL
 * and errno. */
irc_relay_t *irc_relays_add(layer_t *l, size_t len);

/* Forgets a relay, and tells who waits for it. */
void irc_relays_remove(layer_t *l, irc_relay_t *r);

/* Lets go of all of them: they end behind their users. */
void irc_relays_end(layer_t *l);

#endif /* _IRC_RELAYS_H_INCLUDED_ */
