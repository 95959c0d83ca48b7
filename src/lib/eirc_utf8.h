/*
 * UTF-8 (RFC 3629): an incremental check that stops at the first bad byte,
 * and what IRC needs beside it.  Overlong forms, surrogates and anything
 * above U+10FFFF are refused; NUL and other control bytes are characters like
 * any other.  The state is one number, owned by the caller.  Anybody may call.
 */

#ifndef _EIRC_UTF8_H_INCLUDED_
#define _EIRC_UTF8_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Between characters it is EIRC_UTF8_START, inside of one something else,
 * and EIRC_UTF8_BAD from the first byte on that can't be right.
 */
typedef uint32_t eirc_utf8_t;

#define EIRC_UTF8_START 0
#define EIRC_UTF8_BAD UINT32_MAX

/* bytes of the longest character that a byte of Windows-1252 becomes */
#define EIRC_UTF8_CP1252_MAX 3


/*
 * Goes on with len bytes and returns the new state.  A text is valid when the
 * state behind its last byte is EIRC_UTF8_START.  Bad stays bad.
 */
eirc_utf8_t eirc_utf8_feed(eirc_utf8_t state, const uint8_t *p, size_t len);

/* is this whole slice valid? */
bool eirc_utf8_valid(const uint8_t *p, size_t len);

/*
 * The length of the longest prefix that consists of whole valid characters.
 * To cut a text at N bytes, ask for the prefix of its first N bytes.
 */
size_t eirc_utf8_prefix(const uint8_t *p, size_t len);

/*
 * Converts Windows-1252 to UTF-8: at most cap bytes are written to out, never
 * a part of a character; what does not fit is cut off.  The five bytes
 * without a meaning become U+FFFD.  Returns the number of bytes written.  A
 * room of EIRC_UTF8_CP1252_MAX * len holds everything.  The buffers must not
 * overlap.
 */
size_t eirc_utf8_from_cp1252(uint8_t *out, size_t cap, const uint8_t *p,
                             size_t len);

#endif /* _EIRC_UTF8_H_INCLUDED_ */
