#include "text.h"

#include <string.h>

#define REPLACEMENT 0xfffd

/* the bytes of IRC */
#define CODE_BOLD 0x02
#define CODE_COLOR 0x03
#define CODE_HEX_COLOR 0x04
#define CODE_OFF 0x0f
#define CODE_REVERSE 0x16
#define CODE_ITALIC 0x1d
#define CODE_UNDERLINE 0x1f


/* A character and its bytes; what is none counts for one byte. */
static wchar_t
decode(const char *p, size_t len, size_t *taken)
{
    size_t n;
    wchar_t c;
    mbstate_t state;

    memset(&state, 0, sizeof(state));
    n = mbrtowc(&c, p, len, &state);

    if (n == (size_t) -1 || n == (size_t) -2 || n == 0) {
        *taken = 1;
        return n == 0 ? 0 : REPLACEMENT;
    }

    *taken = n;

    return c;
}


/* cleaning */

static bool
is_digit(uint8_t c, bool hex)
{
    return (c >= '0' && c <= '9')
           || (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}


/* So many digits at most. */
static size_t
digits(eirc_slice_t in, size_t i, size_t max, bool hex)
{
    size_t n;

    for (n = 0; n < max && i + n < in.len && is_digit(in.p[i + n], hex); n++) {
        /* void */
    }

    return n;
}


/* The bytes behind a color's code: one, or two with a comma between them. */
static size_t
color_skip(eirc_slice_t in, size_t i, bool hex)
{
    size_t n, second, max;

    max = hex ? 6 : 2;
    n = digits(in, i, max, hex);

    if (n > 0 && i + n < in.len && in.p[i + n] == ',') {
        second = digits(in, i + n + 1, max, hex);
        n += second > 0 ? second + 1 : 0;
    }

    return n;
}


static bool
is_format(uint8_t c)
{
    return c == CODE_BOLD || c == CODE_OFF || c == CODE_REVERSE
           || c == CODE_ITALIC || c == CODE_UNDERLINE;
}


/* Controls, and what changes the direction of a whole line. */
static bool
is_dropped(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c
           || (c >= 0x200b && c <= 0x200f && c != 0x200d)
           || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f)
           || c == 0xfeff;
}


/* What is shown of a character; 0: nothing. */
static wchar_t
character_clean(wchar_t c, unsigned *combining)
{
    int width;

    if (c == L'\t') {
        c = L' ';
    }

    if (is_dropped(c)) {
        return 0;
    }

    width = wcwidth(c);

    if (width == 0) {
        return (*combining)++ < TEXT_COMBINING_MAX ? c : 0;
    }

    *combining = 0;

    return width < 0 ? REPLACEMENT : c;
}


static size_t
encode(char *out, size_t room, wchar_t c)
{
    size_t n;
    char bytes[16];
    mbstate_t state;

    memset(&state, 0, sizeof(state));
    n = wcrtomb(bytes, c, &state);

    if (n == (size_t) -1 || n > room) {
        return 0;
    }

    memcpy(out, bytes, n);

    return n;
}


size_t
text_clean(char *out, size_t size, eirc_slice_t in)
{
    size_t i, n, len, added;
    wchar_t c;
    unsigned combining;

    len = 0;
    combining = TEXT_COMBINING_MAX;

    for (i = 0; i < in.len && len + 1 < size; i += n) {

        if (in.p[i] == CODE_COLOR || in.p[i] == CODE_HEX_COLOR) {
            n = 1 + color_skip(in, i + 1, in.p[i] == CODE_HEX_COLOR);
            continue;
        }

        if (is_format(in.p[i])) {
            n = 1;
            out[len++] = (char) in.p[i];
            continue;
        }

        c = character_clean(decode((const char *) in.p + i, in.len - i, &n),
                            &combining);

        if (c == 0) {
            continue;
        }

        added = encode(out + len, size - 1 - len, c);

        if (added == 0) {
            break;
        }

        len += added;
    }

    out[len] = '\0';

    return len;
}


/* reading */

text_t
text_of(const char *s, size_t len)
{
    text_t t;

    t.p = s;
    t.end = s + len;
    t.attributes = 0;

    return t;
}


static void
attributes_switch(text_t *t, uint8_t code)
{
    switch (code) {

    case CODE_BOLD:
        t->attributes ^= TEXT_BOLD;
        break;

    case CODE_ITALIC:
        t->attributes ^= TEXT_ITALIC;
        break;

    case CODE_UNDERLINE:
        t->attributes ^= TEXT_UNDERLINE;
        break;

    case CODE_REVERSE:
        t->attributes ^= TEXT_REVERSE;
        break;

    default:
        t->attributes = 0;
        break;
    }
}


bool
text_next(text_t *t, wchar_t *c, int *width)
{
    size_t n;

    while (t->p < t->end && is_format((uint8_t) *t->p)) {
        attributes_switch(t, (uint8_t) *t->p);
        t->p++;
    }

    if (t->p == t->end) {
        return false;
    }

    *c = decode(t->p, (size_t) (t->end - t->p), &n);
    *width = wcwidth(*c);
    *width = *width < 0 ? 1 : *width;
    t->p += n;

    return true;
}


bool
text_row(text_t *rest, int columns, text_t *row)
{
    int width, used;
    bool spaced;
    text_t t, before, break_end, break_next;
    wchar_t c;

    if (rest->p == rest->end) {
        return false;
    }

    t = *rest;
    break_end = t;
    break_next = t;
    used = 0;
    spaced = false;

    for (;;) {
        before = t;

        if (!text_next(&t, &c, &width)) {
            *row = *rest;
            *rest = t;
            return true;
        }

        if (used > 0 && used + width > columns) {
            break;
        }

        used += width;

        /* a word that is longer than a row doesn't leave one almost empty */

        if (c == L' ' && 3 * used >= columns) {
            spaced = true;
            break_end = before;
            break_next = t;
        }
    }

    if (c == L' ') {
        break_end = before;
        break_next = t;

    } else if (!spaced) {
        break_end = before;
        break_next = before;
    }

    *row = *rest;
    row->end = break_end.p;
    *rest = break_next;

    return true;
}


unsigned
text_rows(text_t t, int columns)
{
    unsigned n;
    text_t row;

    for (n = 0; text_row(&t, columns, &row); n++) {
        /* void */
    }

    return n == 0 ? 1 : n;
}
