#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "eirc_link.h"
#include "stored.h"

/* behind the ID of a file that is being written */
#define NEW ".new"

/* s after which nobody writes it any more */
#define NEW_LIFE 60

/* a name of ours */
#define NAME_SIZE (EIRC_LINK_ID_MAX + sizeof(NEW) + 8)

/* of a directory with more the rest is left for the next time */
#define SWEEP_MAX 65536


/* Opening */

static int
directory_check(int fd, const char **why)
{
    struct stat st;

    *why = "fstat() failed";

    if (fstat(fd, &st) == -1) {
        return -1;
    }

    errno = EPERM;
    *why = "it has to belong to the user that irc-client runs as (chown)";

    if (st.st_uid != geteuid()) {
        return -1;
    }

    *why = "nobody else may have access to it (chmod 700)";

    return st.st_mode & (S_IRWXG | S_IRWXO) ? -1 : 0;
}


int
store_open(store_t *st, const char *path, unsigned number, const char **why)
{
    memset(st, 0, sizeof(store_t));

    st->number = number;
    st->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (st->dir == -1) {
        *why = "it has to be there (mkdir -m 700): open() failed";
        return -1;
    }

    if (directory_check(st->dir, why) == 0) {
        *why = "its file \"key\" can't be used, remove it and all others "
               "where it is broken";

        if (card_key_open(&st->key, st->dir) == 0) {
            return 0;
        }
    }

    store_close(st);

    return -1;
}


void
store_close(store_t *st)
{
    int error;

    error = errno;

    if (st->dir != -1) {
        (void) close(st->dir);
    }

    explicit_bzero(&st->key, sizeof(st->key));
    st->dir = -1;
    errno = error;
}


/* Writing */

static int
bytes_write(int fd, const uint8_t *p, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, p, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return -1;
        }

        p += n;
        len -= (size_t) n;
    }

    return 0;
}


/* The whole of it under another name first. */
static int
file_write(const store_t *st, const char *name, const uint8_t *p, size_t len,
           int through)
{
    int fd, error;
    char temporary[NAME_SIZE];

    (void) snprintf(temporary, sizeof(temporary), "%s" NEW, name);

    fd = openat(st->dir, temporary,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW
                    | O_NONBLOCK,
                0600);
    if (fd == -1) {
        return -1;
    }

    if (bytes_write(fd, p, len) == -1 || (through && fsync(fd) == -1)
        || renameat(st->dir, temporary, st->dir, name) == -1)
    {
        error = errno;
        (void) close(fd);
        (void) unlinkat(st->dir, temporary, 0);
        errno = error;
        return -1;
    }

    (void) close(fd);

    return through ? fsync(st->dir) : 0;
}


int
store_put(const store_t *st, const char *id, const uint8_t *p, size_t len)
{
    return file_write(st, id, p, len, 0);
}


/* Turns */

static void
turn_name(const store_t *st, char *name, size_t size)
{
    (void) snprintf(name, size, "turn.%u", st->number);
}


static int
file_open(const store_t *st, const char *name)
{
    return openat(st->dir, name,
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}


/* None there, or none that can be read: no file is of it. */
void
store_begin(store_t *st)
{
    int fd;
    ssize_t n;
    char name[NAME_SIZE], text[16];

    if (st->dir == -1) {
        return;
    }

    turn_name(st, name, sizeof(name));

    fd = file_open(st, name);
    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n > 0) {
        text[n] = '\0';
        st->turn = (uint32_t) strtoul(text, NULL, 10);
    }
}


uint32_t
store_turn(const store_t *st)
{
    return st->turn + st->taken;
}


int
store_turn_take(store_t *st)
{
    int len;
    char name[NAME_SIZE], text[16];

    if (st->taken) {
        return 0;
    }

    turn_name(st, name, sizeof(name));
    len = snprintf(text, sizeof(text), "%u\n", st->turn + 1);

    if (file_write(st, name, (const uint8_t *) text, (size_t) len, 1) == -1) {
        return -1;
    }

    st->taken = 1;

    return 0;
}


/* Reading */

/* s since it was written, or said to be true; of the future: none. */
static uint64_t
age(const struct stat *file)
{
    time_t now;

    now = time(NULL);

    return now > file->st_mtime ? (uint64_t) (now - file->st_mtime) : 0;
}


static int
file_check(int fd, size_t max, struct stat *file)
{
    if (fstat(fd, file) == -1) {
        return -1;
    }

    if (!S_ISREG(file->st_mode) || file->st_uid != geteuid()
        || (file->st_mode & (S_IRWXG | S_IRWXO)))
    {
        errno = EPERM;
        return -1;
    }

    if (file->st_size < STORED_HEAD || (uint64_t) file->st_size > max) {
        errno = EFBIG;
        return -1;
    }

    return 0;
}


static int
bytes_read(int fd, uint8_t *p, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = read(fd, p, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            errno = n == 0 ? EBADMSG : errno;
            return -1;
        }

        p += n;
        len -= (size_t) n;
    }

    return 0;
}


static int
file_read(int fd, size_t max, uint8_t **p, size_t *len)
{
    struct stat file;
    stored_head_t head;

    if (file_check(fd, max, &file) == -1) {
        return -1;
    }

    *len = (size_t) file.st_size;
    *p = malloc(*len);

    if (*p == NULL || bytes_read(fd, *p, *len) == -1) {
        return -1;
    }

    if (stored_head_read(&head, *p, *len) == EIRC_OK && age(&file) > head.life)
    {
        errno = ENOENT;
        return -1;
    }

    return 0;
}


int
store_get(const store_t *st, const char *id, size_t max, uint8_t **p,
          size_t *len)
{
    int fd, rc, error;

    *p = NULL;

    fd = file_open(st, id);
    if (fd == -1) {
        return -1;
    }

    rc = file_read(fd, max, p, len);

    error = errno;
    (void) close(fd);

    if (rc == -1) {
        free(*p);
        *p = NULL;
    }

    errno = error;

    return rc;
}


int
store_remove(const store_t *st, const char *id)
{
    return unlinkat(st->dir, id, 0);
}


int
store_touch(const store_t *st, const char *id)
{
    return utimensat(st->dir, id, NULL, AT_SYMLINK_NOFOLLOW);
}


/* Sweeping */

/* The age beyond which it is of no use, s. What says nothing of it has the
 * least. */
static uint64_t
life_of(const store_t *st, const char *name)
{
    int fd;
    ssize_t n;
    uint8_t buf[STORED_HEAD];
    stored_head_t head;

    fd = file_open(st, name);
    if (fd == -1) {
        return STORE_LIFE_MIN;
    }

    n = read(fd, buf, sizeof(buf));
    (void) close(fd);

    return n == (ssize_t) sizeof(buf)
                   && stored_head_read(&head, buf, sizeof(buf)) == EIRC_OK
                   && head.life > STORE_LIFE_MIN
               ? head.life
               : STORE_LIFE_MIN;
}


/* Is it of a session of this layer's, or the beginning of one? */
static int
is_ours(const store_t *st, const char *name, int *fresh)
{
    size_t len, more;
    uint32_t number;

    len = strlen(name);
    more = sizeof(NEW) - 1;
    *fresh = len > more && strcmp(name + len - more, NEW) == 0;
    len -= *fresh ? more : 0;

    return eirc_link_id_read(name, len, &number) == EIRC_OK
           && number == st->number;
}


static int
is_useless(const store_t *st, const char *name, int fresh)
{
    uint64_t old;
    struct stat file;

    if (fstatat(st->dir, name, &file, AT_SYMLINK_NOFOLLOW) == -1) {
        return 0;
    }

    old = age(&file);

    if (fresh) {
        return old > NEW_LIFE;
    }

    return old > STORE_LIFE_MIN && old > life_of(st, name);
}


unsigned
store_sweep(const store_t *st)
{
    int fd, fresh;
    DIR *dir;
    unsigned i, n;
    struct dirent *entry;

    fd = openat(st->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    n = 0;

    for (i = 0; i < SWEEP_MAX && (entry = readdir(dir)) != NULL; i++) {

        if (is_ours(st, entry->d_name, &fresh)
            && is_useless(st, entry->d_name, fresh)
            && unlinkat(st->dir, entry->d_name, 0) == 0)
        {
            n++;
        }
    }

    (void) closedir(dir);

    return n;
}
