#include "typed.h"

#include "eirc_utf8.h"

#include <stdio.h>
#include <string.h>

/* what others see before the text, but for the nick: ":!USER@HOST " */
#define SOURCE_ROOM (4 + 12 + 64)

typedef struct {
    const char *name;
    const char *usage;
    unsigned words; /* that it must have */
    void (*run)(chat_t *c, eirc_slice_t args);
} command_t;


/* words */

static eirc_slice_t
without_spaces(eirc_slice_t s)
{
    while (s.len > 0 && s.p[0] == ' ') {
        s = eirc_slice(s.p + 1, s.len - 1);
    }

    return s;
}


/* Cuts the first word off. */
static eirc_slice_t
word_cut(eirc_slice_t *s)
{
    size_t n;
    eirc_slice_t word;

    *s = without_spaces(*s);

    for (n = 0; n < s->len && s->p[n] != ' '; n++) {
        /* void */
    }

    word = eirc_slice(s->p, n);
    *s = without_spaces(eirc_slice(s->p + n, s->len - n));

    return word;
}


/* The channel that is meant: the first word, if it is one, or the window's.
 * Empty, after a word about it: none. */
static eirc_slice_t
channel_cut(chat_t *c, eirc_slice_t *args)
{
    window_t *w;
    eirc_slice_t rest, word;

    rest = *args;
    word = word_cut(&rest);

    if (chat_is_channel(c, word)) {
        *args = rest;
        return word;
    }

    w = windows_active(&c->windows);

    if (w->kind == WINDOW_CHANNEL) {
        return eirc_slice_str(w->name);
    }

    chat_tell(c, "-- which channel? This window has none.");

    return eirc_slice(NULL, 0);
}


/* A line for the server. */
static void
send_line(chat_t *c, eirc_slice_t a, const char *words, eirc_slice_t b)
{
    if (chat_send(c, "/input %.*s%s%.*s", CHAT_SLICE(a), words, CHAT_SLICE(b))
        != EIRC_OK)
    {
        chat_tell(c, "-- not sent: too much waits already");
    }
}


/* VERB A and perhaps :B */
static void
send_verb(chat_t *c, const char *verb, eirc_slice_t a, eirc_slice_t b)
{
    char line[CHAT_LINE_MAX];

    (void) snprintf(line, sizeof(line), "%s %.*s", verb, CHAT_SLICE(a));
    send_line(c, eirc_slice_str(line), b.len > 0 ? " :" : "", b);
}


/* talk */

/* Sends text in as many lines as it takes, and shows it where it belongs. */
static void
say(chat_t *c, eirc_slice_t target, eirc_slice_t text, bool action)
{
    size_t n, room, taken;
    window_t *w;
    eirc_slice_t part;

    w = chat_find(c, target);
    taken = SOURCE_ROOM + strlen(c->nick) + strlen("PRIVMSG  :") + target.len
            + (action ? strlen("\1ACTION \1") : 0);
    room = taken + 64 < EIRC_IRC_CONTENT_MAX ? EIRC_IRC_CONTENT_MAX - taken
                                             : 64;

    while (text.len > 0) {
        n = text.len > room ? eirc_utf8_prefix(text.p, room) : text.len;
        n = n == 0 ? text.len : n;
        part = eirc_slice(text.p, n);
        text = eirc_slice(text.p + n, text.len - n);

        if (chat_send(c, "/input PRIVMSG %.*s :%s%.*s%s", CHAT_SLICE(target),
                      action ? "\1ACTION " : "", CHAT_SLICE(part),
                      action ? "\1" : "")
            != EIRC_OK)
        {
            chat_tell(c, "-- not sent: too much waits already");
            return;
        }

        if (w == NULL) {
            chat_tell(c, "-> %.*s: %.*s", CHAT_SLICE(target),
                      CHAT_SLICE(part));

        } else {
            chat_print(c, w, WINDOW_EVENT, action ? "* %s %.*s" : "<%s> %.*s",
                       c->nick, CHAT_SLICE(part));
        }
    }
}


static void
say_here(chat_t *c, eirc_slice_t text, bool action)
{
    window_t *w;

    w = windows_active(&c->windows);

    if (w->kind == WINDOW_SERVER) {
        chat_tell(c, "-- nobody is here to talk to: /join CHANNEL, or "
                     "/query NICK");
        return;
    }

    say(c, eirc_slice_str(w->name), text, action);
}


static void
run_me(chat_t *c, eirc_slice_t args)
{
    say_here(c, args, true);
}


static void
run_msg(chat_t *c, eirc_slice_t args)
{
    eirc_slice_t target;

    target = word_cut(&args);
    say(c, target, args, false);
}


static void
run_query(chat_t *c, eirc_slice_t args)
{
    window_t *w;
    eirc_slice_t nick;

    nick = word_cut(&args);

    if (chat_is_channel(c, nick) || nick.len > EIRC_IRC_NICK_MAX) {
        chat_tell(c, "-- a query is with a nick");
        return;
    }

    w = chat_open(c, WINDOW_QUERY, nick);
    windows_show(&c->windows, windows_number(&c->windows, w));

    if (args.len > 0) {
        say(c, nick, args, false);
    }
}


/* channels */

static void
run_join(chat_t *c, eirc_slice_t args)
{
    char name[EIRC_IRC_CHANNEL_MAX + 2];
    eirc_slice_t channel;

    channel = word_cut(&args);

    if (channel.len <= EIRC_IRC_CHANNEL_MAX) {
        (void) snprintf(name, sizeof(name), "%s%.*s",
                        chat_is_channel(c, channel) ? "" : "#",
                        CHAT_SLICE(channel));
        channel = eirc_slice_str(name);
    }

    c->joining = true;
    send_verb(c, "JOIN", channel, args);
}


static void
run_part(chat_t *c, eirc_slice_t args)
{
    eirc_slice_t channel;

    channel = channel_cut(c, &args);

    if (channel.len > 0) {
        send_verb(c, "PART", channel, args);
    }
}


static void
run_names(chat_t *c, eirc_slice_t args)
{
    eirc_slice_t channel;

    channel = channel_cut(c, &args);

    if (channel.len > 0) {
        send_verb(c, "NAMES", channel, eirc_slice(NULL, 0));
    }
}


static void
run_topic(chat_t *c, eirc_slice_t args)
{
    eirc_slice_t channel;

    channel = channel_cut(c, &args);

    if (channel.len > 0) {
        send_verb(c, "TOPIC", channel, args);
    }
}


static void
run_kick(chat_t *c, eirc_slice_t args)
{
    char words[CHAT_LINE_MAX];
    eirc_slice_t channel, nick;

    channel = channel_cut(c, &args);
    nick = word_cut(&args);

    if (channel.len == 0 || nick.len == 0) {
        return;
    }

    (void) snprintf(words, sizeof(words), "%.*s %.*s", CHAT_SLICE(channel),
                    CHAT_SLICE(nick));
    send_verb(c, "KICK", eirc_slice_str(words), args);
}


/* "+o nick" is for the channel of the window */
static void
run_mode(chat_t *c, eirc_slice_t args)
{
    char words[CHAT_LINE_MAX];
    window_t *w;

    w = windows_active(&c->windows);

    if (w->kind == WINDOW_CHANNEL
        && (args.len == 0 || args.p[0] == '+' || args.p[0] == '-'))
    {
        (void) snprintf(words, sizeof(words), "%s %.*s", w->name,
                        CHAT_SLICE(args));
        args = eirc_slice_str(words);
    }

    send_line(c, EIRC_SLICE("MODE"), " ", args);
}


/* the rest */

static void
run_nick(chat_t *c, eirc_slice_t args)
{
    send_verb(c, "NICK", word_cut(&args), eirc_slice(NULL, 0));
}


static void
run_whois(chat_t *c, eirc_slice_t args)
{
    window_t *w;
    eirc_slice_t nick;

    w = windows_active(&c->windows);
    nick = word_cut(&args);

    if (nick.len == 0) {
        nick = eirc_slice_str(w->kind == WINDOW_QUERY ? w->name : c->nick);
    }

    send_verb(c, "WHOIS", nick, eirc_slice(NULL, 0));
}


static void
run_quote(chat_t *c, eirc_slice_t args)
{
    send_line(c, args, "", eirc_slice(NULL, 0));
}


static void
run_quit(chat_t *c, eirc_slice_t args)
{
    if (args.len > 0) {
        send_line(c, EIRC_SLICE("QUIT"), " :", args);

    } else {
        (void) chat_send(c, "/quit");
    }

    c->leaving = true;
}


static void
run_close(chat_t *c, eirc_slice_t args)
{
    window_t *w;

    w = windows_active(&c->windows);

    if (w->kind == WINDOW_SERVER) {
        chat_tell(c, "-- the server's window stays; /quit leaves");
        return;
    }

    if (w->kind == WINDOW_CHANNEL
        && members_find(&w->members, eirc_slice_str(c->nick)) != NULL)
    {
        send_verb(c, "PART", eirc_slice_str(w->name), args);
    }

    windows_close(&c->windows, c->windows.active);
}


static void
run_window(chat_t *c, eirc_slice_t args)
{
    size_t i;
    window_t *w;
    unsigned n;
    eirc_slice_t name;

    name = word_cut(&args);
    n = 0;

    for (i = 0; i < name.len && name.p[i] >= '0' && name.p[i] <= '9'
                && n <= WINDOWS_MAX;
         i++)
    {
        n = 10 * n + (unsigned) (name.p[i] - '0');
    }

    if (i < name.len) {
        w = chat_find(c, name);
        n = w == NULL ? 0 : windows_number(&c->windows, w) + 1;
    }

    if (n == 0 || n > c->windows.count) {
        chat_tell(c, "-- no such window");
        return;
    }

    windows_show(&c->windows, n - 1);
}


static void run_help(chat_t *c, eirc_slice_t args);

/* sorted */
static const command_t commands[] = {
    {"/close", "leave this channel or query", 0, run_close},
    {"/help", "these words", 0, run_help},
    {"/join", "CHANNEL [KEY]", 1, run_join},
    {"/kick", "[CHANNEL] NICK [REASON]", 1, run_kick},
    {"/me", "TEXT", 1, run_me},
    {"/mode", "[CHANNEL] [MODES]", 0, run_mode},
    {"/msg", "NICK|CHANNEL TEXT", 2, run_msg},
    {"/names", "[CHANNEL]", 0, run_names},
    {"/nick", "NICK", 1, run_nick},
    {"/part", "[CHANNEL] [REASON]", 0, run_part},
    {"/query", "NICK [TEXT]", 1, run_query},
    {"/quit", "[REASON]", 0, run_quit},
    {"/quote", "LINE, for the server as it is", 1, run_quote},
    {"/topic", "[CHANNEL] [TEXT]", 0, run_topic},
    {"/whois", "[NICK]", 0, run_whois},
    {"/window", "NUMBER|NAME", 1, run_window},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))


static void
run_help(chat_t *c, eirc_slice_t args)
{
    size_t i;

    (void) args;

    for (i = 0; i < NCOMMANDS; i++) {
        chat_tell(c, "-- %s %s", commands[i].name, commands[i].usage);
    }

    chat_tell(c, "-- //TEXT says /TEXT");
    chat_tell(c, "-- windows: Alt-1 to Alt-9, Alt-a for the next with news, "
                 "Ctrl-N, Ctrl-P; PageUp and PageDown scroll");
}


const char *
typed_command(unsigned i)
{
    return i < NCOMMANDS ? commands[i].name : NULL;
}


/* Has it so many words? */
static bool
has_words(eirc_slice_t args, unsigned n)
{
    while (n > 0 && word_cut(&args).len > 0) {
        n--;
    }

    return n == 0;
}


static void
command_run(chat_t *c, eirc_slice_t line)
{
    size_t i;
    eirc_slice_t name, args;

    args = line;
    name = word_cut(&args);

    for (i = 0; i < NCOMMANDS; i++) {

        if (!eirc_irc_equal(EIRC_IRC_ASCII, name,
                            eirc_slice_str(commands[i].name))) {
            continue;
        }

        if (!has_words(args, commands[i].words)) {
            chat_tell(c, "-- %s %s", commands[i].name, commands[i].usage);
            return;
        }

        commands[i].run(c, args);
        return;
    }

    chat_tell(c, "-- no such command: %.*s; /help tells them",
              CHAT_SLICE(name));
}


void
typed_line(chat_t *c, eirc_slice_t line)
{
    c->dirty = true;

    if (line.len == 0 || c->leaving) {
        return;
    }

    if (line.p[0] != '/') {
        say_here(c, line, false);

    } else if (line.len > 1 && line.p[1] == '/') {
        say_here(c, eirc_slice(line.p + 1, line.len - 1), false);

    } else {
        command_run(c, line);
    }
}
