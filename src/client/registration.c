#include "registration.h"

#include "cap.h"
#include "login.h"
#include "sts.h"
#include "webirc.h"

#include "eirc_utf8.h"

#include <stdio.h>
#include <string.h>

/* what every server takes (RFC 1459, 1.2); longer ones are a server's favor */
#define NICK_SHORT 9


void
registration_nick_say(user_t *u)
{
    const char *wish;

    wish = u->session.identity->nick;
    user_nick_set(u, eirc_slice_str(wish));
    (void) user_send_text(u, "NICK ", eirc_slice_str(wish));
}


void
registration_user_say(user_t *u)
{
    char words[EIRC_IRC_USER_MAX + 16];

    (void) snprintf(words, sizeof(words),
                    "USER %s 0 * :", u->session.identity->username);
    (void) user_send_text(u, words,
                          eirc_slice_str(u->session.identity->realname));
}


/* In the order in which it is said; a browser that registers itself goes on
 * behind what is ours. */
static const struct {
    void (*say)(user_t *u);
    bool ours;
} steps[] = {
    {login_begin, true},
    {webirc_say, true},
    {cap_begin, true},
    {login_pass, true},
    {registration_nick_say, false},
    {registration_user_say, false},
};


/* What may have to wait for the list of capabilities. */
#define STEP_PASS 3


/* The steps from one on, up to another. */
static bool
steps_say(user_t *u, unsigned i, unsigned end)
{
    for (; i < end; i++) {

        if (steps[i].ours || user_mode(u) == SESSION_EIRC) {
            steps[i].say(u);
        }

        if (u->session.state->phase != SESSION_REGISTERING) {
            return false;
        }
    }

    return true;
}


void
registration_go_on(user_t *u)
{
    if (steps_say(u, STEP_PASS, sizeof(steps) / sizeof(steps[0]))
        && user_mode(u) != SESSION_EIRC)
    {
        u->session.state->nick[0] = '\0';
    }
}


void
registration_begin(user_t *u)
{
    u->session.state->phase = SESSION_REGISTERING;
    u->session.state->nicks = 0;
    u->joining = true;
    u->over = false;
    u->introduced = false;
    u->passed = false;

    if (steps_say(u, 0, STEP_PASS) && !sts_holds(u)) {
        registration_go_on(u);
    }
}


bool
registration_nick(char *out, const char *wish, unsigned n, size_t max)
{
    int digits;
    size_t len, tail;
    char suffix[16];

    if (n > REGISTRATION_NICKS_MAX) {
        return false;
    }

    if (n <= 2) {
        digits = snprintf(suffix, sizeof(suffix), "%.*s", (int) n, "__");

    } else {
        digits = snprintf(suffix, sizeof(suffix), "%u", n - 2);
    }

    tail = (size_t) digits;
    len = strlen(wish);
    max = max < EIRC_IRC_NICK_MAX ? max : EIRC_IRC_NICK_MAX;

    if (len > max - tail) {
        len = eirc_utf8_prefix((const uint8_t *) wish, max - tail);
    }

    memcpy(out, wish, len);
    memcpy(out + len, suffix, tail + 1);

    return true;
}


/* What is left of a nick when only letters, digits and '_' may stand in it. */
static void
nick_plain(char *out, const char *wish)
{
    size_t n;

    n = 0;

    for (; *wish != '\0' && n < NICK_SHORT; wish++) {

        if ((*wish >= 'a' && *wish <= 'z') || (*wish >= 'A' && *wish <= 'Z')
            || *wish == '_' || (n > 0 && *wish >= '0' && *wish <= '9'))
        {
            out[n++] = *wish;
        }
    }

    out[n] = '\0';

    if (n == 0) {
        strcpy(out, "user");
    }
}


/*
 * Nicks made from the wish have the numbers up to REGISTRATION_NICKS_MAX, plain ones those
 * behind it. A taken nick leads to the next number, one whose form the server
 * can't bear to the plain ones.
 */
static bool
nick_next(session_state_t *state, const char *wish, bool erroneous, char *out)
{
    char plain[NICK_SHORT + 1];

    if (erroneous && state->nicks < REGISTRATION_NICKS_MAX) {
        state->nicks = REGISTRATION_NICKS_MAX;

    } else if (++state->nicks == REGISTRATION_NICKS_MAX) {
        return false;
    }

    if (state->nicks < REGISTRATION_NICKS_MAX) {
        return registration_nick(out, wish, state->nicks, EIRC_IRC_NICK_MAX);
    }

    nick_plain(plain, wish);

    return registration_nick(out, plain, state->nicks - REGISTRATION_NICKS_MAX,
                             NICK_SHORT);
}


void
registration_nick_refused(user_t *u, bool erroneous)
{
    char nick[EIRC_IRC_NICK_MAX + 1];
    session_state_t *state;

    state = u->session.state;

    /* the browser is told, and has another one */

    if (user_mode(u) != SESSION_EIRC) {
        state->nicks = 1;
        return;
    }

    do {
        if (!nick_next(state, u->session.identity->nick, erroneous, nick)) {
            u->session.state->refused = 1;
            user_tell_error(u, EIRC_SLICE("No nick could be had."));
            user_leave(u, EIRC_LINK_IRC_REFUSED, EIRC_SLICE("QUIT"));
            return;
        }
    } while (strcmp(nick, state->nick) == 0);

    user_nick_set(u, eirc_slice_str(nick));
    (void) user_send_text(u, "NICK ", eirc_slice_str(nick));
}


int
registration_join(user_t *u)
{
    size_t len;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];
    unsigned n;
    uint32_t cursor;
    session_t *s;
    session_channel_t channel;

    s = &u->session;
    len = (size_t) snprintf((char *) buf, sizeof(buf), "JOIN ");
    n = 0;

    /* a change voids the cursor, so the list is begun again after each */

    for (;;) {
        cursor = 0;

        do {
            if (session_channel_next(s, &cursor, &channel) != EIRC_OK) {
                goto done;
            }
        } while (channel.flags & SESSION_CHANNEL_ASKED);

        if (len + 1 + channel.name.len + 1 + channel.key.len > sizeof(buf)
            || (n > 0 && channel.key.len > 0))
        {
            break;
        }

        if (n++ > 0) {
            buf[len++] = ',';
        }

        memcpy(buf + len, channel.name.p, channel.name.len);
        len += channel.name.len;

        if (channel.key.len > 0) {
            buf[len++] = ' ';
            memcpy(buf + len, channel.key.p, channel.key.len);
            len += channel.key.len;
        }

        (void) session_channel_set(s, u->state.isupport.casemap, channel.name,
                                   eirc_slice(NULL, 0),
                                   channel.flags | SESSION_CHANNEL_ASKED);

        /* keys go by their place: such a channel is asked for alone */

        if (memchr(buf + 5, ' ', len - 5) != NULL) {
            break;
        }
    }

done:

    if (n == 0) {
        return EIRC_AGAIN;
    }

    return user_send(u, eirc_slice(buf, len));
}
