/*
 * Reads any bytes as the value of Sec-WebSocket-Extensions.  The first two
 * bytes of an input hold what the server wants.  What is agreed on must be
 * within its bounds, and the answer, read as an offer, must say the same.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_bounds(const eirc_deflate_t *agreed, const eirc_deflate_t *want)
{
    check(agreed->server_window_bits >= 8);
    check(agreed->server_window_bits <= want->server_window_bits);
    check(agreed->server_window_stated || agreed->server_window_bits == 15);

    check(agreed->client_window_bits >= 8);
    check(agreed->client_window_bits <= 15);
    check(agreed->client_window_stated == (agreed->client_window_bits < 15));
    check(agreed->client_window_bits <= want->client_window_bits
          || !agreed->client_window_stated);

    check(agreed->server_no_context_takeover
          || !want->server_no_context_takeover);
    check(agreed->client_no_context_takeover
          || !want->client_no_context_takeover);
}


/* a server that wants nothing takes the answer as it is */
static void
check_answer(const eirc_deflate_t *agreed)
{
    size_t n;
    uint8_t *answer;
    eirc_deflate_t again, all;

    memset(&all, 0, sizeof(all));
    all.server_window_bits = 15;
    all.client_window_bits = 15;

    answer = malloc(EIRC_DEFLATE_ANSWER_MAX);
    check(answer != NULL);

    n = eirc_deflate_answer(answer, agreed);
    check(n <= EIRC_DEFLATE_ANSWER_MAX);
    check(eirc_deflate_negotiate(&again, &all, answer, n) == EIRC_OK);

    check(again.server_no_context_takeover
          == agreed->server_no_context_takeover);
    check(again.client_no_context_takeover
          == agreed->client_no_context_takeover);
    check(again.server_window_bits == agreed->server_window_bits);
    check(again.server_window_stated == agreed->server_window_stated);
    check(again.client_window_bits == agreed->client_window_bits);
    check(again.client_window_stated == agreed->client_window_stated);

    free(answer);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    int rc;
    eirc_deflate_t agreed, want;

    if (len < 2) {
        return 0;
    }

    memset(&want, 0, sizeof(want));
    want.server_no_context_takeover = (p[0] & 8) != 0;
    want.client_no_context_takeover = (p[1] & 8) != 0;
    want.server_window_bits = (uint8_t) (8 + p[0] % 8);
    want.client_window_bits = (uint8_t) (8 + p[1] % 8);

    rc = eirc_deflate_negotiate(&agreed, &want, p + 2, len - 2);
    check(rc == EIRC_OK || rc == EIRC_DONE || rc == EIRC_ERROR);

    if (rc == EIRC_OK) {
        check_bounds(&agreed, &want);
        check_answer(&agreed);
    }

    return 0;
}
