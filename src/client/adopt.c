#include "adopt.h"

#include <errno.h>
#include <string.h>

#include "packet.h"
#include "rescue.h"
#include "rundir.h"
#include "xorshift.h"

/* ms; a layer that is started at once takes some 20 */
#define DELAY_FIRST 20
#define DELAY_MAX 1000
#define DELAY_CONNECTED 250 /* it is there, and has others before us */


void
adopt_begin(adopt_t *a, int fd, const char *id, uint32_t generation,
            uint32_t seed)
{
    uint32_t number;

    a->fd = fd;
    a->connected = false;
    a->delay = DELAY_FIRST;
    a->random = seed != 0 ? seed : 1;

    number = 0;
    (void) eirc_link_id_read(id, strlen(id), &number);

    rundir_after(a->name, sizeof(a->name), number, generation);
}


uint32_t
adopt_wait(adopt_t *a)
{
    uint32_t wait, max;

    wait = a->delay / 2 + xorshift_next(&a->random) % (a->delay / 2 + 1);

    max = a->connected ? DELAY_CONNECTED : DELAY_MAX;
    a->delay = a->delay * 2 < max ? a->delay * 2 : max;

    return wait;
}


int
adopt_try(adopt_t *a, const claim_t *claim, const int *fds)
{
    int rc;
    size_t len;
    uint8_t buf[CLAIM_RECORD_MAX];

    if (!a->connected && rescue_reach(a->fd, a->name) == -1
        && errno != EISCONN) {
        return EIRC_AGAIN;
    }

    a->connected = true;

    len = claim_write(buf, claim);
    if (len == 0) {
        return EIRC_ERROR;
    }

    rc = packet_send(a->fd, buf, len, fds, claim_descriptors(claim));

    /*
     * A user's descriptors on their way may not be more than one process may
     * have, which is little for a worker: the others are taken first.
     */

    return rc == EIRC_ERROR && errno == ETOOMANYREFS ? EIRC_AGAIN : rc;
}
