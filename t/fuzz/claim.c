/*
 * ADOPT, as a hostile worker may send it, whose passport was signed or not:
 * nothing outside of it is read, and what is accepted is within its bounds.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
passport_take(eirc_slice_t bytes)
{
    uint32_t number;
    passport_t passport;
    const uint8_t *p, *end;
    eirc_link_server_t server;
    static const card_key_t key;

    /* nobody can sign without the key, and least of all by chance */

    check(passport_check(&key, &passport, bytes.p, bytes.len) != EIRC_OK
          || passport_read(&passport, bytes.p, bytes.len) == EIRC_OK);

    if (passport_read(&passport, bytes.p, bytes.len) != EIRC_OK) {
        return;
    }

    check(strlen(passport.id) <= EIRC_LINK_ID_MAX);
    (void) eirc_link_id_read(passport.id, strlen(passport.id), &number);

    p = passport.session.servers;
    end = p + passport.session.servers_len;

    while (eirc_link_server_next(&p, end, &server) == EIRC_OK) {
        check(server.host_len <= EIRC_LINK_HOST_MAX);
    }

    check(p == end);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    claim_t claim;
    static uint8_t buf[CLAIM_RECORD_MAX];

    if (claim_read(&claim, p, len) != EIRC_OK) {
        return 0;
    }

    check(claim_descriptors(&claim) >= 1 && claim_descriptors(&claim) <= 3);
    check(claim_write(buf, &claim) == len);
    check(memcmp(buf, p, len) == 0);

    passport_take(claim.passport);

    return 0;
}
