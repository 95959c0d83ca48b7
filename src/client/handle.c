#include "handle.h"

#include "cap.h"
#include "comeback.h"
#include "flow.h"
#include "ircv3.h"
#include "login.h"
#include "rebuild.h"
#include "regain.h"
#include "registration.h"
#include "say.h"
#include "sts.h"

#include <stdlib.h>
#include <string.h>

/* of what a segment keeps of 005: for tokens that we act on */
#define ISUPPORT_RESERVE 400

typedef struct {
    const char *verb;
    unsigned params; /* fewer: the line has no meaning for us */
    bool (*handle)(user_t *u, const eirc_irc_msg_t *msg);
} handler_t;


static bool
is_own(const user_t *u, eirc_slice_t nick)
{
    return eirc_irc_equal(u->state.isupport.casemap, nick, user_nick(u));
}


/* registration */

static bool
handle_welcome(user_t *u, const eirc_irc_msg_t *msg)
{
    if (u->session.state->phase == SESSION_REGISTERING) {
        u->session.state->phase = SESSION_WELCOMED;
        user_nick_set(u, msg->params[0]);
        login_welcome(u);
        u->event(u, EVENT_REGISTERED, 0, msg->params[0]);
        comeback_welcomed(u);
    }

    return true;
}


static bool
handle_isupport(user_t *u, const eirc_irc_msg_t *msg)
{
    unsigned i;

    /* once there are names in tables they can't be compared otherwise */

    if (u->state.count > 0) {
        return true;
    }

    for (i = 1; i + 1 < msg->nparams; i++) {
        isupport_token(&u->state.isupport, msg->params[i]);
        session_isupport_add(
            &u->session, msg->params[i],
            isupport_is_known(msg->params[i]) ? 0 : ISUPPORT_RESERVE);
    }

    return true;
}


static bool
handle_motd_end(user_t *u, const eirc_irc_msg_t *msg)
{
    (void) msg;

    if (u->session.state->phase == SESSION_WELCOMED) {
        u->session.state->phase = SESSION_READY;
        login_ready(u);
        regain_begin(u);
    }

    return true;
}


/* Pages wait for 376 alone, so they get one. */
static bool
handle_motd_missing(user_t *u, const eirc_irc_msg_t *msg)
{
    size_t len;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];
    eirc_irc_builder_t b;

    if (u->session.state->phase != SESSION_WELCOMED) {
        return true;
    }

    u->session.state->phase = SESSION_READY;
    login_ready(u);
    regain_begin(u);

    if (user_mode(u) != SESSION_EIRC) {
        return true;
    }

    user_tell(u, u->line);

    eirc_irc_build_init(&b, buf, sizeof(buf));

    if (msg->source.len > 0) {
        eirc_irc_build_source(&b, msg->source);
    }

    eirc_irc_build_verb(&b, EIRC_SLICE("376"));
    eirc_irc_build_param(&b, user_nick(u));
    eirc_irc_build_trailing(&b, EIRC_SLICE("End of message of the day."));

    if (eirc_irc_build_finish(&b, &len) == EIRC_OK) {
        user_tell(u, eirc_slice(buf, len));
    }

    return false;
}


static bool
handle_nick_refused(user_t *u, const eirc_irc_msg_t *msg)
{
    if (u->session.state->phase == SESSION_REGISTERING) {
        registration_nick_refused(
            u, eirc_slice_equal(msg->verb, EIRC_SLICE("432")));
    }

    return !regain_refused(u, eirc_irc_param(msg, 1));
}


static int
numeric(eirc_slice_t verb)
{
    size_t i;
    int n;

    n = 0;

    for (i = 0; i < verb.len; i++) {
        n = n * 10 + (verb.p[i] - '0');
    }

    return n;
}


static bool
handle_user_refused(user_t *u, const eirc_irc_msg_t *msg)
{
    if (u->session.state->phase == SESSION_REGISTERING) {
        u->session.state->refused = 1;
        u->event(u, EVENT_IRC_REFUSED, numeric(msg->verb),
                 eirc_slice(NULL, 0));
    }

    return true;
}


/* The server's line, and behind it our own words, before the end. */
static bool
refuse(user_t *u, event_type_e type, int number, const char *words)
{
    u->session.state->refused = 1;
    u->event(u, type, number, eirc_slice(NULL, 0));
    user_tell(u, u->line);
    user_tell_error(u, eirc_slice_str(words));

    return false;
}


/* The server's password, since so early there is none of a user's. */
static bool
refuse_password(user_t *u, int number)
{
    return refuse(u, EVENT_PASSWORD_REFUSED, number,
                  u->passed ? "The IRC server does not take the password."
                            : "The IRC server wants a password.");
}


static bool
handle_password_refused(user_t *u, const eirc_irc_msg_t *msg)
{
    if (u->session.state->phase != SESSION_REGISTERING
        || u->session.state->refused)
    {
        return true;
    }

    return refuse_password(u, numeric(msg->verb));
}


/* capabilities and login: what is said about ours is not for the browser */

static bool
handle_cap(user_t *u, const eirc_irc_msg_t *msg)
{
    if (sts_cap(u, msg)) {
        return false;
    }

    if (login_busy(u)) {
        cap_line(u, msg);
        return false;
    }

    return !cap_late(u, msg) && user_mode(u) != SESSION_EIRC
           && ircv3_cap(u, msg);
}


/* 410: the server can't be asked. */
static bool
handle_cap_invalid(user_t *u, const eirc_irc_msg_t *msg)
{
    (void) msg;

    if (!login_busy(u) || u->login->talk.phase != LOGIN_LIST) {
        return true;
    }

    cap_unknown(u, true);
    sts_unknown(u);

    return false;
}


/* 421, 451: it knows nothing of what was said before 001. Of 451 it isn't
 * always said what it is about. */
static bool
handle_unknown(user_t *u, const eirc_irc_msg_t *msg)
{
    eirc_slice_t verb;

    verb = eirc_irc_param(msg, msg->nparams > 2 ? 1 : msg->nparams);

    if (u->introduced && u->session.state->phase == SESSION_REGISTERING
        && eirc_irc_equal(EIRC_IRC_ASCII, verb, EIRC_SLICE("WEBIRC")))
    {
        u->event(u, EVENT_GATEWAY_REFUSED, numeric(msg->verb),
                 EIRC_SLICE("it knows no WEBIRC"));
        return false;
    }

    if (!login_busy(u) || u->login->talk.phase != LOGIN_LIST
        || (!eirc_irc_equal(EIRC_IRC_ASCII, verb, EIRC_SLICE("CAP"))
            && (verb.len > 0
                || eirc_slice_equal(msg->verb, EIRC_SLICE("421")))))
    {
        return true;
    }

    cap_unknown(u, false);
    sts_unknown(u);

    return false;
}


static bool
handle_authenticate(user_t *u, const eirc_irc_msg_t *msg)
{
    login_challenge(u, msg->params[0]);

    return false;
}


static bool
handle_login(user_t *u, const eirc_irc_msg_t *msg)
{
    /* our words about it come behind the server's */

    if (user_mode(u) == SESSION_EIRC) {
        user_tell(u, u->line);
    }

    login_numeric(u, numeric(msg->verb), msg);

    return false;
}


/* Is there one of these words in the text, in any case of letters? */
static bool
has_word(eirc_slice_t text, const char *const *words)
{
    size_t i, len;

    for (; *words != NULL; words++) {
        len = strlen(*words);

        for (i = 0; i + len <= text.len; i++) {

            if (eirc_irc_equal(EIRC_IRC_ASCII, eirc_slice(text.p + i, len),
                               eirc_slice_str(*words)))
            {
                return true;
            }
        }
    }

    return false;
}


/* Before 001 it tells a ban from a server that is full or in trouble. */
static bool
handle_error(user_t *u, const eirc_irc_msg_t *msg)
{
    eirc_slice_t text;
    static const char *const gateways[] = {"webirc", "cgi:irc", NULL};
    static const char *const passwords[] = {"password", NULL};
    static const char *const denials[] = {"access denied", NULL};
    static const char *const bans[]
        = {"-lined", "-line:", "-line)", "banned", "access denied", NULL};

    u->over = true;

    if (u->session.state->phase != SESSION_REGISTERING
        || u->session.state->refused || msg->nparams == 0)
    {
        return true;
    }

    text = msg->params[msg->nparams - 1];

    if (u->introduced && has_word(text, gateways)) {
        return refuse(u, EVENT_GATEWAY_REFUSED, 0,
                      "The IRC server does not believe this gateway whose "
                      "connection it is.");
    }

    if (has_word(text, passwords)) {
        return refuse_password(u, 0);
    }

    /* InspIRCd says no more than that */

    if (u->passed && has_word(text, denials)) {
        return refuse(u, EVENT_PASSWORD_REFUSED, 0,
                      "The IRC server denies access, perhaps for its "
                      "password.");
    }

    if (has_word(text, bans)) {
        u->session.state->refused = 1;
        u->event(u, EVENT_IRC_REFUSED, 0, eirc_slice(NULL, 0));
    }

    return true;
}


/* signs of life */

static bool
handle_ping(user_t *u, const eirc_irc_msg_t *msg)
{
    (void) user_send_text(u, "PONG :", msg->params[msg->nparams - 1]);

    return user_mode(u) == SESSION_EIRC;
}


static bool
handle_pong(user_t *u, const eirc_irc_msg_t *msg)
{
    if (flow_answered(u, msg->params[msg->nparams - 1])) {
        return false;
    }

    if (u->session.state->pinged
        && eirc_slice_equal(msg->params[msg->nparams - 1],
                            EIRC_SLICE(USER_PING)))
    {
        u->session.state->pinged = 0;
        return false;
    }

    return true;
}


/* channels and members */

static bool
handle_join(user_t *u, const eirc_irc_msg_t *msg)
{
    channel_t *ch;
    eirc_slice_t name;

    name = msg->params[0];

    if (is_own(u, msg->nick)) {
        say_source(u, msg->user, msg->host);
        state_channel_remove(&u->state, name);
        (void) state_channel_add(&u->state, name);
        (void) session_channel_set(
            &u->session, u->state.isupport.casemap, name, eirc_slice(NULL, 0),
            SESSION_CHANNEL_ASKED | SESSION_CHANNEL_JOINED);
    }

    ch = state_channel(&u->state, name);

    if (ch != NULL) {
        state_join(&u->state, ch, msg->nick);
    }

    return true;
}


/* Others see another host from now on, or another user, too. */
static bool
handle_host(user_t *u, const eirc_irc_msg_t *msg)
{
    size_t i;
    eirc_slice_t host, user;

    host = msg->params[1];
    user = eirc_slice(NULL, 0);

    for (i = 0; i < host.len; i++) {

        if (host.p[i] == '@') {
            user = eirc_slice(host.p, i);
            host = eirc_slice(host.p + i + 1, host.len - i - 1);
            break;
        }
    }

    say_source(u, user, host);

    return true;
}


/* The same in words of IRCv3, of anybody. */
static bool
handle_chghost(user_t *u, const eirc_irc_msg_t *msg)
{
    if (is_own(u, msg->nick)) {
        say_source(u, msg->params[0], msg->params[1]);
    }

    return true;
}


/* Somebody is not in a channel any more. */
static void
leave(user_t *u, eirc_slice_t name, eirc_slice_t nick)
{
    channel_t *ch;

    if (is_own(u, nick)) {
        state_channel_remove(&u->state, name);
        session_channel_remove(&u->session, u->state.isupport.casemap, name);
        return;
    }

    ch = state_channel(&u->state, name);

    if (ch != NULL) {
        state_part(&u->state, ch, nick);
    }
}


static bool
handle_part(user_t *u, const eirc_irc_msg_t *msg)
{
    leave(u, msg->params[0], msg->nick);

    return true;
}


static bool
handle_kick(user_t *u, const eirc_irc_msg_t *msg)
{
    leave(u, msg->params[0], msg->params[1]);

    return true;
}


static bool
handle_quit(user_t *u, const eirc_irc_msg_t *msg)
{
    if (!is_own(u, msg->nick)) {
        state_quit(&u->state, msg->nick);
        regain_seen(u, msg->nick);
    }

    return true;
}


static bool
handle_nick(user_t *u, const eirc_irc_msg_t *msg)
{
    state_rename(&u->state, msg->nick, msg->params[0]);

    if (is_own(u, msg->nick)) {
        user_nick_set(u, msg->params[0]);
        regain_end(u);

    } else {
        regain_seen(u, msg->nick);
    }

    return true;
}


/* The key of a channel is another one now: the way back in needs it. Where it
 * isn't shown, the one that we know stays. */
static void
note_key(user_t *u, eirc_slice_t name, eirc_slice_t modes,
         const eirc_slice_t *params, unsigned nparams)
{
    bool set;
    eirc_slice_t key;
    session_channel_t channel;
    eirc_irc_casemap_e casemap;

    casemap = u->state.isupport.casemap;

    if (!state_mode_find(&u->state, modes, params, nparams, 'k', &set, &key)
        || (set && (key.len == 0 || key.p[0] == '*'))
        || session_channel_find(&u->session, casemap, name, &channel)
               != EIRC_OK)
    {
        return;
    }

    (void) session_channel_set(&u->session, casemap, name,
                               set ? key : EIRC_SLICE(""), channel.flags);
}


/* 324: all modes of a channel */
static bool
handle_modes(user_t *u, const eirc_irc_msg_t *msg)
{
    note_key(u, msg->params[1], msg->params[2], msg->params + 3,
             msg->nparams - 3);

    return true;
}


static bool
handle_mode(user_t *u, const eirc_irc_msg_t *msg)
{
    channel_t *ch;

    ch = state_channel(&u->state, msg->params[0]);

    if (ch != NULL) {
        state_modes(&u->state, ch, msg->params[1], msg->params + 2,
                    msg->nparams - 2);
        note_key(u, msg->params[0], msg->params[1], msg->params + 2,
                 msg->nparams - 2);
    }

    return true;
}


static bool
handle_names(user_t *u, const eirc_irc_msg_t *msg)
{
    channel_t *ch;

    ch = state_channel(&u->state, msg->params[msg->nparams - 2]);

    return ch == NULL || rebuild_names(u, ch, msg->params[msg->nparams - 1]);
}


static bool
handle_names_end(user_t *u, const eirc_irc_msg_t *msg)
{
    channel_t *ch;

    ch = state_channel(&u->state, msg->params[1]);

    return ch == NULL || rebuild_names_end(u, ch);
}


/* A browser that believes itself in a channel learns that it isn't. */
static void
tell_part(user_t *u, eirc_slice_t name)
{
    size_t len;
    uint8_t buf[EIRC_IRC_CONTENT_MAX];
    eirc_irc_builder_t b;

    eirc_irc_build_init(&b, buf, sizeof(buf));
    eirc_irc_build_source(&b, user_nick(u));
    eirc_irc_build_verb(&b, EIRC_SLICE("PART"));
    eirc_irc_build_param(&b, name);
    eirc_irc_build_trailing(&b, EIRC_SLICE("The way back was refused."));

    if (eirc_irc_build_finish(&b, &len) == EIRC_OK) {
        user_tell(u, eirc_slice(buf, len));
    }
}


/* A channel that the server doesn't let us into is not wanted any more. */
static bool
handle_join_refused(user_t *u, const eirc_irc_msg_t *msg)
{
    bool left;
    session_channel_t channel;
    eirc_irc_casemap_e casemap;

    casemap = u->state.isupport.casemap;

    if (session_channel_find(&u->session, casemap, msg->params[1], &channel)
            == EIRC_OK
        && !(channel.flags & SESSION_CHANNEL_JOINED))
    {
        left = channel.flags & SESSION_CHANNEL_LEFT;
        session_channel_remove(&u->session, casemap, msg->params[1]);

        if (left) {
            user_tell(u, u->line);
            tell_part(u, msg->params[1]);
            return false;
        }
    }

    return true;
}


/* 437: said of nicks and of channels */
static bool
handle_unavailable(user_t *u, const eirc_irc_msg_t *msg)
{
    return isupport_is_channel(&u->state.isupport, msg->params[1])
               ? handle_join_refused(u, msg)
               : handle_nick_refused(u, msg);
}


/* sorted by verb */
static const handler_t handlers[] = {
    {"001", 1, handle_welcome},
    {"005", 2, handle_isupport},
    {"324", 3, handle_modes},
    {"353", 3, handle_names},
    {"366", 2, handle_names_end},
    {"376", 1, handle_motd_end},
    {"396", 2, handle_host},
    {"403", 2, handle_join_refused},
    {"405", 2, handle_join_refused},
    {"410", 1, handle_cap_invalid},
    {"421", 2, handle_unknown},
    {"422", 1, handle_motd_missing},
    {"432", 1, handle_nick_refused},
    {"433", 1, handle_nick_refused},
    {"436", 1, handle_nick_refused},
    {"437", 2, handle_unavailable},
    {"448", 2, handle_join_refused},
    {"451", 1, handle_unknown},
    {"463", 1, handle_user_refused},
    {"464", 1, handle_password_refused},
    {"465", 1, handle_user_refused},
    {"470", 2, handle_join_refused},
    {"471", 2, handle_join_refused},
    {"473", 2, handle_join_refused},
    {"474", 2, handle_join_refused},
    {"475", 2, handle_join_refused},
    {"476", 2, handle_join_refused},
    {"477", 2, handle_join_refused},
    {"479", 2, handle_join_refused},
    {"480", 2, handle_join_refused},
    {"489", 2, handle_join_refused},
    {"500", 2, handle_join_refused},
    {"519", 2, handle_join_refused},
    {"520", 2, handle_join_refused},
    {"902", 1, handle_login},
    {"903", 1, handle_login},
    {"904", 1, handle_login},
    {"905", 1, handle_login},
    {"906", 1, handle_login},
    {"907", 1, handle_login},
    {"908", 1, handle_login},
    {"926", 2, handle_join_refused},
    {"AUTHENTICATE", 1, handle_authenticate},
    {"CAP", 2, handle_cap},
    {"CHGHOST", 2, handle_chghost},
    {"ERROR", 0, handle_error},
    {"JOIN", 1, handle_join},
    {"KICK", 2, handle_kick},
    {"MODE", 2, handle_mode},
    {"NICK", 1, handle_nick},
    {"PART", 1, handle_part},
    {"PING", 1, handle_ping},
    {"PONG", 1, handle_pong},
    {"QUIT", 0, handle_quit},
};


static int
handler_compare(const void *key, const void *element)
{
    return strcmp(key, ((const handler_t *) element)->verb);
}


bool
handle_line(user_t *u, const eirc_irc_msg_t *msg)
{
    size_t i;
    char verb[16];
    const handler_t *handler;

    if (msg->verb.len >= sizeof(verb)) {
        return true;
    }

    for (i = 0; i < msg->verb.len; i++) {
        verb[i] = (char) (msg->verb.p[i] >= 'a' && msg->verb.p[i] <= 'z'
                              ? msg->verb.p[i] - 32
                              : msg->verb.p[i]);
    }

    verb[i] = '\0';
    session_verb_note(&u->session, verb);

    handler = bsearch(verb, handlers, sizeof(handlers) / sizeof(handlers[0]),
                      sizeof(handler_t), handler_compare);

    if (handler == NULL || msg->nparams < handler->params) {
        return true;
    }

    return handler->handle(u, msg);
}
