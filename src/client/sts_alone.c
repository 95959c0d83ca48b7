#include "sts_alone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eirc_limits.h"

#define LINE_SIZE 512

typedef struct {
    char host[EIRC_LINK_HOST_MAX + 1];
    uint16_t port;
    uint64_t until;
} policy_t;


void
sts_alone_path(char *out, size_t size)
{
    int n;
    const char *state, *home;

    state = getenv("XDG_STATE_HOME");
    home = getenv("HOME");
    n = -1;

    /* a path that doesn't begin at the root is to be ignored */

    if (state != NULL && state[0] == '/') {
        n = snprintf(out, size, "%s/eirc/sts", state);

    } else if (home != NULL && home[0] == '/') {
        n = snprintf(out, size, "%s/.local/state/eirc/sts", home);
    }

    if (n < 0 || (size_t) n >= size) {
        out[0] = '\0';
    }
}


/* A number from 1 on, which ends where the string or a line does. */
static uint64_t
number_read(const char *s, uint64_t max)
{
    char *end;
    uint64_t n;

    errno = 0;
    n = strtoull(s, &end, 10);

    return *s >= '0' && *s <= '9' && errno == 0 && n <= max
                   && strcmp(end, *end == '\n' ? "\n" : "") == 0
               ? n
               : 0;
}


/* One line; what is none is passed over. */
static int
policy_read(policy_t *p, char *line)
{
    char *port, *until;

    port = strchr(line, ' ');
    until = port == NULL ? NULL : strchr(port + 1, ' ');

    if (until == NULL || (size_t) (port - line) >= sizeof(p->host)) {
        return -1;
    }

    *port = '\0';
    *until = '\0';

    strcpy(p->host, line);
    p->port = (uint16_t) number_read(port + 1, UINT16_MAX);
    p->until = number_read(until + 1, UINT64_MAX);

    return p->host[0] == '\0' || p->port == 0 ? -1 : 0;
}


/* Those that still hold; their number, or -1. */
static int
policies_read(policy_t *list, const char *path, uint64_t now)
{
    int n;
    FILE *file;
    char line[LINE_SIZE];

    file = fopen(path, "re");

    if (file == NULL) {
        return errno == ENOENT ? 0 : -1;
    }

    n = 0;

    while (n < STS_ALONE_MAX && fgets(line, sizeof(line), file) != NULL) {

        if (policy_read(&list[n], line) == 0 && list[n].until > now) {
            n++;
        }
    }

    (void) fclose(file);

    return n;
}


static int
policy_find(const policy_t *list, int n, const char *host)
{
    int i;

    for (i = 0; i < n; i++) {

        if (strcasecmp(list[i].host, host) == 0) {
            return i;
        }
    }

    return -1;
}


uint16_t
sts_alone_find(const char *path, const char *host, uint64_t now)
{
    int i, n;
    policy_t *list;
    uint16_t port;

    list = malloc(STS_ALONE_MAX * sizeof(policy_t));

    if (list == NULL) {
        return 0;
    }

    n = policies_read(list, path, now);
    i = policy_find(list, n, host);
    port = i == -1 ? 0 : list[i].port;
    free(list);

    return port;
}


/* Makes the directories of a path that aren't there. */
static void
directories_make(const char *file)
{
    char path[PATH_MAX], *slash;

    (void) snprintf(path, sizeof(path), "%s", file);

    for (slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/'))
    {
        *slash = '\0';
        (void) mkdir(path, 0700);
        *slash = '/';
    }
}


/* A new file in the place of the old one, so that nobody reads a half. */
static int
policies_write(const policy_t *list, int n, const char *path)
{
    int i, fd, saved;
    FILE *file;
    char temporary[PATH_MAX];

    if ((size_t) snprintf(temporary, sizeof(temporary), "%s.%ld", path,
                          (long) getpid())
        >= sizeof(temporary))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    directories_make(path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    file = fd == -1 ? NULL : fdopen(fd, "w");

    if (file == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        (void) fprintf(file, "%s %u %" PRIu64 "\n", list[i].host, list[i].port,
                       list[i].until);
    }

    if (fclose(file) == 0 && rename(temporary, path) == 0) {
        return 0;
    }

    saved = errno;
    (void) unlink(temporary);
    errno = saved;

    return -1;
}


/* A place for one more: behind the others, or that of who ends first. */
static int
policy_place(const policy_t *list, int n)
{
    int i, first;

    if (n < STS_ALONE_MAX) {
        return n;
    }

    first = 0;

    for (i = 1; i < n; i++) {
        first = list[i].until < list[first].until ? i : first;
    }

    return first;
}


int
sts_alone_set(const char *path, const char *host, uint16_t port,
              uint64_t until, uint64_t now)
{
    int i, n, rc;
    policy_t *list;

    if (strlen(host) > EIRC_LINK_HOST_MAX) {
        errno = EINVAL;
        return -1;
    }

    list = malloc(STS_ALONE_MAX * sizeof(policy_t));

    if (list == NULL) {
        return -1;
    }

    n = policies_read(list, path, now);

    if (n == -1) {
        free(list);
        return -1;
    }

    i = policy_find(list, n, host);

    if (until <= now && i != -1) {
        list[i] = list[--n];

    } else if (until > now) {
        i = i == -1 ? policy_place(list, n) : i;
        n = i == n ? n + 1 : n;
        strcpy(list[i].host, host);
        list[i].port = port;
        list[i].until = until;
    }

    rc = policies_write(list, n, path);
    free(list);

    return rc;
}
