#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "helper.h"
#include "log.h"

#define PATH_SIZE 4096

/* what the kernel says of a file that was removed */
#define DELETED " (deleted)"


char *
program_file(void)
{
    ssize_t n;
    char buf[PATH_SIZE];

    n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
    if (n == -1) {
        return NULL;
    }

    buf[n] = '\0';

    /* replaced in this very moment */

    if ((size_t) n > sizeof(DELETED)
        && strcmp(buf + n - (sizeof(DELETED) - 1), DELETED) == 0)
    {
        buf[(size_t) n - (sizeof(DELETED) - 1)] = '\0';
    }

    return strdup(buf);
}


/* The name that it was executed by; links in it may lead elsewhere one day. */
static char *
program_path(void)
{
    int n;
    char cwd[PATH_SIZE], buf[2 * PATH_SIZE];
    const char *name;

    name = (const char *) (uintptr_t) getauxval(AT_EXECFN);

    if (name == NULL || *name == '\0' || strncmp(name, "/dev/fd/", 8) == 0
        || strncmp(name, "/proc/", 6) == 0)
    {
        return program_file();
    }

    if (*name == '/') {
        return strdup(name);
    }

    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return NULL;
    }

    n = snprintf(buf, sizeof(buf), "%s/%s", cwd, name);

    if (n < 0 || (size_t) n >= sizeof(buf)) {
        errno = ENAMETOOLONG;
        return NULL;
    }

    return strdup(buf);
}


/* Appends an argument, with the value behind it; -1 and errno. */
static int
argument_add(program_t *p, const char *name, const char *value)
{
    char *arg;
    size_t size;

    if (p->argc == PROGRAM_ARGS_MAX) {
        errno = E2BIG;
        return -1;
    }

    size = strlen(name) + strlen(value) + 1;

    arg = malloc(size);
    if (arg == NULL) {
        return -1;
    }

    (void) snprintf(arg, size, "%s%s", name, value);
    p->argv[p->argc++] = arg;
    p->argv[p->argc] = NULL;

    return 0;
}


static int
number_add(program_t *p, const char *name, unsigned number)
{
    char value[16];

    (void) snprintf(value, sizeof(value), "%u", number);

    return argument_add(p, name, value);
}


/* A path that is good from any directory. */
static int
path_add(program_t *p, const char *name, const char *path)
{
    int rc, error;
    char *real;

    real = realpath(path, NULL);
    if (real == NULL) {
        return -1;
    }

    rc = argument_add(p, name, real);

    error = errno;
    free(real);
    errno = error;

    return rc;
}


static int
log_add(program_t *p, const char *log)
{
    if (log == NULL) {
        return 0;
    }

    if (strcmp(log, "stderr") == 0 || strcmp(log, "syslog") == 0) {
        return argument_add(p, "--log=", log);
    }

    return path_add(p, "--log=", log);
}


int
program_init(program_t *p, const options_t *o)
{
    int error;

    memset(p, 0, sizeof(program_t));

    p->path = program_path();

    if (p->path != NULL && argument_add(p, p->path, "") == 0
        && argument_add(p, "--sockets", "") == 0
        && path_add(p, "--run-path=", o->run_path) == 0
        && number_add(p, "--index=", o->index) == 0 && log_add(p, o->log) == 0
        && argument_add(
               p, "--log-level=", log_level_name((log_level_e) o->log_level))
               == 0
        && number_add(p, "--relay-sessions=", o->relay_sessions) == 0
        && (!o->stay || argument_add(p, "--stay", "") == 0)
        && (o->state == NULL
            || (path_add(p, "--state=", o->state) == 0
                && number_add(p, "--state-interval=", o->state_interval)
                       == 0)))
    {
        return 0;
    }

    error = errno;
    program_done(p);
    errno = error;

    return -1;
}


void
program_done(program_t *p)
{
    while (p->argc > 0) {
        free(p->argv[--p->argc]);
    }

    free(p->path);
    p->path = NULL;
}


pid_t
program_probe(const program_t *p)
{
    pid_t pid;
    char *argv[sizeof(p->argv) / sizeof(p->argv[0])];
    static char probe[] = OPTION_PROBE;

    memcpy(argv, p->argv, sizeof(p->argv));
    argv[p->argc] = probe;
    argv[p->argc + 1] = NULL;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    /* only calls that are safe between fork and exec */

    helper_signals_reset();
    (void) setpgid(0, 0);
    (void) execve(p->path, argv, environ);

    _exit(127);
}


void
program_exec(program_t *p, int image)
{
    int error;
    char arg[sizeof(OPTION_IMAGE) + 16];

    (void) snprintf(arg, sizeof(arg), OPTION_IMAGE "%d", image);

    p->argv[p->argc] = arg;
    p->argv[p->argc + 1] = NULL;

    (void) execve(p->path, p->argv, environ);

    error = errno;
    p->argv[p->argc] = NULL;
    errno = error;
}
