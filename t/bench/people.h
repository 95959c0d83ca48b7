/*
 * The people of a load: users who connect one of three ways, register, join
 * their channels, and hear what is said to them.  A phase (connect.c, talk.c,
 * churn.c) makes them do things and gives the calls that it wants to have.
 */

#ifndef _BENCH_PEOPLE_H_INCLUDED_
#define _BENCH_PEOPLE_H_INCLUDED_

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "loop.h"
#include "stream.h"

#define PEOPLE_ROOMS_MAX 8
#define PEOPLE_TOKEN_SIZE 65

typedef enum {
    PEOPLE_RAW, /* TCP to an IRC server */
    PEOPLE_WS,  /* a WebSocket to one, or a proxy before it */
    PEOPLE_EIRC /* a WebSocket to eIRC, with tokens */
} people_way_e;

typedef enum {
    PERSON_AWAY,
    PERSON_COMING,     /* nothing is answered yet */
    PERSON_OPEN,       /* connected, behind the 101 */
    PERSON_REGISTERED, /* behind the 001 */
    PERSON_JOINED,     /* in all the channels */
    PERSON_LEAVING,
    PERSON_GONE,
    PERSON_FAILED
} person_state_e;

typedef struct people_s people_t;

typedef struct {
    stream_t stream; /* first */
    people_t *people;
    person_state_e state;
    unsigned index;
    unsigned joined; /* channels */
    bool counted;    /* of the phase that connects them */
    uint64_t start;  /* when it began to connect; and what came when */
    uint64_t open;
    uint64_t registered;
    uint64_t done;
    uint32_t said;         /* messages to the channel */
    uint32_t whispered;    /* to the partner */
    check_pair_t whispers; /* of the partner */
    check_pair_t *heard;   /* of each in the first channel, by place */
    char token[PEOPLE_TOKEN_SIZE];
} person_t;

/* a message of the benchmark, taken apart */
typedef struct {
    bool whisper;
    uint32_t sender;
    uint32_t number;
    uint64_t time;
} message_t;

struct people_s {
    loop_t *loop;
    people_way_e way;
    struct sockaddr_in server;
    struct sockaddr_in issuer; /* of tokens */
    const char *path;
    bool resume;   /* they ask to be able to come back, and confirm nothing */
    char nick[16]; /* and a number behind it */
    unsigned count;
    unsigned rooms[PEOPLE_ROOMS_MAX]; /* sizes of the channels of each */
    unsigned nrooms;
    person_t *list;
    unsigned states[PERSON_FAILED + 1]; /* how many are so */
    check_t check;
    char trouble[128]; /* the first that failed, why */

    void *phase;
    void (*changed)(person_t *p);
    void (*message)(person_t *p, const message_t *m); /* not again */
};


/* Makes them, all away; for eIRC with a token each.  0, or -1: see trouble. */
int people_make(people_t *people);

/* Lets go of all of them. */
void people_free(people_t *people);

/* Begins to connect one. */
void person_come(person_t *p);

/* One leaves, with a QUIT. */
void person_leave(person_t *p);

/* Says something of so many bytes to the first channel, or to the partner. */
void person_say(person_t *p, bool whisper, size_t size, uint64_t time);

/* Makes what did not happen in time a failure. */
void person_give_up(person_t *p, const char *why);

/* the one whom the messages to the partner reach */
person_t *person_partner(const person_t *p);

/* how many are in the first channel of one, that one included */
unsigned person_room_size(const person_t *p);

/* how many others there are who should hear what that one says there */
unsigned person_room_others(const person_t *p);

/*
 * What those who are there have heard, against what was sent; adds to
 * people->check.
 */
void people_check(people_t *people);

#endif /* _BENCH_PEOPLE_H_INCLUDED_ */
