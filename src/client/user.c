#include "user.h"

#include "burst.h"
#include "comeback.h"
#include "command.h"
#include "handle.h"
#include "ircv3.h"
#include "line.h"
#include "rebuild.h"
#include "regain.h"
#include "registration.h"

#include "eirc_utf8.h"

#include <stdlib.h>
#include <string.h>

/* what the longest of our own lines takes: errors, nicks, a made-up 376 */
#define OWN_LINE_MAX 600

/* lines that one from IRC may lead to */
#define LINE_ROOM 3


/* what a step may want to say to IRC besides one line: PONG, QUIT */
#define OUT_RESERVE 1100


/* otherwise a ring of which nginx leaves a quarter unconfirmed could be full */
_Static_assert(EIRC_LINK_LINE_MAX + 2 * OWN_LINE_MAX + 4 * LINE_ROOM
                   <= SESSION_RING_MIN / 4 * 3,
               "see session.h");


static const eirc_slice_t nothing = {NULL, 0};


static void user_end(user_t *u, uint32_t reason, eirc_slice_t words);


static void
user_prepare(user_t *u, uint32_t seed, uint64_t now)
{
    u->now = now;
    u->random = seed | 1;
    u->joining = true;
    state_init(&u->state, seed);
}


/* The first step of a session whose identity is there. */
static void
user_begin(user_t *u)
{
    session_t *s;

    s = &u->session;
    bucket_init(&s->state->flood, s->identity->flood_rate,
                s->identity->flood_burst, u->now);
    s->state->phase = SESSION_CONNECTING;
}


int
user_init(user_t *u, void *segment, size_t size, uint32_t replay,
          const request_t *r, uint32_t seed, uint64_t now)
{
    uint32_t cursor;
    eirc_slice_t name;
    session_t *s;

    s = &u->session;
    user_prepare(u, seed, now);

    if (session_open(s, segment, size, replay) != EIRC_OK
        || s->fresh != (r != NULL))
    {
        return EIRC_ERROR;
    }

    if (r == NULL) {
        rebuild_begin(u);
        return EIRC_OK;
    }

    *s->identity = r->identity;

    if (r->identity.charsets != 0) {
        *s->charsets = r->charsets;
    }

    session_identity_seal(s);

    cursor = 0;

    while (request_channel_next(r, &cursor, &name) == EIRC_OK) {
        (void) session_channel_set(s, EIRC_IRC_ASCII, name, nothing, 0);
    }

    user_begin(u);
    s->state->attachment = 1;
    session_commit(s);

    return EIRC_OK;
}


int
user_init_anew(user_t *u, void *segment, size_t size, uint32_t replay,
               uint32_t seed, uint64_t now)
{
    const eirc_slice_t words
        = EIRC_SLICE("The session had to be begun anew; lines may be lost.");

    user_prepare(u, seed, now);

    if (session_salvage(&u->session, segment, size, replay) != EIRC_OK) {
        return EIRC_ERROR;
    }

    user_begin(u);

    /* an IRC client has registered itself, and must do so again */

    if (user_mode(u) != SESSION_EIRC) {
        user_end(u, EIRC_LINK_IRC_LOST, words);

    } else {
        user_tell_error(u, words);
        u->retry = now;
    }

    session_commit(&u->session);

    return EIRC_OK;
}


void
user_done(user_t *u)
{
    state_done(&u->state);
}


bool
user_has_ended(const user_t *u)
{
    return u->session.state->ended;
}


bool
user_is_leaving(const user_t *u)
{
    return u->session.state->phase == SESSION_LEAVING
           || u->session.state->reason != 0;
}


/* talking */

void
user_tell(user_t *u, eirc_slice_t line)
{
    if (!u->deaf) {
        (void) session_ring_add(&u->session, line);
    }
}


void
user_tell_error(user_t *u, eirc_slice_t words)
{
    uint8_t buf[OWN_LINE_MAX];
    const char *head;

    head = user_mode(u) == SESSION_EIRC ? ":client error :"
                                        : "FAIL * REFUSED :";

    user_tell(u, eirc_slice(buf, line_words(buf, sizeof(buf), head, words)));
}


/* In the server's set of characters; copied, which is rare. */
static int
send_encoded(user_t *u, eirc_slice_t line)
{
    int rc;
    uint8_t *buf;

    buf = malloc(line.len);

    if (buf == NULL) {
        return EIRC_AGAIN;
    }

    rc = session_out_add(&u->session, line_encode(&u->session, buf, line));
    free(buf);

    return rc;
}


int
user_send(user_t *u, eirc_slice_t line)
{
    return line_needs_encoding(&u->session, line)
               ? send_encoded(u, line)
               : session_out_add(&u->session, line);
}


int
user_send_text(user_t *u, const char *words, eirc_slice_t text)
{
    size_t n;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];

    n = strlen(words);
    memcpy(buf, words, n);

    if (text.len > sizeof(buf) - n) {
        text.len = eirc_utf8_prefix(text.p, sizeof(buf) - n);
    }

    if (text.len > 0) {
        memcpy(buf + n, text.p, text.len);
    }

    return user_send(u, eirc_slice(buf, n + text.len));
}


eirc_slice_t
user_nick(const user_t *u)
{
    return eirc_slice_str(u->session.state->nick);
}


session_mode_e
user_mode(const user_t *u)
{
    return (session_mode_e) u->session.identity->mode;
}


void
user_nick_set(user_t *u, eirc_slice_t nick)
{
    char *own;

    own = u->session.state->nick;

    if (nick.len > 0 && nick.len <= EIRC_IRC_NICK_MAX) {
        memcpy(own, nick.p, nick.len);
        own[nick.len] = '\0';
        u->renamed = true;
    }
}


/* coming and going */

void
user_connected(user_t *u, uint32_t server)
{
    if (u->session.state->phase != SESSION_CONNECTING) {
        return;
    }

    u->session.state->server = server;
    u->session.state->caps = 0;
    u->session.state->source_user = 0;
    u->session.state->source_host = 0;
    session_isupport_clear(&u->session);
    state_reset(&u->state);
    regain_end(u);
    registration_begin(u);

    session_commit(&u->session);
}


/* An IRC client knows that it is over from ERROR; the server's own, if there
 * was one, has been passed on. */
static void
user_tell_last(user_t *u, eirc_slice_t words)
{
    uint8_t buf[OWN_LINE_MAX];

    if (words.len > 0) {
        user_tell(u, eirc_slice(
                         buf, line_words(buf, sizeof(buf), "ERROR :", words)));
    }
}


/* The last words to the browser; part of a step. */
static void
user_end(user_t *u, uint32_t reason, eirc_slice_t words)
{
    u->session.state->reason = reason;
    u->session.state->ended = 1;

    if (user_mode(u) != SESSION_EIRC) {
        user_tell_last(u, words);
        return;
    }

    if (words.len > 0) {
        user_tell_error(u, words);
    }

    user_tell(u, EIRC_SLICE("Disconnected."));
}


void
user_unreachable(user_t *u)
{
    const eirc_slice_t words = EIRC_SLICE("No IRC server could be reached.");

    if (user_has_ended(u)) {
        return;
    }

    if (!comeback_begin(u, words)) {
        user_end(u, EIRC_LINK_IRC_UNREACHABLE, words);
    }

    session_commit(&u->session);
}


void
user_irc_lost(user_t *u, int error)
{
    const eirc_slice_t words
        = EIRC_SLICE("The connection to the IRC server was lost.");

    if (user_has_ended(u)) {
        return;
    }

    if (u->session.state->phase == SESSION_LEAVING) {
        user_end(u, u->session.state->reason, nothing);

    } else if (u->session.state->refused) {
        user_end(u, EIRC_LINK_IRC_REFUSED,
                 EIRC_SLICE("The IRC server does not take this user."));

    } else {
        u->event(u, EVENT_IRC_LOST, error, nothing);

        if (!comeback_begin(u, words)) {
            user_end(u, EIRC_LINK_IRC_LOST, words);
        }
    }

    session_commit(&u->session);
}


void
user_leave(user_t *u, uint32_t reason, eirc_slice_t quit)
{
    uint32_t cursor;
    session_t *s;
    session_channel_t channel;
    eirc_irc_builder_t b;
    size_t len;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];

    s = &u->session;
    cursor = 0;

    if (s->state->phase < SESSION_REGISTERING) {
        s->state->phase = SESSION_LEAVING;
        user_end(u, reason, nothing);
        return;
    }

    /* each channel is left with a word of its own (docs/commands.md) */

    while (user_mode(u) == SESSION_EIRC && quit.len == 0
           && session_out_room(s) > OUT_RESERVE
           && session_channel_next(s, &cursor, &channel) == EIRC_OK)
    {
        eirc_irc_build_init(&b, buf, sizeof(buf));
        eirc_irc_build_verb(&b, EIRC_SLICE("PART"));
        eirc_irc_build_param(&b, channel.name);
        eirc_irc_build_trailing(&b, EIRC_SLICE("Bye bye"));

        if ((channel.flags & SESSION_CHANNEL_JOINED)
            && eirc_irc_build_finish(&b, &len) == EIRC_OK)
        {
            (void) user_send(u, eirc_slice(buf, len));
        }
    }

    (void) user_send(u, quit.len > 0 ? quit : EIRC_SLICE(USER_QUIT));

    s->state->phase = SESSION_LEAVING;
    s->state->reason = reason;
}


void
user_stop(user_t *u, uint32_t reason)
{
    if (u->session.state->reason == 0) {
        user_leave(u, reason, nothing);
        session_commit(&u->session);
    }
}


bool
user_part(user_t *u)
{
    if (u->session.state->phase != SESSION_READY || user_is_leaving(u)
        || user_mode(u) != SESSION_EIRC
        || session_out_room(&u->session) < OUT_RESERVE)
    {
        return false;
    }

    (void) user_send(u, EIRC_SLICE(USER_QUIT));
    session_commit(&u->session);

    return true;
}


void
user_deafen(user_t *u)
{
    u->deaf = true;
    session_ring_drop(&u->session);
    session_commit(&u->session);
}


void
user_left(user_t *u)
{
    user_deafen(u);
    user_stop(u, EIRC_LINK_CLOSED);
}


/*
 * A takeover is a new attachment; the one that a successor finds has begun
 * already.
 */
void
user_attached(user_t *u, uint32_t attachment, uint64_t lines)
{
    session_t *s;

    s = &u->session;
    u->deaf = false;
    s->state->detached = 0;

    if (s->state->attachment != attachment) {
        s->state->attachment = attachment;
        s->state->gap = session_ring_seek(s, lines) != EIRC_OK;

        if (s->state->gap) {
            burst_begin(u);
        }
    }

    session_commit(s);
}


void
user_detached(user_t *u)
{
    u->session.state->detached = u->now;
    session_commit(&u->session);
}


void
user_slow(user_t *u)
{
    u->deaf = true;
    user_stop(u, EIRC_LINK_SLOW);
}


void
user_ping(user_t *u)
{
    if (session_out_room(&u->session) < OUT_RESERVE) {
        return;
    }

    (void) user_send(u, EIRC_SLICE("PING :" USER_PING));
    u->session.state->pinged = 1;
    session_commit(&u->session);
}


void
user_regain(user_t *u)
{
    if (session_out_room(&u->session) < OUT_RESERVE) {
        u->regain.next = u->now + REGAIN_GAP;
        return;
    }

    regain_try(u);
    session_commit(&u->session);
}


/* steps */

/* Deals with a line that the browser may see; it may still be nothing. */
static void
line_handle(user_t *u, eirc_slice_t line)
{
    eirc_irc_msg_t msg;

    if (eirc_irc_parse(&msg, line.p, line.len) != EIRC_OK) {
        return;
    }

    /* that source is ours: no server has a right to it */

    if (eirc_irc_nick_reserved(msg.source)) {
        return;
    }

    u->line = line;

    if (handle_line(u, &msg)) {
        user_tell(u, line);
    }
}


/* A line that has to be repaired is copied; that is rare. */
static void
line_handle_repaired(user_t *u, eirc_slice_t line)
{
    uint8_t *buf;

    buf = malloc(EIRC_LINK_LINE_MAX);

    if (buf != NULL) {
        line_handle(u, eirc_slice(buf, line_repair(&u->session, buf, line)));
        free(buf);
    }
}


/*
 * A step that needs room for n lines of len bytes together, and has none, waits
 * for the browser to take some. While that is away the oldest ones make room
 * instead, which is a step of its own: EIRC_OK.
 */
static int
ring_room_make(user_t *u, size_t len, unsigned n)
{
    session_t *s;

    s = &u->session;
    session_abort(s);

    if (s->state->detached != 0) {
        session_ring_shed(s, len, n);
        session_commit(s);
    }

    u->full = !session_ring_room(s, len, n);

    return u->full ? EIRC_AGAIN : EIRC_OK;
}


static bool
ring_has_room(const user_t *u, size_t len, unsigned n)
{
    return u->deaf || session_ring_room(&u->session, len, n);
}


/* Bytes of all that a line may lead to, in LINE_ROOM lines. */
static size_t
line_room(eirc_slice_t line)
{
    size_t worst;

    worst = line.len * EIRC_UTF8_CP1252_MAX;

    return (worst < EIRC_LINK_LINE_MAX ? worst : EIRC_LINK_LINE_MAX)
           + 2 * OWN_LINE_MAX;
}

int
user_step_irc(user_t *u)
{
    size_t taken;
    session_t *s;
    eirc_slice_t line;

    s = &u->session;
    u->full = false;

    if (line_next(s, &line, &taken) != EIRC_OK) {
        return EIRC_AGAIN;
    }

    if (!ring_has_room(u, line_room(line), LINE_ROOM)) {
        return ring_room_make(u, line_room(line), LINE_ROOM);
    }

    if (session_out_room(s) < OUT_RESERVE) {
        session_abort(s);
        return EIRC_AGAIN;
    }

    if (user_mode(u) == SESSION_EIRC) {
        line = line_without_tags(line);
    }

    if (line.len > 0 && line_fit(s, line)) {
        line_handle(u, line);

    } else if (line.len > 0) {
        line_handle_repaired(u, line);
    }

    session_in_take(s, taken);
    session_commit(s);

    return EIRC_OK;
}


/* The browser's next line, and what it takes of the message. */
static bool
message_next(const session_t *s, eirc_slice_t *line, size_t *taken)
{
    size_t i, start;
    eirc_slice_t pending;

    pending = session_message_pending(s);
    start = 0;

    while (start < pending.len
           && (pending.p[start] == '\r' || pending.p[start] == '\n'))
    {
        start++;
    }

    for (i = start;
         i < pending.len && pending.p[i] != '\r' && pending.p[i] != '\n'; i++)
    {
        /* void */
    }

    *line = eirc_slice(pending.p + start, i - start);
    *taken = i;

    return pending.len > 0;
}


/*
 * Bytes, in two lines, that a line of the browser may lead to. What is only
 * passed on leads to no more than an error, for which what a line from IRC
 * leaves free is enough: then a ring that is full stops nobody from talking.
 */
static size_t
message_room(const user_t *u, eirc_slice_t line)
{
    bool answer;
    const eirc_slice_t input = EIRC_SLICE("/input ");

    answer = user_mode(u) == SESSION_EIRC && line.len > 0 && line.p[0] == '/'
             && !(line.len > input.len
                  && memcmp(line.p, input.p, input.len) == 0);

    return (answer ? EIRC_LINK_LINE_MAX : 0) + OWN_LINE_MAX;
}


static int
message_step(user_t *u)
{
    int rc;
    size_t room, taken;
    session_t *s;
    eirc_slice_t line;

    s = &u->session;

    if (!message_next(s, &line, &taken)) {
        return EIRC_AGAIN;
    }

    session_verb_note(s, "a message");

    room = message_room(u, line);

    if (!ring_has_room(u, room, 2)) {
        return ring_room_make(u, room, 2);
    }

    if (session_out_room(s) < OUT_RESERVE) {
        return EIRC_AGAIN;
    }

    rc = line.len == 0                  ? EIRC_OK
         : user_mode(u) == SESSION_EIRC ? command_line(u, line)
                                        : ircv3_line(u, line);

    if (rc == EIRC_AGAIN) {
        session_abort(s);
        return EIRC_AGAIN;
    }

    if (rc == EIRC_OK) {
        s->state->told = 0;
        session_message_take(s, taken);
    }

    session_commit(s);

    return EIRC_OK;
}


/* What lets others go first goes when there are none that could go now. */
static int
later_step(user_t *u)
{
    if (u->wait > 0 || u->full || session_out_room(&u->session) < OUT_RESERVE
        || command_later(u) != EIRC_OK)
    {
        session_abort(&u->session);
        return EIRC_AGAIN;
    }

    session_commit(&u->session);

    return EIRC_OK;
}


int
user_step_message(user_t *u)
{
    u->wait = 0;
    u->full = false;
    session_later_settle(&u->session);

    return message_step(u) == EIRC_OK ? EIRC_OK : later_step(u);
}


int
user_step_join(user_t *u)
{
    int rc;

    if (!u->joining || u->session.state->phase != SESSION_READY
        || session_out_room(&u->session) < OUT_RESERVE)
    {
        return EIRC_AGAIN;
    }

    rc = registration_join(u);

    if (rc == EIRC_OK) {
        session_commit(&u->session);

    } else {
        u->joining = false;
    }

    return rc;
}


int
user_step_ask(user_t *u)
{
    if (u->session.state->phase != SESSION_READY
        || session_out_room(&u->session) < OUT_RESERVE || !rebuild_ask(u))
    {
        return EIRC_AGAIN;
    }

    session_commit(&u->session);

    return EIRC_OK;
}


int
user_step_burst(user_t *u)
{
    u->burst_wait = 0;

    if (!burst_is_due(u) || session_out_room(&u->session) < OUT_RESERVE) {
        return EIRC_AGAIN;
    }

    if (!ring_has_room(u, BURST_ROOM, BURST_LINES)) {
        return ring_room_make(u, BURST_ROOM, BURST_LINES);
    }

    u->burst_wait = burst_next(u);

    if (u->burst_wait > 0) {
        session_abort(&u->session);
        return EIRC_AGAIN;
    }

    session_commit(&u->session);

    return EIRC_OK;
}
