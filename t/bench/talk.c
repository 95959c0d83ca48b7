/* Messages, and how long they take. */

#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "phases.h"

/* who is behind a rate hears before it says more than so much */
#define AT_ONCE 32

typedef struct {
    unsigned left;  /* deliveries of the message in flight, of each channel */
    unsigned turns; /* messages that it has had */
} room_t;

typedef struct {
    const phase_t *phase;
    room_t *rooms; /* closed loop */
    unsigned nrooms;
    unsigned next;      /* room or person whose turn is next */
    unsigned inflight;  /* messages */
    uint64_t sent;      /* messages */
    uint64_t expected;  /* deliveries */
    uint64_t delivered; /* deliveries */
    uint64_t progress;  /* when the last one came */
} talk_t;

static histogram_t latency;


static void
talk_message(person_t *p, const message_t *m)
{
    uint64_t now;
    talk_t *t;
    room_t *room;

    t = p->people->phase;
    now = loop_now();

    t->progress = now;
    t->delivered++;
    histogram_add(&latency, now > m->time ? now - m->time : 0);

    if (t->rooms == NULL) {
        return;
    }

    room = &t->rooms[p->index / p->people->rooms[0]];

    if (room->left > 0 && --room->left == 0) {
        t->inflight--;
    }
}


static void
talk_say(talk_t *t, person_t *p, bool whisper, uint64_t due)
{
    t->sent++;

    if (p->state == PERSON_JOINED
        && (!whisper || person_partner(p)->state == PERSON_JOINED))
    {
        t->expected += whisper ? 1 : person_room_others(p);
        person_say(p, whisper, t->phase->size, due);
    }
}


/* the next in the next room that has nothing in flight */
static void
talk_closed(people_t *people, talk_t *t)
{
    unsigned tried;
    person_t *p;
    room_t *room;

    for (tried = 0; tried < t->nrooms && t->inflight < t->phase->inflight;
         tried++) {
        room = &t->rooms[t->next];
        p = &people->list[t->next * people->rooms[0]];
        p += room->turns % person_room_size(p);
        t->next = (t->next + 1) % t->nrooms;

        if (room->left > 0) {
            continue;
        }

        room->turns++;

        if (p->state != PERSON_JOINED || person_room_others(p) == 0) {
            continue;
        }

        room->left = person_room_others(p);
        t->inflight++;
        talk_say(t, p, false, loop_now());
    }
}


/* What is due is said, as if it had been said in time; when the next is. */
static uint64_t
talk_open(people_t *people, talk_t *t, uint64_t start, double rate,
          bool whisper)
{
    unsigned i, room, at_once;
    uint64_t due;
    person_t *p;

    due = start;

    for (at_once = 0; at_once < AT_ONCE; at_once++) {
        due = start
              + (uint64_t) ((double) t->sent / rate * (double) LOOP_SECOND);

        if (due > loop_now()) {
            return due;
        }

        /* one room after the other, and in each one after the other */

        if (whisper) {
            i = t->next;
            t->next = (t->next + 1) % people->count;

        } else {
            room = (unsigned) (t->sent % t->nrooms);
            p = &people->list[room * people->rooms[0]];
            i = p->index
                + (unsigned) (t->sent / t->nrooms) % person_room_size(p);
        }

        talk_say(t, &people->list[i], whisper, due);
    }

    return due;
}


/* what is on its way arrives, or doesn't */
static void
talk_drain(people_t *people, talk_t *t)
{
    while (t->delivered < t->expected
           && loop_now() < t->progress + t->phase->patience)
    {
        (void) loop_wait(people->loop, loop_now() + LOOP_SECOND / 10);
    }
}


static void
talk_print(people_t *people, const talk_t *t, uint64_t time, FILE *out)
{
    fprintf(out,
            "{\"users\":%u,\"messages\":%llu,\"deliveries\":%llu,"
            "\"missing\":%lld,\"seconds\":%.4f,\"latency\":",
            people->states[PERSON_JOINED], (unsigned long long) t->sent,
            (unsigned long long) t->delivered,
            (long long) (t->expected - t->delivered),
            (double) time / (double) LOOP_SECOND);
    histogram_print(&latency, out);
    fprintf(out, ",");
    check_print(&people->check, out);
    fprintf(out, ",\"trouble\":\"%s\"}\n", people->trouble);
}


static void
talk_begin(people_t *people, talk_t *t, const phase_t *phase)
{
    memset(t, 0, sizeof(*t));
    histogram_reset(&latency);
    t->phase = phase;
    t->progress = loop_now();
    people->phase = t;
    people->message = talk_message;

    if (people->nrooms > 0) {
        t->nrooms = (people->count + people->rooms[0] - 1) / people->rooms[0];
    }
}


static void
talk_rated(people_t *people, talk_t *t, double rate, bool whisper)
{
    uint64_t start, end, until;

    start = loop_now();
    end = start + (uint64_t) (t->phase->seconds * (double) LOOP_SECOND);

    do {
        until = talk_open(people, t, start, rate, whisper);
        (void) loop_wait(people->loop, until < end ? until : end);

    } while (loop_now() < end);
}


void
phase_whisper(people_t *people, const phase_t *phase, FILE *out)
{
    uint64_t start;
    talk_t t;

    talk_begin(people, &t, phase);
    start = loop_now();
    talk_rated(people, &t, phase->rate, true);
    talk_drain(people, &t);
    people->message = NULL;
    talk_print(people, &t, loop_now() - start, out);
}


/* Goes on for the time, or until everybody has heard so many bytes. */
static bool
talk_enough(const people_t *people, const talk_t *t, uint64_t end)
{
    if (t->phase->bytes > 0) {
        return t->delivered * t->phase->size
               >= t->phase->bytes * people->count;
    }

    return loop_now() >= end;
}


void
phase_talk(people_t *people, const phase_t *phase, FILE *out)
{
    uint64_t start, end;
    talk_t t;

    talk_begin(people, &t, phase);

    if (t.nrooms == 0) {
        fprintf(out, "{\"trouble\":\"no channels\"}\n");
        return;
    }

    start = loop_now();
    end = start + (uint64_t) (phase->seconds * (double) LOOP_SECOND);

    if (phase->inflight == 0) {
        talk_rated(people, &t, phase->rate / (people->rooms[0] - 1), false);

    } else {
        t.rooms = calloc(t.nrooms, sizeof(room_t));

        while (t.rooms != NULL && !talk_enough(people, &t, end)) {
            talk_closed(people, &t);
            (void) loop_wait(people->loop, loop_now() + LOOP_SECOND / 10);

            if (loop_now() > t.progress + phase->patience) {
                break;
            }
        }
    }

    talk_drain(people, &t);
    people->message = NULL;
    talk_print(people, &t, loop_now() - start, out);
    free(t.rooms);
}
