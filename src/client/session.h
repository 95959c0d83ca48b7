/*
 * The segment: what of a session must survive its process. A memfd that the
 * socket layer makes and the worker alone maps; standing alone, memory like
 * any other. Owned by the one process that opened it.
 *
 * The state is a structure in two copies. s->state is the idle copy: a step
 * prepares the whole of its effect there, and session_commit() makes it valid
 * by one store of the generation, whose lowest bit says which copy counts. A
 * process that dies in between has done nothing. The areas for bytes are there
 * once; what lies outside the committed positions does not exist. Therefore,
 * in each area, what frees room and what fills it are different steps.
 *
 * The list of channels is there twice as well, and is written anew into the
 * idle one in each step that changes it.
 *
 * No system calls.
 */

#ifndef _SESSION_H_INCLUDED_
#define _SESSION_H_INCLUDED_

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "bucket.h"
#include "eirc_charset.h"
#include "eirc_irc.h"
#include "eirc_limits.h"
#include "eirc_slice.h"

/* number of the layout; another one is another session */
#define SESSION_VERSION 3

/* pages cost memory when they are touched, and not before */
#define SESSION_PAGE 4096

/* where in a segment the number lies that every commit changes, 8 bytes: for
 * who copies it without a word to its process */
#define SESSION_GENERATION_AT 64

/* Bytes from IRC: twice the longest line and more, so that what is left of a
 * line can always be moved to the start without overlapping itself. */
#define SESSION_IN_SIZE (5 * SESSION_PAGE)

/* Bytes for IRC that flood control has let pass; a full area waits. */
#define SESSION_OUT_SIZE (4 * SESSION_PAGE)

/* One message of the browser, whole. */
#define SESSION_MESSAGE_SIZE EIRC_LINK_MESSAGE_MAX

/* Lines of the browser that let others go first (later.h): some hundreds. */
#define SESSION_LATER_SIZE (4 * SESSION_PAGE)

/* Either list of channels. They meet in the middle of a page, so that short
 * ones share it. */
#define SESSION_CHANNELS_SIZE (3 * SESSION_PAGE + SESSION_PAGE / 2)

/* A ring holds at least one line of any length and the words about it, beside
 * the quarter of it that nginx leaves unconfirmed (docs/directives.md,
 * eirc_replay). */
#define SESSION_RING_MIN (4 * SESSION_PAGE)

/* a key of a channel; servers have 23 to 32 */
#define SESSION_KEY_MAX 64

/* Sets of characters; no memory where there is none but the usual. */
#define SESSION_CHARSETS_SIZE SESSION_PAGE

/* what of 005 is kept, in the page that is there anyway; InspIRCd says 700
 * bytes, and what we act on is kept first */
#define SESSION_ISUPPORT_SIZE 1200

/* a verb of IRC, terminated; longer ones are none */
#define SESSION_VERB_SIZE 16

/* positions and counts that no session comes to */
#define SESSION_FAR (UINT64_C(1) << 62)

#define SESSION_REALNAME_MAX 255
#define SESSION_ADDRESS_MAX 63

/*
 *    NEW --> CONNECTING --> REGISTERING --> WELCOMED --> READY
 *                                 |             |          |
 *                                 +-------------+----------+--> LEAVING
 *
 * WELCOMED by 001, READY behind the message of the day. LEAVING: QUIT is on
 * its way. A connection lost leads back to CONNECTING, or to the end.
 */
typedef enum {
    SESSION_NEW = 0,
    SESSION_CONNECTING,
    SESSION_REGISTERING,
    SESSION_WELCOMED,
    SESSION_READY,
    SESSION_LEAVING,
    SESSION_PHASES
} session_phase_e;

/* how the browser speaks (docs/link.md, 6) */
typedef enum {
    SESSION_EIRC = 0,
    SESSION_TEXT,
    SESSION_BINARY,
    SESSION_MODES
} session_mode_e;

/* which of the sets of characters there are */
#define SESSION_CHARSET_IN 0x01u  /* what isn't UTF-8 is in it */
#define SESSION_CHARSET_ALL 0x02u /* ... and all the rest is, too */
#define SESSION_CHARSET_OUT 0x04u /* it goes to the server in it */

/* how the server is spoken with; written with the identity */
typedef struct {
    eirc_charset_t in;
    eirc_charset_t out;
} session_charsets_t;

/* who the user is; written once, before the first commit behind NEW */
typedef struct {
    char nick[EIRC_IRC_NICK_MAX + 1]; /* the one wished for */
    char username[EIRC_IRC_USER_MAX + 1];
    char realname[SESSION_REALNAME_MAX + 1];
    char account[EIRC_LINK_ACCOUNT_MAX + 1];
    char address[SESSION_ADDRESS_MAX + 1]; /* the browser's */
    uint32_t port;
    uint32_t local_port; /* of nginx, that the browser came to */
    uint32_t secure;     /* flag */
    uint32_t mode;
    uint32_t flood_rate;
    uint32_t flood_burst;
    uint32_t charsets; /* SESSION_CHARSET_... */
} session_identity_t;

/* positions of a linear area: bytes from tail to head are in use */
typedef struct {
    uint32_t tail;
    uint32_t head;
} session_span_t;

typedef struct {
    /* these two come first in every version: see session_salvage() */
    uint32_t channels; /* which list */
    uint32_t channels_len;

    /* counts of docs/link.md, 3 */
    uint64_t messages; /* taken from the link */
    uint64_t lines;    /* put into the ring */
    uint64_t sent;     /* sent over the link */
    uint64_t first;    /* the oldest one kept */

    /* ring positions grow for ever; the offset is the rest by the size */
    uint64_t ring_tail; /* oldest byte kept */
    uint64_t ring_sent; /* next byte to send */
    uint64_t ring_head;

    uint64_t detached; /* when the browser was lost, ms; 0: it is there */

    /* counters of the IRC connection when it was taken over, and what was read
     * and written since: these say what a step that was cut off has done */
    uint64_t irc_taken;
    uint64_t irc_given;
    uint64_t irc_read;
    uint64_t irc_written;

    bucket_t flood;

    session_span_t in;
    session_span_t out;
    session_span_t message; /* what is left of the browser's messages */
    session_span_t later;
    uint32_t skipping; /* flag: the rest of a line too long is passed over */
    uint32_t told;     /* names told of a long answer to the present line */

    uint32_t isupport_len;

    uint32_t phase;
    uint32_t caps;       /* bits of capabilities, for CAP */
    uint32_t server;     /* number of the server, of those in SESSION */
    uint32_t nicks;      /* nicks refused so far in this registration */
    uint32_t connection; /* its number, as the socket layer counts them */
    uint32_t attachment; /* and that of the browser's */
    uint32_t gap;        /* flag: lines were missing when that began */
    uint32_t burst;      /* what of burst.h is to be told; 0: nothing */
    uint32_t midline;    /* flag: a line of the out area has gone in part */
    uint32_t login;      /* flag: the login is not over (login.h) */
    uint32_t refused; /* flag: the server said that it won't have the user */
    uint32_t reason;  /* why it ends (docs/link.md, 7); 0: it does not */
    uint32_t ended;   /* flag: nothing more comes, the browser is told so */
    uint32_t pinged;  /* flag: our own PING has no answer yet */
    uint32_t stays;   /* flag: a server has taken the user before */
    uint32_t flow_lines; /* said since the server was asked for a PONG */
    uint32_t flow_bytes;
    uint64_t flow_asked; /* when that was, ms; 0: it has answered */
    uint32_t tries;      /* to come back, since the connection was lost */
    uint64_t lost;       /* when that was, ms; 0: never */
    uint64_t welcomed;   /* when the server took the user, ms; 0: it did not */

    /* how long user and host are that others see; 0: the server has not shown
     * it */
    uint32_t source_user;
    uint32_t source_host;
    char nick[EIRC_IRC_NICK_MAX + 1]; /* own; empty until registering */
} session_state_t;

typedef struct session_head_s session_head_t;

typedef struct {
    session_head_t *head;
    session_state_t *state; /* prepared here */
    session_identity_t *identity;
    session_charsets_t *charsets;
    uint8_t *channels;
    uint8_t *in;
    uint8_t *out;
    uint8_t *message;
    uint8_t *later;
    uint8_t *ring;
    char *isupport;
    uint64_t ring_size;
    bool resumable;    /* lines stay in the ring until they are confirmed */
    bool fresh;        /* the segment was empty */
    bool channels_new; /* the idle list is this step's already */
} session_t;

/* of a channel in the list */
#define SESSION_CHANNEL_ASKED 0x01  /* JOIN was sent */
#define SESSION_CHANNEL_JOINED 0x02 /* and the server said so */
#define SESSION_CHANNEL_LEFT 0x04   /* was, before the connection was lost */
#define SESSION_CHANNEL_NAMED 0x08  /* and said who is there, to the end */
#define SESSION_CHANNEL_UNTOLD 0x10 /* the browser has yet to hear of it */

typedef struct {
    uint8_t flags;
    eirc_slice_t name;
    eirc_slice_t key; /* may be empty */
} session_channel_t;


/* Size of the segment of a session with so many bytes of replay ring. */
size_t session_segment_size(uint32_t replay);

/*
 * Opens the segment at base, which is page-aligned and of the size above. One
 * that is all zero is made; any other is checked, every position and entry of
 * it. EIRC_ERROR: it can't be trusted, and was not touched; whoever wants a
 * session then fills it with zeros first.
 */
int session_open(session_t *s, void *base, size_t size, uint32_t replay);

/* How much of a segment session_salvage() looks at, from its beginning; whole
 * pages. */
size_t session_salvage_size(void);

/* Clears what session_salvage() does not look at in a copy of so much: lines
 * that were on their way, or had been. */
void session_salvage_strip(uint8_t *copy);

/*
 * Begins anew in a segment that was lost to crashes, or that session_open()
 * refused, of whatever version: who the user is, if that can be trusted, and
 * the channels, if those can. Then the segment is as a fresh one, with an
 * identity, and with channels that are wanted. EIRC_ERROR: nothing was there to
 * begin with.
 */
int session_salvage(session_t *s, void *base, size_t size, uint32_t replay);

/* s->identity is written, and is not to change any more. */
void session_identity_seal(session_t *s);

/* What is being dealt with, in words for the log: not part of any step. */
void session_verb_note(session_t *s, const char *verb);
eirc_slice_t session_verb(const session_t *s);

/* Has the processor fetch what a step for one line is going to touch. */
void session_prefetch(const session_t *s);

/* The state prepared becomes the valid one; the next step begins. */
void session_commit(session_t *s);

/* What was prepared since the last commit never was. */
void session_abort(session_t *s);

/* the valid state */
const session_state_t *session_committed(const session_t *s);


/* Whose it is, while two processes have it: the owner offers it to one that is
 * to follow, and touches nothing until it is the owner again. */

/* Between steps. Returns the number of the offer, never 0. */
uint32_t session_offer(session_t *s);

/* The offer stands no more: false if it was taken, and nothing may be touched
 * ever again. */
bool session_withdraw(session_t *s);

/* Takes the segment at base, which was offered under that number, or was taken
 * by one that is dead. Nothing else of it is looked at. EIRC_ERROR: it is not
 * to be had, and may not be touched. */
int session_take(void *base, uint32_t offer);


/* Bytes from IRC. */

/* Between steps: makes room and says where; the length is at least 1, unless
 * there is a line longer than any may be. Commits if it has moved bytes. */
size_t session_in_room(session_t *s, uint8_t **p);

/* n bytes were read there. */
void session_in_add(session_t *s, size_t n);

/* What is there and not yet taken. */
eirc_slice_t session_in_pending(const session_t *s);

void session_in_take(session_t *s, size_t n);


/* Bytes for IRC. */

/* Between steps: moves what is left to the start, if that makes room. */
void session_out_settle(session_t *s);

/* Room for a line, without its CR LF. */
size_t session_out_room(const session_t *s);

/* Appends a line and CR LF. EIRC_AGAIN: no room, nothing done. */
int session_out_add(session_t *s, eirc_slice_t line);

eirc_slice_t session_out_pending(const session_t *s);

/* n bytes were written. To be committed before anything is added. */
void session_out_sent(session_t *s, size_t n);

/* Nobody takes them: they go. To be committed before anything is added. */
void session_out_drop(session_t *s);


/* The browser's messages: what is left of one, and those behind it, with a line
 * end before each. The area is free when none is pending. */

/* Between steps: where the next message may be put, which may be longer than
 * there is room for as long as another one is pending. */
uint8_t *session_message_room(session_t *s, size_t *room);

/* A message of so many bytes lies there; at the start of s->message, where
 * none is pending. */
void session_message_add(session_t *s, size_t n);

eirc_slice_t session_message_pending(const session_t *s);

void session_message_take(session_t *s, size_t n);


/* Lines of the browser's that wait, oldest first, each with an LF. */

/* Between steps: moves what is left to the start, if that makes room. */
void session_later_settle(session_t *s);

/* Appends a line and LF. EIRC_AGAIN: no room, nothing done. */
int session_later_add(session_t *s, eirc_slice_t line);

eirc_slice_t session_later_pending(const session_t *s);

void session_later_take(session_t *s, size_t n);


/* The ring: lines for the browser, as entries of docs/link.md, 4. */

/* Is there room for n lines of len bytes together? */
bool session_ring_room(const session_t *s, size_t len, unsigned n);

/* EIRC_AGAIN: no room; EIRC_ERROR: longer than a line may be. */
int session_ring_add(session_t *s, eirc_slice_t line);

/*
 * Whole entries that are not sent yet, at most max bytes of them: their
 * number, 0 if there is none. iov has room for two; *niov says how many.
 */
uint32_t session_ring_batch(const session_t *s, size_t max, struct iovec *iov,
                            int *niov);

/* The line at *pos, without its head, in at most two pieces; *pos is moved
 * behind it. Returns the number of pieces, 0 at the end. */
int session_ring_next(const session_t *s, uint64_t *pos, struct iovec *iov);

/* So many lines were sent. To be committed before anything is added. */
void session_ring_sent(session_t *s, uint32_t lines);

/*
 * The browser has all lines before this one: they go. To be committed before
 * anything is added. EIRC_ERROR: it can't have them, there are not so many.
 */
int session_ring_confirm(session_t *s, uint64_t count);

/* Lines go, the oldest first, until there is room for n lines of len bytes
 * together, or none is left. To be committed before anything is added. */
void session_ring_shed(session_t *s, size_t len, unsigned n);

/*
 * Goes on with the line of this number, which may have been sent before.
 * EIRC_DONE: it, or one behind it, isn't there any more, or has never been:
 * all that is there is dropped instead. To be committed before anything is
 * added.
 */
int session_ring_seek(session_t *s, uint64_t count);

/* Nobody will take the lines: they count as sent, and go. */
void session_ring_drop(session_t *s);

/* For session.c: is the ring what the state says it is? */
bool session_ring_valid(const session_t *s);


/* What the server has said of itself (005), as tokens and spaces. */

/* Adds a token, if there is room for it and for room bytes more. */
void session_isupport_add(session_t *s, eirc_slice_t token, size_t room);

eirc_slice_t session_isupport(const session_t *s);

/* Another connection. To be committed before anything is added. */
void session_isupport_clear(session_t *s);


/* The channels that the user is in, or wants to be in. */

/* The next one; *cursor is 0 at first. EIRC_DONE behind the last. A change of
 * the list makes cursors void. */
int session_channel_next(const session_t *s, uint32_t *cursor,
                         session_channel_t *channel);

int session_channel_find(const session_t *s, eirc_irc_casemap_e map,
                         eirc_slice_t name, session_channel_t *channel);

/*
 * Adds a channel, or changes the flags of one that is there, and its key
 * unless the new one isn't there. EIRC_ERROR: no room, or a name or key that
 * is too long.
 */
int session_channel_set(session_t *s, eirc_irc_casemap_e map,
                        eirc_slice_t name, eirc_slice_t key, uint8_t flags);

void session_channel_remove(session_t *s, eirc_irc_casemap_e map,
                            eirc_slice_t name);

/* For session.c: the list that a lost segment had, if it is one; to be joined
 * again. */
void session_channels_restore(session_t *s, const uint8_t *list, uint32_t len);

/* Those with one flag get another one. */
void session_channels_mark(session_t *s, uint8_t which, uint8_t flag);

/* The connection is lost: none is joined or asked for any more. */
void session_channels_leave(session_t *s);

#endif /* _SESSION_H_INCLUDED_ */
