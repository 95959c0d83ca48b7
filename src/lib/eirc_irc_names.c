#include "eirc_irc_names.h"

#include "eirc_limits.h"
#include "eirc_utf8.h"

#define LOW_BITS UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)


/* not 0 if a byte of the word is zero */
static inline uint64_t
has_zero(uint64_t word)
{
    return (word - LOW_BITS) & ~word & HIGH_BITS;
}


static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}


/* is c one of the characters of the string? */
static bool
is_one_of(const char *characters, uint8_t c)
{
    return c != '\0' && strchr(characters, c) != NULL;
}


bool
eirc_irc_text_valid(eirc_slice_t text)
{
    size_t len;
    uint64_t word, bad;
    const uint8_t *p;

    p = text.p;
    len = text.len;

    while (len >= 8) {
        memcpy(&word, p, 8);
        bad = has_zero(word) | has_zero(word ^ LOW_BITS * '\r')
              | has_zero(word ^ LOW_BITS * '\n');

        if (bad != 0) {
            return false;
        }

        p += 8;
        len -= 8;
    }

    while (len > 0) {
        if (*p == '\0' || *p == '\r' || *p == '\n') {
            return false;
        }

        p++;
        len--;
    }

    return true;
}


bool
eirc_irc_word_valid(eirc_slice_t word)
{
    size_t i;

    for (i = 0; i < word.len; i++) {

        if (word.p[i] <= ' ' || word.p[i] == 0x7f) {
            return false;
        }
    }

    return word.len > 0 && word.p[0] != ':';
}


/* case */


bool
eirc_irc_casemap(eirc_slice_t name, eirc_irc_casemap_e *map)
{
    if (eirc_slice_equal(name, EIRC_SLICE("rfc1459"))) {
        *map = EIRC_IRC_RFC1459;
        return true;
    }

    if (eirc_slice_equal(name, EIRC_SLICE("strict-rfc1459"))
        || eirc_slice_equal(name, EIRC_SLICE("rfc1459-strict")))
    {
        *map = EIRC_IRC_RFC1459_STRICT;
        return true;
    }

    *map = EIRC_IRC_ASCII;

    return eirc_slice_equal(name, EIRC_SLICE("ascii"));
}


bool
eirc_irc_equal(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b)
{
    return a.len == b.len && eirc_irc_compare(map, a, b) == 0;
}


int
eirc_irc_compare(eirc_irc_casemap_e map, eirc_slice_t a, eirc_slice_t b)
{
    int diff;
    size_t i;

    for (i = 0; i < a.len && i < b.len; i++) {
        diff = eirc_irc_fold(map, a.p[i]) - eirc_irc_fold(map, b.p[i]);

        if (diff != 0) {
            return diff;
        }
    }

    return (a.len > b.len) - (a.len < b.len);
}


uint32_t
eirc_irc_hash(eirc_irc_casemap_e map, uint32_t seed, eirc_slice_t name)
{
    size_t i;
    uint32_t h;

    /* FNV-1a from a seed of our own; at the end every bit goes everywhere */

    h = seed ^ UINT32_C(0x811c9dc5);

    for (i = 0; i < name.len; i++) {
        h = (h ^ eirc_irc_fold(map, name.p[i])) * UINT32_C(0x01000193);
    }

    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= h >> 13;

    return h;
}


/* masks and names */


bool
eirc_irc_mask_match(eirc_irc_casemap_e map, eirc_slice_t mask,
                    eirc_slice_t text)
{
    size_t m, t, star, from;

    /*
     * On a mismatch the last star takes one byte more.  Earlier stars never
     * need to be tried again, so the time is mask times text at worst.
     */

    m = 0;
    t = 0;
    star = SIZE_MAX;
    from = 0;

    while (t < text.len) {
        if (m < mask.len && mask.p[m] == '*') {
            star = m++;
            from = t;
            continue;
        }

        if (m < mask.len
            && (mask.p[m] == '?'
                || eirc_irc_fold(map, mask.p[m])
                       == eirc_irc_fold(map, text.p[t])))
        {
            m++;
            t++;
            continue;
        }

        if (star == SIZE_MAX) {
            return false;
        }

        m = star + 1;
        t = ++from;
    }

    while (m < mask.len && mask.p[m] == '*') {
        m++;
    }

    return m == mask.len;
}


bool
eirc_irc_nick_reserved(eirc_slice_t nick)
{
    return eirc_irc_equal(EIRC_IRC_RFC1459, nick, EIRC_SLICE("client"));
}


/* neither control bytes nor a space nor one of these characters */
static bool
name_valid(eirc_slice_t name, size_t max, const char *refused)
{
    size_t i;

    if (name.len == 0 || name.len > max) {
        return false;
    }

    for (i = 0; i < name.len; i++) {
        if (name.p[i] <= ' ' || name.p[i] == 0x7f
            || is_one_of(refused, name.p[i])) {
            return false;
        }
    }

    return eirc_utf8_valid(name.p, name.len);
}


bool
eirc_irc_nick_valid(eirc_slice_t nick)
{
    return name_valid(nick, EIRC_IRC_NICK_MAX, "!@*?,.:")
           && !is_digit(nick.p[0]) && !is_one_of("#&$+%~-", nick.p[0])
           && !eirc_irc_nick_reserved(nick);
}


bool
eirc_irc_user_valid(eirc_slice_t user)
{
    return name_valid(user, EIRC_IRC_USER_MAX, "!@*?:");
}


bool
eirc_irc_channel_valid(eirc_slice_t channel)
{
    if (channel.len < 2 || channel.len > EIRC_IRC_CHANNEL_MAX
        || !is_one_of("#&+!", channel.p[0]))
    {
        return false;
    }

    return eirc_irc_text_valid(channel)
           && memchr(channel.p, ' ', channel.len) == NULL
           && memchr(channel.p, ',', channel.len) == NULL
           && memchr(channel.p, '\a', channel.len) == NULL;
}
