/*
 * The loop of one user: browser's side, IRC connection and control channel,
 * with the timers, all waited for in one call (relay_wait.h). It moves bytes between descriptors and
 * segment, and calls the steps of user.h; it knows no line. Run by worker.c,
 * and by listen.c where irc-client stands alone.
 */

#ifndef _RELAY_H_INCLUDED_
#define _RELAY_H_INCLUDED_

#include "adopt.h"
#include "browser.h"
#include "relay_wait.h"
#include "user.h"

/* ms */
#define RELAY_REGISTER_TIME 30000 /* connected, and no 001 */
#define RELAY_LOGIN_TIME 15000    /* ... and no login */
#define RELAY_IDLE_TIME 120000    /* the server says nothing: PING */
#define RELAY_PONG_TIME 60000     /* ... and no answer */
#define RELAY_FULL_TIME 60000     /* the browser takes nothing */
#define RELAY_LEAVE_TIME 2000     /* QUIT, and the server says nothing more */
#define RELAY_LEAVE_MAX 8000      /* ... or talks on, and doesn't close */
#define RELAY_DRAIN_TIME 5000     /* the browser has gone, its lines wait */
#define RELAY_END_TIME 10000 /* last lines that the browser doesn't take */
#define RELAY_ASK_TIME 1000  /* the socket layer can't be asked just now */

/* how relay_run() ends */
#define RELAY_ENDED 0
#define RELAY_MOVED 1
#define RELAY_FAILED 2

typedef enum {
    RELAY_TIMER_REGISTER = 0,
    RELAY_TIMER_IDLE,
    RELAY_TIMER_PONG,
    RELAY_TIMER_FULL,
    RELAY_TIMER_LEAVE,
    RELAY_TIMER_DRAIN,
    RELAY_TIMER_END,
    RELAY_TIMER_FLOOD,
    RELAY_TIMER_RETRY,
    RELAY_TIMER_LOGIN,
    RELAY_TIMER_NICK,
    RELAY_TIMER_LINGER,
    RELAY_TIMER_ADOPT,
    RELAY_TIMERS
} relay_timer_e;

typedef struct relay_s relay_t;

struct relay_s {
    user_t user;
    browser_t browser;
    int irc;     /* or -1 */
    int control; /* or -1 */
    int signals; /* or -1: readable when the process is to stop */

    /* what is shown to a new socket layer */
    int rescue;     /* the next socket for that */
    int rescues;    /* how many there are; 0: there can't be another layer */
    uint32_t layer; /* the number of the one that it has */
    int segment;
    eirc_slice_t passport;
    uint8_t key[EIRC_LINK_KEY_SIZE]; /* hashes of the keys of resuming */
    uint8_t next_key[EIRC_LINK_KEY_SIZE];
    bool resumed; /* the browser has come back with this attachment */

    const char *id;  /* the session's */
    uint32_t linger; /* ms that it waits for a browser that was lost */
    bool planned;    /* a predecessor has left in good order */
    bool anew;       /* nobody has been told yet that it begins anew */
    bool open;       /* there are no secrets: what comes for them is empty */

    /* the nick is another one now */
    void (*renamed)(const char *nick);

    /* the descriptor of secrets, which it closes: they came with a connection */
    login_t *(*remember)(int fd);

    /* the server wants TLS at this port, the connection was closed; where
     * user.sts.ask is set */
    void (*upgrade)(relay_t *r, uint16_t port);

    /* the secrets are not needed any more, by this connection */
    void (*forget)(login_t *login);

    /* the relay's own */
    uint64_t timers[RELAY_TIMERS]; /* when, in ms; 0: not set */
    uint64_t leave_end; /* ms: the last moment for RELAY_TIMER_LEAVE */
    relay_wait_t wait;
    int irc_error;
    bool irc_gone;
    bool irc_ready;   /* something may be read, or its end */
    bool irc_hangup;  /* nothing comes behind what is there but its end */
    bool irc_blocked; /* it takes no more bytes now */
    bool browser_blocked;
    bool browser_hangup;
    bool unheard; /* nothing was said under the present key */
    bool moving;  /* a successor is wanted */
    bool parting; /* ... as soon as IRC is left */
    adopt_t adopt;
    bool done;
};

/* A relay without anything, that waits with these descriptors
 * (relay_wait_open()). */
void relay_init(relay_t *r, int epoll, int timer);

/* The IRC connection is there, to number so-and-so of the servers, as number
 * so-and-so of the session's. */
void relay_connected(relay_t *r, int fd, uint32_t server, uint32_t connection);

/*
 * A successor takes over, from what the socket layer has put into its control
 * channel before it began; EIRC_ERROR: the segment can't be trusted. On the
 * way it may become plain that there is nothing to go on with.
 */
int relay_succeed(relay_t *r);

/* Runs until the user has ended (RELAY_ENDED); then the descriptors of browser
 * and IRC are closed. Or until a successor is to go on (RELAY_MOVED), who has
 * them as well. RELAY_FAILED, and errno: the kernel has no memory to wait. */
int relay_run(relay_t *r);

#endif /* _RELAY_H_INCLUDED_ */
