#include "resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "eirc_limits.h"

/* names known at a time */
#define NAMES_MAX 64

/* answers are kept as long as they may be, but not longer, ms */
#define KEEP_MAX 30000
#define KEEP_ERROR 1000

/* of one question to one name server, ms; and questions in all */
#define QUERY_TIME 2000
#define QUERY_TRIES 3

/* the resolver's configuration is looked at so often, ms */
#define CONFIG_TIME 1000
#define CONFIG_FILE "/etc/resolv.conf"

typedef enum {
    NAME_UNUSED = 0,
    NAME_ASKED,
    NAME_KNOWN
} name_state_e;

typedef struct resolve_name_s {
    name_state_e state;
    uint64_t expires;
    resolve_wait_t *waiting;
    resolve_answer_t answer;
    char host[EIRC_LINK_HOST_MAX + 1];
} resolve_name_t;

static struct {
    int epoll;
    unsigned tag;
    void (*done)(void *owner, const resolve_answer_t *answer);
    ares_channel channel;
    unsigned asked;
    uint64_t now;
    uint64_t config_checked;
    struct timespec config_time;
    resolve_name_t names[NAMES_MAX];
} resolver;


/* c-ares wants to know of these events of its socket, or of none. */
static void
socket_watch(void *data, ares_socket_t fd, int readable, int writable)
{
    struct epoll_event ev;

    (void) data;

    memset(&ev, 0, sizeof(ev));
    ev.data.u64 = (uint64_t) resolver.tag << 60 | (uint32_t) fd;

    if (!readable && !writable) {
        (void) epoll_ctl(resolver.epoll, EPOLL_CTL_DEL, fd, &ev);
        return;
    }

    ev.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);

    if (epoll_ctl(resolver.epoll, EPOLL_CTL_MOD, fd, &ev) == -1) {
        (void) epoll_ctl(resolver.epoll, EPOLL_CTL_ADD, fd, &ev);
    }
}


static void
config_note(void)
{
    struct stat st;

    memset(&resolver.config_time, 0, sizeof(resolver.config_time));

    if (stat(CONFIG_FILE, &st) == 0) {
        resolver.config_time = st.st_mtim;
    }
}


static int
channel_open(void)
{
    struct ares_options options;

    memset(&options, 0, sizeof(options));
    options.timeout = QUERY_TIME;
    options.tries = QUERY_TRIES;
    options.sock_state_cb = socket_watch;

    config_note();

    return ares_init_options(&resolver.channel, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES
                                 | ARES_OPT_SOCK_STATE_CB)
                   == ARES_SUCCESS
               ? 0
               : -1;
}


/* Name servers come and go while we run. */
static void
config_check(void)
{
    struct timespec old;

    if (resolver.asked > 0
        || resolver.now < resolver.config_checked + CONFIG_TIME) {
        return;
    }

    resolver.config_checked = resolver.now;
    old = resolver.config_time;
    config_note();

    if (resolver.config_time.tv_sec == old.tv_sec
        && resolver.config_time.tv_nsec == old.tv_nsec)
    {
        return;
    }

    ares_destroy(resolver.channel);

    if (channel_open() == -1) {
        resolver.channel = NULL;
    }
}


int
resolve_init(int epoll, unsigned tag,
             void (*done)(void *owner, const resolve_answer_t *answer))
{
    resolver.epoll = epoll;
    resolver.tag = tag;
    resolver.done = done;

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS
        || channel_open() == -1)
    {
        errno = ENOMEM;
        return -1;
    }

    return 0;
}


static void
answer_add(resolve_answer_t *a, const struct ares_addrinfo_node *node)
{
    struct sockaddr_in sin;
    struct sockaddr_in6 sin6;

    if (node->ai_family == AF_INET) {
        memcpy(&sin, node->ai_addr, sizeof(sin));
        a->addresses[a->n].v4 = sin.sin_addr;

    } else {
        memcpy(&sin6, node->ai_addr, sizeof(sin6));
        a->addresses[a->n].v6 = sin6.sin6_addr;
    }

    a->families[a->n++] = node->ai_family;
}


static const struct ares_addrinfo_node *
node_of(const struct ares_addrinfo_node *node, int family)
{
    while (node != NULL && node->ai_family != family) {
        node = node->ai_next;
    }

    return node;
}


/* RFC 8305, 4: families take turns. */
static void
answer_fill(resolve_answer_t *a, const struct ares_addrinfo_node *nodes)
{
    int turn;
    const struct ares_addrinfo_node *next[2];
    int family[2];

    family[0] = (nodes->ai_family == AF_INET) ? AF_INET : AF_INET6;
    family[1] = (family[0] == AF_INET) ? AF_INET6 : AF_INET;

    next[0] = node_of(nodes, family[0]);
    next[1] = node_of(nodes, family[1]);

    for (turn = 0; a->n < RESOLVE_MAX; turn = !turn) {
        if (next[0] == NULL && next[1] == NULL) {
            return;
        }

        if (next[turn] != NULL) {
            answer_add(a, next[turn]);
            next[turn] = node_of(next[turn]->ai_next, family[turn]);
        }
    }
}


static uint64_t
answer_ttl(const struct ares_addrinfo_node *node)
{
    uint64_t ttl;

    for (ttl = KEEP_MAX; node != NULL; node = node->ai_next) {
        if (node->ai_ttl >= 0 && (uint64_t) node->ai_ttl * 1000 < ttl) {
            ttl = (uint64_t) node->ai_ttl * 1000;
        }
    }

    return ttl;
}


static void
name_answered(void *data, int status, int timeouts, struct ares_addrinfo *info)
{
    resolve_name_t *name;
    resolve_wait_t *wait;

    (void) timeouts;

    name = data;
    name->state = NAME_KNOWN;
    name->expires = resolver.now + KEEP_ERROR;
    memset(&name->answer, 0, sizeof(resolve_answer_t));
    resolver.asked--;

    if (status == ARES_SUCCESS && info != NULL && info->nodes != NULL) {
        answer_fill(&name->answer, info->nodes);
        name->expires = resolver.now + answer_ttl(info->nodes);
    }

    if (info != NULL) {
        ares_freeaddrinfo(info);
    }

    if (name->answer.n == 0) {
        name->answer.error
            = ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
    }

    while ((wait = name->waiting) != NULL) {
        resolve_cancel(wait);
        resolver.done(wait->owner, &name->answer);
    }
}


/* The name's place, that of the one to be forgotten first, or NULL. */
static resolve_name_t *
name_find(const char *host)
{
    size_t i;
    resolve_name_t *name, *oldest;

    oldest = NULL;

    for (i = 0; i < NAMES_MAX; i++) {
        name = &resolver.names[i];

        if (name->state != NAME_UNUSED && strcmp(name->host, host) == 0) {
            return name;
        }

        if (name->state != NAME_ASKED
            && (oldest == NULL || name->expires < oldest->expires))
        {
            oldest = name;
        }
    }

    if (oldest != NULL) {
        oldest->state = NAME_UNUSED;
        (void) strncpy(oldest->host, host, sizeof(oldest->host) - 1);
    }

    return oldest;
}


static void
name_ask(resolve_name_t *name)
{
    struct ares_addrinfo_hints hints;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;

    name->state = NAME_ASKED;
    resolver.asked++;

    /* may answer before it returns */

    ares_getaddrinfo(resolver.channel, name->host, NULL, &hints, name_answered,
                     name);
}


int
resolve_address(const char *host, resolve_answer_t *answer)
{
    memset(answer, 0, sizeof(resolve_answer_t));

    if (inet_pton(AF_INET, host, &answer->addresses[0].v4) == 1) {
        answer->families[0] = AF_INET;
        answer->n = 1;

    } else if (inet_pton(AF_INET6, host, &answer->addresses[0].v6) == 1) {
        answer->families[0] = AF_INET6;
        answer->n = 1;
    }

    return answer->n == 1;
}


int
resolve_is_loopback(const resolve_answer_t *answer, unsigned which)
{
    if (answer->families[which] == AF_INET) {
        return ntohl(answer->addresses[which].v4.s_addr) >> 24
               == IN_LOOPBACKNET;
    }

    return IN6_IS_ADDR_LOOPBACK(&answer->addresses[which].v6);
}


const resolve_answer_t *
resolve_ask(const char *host, resolve_wait_t *wait, void *owner, uint64_t now)
{
    resolve_name_t *name;
    static resolve_answer_t address;
    static const resolve_answer_t none = {.error = "too many names at once"};

    /* an address needs no question */

    if (resolve_address(host, &address)) {
        return &address;
    }

    resolver.now = now;
    config_check();

    name = name_find(host);

    if (name == NULL || resolver.channel == NULL) {
        return &none;
    }

    if (name->state == NAME_KNOWN && name->expires <= now) {
        name->state = NAME_UNUSED;
    }

    if (name->state == NAME_UNUSED) {
        name_ask(name);
    }

    if (name->state == NAME_KNOWN) {
        return &name->answer;
    }

    wait->owner = owner;
    wait->name = name;
    wait->prev = NULL;
    wait->next = name->waiting;

    if (wait->next != NULL) {
        wait->next->prev = wait;
    }

    name->waiting = wait;

    return NULL;
}


void
resolve_cancel(resolve_wait_t *wait)
{
    if (wait->name == NULL) {
        return;
    }

    if (wait->prev != NULL) {
        wait->prev->next = wait->next;

    } else {
        wait->name->waiting = wait->next;
    }

    if (wait->next != NULL) {
        wait->next->prev = wait->prev;
    }

    wait->name = NULL;
}


void
resolve_event(int fd, uint32_t events, uint64_t now)
{
    resolver.now = now;

    ares_process_fd(resolver.channel,
                    events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd
                                                             : ARES_SOCKET_BAD,
                    events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}


int
resolve_timers(uint64_t now)
{
    struct timeval tv, *left;

    resolver.now = now;

    if (resolver.asked == 0) {
        return -1;
    }

    ares_process_fd(resolver.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);

    left = ares_timeout(resolver.channel, NULL, &tv);
    if (left == NULL) {
        return -1;
    }

    return (int) (left->tv_sec * 1000 + left->tv_usec / 1000 + 1);
}
