#include "upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image.h"
#include "irc_strangers.h"
#include "memfd.h"
#include "peers.h"

/* what the program may take to be started for a look, ms */
#define PROBE_TIME 10000

/* what the forks that are on their way may take, ms */
#define FORKS_TIME 2000


static void
upgrade_failed(layer_t *l, int error, const char *what)
{
    char words[200];

    log_write(LOG_LEVEL_ALERT, error, NULL,
              "no upgrade to \"%s\", the layer goes on as it was: %s",
              l->program.path, what);

    (void) snprintf(words, sizeof(words), "%s%s%s", what,
                    error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
    peers_upgraded(l, EIRC_LINK_REFUSED, words);

    if (l->probe != 0) {
        (void) kill(l->probe, SIGKILL);
    }

    if (l->upgrade == LAYER_UPGRADE_WAITING && l->stop_until == 0) {
        (void) layer_watch(l, l->rundir.listen, EPOLLIN, LAYER_LISTEN, 0);
    }

    l->upgrade = LAYER_UPGRADE_NONE;
}


void
upgrade_begin(layer_t *l)
{
    if (l->upgrade != LAYER_UPGRADE_NONE) {
        return;
    }

    if (l->stop_until != 0) {
        upgrade_failed(l, 0, "it is ending");
        return;
    }

    if (l->probe != 0) {
        upgrade_failed(l, 0, "the last try has not ended");
        return;
    }

    if (access(l->program.path, R_OK | X_OK) == -1) {
        upgrade_failed(l, errno, "access() failed");
        return;
    }

    l->probe = program_probe(&l->program);

    if (l->probe == -1) {
        l->probe = 0;
        upgrade_failed(l, errno, "fork() failed");
        return;
    }

    log_write(LOG_LEVEL_NOTICE, 0, NULL, "upgrade to \"%s\"", l->program.path);

    l->upgrade = LAYER_UPGRADE_PROBING;
    l->upgrade_until = l->now + PROBE_TIME;
}


int
upgrade_reaped(layer_t *l, pid_t pid, int status)
{
    char words[80];

    if (pid != l->probe || pid == 0) {
        return 0;
    }

    l->probe = 0;

    if (l->upgrade != LAYER_UPGRADE_PROBING) {
        return 1;
    }

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        (void) snprintf(words, sizeof(words), "it does not start (%s %d)",
                        WIFEXITED(status) ? "code" : "signal",
                        WIFEXITED(status) ? WEXITSTATUS(status)
                                          : WTERMSIG(status));
        upgrade_failed(l, 0, words);
        return 1;
    }

    /* whoever comes now waits in the socket, for whoever answers then */

    if (l->accept_again == 0) {
        layer_unwatch(l, l->rundir.listen);
    }

    l->accept_again = 0;
    l->upgrade = LAYER_UPGRADE_WAITING;
    l->upgrade_until = l->now + FORKS_TIME;

    return 1;
}


int
upgrade_waits(const layer_t *l)
{
    return l->upgrade == LAYER_UPGRADE_WAITING;
}


/* Writing it down */

static int
bytes_write(int fd, const uint8_t *p, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, p, len);

        if (n == -1) {
            return -1;
        }

        p += n;
        len -= (size_t) n;
    }

    return 0;
}


/* The head comes last, when the length is known. */
static int
head_save(layer_t *l, int fd, uint64_t length)
{
    uint8_t buf[IMAGE_HEAD_SIZE];
    image_head_t head;

    head.format = IMAGE_FORMAT;
    head.number = l->rundir.number;
    head.length = length;
    head.lock = l->rundir.lock;
    head.listen = l->rundir.listen;
    head.log = log_descriptor();

    image_head_write(buf, &head);

    return pwrite(fd, buf, sizeof(buf), 0) == sizeof(buf) ? 0 : -1;
}


static int
layer_save(layer_t *l, int fd)
{
    uint8_t buf[IMAGE_RECORD_MAX];
    image_layer_t layer;

    layer.idle_since = l->idle_since;
    layer.template = (uint32_t) l->template.pid;
    layer.connector = (uint32_t) l->connector.pid;
    layer.turn = l->preserve.store.turn;
    layer.taken = l->preserve.store.taken;
    layer.adopts_until = l->adopts_until;

    return bytes_write(fd, buf, image_layer_write(buf, &layer));
}


static int
sessions_save(layer_t *l, int fd)
{
    size_t len;
    uint32_t slot;
    uint64_t key;
    uint8_t buf[IMAGE_RECORD_MAX];
    held_t *s;

    for (slot = 0; (key = table_key(&l->sessions.table, slot)) != 0; slot++) {
        s = sessions_find(&l->sessions, key);

        len = s == NULL ? image_slot_write(buf, key)
                        : image_session_write(buf, s);

        if (bytes_write(fd, buf, len) == -1) {
            return -1;
        }
    }

    return 0;
}


/* ... and the end. */
static int
peers_write(layer_t *l, int fd)
{
    uint32_t slot;
    uint8_t buf[IMAGE_RECORD_MAX];
    image_peer_t peer;

    slot = 0;

    while (peers_save(l, &slot, &peer)) {
        if (bytes_write(fd, buf, image_peer_write(buf, &peer)) == -1) {
            return -1;
        }
    }

    return bytes_write(fd, buf, image_end_write(buf));
}


/* The image in memory of its own, or -1 and errno. */
static int
image_save(layer_t *l)
{
    int fd, error;
    off_t length;

    fd = memfd_open("image", 0);
    if (fd == -1) {
        return -1;
    }

    length = -1;

    if (lseek(fd, IMAGE_HEAD_SIZE, SEEK_SET) != -1 && layer_save(l, fd) == 0
        && sessions_save(l, fd) == 0 && peers_write(l, fd) == 0)
    {
        length = lseek(fd, 0, SEEK_CUR);
    }

    if (length == -1 || head_save(l, fd, (uint64_t) length) == -1
        || irc_strangers_save(l, fd) == -1)
    {
        error = errno;
        irc_strangers_stay(l);
        (void) close(fd);
        errno = error;
        return -1;
    }

    return fd;
}


/* Going */

static void
keep(int fd)
{
    if (fd != -1) {
        (void) fcntl(fd, F_SETFD, 0);
    }
}


/* What is to be open in the next program, beside relays; the rest is closed on
 * exec. */
static void
descriptors_keep(layer_t *l, int image)
{
    uint32_t slot;
    held_t *s;
    image_peer_t peer;

    keep(image);
    keep(l->rundir.lock);
    keep(l->rundir.listen);
    keep(log_descriptor());

    for (slot = 0; (s = sessions_next(&l->sessions, &slot)) != NULL;) {
        keep(s->link);
        keep(s->segment);
        keep(s->secret);
        keep(s->control);
        keep(s->irc);
        keep(s->worker_control);
        keep(s->pidfd);
        keep(s->before.control);
        keep(s->before.pidfd);
    }

    for (slot = 0; peers_save(l, &slot, &peer);) {
        keep(peer.fd);
    }
}


static void
upgrade_exec(layer_t *l)
{
    int fd, error;

    fd = image_save(l);
    if (fd == -1) {
        upgrade_failed(l, errno, "writing of the image failed");
        return;
    }

    descriptors_keep(l, fd);
    log_release();

    program_exec(&l->program, fd);

    error = errno;
    (void) close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    (void) close(fd);
    upgrade_failed(l, error, "execve() failed");
}


uint64_t
upgrade_check(layer_t *l)
{
    if (l->upgrade == LAYER_UPGRADE_NONE) {
        return 0;
    }

    if (l->stop_until != 0) {
        upgrade_failed(l, 0, "it is ending");
        return 0;
    }

    if (l->upgrade == LAYER_UPGRADE_WAITING && l->nforking == 0) {
        upgrade_exec(l);
        return 0;
    }

    if (l->upgrade_until > l->now) {
        return l->upgrade_until;
    }

    if (l->upgrade == LAYER_UPGRADE_PROBING) {
        upgrade_failed(l, 0, "it does not start in time");

    } else {
        upgrade_failed(l, 0, "the template does not answer");
    }

    return 0;
}
