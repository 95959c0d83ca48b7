#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048
#define HELD_SIZE 16384

typedef struct {
    int fd;     /* or -1 */
    int syslog; /* flag */
    char *path; /* of a file, else NULL */
    time_t checked;
    log_level_e level;

    /* what lines begin with in this second */
    time_t second;
    char time[32];
    size_t time_len;

    /* and in all: "PID#K: " */
    char who[48];

    /* lines that are not written yet */
    int holds; /* flag */
    size_t held_len;
    char held[HELD_SIZE];
} log_t;

static log_t log_one = {.fd = -1, .level = LOG_LEVEL_INFO};

static const char *const names[] = {"",     "emerg",  "alert", "crit", "error",
                                    "warn", "notice", "info",  "debug"};


static int
file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                0600);
}


static void
who_set(unsigned number)
{
    (void) snprintf(log_one.who, sizeof(log_one.who),
                    "%ld#%u: ", (long) getpid(), number);
}


int
log_open(const char *target, unsigned number)
{
    who_set(number);

    if (target == NULL) {
        return 0;
    }

    if (strcmp(target, "stderr") == 0) {
        log_one.fd = STDERR_FILENO;
        return 0;
    }

    if (strcmp(target, "syslog") == 0) {
        log_one.syslog = 1;
        openlog("irc-client", LOG_PID | LOG_NDELAY, LOG_DAEMON);
        return 0;
    }

    log_one.fd = file_open(target);
    if (log_one.fd == -1) {
        return -1;
    }

    /* to be found again from another working directory */

    log_one.path = realpath(target, NULL);

    return log_one.path == NULL ? -1 : 0;
}


void
log_reopen(void)
{
    int fd;

    if (log_one.path == NULL) {
        return;
    }

    fd = file_open(log_one.path);
    if (fd == -1) {
        log_write(LOG_LEVEL_CRIT, errno, NULL, "open() \"%s\" failed",
                  log_one.path);
        return;
    }

    (void) close(log_one.fd);
    log_one.fd = fd;
}


void
log_level_set(log_level_e level)
{
    log_one.level = level;
}


int
log_level_parse(const char *name)
{
    int i;

    for (i = LOG_LEVEL_EMERG; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(name, names[i]) == 0) {
            return i;
        }
    }

    return -1;
}


const char *
log_level_name(log_level_e level)
{
    return names[level];
}


int
log_descriptor(void)
{
    return log_one.path == NULL ? -1 : log_one.fd;
}


void
log_inherit(const char *target, unsigned number, int fd)
{
    who_set(number);
    log_one.fd = fd;
    log_one.path = strdup(target);
}


/* Whoever rotates logs need not tell us: looked at once a second. */
static void
file_check(time_t now)
{
    int fd;
    struct stat there, ours;

    if (log_one.path == NULL || now == log_one.checked) {
        return;
    }

    log_one.checked = now;

    if (fstat(log_one.fd, &ours) == 0 && stat(log_one.path, &there) == 0
        && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev)
    {
        return;
    }

    fd = file_open(log_one.path);

    if (fd != -1) {
        (void) close(log_one.fd);
        log_one.fd = fd;
    }
}


static void
held_write(void)
{
    ssize_t n;

    if (log_one.held_len == 0) {
        return;
    }

    file_check(log_one.second);

    do {
        n = write(log_one.fd, log_one.held, log_one.held_len);
    } while (n == -1 && errno == EINTR);

    log_one.held_len = 0;
}


void
log_hold(void)
{
    log_one.holds = 1;
}


void
log_release(void)
{
    log_one.holds = 0;
    held_write();
}


/* Of a round, what tells of trouble is not held: it may be the last. */
static void
line_write(log_level_e level, const char *line, size_t len)
{
    if (log_one.held_len + len > HELD_SIZE) {
        held_write();
    }

    memcpy(log_one.held + log_one.held_len, line, len);
    log_one.held_len += len;

    if (!log_one.holds || level < LOG_LEVEL_INFO) {
        held_write();
    }
}


static void
second_begin(time_t now)
{
    struct tm tm;

    log_one.second = now;
    (void) localtime_r(&now, &tm);
    log_one.time_len = strftime(log_one.time, sizeof(log_one.time),
                                "%Y/%m/%d %H:%M:%S ", &tm);
}


static char *
word_write(char *p, const char *last, const char *word)
{
    while (*word != '\0' && p < last) {
        *p++ = *word++;
    }

    return p;
}


/* Time, "[level] PID#K: ", and the session's ID. */
static char *
head_write(char *p, const char *last, log_level_e level, const char *id)
{
    time_t now;

    now = time(NULL);

    if (now != log_one.second) {
        second_begin(now);
    }

    p = word_write(p, last, log_one.time);
    p = word_write(p, last, "[");
    p = word_write(p, last, names[level]);
    p = word_write(p, last, "] ");
    p = word_write(p, last, log_one.who);

    if (id != NULL) {
        p = word_write(p, last, "*");
        p = word_write(p, last, id);
        p = word_write(p, last, " ");
    }

    return p;
}


void
log_write(log_level_e level, int error, const char *id, const char *fmt, ...)
{
    int n;
    char line[LINE_SIZE], *p, *last;
    va_list args;

    if (level > log_one.level || (log_one.fd == -1 && !log_one.syslog)) {
        return;
    }

    last = line + sizeof(line) - 1; /* the line feed */
    p = head_write(line, last, level, id);

    va_start(args, fmt);
    n = vsnprintf(p, (size_t) (last - p), fmt, args);
    va_end(args);

    if (n > 0) {
        p = (n < last - p) ? p + n : last - 1;
    }

    if (error != 0) {
        n = snprintf(p, (size_t) (last - p), " (%d: %s)", error,
                     strerror(error));
        p = (n < last - p) ? p + n : last - 1;
    }

    *p++ = '\n';

    if (log_one.syslog) {

        /* it has the same levels, from 0, and a time of its own */

        syslog((int) level - 1, "%.*s",
               (int) (p - line - 1 - (ptrdiff_t) log_one.time_len),
               line + log_one.time_len);
        return;
    }

    line_write(level, line, (size_t) (p - line));
}
