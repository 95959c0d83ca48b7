/*
 * Character sets with one byte for each character, of which the lower 128 are
 * ASCII: to UTF-8 and back. A set is a table, made by iconv when a
 * configuration is read (eirc_charset_find alone opens files and allocates);
 * from then on nothing but the table is needed. Anybody may call.
 */

#ifndef _EIRC_CHARSET_H_INCLUDED_
#define _EIRC_CHARSET_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"

/* bytes that mean something else in each set: 128 to 255 */
#define EIRC_CHARSET_HIGH 128

/* bytes without a meaning become this */
#define EIRC_CHARSET_NOTHING 0xfffdu

/* bytes of UTF-8 for one byte, at most: all is below U+10000 */
#define EIRC_CHARSET_GROWTH 3

/* eirc_charset_write() */
#define EIRC_CHARSET_TEXT_MAX (EIRC_CHARSET_HIGH * EIRC_CHARSET_GROWTH)

/* a name, as iconv knows it */
#define EIRC_CHARSET_NAME_MAX 63

typedef struct {
    uint16_t high[EIRC_CHARSET_HIGH];
} eirc_charset_t;


/*
 * By its name. EIRC_ERROR: iconv does not know it; EIRC_DONE: it is UTF-8;
 * EIRC_AGAIN: not a byte for each character, or not ASCII below.
 */
int eirc_charset_find(eirc_charset_t *cs, const char *name);

/* The 128 characters as UTF-8, and from it: EIRC_ERROR if there are more or
 * less of them, or any that is ASCII. */
size_t eirc_charset_write(uint8_t *out, const eirc_charset_t *cs);
int eirc_charset_read(eirc_charset_t *cs, const uint8_t *p, size_t len);

/* are these tables such as the function above makes? */
bool eirc_charset_valid(const eirc_charset_t *cs);

/* is it what lines are taken for anyhow, Windows-1252? */
bool eirc_charset_is_default(const eirc_charset_t *cs);

/*
 * To UTF-8: at most cap bytes, never a part of a character; what does not fit
 * is cut off. Returns the number of bytes written.
 */
size_t eirc_charset_decode(uint8_t *out, size_t cap, const uint8_t *p,
                           size_t len, const eirc_charset_t *cs);

/*
 * From UTF-8: what the set does not have becomes '?', as does each byte that
 * is no UTF-8. Never longer than before; out may be p.
 */
size_t eirc_charset_encode(uint8_t *out, const uint8_t *p, size_t len,
                           const eirc_charset_t *cs);

#endif /* _EIRC_CHARSET_H_INCLUDED_ */
