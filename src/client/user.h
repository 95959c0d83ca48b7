/*
 * One user between the browser and an IRC server: everything but I/O. The
 * worker brings bytes from IRC into the segment's area and messages into its
 * place for them, and calls the steps until they have nothing more to do; each
 * step takes one line and commits the whole of its effect. What is to be sent
 * to either side then lies in the segment.
 */

#ifndef _USER_H_INCLUDED_
#define _USER_H_INCLUDED_

#include <stdbool.h>
#include <stdint.h>

#include "eirc_irc.h"
#include "eirc_link.h"
#include "events.h"
#include "request.h"
#include "session.h"
#include "state.h"

/* What our own PING says; the answer is nothing for the browser. */
#define USER_PING "eirc"

/* what others see of an end without words of its own: docs/commands.md */
#define USER_QUIT "QUIT :eIRC ( https://github.com/jesse-greathouse/eIRC )"

typedef struct user_s user_t;
typedef struct login_s login_t;

struct user_s {
    session_t session;
    state_t state;
    uint64_t now;      /* ms, set by the worker before it calls */
    eirc_slice_t line; /* the one from IRC that is being dealt with */
    login_t *login;    /* whose memory is the owner's; NULL: none */

    bool raw;        /* the browser may send IRC lines without a command */
    bool deaf;       /* nobody listens any more: nothing is told */
    bool joining;    /* there may be channels to ask for */
    bool renamed;    /* the nick is another one, for the process's title */
    bool full;       /* a step waits for room in the ring */
    bool rebuilding; /* members of a channel are to be asked for (rebuild.h) */
    uint64_t wait;   /* ms until flood control lets the next line pass, or 0 */
    uint64_t burst_wait; /* the same for what burst.h has to ask */

    uint32_t servers; /* that can be asked for again; 0: nobody can be asked */
    uint64_t retry;   /* when to ask for a connection, ms; 0: not */
    uint32_t random;

    /* regain.h: when to ask for the nick wished for, ms, 0: not; when that was
     * last done; the wait then; no answer yet */
    struct {
        uint64_t next;
        uint64_t asked;
        uint64_t wait;
        bool open;
    } regain;

    /* sts.h: it is wanted; a password waits for it; this connection has TLS; something waits for the
     * list of capabilities; the port at which the server wants TLS, or 0 */
    struct {
        bool ask;
        bool holds;
        bool secure;
        bool held;
        uint16_t port;
    } sts;

    bool over;       /* the server has said ERROR: it closes, or should */
    bool introduced; /* it was told by WEBIRC whose connection it is */
    bool passed;     /* and its password by PASS */

    void (*event)(user_t *u, event_type_e type, int32_t status,
                  eirc_slice_t text);
    void *data; /* whose user it is */
};

/*
 * Begins in a fresh segment with this request, or, without one, goes on in the
 * segment that another process has left. EIRC_ERROR: it isn't fresh, or can't
 * be trusted.
 */
int user_init(user_t *u, void *segment, size_t size, uint32_t replay,
              const request_t *r, uint32_t seed, uint64_t now);

/*
 * Begins anew in the segment of processes that died of it, or that can't be
 * trusted, as far as it tells who the user is; EIRC_ERROR: it does not. The
 * browser is told.
 */
int user_init_anew(user_t *u, void *segment, size_t size, uint32_t replay,
                   uint32_t seed, uint64_t now);
void user_done(user_t *u);

/* The IRC connection is there: says who the user is. */
void user_connected(user_t *u, uint32_t server);

/* There is none to be had, or it is gone (error: errno, or 0): tells it; the
 * user has ended then, or u->retry says when to ask for the next one. */
void user_unreachable(user_t *u);
void user_irc_lost(user_t *u, int error);

/* Nobody listens any more: what was to be told is dropped. */
void user_deafen(user_t *u);

/*
 * A browser is there, for the first time or again, as number so-and-so: it has
 * so many lines, and gets what is behind them; or, where that isn't there any
 * more, the state of everything (burst.h).
 */
void user_attached(user_t *u, uint32_t attachment, uint64_t lines);

/* The browser is gone: leaves IRC at once; or waits for it to come back. */
void user_left(user_t *u);
void user_detached(user_t *u);

/* The browser takes nothing: leaves, and says no more to it. */
void user_slow(user_t *u);

/* Leaves for a reason of ours. */
void user_stop(user_t *u, uint32_t reason);

/* Leaves IRC, and nothing else: the next connection is to go on. false: there
 * is no good-bye to be said, or nobody who could go on. */
bool user_part(user_t *u);

/*
 * Steps: EIRC_OK when one was taken, EIRC_AGAIN when there is nothing to do,
 * or no room to do it in.
 */
int user_step_irc(user_t *u);
int user_step_message(user_t *u);
int user_step_join(user_t *u);
int user_step_ask(user_t *u);
int user_step_burst(user_t *u);

/* Asks the server for a sign of life; for the nick wished for. */
void user_ping(user_t *u);
void user_regain(user_t *u);


/* Is it over, or about to be? */
bool user_is_leaving(const user_t *u);
bool user_has_ended(const user_t *u);


/* For handle.c, command.c and registration.c, within a step: */

/* to the browser: a line; words as :client error, or as FAIL on IRCv3's way;
 * dropped without room */
void user_tell(user_t *u, eirc_slice_t line);
void user_tell_error(user_t *u, eirc_slice_t words);

/* to IRC: a line, or words in front and text behind them, cut to fit */
int user_send(user_t *u, eirc_slice_t line);
int user_send_text(user_t *u, const char *words, eirc_slice_t text);

eirc_slice_t user_nick(const user_t *u);
session_mode_e user_mode(const user_t *u);
void user_nick_set(user_t *u, eirc_slice_t nick);

/* PART and QUIT, or a QUIT of the user's own. */
void user_leave(user_t *u, uint32_t reason, eirc_slice_t quit);

#endif /* _USER_H_INCLUDED_ */
