/*
 * card: the key is made once for all who look for it, and a card is taken as it
 * was made, and in no other way.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card.h"
#include "eirc_codes.h"

#define ID "0-0123456789abcdef01234567"
#define ID_LONGEST "255-456789abcdef0123456789abcde"

static char path[] = "/tmp/eirc-card-XXXXXX";
static int dir;
static card_key_t key;


static int
set_up(void **state)
{
    (void) state;

    if (mkdtemp(path) == NULL) {
        return -1;
    }

    dir = open(path, O_RDONLY | O_DIRECTORY);

    return dir == -1 ? -1 : card_key_open(&key, dir);
}


static int
tear_down(void **state)
{
    (void) state;

    (void) unlinkat(dir, "key", 0);
    (void) close(dir);

    /* nothing else is left there */

    return rmdir(path);
}


static void
key_put(const char *bytes, size_t len, mode_t mode)
{
    int fd;

    (void) unlinkat(dir, "key", 0);

    fd = openat(dir, "key", O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    (void) close(fd);
}


static void
test_key(void **state)
{
    struct stat st;
    card_key_t again;

    (void) state;

    assert_int_equal(fstatat(dir, "key", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, CARD_KEY_SIZE);

    assert_int_equal(card_key_open(&again, dir), 0);
    assert_memory_equal(&again, &key, sizeof(key));
}


/* Many layers that start at the same moment. */
static void
test_key_once(void **state)
{
    int i, go[2], keys[2];
    char c;
    card_key_t first, other;

    (void) state;

    (void) unlinkat(dir, "key", 0);
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(keys), 0);

    for (i = 0; i < 20; i++) {
        if (fork() == 0) {
            (void) close(go[1]);

            _exit(read(go[0], &c, 1) == 0 && card_key_open(&first, dir) == 0
                          && write(keys[1], &first, sizeof(first))
                                 == (ssize_t) sizeof(first)
                      ? 0
                      : 1);
        }
    }

    (void) close(keys[1]);
    (void) close(go[0]);
    (void) close(go[1]);

    for (i = 0; i < 20; i++) {
        assert_int_equal(read(keys[0], &other, sizeof(other)), sizeof(other));

        if (i == 0) {
            first = other;
        }

        assert_memory_equal(&other, &first, sizeof(first));
    }

    while (wait(NULL) != -1) {
        /* void */
    }

    (void) close(keys[0]);

    assert_int_equal(card_key_open(&key, dir), 0);
    assert_memory_equal(&key, &first, sizeof(first));
}


static void
test_key_bad(void **state)
{
    card_key_t other;
    static const char bytes[CARD_KEY_SIZE + 1] = "12345678";

    (void) state;

    key_put(bytes, CARD_KEY_SIZE, 0600);
    assert_int_equal(card_key_open(&other, dir), 0);
    assert_memory_equal(&other, bytes, CARD_KEY_SIZE);

    key_put(bytes, CARD_KEY_SIZE, 0640);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, EPERM);

    key_put(bytes, CARD_KEY_SIZE, 0604);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, EPERM);

    key_put(bytes, CARD_KEY_SIZE - 1, 0600);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, EBADMSG);

    key_put(bytes, CARD_KEY_SIZE + 1, 0600);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, EBADMSG);

    /* no file: nobody waits for the other end of a pipe */

    (void) unlinkat(dir, "key", 0);
    assert_int_equal(mkfifoat(dir, "key", 0600), 0);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, EBADMSG);

    (void) unlinkat(dir, "key", 0);
    assert_int_equal(symlinkat("/etc/passwd", dir, "key"), 0);
    assert_int_equal(card_key_open(&other, dir), -1);
    assert_int_equal(errno, ELOOP);

    (void) unlinkat(dir, "key", 0);
}


static void
test_card(void **state)
{
    int fd;
    card_t card, other;
    char account[EIRC_LINK_ACCOUNT_MAX];

    (void) state;

    memset(account, 'x', sizeof(account));

    fd = card_make(&key, CARD_WORKER, ID_LONGEST,
                   eirc_slice(account, sizeof(account)));
    assert_int_not_equal(fd, -1);
    assert_int_equal(card_check(&key, fd, &card), EIRC_OK);
    assert_int_equal(card.kind, CARD_WORKER);
    assert_string_equal(card.id, ID_LONGEST);
    assert_int_equal(card.account_len, sizeof(account));
    assert_memory_equal(card.account, account, sizeof(account));

    /* it is read wherever somebody has left off, and by several */

    assert_int_equal(card_check(&key, fd, &other), EIRC_OK);
    assert_memory_equal(&other, &card, sizeof(card));

    /* and stays what it is */

    assert_int_equal(pwrite(fd, "y", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_true(mmap(NULL, sizeof(card), PROT_WRITE, MAP_SHARED, fd, 0)
                == MAP_FAILED);
    (void) close(fd);

    assert_int_equal(
        card_write(&key, &other, CARD_RELAY, ID, eirc_slice(NULL, 0)),
        EIRC_OK);
    assert_int_equal(card_verify(&key, &other), EIRC_OK);
    assert_int_equal(other.kind, CARD_RELAY);
    assert_int_equal(other.account_len, 0);

    /* no longer ones */

    assert_int_equal(card_write(&key, &card, CARD_WORKER, ID_LONGEST "0",
                                eirc_slice(NULL, 0)),
                     EIRC_ERROR);
    assert_int_equal(card_write(&key, &card, CARD_WORKER, ID,
                                eirc_slice(account, sizeof(account) + 1)),
                     EIRC_ERROR);
}


/* Every bit counts, and so does the key. */
static void
test_forged(void **state)
{
    size_t i;
    card_t card;
    card_key_t other;

    (void) state;

    assert_int_equal(
        card_write(&key, &card, CARD_WORKER, ID, EIRC_SLICE("alice")),
        EIRC_OK);

    for (i = 0; i < sizeof(card) * 8; i++) {
        ((uint8_t *) &card)[i / 8] ^= (uint8_t) (1u << i % 8);
        assert_int_equal(card_verify(&key, &card), EIRC_ERROR);
        ((uint8_t *) &card)[i / 8] ^= (uint8_t) (1u << i % 8);
    }

    assert_int_equal(card_verify(&key, &card), EIRC_OK);

    other = key;
    other.bytes[CARD_KEY_SIZE - 1] ^= 0x80;
    assert_int_equal(card_verify(&other, &card), EIRC_ERROR);

    memset(&card, 0, sizeof(card));
    assert_int_equal(card_verify(&key, &card), EIRC_ERROR);
}


/* What somebody may send in place of one. */
static void
test_no_card(void **state)
{
    int fd, ends[2];
    card_t card, out;

    (void) state;

    assert_int_equal(
        card_write(&key, &card, CARD_WORKER, ID, EIRC_SLICE("alice")),
        EIRC_OK);

    assert_int_equal(card_check(&key, -1, &out), EIRC_ERROR);
    assert_int_equal(card_check(&key, dir, &out), EIRC_ERROR);

    /* nothing comes of a pipe, which would be waited for */

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(card_check(&key, ends[0], &out), EIRC_ERROR);
    (void) close(ends[0]);
    (void) close(ends[1]);

    /* memory that can still be changed, too little, and none */

    fd = memfd_create("card", MFD_ALLOW_SEALING);
    assert_int_equal(write(fd, &card, sizeof(card)), sizeof(card));
    assert_int_equal(card_check(&key, fd, &out), EIRC_ERROR);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
    assert_int_equal(card_check(&key, fd, &out), EIRC_ERROR);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(card_check(&key, fd, &out), EIRC_OK);
    (void) close(fd);

    fd = memfd_create("card", MFD_ALLOW_SEALING);
    assert_int_equal(write(fd, &card, sizeof(card) - 1), sizeof(card) - 1);
    assert_int_equal(
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE), 0);
    assert_int_equal(card_check(&key, fd, &out), EIRC_ERROR);
    (void) close(fd);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),     cmocka_unit_test(test_key_once),
        cmocka_unit_test(test_card),    cmocka_unit_test(test_forged),
        cmocka_unit_test(test_no_card), cmocka_unit_test(test_key_bad),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
