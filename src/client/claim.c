#include "claim.h"

#include <string.h>

#include "eirc_link_bytes.h"

#define HEADER EIRC_LINK_HEADER_SIZE

_Static_assert(CLAIM_SIZE + PASSPORT_MAX == EIRC_LINK_ADOPT_MAX, "its room");


size_t
claim_write(uint8_t *p, const claim_t *claim)
{
    uint8_t *body;

    if (claim->passport.len > PASSPORT_MAX) {
        return 0;
    }

    (void) eirc_link_record_write(p, EIRC_LINK_ADOPT, EIRC_LINK_VERSION,
                                  CLAIM_VERSION, NULL);

    body = p + HEADER;

    put32(body, claim->flags);
    put32(body + 4, claim->attachment);
    put32(body + 8, claim->connection);
    put32(body + 12, claim->server);
    memcpy(body + 16, claim->key, EIRC_LINK_KEY_SIZE);
    memcpy(body + 48, claim->next_key, EIRC_LINK_KEY_SIZE);
    memcpy(body + CLAIM_SIZE, claim->passport.p, claim->passport.len);

    return HEADER + CLAIM_SIZE + claim->passport.len;
}


int
claim_read(claim_t *claim, const uint8_t *p, size_t len)
{
    eirc_link_header_t h;

    if (eirc_link_header_read(&h, p, len) != EIRC_OK
        || h.type != EIRC_LINK_ADOPT || h.value != EIRC_LINK_VERSION
        || h.count != CLAIM_VERSION)
    {
        return EIRC_ERROR;
    }

    p += HEADER;

    claim->flags = get32(p);
    claim->attachment = get32(p + 4);
    claim->connection = get32(p + 8);
    claim->server = get32(p + 12);
    memcpy(claim->key, p + 16, EIRC_LINK_KEY_SIZE);
    memcpy(claim->next_key, p + 48, EIRC_LINK_KEY_SIZE);
    claim->passport = eirc_slice(p + CLAIM_SIZE, len - HEADER - CLAIM_SIZE);

    return (claim->flags & ~(uint32_t) CLAIM_FLAGS) == 0 ? EIRC_OK
                                                         : EIRC_ERROR;
}


int
claim_descriptors(const claim_t *claim)
{
    return 1 + ((claim->flags & CLAIM_IRC) != 0)
           + ((claim->flags & CLAIM_LINK) != 0);
}
