/* Connecting, leaving, and both at a rate. */

#include <string.h>

#include "histogram.h"
#include "phases.h"

typedef struct {
    const phase_t *phase;
    unsigned next;   /* who comes next */
    unsigned coming; /* who hasn't reached the aim */
    uint64_t progress;
    bool churn;
} connect_t;

static histogram_t opened;
static histogram_t registered;
static histogram_t joined;

/* when somebody left last */
static uint64_t left_at;


static void
connect_changed(person_t *p)
{
    connect_t *c;

    c = p->people->phase;
    c->progress = loop_now();

    if (!p->counted
        && (p->state == c->phase->aim || p->state == PERSON_FAILED)) {
        p->counted = true;
        c->coming--;
    }
}


/* Between two calls of the loop: those who are in their channels leave. */
static void
connect_leave(people_t *people, unsigned upto)
{
    unsigned i;

    for (i = 0; i < upto; i++) {
        if (people->list[i].state == PERSON_JOINED) {
            person_leave(&people->list[i]);
        }
    }
}


/* Those whose turn it is come; when the next one is to. */
static uint64_t
connect_next(people_t *people, connect_t *c, uint64_t start)
{
    uint64_t now, due;

    for (;;) {
        now = loop_now();

        if (c->next == people->count) {
            return now + LOOP_SECOND / 10;
        }

        if (c->phase->inflight > 0) {
            if (c->coming >= c->phase->inflight) {
                return now + LOOP_SECOND / 10;
            }

        } else {
            due = start
                  + (uint64_t) ((double) c->next / c->phase->rate
                                * (double) LOOP_SECOND);

            if (due > now) {
                return due;
            }
        }

        c->coming++;
        person_come(&people->list[c->next++]);
    }
}


static unsigned
connect_left(const people_t *people, bool churn)
{
    unsigned done;

    done = people->states[PERSON_FAILED] + people->states[PERSON_GONE];

    if (!churn) {
        done += people->states[PERSON_JOINED];
    }

    return people->count - done;
}


static void
connect_run(people_t *people, connect_t *c)
{
    unsigned i;
    uint64_t start, until;

    start = loop_now();
    c->progress = start;
    people->phase = c;
    people->changed = connect_changed;

    while (connect_left(people, c->churn) > 0) {
        until = connect_next(people, c, start);
        (void) loop_wait(people->loop, until);

        if (c->churn) {
            connect_leave(people, c->next);
        }

        if (loop_now() > c->progress + c->phase->patience) {
            break;
        }
    }

    people->changed = NULL;

    for (i = 0; i < people->count; i++) {
        switch (people->list[i].state) {
        case PERSON_JOINED:
        case PERSON_GONE:
        case PERSON_FAILED:
            break;

        default:
            person_give_up(&people->list[i], "not in time");
            break;
        }
    }
}


static void
connect_print(const people_t *people, uint64_t start, FILE *out)
{
    unsigned i;
    uint64_t last, heard;
    const person_t *p;

    heard = 0;
    histogram_reset(&opened);
    histogram_reset(&registered);
    histogram_reset(&joined);
    last = start;

    for (i = 0; i < people->count; i++) {
        p = &people->list[i];

        if (p->state != PERSON_JOINED && p->state != PERSON_GONE) {
            continue;
        }

        histogram_add(&opened, p->open - p->start);
        histogram_add(&registered, p->registered - p->start);
        histogram_add(&joined, p->done - p->start);

        if (p->open > last) {
            last = p->open;
        }

        if (p->stream.received > heard) {
            heard = p->stream.received;
        }
    }

    fprintf(out,
            "{\"users\":%u,\"failed\":%u,\"trouble\":\"%s\","
            "\"heard\":%llu,\"open_seconds\":%.3f,\"seconds\":%.3f,"
            "\"open\":",
            people->count, people->states[PERSON_FAILED], people->trouble,
            (unsigned long long) heard,
            (double) (last - start) / (double) LOOP_SECOND,
            (double) (loop_now() - start) / (double) LOOP_SECOND);
    histogram_print(&opened, out);
    fprintf(out, ",\"registered\":");
    histogram_print(&registered, out);
    fprintf(out, ",\"joined\":");
    histogram_print(&joined, out);
}


void
phase_connect(people_t *people, const phase_t *phase, FILE *out)
{
    uint64_t start;
    connect_t c;

    memset(&c, 0, sizeof(c));
    c.phase = phase;
    start = loop_now();

    connect_run(people, &c);
    connect_print(people, start, out);
    fprintf(out, "}\n");
}


void
phase_churn(people_t *people, const phase_t *phase, FILE *out)
{
    uint64_t start;
    connect_t c;

    memset(&c, 0, sizeof(c));
    c.phase = phase;
    c.churn = true;
    start = loop_now();

    connect_run(people, &c);
    connect_print(people, start, out);
    fprintf(out, "}\n");
}


static void
leave_changed(person_t *p)
{
    (void) p;
    left_at = loop_now();
}


/* They were read to the end before: what is missing is lost. */
void
phase_leave(people_t *people, const phase_t *phase, FILE *out)
{
    unsigned i, there;
    uint64_t start;

    people_check(people);

    start = loop_now();
    left_at = start;
    people->changed = leave_changed;
    there = people->states[PERSON_JOINED];

    for (i = 0; i < people->count; i++) {
        if (people->list[i].state == PERSON_JOINED) {
            person_leave(&people->list[i]);
        }

        /* as people leave they are heard by those who are still there */

        if (i % 64 == 63) {
            (void) loop_wait(people->loop, 0);
        }
    }

    while (people->states[PERSON_LEAVING] > 0
           && loop_now() < left_at + phase->patience)
    {
        (void) loop_wait(people->loop, loop_now() + LOOP_SECOND / 10);
    }

    people->changed = NULL;

    fprintf(out, "{\"there\":%u,\"gone\":%u,\"seconds\":%.3f,", there,
            people->states[PERSON_GONE],
            (double) (loop_now() - start) / (double) LOOP_SECOND);
    check_print(&people->check, out);
    fprintf(out, ",\"trouble\":\"%s\"}\n", people->trouble);

    people_free(people);
}
