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
    card_t card;

    (void) state;

    assert_int_equal(card_write(&key, &card, CARD_RELAY, ID_LONGEST), EIRC_OK);
    assert_int_equal(card_verify(&key, &card), EIRC_OK);
    assert_int_equal(card.kind, CARD_RELAY);
    assert_string_equal(card.id, ID_LONGEST);

    /* no longer ones */

    assert_int_equal(card_write(&key, &card, CARD_RELAY, ID_LONGEST "0"),
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

    assert_int_equal(card_write(&key, &card, CARD_RELAY, ID), EIRC_OK);

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


/* RFC 4231, 4.2: a key is filled up with zeros. */
static void
test_code(void **state)
{
    card_key_t known;
    uint8_t code[CARD_CODE_SIZE];
    static const uint8_t expected[CARD_CODE_SIZE] = {
        0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
        0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
        0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7,
    };

    (void) state;

    memset(&known, 0, sizeof(known));
    memset(known.bytes, 0x0b, 20);

    assert_int_equal(card_sign(&known, (const uint8_t *) "Hi There", 8, code),
                     EIRC_OK);
    assert_memory_equal(code, expected, CARD_CODE_SIZE);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key),     cmocka_unit_test(test_key_once),
        cmocka_unit_test(test_card),    cmocka_unit_test(test_forged),
        cmocka_unit_test(test_key_bad), cmocka_unit_test(test_code),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
