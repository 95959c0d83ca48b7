#include "carry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* bytes in one direction that the other side doesn't take: a TLS record */
#define FLOW_MAX 16384

/* rounds for one connection while others wait */
#define ROUNDS_MAX 16

#define READABLE (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)

static uint8_t buffer[FLOW_MAX];


/* Flows */

static void
flow_drop(carry_flow_t *f)
{
    free(f->data);
    memset(f, 0, sizeof(carry_flow_t));
}


/* Keeps what could not be sent; 0, or -1: no memory. */
static int
flow_keep(carry_flow_t *f, const uint8_t *p, size_t len)
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


/* True if bytes went. */
static int
flow_sent(carry_flow_t *f, size_t n)
{
    f->at += n;

    if (f->at == f->len) {
        flow_drop(f);
    }

    return n > 0;
}


/* The ends */

/* Bytes that it takes; 0: none for now. */
static size_t
worker_write(carry_t *c, const uint8_t *p, size_t len)
{
    ssize_t n;

    if (c->worker_gone) {
        return len;
    }

    if (c->halted) {
        return 0;
    }

    do {
        n = send(c->worker, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n >= 0) {
        c->counts.written += (uint64_t) n;
        return (size_t) n;
    }

    if (errno != EAGAIN) {
        c->worker_gone = 1;
        c->worker_closed = 1;
        return len;
    }

    return 0;
}


/* Nothing more can be said to a server that has broken off. */
static size_t
server_write(carry_t *c, const uint8_t *p, size_t len)
{
    size_t n;

    n = c->server.broken ? len : carry_server_write(&c->server, p, len);

    return c->server.broken ? len : n;
}


/* What has waited goes first. True: something moved. */
static int
flows_flush(carry_t *c)
{
    int moved;
    carry_flow_t *f;

    moved = 0;
    f = &c->to_worker;

    if (f->len > 0) {
        moved
            |= flow_sent(f, worker_write(c, f->data + f->at, f->len - f->at));
    }

    f = &c->from_worker;

    if (f->len > 0) {
        moved
            |= flow_sent(f, server_write(c, f->data + f->at, f->len - f->at));
    }

    return moved;
}


static int
server_read(carry_t *c)
{
    size_t n, len;

    if (!c->server.ready || c->server.closed || c->to_worker.len > 0) {
        return 0;
    }

    len = carry_server_read(&c->server, buffer, FLOW_MAX);

    if (len == 0) {
        return 0;
    }

    n = worker_write(c, buffer, len);

    if (n < len && flow_keep(&c->to_worker, buffer + n, len - n) == -1) {
        c->server.closed = 1;
    }

    return 1;
}


static int
worker_read(carry_t *c)
{
    size_t sent;
    ssize_t n;

    if (!c->worker_ready || c->worker_closed || c->from_worker.len > 0) {
        return 0;
    }

    do {
        n = recv(c->worker, buffer, FLOW_MAX, MSG_DONTWAIT);
    } while (n == -1 && errno == EINTR);

    if (n == -1 && errno == EAGAIN) {
        c->worker_ready = 0;
        return 0;
    }

    if (n <= 0) {
        c->worker_closed = 1;
        return 0;
    }

    c->counts.accepted += (uint64_t) n;

    if (c->state == CARRY_OVER) {
        return 1;
    }

    sent = server_write(c, buffer, (size_t) n);

    if (sent < (size_t) n
        && flow_keep(&c->from_worker, buffer + sent, (size_t) n - sent) == -1)
    {
        c->server.closed = 1;
    }

    return 1;
}


/* States */

void
carry_end(carry_t *c)
{
    if (c->state == CARRY_ENDED) {
        return;
    }

    flow_drop(&c->to_worker);
    flow_drop(&c->from_worker);
    carry_server_close(&c->server);
    (void) close(c->worker);

    c->state = CARRY_ENDED;
}


/*
 * The server has ended, and the worker been given all of it. What it says from
 * now on is for nobody, but counted: its last word is that it closes.
 */
static void
carry_over(carry_t *c)
{
    flow_drop(&c->from_worker);
    carry_server_close(&c->server);
    (void) shutdown(c->worker, SHUT_WR);

    c->state = CARRY_OVER;
}


static void
carry_move(carry_t *c)
{
    int moved, rounds;

    for (rounds = 0, moved = 1; moved && rounds < ROUNDS_MAX; rounds++) {
        moved = flows_flush(c);
        moved |= server_read(c);
        moved |= worker_read(c);

        if (c->state != CARRY_OVER && c->server.closed
            && c->to_worker.len == 0) {
            carry_over(c);
            moved = 1;
        }
    }

    c->more = moved != 0;

    if (c->state == CARRY_OVER) {
        if (c->worker_closed) {
            carry_end(c);
        }

    } else if (c->state == CARRY_OPEN && c->worker_closed
               && c->from_worker.len == 0)
    {
        carry_server_leave(&c->server);
        c->state = CARRY_LEAVING;
    }
}


static void
carry_shake(carry_t *c, const tls_context_t *context)
{
    if (c->worker_closed) {
        strcpy(c->words, "given up");
        carry_end(c);
        return;
    }

    switch (carry_server_shake(&c->server, context, c->words)) {

    case EIRC_OK:
        c->state = CARRY_OPEN;
        break;

    case EIRC_ERROR:
        carry_end(c);
        break;
    }
}


void
carry_open(carry_t *c, const tls_context_t *context, const int *fds)
{
    c->worker = fds[1];

    if (context->words[0] != '\0') {
        memcpy(c->words, context->words, sizeof(c->words));
        c->ours = 1;
        c->server.fd = fds[0];
        carry_end(c);
        return;
    }

    if (carry_server_open(&c->server, context, fds[0]) != EIRC_OK) {
        strcpy(c->words, "no memory for TLS");
        c->ours = 1;
        carry_end(c);
    }
}


void
carry_work(carry_t *c, const tls_context_t *context)
{
    c->more = 0;

    if (c->state == CARRY_SHAKING) {
        carry_shake(c, context);
    }

    if (c->state != CARRY_SHAKING && c->state != CARRY_ENDED) {
        carry_move(c);
    }
}


void
carry_expire(carry_t *c, const tls_context_t *context)
{
    if (c->state == CARRY_SHAKING) {
        carry_server_late(&c->server, context, c->words);
    }

    carry_end(c);
}


/* Events */

void
carry_server_event(carry_t *c, uint32_t events)
{
    c->server.ready |= (events & READABLE) != 0;
}


void
carry_worker_event(carry_t *c, uint32_t events)
{
    c->worker_ready |= (events & READABLE) != 0;

    if (events & (EPOLLHUP | EPOLLERR)) {
        c->worker_gone = 1;
        c->worker_closed |= c->state == CARRY_SHAKING;
    }
}


void
carry_count(const carry_t *c, control_counts_t *counts)
{
    int waiting;

    *counts = c->counts;

    if (c->state != CARRY_ENDED && ioctl(c->worker, FIONREAD, &waiting) == 0) {
        counts->accepted += (uint64_t) waiting;
    }
}
