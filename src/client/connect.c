#include "connect.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "deadlines.h"
#include "events.h"
#include "helper.h"
#include "pace.h"
#include "race.h"
#include "resolve.h"
#include "sandbox.h"
#include "table.h"
#include "title.h"

#define EVENTS_MAX 256
#define KEY_MASK 0x0fffffffffffffffull

/* upper 4 bits of an event's data: numbers of attempts, and behind them */
#define TAG_CONTROL (RESOLVE_MAX + 1)
#define TAG_RESOLVER (RESOLVE_MAX + 2)

/* for one server, with its name, ms */
#define SERVER_TIME 10000

/*
 *    PACED --> RESOLVING --> RACING --> ANSWERED
 *      ^           |           |
 *      +-----------+-----------+  (the next server)
 */
typedef enum {
    JOB_PACED = 0,
    JOB_RESOLVING,
    JOB_RACING,
    JOB_ANSWERED
} job_state_e;

typedef struct job_s {
    table_item_t item;

    job_state_e state;
    uint64_t session; /* key of the socket layer */
    uint32_t attempt;
    int counted; /* flag: its server's pace has been kept */

    uint8_t servers[EIRC_LINK_SERVERS_SIZE];
    size_t servers_len;
    uint32_t nservers;
    uint32_t server; /* the one being tried */
    uint32_t tried;

    eirc_link_server_t now;    /* points into servers */
    char name[PACE_NAME_SIZE]; /* "host port" */
    char host[EIRC_LINK_HOST_MAX + 1];

    uint64_t give_up; /* ms */
    deadline_t deadline;
    resolve_wait_t wait;
    race_t race;

    /* the answer, until it is sent */
    int fd;
    int32_t status;
    char text[512];
    struct job_s *next;
} job_t;

static struct {
    int epoll;
    int blocked; /* flag: the layer's socket takes nothing for now */
    uint64_t now;
    table_t jobs;
    deadlines_t deadlines;

    /* by slot of the session's key */
    job_t **sessions;
    uint32_t nsessions;

    job_t *answers; /* to be sent */
    job_t **answers_last;

    paces_t paces;
} connector;


static void server_begin(job_t *j);
static void server_failed(job_t *j);


static void
report(int error, const char *what)
{
    control_t c;

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_EVENT;
    c.value = EVENT_SANDBOX;
    c.status = error;
    c.size = (uint32_t) strlen(what);
    memcpy(c.data, what, c.size);

    (void) control_send(HELPER_FD, &c, NULL, 0);
}


static int
watch(int op, int fd, uint32_t events, unsigned tag, uint64_t key)
{
    struct epoll_event ev;

    memset(&ev, 0, sizeof(ev));
    ev.events = events;
    ev.data.u64 = (uint64_t) tag << 60 | key;

    return epoll_ctl(connector.epoll, op, fd, &ev);
}


/* Jobs */

/* The place of a session's job; NULL: no memory. */
static job_t **
job_place(uint64_t session)
{
    uint32_t slot, n;
    job_t **sessions;

    slot = (uint32_t) session;

    if (slot >= connector.nsessions) {
        n = slot + 64;

        sessions = realloc(connector.sessions, n * sizeof(job_t *));
        if (sessions == NULL) {
            return NULL;
        }

        memset(sessions + connector.nsessions, 0,
               (n - connector.nsessions) * sizeof(job_t *));
        connector.sessions = sessions;
        connector.nsessions = n;
    }

    return &connector.sessions[slot];
}


static void
job_remove(job_t *j)
{
    job_t **place;

    /* by now it may be that of the slot's next session */

    place = &connector.sessions[(uint32_t) j->session];

    if (*place == j) {
        *place = NULL;
    }

    deadlines_clear(&connector.deadlines, &j->deadline);
    resolve_cancel(&j->wait);
    race_end(&j->race);

    if (j->fd != -1) {
        (void) close(j->fd);
    }

    table_remove(&connector.jobs, j);
}


/* Nobody waits for it any more; an answer on its way finds nobody. */
static void
job_cancel(uint64_t session)
{
    job_t *j;

    j = (uint32_t) session < connector.nsessions
            ? connector.sessions[(uint32_t) session]
            : NULL;

    if (j != NULL && j->session == session && j->state != JOB_ANSWERED) {
        job_remove(j);
    }
}


static void
job_answer(job_t *j, int fd)
{
    deadlines_clear(&connector.deadlines, &j->deadline);
    resolve_cancel(&j->wait);
    race_end(&j->race);

    j->state = JOB_ANSWERED;
    j->fd = fd;
    j->next = NULL;

    *connector.answers_last = j;
    connector.answers_last = &j->next;
}


/* Answers what no job could be made for; -1: the layer must learn it from our
 * end. */
static int
answer_no_memory(uint64_t session)
{
    control_t c;
    static const char text[] = "no memory to connect";

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_CONNECTED;
    c.key = session;
    c.status = ENOMEM;
    c.size = sizeof(text) - 1;
    memcpy(c.data, text, c.size);

    return control_send(HELPER_FD, &c, NULL, 0) == EIRC_OK ? 0 : -1;
}


static void
answers_flush(void)
{
    int rc;
    job_t *j;
    control_t c;
    const char *text;

    rc = EIRC_OK;

    while ((j = connector.answers) != NULL) {
        text = (j->fd == -1) ? j->text : j->name;

        memset(&c, 0, offsetof(control_t, data));
        c.type = CONTROL_CONNECTED;
        c.key = j->session;
        c.status = (j->fd == -1) ? j->status : 0;
        c.value = j->server;
        c.size = (uint32_t) strlen(text);
        memcpy(c.data, text, c.size);

        rc = control_send(HELPER_FD, &c, &j->fd, j->fd == -1 ? 0 : 1);

        if (rc == EIRC_AGAIN) {
            break;
        }

        /* an error is the layer's end, which is seen when we read */

        connector.answers = j->next;

        if (connector.answers == NULL) {
            connector.answers_last = &connector.answers;
        }

        job_remove(j);
    }

    if (connector.blocked != (rc == EIRC_AGAIN)) {
        connector.blocked = !connector.blocked;
        (void) watch(EPOLL_CTL_MOD, HELPER_FD,
                     connector.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
                     TAG_CONTROL, 0);
    }
}


/* Servers */

static void
server_name(job_t *j)
{
    (void) snprintf(j->host, sizeof(j->host), "%.*s", (int) j->now.host_len,
                    j->now.host);

    if (j->now.flags & EIRC_LINK_SERVER_UNIX) {
        (void) snprintf(j->name, sizeof(j->name), "unix:%s", j->host);

    } else {
        (void) snprintf(j->name, sizeof(j->name), "%s %u", j->host,
                        j->now.port);
    }
}


static int
deadline_set(job_t *j, uint64_t when)
{
    if (when > j->give_up) {
        when = j->give_up;
    }

    if (deadlines_set(&connector.deadlines, &j->deadline, when) == -1) {
        j->status = ENOMEM;
        (void) snprintf(j->text, sizeof(j->text), "no memory to connect");
        job_answer(j, -1);
        return -1;
    }

    return 0;
}


static void
race_failed(job_t *j)
{
    j->status = (j->race.error != 0) ? j->race.error : -1;

    (void) snprintf(j->text, sizeof(j->text),
                    "connect() to %s failed (%d: %s)", j->name, j->status,
                    strerror(j->race.error));
    server_failed(j);
}


static void
attempt_watch(job_t *j, unsigned which)
{
    if (watch(EPOLL_CTL_ADD, j->race.fds[which], EPOLLOUT, which + 1,
              j->item.key)
        == -1)
    {
        j->race.error = errno;
        race_failed(j);
    }
}


/* The next address, or, when none is left and none is running, the end. */
static void
race_go_on(job_t *j)
{
    unsigned which;

    if (race_next(&j->race, &which) == EIRC_OK) {
        if (deadline_set(j, j->race.begun < j->race.answer.n
                                ? connector.now + RACE_DELAY
                                : j->give_up)
            == 0)
        {
            attempt_watch(j, which);
        }

    } else if (j->race.running == 0) {
        race_failed(j);

    } else {
        (void) deadline_set(j, j->give_up);
    }
}


static void
name_known(void *owner, const resolve_answer_t *answer)
{
    job_t *j;

    j = owner;

    if (answer->n == 0) {
        j->status = -1;
        (void) snprintf(j->text, sizeof(j->text),
                        "host %s could not be resolved: %s", j->host,
                        answer->error);
        server_failed(j);
        return;
    }

    j->state = JOB_RACING;
    race_set(&j->race, answer, j->now.port);
    race_go_on(j);
}


static void
unix_begin(job_t *j)
{
    unsigned which;

    j->state = JOB_RACING;

    if (race_unix(&j->race, j->host, &which) == EIRC_OK) {
        attempt_watch(j, which);

    } else {
        race_failed(j);
    }
}


static void
server_begin(job_t *j)
{
    uint64_t wait;
    const resolve_answer_t *answer;

    if (j->attempt > 0 && !j->counted) {
        wait = paces_take(&connector.paces, j->name, connector.now);

        if (wait > 0) {
            j->state = JOB_PACED;
            j->give_up = connector.now + wait;
            (void) deadline_set(j, j->give_up);
            return;
        }

        j->counted = 1;
    }

    j->give_up = connector.now + SERVER_TIME;

    if (deadline_set(j, j->give_up) == -1) {
        return;
    }

    if (j->now.flags & EIRC_LINK_SERVER_UNIX) {
        unix_begin(j);
        return;
    }

    j->state = JOB_RESOLVING;
    answer = resolve_ask(j->host, &j->wait, j, connector.now);

    if (answer != NULL) {
        name_known(j, answer);
    }
}


/* Points j->now at the server whose turn it is. */
static void
server_select(job_t *j)
{
    uint32_t i;
    const uint8_t *p;

    p = j->servers;

    for (i = 0; i <= j->server; i++) {
        (void) eirc_link_server_next(&p, j->servers + j->servers_len, &j->now);
    }

    j->counted = 0;
    server_name(j);
}


/* Text and status say why: the next server, or the answer. */
static void
server_failed(job_t *j)
{
    resolve_cancel(&j->wait);
    race_end(&j->race);

    if (++j->tried == j->nservers) {
        job_answer(j, -1);
        return;
    }

    j->server = (j->server + 1) % j->nservers;
    server_select(j);

    /* not from here: servers that fail at once would nest */

    j->state = JOB_PACED;
    j->give_up = connector.now;
    (void) deadline_set(j, connector.now);
}


/* A new job in its place; NULL: no memory. */
static job_t *
job_add(uint64_t session)
{
    job_t *j, **place;

    place = job_place(session);
    if (place == NULL) {
        return NULL;
    }

    /*
     * The job of a session that is gone, whose CANCEL was lost: nobody waits
     * for it. One that is answered goes when its answer does.
     */

    if (*place != NULL && (*place)->state != JOB_ANSWERED) {
        job_remove(*place);
    }

    *place = NULL;

    j = table_add(&connector.jobs);
    if (j == NULL) {
        return NULL;
    }

    *place = j;
    j->session = session;

    return j;
}


/* -1: it can be neither begun nor answered. */
static int
job_begin(const control_t *c)
{
    job_t *j;
    const uint8_t *p, *end;
    eirc_link_server_t server;

    j = job_add(c->key);
    if (j == NULL) {
        return answer_no_memory(c->key);
    }

    j->attempt = c->value;
    j->fd = -1;
    j->deadline.owner = j;
    race_init(&j->race);

    j->servers_len = c->size;
    memcpy(j->servers, c->data, c->size);

    p = j->servers;
    end = p + c->size;

    while (eirc_link_server_next(&p, end, &server) == EIRC_OK) {
        j->nservers++;
    }

    if (j->nservers == 0) {
        j->status = -1;
        (void) snprintf(j->text, sizeof(j->text), "no server was given");
        job_answer(j, -1);
        return 0;
    }

    j->server = (uint32_t) c->status % j->nservers;
    server_select(j);
    server_begin(j);

    return 0;
}


/* Events */

static void
deadline_passed(job_t *j)
{
    switch (j->state) {

    case JOB_PACED:
        server_begin(j);
        break;

    case JOB_RESOLVING:
    case JOB_RACING:
        if (connector.now < j->give_up) {
            race_go_on(j);
            break;
        }

        j->race.error = ETIMEDOUT;
        race_failed(j);
        break;

    case JOB_ANSWERED:
        break;
    }
}


static void
attempt_event(uint64_t key, unsigned which)
{
    int fd;
    job_t *j;

    j = table_find(&connector.jobs, key);

    if (j == NULL || j->state != JOB_RACING) {
        return;
    }

    switch (race_event(&j->race, which, &fd)) {

    case EIRC_OK:
        (void) watch(EPOLL_CTL_DEL, fd, 0, 0, 0);
        job_answer(j, fd);
        break;

    case EIRC_ERROR:
        race_go_on(j);
        break;

    default:
        break;
    }
}


/* -1: the layer is gone. */
static int
control_read(void)
{
    int rc;
    control_t c;

    while ((rc = control_recv(HELPER_FD, &c, NULL, NULL)) == EIRC_OK) {
        if (c.type == CONTROL_CONNECT && c.size <= EIRC_LINK_SERVERS_SIZE) {
            if (job_begin(&c) == -1) {
                return -1;
            }

        } else if (c.type == CONTROL_CANCEL) {
            job_cancel(c.key);

        } else {
            return -1;
        }
    }

    return rc == EIRC_AGAIN ? 0 : -1;
}


static int
event_dispatch(const struct epoll_event *ev)
{
    unsigned tag;
    uint64_t key;

    tag = (unsigned) (ev->data.u64 >> 60);
    key = ev->data.u64 & KEY_MASK;

    if (tag == TAG_CONTROL) {
        return control_read();
    }

    if (tag == TAG_RESOLVER) {
        resolve_event((int) (uint32_t) key, ev->events, connector.now);

    } else {
        attempt_event(key, tag - 1);
    }

    return 0;
}


/* Does what is due; ms until there is more to do, or -1. */
static int
timers_run(void)
{
    int names, ms;
    deadline_t *d;

    names = resolve_timers(connector.now);

    while ((d = deadlines_first(&connector.deadlines)) != NULL) {
        if (d->when > connector.now) {
            break;
        }

        deadlines_clear(&connector.deadlines, d);
        deadline_passed(d->owner);
    }

    if (d == NULL) {
        return names;
    }

    ms = (int) (d->when - connector.now);

    return (names != -1 && names < ms) ? names : ms;
}


static int
connector_open(void)
{
    connector.now = clock_ms();
    connector.answers_last = &connector.answers;

    table_init(&connector.jobs, sizeof(job_t));

    connector.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connector.epoll == -1) {
        return -1;
    }

    if (watch(EPOLL_CTL_ADD, HELPER_FD, EPOLLIN, TAG_CONTROL, 0) == -1) {
        return -1;
    }

    if (resolve_init(connector.epoll, TAG_RESOLVER, name_known) == -1) {
        return -1;
    }

    return sandbox_connector(report);
}


int
connect_run(void)
{
    int i, n, timeout;
    struct epoll_event events[EVENTS_MAX];

    title_set("connect");

    (void) signal(SIGPIPE, SIG_IGN);

    if (connector_open() == -1) {
        report(errno, "the connector");
        return 1;
    }

    for (;;) {
        timeout = timers_run();
        answers_flush();

        n = epoll_wait(
            connector.epoll, events, EVENTS_MAX,
            connector.answers != NULL && !connector.blocked ? 0 : timeout);
        connector.now = clock_ms();

        if (n == -1 && errno != EINTR) {
            return 1;
        }

        for (i = 0; i < n; i++) {
            if (event_dispatch(&events[i]) == -1) {
                return 0;
            }
        }
    }
}
