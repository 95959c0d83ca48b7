#include "worker.h"

#include "control.h"
#include "link.h"
#include "login.h"
#include "rebuild.h"
#include "relay.h"
#include "relay_timers.h"
#include "request.h"
#include "title.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* ms; nginx sends USER together with SESSION */
#define USER_TIME 10000

/* what the request needs for a moment: gone when the session stands */
typedef struct {
    request_t request;
    uint8_t record[LINK_USER_MAX];
    _Alignas(16) uint8_t room[REQUEST_ROOM];
} birthplace_t;


/* with what libc keeps for a thread: that page is each process's own anyhow,
 * of the canary (template.c) */
static _Thread_local relay_t relay;

void *worker_segment_at;

/* random, and the same for all workers of one template, which tells nobody
 * anything outside of them */
static uint32_t template_seed;


/* To the layer's log. What can't be sent now is lost: nobody waits for it. */
static void
event_send(int32_t status, event_type_e type, eirc_slice_t text)
{
    control_short_t c;

    if (relay.control == -1) {
        return;
    }

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = CONTROL_EVENT;
    c.value = type;
    c.status = status;
    c.size
        = (uint32_t) (text.len < EVENT_TEXT_MAX ? text.len : EVENT_TEXT_MAX);

    if (c.size > 0) {
        memcpy(c.data, text.p, c.size);
    }

    (void) control_send_short(relay.control, &c);
}


/* The IRC server wants TLS: the layer, which has the servers, brings it. */
static void
worker_upgrade(relay_t *r, uint16_t port)
{
    control_short_t c;

    memset(&c, 0, offsetof(control_short_t, data));
    c.type = CONTROL_WANT_IRC;
    c.value = r->user.session.state->server;
    c.status = port;

    /* without TLS it will say so again */

    if (r->control != -1 && control_send_short(r->control, &c) != EIRC_OK) {
        relay_timer_set(r, RELAY_TIMER_RETRY, RELAY_ASK_TIME);
    }
}


static void
worker_event(user_t *u, event_type_e type, int32_t status, eirc_slice_t text)
{
    (void) u;
    event_send(status, type, text);
}


void
worker_prepare(void)
{
    const void *random;

    random = (const void *) (uintptr_t) getauxval(AT_RANDOM);

    if (random != NULL) {
        memcpy(&template_seed, random, sizeof(template_seed));
    }

    request_prepare();
}


static uint32_t
seed_make(const char *id)
{
    return template_seed
           ^ eirc_irc_hash(EIRC_IRC_ASCII, template_seed, eirc_slice_str(id))
           ^ (uint32_t) relay_now();
}


/* Says no, to nginx and in the log. */
static int
refuse(eirc_link_reason_e reason, const char *why)
{
    link_refuse(WORKER_FD_LINK, reason, why);
    event_send(
        0, reason == EIRC_LINK_BAD_REQUEST ? EVENT_BAD_REQUEST : EVENT_SEGMENT,
        eirc_slice_str(why));

    return EIRC_ERROR;
}


static login_t *
login_map(int fd)
{
    login_t *login;

    login = mmap(NULL, LOGIN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void) close(fd);

    return login == MAP_FAILED ? NULL : login;
}


/* What the socket layer still holds stays as it is, for the next time. */
static void
login_forget(login_t *login)
{
    explicit_bzero(&login->talk, sizeof(login->talk));
    (void) munmap(login, LOGIN_SIZE);
}


/* The secrets go where they come back from with each connection. */
static int
secrets_put(const worker_birth_t *birth, const request_t *r)
{
    control_short_t c;
    login_t *login;

    relay.open = !login_needed(&r->secrets);

    if (birth->flags & WORKER_NO_SECRET) {
        return relay.open ? EIRC_OK
                          : refuse(EIRC_LINK_BAD_REQUEST,
                                   "there is a secret that was not announced");
    }

    if (relay.open) {
        (void) close(WORKER_FD_SECRET);
        memset(&c, 0, offsetof(control_short_t, data));
        c.type = CONTROL_NO_SECRET;
        (void) control_send_short(WORKER_FD_CONTROL, &c);
        return EIRC_OK;
    }

    login = login_map(WORKER_FD_SECRET);

    if (login == NULL) {
        return refuse(EIRC_LINK_FAILED, "there is no memory");
    }

    login->secrets = r->secrets;
    login_forget(login);

    return EIRC_OK;
}


static int
request_take(birthplace_t *place, const worker_birth_t *birth, void *segment,
             size_t size)
{
    int rc;
    const char *why;
    eirc_slice_t json;

    if (link_user_read(WORKER_FD_LINK, USER_TIME, place->record, &json)
        != EIRC_OK) {
        return refuse(EIRC_LINK_BAD_REQUEST, "there is no USER");
    }

    rc = request_read(&place->request, json.p, json.len, place->room, &why);
    explicit_bzero((void *) (uintptr_t) json.p, json.len);

    if (rc != EIRC_OK) {
        return refuse(EIRC_LINK_BAD_REQUEST, why);
    }

    if (user_init(&relay.user, segment, size, birth->replay, &place->request,
                  seed_make(birth->id), relay_now())
        != EIRC_OK)
    {
        return refuse(EIRC_LINK_FAILED, "it is no new segment");
    }

    return secrets_put(birth, &place->request);
}


/* Reads the request, in memory that is given back. */
static int
worker_begin(const worker_birth_t *birth, void *segment, size_t size)
{
    int rc;
    birthplace_t *place;

    place = mmap(NULL, sizeof(birthplace_t), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (place == MAP_FAILED) {
        event_send(errno, EVENT_FAILED, EIRC_SLICE("mmap()"));
        return refuse(EIRC_LINK_FAILED, "there is no memory");
    }

    rc = request_take(place, birth, segment, size);

    explicit_bzero(&place->request.secrets, sizeof(secrets_t));
    (void) munmap(place, sizeof(birthplace_t));

    return rc;
}


/* Is it the session's process? The one before may have gone on. */
static int
offer_take(const worker_birth_t *birth, void *segment)
{
    control_t c;

    if (birth->offer == 0) {
        return EIRC_OK;
    }

    if (session_take(segment, birth->offer) != EIRC_OK) {
        event_send(0, EVENT_SEGMENT, EIRC_SLICE("owner"));
        return EIRC_ERROR;
    }

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_TAKEN;
    (void) control_send(relay.control, &c, NULL, 0);

    return EIRC_OK;
}


/* What a predecessor was at, for the log, when nobody knew that it would end. */
static void
cause_tell(const worker_birth_t *birth)
{
    if (!(birth->flags & WORKER_PLANNED)) {
        event_send(0, EVENT_SUCCEEDED, session_verb(&relay.user.session));
    }
}


/* Takes the place of a process that is gone. */
static int
worker_succeed(const worker_birth_t *birth, void *segment, size_t size)
{
    int rc;
    uint32_t seed;

    if (offer_take(birth, segment) != EIRC_OK) {
        return EIRC_ERROR;
    }

    seed = seed_make(birth->id);
    relay.anew = birth->flags & WORKER_ANEW;
    relay.planned = birth->flags & WORKER_PLANNED;

    rc = relay.anew ? user_init_anew(&relay.user, segment, size, birth->replay,
                                     seed, relay_now())
                    : user_init(&relay.user, segment, size, birth->replay,
                                NULL, seed, relay_now());

    if (rc != EIRC_OK) {
        event_send(0, EVENT_SEGMENT, EIRC_SLICE("positions or identity"));
        return EIRC_ERROR;
    }

    if (birth->flags & WORKER_RESTORED) {
        rebuild_clock(&relay.user);
    }

    cause_tell(birth);
    relay.user.session.resumable = birth->flags & WORKER_RESUMABLE;

    if (relay_succeed(&relay) != EIRC_OK) {
        event_send(0, EVENT_SEGMENT, EIRC_SLICE("counts"));
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


static void
cpu_pin(uint32_t cpu)
{
    cpu_set_t set;

    if (cpu < CPU_SETSIZE) {
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        (void) sched_setaffinity(0, sizeof(set), &set);
    }
}


int
worker_run(const worker_birth_t *birth, eirc_slice_t passport)
{
    int rc;
    void *segment;
    size_t size;

    relay_init(&relay, WORKER_FD_EPOLL, WORKER_FD_TIMER);
    relay.control = WORKER_FD_CONTROL;
    relay.id = birth->id;
    relay.linger = birth->linger;
    relay.rescue = WORKER_FD_RESCUE;
    relay.rescues = WORKER_RESCUES;
    relay.layer = birth->layer;
    relay.segment = WORKER_FD_SEGMENT;
    relay.passport = passport;
    memcpy(relay.key, birth->key, sizeof(relay.key));
    memcpy(relay.next_key, birth->next_key, sizeof(relay.next_key));
    relay.renamed = title_set;
    relay.remember = login_map;
    relay.forget = login_forget;
    relay.upgrade = worker_upgrade;
    relay.user.event = worker_event;
    relay.user.raw = true;
    relay.user.servers = birth->servers;

    size = session_segment_size(birth->replay);
    segment = mmap(worker_segment_at, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   WORKER_FD_SEGMENT, 0);

    if (segment == MAP_FAILED) {
        event_send(errno, EVENT_FAILED, EIRC_SLICE("mmap()"));
        return WORKER_EXIT_FAILED;
    }

    if (birth->flags & WORKER_SUCCESSOR) {

        if (worker_succeed(birth, segment, size) != EIRC_OK) {
            return WORKER_EXIT_STATE;
        }

    } else if (worker_begin(birth, segment, size) != EIRC_OK) {
        return WORKER_EXIT_FAILED;

    } else {
        relay.user.session.resumable = birth->flags & WORKER_RESUMABLE;
        link_init(&relay.browser, WORKER_FD_LINK);
        relay.browser.id = birth->id;
        relay.browser.greeting = BROWSER_READY;
    }

    /* a browser that registers itself would have to begin anew */

    relay.user.sts.ask = user_mode(&relay.user) == SESSION_EIRC;

    title_set(user_nick(&relay.user).len > 0
                  ? relay.user.session.state->nick
                  : relay.user.session.identity->nick);

    cpu_pin(birth->cpu);

    rc = relay_run(&relay);

    if (rc == RELAY_FAILED) {
        event_send(errno, EVENT_FAILED, EIRC_SLICE("epoll"));
        return WORKER_EXIT_BROKEN;
    }

    user_done(&relay.user);

    return rc == RELAY_MOVED ? WORKER_EXIT_MOVED : WORKER_EXIT_OVER;
}
