#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048

typedef struct {
    int fd;          /* or -1 */
    int syslog;      /* flag */
    char *path;      /* of a file, else NULL */
    unsigned number; /* K */
    time_t checked;
    log_level_e level;
} log_t;

static log_t log_one = {-1, 0, NULL, 0, 0, LOG_LEVEL_INFO};

static const char *const names[] = {"",     "emerg",  "alert", "crit", "error",
                                    "warn", "notice", "info",  "debug"};


static int
file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                0600);
}


int
log_open(const char *target, unsigned number)
{
    log_one.number = number;

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
    log_one.number = number;
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


/* syslog has the same levels, from 0 */
static void
line_send(log_level_e level, const char *line, size_t head, size_t len)
{
    ssize_t n;

    if (log_one.syslog) {
        syslog((int) level - 1, "%.*s", (int) (len - head - 1), line + head);
        return;
    }

    if (log_one.fd != -1) {
        do {
            n = write(log_one.fd, line, len);
        } while (n == -1 && errno == EINTR);
    }
}


void
log_write(log_level_e level, int error, const char *id, const char *fmt, ...)
{
    int n;
    char line[LINE_SIZE], *p, *last;
    size_t head;
    time_t now;
    va_list args;
    struct tm tm;

    if (level > log_one.level || (log_one.fd == -1 && !log_one.syslog)) {
        return;
    }

    now = time(NULL);
    (void) localtime_r(&now, &tm);
    file_check(now);

    p = line;
    last = line + sizeof(line) - 1; /* the line feed */

    p += strftime(p, (size_t) (last - p), "%Y/%m/%d %H:%M:%S ", &tm);
    head = (size_t) (p - line);
    p += snprintf(p, (size_t) (last - p), "[%s] %ld#%u: ", names[level],
                  (long) getpid(), log_one.number);

    if (id != NULL) {
        p += snprintf(p, (size_t) (last - p), "*%.31s ", id);
    }

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

    line_send(level, line, head, (size_t) (p - line));
}
