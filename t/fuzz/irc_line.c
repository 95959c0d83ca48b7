/*
 * Reads any bytes as a line of IRC.  A line that was taken apart and can be
 * put together again, without its tags, must read the same; the helpers
 * beside it must keep their promises on the same bytes.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eirc_irc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_within(eirc_slice_t s, const uint8_t *p, size_t len)
{
    if (s.p != NULL) {
        check(s.p >= p && s.len <= len && s.p + s.len <= p + len);
    }
}


static void
check_tags(eirc_slice_t tags)
{
    size_t n, m;
    uint8_t *plain, *escaped, *again;
    eirc_slice_t rest, key, value, found;

    rest = tags;

    while (eirc_irc_tag_next(&rest, &key, &value) == EIRC_OK) {
        check_within(key, tags.p, tags.len);
        check_within(value, tags.p, tags.len);
        check(eirc_irc_tag_get(tags, key, &found));

        plain = malloc(value.len + 1);
        escaped = malloc(2 * value.len + 1);
        check(plain != NULL && escaped != NULL);
        check(eirc_irc_tag_unescape(plain, value.len, &n, value) == EIRC_OK);
        check(eirc_irc_tag_escape(escaped, 2 * n, &m, eirc_slice(plain, n))
              == EIRC_OK);
        again = malloc(m + 1);
        check(again != NULL);
        check(eirc_irc_tag_unescape(again, m, &m, eirc_slice(escaped, m))
              == EIRC_OK);
        check(m == n && memcmp(plain, again, n) == 0);
        free(plain);
        free(escaped);
        free(again);
    }
}


static int
build(uint8_t *buf, size_t cap, size_t *len, const eirc_irc_msg_t *msg)
{
    unsigned i;
    eirc_irc_builder_t b;

    eirc_irc_build_init(&b, buf, cap);

    if (msg->source.len > 0) {
        eirc_irc_build_source(&b, msg->source);
    }

    eirc_irc_build_verb(&b, msg->verb);

    for (i = 0; i + 1 < msg->nparams; i++) {
        eirc_irc_build_param(&b, msg->params[i]);
    }

    if (i < msg->nparams) {
        eirc_irc_build_trailing(&b, msg->params[i]);
    }

    return eirc_irc_build_finish(&b, len);
}


static void
check_line(const uint8_t *p, size_t len)
{
    unsigned i;
    size_t n;
    static uint8_t out[EIRC_IRC_LINE_BUFFER];
    eirc_irc_msg_t msg, again;

    if (eirc_irc_parse(&msg, p, len) != EIRC_OK) {
        return;
    }

    check(msg.verb.len > 0);
    check(msg.nparams <= EIRC_IRC_PARAMS_MAX);
    check_within(msg.tags, p, len);
    check_within(msg.source, p, len);
    check_within(msg.nick, p, len);
    check_within(msg.user, p, len);
    check_within(msg.host, p, len);
    check_within(msg.verb, p, len);

    for (i = 0; i < msg.nparams; i++) {
        check_within(msg.params[i], p, len);
    }

    check_tags(msg.tags);

    if (build(out, sizeof(out), &n, &msg) != EIRC_OK) {
        return;
    }

    check(n <= EIRC_IRC_CONTENT_MAX);
    check(eirc_irc_text_valid(eirc_slice(out, n)));
    check(eirc_irc_parse(&again, out, n) == EIRC_OK);
    check(eirc_slice_equal(again.source, msg.source));
    check(eirc_slice_equal(again.verb, msg.verb));
    check(again.nparams == msg.nparams);

    for (i = 0; i < msg.nparams; i++) {
        check(eirc_slice_equal(again.params[i], msg.params[i]));
    }
}


static void
check_names(const uint8_t *p, size_t len)
{
    size_t half;
    eirc_slice_t all, mask, text;

    half = len / 2;
    all = eirc_slice(p, len);
    mask = eirc_slice(p, half);
    text = eirc_slice(p + half, len - half);

    (void) eirc_irc_mask_match(EIRC_IRC_RFC1459, mask, text);
    check(eirc_irc_mask_match(EIRC_IRC_RFC1459, EIRC_SLICE("*"), all));

    if (eirc_irc_equal(EIRC_IRC_RFC1459, mask, text)) {
        check(eirc_irc_hash(EIRC_IRC_RFC1459, 1, mask)
              == eirc_irc_hash(EIRC_IRC_RFC1459, 1, text));
        check(eirc_irc_compare(EIRC_IRC_RFC1459, mask, text) == 0);
    }

    check((eirc_irc_compare(EIRC_IRC_ASCII, mask, text) < 0)
          == (eirc_irc_compare(EIRC_IRC_ASCII, text, mask) > 0));

    if (eirc_irc_nick_valid(all) || eirc_irc_user_valid(all)
        || eirc_irc_channel_valid(all))
    {
        check(eirc_irc_text_valid(all) && memchr(p, ' ', len) == NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    if (len == 0) {
        return 0;
    }

    check_line(p, len);

    if (len <= 512) {
        check_names(p, len);
    }

    return 0;
}
