#include "burst.h"

#include <string.h>

/* tokens in a line of 005: 15 parameters less nick and words (RFC 2812, 2.3.1)
 */
#define TOKENS_MAX 13

typedef enum {
    BURST_NONE = 0,
    BURST_HEAD,
    BURST_CHANNELS
} burst_e;


void
burst_begin(user_t *u)
{
    if (u->session.state->phase != SESSION_READY) {

        /* the server has yet to say it all */

        return;
    }

    u->session.state->burst = BURST_HEAD;
    session_channels_mark(&u->session, SESSION_CHANNEL_JOINED,
                          SESSION_CHANNEL_UNTOLD);
}


bool
burst_is_due(const user_t *u)
{
    return u->session.state->burst != BURST_NONE
           && u->session.state->phase == SESSION_READY;
}


/* Tells "VERB nick words... :text"; without a text, what is there already. */
static void
tell(user_t *u, const char *verb, const eirc_slice_t *words, unsigned n,
     eirc_slice_t text)
{
    unsigned i;
    size_t len;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];
    eirc_irc_builder_t b;

    eirc_irc_build_init(&b, buf, sizeof(buf));
    eirc_irc_build_verb(&b, eirc_slice_str(verb));
    eirc_irc_build_param(&b, user_nick(u));

    for (i = 0; i < n; i++) {
        eirc_irc_build_param(&b, words[i]);
    }

    eirc_irc_build_trailing(&b, text);

    if (eirc_irc_build_finish(&b, &len) == EIRC_OK) {
        user_tell(u, eirc_slice(buf, len));
    }
}


static void
tell_isupport(user_t *u)
{
    size_t i, len;
    unsigned n;
    eirc_slice_t left, tokens[TOKENS_MAX];
    const eirc_slice_t text = EIRC_SLICE("are supported by this server");

    left = session_isupport(&u->session);
    len = 0;
    n = 0;

    while (left.len > 0) {
        for (i = 0; i < left.len && left.p[i] != ' '; i++) {
            /* void */
        }

        if (n == TOKENS_MAX
            || (n > 0
                && 4 + EIRC_IRC_NICK_MAX + len + i + text.len + 4
                       > EIRC_IRC_CONTENT_MAX))
        {
            tell(u, "005", tokens, n, text);
            len = 0;
            n = 0;
        }

        tokens[n++] = eirc_slice(left.p, i);
        len += i + 1;
        i = i < left.len ? i + 1 : i;
        left = eirc_slice(left.p + i, left.len - i);
    }

    if (n > 0) {
        tell(u, "005", tokens, n, text);
    }
}


/* The next channel, and the questions to the server about it. */
static uint64_t
channel_next(user_t *u)
{
    size_t len;
    uint32_t cursor;
    uint64_t wait;
    session_t *s;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];
    eirc_irc_builder_t b;
    session_channel_t channel;

    s = &u->session;
    cursor = 0;

    do {
        if (session_channel_next(s, &cursor, &channel) != EIRC_OK) {
            s->state->burst = BURST_NONE;
            return 0;
        }
    } while (!(channel.flags & SESSION_CHANNEL_UNTOLD));

    /* taken back with the step where the second one has to wait */

    wait = bucket_take(&s->state->flood, u->now);
    wait = wait > 0 ? wait : bucket_take(&s->state->flood, u->now);

    if (wait > 0) {
        return wait;
    }

    eirc_irc_build_init(&b, buf, sizeof(buf));
    eirc_irc_build_source(&b, user_nick(u));
    eirc_irc_build_verb(&b, EIRC_SLICE("JOIN"));
    eirc_irc_build_param(&b, channel.name);

    if (eirc_irc_build_finish(&b, &len) == EIRC_OK) {
        user_tell(u, eirc_slice(buf, len));
    }

    (void) user_send_text(u, "TOPIC ", channel.name);
    (void) user_send_text(u, "NAMES ", channel.name);

    (void) session_channel_set(
        s, u->state.isupport.casemap, channel.name, eirc_slice(NULL, 0),
        (uint8_t) (channel.flags & ~SESSION_CHANNEL_UNTOLD));

    return 0;
}


uint64_t
burst_next(user_t *u)
{
    if (u->session.state->burst == BURST_CHANNELS) {
        return channel_next(u);
    }

    tell(u, "001", NULL, 0, EIRC_SLICE("Welcome back."));
    tell_isupport(u);
    tell(u, "376", NULL, 0, EIRC_SLICE("End of message of the day."));
    u->session.state->burst = BURST_CHANNELS;

    return 0;
}
