#include "command.h"

#include "eirc_utf8.h"
#include "flow.h"
#include "later.h"
#include "line.h"
#include "rebuild.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

/* of an unknown command: enough to recognize it */
#define COMMAND_ECHO_MAX 400


static bool
is_ready(const user_t *u)
{
    return u->session.state->phase == SESSION_READY;
}


/* answers */

/*
 * :client users #chan :@a, +b, c -- in as many lines as it takes; how many
 * names were told already is part of the state.
 */
static int
tell_users(user_t *u, const channel_t *ch, eirc_slice_t name)
{
    size_t len, start;
    uint8_t prefixes, ops, buf[EIRC_LINK_LINE_MAX];
    uint32_t n, cursor;
    eirc_slice_t nick;

    len = (size_t) snprintf((char *) buf, sizeof(buf),
                            "%s%.*s :", ":client users ", (int) name.len,
                            (const char *) name.p);
    start = len;
    cursor = 0;
    n = 0;

    /* the bits of '@' and all that ranks above it */

    ops = isupport_prefix_char(&u->state.isupport, '@');
    ops = (uint8_t) (ops == 0 ? 0 : ops | (ops - 1));

    while (members_next(&ch->members, &cursor, &nick, &prefixes)) {

        if (n++ < u->session.state->told) {
            continue;
        }

        if (len + 3 + nick.len > sizeof(buf)) {
            u->session.state->told = n - 1;
            user_tell(u, eirc_slice(buf, len));
            return EIRC_DONE;
        }

        if (len > start) {
            buf[len++] = ',';
            buf[len++] = ' ';
        }

        if (prefixes != 0) {
            buf[len++] = prefixes & ops ? '@' : '+';
        }

        memcpy(buf + len, nick.p, nick.len);
        len += nick.len;
    }

    user_tell(u, eirc_slice(buf, len));

    return EIRC_OK;
}


static int
command_users(user_t *u, eirc_slice_t args)
{
    size_t len;
    char words[EIRC_IRC_CHANNEL_MAX + 64], name[EIRC_IRC_CHANNEL_MAX + 2];
    channel_t *ch;
    eirc_slice_t channel;

    if (!is_ready(u)) {
        return EIRC_AGAIN;
    }

    args = eirc_slice_trim(args);

    if (args.len == 0) {
        user_tell_error(u, EIRC_SLICE("No channel specified."));
        return EIRC_OK;
    }

    if (args.len > EIRC_IRC_CHANNEL_MAX) {
        args.len = eirc_utf8_prefix(args.p, EIRC_IRC_CHANNEL_MAX);
    }

    len = 0;

    if (!isupport_is_channel(&u->state.isupport, args)) {
        name[len++] = '#';
    }

    memcpy(name + len, args.p, args.len);
    channel = eirc_slice(name, len + args.len);

    ch = state_channel(&u->state, channel);

    if (ch != NULL && !rebuild_known(u, ch)) {
        return EIRC_AGAIN;
    }

    if (ch != NULL && ch->members.count > 0) {
        return tell_users(u, ch, channel);
    }

    len = (size_t) snprintf(words, sizeof(words),
                            "channel %.*s not found or no users.",
                            (int) channel.len, (const char *) channel.p);
    user_tell_error(u, eirc_slice(words, len));

    return EIRC_OK;
}


/* :client channels :#a, #b -- or without a colon when there are none */
static int
command_channels(user_t *u, eirc_slice_t args)
{
    size_t len;
    uint8_t buf[EIRC_LINK_LINE_MAX];
    uint32_t i;
    eirc_slice_t name;
    static const char head[] = ":client channels";

    if (eirc_slice_trim(args).len > 0) {
        return EIRC_ERROR;
    }

    if (!is_ready(u)) {
        return EIRC_AGAIN;
    }

    if (u->state.count == 0) {
        user_tell(u, EIRC_SLICE(":client channels: "));
        return EIRC_OK;
    }

    memcpy(buf, head, sizeof(head) - 1);
    len = sizeof(head) - 1;
    buf[len++] = ' ';
    buf[len++] = ':';

    for (i = u->session.state->told; i < u->state.count; i++) {
        name = state_channel_name(u->state.channels[i]);

        if (len + 2 + name.len > sizeof(buf)) {
            u->session.state->told = i;
            user_tell(u, eirc_slice(buf, len));
            return EIRC_DONE;
        }

        if (i > u->session.state->told) {
            buf[len++] = ',';
            buf[len++] = ' ';
        }

        memcpy(buf + len, name.p, name.len);
        len += name.len;
    }

    user_tell(u, eirc_slice(buf, len));

    return EIRC_OK;
}


static int
command_quit(user_t *u, eirc_slice_t args)
{
    if (eirc_slice_trim(args).len > 0) {
        return EIRC_ERROR;
    }

    user_leave(u, EIRC_LINK_QUIT, eirc_slice(NULL, 0));

    return EIRC_OK;
}


/* lines */

/*
 * Registration is eIRC's business, and capabilities change what a line looks
 * like: these a browser can't say.
 */
static bool
is_forbidden(const eirc_irc_msg_t *msg)
{
    unsigned i;
    static const char *const verbs[]
        = {"AUTHENTICATE", "CAP",      "PASS", "PROTOCTL", "SERVER",
           "SERVICE",      "STARTTLS", "USER", "WEBIRC"};

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {

        if (eirc_irc_verb_is(msg, verbs[i])) {
            return true;
        }
    }

    return false;
}


/* The first of a list with commas, which is cut off; empty at its end. */
static eirc_slice_t
list_next(eirc_slice_t *list)
{
    size_t n;
    eirc_slice_t item;

    if (list->len == 0) {
        return eirc_slice(NULL, 0);
    }

    for (n = 0; n < list->len && list->p[n] != ','; n++) {
        /* void */
    }

    item = eirc_slice(list->p, n);
    n = n < list->len ? n + 1 : n;
    *list = eirc_slice(list->p + n, list->len - n);

    return item;
}


/* Keeps the keys of channels: no answer of the server repeats them. */
static void
note_join(user_t *u, const eirc_irc_msg_t *msg)
{
    eirc_slice_t names, keys, name, key;
    session_channel_t channel;
    eirc_irc_casemap_e casemap;

    casemap = u->state.isupport.casemap;
    names = eirc_irc_param(msg, 0);
    keys = eirc_irc_param(msg, 1);

    while (names.len > 0) {
        name = list_next(&names);
        key = list_next(&keys);

        if (isupport_is_channel(&u->state.isupport, name)
            && session_channel_find(&u->session, casemap, name, &channel)
                   != EIRC_OK)
        {
            (void) session_channel_set(&u->session, casemap, name, key,
                                       SESSION_CHANNEL_ASKED);
        }
    }
}


/* May a line of so many bytes go now?  If not, nothing was taken for it. */
static bool
flood_passes(user_t *u, size_t len)
{
    bucket_t *flood;

    flood = &u->session.state->flood;
    u->wait = bucket_wait(flood, u->now);

    if (u->wait == 0) {
        u->wait = flow_take(u, len);
    }

    if (u->wait == 0) {
        (void) bucket_take(flood, u->now);
    }

    return u->wait == 0;
}


int
command_send(user_t *u, const eirc_irc_msg_t *msg, eirc_slice_t line)
{
    bool asks;

    asks = later_may(u, msg);

    /* questions go in their order */

    if (asks && later_waits(u)) {
        return later_add(u, line);
    }

    if (!flood_passes(u, line.len)) {
        return asks ? later_add(u, line) : EIRC_AGAIN;
    }

    if (eirc_irc_verb_is(msg, "JOIN")) {
        note_join(u, msg);
    }

    return user_send(u, line);
}


int
command_later(user_t *u)
{
    size_t taken;
    eirc_slice_t line;

    if (!is_ready(u) || !later_next(u, &line, &taken)
        || !flood_passes(u, line.len) || user_send(u, line) != EIRC_OK)
    {
        return EIRC_AGAIN;
    }

    session_later_take(&u->session, taken);

    return EIRC_OK;
}


static int
command_input(user_t *u, eirc_slice_t line)
{
    eirc_irc_msg_t msg;
    char words[64];

    line = line_without_tags(line);

    if (eirc_irc_parse(&msg, line.p, line.len) == EIRC_OK
        && (u->session.state->told > 0 || say_is_long(u, &msg)))
    {
        return is_ready(u) ? say_next(u, &msg) : EIRC_AGAIN;
    }

    line = line_for_irc(line, u->state.isupport.linelen - 2);

    if (line.len == 0) {
        return EIRC_OK;
    }

    if (eirc_irc_parse(&msg, line.p, line.len) != EIRC_OK) {
        user_tell_error(u, EIRC_SLICE("That is no IRC line."));
        return EIRC_OK;
    }

    if (is_forbidden(&msg)) {
        (void) snprintf(words, sizeof(words), "%.*s is not for you to say.",
                        (int) msg.verb.len, (const char *) msg.verb.p);
        user_tell_error(u, eirc_slice_str(words));
        return EIRC_OK;
    }

    if (eirc_irc_verb_is(&msg, "QUIT")) {
        user_leave(u, EIRC_LINK_QUIT, line);
        return EIRC_OK;
    }

    if (!is_ready(u)) {
        return EIRC_AGAIN;
    }

    return command_send(u, &msg, line);
}


static const struct {
    const char *name;
    int (*run)(user_t *u, eirc_slice_t args);
} commands[] = {
    {"/channels", command_channels},
    {"/input", command_input},
    {"/quit", command_quit},
    {"/users", command_users},
};


static int
command_unknown(user_t *u, eirc_slice_t line)
{
    size_t len;
    char words[COMMAND_ECHO_MAX + 32];

    len = line.len;

    if (len > COMMAND_ECHO_MAX) {
        len = eirc_utf8_prefix(line.p, COMMAND_ECHO_MAX);
    }

    (void) snprintf(words, sizeof(words), "Unrecognized command: \"%.*s\"",
                    (int) len, (const char *) line.p);
    user_tell_error(u, eirc_slice_str(words));

    return EIRC_OK;
}


/* A line that begins with '/'. */
static int
command_slash(user_t *u, eirc_slice_t line)
{
    int rc;
    size_t i, len;

    for (len = 0; len < line.len && line.p[len] != ' '; len++) {
        /* void */
    }

    rc = EIRC_ERROR;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {

        if (!eirc_slice_equal(eirc_slice(line.p, len),
                              eirc_slice_str(commands[i].name)))
        {
            continue;
        }

        /* behind the command there is one space; more belong to the line */

        len += len < line.len;
        rc = commands[i].run(u, eirc_slice(line.p + len, line.len - len));
        break;
    }

    return rc == EIRC_ERROR ? command_unknown(u, line) : rc;
}


int
command_line(user_t *u, eirc_slice_t line)
{
    if (user_is_leaving(u)) {
        return EIRC_OK;
    }

    if (memchr(line.p, '\0', line.len) != NULL) {
        user_tell_error(u, EIRC_SLICE("A line can't hold NUL."));
        return EIRC_OK;
    }

    if (line.p[0] != '/') {
        return u->raw ? command_input(u, line) : command_unknown(u, line);
    }

    return command_slash(u, line);
}
