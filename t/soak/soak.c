/*
 * Browsers and the IRC server of a soak, in one loop, so that either end knows
 * what the other one has sent:
 *
 *     soak http=PORT irc=PORT|PATH certificate=FILE users=N prefix=NICK
 *         path=PATH resume=PATH seed=N
 *
 * It is told what to do on its standard input, and answers each of these lines
 * with one of the same name, when it is done:
 *
 *     come            all users connect
 *     talk WINDOW US  lines go both ways, so many of one user on their way at
 *                     a time, with a random pause before each
 *     run N           until so many lines more have arrived
 *     kill N MIN MAX STEP AGAIN   see killer.h
 *     feint N MIN MAX             the same, but nobody is killed
 *     cut N MIN MAX   browsers are cut off
 *     back N          until so many have been resumed since the mark
 *     lenient USER    the user's state may be dropped from now on
 *     mark            figures begin anew
 *     settle          no more is said, all arrives; the figures as JSON
 *     leave           all users leave
 *
 * "kill", "cut" and "run" may be under way together. The end of the input ends
 * it.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "browser.h"
#include "crowd.h"
#include "killer.h"
#include "report.h"
#include "server.h"

#define TICK (2 * LOOP_MS)

/* nothing happens for so long: it will not happen any more */
#define PATIENCE (20 * LOOP_SECOND)

/* and this is enough where lines may be missing */
#define QUIET (2 * LOOP_SECOND)

typedef enum {
    TASK_COME = 0,
    TASK_RUN,
    TASK_KILL,
    TASK_FEINT,
    TASK_CUT,
    TASK_BACK,
    TASK_SETTLE,
    TASK_LEAVE,
    TASKS
} task_e;

static const char *const names[TASKS]
    = {"come", "run", "kill", "feint", "cut", "back", "settle", "leave"};

static crowd_t crowd;
static killer_t killer;
static killer_orders_t orders;
static source_t input;
static char input_text[256];
static size_t input_len;
static bool over;
static bool busy[TASKS];

/* when anything has happened last, and what there was of it */
static uint64_t moved_at;
static uint64_t moved;

/* what "run" and "back" wait for */
static uint64_t aim;
static uint64_t back;

static struct {
    unsigned left;
    uint32_t min_us;
    uint32_t max_us;
    uint64_t at;
} cuts;


static void
answer(const char *name)
{
    printf("%s\n", name);
    (void) fflush(stdout);
}


static uint64_t
heard(void)
{
    return crowd.figures.up + crowd.figures.down;
}


/* commands */

static void
killer_order(const uint32_t *n, bool feint)
{
    memset(&orders, 0, sizeof(orders));
    orders.kills = n[0];
    orders.min_us = n[1];
    orders.max_us = n[2];
    orders.step = n[3];
    orders.again = n[4];
    orders.feint = feint;

    if (killer_start(&killer, &crowd, &orders) == -1) {
        perror("soak: kill");
    }
}


/* What is done at once. */
static bool
command_now(const char *name, const uint32_t *n)
{
    if (strcmp(name, "talk") == 0) {
        crowd.window = n[0];
        crowd.pace_us = n[1];
        crowd.talking = true;

    } else if (strcmp(name, "mark") == 0) {
        crowd_mark(&crowd);

    } else if (strcmp(name, "lenient") == 0 && n[0] < crowd.nusers) {
        crowd.users[n[0]].lenient = true;

    } else {
        return false;
    }

    answer(name);

    return true;
}


static void
task_begin(task_e task, const uint32_t *n)
{
    unsigned i;

    busy[task] = true;
    moved_at = loop_now();

    if (task == TASK_COME || task == TASK_LEAVE) {
        for (i = 0; i < crowd.nusers; i++) {
            (task == TASK_COME ? browser_begin
                               : browser_leave)(&crowd.users[i]);
        }

    } else if (task == TASK_RUN) {
        aim = heard() + n[0];

    } else if (task == TASK_BACK) {
        back = n[0];

    } else if (task == TASK_KILL || task == TASK_FEINT) {
        killer_order(n, task == TASK_FEINT);

    } else if (task == TASK_CUT) {
        cuts.left = n[0];
        cuts.min_us = n[1];
        cuts.max_us = n[2];
        cuts.at = loop_now();

    } else if (task == TASK_SETTLE) {
        crowd.talking = false;
        browser_sweep(true);
    }
}


/* A word and up to five numbers. */
static void
command(char *line)
{
    int i;
    char *p;
    uint32_t n[5];

    memset(n, 0, sizeof(n));
    p = strchr(line, ' ');

    if (p != NULL) {
        *p++ = '\0';
    }

    for (i = 0; i < 5 && p != NULL && *p != '\0'; i++) {
        n[i] = (uint32_t) strtoul(p, &p, 10);
    }

    for (i = 0; i < TASKS; i++) {
        if (strcmp(line, names[i]) == 0) {
            task_begin((task_e) i, n);
            return;
        }
    }

    if (!command_now(line, n)) {
        fprintf(stderr, "soak: what is \"%s\"?\n", line);
    }
}


static void
input_ready(source_t *source, uint32_t events)
{
    ssize_t n;
    char *end;

    (void) events;
    n = read(source->fd, input_text + input_len,
             sizeof(input_text) - 1 - input_len);

    if (n <= 0) {
        over = true;
        return;
    }

    input_len += (size_t) n;
    input_text[input_len] = '\0';

    while ((end = strchr(input_text, '\n')) != NULL) {
        *end = '\0';
        command(input_text);
        input_len -= (size_t) (end + 1 - input_text);
        memmove(input_text, end + 1, input_len + 1);
    }
}


/* tasks */

static bool
all_joined(void)
{
    unsigned i;
    const user_t *u;

    for (i = 0; i < crowd.nusers; i++) {
        u = &crowd.users[i];

        if (u->browser.state != BROWSER_THERE || !u->browser.joined) {
            return false;
        }
    }

    return true;
}


static bool
flow_is_done(const flow_t *f)
{
    return f->next >= f->sent || f->waved >= f->sent;
}


/* Everything that was sent is there, and everybody; but for those of whom
 * nobody knows what they still have, once it is quiet. */
static bool
all_arrived(bool quiet)
{
    unsigned i;
    const user_t *u;

    for (i = 0; i < crowd.nusers; i++) {
        u = &crowd.users[i];

        if (u->lenient && quiet) {
            continue;
        }

        if (u->browser.state != BROWSER_THERE || !flow_is_done(&u->up)
            || !flow_is_done(&u->down)
            || u->browser.answered + u->browser.asked_lost < u->browser.asked)
        {
            return false;
        }
    }

    return true;
}


/* What a settled crowd should have, and has not. */
static void
judge(void)
{
    unsigned i;
    user_t *u;
    const browser_t *b;

    for (i = 0; i < crowd.nusers; i++) {
        u = &crowd.users[i];
        b = &u->browser;

        if (b->state != BROWSER_THERE) {
            crowd_trouble(u, "not there at the end, but in state %d",
                          (int) b->state);
        }

        if (u->lenient) {
            continue;
        }

        if (u->up.next != u->up.sent || u->down.next != u->down.sent) {
            crowd.figures.lost
                += (u->up.sent - u->up.next) + (u->down.sent - u->down.next);
            crowd_trouble(
                u,
                "up %" PRIu32 " of %" PRIu32 ", down %" PRIu32 " of %" PRIu32
                "; killed %" PRIu64 " ms ago",
                u->up.next, u->up.sent, u->down.next, u->down.sent,
                u->killed_by == 0 ? 0 : (loop_now() - u->killed_by) / LOOP_MS);
        }

        if (b->answered != b->asked) {
            crowd_trouble(u, "asked %" PRIu32 " times, answered %" PRIu32,
                          b->asked, b->answered);
        }
    }
}


static void
cut_some(uint64_t now)
{
    user_t *u;

    while (cuts.left > 0 && now >= cuts.at) {
        u = &crowd.users[line_random(crowd.nusers)];
        cuts.at += 1000
                   * (uint64_t) (cuts.min_us
                                 + line_random(cuts.max_us - cuts.min_us + 1));

        if (u->browser.state == BROWSER_THERE && !u->browser.cut) {
            browser_cut(u, (browser_cut_e) line_random(BROWSER_CUT_CUTS));
            cuts.left--;
        }
    }
}


static bool
task_is_done(task_e task, bool still, bool quiet)
{
    switch (task) {

    case TASK_COME:
        return all_joined() || still;

    case TASK_RUN:
        return heard() >= aim || still;

    case TASK_KILL:
    case TASK_FEINT:
        return !killer_is_busy(&killer);

    case TASK_CUT:
        return cuts.left == 0 || still;

    case TASK_BACK:
        return crowd.figures.resumed >= back || still;

    case TASK_SETTLE:
        return all_arrived(quiet) || still;

    case TASK_LEAVE:
        return server_count() == 0 || still;

    default:
        return false;
    }
}


static void
tasks(uint64_t now)
{
    int i;
    uint64_t n;

    n = heard() + crowd.figures.opened + crowd.figures.ends
        + crowd.figures.connections;

    if (n != moved) {
        moved = n;
        moved_at = now;
    }

    for (i = 0; i < TASKS; i++) {

        if (!busy[i]
            || !task_is_done((task_e) i, now - moved_at > PATIENCE,
                             now - moved_at > QUIET))
        {
            continue;
        }

        busy[i] = false;

        if (i != TASK_SETTLE) {
            answer(names[i]);
            continue;
        }

        judge();
        printf("settle ");
        report_print(&crowd, stdout);
        (void) fflush(stdout);
    }
}


static void
loop_once(void)
{
    unsigned i;
    uint64_t now;
    static uint64_t tick;

    if (loop_wait(&crowd.loop, tick) == -1) {
        perror("soak: epoll_pwait2");
        over = true;
        return;
    }

    server_sweep();
    now = loop_now();

    for (i = 0; i < crowd.nusers && crowd.talking; i++) {
        browser_talk(&crowd.users[i], now);
        server_talk(&crowd.users[i], now);
    }

    if (now < tick) {
        return;
    }

    tick = now + TICK;

    for (i = 0; i < crowd.nusers; i++) {
        browser_tick(&crowd.users[i], now);
    }

    cut_some(now);
    tasks(now);
}


/* "name=value" */
static const char *
option(int argc, char **argv, const char *name)
{
    int i;
    size_t len;

    len = strlen(name);

    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
            return argv[i] + len + 1;
        }
    }

    return "";
}


static int
begin(int argc, char **argv)
{
    line_seed(strtoull(option(argc, argv, "seed"), NULL, 10));

    crowd.http.sin_family = AF_INET;
    crowd.http.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    crowd.http.sin_port
        = htons((uint16_t) strtoul(option(argc, argv, "http"), NULL, 10));
    crowd.path = option(argc, argv, "path");
    crowd.resume_path = option(argc, argv, "resume");
    crowd.resume = crowd.resume_path[0] != '\0';
    (void) snprintf(crowd.prefix, sizeof(crowd.prefix), "%s",
                    option(argc, argv, "prefix"));

    input.fd = STDIN_FILENO;
    input.ready = input_ready;

    if (loop_init(&crowd.loop) == -1
        || crowd_make(&crowd, (unsigned) strtoul(option(argc, argv, "users"),
                                                 NULL, 10))
               == -1
        || server_open(&crowd, option(argc, argv, "irc"),
                       option(argc, argv, "certificate"))
               == -1
        || loop_add(&crowd.loop, &input, EPOLLIN) == -1)
    {
        perror("soak");
        return -1;
    }

    return 0;
}


int
main(int argc, char **argv)
{
    unsigned i;

    (void) signal(SIGPIPE, SIG_IGN);

    if (begin(argc, argv) == -1) {
        return 1;
    }

    answer("begun");

    while (!over) {
        loop_once();
    }

    killer_stop(&killer);

    for (i = 0; i < crowd.nusers; i++) {
        stream_drop(&crowd.users[i].browser.stream);
        free(crowd.users[i].browser.kept);
    }

    free(crowd.users);

    return 0;
}
