#include "ircv3.h"

#include "cap.h"
#include "command.h"
#include "line.h"
#include "login.h"
#include "registration.h"
#include "say.h"

#include <string.h>

/* the longest answer of ours to CAP: what the browser asked for comes back */
#define ANSWER_MAX EIRC_IRC_CONTENT_MAX

/* what stands around the nick and the list in it */
#define ANSWER_WORDS (sizeof("CAP  NAK :") - 1)

typedef struct {
    const char *verb;
    int (*say)(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line);
} word_t;


/*
 * Capabilities that are none of the browser's business: logging in is ours,
 * and how we reach the server is, too.
 */
static bool
is_ours(eirc_slice_t cap)
{
    eirc_slice_t value;
    static const eirc_slice_t sasl = EIRC_SLICE("sasl");
    static const eirc_slice_t sts = EIRC_SLICE("sts");

    if (cap.len > 0 && cap.p[0] == '-') {
        cap = eirc_slice(cap.p + 1, cap.len - 1);
    }

    cap = cap_name(cap, &value);

    return eirc_slice_equal(cap, sasl) || eirc_slice_equal(cap, sts);
}


static bool
has_ours(eirc_slice_t list)
{
    eirc_slice_t cap;

    for (;;) {
        cap = cap_next(&list);

        if (cap.len == 0) {
            return false;
        }

        if (is_ours(cap)) {
            return true;
        }
    }
}


bool
ircv3_cap(user_t *u, const eirc_irc_msg_t *msg)
{
    size_t len, start;
    uint8_t buf[EIRC_LINK_LINE_MAX];
    eirc_slice_t list, cap;

    list = msg->params[msg->nparams - 1];

    if (!has_ours(list)) {
        return true;
    }

    /* the line up to the list, with a colon, then what is left of the list */

    len = (size_t) (list.p - u->line.p);
    memcpy(buf, u->line.p, len);

    if (buf[len - 1] == ' ') {
        buf[len++] = ':';
    }

    start = len;

    for (;;) {
        cap = cap_next(&list);

        if (cap.len == 0) {
            break;
        }

        if (is_ours(cap)) {
            continue;
        }

        if (len > start) {
            buf[len++] = ' ';
        }

        memcpy(buf + len, cap.p, cap.len);
        len += cap.len;
    }

    user_tell(u, eirc_slice(buf, len));

    return false;
}


/* As many of a list as fit into so many bytes. */
static eirc_slice_t
caps_cut(eirc_slice_t list, size_t max)
{
    if (list.len > max) {
        list.len = max;

        while (list.len > 0 && list.p[list.len] != ' ') {
            list.len--;
        }
    }

    return list;
}


/* what the browser says */

static int
say_cap(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    size_t len;
    uint8_t buf[ANSWER_MAX];
    eirc_slice_t list, nick;
    eirc_irc_builder_t b;

    list = eirc_irc_param(msg, msg->nparams - 1);

    /* from here on the registration waits for the browser */

    u->session.state->caps = 0;

    if (msg->nparams < 2
        || !eirc_irc_equal(EIRC_IRC_ASCII, msg->params[0], EIRC_SLICE("REQ"))
        || !has_ours(list))
    {
        return command_send(u, msg, line);
    }

    /* all or nothing: the server is not asked */

    nick = user_nick(u).len > 0 ? user_nick(u) : EIRC_SLICE("*");

    eirc_irc_build_init(&b, buf, sizeof(buf));
    eirc_irc_build_verb(&b, EIRC_SLICE("CAP"));
    eirc_irc_build_param(&b, nick);
    eirc_irc_build_param(&b, EIRC_SLICE("NAK"));
    eirc_irc_build_trailing(
        &b, caps_cut(list, ANSWER_MAX - ANSWER_WORDS - nick.len));

    if (eirc_irc_build_finish(&b, &len) == EIRC_OK) {
        user_tell(u, eirc_slice(buf, len));
    }

    return EIRC_OK;
}


/*
 * The first nick is the token's, whatever is said. When the server does not
 * take it, it is for the browser to say another one.
 */
static int
say_nick(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    session_state_t *state;

    state = u->session.state;

    if (state->phase != SESSION_REGISTERING) {
        return command_send(u, msg, line);
    }

    cap_close(u);

    if (state->nick[0] == '\0') {
        registration_nick_say(u);
        return EIRC_OK;
    }

    if (state->nicks == 0 || msg->nparams == 0 || msg->params[0].len == 0
        || msg->params[0].len > EIRC_IRC_NICK_MAX)
    {
        return EIRC_OK;
    }

    state->nicks = 0;
    user_nick_set(u, msg->params[0]);

    return command_send(u, msg, line);
}


static int
say_user(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    (void) msg;
    (void) line;

    if (u->session.state->phase != SESSION_REGISTERING) {
        return EIRC_OK;
    }

    u->wait = bucket_take(&u->session.state->flood, u->now);

    if (u->wait > 0) {
        return EIRC_AGAIN;
    }

    cap_close(u);
    registration_user_say(u);

    return EIRC_OK;
}


static int
say_quit(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    (void) msg;

    user_leave(u, EIRC_LINK_QUIT, line_without_tags(line));

    return EIRC_OK;
}


/* Pings of the server are answered by ourselves, and never shown. */
static int
say_nothing(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    (void) u;
    (void) msg;
    (void) line;

    return EIRC_OK;
}


static int
say_forbidden(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    (void) msg;
    (void) line;

    user_tell_error(u, EIRC_SLICE("That is not for you to say."));

    return EIRC_OK;
}


static const word_t words[] = {
    {"AUTHENTICATE", say_forbidden},
    {"CAP", say_cap},
    {"NICK", say_nick},
    {"PASS", say_forbidden},
    {"PONG", say_nothing},
    {"QUIT", say_quit},
    {"SERVER", say_forbidden},
    {"SERVICE", say_forbidden},
    {"STARTTLS", say_forbidden},
    {"USER", say_user},
    {"WEBIRC", say_forbidden},
};


static bool
line_parse(eirc_irc_msg_t *msg, eirc_slice_t line)
{
    return eirc_irc_parse(msg, line.p, line.len) == EIRC_OK
           && msg->tags.len + 2 <= EIRC_IRC_TAGS_CLIENT_MAX;
}


int
ircv3_line(user_t *u, eirc_slice_t line)
{
    size_t i;
    eirc_irc_msg_t msg;

    if (user_is_leaving(u)) {
        return EIRC_OK;
    }

    /* who the user is comes first */

    if (u->session.state->phase < SESSION_REGISTERING || login_busy(u)) {
        return EIRC_AGAIN;
    }

    if (line_parse(&msg, line)
        && (u->session.state->told > 0 || say_is_long(u, &msg)))
    {
        return say_next(u, &msg);
    }

    line = line_cut(line, u->state.isupport.linelen - 2);

    /* what is no line of IRC has no answer of the server either */

    if (!line_parse(&msg, line)) {
        user_tell_error(u, EIRC_SLICE("That is no IRC line."));
        return EIRC_OK;
    }

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {

        if (eirc_irc_verb_is(&msg, words[i].verb)) {
            return words[i].say(u, &msg, line);
        }
    }

    return command_send(u, &msg, line);
}
