/*
 * Reads any bytes as the JSON of USER.  What is accepted can stand in IRC
 * lines, is terminated, and its channels are valid and not too many.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_utf8.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static eirc_slice_t
check_string(const char *text, size_t size)
{
    eirc_slice_t s;

    check(memchr(text, '\0', size) != NULL);

    s = eirc_slice_str(text);
    check(eirc_irc_text_valid(s));
    check(eirc_utf8_valid(s.p, s.len));

    return s;
}


static void
check_identity(const session_identity_t *id)
{
    check(eirc_irc_nick_valid(check_string(id->nick, sizeof(id->nick))));
    check(
        eirc_irc_user_valid(check_string(id->username, sizeof(id->username))));
    check(check_string(id->realname, sizeof(id->realname)).len > 0);
    (void) check_string(id->account, sizeof(id->account));

    check(memchr(id->address, '\0', sizeof(id->address)) != NULL);
    check(id->mode < SESSION_MODES && id->port <= 65535
          && id->local_port <= 65535 && id->secure <= 1);
}


static void
check_secrets(const secrets_t *s)
{
    eirc_slice_t word;

    (void) check_string(s->secret, sizeof(s->secret));
    (void) check_string(s->password, sizeof(s->password));

    word = check_string(s->webirc, sizeof(s->webirc));
    check(word.len == 0 || eirc_irc_word_valid(word));
    word = check_string(s->gateway, sizeof(s->gateway));
    check(word.len == 0 || eirc_irc_word_valid(word));
}


static void
check_channels(const request_t *r)
{
    unsigned n;
    uint32_t cursor;
    eirc_slice_t name;

    n = 0;
    cursor = 0;

    while (request_channel_next(r, &cursor, &name) == EIRC_OK) {
        check(eirc_irc_channel_valid(name));
        check(name.len >= 2 && name.len <= EIRC_IRC_CHANNEL_MAX);
        n++;
    }

    check(n == r->nchannels && n <= REQUEST_CHANNELS_MAX);
    check(cursor == r->used && cursor <= sizeof(r->channels));
}


static _Alignas(16) uint8_t room[REQUEST_ROOM];


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    request_t *r;
    const char *error;

    if (len > EIRC_LINK_USER_MAX) {
        return 0;
    }

    r = malloc(sizeof(request_t));
    check(r != NULL);
    error = NULL;

    if (request_read(r, p, len, room, &error) == EIRC_OK) {
        check_identity(&r->identity);
        check_secrets(&r->secrets);
        check_channels(r);

    } else {
        check(error != NULL);
    }

    free(r);

    return 0;
}
