/*
 * The stage of the tests of a user: a server that says lines, a browser that
 * sends messages, and what both sides and the event log then heard, in sent,
 * told and events. Each program that includes it has a stage of its own, with
 * one user at a time; end() is its group's teardown.
 */

#ifndef _EIRC_UNIT_USER_STAGE_H_INCLUDED_
#define _EIRC_UNIT_USER_STAGE_H_INCLUDED_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "login.h"
#include "user.h"

#define REPLAY 4096


static user_t u;
static session_mode_e mode; /* of the next one that begins */
static void *segment;
static char told[65536], sent[65536], events[4096];


static inline void
note_event(user_t *user, event_type_e type, int32_t status, eirc_slice_t text)
{
    (void) user;
    (void) sprintf(events + strlen(events), "%d %d %.*s|", (int) type,
                   (int) status, (int) text.len, (const char *) text.p);
}


/* Takes all that lies there for the browser and for IRC. */
static inline void
collect(void)
{
    int i, n;
    uint64_t pos;
    eirc_slice_t out;
    struct iovec iov[2];

    pos = u.session.state->ring_sent;

    while ((n = session_ring_next(&u.session, &pos, iov)) > 0) {

        for (i = 0; i < n; i++) {
            strncat(told, iov[i].iov_base, iov[i].iov_len);
        }

        strcat(told, "|");
    }

    session_ring_drop(&u.session);
    session_commit(&u.session);

    /* lines with secrets go first */

    out = login_out_pending(&u);

    if (out.len > 0) {
        strncat(sent, (const char *) out.p, out.len);
        login_out_sent(&u, out.len);
    }

    out = session_out_pending(&u.session);
    strncat(sent, (const char *) out.p, out.len);
    session_out_sent(&u.session, out.len);
    session_commit(&u.session);
    session_out_settle(&u.session);
}


static inline void
run(void)
{
    bool moved;

    do {
        moved = false;

        while (user_step_irc(&u) == EIRC_OK) {
            moved = true;
            collect();
        }

        while (user_step_message(&u) == EIRC_OK) {
            moved = true;
            collect();
        }

        while (user_step_join(&u) == EIRC_OK) {
            moved = true;
            collect();
        }
    } while (moved);

    collect();
}


static inline void
clear(void)
{
    told[0] = '\0';
    sent[0] = '\0';
    events[0] = '\0';
}


/* The server says these bytes. */
static inline void
server_raw(const char *bytes, size_t len)
{
    size_t n, room;
    uint8_t *p;

    clear();

    while (len > 0) {
        room = session_in_room(&u.session, &p);
        assert_int_not_equal(room, 0);
        n = len < room ? len : room;
        memcpy(p, bytes, n);
        session_in_add(&u.session, n);
        session_commit(&u.session);
        bytes += n;
        len -= n;
        run();
    }
}


static inline void
server(const char *line)
{
    char bytes[16384];

    (void) snprintf(bytes, sizeof(bytes), "%s\r\n", line);
    server_raw(bytes, strlen(bytes));
}


/* The browser sends this message. */
static inline void
browser(const char *message)
{
    clear();
    assert_int_equal(session_message_pending(&u.session).len, 0);
    memcpy(u.session.message, message, strlen(message));
    session_message_add(&u.session, strlen(message));
    session_commit(&u.session);
    run();
}


static inline void
begin_with(const char *nick, const char *channels, uint32_t rate)
{
    size_t size;
    const char *why;
    static request_t r;

    free(segment);
    size = session_segment_size(REPLAY);
    segment = aligned_alloc(SESSION_PAGE, (size + SESSION_PAGE - 1)
                                              / SESSION_PAGE * SESSION_PAGE);
    assert_non_null(segment);
    memset(segment, 0, size);

    request_init(&r);
    r.identity.mode = mode;
    r.identity.flood_rate = rate;
    r.identity.flood_burst = 2;
    assert_int_equal(request_set(&r, "nick", eirc_slice_str(nick), &why),
                     EIRC_OK);
    assert_int_equal(request_channels(&r, eirc_slice_str(channels), &why),
                     EIRC_OK);
    assert_int_equal(request_finish(&r, &why), EIRC_OK);

    user_done(&u);
    memset(&u, 0, sizeof(u));
    u.event = note_event;
    u.raw = true;
    u.now = 1000;

    assert_int_equal(user_init(&u, segment, size, REPLAY, &r, 5, 1000),
                     EIRC_OK);
    clear();
}


static inline void
begin(const char *channels)
{
    begin_with("me", channels, 0);
    user_connected(&u, 0);
    run();
    server(":s 001 me :Welcome");
    server(":s 376 me :End");
}


static inline uint8_t
flags(const char *name)
{
    session_channel_t channel;

    return session_channel_find(&u.session, u.state.isupport.casemap,
                                eirc_slice_str(name), &channel)
                   == EIRC_OK
               ? (uint8_t) (channel.flags | 0x80)
               : 0;
}


static inline int
end(void **state)
{
    (void) state;
    user_done(&u);
    free(segment);

    return 0;
}


#endif /* _EIRC_UNIT_USER_STAGE_H_INCLUDED_ */
