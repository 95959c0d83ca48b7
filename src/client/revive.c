#include "revive.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "birth.h"
#include "held.h"
#include "stored.h"


/* Is that an error of this moment? Others are of the file, and will stay. */
static bool
is_passing(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE
           || error == EIO || error == ENOSPC;
}


/* Reads and checks the file; what is wrong with it is logged. The bytes are
 * from malloc. NULL and errno. */
static uint8_t *
file_read(const layer_t *l, const char *id, stored_t *stored)
{
    uint8_t *p;
    size_t len;
    const store_t *store;

    store = &l->preserve.store;

    if (store_get(store, id,
                  stored_room(session_segment_size(EIRC_REPLAY_MAX)), &p, &len)
        == -1)
    {
        if (errno != ENOENT) {
            log_write(LOG_LEVEL_ERR, errno, id,
                      "the session's file can't be used");
        }

        return NULL;
    }

    if (stored_read(&store->key, stored, p, len) != EIRC_OK
        || strcmp(stored->passport.id, id) != 0)
    {
        log_write(LOG_LEVEL_ERR, 0, id,
                  "the session's file is not what was written, or of another "
                  "version: not used");
        free(p);
        errno = EINVAL;
        return NULL;
    }

    return p;
}


void
revive_adopted(layer_t *l, held_t *s)
{
    uint8_t *p;
    stored_t stored;

    if (l->preserve.store.dir == -1 || !s->resumable) {
        return;
    }

    /* only who has no secret is kept: nobody else knows that any more */

    p = file_read(l, s->id, &stored);

    if (p != NULL) {
        s->open = 1;
        s->stored = 1;
        free(p);
    }
}


/* The memory that it had, or what there is of it. */
static int
segment_restore(held_t *s, const stored_t *stored)
{
    size_t cursor, offset;
    const uint8_t *page;

    s->segment = held_segment_open(s->replay);

    if (s->segment == -1) {
        return -1;
    }

    cursor = 0;

    while ((page = stored_page(stored, &cursor, &offset)) != NULL) {

        if (pwrite(s->segment, page, SESSION_PAGE, (off_t) offset)
            != SESSION_PAGE) {
            return -1;
        }
    }

    return 0;
}


static int
session_fill(layer_t *l, held_t *s, const stored_t *stored)
{
    memcpy(s->id, stored->passport.id, sizeof(s->id));

    errno = EINVAL;

    if (held_learn(l, s, &stored->passport.session) == -1
        || stored_fill(s, stored) != EIRC_OK || !s->resumable)
    {
        return -1;
    }

    held_buckets_fill(l, s);
    sessions_detach(s);

    s->detached = l->now;
    s->open = 1;
    s->restored = 1;
    s->planned = 1;
    s->anew = !(stored->head.flags & STORED_EXACT)
              || stored->head.turn != l->preserve.store.turn;

    return segment_restore(s, stored);
}


static held_t *
session_make(layer_t *l, const stored_t *stored)
{
    held_t *s;

    errno = EMFILE;

    if (!layer_has_room(l)) {
        return NULL;
    }

    errno = ENOMEM;
    s = sessions_add(&l->sessions, stored->passport.session.account,
                     stored->passport.session.account_len);

    if (s != NULL && session_fill(l, s, stored) == -1) {
        revive_drop(l, s);
        return NULL;
    }

    return s;
}


int
revive_find(layer_t *l, const char *id, size_t len, held_t **s)
{
    int error;
    uint8_t *p;
    char name[EIRC_LINK_ID_MAX + 1];
    uint32_t number;
    stored_t stored;

    if (l->preserve.store.dir == -1 || len > EIRC_LINK_ID_MAX
        || eirc_link_id_read(id, len, &number) != EIRC_OK
        || number != l->rundir.number)
    {
        return EIRC_DONE;
    }

    memcpy(name, id, len);
    name[len] = '\0';

    p = file_read(l, name, &stored);
    if (p == NULL) {
        return is_passing(errno) ? EIRC_ERROR : EIRC_DONE;
    }

    *s = session_make(l, &stored);
    error = errno;
    free(p);

    if (*s != NULL) {
        return EIRC_OK;
    }

    log_write(LOG_LEVEL_ALERT, error, name,
              "the session can't be brought back");
    errno = error;

    return is_passing(error) ? EIRC_ERROR : EIRC_DONE;
}


void
revive_drop(layer_t *l, held_t *s)
{
    int error;

    error = errno;
    s->stored = 0;
    held_clear(l, s);
    errno = error;
}


int
revive_take(layer_t *l, held_t *s)
{
    store_t *store;

    store = &l->preserve.store;

    /* a file that is exact must not be found again, whatever happens */

    if (!s->anew && store_turn_take(store) == -1) {
        log_write(LOG_LEVEL_CRIT, errno, s->id,
                  "the turn of the directory of sessions can't be written");
        s->anew = 1;
    }

    if (store_remove(store, s->id) == 0) {
        return 0;
    }

    log_write(LOG_LEVEL_CRIT, errno, s->id,
              "the session's file was not removed");
    revive_drop(l, s);

    return -1;
}


void
revive_begin(layer_t *l, held_t *s)
{
    if (s->anew) {
        s->attach_flags = 0;
        s->attach_lines = 0;

        /* the browser is told another ID and this key together */

        memcpy(s->key, s->next_key, sizeof(s->key));
        memset(s->next_key, 0, sizeof(s->next_key));

        log_write(LOG_LEVEL_NOTICE, 0, s->id,
                  "session of an earlier copy: its counts are not used");

        if (held_id_renew(l, s) == -1) {
            held_refuse(l, s, EIRC_LINK_FAILED, "no memory or random bytes");
            return;
        }
    }

    log_write(LOG_LEVEL_NOTICE, 0, s->id, "session brought back from disk");

    birth_again(l, s, NULL);
}
