#include "people.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_irc.h"
#include "tokens.h"

/* "m", "c" or "w", two numbers of 8 and a time of 16 digits */
#define MESSAGE_HEAD 34
#define MESSAGE_MAX 400

/* addresses that the people come from: 127.0.0.2 and so many more */
#define ADDRESSES 250

#define LINE_MAX_SIZE 512

static const char letters[] = {'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'};

static void person_opened(stream_t *s);
static void person_line(stream_t *s, const uint8_t *p, size_t len);
static void person_closed(stream_t *s, int code, const char *why);

static const stream_calls_t calls
    = {person_opened, person_line, person_closed};


static void
person_set(person_t *p, person_state_e state)
{
    p->people->states[p->state]--;
    p->state = state;
    p->people->states[state]++;

    if (p->people->changed != NULL) {
        p->people->changed(p);
    }
}


static void
person_fail(person_t *p, int code, const char *why)
{
    people_t *people;

    people = p->people;

    if (people->trouble[0] == '\0') {
        (void) snprintf(people->trouble, sizeof(people->trouble),
                        "%s%u: %s (%d)", people->nick, p->index, why, code);
    }

    person_set(p, PERSON_FAILED);
}


int
people_make(people_t *people)
{
    unsigned i;
    person_t *p;

    people->list = calloc(people->count, sizeof(person_t));

    if (people->list == NULL) {
        goto failed;
    }

    memset(people->states, 0, sizeof(people->states));
    memset(&people->check, 0, sizeof(people->check));
    people->states[PERSON_AWAY] = people->count;
    people->trouble[0] = '\0';

    for (i = 0; i < people->count; i++) {
        p = &people->list[i];
        p->people = people;
        p->index = i;
        p->stream.source.fd = -1;

        if (people->nrooms == 0) {
            continue;
        }

        p->heard = calloc(people->rooms[0], sizeof(check_pair_t));

        if (p->heard == NULL) {
            goto failed;
        }
    }

    if (people->way == PEOPLE_EIRC && tokens_fetch(people) == -1) {
        goto failed;
    }

    return 0;

failed:

    if (people->trouble[0] == '\0') {
        (void) snprintf(people->trouble, sizeof(people->trouble), "%s",
                        strerror(errno));
    }

    people_free(people);

    return -1;
}


void
people_free(people_t *people)
{
    unsigned i;

    for (i = 0; people->list != NULL && i < people->count; i++) {
        if (people->list[i].stream.source.fd != -1) {
            stream_drop(&people->list[i].stream);
        }

        free(people->list[i].heard);
    }

    free(people->list);
    people->list = NULL;
    people->count = 0;
}


void
person_come(person_t *p)
{
    char path[256];
    people_t *people;
    struct sockaddr_in from;

    people = p->people;
    memset(&from, 0, sizeof(from));
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(0x7f000002 + p->index % ADDRESSES);

    (void) snprintf(path, sizeof(path), "%s%s%s%s", people->path,
                    p->token[0] == '\0' ? "" : "?chat_token=", p->token,
                    people->resume ? "&resume=" : "");

    p->start = loop_now();
    person_set(p, PERSON_COMING);

    if (stream_connect(&p->stream, people->loop, &calls,
                       (people->way == PEOPLE_RAW ? 0u : STREAM_WS)
                           | (people->resume ? STREAM_SILENT : 0u),
                       &from, &people->server, path)
        == -1)
    {
        person_fail(p, -1, strerror(errno));
    }
}


static void
person_send(person_t *p, const char *line)
{
    stream_put(&p->stream, line, strlen(line));
}


void
person_leave(person_t *p)
{
    person_set(p, PERSON_LEAVING);
    person_send(p, "QUIT :bye");
    stream_flush(&p->stream);
}


void
person_give_up(person_t *p, const char *why)
{
    stream_drop(&p->stream);
    person_fail(p, -1, why);
}


/* the last of an odd number talks to itself */
person_t *
person_partner(const person_t *p)
{
    unsigned other;

    other = p->index ^ 1;

    return &p->people->list[other < p->people->count ? other : p->index];
}


unsigned
person_room_size(const person_t *p)
{
    unsigned first, size;

    size = p->people->rooms[0];
    first = p->index / size * size;

    return first + size <= p->people->count ? size : p->people->count - first;
}


unsigned
person_room_others(const person_t *p)
{
    unsigned i, n, first;
    const people_t *people;

    people = p->people;
    first = p->index / people->rooms[0] * people->rooms[0];

    for (n = 0, i = first; i < first + person_room_size(p); i++) {
        if (i != p->index && people->list[i].state == PERSON_JOINED) {
            n++;
        }
    }

    return n;
}


void
person_say(person_t *p, bool whisper, size_t size, uint64_t time)
{
    int n;
    char line[LINE_MAX_SIZE + MESSAGE_MAX];
    const people_t *people;

    people = p->people;

    if (whisper) {
        n = snprintf(line, LINE_MAX_SIZE, "PRIVMSG %s%u :", people->nick,
                     person_partner(p)->index);

    } else {
        n = snprintf(line, LINE_MAX_SIZE,
                     "PRIVMSG #c%u :", p->index / people->rooms[0]);
    }

    (void) snprintf(line + n, MESSAGE_HEAD + 1, "m%c%08x%08x%016llx",
                    whisper ? 'w' : 'c', p->index,
                    whisper ? p->whispered++ : p->said++,
                    (unsigned long long) time);

    if (size > MESSAGE_MAX) {
        size = MESSAGE_MAX;
    }

    if (size > MESSAGE_HEAD) {
        memset(line + n + MESSAGE_HEAD, '.', size - MESSAGE_HEAD);

    } else {
        size = MESSAGE_HEAD;
    }

    stream_put(&p->stream, line, (size_t) n + size);
    stream_flush(&p->stream);
}


static int
digits(const uint8_t *p, unsigned n, uint64_t *value)
{
    unsigned i, digit;

    *value = 0;

    for (i = 0; i < n; i++) {
        digit = p[i] >= '0' && p[i] <= '9'   ? p[i] - (unsigned) '0'
                : p[i] >= 'a' && p[i] <= 'f' ? p[i] - (unsigned) 'a' + 10
                                             : 16;

        if (digit == 16) {
            return -1;
        }

        *value = *value << 4 | digit;
    }

    return 0;
}


static void
person_hear(person_t *p, eirc_slice_t text)
{
    uint64_t sender, number;
    message_t m;
    people_t *people;
    check_pair_t *pair;

    people = p->people;

    if (text.len < MESSAGE_HEAD || text.p[0] != 'm'
        || digits(text.p + 2, 8, &sender) == -1
        || digits(text.p + 10, 8, &number) == -1
        || digits(text.p + 18, 16, &m.time) == -1)
    {
        return;
    }

    m.whisper = text.p[1] == 'w';
    m.sender = (uint32_t) sender;
    m.number = (uint32_t) number;

    if (m.whisper
            ? person_partner(p)->index != m.sender
            : people->nrooms == 0
                  || m.sender / people->rooms[0] != p->index / people->rooms[0]
                  || m.sender == p->index)
    {
        people->check.stray++;
        return;
    }

    pair = m.whisper ? &p->whispers : &p->heard[m.sender % people->rooms[0]];

    if (check_take(&people->check, pair, m.number) && people->message != NULL)
    {
        people->message(p, &m);
    }
}


/* where there is a token it says all this */
static void
person_introduce(person_t *p)
{
    char line[LINE_MAX_SIZE];

    if (p->people->way == PEOPLE_EIRC) {
        return;
    }

    (void) snprintf(line, sizeof(line), "NICK %s%u", p->people->nick,
                    p->index);
    person_send(p, line);
    (void) snprintf(line, sizeof(line), "USER %s 0 * :User %u",
                    p->people->nick, p->index);
    person_send(p, line);
    stream_flush(&p->stream);
}


static void
person_join(person_t *p)
{
    char line[LINE_MAX_SIZE];
    unsigned i;
    const people_t *people;

    people = p->people;

    if (people->nrooms == 0) {
        p->done = loop_now();
        person_set(p, PERSON_JOINED);
        return;
    }

    if (people->way == PEOPLE_EIRC) {
        return;
    }

    for (i = 0; i < people->nrooms; i++) {
        (void) snprintf(line, sizeof(line), "JOIN #%c%u", letters[i],
                        p->index / people->rooms[i]);
        person_send(p, line);
    }

    stream_flush(&p->stream);
}


static void
person_opened(stream_t *s)
{
    person_t *p;

    p = (person_t *) s;
    p->open = loop_now();
    person_set(p, PERSON_OPEN);
    person_introduce(p);
}


/* what matters to somebody on the way into the channels */
static void
person_welcome(person_t *p, const eirc_irc_msg_t *msg)
{
    if (eirc_irc_verb_is(msg, "001") && p->state == PERSON_OPEN) {
        p->registered = loop_now();
        person_set(p, PERSON_REGISTERED);

    } else if ((eirc_irc_verb_is(msg, "376") || eirc_irc_verb_is(msg, "422"))
               && p->state == PERSON_REGISTERED)
    {
        person_join(p);

    } else if (eirc_irc_verb_is(msg, "366") && p->state == PERSON_REGISTERED) {
        if (++p->joined == p->people->nrooms) {
            p->done = loop_now();
            person_set(p, PERSON_JOINED);
        }
    }
}


static void
person_line(stream_t *s, const uint8_t *line, size_t len)
{
    char pong[LINE_MAX_SIZE];
    person_t *p;
    eirc_slice_t token;
    eirc_irc_msg_t msg;

    p = (person_t *) s;

    if (eirc_irc_parse(&msg, line, len) != EIRC_OK) {
        return;
    }

    if (eirc_irc_verb_is(&msg, "PRIVMSG")) {
        person_hear(p, eirc_irc_param(&msg, 1));
        return;
    }

    if (eirc_irc_verb_is(&msg, "PING") && p->people->way != PEOPLE_EIRC) {
        token = eirc_irc_param(&msg, 0);
        (void) snprintf(pong, sizeof(pong), "PONG :%.*s", (int) token.len,
                        (const char *) token.p);
        person_send(p, pong);
        stream_flush(s);
        return;
    }

    person_welcome(p, &msg);
}


static void
person_closed(stream_t *s, int code, const char *why)
{
    person_t *p;

    p = (person_t *) s;

    if (p->state == PERSON_LEAVING) {
        person_set(p, PERSON_GONE);
        return;
    }

    person_fail(p, code, why);
}


void
people_check(people_t *people)
{
    unsigned i, j, size, first;
    person_t *p;

    for (i = 0; i < people->count; i++) {
        p = &people->list[i];

        if (p->state != PERSON_JOINED) {
            continue;
        }

        check_end(&people->check, &p->whispers, person_partner(p)->whispered);

        if (people->nrooms == 0) {
            continue;
        }

        size = person_room_size(p);
        first = i / people->rooms[0] * people->rooms[0];

        for (j = 0; j < size; j++) {
            if (first + j != i) {
                check_end(&people->check, &p->heard[j],
                          people->list[first + j].said);
            }
        }
    }
}
