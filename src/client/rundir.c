#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "eirc_codes.h"

/* the kernel cuts it at net.core.somaxconn */
#define BACKLOG 4096

/* names are relative: the path to the directory may be of any length */
#define NAME_SIZE 64


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
    (void) snprintf(name, sizeof(name), "sockets.%u", r->number);

    (void) unlink(sun.sun_path);

    *call = "bind()";

    if (bind(r->listen, (struct sockaddr *) &sun, sizeof(sun)) == -1) {
        return EIRC_ERROR;
    }

    *call = "listen()";

    if (listen(r->listen, BACKLOG) == -1) {
        return EIRC_ERROR;
    }

    *call = "rename()";

    if (rename(sun.sun_path, name) == -1) {
        return EIRC_ERROR;
    }

    return EIRC_OK;
}


void
rundir_unlisten(rundir_t *r)
{
    char name[NAME_SIZE];

    if (r->listen == -1) {
        return;
    }

    (void) snprintf(name, sizeof(name), "sockets.%u", r->number);
    (void) unlink(name);

    (void) close(r->listen);
    r->listen = -1;
}
