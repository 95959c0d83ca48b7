/*
 * near: a program with data, heap, stack and nothing else in one page table,
 * as irc-client-template is, and linked as that is. Prints TAP.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "near.h"
#include "title.h"

#define TABLE ((uintptr_t) 2 << 20)

#define PIECES 100000
#define PIECE 150 /* all of them are many times the room */

static int count;

/* of the file, one of them changed before it is laid elsewhere; and without */
static uint32_t given[4] = {0x11111111, 0x22222222, 0x33333333, 0x44444444};
static char changed[] = "before";
static char unset[100000];

static const char *old; /* on the stack of the kernel */


static void
is(bool ok, const char *name)
{
    (void) printf("%s %d - %s\n", ok ? "ok" : "not ok", ++count, name);
    (void) fflush(stdout);
}


static bool
near(const void *p)
{
    return (uintptr_t) p / TABLE == (uintptr_t) given / TABLE;
}


static void
data_test(void)
{
    size_t i;
    bool zero;

    is(given[0] == 0x11111111 && given[3] == 0x44444444, "data of the file");
    is(strcmp(changed, "behind") == 0, "data that was changed");

    given[1] = 7;
    is(given[1] == 7, "data can be written to");

    for (i = 0, zero = true; i < sizeof(unset); i++) {
        zero = zero && unset[i] == '\0';
    }

    is(zero, "the rest is zero");
}


static bool
pieces_make(uint8_t **pieces, bool zeroed)
{
    size_t i, k;

    for (i = 0; i < PIECES; i++) {
        pieces[i] = zeroed ? calloc(1, PIECE) : malloc(PIECE);

        if (pieces[i] == NULL) {
            return false;
        }

        for (k = 0; zeroed && k < PIECE; k++) {
            if (pieces[i][k] != 0) {
                return false;
            }
        }

        memset(pieces[i], (int) (i % 251), PIECE);
    }

    return true;
}


static bool
pieces_free(uint8_t **pieces)
{
    size_t i, k;
    bool ok;

    for (i = 0, ok = true; i < PIECES; i++) {
        for (k = 0; k < PIECE; k++) {
            ok = ok && pieces[i][k] == i % 251;
        }

        free(pieces[i]);
    }

    return ok;
}


static void
heap_test(void)
{
    char *p;
    bool zero;
    size_t i;
    uint8_t **pieces;

    p = malloc(100);
    is(p != NULL && near(p), "a heap nearby");
    free(p);

    pieces = malloc(PIECES * sizeof(uint8_t *));

    if (pieces == NULL) {
        is(false, "memory");
        return;
    }

    is(pieces_make(pieces, false), "beyond its room");
    is(pieces_free(pieces), "... each piece is its own");
    is(pieces_make(pieces, true), "taken again, with zeros");
    is(pieces_free(pieces), "... each piece is its own");
    free(pieces);
    (void) malloc_trim(0);

    p = sbrk(0x3000);
    is(p != (void *) -1, "sbrk()");
    memset(p, 1, 0x3000);
    is(sbrk(-0x3000) == p + 0x3000 && sbrk(0x3000) == p, "... back and forth");

    for (i = 0, zero = true; i < 0x3000; i++) {
        zero = zero && p[i] == 0;
    }

    is(zero, "... to zeros");
    (void) sbrk(-0x3000);

    errno = 0;
    is(sbrk(64 << 20) == (void *) -1 && errno == ENOMEM,
       "no more than there is");
}


/* 0: it can be read. */
static int
unreadable(const char *p)
{
    int fds[2], rc;

    if (pipe(fds) == -1) {
        return -1;
    }

    rc = write(fds[1], p, 1) == 1 ? 0 : errno;
    (void) close(fds[0]);
    (void) close(fds[1]);

    return rc;
}


/* Is all that is written to near? */
static bool
areas_near(void)
{
    FILE *f;
    bool ok;
    char *flags, line[512];
    uintptr_t from;

    f = fopen("/proc/self/maps", "r");
    ok = f != NULL;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        from = strtoul(line, NULL, 16);
        flags = strchr(line, ' ');
        ok = ok && flags != NULL && (flags[2] != 'w' || near((void *) from));
    }

    if (f != NULL) {
        (void) fclose(f);
    }

    return ok;
}


static bool
title_is(const char *title)
{
    int fd;
    char buf[128];
    ssize_t n;

    fd = open("/proc/self/cmdline", O_RDONLY);
    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);
    buf[n < 0 ? 0 : n] = '\0';

    return strcmp(buf, title) == 0;
}


/* What libc can look for where it put it when the program began. */
static int
fork_work(void)
{
    time_t now;
    struct tm tm;
    char text[64];

    if (unreadable(old) != EFAULT || !areas_near()) {
        return 1;
    }

    title_set("somebody");

    if (!title_is("irc-client: somebody")) {
        return 2;
    }

    now = time(NULL);

    if (getenv("PATH") != NULL || localtime_r(&now, &tm) == NULL
        || strftime(text, sizeof(text), "%Y %Z", &tm) == 0
        || sysconf(_SC_NPROCESSORS_ONLN) < 1 || strerror(ENOENT) == NULL)
    {
        return 3;
    }

    return 0;
}


static int
fork_abort(void)
{
    abort();
}


static int
fork_assert(void)
{
    (void) close(2); /* it is heard elsewhere */
    assert(old == NULL);

    return 0;
}


static int
fork_deep(void)
{
    char room[64 << 10];
    volatile char *p;

    for (p = room + sizeof(room) - 1; p >= room; p -= 4096) {
        *p = 1;
    }

    return near(room) ? 0 : 1;
}


static int
forked(int (*run)(void))
{
    int status;
    pid_t pid;

    pid = fork();

    if (pid == 0) {
        _exit(run());
    }

    return pid != -1 && waitpid(pid, &status, 0) == pid ? status : -1;
}


static int
run(void)
{
    int status = 0;

    is(near(&status), "a stack nearby");
    data_test();

    is(unreadable(old) == 0, "what lay on the stack before");
    is(title_is("irc-client: near"), "the title");

    is(forked(fork_work) == 0, "a fork, without it");
    is(forked(fork_deep) == 0, "... with the stack");

    status = forked(fork_abort);
    is(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "... that aborts");

    status = forked(fork_assert);
    is(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "... and says why");

    heap_test();

    (void) printf("1..%d\n", count);

    return 0;
}


static int
before(void)
{
    title_set("near");

    return run();
}


int
main(int argc, char **argv)
{
    title_init(argc, argv, environ);
    old = argv[0];
    memcpy(changed, "behind", sizeof("behind"));

    near_run(before);
}
