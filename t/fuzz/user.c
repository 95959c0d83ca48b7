/*
 * A user between a server and a browser that both say anything: bytes of the
 * server and messages of the browser, in turns, 0xff between them. Whatever
 * comes, what goes to either side must be fit for it, and the segment must be
 * one that can be trusted. Each input is given to every kind of user.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_utf8.h"
#include "login.h"
#include "user.h"

#define REPLAY 4096

/* two bytes in place of a message: something happens */
#define HAPPEN 0xfe

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

typedef struct {
    session_mode_e mode;
    bool raw;
    bool checked; /* nginx lets no message pass that is not UTF-8 */
    bool secrets; /* it is to log in */
} kind_t;

static const kind_t kinds[] = {
    {SESSION_EIRC, true, true, true},
    {SESSION_EIRC, false, false, false}, /* standing alone */
    {SESSION_TEXT, true, true, true},
    {SESSION_BINARY, true, false, false},
};

static const kind_t *kind;
static _Alignas(SESSION_PAGE) uint8_t segment[256 * 1024];
static user_t u;
static struct login_s login;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
event(user_t *user, event_type_e type, int32_t status, eirc_slice_t text)
{
    char words[2048];

    (void) user;
    check(event_format(words, sizeof(words), type, status,
                       (const char *) text.p, text.len)
          >= 0);
}


static int
begins(const uint8_t *line, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}


/* What the browser gets: UTF-8, one line, and nobody else's ":client". */
static void
check_told(void)
{
    int i, n;
    size_t len;
    uint8_t line[EIRC_LINK_LINE_MAX];
    uint64_t pos;
    struct iovec iov[2];

    pos = u.session.state->ring_sent;

    while ((n = session_ring_next(&u.session, &pos, iov)) > 0) {
        len = 0;

        for (i = 0; i < n; i++) {
            memcpy(line + len, iov[i].iov_base, iov[i].iov_len);
            len += iov[i].iov_len;
        }

        check(kind->mode == SESSION_BINARY || eirc_utf8_valid(line, len));
        check(memchr(line, '\0', len) == NULL);
        check(memchr(line, '\r', len) == NULL);
        check(memchr(line, '\n', len) == NULL);
        check(!begins(line, len, ":client ")
              || begins(line, len, ":client error :")
              || begins(line, len, ":client notice :")
              || begins(line, len, ":client users ")
              || begins(line, len,
                        ":client channels:"
                        " ")
              || begins(line, len, ":client channels :"));
    }

    check(n == 0);
    session_ring_drop(&u.session);
    session_commit(&u.session);
}


/* What IRC gets: lines of at most so many bytes, each with its CR LF. */
static void
check_lines(eirc_slice_t out)
{
    const uint8_t *end;

    while (out.len > 0) {
        end = memchr(out.p, '\n', out.len);
        check(end != NULL && end > out.p && end[-1] == '\r');
        check(end - 1 > out.p);
        check((size_t) (end - out.p) < u.state.isupport.linelen);
        check(memchr(out.p, '\0', (size_t) (end - out.p)) == NULL);
        check(memchr(out.p, '\r', (size_t) (end - out.p)) == end - 1);
        out = eirc_slice(end + 1, out.len - (size_t) (end + 1 - out.p));
    }
}


static void
check_sent(void)
{
    eirc_slice_t out;

    out = login_out_pending(&u);
    check_lines(out);

    if (out.len > 0) {
        login_out_sent(&u, out.len);
    }

    if (u.login != NULL && login_is_over(&u)) {
        u.login = NULL;
    }

    check_lines(session_out_pending(&u.session));
    session_out_sent(&u.session, session_out_pending(&u.session).len);
    session_commit(&u.session);
    session_out_settle(&u.session);
}


static void
run(void)
{
    int moved;

    do {
        moved = 0;

        while (user_step_irc(&u) == EIRC_OK) {
            moved = 1;
        }

        moved |= u.full;

        while (user_step_message(&u) == EIRC_OK) {
            moved = 1;
        }

        moved |= u.full;

        while (user_step_join(&u) == EIRC_OK || user_step_ask(&u) == EIRC_OK
               || user_step_burst(&u) == EIRC_OK)
        {
            moved = 1;
        }

        moved |= u.full;
        check_told();
        check_sent();
        u.now += u.wait + u.burst_wait;
        moved |= u.wait > 0 || u.burst_wait > 0;
    } while (moved);
}


static void
server(const uint8_t *p, size_t len)
{
    size_t n, room;
    uint8_t *in;

    while (len > 0) {
        room = session_in_room(&u.session, &in);
        check(room > 0);
        n = len < room ? len : room;
        memcpy(in, p, n);
        session_in_add(&u.session, n);
        session_commit(&u.session);
        p += n;
        len -= n;
        run();
    }
}


static void
browser(const uint8_t *p, size_t len)
{
    /* what waits for the registration stays first */

    if (session_message_pending(&u.session).len > 0) {
        return;
    }

    len = kind->checked ? eirc_utf8_prefix(p, len) : len;
    len = len < SESSION_MESSAGE_SIZE ? len : SESSION_MESSAGE_SIZE;
    memcpy(u.session.message, p, len);
    session_message_add(&u.session, len);
    session_commit(&u.session);
    run();
}


/* The process dies, and another one goes on: as it was, or anew. */
static void
succeed(bool anew)
{
    uint64_t now;
    bool resumable;
    size_t size;

    now = u.now;
    resumable = u.session.resumable;
    size = session_segment_size(REPLAY);

    user_done(&u);
    memset(&u, 0, sizeof(u));
    u.event = event;
    u.raw = kind->raw;
    u.servers = 2;

    check((anew ? user_init_anew(&u, segment, size, REPLAY, 9, now)
                : user_init(&u, segment, size, REPLAY, NULL, 9, now))
          == EIRC_OK);
    u.session.resumable = resumable;

    /* secrets are for those who register */

    if (anew || u.session.state->login) {
        u.session.state->login = 0;
        u.login = NULL;
        user_irc_lost(&u, 0);
    }
}


/* What is neither: time, and what others decide. */
static void
happen(uint8_t what)
{
    switch (what % 12) {

    case 0:
        user_ping(&u);
        break;

    case 1:
        user_irc_lost(&u, 0);
        break;

    case 2:
        user_left(&u);
        break;

    case 3:
        user_stop(&u, EIRC_LINK_SHUTDOWN);
        break;

    case 4:
        user_slow(&u);
        break;

    case 5:
        succeed(what & 16);
        break;

    case 6:
        user_detached(&u);
        break;

    case 7:
        user_attached(&u, what, u.session.state->first + (what >> 6));
        break;

    case 8:
        (void) session_ring_confirm(&u.session, u.session.state->sent);
        session_commit(&u.session);
        break;

    default:
        u.now += 1000u * what;
        break;
    }

    run();
}


static void
begin(void)
{
    const char *why;
    static request_t r;

    memset(segment, 0, session_segment_size(REPLAY));
    memset(&u, 0, sizeof(u));
    u.event = event;
    u.raw = kind->raw;

    request_init(&r);
    r.identity.mode = kind->mode;
    r.identity.flood_rate = 1000000;
    r.identity.flood_burst = 3;
    check(request_set(&r, "nick", eirc_slice_str("me"), &why) == EIRC_OK);
    check(request_channels(&r, eirc_slice_str("a,b"), &why) == EIRC_OK);
    check(request_finish(&r, &why) == EIRC_OK);

    check(session_segment_size(REPLAY) <= sizeof(segment));
    check(user_init(&u, segment, session_segment_size(REPLAY), REPLAY, &r, 9,
                    1000)
          == EIRC_OK);
    u.session.resumable = kind->raw;

    if (kind->secrets) {
        memset(&login, 0, sizeof(login));
        strcpy(login.secrets.secret, "s");
        strcpy(login.secrets.password, "p");
        strcpy(login.secrets.webirc, "w");
        strcpy(login.secrets.gateway, "g");
        strcpy(u.session.identity->address, "::1");
        session_identity_seal(&u.session);
        login.secrets.mechanisms = EIRC_SASL_BIT(EIRC_SASL_PLAIN)
                                   | EIRC_SASL_BIT(EIRC_SASL_EXTERNAL);
        login.secrets.required = kind->mode == SESSION_TEXT;
        u.login = &login;
    }

    user_connected(&u, 0);
    run();
}


static void
talk(const uint8_t *p, size_t len)
{
    size_t n;
    int turn;
    session_t s;
    const uint8_t *end;

    begin();

    for (turn = 0; len > 0; turn++) {
        end = memchr(p, 0xff, len);
        n = end == NULL ? len : (size_t) (end - p);

        if (turn % 2 == 0) {
            server(p, n);

        } else if (n == 2 && p[0] == HAPPEN) {
            happen(p[1]);

        } else {
            browser(p, n);
        }

        n += end != NULL;
        p += n;
        len -= n;
    }

    check(session_open(&s, segment, session_segment_size(REPLAY), REPLAY)
          == EIRC_OK);

    /* a successor could ask for the next server */

    u.servers = 0;
    user_irc_lost(&u, 0);
    run();
    check(u.session.state->ended);
    user_done(&u);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        kind = &kinds[i];
        talk(p, len);
    }

    return 0;
}
