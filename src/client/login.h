/*
 * Logging in to an account of the network: SASL while registering (cap.c has
 * asked for it), or NickServ where there is no SASL; and the password of the
 * server. All secrets, that of WEBIRC too, lie in a mapping of their own, which
 * whoever runs the user owns: a worker has it from the socket layer. What holds
 * a secret on its way to IRC waits here as well, never in the segment; the
 * relay sends it. Each function is part of a step of user.c.
 *
 *    LIST --> ASKED --> MECHANISM --> TALKING --> OVER
 *      |        |         |    ^         |          ^
 *      |        |         +----+ next    |          |
 *      +--------+--------------+---------+----------+
 *
 * LIST: of capabilities. ASKED: for the one. MECHANISM: named, the server is to
 * say that it knows it. Nothing of this is for the browser.
 */

#ifndef _LOGIN_H_INCLUDED_
#define _LOGIN_H_INCLUDED_

#include "eirc_base64.h"
#include "sasl.h"
#include "secrets.h"
#include "user.h"

/* the whole of it, as it is mapped */
#define LOGIN_SIZE 8192

/* a challenge as it comes: the longest, in base64 */
#define LOGIN_CHALLENGE_MAX EIRC_BASE64_ENCODED(SASL_CHALLENGE_MAX)

/* lines with secrets: the longest answer, in pieces with their words, behind
 * WEBIRC and PASS */
#define LOGIN_OUT_MAX 4096

typedef enum {
    LOGIN_NONE = 0,
    LOGIN_LIST,
    LOGIN_ASKED,
    LOGIN_MECHANISM,
    LOGIN_TALKING,
    LOGIN_OVER
} login_phase_e;

/* one connection's */
typedef struct {
    login_phase_e phase;
    bool cap;      /* the server knows of capabilities */
    bool wanted;   /* there is a mechanism that could be used */
    bool offered;  /* and has this one */
    bool tried;    /* a mechanism was named */
    bool identify; /* NickServ is to be told instead */
    uint32_t set;  /* mechanisms not tried yet */
    sasl_t sasl;
    size_t challenge_len;
    size_t out_len;
    size_t out_sent;
    uint8_t challenge[LOGIN_CHALLENGE_MAX];
    uint8_t out[LOGIN_OUT_MAX];
} login_talk_t;

/* written once, but for talk */
struct login_s {
    secrets_t secrets;
    bool negotiates; /* capabilities are asked for, whatever is wanted */
    login_talk_t talk;
};

/* Is there anything in them that a registration needs? */
bool login_needed(const secrets_t *secrets);

/* Begins anew, for a new connection; leaves it where a login is required that
 * can't be. */
void login_begin(user_t *u);

/* PASS, if there is a password of the server. */
void login_pass(user_t *u);

/* Does the browser have to wait? */
bool login_busy(const user_t *u);

/* There may be SASL now, or there is none. */
void login_try(user_t *u);
void login_skip(user_t *u, const char *why);

/* AUTHENTICATE of the server, and the numerics 902 to 908. */
void login_challenge(user_t *u, eirc_slice_t piece);
void login_numeric(user_t *u, int number, const eirc_irc_msg_t *msg);

/* 001, whether that was waited for or not; end of the message of the day */
void login_welcome(user_t *u);
void login_ready(user_t *u);

/* The server has been silent for too long. */
void login_late(user_t *u);


/* Lines with secrets, for the relay: they go before all others. */

/* Adds one; EIRC_ERROR: no room. */
int login_out_add(user_t *u, const eirc_slice_t *parts, unsigned n);

eirc_slice_t login_out_pending(const user_t *u);
void login_out_sent(user_t *u, size_t n);

/* Is nothing of it needed any more by this connection? */
bool login_is_over(const user_t *u);

#endif /* _LOGIN_H_INCLUDED_ */
