#include "passport.h"

#include <string.h>

#define VERSION 1


size_t
passport_write(const card_key_t *key, uint8_t *p, const char *id,
               const eirc_link_session_t *session)
{
    size_t len;

    if (strlen(id) > EIRC_LINK_ID_MAX) {
        return 0;
    }

    len = eirc_link_session_write(p + PASSPORT_HEAD, session);
    if (len == 0) {
        return 0;
    }

    len += PASSPORT_HEAD;

    memset(p, 0, PASSPORT_HEAD);
    p[0] = VERSION;
    p[1] = CARD_PASSPORT;
    p[2] = (uint8_t) (len & 0xff);
    p[3] = (uint8_t) (len >> 8);
    memcpy(p + 4, id, strlen(id));

    if (card_sign(key, p, len, p + len) != EIRC_OK) {
        return 0;
    }

    return len + CARD_CODE_SIZE;
}


int
passport_read(passport_t *passport, const uint8_t *p, size_t len)
{
    if (len < PASSPORT_HEAD + CARD_CODE_SIZE || p[0] != VERSION
        || p[1] != CARD_PASSPORT
        || ((size_t) p[2] | (size_t) p[3] << 8) != len - CARD_CODE_SIZE)
    {
        return EIRC_ERROR;
    }

    memcpy(passport->id, p + 4, sizeof(passport->id));

    if (memchr(passport->id, '\0', sizeof(passport->id)) == NULL) {
        return EIRC_ERROR;
    }

    return eirc_link_session_read(&passport->session, p + PASSPORT_HEAD,
                                  len - PASSPORT_HEAD - CARD_CODE_SIZE);
}


int
passport_check(const card_key_t *key, passport_t *passport, const uint8_t *p,
               size_t len)
{
    /* the code goes first: what is not ours has nothing to tell */

    if (len < CARD_CODE_SIZE
        || card_signed(key, p, len - CARD_CODE_SIZE, p + len - CARD_CODE_SIZE)
               != EIRC_OK)
    {
        return EIRC_ERROR;
    }

    return passport_read(passport, p, len);
}
