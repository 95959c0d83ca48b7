/*
 * adopt: the next layer is looked for until it is there, less and less often;
 * a layer before it is not taken for it; what there is goes over in one packet.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "adopt.h"
#include "packet.h"
#include "rescue.h"

#define ID "3-0123456789abcdef01234567"

static char dir[] = "/tmp/eirc-adopt-XXXXXX";


static int
set_up(void **state)
{
    (void) state;

    return mkdtemp(dir) == NULL ? -1 : chdir(dir);
}


static int
tear_down(void **state)
{
    (void) state;

    return rmdir(dir);
}


static int
listen_at(const char *name)
{
    int fd;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", name);

    fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
    assert_int_equal(listen(fd, 10), 0);

    return fd;
}


static void
claim_fill(claim_t *claim)
{
    static uint8_t passport[PASSPORT_MAX];

    memset(claim, 0, sizeof(claim_t));
    claim->flags = CLAIM_LINK;
    claim->passport = eirc_slice(passport, sizeof(passport));
}


static void
test_found(void **state)
{
    int i, fd, peer, nfds, before, fds[2], came[PACKET_FDS_MAX];
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];
    claim_t claim;
    adopt_t a;

    (void) state;

    claim_fill(&claim);
    assert_int_equal(pipe(fds), 0);

    fd = rescue_open();
    adopt_begin(&a, fd, ID, 7, 1);
    assert_int_equal(adopt_try(&a, &claim, fds), EIRC_AGAIN);

    /* the layer that dies, those before it, and those with another number */

    before = listen_at("sockets.3");
    assert_int_equal(symlink("sockets.3", "after.3.6"), 0);
    assert_int_equal(symlink("sockets.3", "after.4.7"), 0);

    for (i = 0; i < 3; i++) {
        assert_int_equal(adopt_try(&a, &claim, fds), EIRC_AGAIN);
    }

    (void) close(before);

    /* the next one */

    assert_int_equal(symlink("sockets.3", "after.3.7"), 0);
    assert_int_equal(adopt_try(&a, &claim, fds), EIRC_AGAIN);
    assert_int_equal(unlink("sockets.3"), 0);
    before = listen_at("sockets.3");
    assert_int_equal(adopt_try(&a, &claim, fds), EIRC_OK);

    peer = accept(before, NULL, NULL);
    assert_int_not_equal(peer, -1);
    assert_int_equal(rescue_is(peer), 1);

    nfds = PACKET_FDS_MAX;
    assert_int_equal(packet_recv(peer, buf, sizeof(buf), &len, came, &nfds),
                     EIRC_OK);
    assert_int_equal(nfds, 2);
    packet_close(came, nfds);
    assert_int_equal(claim_read(&claim, buf, len), EIRC_OK);
    assert_int_equal(claim.flags, CLAIM_LINK);

    (void) close(peer);
    (void) close(before);
    (void) close(fd);
    (void) close(fds[0]);
    (void) close(fds[1]);
    (void) unlink("sockets.3");
    (void) unlink("after.3.6");
    (void) unlink("after.3.7");
    (void) unlink("after.4.7");
}


/* It dies before it has heard us: the socket is of no use any more. */
static void
test_lost(void **state)
{
    int fd, listener, fds[2] = {0, 1};
    claim_t claim;
    adopt_t a;

    (void) state;

    claim_fill(&claim);
    listener = listen_at("after.3.7");

    fd = rescue_open();
    adopt_begin(&a, fd, ID, 7, 1);
    assert_int_equal(adopt_try(&a, &claim, fds), EIRC_OK);

    (void) close(listener);
    assert_int_equal(adopt_try(&a, &claim, fds), EIRC_ERROR);

    (void) close(fd);
    (void) unlink("after.3.7");
}


/* Longer and longer, up to a second, and not the same for all. */
static void
test_wait(void **state)
{
    int i;
    uint32_t sum, other, wait, max;
    adopt_t a, b;

    (void) state;

    adopt_begin(&a, -1, ID, 1, 4711);
    adopt_begin(&b, -1, ID, 1, 0);

    sum = 0;
    other = 0;

    for (i = 0, max = 20; i < 20; i++) {
        wait = adopt_wait(&a);
        assert_in_range(wait, max / 2, max);
        sum += wait;
        other += adopt_wait(&b);
        max = max * 2 < 1000 ? max * 2 : 1000;
    }

    assert_int_not_equal(sum, other);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_wait),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
