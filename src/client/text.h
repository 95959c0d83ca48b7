/*
 * Text as a terminal may have it: made of what anybody said, cut into rows.
 * Control characters don't get through, colors are taken off; of formatting
 * bold, italic, underlined and reverse are left, as the bytes that IRC has
 * for them. Needs a locale of UTF-8. No I/O.
 */

#ifndef _TEXT_H_INCLUDED_
#define _TEXT_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "eirc_slice.h"

#define TEXT_BOLD 0x01
#define TEXT_ITALIC 0x02
#define TEXT_UNDERLINE 0x04
#define TEXT_REVERSE 0x08

/* bytes that switch the first of them, and all of them off */
#define TEXT_CODE_BOLD "\x02"
#define TEXT_CODE_OFF "\x0f"

/* of a character that stands on one with a width; more of them are dropped */
#define TEXT_COMBINING_MAX 4

/* a clean text, or what is left of it */
typedef struct {
    const char *p;
    const char *end;
    unsigned attributes; /* at p */
} text_t;

/* Cleans a text; out gets a NUL. What doesn't fit is cut. Its length. */
size_t text_clean(char *out, size_t size, eirc_slice_t in);

/* Of a clean string. */
text_t text_of(const char *s, size_t len);

/* The next character and its columns; false: there is none. */
bool text_next(text_t *t, wchar_t *c, int *width);

/*
 * Cuts the next row off rest, between words if it can; false: there is none.
 * A row has a character at least, also where that has too many columns.
 */
bool text_row(text_t *rest, int columns, text_t *row);

/* How many rows it takes, at least 1. */
unsigned text_rows(text_t t, int columns);

#endif /* _TEXT_H_INCLUDED_ */
