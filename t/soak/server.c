#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "eirc_irc.h"
#include "secure.h"

#define BACKLOG 4096
#define LINE_SIZE 600
#define NAME "irc.soak"

/* bytes that wait for a slow receiver: then nothing more is said */
#define OUT_MAX 32768

struct peer_s {
    stream_t stream; /* first */
    peer_t *next;    /* in the list of those to be freed */
    user_t *user;
    char nick[EIRC_IRC_NICK_MAX + 1];
    bool named; /* USER came */
    bool registered;
    bool joined;
    bool over;
};

static struct {
    source_t source; /* first */
    crowd_t *crowd;
    bool secure;
    unsigned count;
    peer_t *over;
} server;


static void
peer_over(peer_t *p)
{
    if (p->over) {
        return;
    }

    p->over = true;
    p->next = server.over;
    server.over = p;
    server.count--;
    server.crowd->figures.ends++;

    if (p->user != NULL && p->user->peer == p) {
        p->user->peer = NULL;

        if (p->user->browser.state != BROWSER_LEFT) {
            crowd_expect(p->user, "its connection to the server ended");
        }


        crowd_wave(p->user, &p->user->down);
    }
}


static void
put(peer_t *p, const char *line)
{
    stream_put(&p->stream, line, strlen(line));
}


static void
welcome(peer_t *p)
{
    size_t i;
    char line[LINE_SIZE];

    static const char *const lines[][2] = {
        {"001", ":Welcome"},
        {"002", ":Your host is " NAME},
        {"003", ":This server was created today"},
        {"004", NAME " 1 iosw biklmnopstv"},
        {"005", "CHANTYPES=# PREFIX=(ov)@+ CASEMAPPING=ascii NICKLEN=30 "
                "NETWORK=soak :are supported by this server"},
        {"375", ":" NAME " message of the day"},
        {"372", ":- Welcome."},
        {"376", ":End of message of the day."},
    };

    if (p->registered || p->nick[0] == '\0' || !p->named) {
        return;
    }

    p->registered = true;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        (void) snprintf(line, sizeof(line), ":" NAME " %s %s %s", lines[i][0],
                        p->nick, lines[i][1]);
        put(p, line);
    }
}


static void
nick_take(peer_t *p, eirc_slice_t nick)
{
    user_t *u;

    u = crowd_find(server.crowd, nick);

    if (u == NULL) {
        server.crowd->figures.strange++;
        crowd_expect(server.crowd->users, "a nick of nobody: %.*s",
                     (int) nick.len, (const char *) nick.p);
        return;
    }

    (void) crowd_nick(u, p->nick, sizeof(p->nick));
    server.crowd->figures.connections++;
    u->connections++;
    u->peer = p;
    p->user = u;
    welcome(p);
}


static void
names(peer_t *p)
{
    char line[LINE_SIZE];

    (void) snprintf(line, sizeof(line),
                    ":" NAME " 353 %s = " SERVER_CHANNEL " :%s @soak", p->nick,
                    p->nick);
    put(p, line);
    (void) snprintf(line, sizeof(line),
                    ":" NAME " 366 %s " SERVER_CHANNEL " :End", p->nick);
    put(p, line);
}


static void
join(peer_t *p)
{
    char line[LINE_SIZE];

    (void) snprintf(line, sizeof(line), ":%s!%s@soak JOIN :" SERVER_CHANNEL,
                    p->nick, p->nick);
    put(p, line);
    names(p);
    p->joined = true;
}


static void
topic(peer_t *p)
{
    char line[LINE_SIZE];

    (void) snprintf(line, sizeof(line),
                    ":" NAME " 331 %s " SERVER_CHANNEL " :No topic is set.",
                    p->nick);
    put(p, line);
}


static void
strange(peer_t *p, const eirc_irc_msg_t *msg)
{
    server.crowd->figures.strange++;

    if (p->user != NULL) {
        crowd_expect(p->user, "the server got %.*s %.*s", (int) msg->verb.len,
                     (const char *) msg->verb.p, (int) msg->params[0].len,
                     (const char *) msg->params[0].p);
    }
}


static void
command(peer_t *p, const eirc_irc_msg_t *msg)
{
    char line[LINE_SIZE];
    eirc_slice_t param;

    param = eirc_irc_param(msg, 0);

    if (eirc_irc_verb_is(msg, "PRIVMSG") && p->joined) {
        crowd_heard(p->user, LINE_UP, eirc_irc_param(msg, 1));

    } else if (eirc_irc_verb_is(msg, "NICK") && p->user == NULL) {
        nick_take(p, param);

    } else if (eirc_irc_verb_is(msg, "USER") && !p->named) {
        p->named = true;
        welcome(p);

    } else if (eirc_irc_verb_is(msg, "CAP")) {
        if (eirc_slice_equal(param, EIRC_SLICE("LS"))) {
            put(p, ":" NAME " CAP * LS :");
        }

    } else if (eirc_irc_verb_is(msg, "PING")) {
        (void) snprintf(line, sizeof(line), ":" NAME " PONG " NAME " :%.*s",
                        (int) param.len, (const char *) param.p);
        put(p, line);

    } else if (eirc_irc_verb_is(msg, "JOIN") && !p->joined) {
        join(p);

    } else if (eirc_irc_verb_is(msg, "NAMES")) {
        names(p);

    } else if (eirc_irc_verb_is(msg, "TOPIC")) {
        topic(p);

    } else if (eirc_irc_verb_is(msg, "QUIT")) {
        server.crowd->figures.quits++;
        put(p, "ERROR :Closing link");
        stream_flush(&p->stream);
        stream_drop(&p->stream);
        peer_over(p);

    } else if (!eirc_irc_verb_is(msg, "PART")) {
        strange(p, msg);
    }
}


static void
peer_opened(stream_t *s)
{
    (void) s;
}


static void
peer_line(stream_t *s, const uint8_t *line, size_t len)
{
    peer_t *p;
    eirc_irc_msg_t msg;

    p = (peer_t *) s;

    if (eirc_irc_parse(&msg, line, len) == EIRC_OK) {
        command(p, &msg);

    } else {
        server.crowd->figures.spoiled++;
    }

    stream_flush(s);
}


static void
peer_closed(stream_t *s, int code, const char *why)
{
    (void) code;
    (void) why;
    peer_over((peer_t *) s);
}


static const stream_calls_t calls = {peer_opened, peer_line, peer_closed};


static void
accept_all(source_t *source, uint32_t events)
{
    int fd;
    peer_t *p;

    (void) events;

    for (;;) {
        fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd == -1) {
            return;
        }

        fd = server.secure ? secure_accept(fd) : fd;
        p = calloc(1, sizeof(peer_t));

        if (p == NULL) {
            abort();
        }

        if (stream_accept(&p->stream, &server.crowd->loop, &calls, 0, fd)
            == -1) {
            free(p);
            continue;
        }

        server.count++;
    }
}


/* A path begins with a slash. */
static int
address_bind(int fd, const char *where)
{
    struct sockaddr_in in;
    struct sockaddr_un un;

    if (where[0] == '/') {
        memset(&un, 0, sizeof(un));
        un.sun_family = AF_UNIX;
        (void) snprintf(un.sun_path, sizeof(un.sun_path), "%s", where);

        return bind(fd, (struct sockaddr *) &un, sizeof(un));
    }

    memset(&in, 0, sizeof(in));
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = htons((uint16_t) strtoul(where, NULL, 10));

    return bind(fd, (struct sockaddr *) &in, sizeof(in));
}


int
server_open(crowd_t *c, const char *where, const char *certificate)
{
    int fd, on;

    on = 1;
    fd = socket(where[0] == '/' ? AF_UNIX : AF_INET,
                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    server.crowd = c;
    server.source.ready = accept_all;
    server.source.fd = fd;
    server.secure = certificate[0] != '\0';

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
        || address_bind(fd, where) == -1 || listen(fd, BACKLOG) == -1
        || loop_add(&c->loop, &server.source, EPOLLIN) == -1)
    {
        return -1;
    }

    return server.secure ? secure_init(&c->loop, certificate) : 0;
}


void
server_talk(user_t *u, uint64_t now)
{
    size_t len;
    line_t line;
    peer_t *p;
    char text[LINE_MAX_SIZE + 128];

    p = u->peer;

    if (p == NULL || !p->joined) {
        return;
    }

    while (p->stream.out_len < OUT_MAX
           && crowd_may_send(u->crowd, &u->down, now)) {
        line.way = LINE_DOWN;
        line.user = u->index;
        line.number = u->down.sent++;
        line.time = now;

        len = (size_t) snprintf(text, sizeof(text),
                                ":soak!soak@" NAME " PRIVMSG %s :", p->nick);
        len += line_make((uint8_t *) text + len, &line);
        stream_put(&p->stream, text, len);
    }

    stream_flush(&p->stream);
}


void
server_sweep(void)
{
    peer_t *p;

    secure_sweep();

    while ((p = server.over) != NULL) {
        server.over = p->next;
        free(p);
    }
}


unsigned
server_count(void)
{
    return server.count;
}
