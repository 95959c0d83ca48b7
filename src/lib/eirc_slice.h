/*
 * A slice: bytes that somebody else owns.  It is never terminated by NUL and
 * may hold any byte.  { NULL, 0 } stands for "not there", a non-NULL pointer
 * with length 0 for "there and empty".  A slice is valid for as long as the
 * buffer that it points into is neither freed nor overwritten.
 */

#ifndef _EIRC_SLICE_H_INCLUDED_
#define _EIRC_SLICE_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *p;
    size_t len;
} eirc_slice_t;


/* a slice of a string literal, without its NUL */
#define EIRC_SLICE(literal)                                                   \
    ((eirc_slice_t){(const uint8_t *) ("" literal), sizeof(literal) - 1})


static inline eirc_slice_t
eirc_slice(const void *p, size_t len)
{
    eirc_slice_t s;

    s.p = p;
    s.len = len;

    return s;
}


/* of a string terminated by NUL; NULL gives the slice that is not there */
static inline eirc_slice_t
eirc_slice_str(const char *s)
{
    return eirc_slice(s, s == NULL ? 0 : strlen(s));
}


/* the same bytes; no difference between "empty" and "not there" */
static inline bool
eirc_slice_equal(eirc_slice_t a, eirc_slice_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}


/* without the spaces at either end */
static inline eirc_slice_t
eirc_slice_trim(eirc_slice_t s)
{
    while (s.len > 0 && s.p[0] == ' ') {
        s = eirc_slice(s.p + 1, s.len - 1);
    }

    while (s.len > 0 && s.p[s.len - 1] == ' ') {
        s.len--;
    }

    return s;
}

#endif /* _EIRC_SLICE_H_INCLUDED_ */
