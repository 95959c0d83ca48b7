#include "show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define BOLD TEXT_CODE_BOLD
#define OFF TEXT_CODE_OFF

typedef struct {
    const char *verb;
    unsigned params; /* that it must have */
    void (*show)(chat_t *c, const eirc_irc_msg_t *m);
} handler_t;


static eirc_slice_t
param(const eirc_irc_msg_t *m, unsigned i)
{
    return eirc_irc_param(m, i);
}


/* Who says it: a nick, or the server's name. */
static eirc_slice_t
who(const chat_t *c, const eirc_irc_msg_t *m)
{
    return m->nick.len > 0 ? m->nick : eirc_slice_str(chat_server(c)->name);
}


/* talk */

/* Is the user's nick in there, as a word? */
static bool
is_called(const chat_t *c, eirc_slice_t text)
{
    size_t i, len;
    bool left, right;

    len = strlen(c->nick);

    for (i = 0; len > 0 && i + len <= text.len; i++) {

        if (!chat_is_own(c, eirc_slice(text.p + i, len))) {
            continue;
        }

        left = i == 0 || (text.p[i - 1] < 0x80 && !isalnum(text.p[i - 1]));
        right = i + len == text.len
                || (text.p[i + len] < 0x80 && !isalnum(text.p[i + len]));

        if (left && right) {
            return true;
        }
    }

    return false;
}


/* The window of what was said to that target, by this person. */
static window_t *
talk_window(chat_t *c, const eirc_irc_msg_t *m, eirc_slice_t target)
{
    window_t *w;

    /* "@#channel" is for its operators alone */

    while (target.len > 1 && !chat_is_channel(c, target)
           && isupport_prefix_char(&c->isupport, target.p[0]) != 0)
    {
        target = eirc_slice(target.p + 1, target.len - 1);
    }

    if (chat_is_channel(c, target)) {
        w = chat_find(c, target);
        return w == NULL ? chat_server(c) : w;
    }

    /* a server is nobody to talk to */

    if (m->user.len == 0 && m->host.len == 0) {
        return chat_server(c);
    }

    if (!eirc_irc_verb_is(m, "NOTICE")) {
        return chat_open(c, WINDOW_QUERY, who(c, m));
    }

    w = chat_find(c, who(c, m));

    return w == NULL ? chat_server(c) : w;
}


static window_weight_e
talk_weight(const chat_t *c, const window_t *w, const eirc_irc_msg_t *m)
{
    return w->kind == WINDOW_QUERY || is_called(c, param(m, 1)) ? WINDOW_CALL
                                                                : WINDOW_TALK;
}


/* CTCP; true if it was one. */
static bool
show_ctcp(chat_t *c, const eirc_irc_msg_t *m)
{
    eirc_slice_t text, nick;
    window_t *w;
    static const char action[] = "\1ACTION ";

    text = param(m, 1);
    nick = who(c, m);

    if (text.len == 0 || text.p[0] != 1) {
        return false;
    }

    if (text.len > 1 && text.p[text.len - 1] == 1) {
        text.len--;
    }

    if (text.len >= sizeof(action) - 1
        && memcmp(text.p, action, sizeof(action) - 1) == 0)
    {
        w = talk_window(c, m, param(m, 0));
        text = eirc_slice(text.p + sizeof(action) - 1,
                          text.len - (sizeof(action) - 1));
        chat_print(c, w, talk_weight(c, w, m), "* " BOLD "%.*s" OFF " %.*s",
                   CHAT_SLICE(nick), CHAT_SLICE(text));
        return true;
    }

    chat_print(c, chat_server(c), WINDOW_EVENT, "-- CTCP from %.*s: %.*s",
               CHAT_SLICE(nick), CHAT_SLICE(text));

    return true;
}


static void
show_privmsg(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    const char *mark;
    eirc_slice_t text, nick, target;
    window_weight_e weight;

    if (show_ctcp(c, m)) {
        return;
    }

    target = param(m, 0);
    text = param(m, 1);
    nick = who(c, m);
    w = talk_window(c, m, target);
    weight = talk_weight(c, w, m);
    mark = weight == WINDOW_CALL && w->kind == WINDOW_CHANNEL ? "!" : "";

    /* where its window is not there, it says which one that would be */

    if (w == chat_server(c) && chat_is_channel(c, target)) {
        chat_print(c, w, weight, "<%.*s:%.*s> %.*s", CHAT_SLICE(nick),
                   CHAT_SLICE(target), CHAT_SLICE(text));
        return;
    }

    chat_print(c, w, weight, BOLD "<%s%.*s>" OFF " %.*s", mark,
               CHAT_SLICE(nick), CHAT_SLICE(text));
}


static void
show_notice(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    eirc_slice_t nick, text;

    if (show_ctcp(c, m)) {
        return;
    }

    w = talk_window(c, m, param(m, 0));
    nick = who(c, m);
    text = param(m, 1);

    chat_print(c, w,
               w->kind == WINDOW_SERVER ? WINDOW_EVENT : talk_weight(c, w, m),
               "-%.*s- %.*s", CHAT_SLICE(nick), CHAT_SLICE(text));
}


/* coming and going */

static void
members_clear(chat_t *c, window_t *w)
{
    members_done(&w->members);
    members_init(&w->members, c->isupport.casemap, c->seed);
}


static void
show_join(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    eirc_slice_t channel, nick;

    channel = param(m, 0);
    nick = who(c, m);

    if (chat_is_own(c, nick)) {
        w = chat_open(c, WINDOW_CHANNEL, channel);
        members_clear(c, w);

        if (c->joining || c->windows.active == 0) {
            windows_show(&c->windows, windows_number(&c->windows, w));
            c->joining = false;
        }

    } else {
        w = chat_find(c, channel);
    }

    if (w != NULL) {
        (void) members_add(&w->members, nick, 0);
        chat_print(c, w, WINDOW_EVENT, "-- %.*s (%.*s@%.*s) joined %.*s",
                   CHAT_SLICE(nick), CHAT_SLICE(m->user), CHAT_SLICE(m->host),
                   CHAT_SLICE(channel));
    }
}


static void
show_part(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    eirc_slice_t channel, nick, text;

    channel = param(m, 0);
    nick = who(c, m);
    text = param(m, 1);
    w = chat_find(c, channel);

    if (w == NULL) {
        return;
    }

    (void) members_remove(&w->members, nick);
    chat_print(c, w, WINDOW_EVENT, "-- %.*s left %.*s%s%.*s" OFF "%s",
               CHAT_SLICE(nick), CHAT_SLICE(channel), text.len > 0 ? " (" : "",
               CHAT_SLICE(text), text.len > 0 ? ")" : "");
}


static void
show_kick(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    eirc_slice_t nick, victim, text;

    nick = who(c, m);
    victim = param(m, 1);
    text = param(m, 2);
    w = chat_find(c, param(m, 0));

    if (w == NULL) {
        return;
    }

    (void) members_remove(&w->members, victim);
    chat_print(c, w, chat_is_own(c, victim) ? WINDOW_CALL : WINDOW_EVENT,
               "-- %.*s was kicked by %.*s (%.*s" OFF ")", CHAT_SLICE(victim),
               CHAT_SLICE(nick), CHAT_SLICE(text));
}


/* Was this person there? A query is one with him. */
static bool
is_with(const chat_t *c, const window_t *w, eirc_slice_t nick)
{
    return w->kind == WINDOW_QUERY ? eirc_irc_equal(
               c->isupport.casemap, eirc_slice_str(w->name), nick)
                                   : members_find(&w->members, nick) != NULL;
}


static void
show_quit(chat_t *c, const eirc_irc_msg_t *m)
{
    unsigned i;
    window_t *w;
    eirc_slice_t nick, text;

    nick = who(c, m);
    text = param(m, 0);

    for (i = 1; i < c->windows.count; i++) {
        w = c->windows.list[i];

        if (is_with(c, w, nick)) {
            (void) members_remove(&w->members, nick);
            chat_print(c, w, WINDOW_EVENT, "-- %.*s quit (%.*s" OFF ")",
                       CHAT_SLICE(nick), CHAT_SLICE(text));
        }
    }
}


/* A query goes on under the other nick, unless that one has a window. */
static void
query_rename(chat_t *c, window_t *w, eirc_slice_t nick)
{
    if (w->kind == WINDOW_QUERY && nick.len > 0 && nick.len <= WINDOW_NAME_MAX
        && chat_find(c, nick) == NULL)
    {
        memcpy(w->name, nick.p, nick.len);
        w->name[nick.len] = '\0';
    }
}


static void
show_nick(chat_t *c, const eirc_irc_msg_t *m)
{
    bool own;
    unsigned i;
    window_t *w;
    eirc_slice_t from, to;

    from = who(c, m);
    to = param(m, 0);
    own = chat_is_own(c, from);

    if (own && to.len > 0 && to.len <= EIRC_IRC_NICK_MAX) {
        memcpy(c->nick, to.p, to.len);
        c->nick[to.len] = '\0';
    }

    for (i = 0; i < c->windows.count; i++) {
        w = c->windows.list[i];

        if (!is_with(c, w, from) && !(own && i == 0)) {
            continue;
        }

        if (members_remove(&w->members, from)) {
            (void) members_add(&w->members, to, 0);
        }

        query_rename(c, w, to);
        chat_print(c, w, WINDOW_EVENT, "-- %.*s is now known as %.*s",
                   CHAT_SLICE(from), CHAT_SLICE(to));
    }
}


/* channels */

static void
topic_set(window_t *w, eirc_slice_t text)
{
    (void) text_clean(w->topic, sizeof(w->topic), text);
}


static void
show_topic(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;
    eirc_slice_t nick, text;

    nick = who(c, m);
    text = param(m, 1);
    w = chat_find(c, param(m, 0));

    if (w != NULL) {
        topic_set(w, text);
        chat_print(c, w, WINDOW_EVENT, "-- %.*s changed the topic: %.*s",
                   CHAT_SLICE(nick), CHAT_SLICE(text));
    }
}


/* 332, and 331: there is none */
static void
show_topic_is(chat_t *c, const eirc_irc_msg_t *m)
{
    bool none;
    window_t *w;
    eirc_slice_t channel, text;

    none = eirc_irc_verb_is(m, "331");
    channel = param(m, 1);
    text = param(m, 2);
    w = chat_find(c, channel);

    if (w != NULL) {
        topic_set(w, none ? eirc_slice(NULL, 0) : text);
    }

    chat_print(c, w == NULL ? windows_active(&c->windows) : w, WINDOW_EVENT,
               "-- topic of %.*s: %.*s", CHAT_SLICE(channel),
               CHAT_SLICE(text));
}


/* 353: who is there */
static void
show_names(chat_t *c, const eirc_irc_msg_t *m)
{
    size_t i, start;
    window_t *w;
    eirc_slice_t channel, names, nick;

    channel = param(m, 2);
    names = param(m, 3);
    w = chat_find(c, channel);

    chat_print(c, w == NULL ? windows_active(&c->windows) : w, WINDOW_EVENT,
               "-- in %.*s: %.*s", CHAT_SLICE(channel), CHAT_SLICE(names));

    for (i = 0; w != NULL && i < names.len; i++) {

        while (i < names.len
               && (names.p[i] == ' '
                   || isupport_prefix_char(&c->isupport, names.p[i]) != 0))
        {
            i++;
        }

        for (start = i; i < names.len && names.p[i] != ' '; i++) {
            /* void */
        }

        eirc_irc_source_split(eirc_slice(names.p + start, i - start), &nick,
                              &(eirc_slice_t){0}, &(eirc_slice_t){0});

        if (members_find(&w->members, nick) == NULL) {
            (void) members_add(&w->members, nick, 0);
        }
    }
}


/* Parameters from i on, with spaces between them. */
static void
print_params(chat_t *c, window_t *w, const eirc_irc_msg_t *m,
             const char *words, eirc_slice_t more, unsigned i)
{
    size_t len, n;
    char text[CHAT_LINE_MAX];
    eirc_slice_t p;

    len = 0;

    for (/* void */; i < m->nparams; i++) {
        p = param(m, i);
        n = sizeof(text) - len - 1;
        n = p.len < n ? p.len : n;
        memcpy(text + len, p.p, n);
        len += n;

        if (i + 1 < m->nparams && len + 1 < sizeof(text)) {
            text[len++] = ' ';
        }
    }

    chat_print(c, w, WINDOW_EVENT, "-- %.*s%s%.*s", CHAT_SLICE(more), words,
               (int) len, text);
}


static void
show_mode(chat_t *c, const eirc_irc_msg_t *m)
{
    window_t *w;

    w = chat_find(c, param(m, 0));
    print_params(c, w == NULL ? chat_server(c) : w, m, " set mode ", who(c, m),
                 w == NULL ? 0 : 1);
}


static void
show_invite(chat_t *c, const eirc_irc_msg_t *m)
{
    eirc_slice_t nick, whom, channel;

    nick = who(c, m);
    whom = param(m, 0);
    channel = param(m, 1);

    chat_tell(c, "-- %.*s invites %.*s to %.*s", CHAT_SLICE(nick),
              CHAT_SLICE(whom), CHAT_SLICE(channel));
}


/* registration and the rest */

static void
show_welcome(chat_t *c, const eirc_irc_msg_t *m)
{
    eirc_slice_t nick;

    nick = param(m, 0);

    if (nick.len > 0 && nick.len <= EIRC_IRC_NICK_MAX) {
        memcpy(c->nick, nick.p, nick.len);
        c->nick[nick.len] = '\0';
    }

    isupport_init(&c->isupport);
    print_params(c, chat_server(c), m, "", eirc_slice(NULL, 0), 1);
}


static void
show_isupport(chat_t *c, const eirc_irc_msg_t *m)
{
    unsigned i;

    for (i = 1; i + 1 < m->nparams; i++) {
        isupport_token(&c->isupport, param(m, i));
    }

    print_params(c, chat_server(c), m, "", eirc_slice(NULL, 0), 1);
}


static void
show_error(chat_t *c, const eirc_irc_msg_t *m)
{
    (void) text_clean(c->error, sizeof(c->error), param(m, 0));
    print_params(c, chat_server(c), m, "ERROR: ", eirc_slice(NULL, 0), 0);
}


/* What eIRC says itself: ":client error :..." */
static void
show_client(chat_t *c, const eirc_irc_msg_t *m)
{
    if (eirc_irc_verb_is(m, "ERROR")) {
        (void) text_clean(c->error, sizeof(c->error), param(m, 0));
        print_params(c, windows_active(&c->windows), m, "",
                     eirc_slice(NULL, 0), 0);
        return;
    }

    print_params(c, windows_active(&c->windows), m, " ", m->verb, 0);
}


static void
show_nothing(chat_t *c, const eirc_irc_msg_t *m)
{
    (void) c;
    (void) m;
}


static void
show_any(chat_t *c, const eirc_irc_msg_t *m)
{
    print_params(c, chat_server(c), m, " ", m->verb, 0);
}


/* An answer to somebody who waits for it, unless it is about a channel that
 * has a window; or what a server says of itself. */
static void
show_numeric(chat_t *c, const eirc_irc_msg_t *m)
{
    int n;
    window_t *w;

    n = (m->verb.p[0] - '0') * 100 + (m->verb.p[1] - '0') * 10
        + (m->verb.p[2] - '0');
    w = m->nparams > 2 ? chat_find(c, param(m, 1)) : NULL;

    if (w == NULL || w->kind != WINDOW_CHANNEL) {
        w = n < 300 || n == 372 || n == 375 || n == 376 || n == 422
                ? chat_server(c)
                : windows_active(&c->windows);
    }

    print_params(c, w, m, "", eirc_slice(NULL, 0), m->nparams > 1 ? 1 : 0);
}


/* sorted */
static const handler_t handlers[] = {
    {"001", 1, show_welcome},     {"005", 1, show_isupport},
    {"331", 2, show_topic_is},    {"332", 3, show_topic_is},
    {"333", 0, show_nothing},     {"353", 4, show_names},
    {"366", 0, show_nothing},     {"AUTHENTICATE", 0, show_nothing},
    {"CAP", 0, show_nothing},     {"DISCONNECTED.", 0, show_nothing},
    {"ERROR", 1, show_error},     {"INVITE", 2, show_invite},
    {"JOIN", 1, show_join},       {"KICK", 2, show_kick},
    {"MODE", 2, show_mode},       {"NICK", 1, show_nick},
    {"NOTICE", 2, show_notice},   {"PART", 1, show_part},
    {"PING", 0, show_nothing},    {"PONG", 0, show_nothing},
    {"PRIVMSG", 2, show_privmsg}, {"QUIT", 0, show_quit},
    {"TOPIC", 2, show_topic},
};


static int
handler_compare(const void *verb, const void *handler)
{
    return strcasecmp(verb, ((const handler_t *) handler)->verb);
}


static bool
is_numeric(eirc_slice_t verb)
{
    return verb.len == 3 && isdigit(verb.p[0]) && isdigit(verb.p[1])
           && isdigit(verb.p[2]);
}


void
show_line(chat_t *c, eirc_slice_t line)
{
    char verb[16];
    eirc_irc_msg_t m;
    const handler_t *h;

    if (eirc_irc_parse(&m, line.p, line.len) != EIRC_OK) {
        return;
    }

    if (eirc_slice_equal(m.source, EIRC_SLICE("client"))) {
        show_client(c, &m);
        return;
    }

    h = NULL;

    if (m.verb.len < sizeof(verb)) {
        memcpy(verb, m.verb.p, m.verb.len);
        verb[m.verb.len] = '\0';
        h = bsearch(verb, handlers, sizeof(handlers) / sizeof(handlers[0]),
                    sizeof(handlers[0]), handler_compare);
    }

    if (h != NULL && m.nparams >= h->params) {
        h->show(c, &m);

    } else if (is_numeric(m.verb)) {
        show_numeric(c, &m);

    } else {
        show_any(c, &m);
    }
}
