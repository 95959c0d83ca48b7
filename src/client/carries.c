#include "carries.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "carry.h"
#include "clock.h"
#include "control.h"
#include "deadlines.h"
#include "table.h"

#define KEY_MASK 0x0fffffffffffffffull

/* upper 4 bits of an event's data: never 0, which is the relay's own */
#define TAG_SERVER 1
#define TAG_WORKER 2

/* ms: for a handshake, and for a server to take what is left and to close */
#define HANDSHAKE_TIME 10000
#define LEAVE_TIME 5000

/* what the layer has to be told, in this order */
#define REPORT_STANDS 1u
#define REPORT_COUNTED 2u
#define REPORT_UNKNOWN 4u
#define REPORT_ENDED 8u

static struct {
    int epoll;
    uint64_t now;
    const tls_context_t *context;
    table_t table;
    deadlines_t deadlines;
    carry_t *more; /* their rounds were over before their work was */
    carry_t *reports;
    carry_t **reports_last;
} carries;


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


static void
stands_write(control_t *r, const carry_t *c)
{
    const char *text;

    text = c->words[0] == '\0' ? c->server.version : c->words;

    r->type = CONTROL_RELAY_STANDS;
    r->status = c->words[0] == '\0' ? 0 : c->ours ? -1 : CONTROL_SAY_WHY;
    r->size = (uint32_t) strlen(text);
    memcpy(r->data, text, r->size);
}


static void
counts_write(control_t *r, const carry_t *c)
{
    control_counts_t counts;

    carry_count(c, &counts);

    r->size = sizeof(counts);
    memcpy(r->data, &counts, sizeof(counts));
}


static int
report_send(int control, const carry_t *c, unsigned what)
{
    control_t r;

    memset(&r, 0, offsetof(control_t, data));
    r.key = c->key;

    switch (what) {

    case REPORT_STANDS:
        stands_write(&r, c);
        break;

    case REPORT_COUNTED:
        r.type = CONTROL_RELAY_COUNTED;
        r.status = c->server.closed || c->server.broken;
        counts_write(&r, c);
        break;

    case REPORT_UNKNOWN:
        r.type = CONTROL_RELAY_COUNTED;
        r.status = -1;
        counts_write(&r, c);
        break;

    case REPORT_ENDED:
        r.type = CONTROL_RELAY_ENDED;
        r.status = c->server.cut ? -1 : 0;
        counts_write(&r, c);
        break;
    }

    return control_send(control, &r, NULL, 0);
}


/* All that this connection has to report; not EIRC_OK: the rest has to wait. */
static int
reports_send(int control, carry_t *c)
{
    unsigned what;

    for (what = REPORT_STANDS; what <= REPORT_ENDED; what <<= 1) {
        if ((c->reports & what) == 0) {
            continue;
        }

        /* an error is the layer's end: nobody is to be told any more */

        if (control != -1 && report_send(control, c, what) == EIRC_AGAIN) {
            return EIRC_AGAIN;
        }

        c->reports &= ~what;
    }

    return EIRC_OK;
}


int
carries_report(int control)
{
    carry_t *c;

    while ((c = carries.reports) != NULL) {
        if (reports_send(control, c) != EIRC_OK) {
            return 1;
        }

        carries.reports = c->next_report;

        if (carries.reports == NULL) {
            carries.reports_last = &carries.reports;
        }

        if (c->state == CARRY_ENDED && !c->queued) {
            table_remove(&carries.table, c);
        }
    }

    return 0;
}


/* Work */

/* How long may it stay as it is? -1: no memory to look after that. */
static int
deadline_set(carry_t *c, carry_state_e before)
{
    uint64_t time;

    if (c->state == CARRY_SHAKING && c->deadline.place == 0) {
        time = HANDSHAKE_TIME;

    } else if ((c->state == CARRY_OPEN || c->state == CARRY_LEAVING)
               && c->worker_closed
               && (c->deadline.place == 0 || c->state != before))
    {
        time = LEAVE_TIME;

    } else {
        if (c->state != before && c->state != CARRY_LEAVING) {
            deadlines_clear(&carries.deadlines, &c->deadline);
        }

        return 0;
    }

    return deadlines_set(&carries.deadlines, &c->deadline, carries.now + time);
}


/* Something was done: what follows from what it has come to. */
static void
carry_settle(carry_t *c, carry_state_e before)
{
    if (deadline_set(c, before) == -1) {
        carry_end(c);
    }

    if (before == CARRY_SHAKING && c->state != CARRY_SHAKING) {
        report_add(c, REPORT_STANDS);
    }

    if (before != CARRY_ENDED && c->state == CARRY_ENDED) {
        deadlines_clear(&carries.deadlines, &c->deadline);
        c->more = 0;

        if (c->server.stood) {
            report_add(c, REPORT_ENDED);
        }
    }

    if (c->more && !c->queued) {
        c->queued = 1;
        c->next_more = carries.more;
        carries.more = c;
    }
}


static void
carry_go_on(carry_t *c)
{
    carry_state_e before;

    before = c->state;
    carry_work(c, carries.context);
    carry_settle(c, before);
}


static int
watch(int fd, unsigned tag, uint64_t key)
{
    struct epoll_event ev;

    /* edges: each side is tried until it has nothing, or takes nothing */

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    ev.data.u64 = (uint64_t) tag << 60 | key;

    return epoll_ctl(carries.epoll, EPOLL_CTL_ADD, fd, &ev);
}


int
carries_begin(uint64_t key, uint64_t id, const int *fds)
{
    carry_t *c;

    c = table_add(&carries.table);
    if (c == NULL) {
        return -1;
    }

    c->key = key;
    c->counts.id = id;
    c->deadline.owner = c;

    carry_open(c, carries.context, fds);

    if (c->state == CARRY_SHAKING
        && (watch(c->server.fd, TAG_SERVER, c->item.key) == -1
            || watch(c->worker, TAG_WORKER, c->item.key) == -1))
    {
        strcpy(c->words, "no memory for the connection");
        c->ours = 1;
        carry_end(c);
    }

    if (c->state == CARRY_SHAKING) {
        carry_go_on(c);

    } else {
        carry_settle(c, CARRY_SHAKING);
    }

    return 0;
}


void
carries_event(uint64_t data, uint32_t events)
{
    carry_t *c;

    c = table_find(&carries.table, data & KEY_MASK);

    if (c == NULL || c->state == CARRY_ENDED) {
        return;
    }

    if (data >> 60 == TAG_SERVER) {
        carry_server_event(c, events);

    } else {
        carry_worker_event(c, events);
    }

    carry_go_on(c);
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
            carry_go_on(c);

        } else if (c->reports == 0) {
            table_remove(&carries.table, c);
        }
    }
}


/* Does what is due; ms until there is more to do, or -1. */
static int
timers_run(void)
{
    carry_t *c;
    deadline_t *d;
    carry_state_e before;

    while ((d = deadlines_first(&carries.deadlines)) != NULL) {
        if (d->when > carries.now) {
            return (int) (d->when - carries.now);
        }

        deadlines_clear(&carries.deadlines, d);
        c = d->owner;
        before = c->state;

        carry_expire(c, carries.context);
        carry_settle(c, before);
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


/* A worker has died */

static carry_t *
carry_find(uint64_t id)
{
    uint32_t slot;
    carry_t *c;

    slot = 0;

    while ((c = table_next(&carries.table, &slot)) != NULL) {
        if (c->counts.id == id && (c->reports & REPORT_UNKNOWN) == 0) {
            return c;
        }
    }

    return NULL;
}


int
carries_halt(uint64_t key, uint64_t id)
{
    unsigned report;
    carry_t *c;

    report = REPORT_COUNTED;
    c = carry_find(id);

    if (c == NULL) {
        c = table_add(&carries.table);

        if (c == NULL) {
            return -1;
        }

        c->state = CARRY_ENDED;
        c->counts.id = id;
        report = REPORT_UNKNOWN;
    }

    c->key = key;
    c->halted = 1;
    report_add(c, report);

    return 0;
}


static void
carry_resume(carry_t *c)
{
    if (c->halted && c->state != CARRY_ENDED) {
        c->halted = 0;
        carry_go_on(c);
    }
}


void
carries_go(uint64_t id)
{
    carry_t *c;

    c = carry_find(id);

    if (c != NULL) {
        carry_resume(c);
    }
}


void
carries_go_all(void)
{
    uint32_t slot;
    carry_t *c;

    slot = 0;

    while ((c = table_next(&carries.table, &slot)) != NULL) {
        carry_resume(c);
    }
}


size_t
carries_list(uint32_t *slot, uint64_t *ids, size_t max)
{
    size_t n;
    carry_t *c;

    n = 0;

    while (n < max && (c = table_next(&carries.table, slot)) != NULL) {
        if (c->state != CARRY_ENDED && c->counts.id != 0) {
            ids[n++] = c->counts.id;
        }
    }

    return n;
}


uint64_t
carries_clock(void)
{
    carries.now = clock_ms();

    return carries.now;
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
