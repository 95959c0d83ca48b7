#include "move.h"

#include <stddef.h>
#include <string.h>

#include "control.h"
#include "held.h"

/* ms; a worker that hasn't moved yet lets others go first */
#define MOVE_TIME 5000


void
move_add(layer_t *l, held_t *s)
{
    if (!s->stale) {
        s->stale = 1;
        l->nstale++;
    }
}


/* Has it moved, or ended, or does it keep others waiting? One that has stopped
 * is waited for until there is another one, whose fault it is from then on. */
static int
move_is_over(const layer_t *l, const layer_move_t *m)
{
    int waits;
    held_t *s;

    s = sessions_find(&l->sessions, m->key);
    waits = s != NULL && s->before.control != -1;

    if (waits && s->state != HELD_RUNNING) {
        return 0;
    }

    return m->until <= l->now
           || (!m->child && !waits && (s == NULL || s->pid != m->pid));
}


static void
moves_look(layer_t *l)
{
    uint32_t i;

    for (i = 0; i < l->nmoves; /* void */) {

        if (move_is_over(l, &l->moves[i])) {
            l->moves[i] = l->moves[--l->nmoves];

        } else {
            i++;
        }
    }
}


static void
move_begin(layer_t *l, const held_t *s, pid_t pid, int child)
{
    layer_move_t *m;

    m = &l->moves[l->nmoves++];
    m->key = s->item.key;
    m->pid = pid;
    m->until = l->now + MOVE_TIME;
    m->child = child;
}


static void
worker_ask(layer_t *l, held_t *s)
{
    control_t c;

    move_begin(l, s, s->pid, s->pidfd == -1);

    memset(&c, 0, offsetof(control_t, data));
    c.type = CONTROL_MOVE;

    held_tell(s, &c, -1);
}


/* It was asked long ago, or by the program before. */
void
move_note(layer_t *l, const held_t *s)
{
    if (move_find(l, s->before.pid) == NULL && l->nmoves < LAYER_MOVES_MAX) {
        move_begin(l, s, s->before.pid, s->before.child);
    }
}


layer_move_t *
move_find(layer_t *l, pid_t pid)
{
    uint32_t i;

    for (i = 0; i < l->nmoves; i++) {
        if (l->moves[i].pid == pid) {
            return &l->moves[i];
        }
    }

    return NULL;
}


int
move_reaped(layer_t *l, pid_t pid)
{
    held_t *s;
    layer_move_t *m;

    m = move_find(l, pid);

    if (m == NULL || !m->child) {
        return 0;
    }

    s = sessions_find(&l->sessions, m->key);
    *m = l->moves[--l->nmoves];

    if (s != NULL && s->pid == pid) {
        return 0;
    }

    /* the offer stands */

    if (s != NULL && s->before.pid == pid) {
        held_before_end(s);
    }

    return 1;
}


/* The next one from where we were, round the table. */
static held_t *
stale_next(layer_t *l)
{
    int round;
    held_t *s;

    for (round = 0; round < 2; round++) {

        while ((s = sessions_next(&l->sessions, &l->move_slot)) != NULL) {
            if (s->stale) {
                return s;
            }
        }

        l->move_slot = 0;
    }

    return NULL;
}


uint64_t
move_pump(layer_t *l)
{
    uint32_t i;
    uint64_t when;
    held_t *s;

    if (l->nstale == 0 && l->nmoves == 0) {
        return 0;
    }

    moves_look(l);

    while (l->nstale > 0 && l->nmoves < LAYER_MOVES_MAX) {
        s = stale_next(l);

        if (s == NULL) {

            /* the others have ended by themselves */

            l->nstale = 0;
            break;
        }

        s->stale = 0;
        l->nstale--;

        if (s->state == HELD_RUNNING && s->control != -1 && !s->doomed) {
            worker_ask(l, s);
        }
    }

    when = 0;

    for (i = 0; i < l->nmoves; i++) {
        if (l->moves[i].until > l->now
            && (when == 0 || l->moves[i].until < when)) {
            when = l->moves[i].until;
        }
    }

    return when;
}
