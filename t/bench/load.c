/*
 * The load of the benchmark: people who connect, talk and leave, as the
 * commands say that come in, one in a line, at standard input.  Each is
 * answered by one line of JSON at standard output.
 *
 *     load raw|ws|eirc PORT [PATH [PORT-OF-TOKENS]]
 *
 *     make users=N nick=NAME rooms=SIZE,... resume=1
 *     connect inflight=N|rate=R aim=open|joined
 *     whisper rate=R seconds=S size=BYTES
 *     talk inflight=N|rate=DELIVERIES seconds=S size=BYTES [bytes=N]
 *     churn rate=R
 *     leave
 *
 * Each but make may have patience=S: for how long nothing may happen.  While
 * no command is carried out the people are there, listen, and answer what has
 * to be answered.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "phases.h"

#define COMMAND_MAX 512
#define PATIENCE (15 * LOOP_SECOND)

static loop_t loop;
static people_t people;
static struct {
    source_t source; /* first */
    bool ended;
    size_t len;
    char text[COMMAND_MAX];
} input;


static void
answer(const char *trouble)
{
    printf("{\"trouble\":\"%s\"}\n", trouble);
}


static void
set_rooms(const char *value)
{
    char *end;
    unsigned long size;

    people.nrooms = 0;

    while (*value != '\0' && people.nrooms < PEOPLE_ROOMS_MAX) {
        size = strtoul(value, &end, 10);

        if (end == value || size < 2) {
            return;
        }

        people.rooms[people.nrooms++] = (unsigned) size;
        value = *end == ',' ? end + 1 : end;
    }
}


/* one name=value of a command; -1 where there is no such thing */
static int
set_option(phase_t *phase, char *word)
{
    char *value;

    value = strchr(word, '=');

    if (value == NULL) {
        return -1;
    }

    *value++ = '\0';

    if (strcmp(word, "users") == 0) {
        people.count = (unsigned) strtoul(value, NULL, 10);

    } else if (strcmp(word, "nick") == 0) {
        (void) snprintf(people.nick, sizeof(people.nick), "%.10s", value);

    } else if (strcmp(word, "resume") == 0) {
        people.resume = *value == '1';

    } else if (strcmp(word, "rooms") == 0) {
        set_rooms(value);

    } else if (strcmp(word, "inflight") == 0) {
        phase->inflight = (unsigned) strtoul(value, NULL, 10);

    } else if (strcmp(word, "rate") == 0) {
        phase->rate = strtod(value, NULL);

    } else if (strcmp(word, "seconds") == 0) {
        phase->seconds = strtod(value, NULL);

    } else if (strcmp(word, "patience") == 0) {
        phase->patience
            = (uint64_t) (strtod(value, NULL) * (double) LOOP_SECOND);

    } else if (strcmp(word, "size") == 0) {
        phase->size = strtoul(value, NULL, 10);

    } else if (strcmp(word, "bytes") == 0) {
        phase->bytes = strtoull(value, NULL, 10);

    } else if (strcmp(word, "aim") == 0) {
        phase->aim = strcmp(value, "open") == 0 ? PERSON_OPEN : PERSON_JOINED;

    } else {
        return -1;
    }

    return 0;
}


static void
carry_out(const char *verb, const phase_t *phase)
{
    if (strcmp(verb, "make") == 0) {
        answer(people_make(&people) == 0 ? "" : people.trouble);

    } else if (people.list == NULL) {
        answer("nobody is there");

    } else if (strcmp(verb, "connect") == 0) {
        phase_connect(&people, phase, stdout);

    } else if (strcmp(verb, "whisper") == 0) {
        phase_whisper(&people, phase, stdout);

    } else if (strcmp(verb, "talk") == 0) {
        phase_talk(&people, phase, stdout);

    } else if (strcmp(verb, "churn") == 0) {
        phase_churn(&people, phase, stdout);

    } else if (strcmp(verb, "leave") == 0) {
        phase_leave(&people, phase, stdout);

    } else {
        answer("no such command");
    }
}


static void
command(char *line)
{
    char *verb, *word, *rest;
    phase_t phase;

    memset(&phase, 0, sizeof(phase));
    phase.aim = PERSON_JOINED;
    phase.rate = 1000;
    phase.seconds = 1;
    phase.patience = PATIENCE;
    phase.size = 64;

    verb = strtok_r(line, " ", &rest);

    if (verb == NULL) {
        return;
    }

    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        if (set_option(&phase, word) == -1) {
            answer("a word of the command is unknown");
            return;
        }
    }

    carry_out(verb, &phase);
}


static void
input_ready(source_t *source, uint32_t events)
{
    ssize_t n;

    (void) source;
    (void) events;

    n = read(STDIN_FILENO, input.text + input.len,
             sizeof(input.text) - input.len);

    if (n <= 0) {
        input.ended = true;
        input.source.fd = -1;
        (void) close(STDIN_FILENO);
        return;
    }

    input.len += (size_t) n;
}


/* A phase runs the loop itself, so it may not be called by it. */
static void
input_carry_out(void)
{
    char *end;
    size_t rest;

    while ((end = memchr(input.text, '\n', input.len)) != NULL) {
        *end = '\0';
        command(input.text);
        fflush(stdout);

        rest = input.len - (size_t) (end + 1 - input.text);
        memmove(input.text, end + 1, rest);
        input.len = rest;
    }
}


static void
set_port(struct sockaddr_in *addr, const char *port)
{
    memset(addr, 0, sizeof(*addr));
    addr->sin_family = AF_INET;
    addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr->sin_port = htons((uint16_t) strtoul(port, NULL, 10));
}


int
main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "load: raw|ws|eirc PORT [PATH [PORT]]\n");
        return 1;
    }

    people.way = strcmp(argv[1], "raw") == 0  ? PEOPLE_RAW
                 : strcmp(argv[1], "ws") == 0 ? PEOPLE_WS
                                              : PEOPLE_EIRC;
    people.path = argc > 3 ? argv[3] : "/";
    people.loop = &loop;
    set_port(&people.server, argv[2]);
    set_port(&people.issuer, argc > 4 ? argv[4] : argv[2]);
    input.source.fd = STDIN_FILENO;
    input.source.ready = input_ready;

    (void) signal(SIGPIPE, SIG_IGN);

    if (loop_init(&loop) == -1
        || loop_add(&loop, &input.source, EPOLLIN) == -1) {
        perror("load: epoll");
        return 1;
    }

    while (!input.ended) {
        if (loop_wait(&loop, loop_now() + LOOP_SECOND) == -1) {
            perror("load: epoll_wait");
            return 1;
        }

        input_carry_out();
    }

    people_free(&people);

    return 0;
}
