#include "say.h"

#include "command.h"
#include "line.h"

#include <string.h>

/* what servers show of a host at most */
#define HOST_MAX 63

/* a piece that is shorter is no help: the line is cut as any other */
#define PIECE_MIN 64

static const eirc_slice_t action = EIRC_SLICE("\001ACTION ");


say_piece_t
say_piece(eirc_slice_t text, size_t max)
{
    size_t i;
    say_piece_t piece;

    piece.len = text.len;
    piece.taken = text.len;

    if (text.len <= max) {
        return piece;
    }

    piece.len = line_prefix(text.p, max);
    piece.taken = piece.len;

    for (i = piece.len; i > 0 && i >= piece.len / 2; i--) {

        if (text.p[i] == ' ') {
            piece.len = i;
            piece.taken = i + 1;
            break;
        }
    }

    return piece;
}


size_t
say_room(const user_t *u)
{
    size_t user, host;

    user = u->session.state->source_user;
    host = u->session.state->source_host;

    /* a server puts a '~' before a name that it has not asked for */

    if (user == 0) {
        user = strlen(u->session.identity->username) + 1;
    }

    if (host == 0) {
        host = HOST_MAX;
    }

    return u->state.isupport.linelen - 2
           - (1 + user_nick(u).len + 1 + user + 1 + host + 1);
}


/* An action is said in pieces that are actions; other CTCP is not taken
 * apart. */
static bool
is_action(eirc_slice_t text)
{
    return text.len > action.len && memcmp(text.p, action.p, action.len) == 0;
}


/* The room for a piece, and the text without what makes it an action. */
static size_t
text_room(const user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t *text)
{
    size_t room, head;

    *text = msg->params[1];
    head = msg->verb.len + 1 + msg->params[0].len + 2;
    room = say_room(u);

    if (is_action(*text)) {
        head += action.len + 1;
        *text = eirc_slice(text->p + action.len, text->len - action.len);

        if (text->p[text->len - 1] == '\001') {
            text->len--;
        }
    }

    return room > head ? room - head : 0;
}


static bool
is_talk(const eirc_irc_msg_t *msg)
{
    return msg->nparams == 2
           && (eirc_irc_verb_is(msg, "PRIVMSG")
               || eirc_irc_verb_is(msg, "NOTICE"));
}


bool
say_is_long(const user_t *u, const eirc_irc_msg_t *msg)
{
    size_t room;
    eirc_slice_t text;

    if (!is_talk(msg)) {
        return false;
    }

    if (msg->params[1].len > 0 && msg->params[1].p[0] == '\001'
        && !is_action(msg->params[1]))
    {
        return false;
    }

    room = text_room(u, msg, &text);

    return room >= PIECE_MIN && text.len > room;
}


/* Is it part of a batch, and of which?  (Its reference, as it stands.) */
static bool
is_batched(const eirc_irc_msg_t *msg, eirc_slice_t *ref)
{
    return eirc_irc_tag_get(msg->tags, EIRC_SLICE("batch"), ref)
           && ref->len > 0;
}


/* Puts bytes behind those that are there. */
static size_t
append(uint8_t *buf, size_t len, eirc_slice_t bytes)
{
    memcpy(buf + len, bytes.p, bytes.len);

    return len + bytes.len;
}


/*
 * The tags of a piece. The first one has those of the line: a label is
 * answered once, and the answers to the others are messages like any. What
 * belongs to a batch does so in all its pieces, which the batch's reader puts
 * together again (IRCv3 multiline).
 */
static size_t
piece_tags(uint8_t *buf, const eirc_irc_msg_t *msg, bool first)
{
    size_t len;
    eirc_slice_t ref;

    len = 0;

    if (first && msg->tags.len > 0) {
        buf[len++] = '@';
        len = append(buf, len, msg->tags);
        buf[len++] = ' ';

    } else if (!first && is_batched(msg, &ref)) {
        len = append(buf, len, EIRC_SLICE("@batch="));
        len = append(buf, len, ref);
        len = append(buf, len, EIRC_SLICE(";draft/multiline-concat "));
    }

    return len;
}


int
say_next(user_t *u, const eirc_irc_msg_t *msg)
{
    int rc;
    size_t len, room;
    uint8_t buf[EIRC_IRC_TAGS_CLIENT_MAX + EIRC_IRC_LINE_BUFFER];
    uint32_t *told;
    say_piece_t piece;
    eirc_slice_t text, ref;

    /* that the first piece has gone says nothing of a segment that was
     * damaged */

    if (!is_talk(msg)
        || msg->verb.len + msg->params[0].len
               > EIRC_IRC_LINE_MAX - 2 * PIECE_MIN)
    {
        return EIRC_OK;
    }

    told = &u->session.state->told;
    room = text_room(u, msg, &text);
    room = room < PIECE_MIN ? PIECE_MIN : room;

    if (*told > text.len) {
        return EIRC_OK;
    }

    text = eirc_slice(text.p + *told, text.len - *told);
    piece = say_piece(text, room);

    if (is_batched(msg, &ref)) {
        piece.taken = piece.len;
    }

    len = piece_tags(buf, msg, *told == 0);
    len = append(buf, len, msg->verb);
    buf[len++] = ' ';
    len = append(buf, len, msg->params[0]);
    len = append(buf, len, EIRC_SLICE(" :"));

    if (is_action(msg->params[1])) {
        len = append(buf, len, action);
    }

    len = append(buf, len, eirc_slice(text.p, piece.len));

    if (is_action(msg->params[1])) {
        buf[len++] = '\001';
    }

    rc = command_send(u, msg, eirc_slice(buf, len));

    if (rc != EIRC_OK) {
        return rc;
    }

    *told += (uint32_t) piece.taken;

    return piece.taken < text.len ? EIRC_DONE : EIRC_OK;
}


void
say_source(user_t *u, eirc_slice_t user, eirc_slice_t host)
{
    if (user.len > 0 && user.len <= EIRC_IRC_USER_MAX) {
        u->session.state->source_user = (uint32_t) user.len;
    }

    if (host.len > 0 && host.len <= EIRC_IRC_HOST_MAX) {
        u->session.state->source_host = (uint32_t) host.len;
    }
}
