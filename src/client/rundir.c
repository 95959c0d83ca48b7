#include "rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "eirc_codes.h"

/* the kernel cuts it at net.core.somaxconn */
#define BACKLOG 4096

/* how many names there are for those that come after one another */
#define GENERATIONS 1000

/* names are relative: the path to the directory may be of any length */
#define NAME_SIZE 64


void
rundir_name(char *name, size_t size, unsigned number)
{
    (void) snprintf(name, size, "sockets.%u", number);
}


void
rundir_after(char *name, size_t size, unsigned number, uint32_t generation)
{
    (void) snprintf(name, size, "after.%u.%u", number,
                    generation % GENERATIONS);
}


/* The number of the last one; what can't be read is none. */
static uint32_t
generation_read(int lock)
{
    ssize_t n;
    char text[16];

    n = pread(lock, text, sizeof(text) - 1, 0);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return (uint32_t) strtoul(text, NULL, 10);
}


static int
generation_write(int lock, uint32_t generation)
{
    int n;
    char text[16];

    n = snprintf(text, sizeof(text), "%010u\n", generation);

    return pwrite(lock, text, (size_t) n, 0) == n ? 0 : -1;
}


/* Whoever is left over from the one before finds us, and nobody anyone behind
 * us, whose name may be there from a thousand before. */
static int
predecessor_link(const rundir_t *r)
{
    char name[NAME_SIZE], target[NAME_SIZE];

    rundir_after(name, sizeof(name), r->number, r->generation);
    (void) unlink(name);

    rundir_name(target, sizeof(target), r->number);
    rundir_after(name, sizeof(name), r->number, r->generation - 1);

    return symlink(target, name) == -1 && errno != EEXIST ? -1 : 0;
}


/* Nobody is left over. */
static void
links_remove(const rundir_t *r)
{
    DIR *dir;
    char prefix[NAME_SIZE];
    size_t len;
    struct dirent *entry;

    dir = opendir(".");
    if (dir == NULL) {
        return;
    }

    len = (size_t) snprintf(prefix, sizeof(prefix), "after.%u.", r->number);

    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, len) == 0) {
            (void) unlink(entry->d_name);
        }
    }

    (void) closedir(dir);
}


int
rundir_enter(rundir_t *r, const char *path, unsigned number, const char **call)
{
    char name[NAME_SIZE];
    struct stat st;

    r->number = number;
    r->lock = -1;
    r->listen = -1;

    *call = "chdir()";

    if (chdir(path) == -1) {
        return EIRC_ERROR;
    }

    *call = "stat()";

    if (stat(".", &st) == -1) {
        return EIRC_ERROR;
    }

    /* whoever may write here could take the socket's place */

    if ((st.st_uid != geteuid() && st.st_uid != 0)
        || (st.st_mode & (S_IWGRP | S_IWOTH)))
    {
        *call = "others may write there: checking";
        errno = EPERM;
        return EIRC_ERROR;
    }

    (void) snprintf(name, sizeof(name), "sockets.%u.lock", number);

    *call = "open() of the lock";

    r->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->lock == -1) {
        return EIRC_ERROR;
    }

    *call = "flock()";

    if (flock(r->lock, LOCK_EX | LOCK_NB) == 0) {
        r->generation = generation_read(r->lock) + 1;
        return EIRC_OK;
    }

    if (errno == EWOULDBLOCK) {
        (void) close(r->lock);
        r->lock = -1;
        return EIRC_DONE;
    }

    return EIRC_ERROR;
}


void
rundir_take(rundir_t *r, unsigned number, int lock, int listen)
{
    r->number = number;
    r->lock = lock;
    r->listen = listen;
    r->generation = generation_read(lock);
}


void
rundir_renew(rundir_t *r)
{
    r->stale = 1;
    r->generation++;

    (void) predecessor_link(r);
    (void) generation_write(r->lock, r->generation);
}


int
rundir_listen(rundir_t *r, const char **call)
{
    char name[NAME_SIZE];
    struct sockaddr_un sun;

    *call = "socket()";

    r->listen
        = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->listen == -1) {
        return EIRC_ERROR;
    }

    /*
     * Bound and listening under another name, then renamed: whoever finds the
     * name can connect, and what a dead layer left is replaced in one step.
     */

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "sockets.%u.new",
                    r->number);
    rundir_name(name, sizeof(name), r->number);

    (void) unlink(sun.sun_path);

    *call = "bind()";

    if (bind(r->listen, (struct sockaddr *) &sun, sizeof(sun)) == -1) {
        return EIRC_ERROR;
    }

    *call = "listen()";

    if (listen(r->listen, BACKLOG) == -1) {
        return EIRC_ERROR;
    }

    r->stale = access(name, F_OK) == 0;

    *call = "rename()";

    if (rename(sun.sun_path, name) == -1) {
        return EIRC_ERROR;
    }

    *call = "symlink()";

    if (predecessor_link(r) == -1) {
        return EIRC_ERROR;
    }

    /* Whoever dies before this has been none: the next one has its number, and
     * whoever is left over from the one before still finds somebody. */

    *call = "write() of the lock";

    return generation_write(r->lock, r->generation) == -1 ? EIRC_ERROR
                                                          : EIRC_OK;
}


void
rundir_unlisten(rundir_t *r)
{
    char name[NAME_SIZE];

    if (r->listen == -1) {
        return;
    }

    rundir_name(name, sizeof(name), r->number);
    (void) unlink(name);
    links_remove(r);

    (void) close(r->listen);
    r->listen = -1;
}
