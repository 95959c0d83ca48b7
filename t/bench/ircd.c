/*
 * An IRC server that answers at once, so that a bridge before it is what is
 * measured: InspIRCd lets nobody in but at the tick of a second.
 *
 *     ircd IRC-PORT WEBSOCKET-PORT [lose=N] [double=N] [swap=N]
 *
 * It registers everybody, knows PING, JOIN, PRIVMSG to a channel, and QUIT.
 * To see that the load notices, one message of so many can be lost, sent
 * twice, or sent behind the one that follows it.
 */

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eirc_irc.h"
#include "stream.h"

#define BACKLOG 4096
#define BUCKETS 4096
#define CHANNELS_MAX 8
#define LINE_SIZE 1024

typedef struct client_s client_t;
typedef struct channel_s channel_t;

struct client_s {
    stream_t stream; /* first */
    client_t *next;  /* in the list of those to be freed */
    char nick[EIRC_IRC_NICK_MAX + 1];
    char held[LINE_SIZE]; /* a message that is to be swapped */
    bool user;
    bool registered;
    bool dead;
    unsigned nchannels;
    channel_t *channels[CHANNELS_MAX];
};

struct channel_s {
    channel_t *next; /* in the bucket */
    char name[EIRC_IRC_CHANNEL_MAX + 1];
    unsigned count;
    unsigned size;
    client_t **members;
};

typedef struct {
    source_t source; /* first */
    unsigned options;
} listener_t;

static loop_t loop;
static listener_t listeners[2];
static channel_t *buckets[BUCKETS];
static client_t *dead;
static struct {
    unsigned long lose;
    unsigned long twice;
    unsigned long swap;
    unsigned long count;
} faults;


static channel_t *
channel_get(eirc_slice_t name)
{
    size_t i;
    uint32_t hash;
    channel_t *c;

    if (name.len == 0 || name.len > EIRC_IRC_CHANNEL_MAX) {
        return NULL;
    }

    for (hash = 2166136261U, i = 0; i < name.len; i++) {
        hash = (hash ^ name.p[i]) * 16777619U;
    }

    for (c = buckets[hash % BUCKETS]; c != NULL; c = c->next) {
        if (strlen(c->name) == name.len
            && memcmp(c->name, name.p, name.len) == 0) {
            return c;
        }
    }

    c = calloc(1, sizeof(channel_t));

    if (c == NULL) {
        abort();
    }

    memcpy(c->name, name.p, name.len);
    c->next = buckets[hash % BUCKETS];
    buckets[hash % BUCKETS] = c;

    return c;
}


static void
channel_add(channel_t *c, client_t *client)
{
    if (c->count == c->size) {
        c->size = c->size * 2 + 8;
        c->members = realloc(c->members, c->size * sizeof(client_t *));

        if (c->members == NULL) {
            abort();
        }
    }

    c->members[c->count++] = client;
}


static void
channel_remove(channel_t *c, const client_t *client)
{
    unsigned i;

    for (i = 0; i < c->count; i++) {
        if (c->members[i] == client) {
            c->members[i] = c->members[--c->count];
            return;
        }
    }
}


/* one and the same line to all but one */
static void
channel_send(const channel_t *c, const client_t *but, const char *line)
{
    unsigned i;
    size_t len;

    len = strlen(line);

    for (i = 0; i < c->count; i++) {
        if (c->members[i] != but) {
            stream_put(&c->members[i]->stream, line, len);
            stream_flush(&c->members[i]->stream);
        }
    }
}


static void
client_put(client_t *c, const char *line)
{
    stream_put(&c->stream, line, strlen(line));
}


static void
client_leave(client_t *c)
{
    unsigned i;

    for (i = 0; i < c->nchannels; i++) {
        channel_remove(c->channels[i], c);
    }

    c->nchannels = 0;

    if (!c->dead) {
        c->dead = true;
        c->next = dead;
        dead = c;
    }
}


static void
client_register(client_t *c)
{
    unsigned i;
    char line[LINE_SIZE];

    static const char *const lines[][2] = {
        {"001", ":Welcome"},
        {"002", ":Your host is irc.scripted"},
        {"003", ":This server was created today"},
        {"004", "irc.scripted 1 iosw biklmnopstv"},
        {"005", "CHANTYPES=# PREFIX=(ov)@+ CASEMAPPING=rfc1459 NICKLEN=30 "
                "NETWORK=scripted :are supported by this server"},
        {"375", ":irc.scripted message of the day"},
        {"372", ":- Welcome."},
        {"376", ":End of message of the day."},
    };

    if (c->registered || c->nick[0] == '\0' || !c->user) {
        return;
    }

    c->registered = true;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        (void) snprintf(line, sizeof(line), ":irc.scripted %s %s %s",
                        lines[i][0], c->nick, lines[i][1]);
        client_put(c, line);
    }
}


static void
client_join(client_t *c, eirc_slice_t name)
{
    unsigned i;
    size_t len;
    char line[LINE_SIZE];
    channel_t *channel;

    channel = channel_get(name);

    if (channel == NULL || c->nchannels == CHANNELS_MAX) {
        return;
    }

    channel_add(channel, c);
    c->channels[c->nchannels++] = channel;

    (void) snprintf(line, sizeof(line), ":%s!%s@127.0.0.1 JOIN :%s", c->nick,
                    c->nick, channel->name);
    channel_send(channel, c, line);
    client_put(c, line);

    for (i = 0; i < channel->count;) {
        len = (size_t) snprintf(line, sizeof(line),
                                ":irc.scripted 353 %s = %s :", c->nick,
                                channel->name);

        while (i < channel->count && len < 400) {
            len += (size_t) snprintf(line + len, sizeof(line) - len, "%s ",
                                     channel->members[i++]->nick);
        }

        client_put(c, line);
    }

    (void) snprintf(line, sizeof(line), ":irc.scripted 366 %s %s :End",
                    c->nick, channel->name);
    client_put(c, line);
}


static void
client_say(client_t *c, const eirc_irc_msg_t *msg)
{
    char line[LINE_SIZE];
    eirc_slice_t to, text;
    channel_t *channel;

    to = eirc_irc_param(msg, 0);
    text = eirc_irc_param(msg, 1);

    if (to.len == 0 || to.p[0] != '#') {
        return;
    }

    channel = channel_get(to);

    if (channel == NULL) {
        return;
    }

    (void) snprintf(line, sizeof(line), ":%s!%s@127.0.0.1 PRIVMSG %s :%.*s",
                    c->nick, c->nick, channel->name, (int) text.len,
                    (const char *) text.p);

    faults.count++;

    if (faults.lose > 0 && faults.count % faults.lose == 0) {
        return;
    }

    if (faults.swap > 0 && c->held[0] == '\0'
        && faults.count % faults.swap == 0) {
        memcpy(c->held, line, sizeof(line));
        return;
    }

    channel_send(channel, c, line);

    if (faults.twice > 0 && faults.count % faults.twice == 0) {
        channel_send(channel, c, line);
    }

    if (c->held[0] != '\0') {
        channel_send(channel, c, c->held);
        c->held[0] = '\0';
    }
}


static void
client_command(client_t *c, const eirc_irc_msg_t *msg)
{
    char line[LINE_SIZE];
    eirc_slice_t param;

    param = eirc_irc_param(msg, 0);

    if (eirc_irc_verb_is(msg, "NICK")) {
        (void) snprintf(c->nick, sizeof(c->nick), "%.*s", (int) param.len,
                        (const char *) param.p);
        client_register(c);

    } else if (eirc_irc_verb_is(msg, "USER")) {
        c->user = true;
        client_register(c);

    } else if (eirc_irc_verb_is(msg, "CAP")) {
        client_put(c, ":irc.scripted CAP * LS :");

    } else if (eirc_irc_verb_is(msg, "PING")) {
        (void) snprintf(line, sizeof(line),
                        ":irc.scripted PONG irc.scripted :%.*s",
                        (int) param.len, (const char *) param.p);
        client_put(c, line);

    } else if (eirc_irc_verb_is(msg, "JOIN")) {
        client_join(c, param);

    } else if (eirc_irc_verb_is(msg, "PRIVMSG")) {
        client_say(c, msg);

    } else if (eirc_irc_verb_is(msg, "QUIT")) {
        client_put(c, "ERROR :Closing link");
        stream_flush(&c->stream);
        stream_drop(&c->stream);
        client_leave(c);
    }
}


static void
client_opened(stream_t *s)
{
    (void) s;
}


static void
client_line(stream_t *s, const uint8_t *p, size_t len)
{
    eirc_irc_msg_t msg;

    if (eirc_irc_parse(&msg, p, len) == EIRC_OK) {
        client_command((client_t *) s, &msg);
        stream_flush(s);
    }
}


static void
client_closed(stream_t *s, int code, const char *why)
{
    (void) code;
    (void) why;

    client_leave((client_t *) s);
}


static const stream_calls_t calls
    = {client_opened, client_line, client_closed};


static void
listener_ready(source_t *source, uint32_t events)
{
    int fd;
    client_t *c;
    listener_t *l;

    (void) events;
    l = (listener_t *) source;

    for (;;) {
        fd = accept4(l->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd == -1) {
            if (errno != EAGAIN) {
                perror("ircd: accept");
            }

            return;
        }

        c = calloc(1, sizeof(client_t));

        if (c == NULL) {
            abort();
        }

        if (stream_accept(&c->stream, &loop, &calls, l->options, fd) == -1) {
            free(c);
        }
    }
}


static int
listener_open(listener_t *l, const char *port, unsigned options)
{
    int on;
    struct sockaddr_in addr;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons((uint16_t) strtoul(port, NULL, 10));
    on = 1;

    l->options = options;
    l->source.ready = listener_ready;
    l->source.fd
        = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (l->source.fd == -1
        || setsockopt(l->source.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))
               == -1
        || bind(l->source.fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(l->source.fd, BACKLOG) == -1
        || loop_add(&loop, &l->source, EPOLLIN) == -1)
    {
        return -1;
    }

    return 0;
}


static void
set_fault(const char *word)
{
    const char *value;

    value = strchr(word, '=');

    if (value == NULL) {
        return;
    }

    if (strncmp(word, "lose=", 5) == 0) {
        faults.lose = strtoul(value + 1, NULL, 10);

    } else if (strncmp(word, "double=", 7) == 0) {
        faults.twice = strtoul(value + 1, NULL, 10);

    } else if (strncmp(word, "swap=", 5) == 0) {
        faults.swap = strtoul(value + 1, NULL, 10);
    }
}


int
main(int argc, char **argv)
{
    int i;
    client_t *c;

    if (argc < 3) {
        fprintf(stderr, "ircd: IRC-PORT WEBSOCKET-PORT [lose=N] [double=N] "
                        "[swap=N]\n");
        return 1;
    }

    for (i = 3; i < argc; i++) {
        set_fault(argv[i]);
    }

    (void) signal(SIGPIPE, SIG_IGN);

    if (loop_init(&loop) == -1
        || listener_open(&listeners[0], argv[1], 0) == -1
        || listener_open(&listeners[1], argv[2], STREAM_WS) == -1)
    {
        perror("ircd");
        return 1;
    }

    for (;;) {
        if (loop_wait(&loop, loop_now() + LOOP_SECOND) == -1) {
            perror("ircd: epoll_wait");
            return 1;
        }

        /* nobody holds them any more, now that the loop has gone round */

        while ((c = dead) != NULL) {
            dead = c->next;
            free(c);
        }
    }
}
