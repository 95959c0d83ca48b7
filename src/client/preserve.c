#include "preserve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "session.h"
#include "stored.h"

/* copies of one round: others are not to wait for them for long */
#define COPIES_MAX 8

/* readings of a segment until no step was done meanwhile */
#define READINGS_MAX 4

/* ms between two looks at what is too old */
#define SWEEP_TIME 60000


/* Opening */

int
preserve_open(layer_t *l, const options_t *o)
{
    const char *why;
    preserve_t *p;

    p = &l->preserve;
    p->store.dir = -1;

    if (o->state == NULL) {
        return 0;
    }

    p->interval = o->state_interval;
    p->next = l->now + p->interval * 1000;
    p->sweep = l->now;

    if (store_open(&p->store, o->state, o->index, &why) == 0) {
        return 0;
    }

    log_write(o->image == -1 ? LOG_LEVEL_EMERG : LOG_LEVEL_ALERT, errno, NULL,
              "the directory \"%s\" can't be used for sessions: %s", o->state,
              why);

    return o->image == -1 ? -1 : 0;
}


void
preserve_close(layer_t *l)
{
    store_close(&l->preserve.store);
}


/* Copying */

static int
is_kept(const held_t *s)
{
    return s->resumable && s->open && s->secret == -1 && !s->doomed;
}


/* s */
static uint32_t
life_of(const layer_t *l, const held_t *s, int exact)
{
    uint64_t life;

    life = s->linger / 1000 + 1;
    life = life < STORE_LIFE_MIN ? STORE_LIFE_MIN : life;

    /* one of a process that lives is renewed meanwhile */

    return (uint32_t) (life + (exact ? 0 : 2 * l->preserve.interval));
}


/* The number that every step changes. */
static int
generation_read(int segment, uint64_t *generation)
{
    /* before what is read behind it, and behind what was read before */

    atomic_thread_fence(memory_order_seq_cst);

    if (pread(segment, generation, sizeof(*generation), SESSION_GENERATION_AT)
        != (ssize_t) sizeof(*generation))
    {
        return -1;
    }

    atomic_thread_fence(memory_order_seq_cst);

    return 0;
}


static int
bytes_read(int fd, uint8_t *p, size_t len)
{
    size_t at;
    ssize_t n;

    for (at = 0; at < len; at += (size_t) n) {
        n = pread(fd, p + at, len - at, (off_t) at);

        if (n <= 0) {
            return -1;
        }
    }

    return 0;
}


/*
 * The beginning of a segment as it was at one moment: what a step prepares is
 * not where the valid state is. EIRC_AGAIN: its process does not stand still.
 */
static int
segment_read(int fd, uint8_t *p, size_t len, uint64_t *generation)
{
    int i;
    uint64_t before;

    for (i = 0; i < READINGS_MAX; i++) {

        if (generation_read(fd, &before) == -1 || bytes_read(fd, p, len) == -1
            || generation_read(fd, generation) == -1)
        {
            return EIRC_ERROR;
        }

        if (before == *generation) {
            return EIRC_OK;
        }
    }

    return EIRC_AGAIN;
}


/* Once for each time that it begins to fail. */
static void
failure_log(layer_t *l, const held_t *s, int rc)
{
    preserve_t *p;

    p = &l->preserve;

    if (rc == EIRC_ERROR && !p->failed) {
        log_write(LOG_LEVEL_CRIT, errno, s->id,
                  "the session can't be kept on disk");

    } else if (rc == EIRC_OK && p->failed) {
        log_write(LOG_LEVEL_NOTICE, 0, s->id, "sessions are kept again");
    }

    if (rc != EIRC_AGAIN) {
        p->failed = rc == EIRC_ERROR;
    }
}


static int
copy_write(layer_t *l, held_t *s, int exact, uint8_t *segment, uint8_t *file)
{
    int rc;
    size_t len;
    uint64_t generation;
    stored_head_t head;
    const store_t *store;

    store = &l->preserve.store;
    head.flags = exact ? STORED_EXACT : 0;
    head.life = life_of(l, s, exact);
    head.turn = store_turn(store);
    head.size = (uint32_t) session_segment_size(s->replay);

    len = exact ? head.size : session_salvage_size();
    rc = segment_read(s->segment, segment, len, &generation);

    if (rc != EIRC_OK) {
        return rc;
    }

    /* what users said, passwords perhaps, is nobody's need then */

    if (!exact) {
        session_salvage_strip(segment);
    }

    len = stored_write(&store->key, file, &head, s, segment, len);

    if (len == 0 || store_put(store, s->id, file, len) == -1) {
        return EIRC_ERROR;
    }

    s->stored = 1;
    s->kept = generation;

    return EIRC_OK;
}


/* What a salvage looks at; or all of it. */
static int
copy_make(layer_t *l, held_t *s, int exact)
{
    int rc;
    size_t len;
    uint8_t *segment, *file;

    len = exact ? session_segment_size(s->replay) : session_salvage_size();
    segment = malloc(len);
    file = malloc(stored_room(len));

    rc = segment == NULL || file == NULL
             ? EIRC_ERROR
             : copy_write(l, s, exact, segment, file);

    failure_log(l, s, rc);

    free(segment);
    free(file);

    return rc;
}


/* One that is as it was is not written again. */
static void
copy_renew(layer_t *l, held_t *s)
{
    uint64_t generation;

    if (!is_kept(s) || s->state != HELD_RUNNING
        || generation_read(s->segment, &generation) == -1)
    {
        return;
    }

    /* the file may be gone: a clock that was set makes it look too old */

    if (s->stored && s->kept == generation
        && store_touch(&l->preserve.store, s->id) == 0)
    {
        return;
    }

    (void) copy_make(l, s, 0);
}


static void
walk_begin(layer_t *l)
{
    unsigned n;
    preserve_t *p;

    p = &l->preserve;
    p->next = l->now + p->interval * 1000;
    p->slot = 0;
    p->walking = 1;

    if (p->sweep > l->now) {
        return;
    }

    p->sweep = l->now + SWEEP_TIME;
    n = store_sweep(&p->store);

    if (n > 0) {
        log_write(LOG_LEVEL_INFO, 0, NULL,
                  "%u sessions that nobody came back to were removed", n);
    }
}


uint64_t
preserve_pump(layer_t *l)
{
    int i;
    held_t *s;
    preserve_t *p;

    p = &l->preserve;

    if (l->preserve.store.dir == -1 || l->stop_until != 0) {
        return 0;
    }

    if (!p->walking && p->next <= l->now) {
        walk_begin(l);
    }

    for (i = 0; p->walking && i < COPIES_MAX; i++) {
        s = sessions_next(&l->sessions, &p->slot);

        if (s == NULL) {
            p->walking = 0;
            break;
        }

        copy_renew(l, s);
    }

    return p->walking ? l->now : p->next;
}


/* The end */

int
preserve_wants(const layer_t *l, const held_t *s)
{
    return l->preserve.store.dir != -1 && is_kept(s);
}


void
preserve_last(layer_t *l, held_t *s)
{
    if (l->preserve.store.dir == -1 || !is_kept(s)) {
        return;
    }

    /* a segment that is not trusted is not exact either; and whoever ends the
     * layer does not wait for a slow disk for ever */

    if (l->now < l->stop_until && copy_make(l, s, !s->anew) == EIRC_OK) {
        log_write(LOG_LEVEL_INFO, 0, s->id, "session kept on disk");
    }

    /* it is the next layer's from here on, as is the one before */

    s->stored = 0;
}


void
preserve_forget(layer_t *l, held_t *s)
{
    if (s->stored) {
        s->stored = 0;

        if (store_remove(&l->preserve.store, s->id) == -1 && errno != ENOENT) {
            log_write(LOG_LEVEL_CRIT, errno, s->id,
                      "the session's file was not removed");
        }
    }
}
