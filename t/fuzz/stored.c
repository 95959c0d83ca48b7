/*
 * A session's file, as somebody may have written it who has the key: whatever
 * is in it, nothing outside of it is read, and what is accepted has pages of
 * its segment alone, no descriptor and no process. The input is a file without
 * its code.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
pages_take(const stored_t *stored)
{
    size_t cursor, offset, n;
    const uint8_t *page;
    static uint8_t copy[SESSION_PAGE];

    cursor = 0;
    n = 0;

    while ((page = stored_page(stored, &cursor, &offset)) != NULL) {
        check(offset % SESSION_PAGE == 0
              && offset + SESSION_PAGE <= stored->head.size);
        memcpy(copy, page, SESSION_PAGE);
        n++;
    }

    check(n <= stored->head.size / SESSION_PAGE);
}


static void
record_take(const stored_t *stored)
{
    held_t s;

    check(strlen(stored->passport.id) <= EIRC_LINK_ID_MAX);
    check(stored->head.size
          == session_segment_size(stored->passport.session.replay));

    memset(&s, 0, sizeof(s));

    if (stored_fill(&s, stored) != EIRC_OK) {
        return;
    }

    check(s.state == HELD_WAITING && s.irc_state == HELD_IRC_NONE);
    check(s.pid == 0 && s.link == -1 && s.segment == -1 && s.secret == -1
          && s.control == -1 && s.irc == -1 && s.worker_control == -1
          && s.pidfd == -1);
    check(s.doomed == 0 && s.anew == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    uint8_t *file;
    stored_t stored;
    static const card_key_t key;

    /* nobody can sign without the key, and least of all by chance */

    check(stored_read(&key, &stored, p, len) != EIRC_OK);

    file = malloc(len + CARD_CODE_SIZE);
    check(file != NULL);

    if (len > 0) {
        memcpy(file, p, len);
    }

    check(card_sign(&key, file, len, file + len) == EIRC_OK);

    if (stored_read(&key, &stored, file, len + CARD_CODE_SIZE) == EIRC_OK) {
        pages_take(&stored);
        record_take(&stored);
    }

    free(file);

    return 0;
}
