/*
 * The linear areas in the segment: bytes from and for IRC, messages, what waits
 * for later, and what is kept of 005. A part of session.h.
 */

#include "session.h"

#include <string.h>


static size_t
span_len(session_span_t span)
{
    return span.head - span.tail;
}


/*
 * Moves what a span holds to the start of its area. Only between steps: then
 * the bytes in front of the tail belong to nobody, and the old ones stay as
 * they are until the new position is committed.
 */
static void
span_settle(session_t *s, session_span_t *span, uint8_t *area)
{
    size_t len;

    len = span_len(*span);

    if (span->tail == 0 || len > span->tail) {
        return;
    }

    memcpy(area, area + span->tail, len);
    span->tail = 0;
    span->head = (uint32_t) len;

    session_commit(s);
}


static void
span_take(session_span_t *span, size_t n)
{
    span->tail += (uint32_t) n;

    if (span->tail == span->head) {
        span->tail = 0;
        span->head = 0;
    }
}


size_t
session_in_room(session_t *s, uint8_t **p)
{
    size_t end;
    session_span_t *in;

    in = &s->state->in;

    /* the first page is used again and again before another is touched */

    if (in->head >= SESSION_PAGE / 2) {
        span_settle(s, in, s->in);
        in = &s->state->in;
    }

    end = in->head < SESSION_PAGE - 512 ? SESSION_PAGE : SESSION_IN_SIZE;
    *p = s->in + in->head;

    return end - in->head;
}


void
session_in_add(session_t *s, size_t n)
{
    s->state->in.head += (uint32_t) n;
    s->state->irc_read += n;
}


eirc_slice_t
session_in_pending(const session_t *s)
{
    return eirc_slice(s->in + s->state->in.tail, span_len(s->state->in));
}


void
session_in_take(session_t *s, size_t n)
{
    span_take(&s->state->in, n);
}


void
session_out_settle(session_t *s)
{
    if (s->state->out.head >= SESSION_PAGE / 2) {
        span_settle(s, &s->state->out, s->out);
    }
}


size_t
session_out_room(const session_t *s)
{
    size_t room;

    room = SESSION_OUT_SIZE - s->state->out.head;

    return room < 2 ? 0 : room - 2;
}


int
session_out_add(session_t *s, eirc_slice_t line)
{
    uint8_t *p;

    if (line.len > session_out_room(s)) {
        return EIRC_AGAIN;
    }

    p = s->out + s->state->out.head;
    memcpy(p, line.p, line.len);
    p[line.len] = '\r';
    p[line.len + 1] = '\n';

    s->state->out.head += (uint32_t) line.len + 2;

    return EIRC_OK;
}


eirc_slice_t
session_out_pending(const session_t *s)
{
    return eirc_slice(s->out + s->state->out.tail, span_len(s->state->out));
}


void
session_out_sent(session_t *s, size_t n)
{
    span_take(&s->state->out, n);
    s->state->irc_written += n;
}


void
session_out_drop(session_t *s)
{
    s->state->out.tail = 0;
    s->state->out.head = 0;
    s->state->midline = 0;
}


uint8_t *
session_message_room(session_t *s, size_t *room)
{
    size_t head;

    span_settle(s, &s->state->message, s->message);

    head = s->state->message.head;
    head += head > 0 && head < SESSION_MESSAGE_SIZE;
    *room = SESSION_MESSAGE_SIZE - head;

    return s->message + head;
}


void
session_message_add(session_t *s, size_t n)
{
    session_span_t *message;

    message = &s->state->message;
    s->state->messages++;

    if (n == 0) {
        return;
    }

    if (message->head > 0) {
        s->message[message->head++] = '\n';
    }

    message->head += (uint32_t) n;
}


eirc_slice_t
session_message_pending(const session_t *s)
{
    return eirc_slice(s->message + s->state->message.tail,
                      span_len(s->state->message));
}


void
session_message_take(session_t *s, size_t n)
{
    span_take(&s->state->message, n);
}


void
session_later_settle(session_t *s)
{
    if (s->state->later.head >= SESSION_PAGE / 2) {
        span_settle(s, &s->state->later, s->later);
    }
}


int
session_later_add(session_t *s, eirc_slice_t line)
{
    session_span_t *later;

    later = &s->state->later;

    if (line.len + 1 > SESSION_LATER_SIZE - later->head) {
        return EIRC_AGAIN;
    }

    memcpy(s->later + later->head, line.p, line.len);
    s->later[later->head + line.len] = '\n';
    later->head += (uint32_t) line.len + 1;

    return EIRC_OK;
}


eirc_slice_t
session_later_pending(const session_t *s)
{
    return eirc_slice(s->later + s->state->later.tail,
                      span_len(s->state->later));
}


void
session_later_take(session_t *s, size_t n)
{
    span_take(&s->state->later, n);
}


/* 005 */

void
session_isupport_add(session_t *s, eirc_slice_t token, size_t room)
{
    uint32_t len;

    len = s->state->isupport_len;

    if (token.len == 0 || len + token.len + 1 + room > SESSION_ISUPPORT_SIZE) {
        return;
    }

    memcpy(s->isupport + len, token.p, token.len);
    s->isupport[len + token.len] = ' ';
    s->state->isupport_len = (uint32_t) (len + token.len + 1);
}


eirc_slice_t
session_isupport(const session_t *s)
{
    return eirc_slice((const uint8_t *) s->isupport, s->state->isupport_len);
}


void
session_isupport_clear(session_t *s)
{
    s->state->isupport_len = 0;
}
