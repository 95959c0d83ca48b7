/* A session, and a segment, to be written to files. */

#ifndef _STORE_STAGE_H_INCLUDED_
#define _STORE_STAGE_H_INCLUDED_

#include <stdlib.h>
#include <string.h>

#include "stored.h"

#define ID "7-0123456789abcdef01234567"

#define SIZE session_segment_size(EIRC_REPLAY_MIN)

static const card_key_t key = {{1, 2, 3}};


/* A session with something in it; its passport is from malloc. */
static void
stage_session(held_t *s)
{
    size_t len, servers_len;
    uint8_t servers[300], buf[PASSPORT_MAX];
    eirc_link_server_t server = {0, 6667, "irc.example.com", 15};
    eirc_link_session_t request;
    static const uint8_t hash[EIRC_LINK_KEY_SIZE] = {0xcd};

    memset(&request, 0, sizeof(request));
    servers_len = 0;
    assert_int_equal(
        eirc_link_server_add(servers, &servers_len, sizeof(servers), &server),
        EIRC_OK);

    request.flags = EIRC_LINK_RESUMABLE;
    request.replay = EIRC_REPLAY_MIN;
    request.linger = 30000;
    request.cpu = EIRC_LINK_CPU_ANY;
    request.account = "alice";
    request.account_len = 5;
    request.servers = servers;
    request.servers_len = servers_len;
    request.key = hash;

    len = passport_write(&key, buf, ID, &request);
    assert_int_not_equal(len, 0);

    memset(s, 0, sizeof(held_t));
    s->passport = malloc(len);
    assert_non_null(s->passport);
    memcpy(s->passport, buf, len);
    s->passport_len = (uint32_t) len;

    s->state = HELD_RUNNING;
    s->irc_state = HELD_IRC_CONNECTED;
    s->pid = 4711;
    s->attached = 1;
    s->link = 10;
    s->segment = 11;
    s->secret = -1;
    s->control = 12;
    s->irc = 13;
    s->worker_control = -1;
    s->pidfd = -1;
    s->anew = 1;
    s->open = 1;
    s->attachment = 3;
    s->attempt = 0x01020304;
    bucket_init(&s->events, 2000, 20, 99);
    bucket_init(&s->flood, 10000, 1000, 99);
    bucket_init(&s->returns, 500, 10, 98);
    memcpy(s->key, hash, sizeof(s->key));
    memset(s->next_key, 0xab, sizeof(s->next_key));
}


/* A file of it, with two pages that are not empty; from malloc. */
static uint8_t *
stage_file(const held_t *s, const stored_head_t *head, size_t *len)
{
    uint8_t *p, *segment;

    segment = calloc(1, SIZE);
    p = malloc(stored_room(SIZE));
    assert_non_null(segment);
    assert_non_null(p);

    segment[SESSION_PAGE - 1] = 1;
    segment[SIZE - SESSION_PAGE] = 2;

    *len = stored_write(&key, p, head, s, segment, SIZE);
    assert_int_not_equal(*len, 0);
    assert_true(*len <= stored_room(2 * (size_t) SESSION_PAGE));
    free(segment);

    return p;
}

#endif /* _STORE_STAGE_H_INCLUDED_ */
