#include "carry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "deadlines.h"
#include "helper.h"
#include "table.h"

#define KEY_MASK 0x0fffffffffffffffull

/* upper 4 bits of an event's data: never 0, which is the relay's own */
#define TAG_SERVER 1
#define TAG_WORKER 2

/* bytes in one direction that the other side doesn't take: a TLS record */
#define FLOW_MAX 16384

/* rounds for one connection while others wait */
#define ROUNDS_MAX 16

/* ms: for a handshake, and for a server to take what is left and to close */
#define HANDSHAKE_TIME 10000
#define LEAVE_TIME 5000

/*
 *    SHAKING --> OPEN --> LEAVING --> ENDED --> gone, when that is reported
 *       |         |                     ^
 *       +---------+---------------------+
 */
typedef enum {
    CARRY_SHAKING = 0,
    CARRY_OPEN,
    CARRY_LEAVING, /* the worker has closed, and the server knows it */
    CARRY_ENDED
} carry_state_e;

/* bytes on their way that could not go yet; memory while there are any */
typedef struct {
    uint8_t *data;
    size_t at;
    size_t len;
} flow_t;

typedef struct carry_s {
    table_item_t item;

    carry_state_e state;
    uint64_t session; /* key of the socket layer */
    SSL *ssl;
    int server;
    int worker;

    unsigned server_ready : 1; /* there may be something to read */
    unsigned worker_ready : 1;
    unsigned server_closed : 1; /* nothing more comes from it */
    unsigned worker_closed : 1;
    unsigned worker_gone : 1; /* it takes nothing any more */
    unsigned broken : 1;      /* TLS has failed: not a word more */
    unsigned cut : 1;         /* the server ended without close_notify */
    unsigned stood : 1;
    unsigned queued : 1; /* in carries.more */

    flow_t to_worker;
    flow_t from_worker;
    control_bytes_t bytes;

    deadline_t deadline;
    struct carry_s *next_more;

    /* what the layer has to be told */
    unsigned reports; /* REPORT_STANDS, REPORT_END */
    struct carry_s *next_report;
    char words[TLS_CONTEXT_WORDS]; /* empty: the handshake went well */
} carry_t;

#define REPORT_STANDS 1u
#define REPORT_END 2u

static struct {
    int epoll;
    uint64_t now;
    const tls_context_t *context;
    table_t table;
    deadlines_t deadlines;
    carry_t *more; /* their rounds were over before their work was */
    carry_t *reports;
    carry_t **reports_last;
    uint8_t buffer[FLOW_MAX];
} carries;


static uint64_t
clock_ms(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static int
watch(int fd, uint32_t events, unsigned tag, uint64_t key)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;
    ev.data.u64 = (uint64_t) tag << 60 | key;

    return epoll_ctl(carries.epoll, EPOLL_CTL_ADD, fd, &ev);
}


/* Reports */

static void
report_add(carry_t *c, unsigned what)
{
    if (c->reports == 0) {
        c->next_report = NULL;
        *carries.reports_last = c;
        carries.reports_last = &c->next_report;
    }

    c->reports |= what;
}


static int
report_send(const carry_t *c, unsigned what)
{
    const char *text;
    control_t r;

    memset(&r, 0, offsetof(control_t, data));
    r.key = c->session;

    if (what == REPORT_STANDS) {
        text
            = c->words[0] == '\0' ? openssl.SSL_get_version(c->ssl) : c->words;
        r.type = CONTROL_RELAY_STANDS;
        r.status = c->words[0] == '\0' ? 0
                   : c->ssl == NULL    ? -1
                                       : CONTROL_SAY_WHY;
        r.size = (uint32_t) strlen(text);
        memcpy(r.data, text, r.size);

    } else {
        r.type = CONTROL_RELAY_ENDED;
        r.status = c->cut ? -1 : 0;
        r.size = sizeof(c->bytes);
        memcpy(r.data, &c->bytes, sizeof(c->bytes));
    }

    return control_send(HELPER_FD, &r, NULL, 0);
}


/* All that this connection has to report; not EIRC_OK: the rest has to wait. */
static int
reports_send(carry_t *c, int alone)
{
    unsigned what;

    for (what = REPORT_STANDS; what <= REPORT_END; what <<= 1) {
        if ((c->reports & what) == 0) {
            continue;
        }

        /* an error is the layer's end: nobody is to be told any more */

        if (!alone && report_send(c, what) == EIRC_AGAIN) {
            return EIRC_AGAIN;
        }

        c->reports &= ~what;
    }

    return EIRC_OK;
}


static void
carry_free(carry_t *c)
{
    if (c->ssl != NULL) {
        openssl.SSL_free(c->ssl);
    }

    table_remove(&carries.table, c);
}


int
carries_report(int alone)
{
    carry_t *c;

    while ((c = carries.reports) != NULL) {
        if (reports_send(c, alone) != EIRC_OK) {
            return 1;
        }

        carries.reports = c->next_report;

        if (carries.reports == NULL) {
            carries.reports_last = &carries.reports;
        }

        if (c->state == CARRY_ENDED && !c->queued) {
            carry_free(c);
        }
    }

    return 0;
}


/* Flows */

static void
flow_drop(flow_t *f)
{
    free(f->data);
    memset(f, 0, sizeof(flow_t));
}


/* Keeps what could not be sent; 0, or -1: no memory. */
static int
flow_keep(flow_t *f, const uint8_t *p, size_t len)
{
    f->data = malloc(len);
    if (f->data == NULL) {
        return -1;
    }

    memcpy(f->data, p, len);
    f->at = 0;
    f->len = len;

    return 0;
}


static void
flow_sent(flow_t *f, size_t n)
{
    f->at += n;

    if (f->at == f->len) {
        flow_drop(f);
    }
}


/* Connections */

static void
carry_end(carry_t *c)
{
    if (c->state == CARRY_ENDED) {
        return;
    }

    deadlines_clear(&carries.deadlines, &c->deadline);
    flow_drop(&c->to_worker);
    flow_drop(&c->from_worker);

    if (c->ssl != NULL && c->stood && !c->broken && c->state != CARRY_LEAVING)
    {
        openssl.ERR_clear_error();
        (void) openssl.SSL_shutdown(c->ssl);
    }

    (void) close(c->server);
    (void) close(c->worker);

    c->state = CARRY_ENDED;

    report_add(c, c->stood ? REPORT_END : REPORT_STANDS);
}


/* What a call of OpenSSL has come to: more to come, or the end. */
static void
server_result(carry_t *c, int rc)
{
    switch (openssl.SSL_get_error(c->ssl, rc)) {

    case SSL_ERROR_WANT_READ:
        c->server_ready = 0;
        break;

    case SSL_ERROR_WANT_WRITE:
        break;

    case SSL_ERROR_ZERO_RETURN:
        c->server_closed = 1;
        break;

    default:
        c->server_closed = 1;
        c->broken = 1;
        c->cut = c->state == CARRY_OPEN;
        flow_drop(&c->from_worker);
        break;
    }
}


/* As many as the server takes; -1: no more for now. */
static ssize_t
server_write(carry_t *c, const uint8_t *p, size_t len)
{
    int rc;

    openssl.ERR_clear_error();
    rc = openssl.SSL_write(c->ssl, p, (int) len);

    if (rc > 0) {
        return rc;
    }

    server_result(c, rc);

    return -1;
}


static ssize_t
worker_write(carry_t *c, const uint8_t *p, size_t len)
{
    ssize_t n;

    if (c->worker_gone) {
        return (ssize_t) len;
    }

    do {
        n = send(c->worker, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n >= 0) {
        c->bytes.to_worker += (uint64_t) n;

    } else if (errno != EAGAIN) {
        c->worker_gone = 1;
        c->worker_closed = 1;
        return (ssize_t) len;
    }

    return n;
}


/* What has waited goes first. True: something moved. */
static int
flows_flush(carry_t *c)
{
    int moved;
    ssize_t n;

    moved = 0;

    if (c->to_worker.len > 0) {
        n = worker_write(c, c->to_worker.data + c->to_worker.at,
                         c->to_worker.len - c->to_worker.at);

        if (n > 0) {
            flow_sent(&c->to_worker, (size_t) n);
            moved = 1;
        }
    }

    if (c->from_worker.len > 0 && !c->broken) {
        n = server_write(c, c->from_worker.data + c->from_worker.at,
                         c->from_worker.len - c->from_worker.at);

        if (n > 0) {
            flow_sent(&c->from_worker, (size_t) n);
            moved = 1;
        }
    }

    return moved;
}


static int
server_read(carry_t *c)
{
    int rc;
    ssize_t n;
    size_t len;

    if (!c->server_ready || c->server_closed || c->to_worker.len > 0) {
        return 0;
    }

    openssl.ERR_clear_error();
    rc = openssl.SSL_read(c->ssl, carries.buffer, FLOW_MAX);

    if (rc <= 0) {
        server_result(c, rc);
        return 0;
    }

    len = (size_t) rc;
    n = worker_write(c, carries.buffer, len);
    n = n < 0 ? 0 : n;

    if ((size_t) n < len
        && flow_keep(&c->to_worker, carries.buffer + n, len - (size_t) n)
               == -1)
    {
        c->server_closed = 1;
    }

    return 1;
}


static int
worker_read(carry_t *c)
{
    ssize_t n, sent;

    if (!c->worker_ready || c->worker_closed || c->from_worker.len > 0) {
        return 0;
    }

    do {
        n = recv(c->worker, carries.buffer, FLOW_MAX, MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n == -1 && errno == EAGAIN) {
        c->worker_ready = 0;
        return 0;
    }

    if (n <= 0) {
        c->worker_closed = 1;
        return 0;
    }

    c->bytes.from_worker += (uint64_t) n;

    if (c->broken) {
        return 1;
    }

    sent = server_write(c, carries.buffer, (size_t) n);
    sent = sent < 0 ? 0 : sent;

    if (sent < n && !c->broken
        && flow_keep(&c->from_worker, carries.buffer + sent,
                     (size_t) (n - sent))
               == -1)
    {
        c->server_closed = 1;
    }

    return 1;
}


/* The worker has closed, and the server has all that it said. */
static void
carry_leave(carry_t *c)
{
    c->state = CARRY_LEAVING;

    openssl.ERR_clear_error();
    (void) openssl.SSL_shutdown(c->ssl);
    (void) shutdown(c->server, SHUT_WR);

    if (deadlines_set(&carries.deadlines, &c->deadline,
                      carries.now + LEAVE_TIME)
        == -1)
    {
        carry_end(c);
    }
}


static void
carry_move(carry_t *c)
{
    int moved, rounds;

    for (rounds = 0, moved = 1; moved && rounds < ROUNDS_MAX; rounds++) {
        moved = flows_flush(c);
        moved |= server_read(c);
        moved |= worker_read(c);
    }

    if (moved && !c->queued) {
        c->queued = 1;
        c->next_more = carries.more;
        carries.more = c;
    }

    if (c->server_closed && c->to_worker.len == 0) {
        carry_end(c);

    } else if (c->worker_closed && c->state == CARRY_OPEN
               && c->from_worker.len == 0)
    {
        carry_leave(c);

    } else if (c->worker_closed && c->deadline.place == 0
               && deadlines_set(&carries.deadlines, &c->deadline,
                                carries.now + LEAVE_TIME)
                      == -1)
    {
        carry_end(c);
    }
}


static void
carry_stands(carry_t *c)
{
    if (tls_context_judge(carries.context, c->ssl, c->words) != EIRC_OK) {
        (void) openssl.SSL_shutdown(c->ssl);
        carry_end(c);
        return;
    }

    deadlines_clear(&carries.deadlines, &c->deadline);

    c->stood = 1;
    c->state = CARRY_OPEN;
    c->server_ready = 1; /* the first bytes may have come with the last ones */
    report_add(c, REPORT_STANDS);

    carry_move(c);
}


static void
carry_shake(carry_t *c)
{
    int rc, error;

    if (c->worker_closed) {
        strcpy(c->words, "given up");
        carry_end(c);
        return;
    }

    errno = 0;
    openssl.ERR_clear_error();
    rc = openssl.SSL_connect(c->ssl);

    if (rc == 1) {
        carry_stands(c);
        return;
    }

    error = openssl.SSL_get_error(c->ssl, rc);

    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        tls_context_failed(carries.context, c->ssl, error, c->words);
        carry_end(c);
    }
}


int
carry_begin(uint64_t session, const int *fds)
{
    uint32_t events;
    carry_t *c;

    c = table_add(&carries.table);
    if (c == NULL) {
        return -1;
    }

    c->session = session;
    c->server = fds[0];
    c->worker = fds[1];
    c->deadline.owner = c;

    if (carries.context->ssl == NULL) {
        memcpy(c->words, carries.context->words, sizeof(c->words));
        carry_end(c);
        return 0;
    }

    /* edges: each side is tried until it has nothing, or takes nothing */

    events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    c->ssl = tls_context_connect(carries.context, c->server);

    if (c->ssl == NULL
        || deadlines_set(&carries.deadlines, &c->deadline,
                         carries.now + HANDSHAKE_TIME)
               == -1
        || watch(c->server, events, TAG_SERVER, c->item.key) == -1
        || watch(c->worker, events, TAG_WORKER, c->item.key) == -1)
    {
        strcpy(c->words, "no memory for TLS");
        carry_end(c);
        return 0;
    }

    carry_shake(c);

    return 0;
}


/* Events */

void
carry_event(uint64_t data, uint32_t events)
{
    carry_t *c;

    c = table_find(&carries.table, data & KEY_MASK);

    if (c == NULL || c->state == CARRY_ENDED) {
        return;
    }

    if (data >> 60 == TAG_SERVER) {
        c->server_ready
            |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

    } else {
        c->worker_ready
            |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

        if (events & (EPOLLHUP | EPOLLERR)) {
            c->worker_gone = 1;
            c->worker_closed |= c->state == CARRY_SHAKING;
        }
    }

    if (c->state == CARRY_SHAKING) {
        carry_shake(c);

    } else {
        carry_move(c);
    }
}


/* Those whose rounds were over. */
static void
more_run(void)
{
    carry_t *c, *next;

    c = carries.more;
    carries.more = NULL;

    for (; c != NULL; c = next) {
        next = c->next_more;
        c->queued = 0;

        if (c->state != CARRY_ENDED) {
            carry_move(c);

        } else if (c->reports == 0) {
            carry_free(c);
        }
    }
}


/* Does what is due; ms until there is more to do, or -1. */
static int
timers_run(void)
{
    carry_t *c;
    deadline_t *d;

    while ((d = deadlines_first(&carries.deadlines)) != NULL) {
        if (d->when > carries.now) {
            return (int) (d->when - carries.now);
        }

        deadlines_clear(&carries.deadlines, d);
        c = d->owner;

        if (c->state == CARRY_SHAKING) {
            errno = ETIMEDOUT;
            tls_context_failed(carries.context, c->ssl, SSL_ERROR_SYSCALL,
                               c->words);
        }

        carry_end(c);
    }

    return -1;
}


int
carries_run(void)
{
    int timeout;

    timeout = timers_run();
    more_run();

    return carries.more != NULL ? 0 : timeout;
}


void
carries_clock(void)
{
    carries.now = clock_ms();
}


uint32_t
carries_count(void)
{
    return carries.table.count;
}


void
carries_open(int epoll, const tls_context_t *context)
{
    carries.epoll = epoll;
    carries.context = context;
    carries.reports_last = &carries.reports;
    table_init(&carries.table, sizeof(carry_t));
}
