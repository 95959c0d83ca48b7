/*
 * All users of a soak: each has a browser (browser.h) and a connection that
 * the IRC server sees (server.h), with the product between them. Lines go both
 * ways; since both ends are in this process, either knows what the other one
 * has sent. Counted is everything that happens.
 */

#ifndef _SOAK_CROWD_H_INCLUDED_
#define _SOAK_CROWD_H_INCLUDED_

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "histogram.h"
#include "line.h"
#include "loop.h"
#include "stream.h"

#define CROWD_USERS_MAX 4096
#define CROWD_TROUBLES 20
#define CROWD_CODES 16

/* "ID.KEY" */
#define BROWSER_KEY_SIZE 128

typedef struct crowd_s crowd_t;
typedef struct user_s user_t;

/* lines of one user, one way */
typedef struct {
    uint32_t sent;  /* numbers below it were sent */
    uint32_t next;  /* the one that has to come next */
    uint32_t waved; /* nobody waits for those below it any more */
    uint64_t after; /* no line is sent before, ns */
} flow_t;

typedef enum {
    MESSAGE_LINES = 0,
    MESSAGE_EMPTY,
    MESSAGE_ASK /* "/channels" */
} message_kind_e;

/* what a browser has sent and may have to send again */
typedef struct {
    uint32_t first; /* line */
    uint16_t n;
    uint16_t kind;
} message_t;

typedef enum {
    BROWSER_AWAY = 0, /* will come at its time */
    BROWSER_COMING,
    BROWSER_GREETING, /* behind the 101, ":client ..." is awaited */
    BROWSER_THERE,
    BROWSER_LEFT
} browser_state_e;

typedef struct {
    stream_t stream; /* first */
    user_t *user;
    browser_state_e state;
    uint64_t at;    /* when it comes back, ns */
    unsigned tries; /* with tokens */
    bool joined;    /* it has heard the end of NAMES */
    bool cut;       /* by us: its end is no news */
    bool told;      /* of a session that can be resumed, once at least */
    char key[BROWSER_KEY_SIZE];
    uint64_t received; /* counted messages of the server's */

    /* its own, from number base on */
    uint64_t base;
    message_t *kept;
    size_t kept_first;
    size_t kept_n;
    size_t kept_size;

    uint32_t asked; /* "/channels" */
    uint32_t answered;
    uint32_t asked_lost;
} browser_t;

typedef struct peer_s peer_t;

struct user_s {
    crowd_t *crowd;
    uint32_t index;
    browser_t browser;
    peer_t *peer; /* its connection, of the IRC server's */
    flow_t up;
    flow_t down;
    unsigned connections;
    bool lenient;       /* its state may be dropped: lines may be missing */
    uint64_t killed;    /* its process, when; 0: it has been heard since */
    uint64_t killed_by; /* the same, until a line said since is heard */
};

/* a close code or a status, and how often */
typedef struct {
    int code;
    unsigned n;
} crowd_code_t;

/* since the last mark */
typedef struct {
    uint64_t up;
    uint64_t down;
    uint64_t lost;
    uint64_t doubled;
    uint64_t spoiled;
    uint64_t leaked;  /* somebody else's, and whole */
    uint64_t strange; /* things that nobody expects */
    uint64_t waved;   /* lines lost of those whose state was dropped */
    uint64_t connections;
    uint64_t ends; /* of connections of the IRC server's */
    uint64_t quits;
    uint64_t opened; /* WebSockets */
    uint64_t sessions;
    uint64_t resumed;
    uint64_t gaps;
    uint64_t cuts;
    uint64_t errors; /* told to browsers */
    uint64_t kills;
    uint64_t stepped;
    uint64_t again;
    crowd_code_t codes[CROWD_CODES];
    uint64_t begun;
    uint64_t first_restart; /* 1012 */
    uint64_t last_restart;
    uint64_t last_resumed;
    histogram_t pause; /* from a kill to the next line */
    histogram_t delay; /* ... to the first line said since */
    histogram_t back;  /* from the end of a WebSocket to the resumption */
    char troubles[CROWD_TROUBLES][160];
    unsigned ntroubles;
} figures_t;

struct crowd_s {
    loop_t loop;
    struct sockaddr_in http;
    const char *path; /* and a number behind it */
    const char *resume_path;
    char prefix[16]; /* of nicks */
    bool resume;
    bool talking;
    uint32_t window;  /* lines on their way, at most */
    uint32_t pace_us; /* before each line, at most */
    unsigned nusers;
    unsigned coming;
    user_t *users;
    figures_t figures;
};


/* 0, or -1 */
int crowd_make(crowd_t *c, unsigned nusers);

/* Something that should not have happened, in words. */
__attribute__((format(printf, 2, 3))) void
crowd_trouble(user_t *u, const char *format, ...);

/* The same, unless the user's state may be dropped. */
__attribute__((format(printf, 2, 3))) void
crowd_expect(user_t *u, const char *format, ...);

void crowd_code(crowd_t *c, int code);

/* Figures begin anew. */
void crowd_mark(crowd_t *c);

/* The user whose nick it is, or NULL. */
user_t *crowd_find(crowd_t *c, eirc_slice_t nick);

size_t crowd_nick(const user_t *u, char *out, size_t cap);

/* May the flow's next line be sent? The time before the one behind it is
 * taken anew. */
bool crowd_may_send(const crowd_t *c, flow_t *f, uint64_t now);

/* A line came: is it the one that had to? */
void crowd_heard(user_t *u, line_way_e way, eirc_slice_t text);

/* Those on their way won't come; only of one whose state may be dropped. */
void crowd_wave(user_t *u, flow_t *f);

/* the process of a user was killed */
void crowd_killed(user_t *u, uint64_t time);

#endif /* _SOAK_CROWD_H_INCLUDED_ */
