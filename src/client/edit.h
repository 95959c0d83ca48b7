/*
 * The line that is being typed: characters and a cursor, and the lines typed
 * before it. It knows keys by what they do, and no terminal. Owned by ui.c.
 * Needs a locale of UTF-8. No I/O.
 */

#ifndef _EDIT_H_INCLUDED_
#define _EDIT_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* characters; more aren't taken */
#define EDIT_MAX 2048

/* lines remembered */
#define EDIT_HISTORY_MAX 100

/* a line in UTF-8, with NUL */
#define EDIT_BYTES (EDIT_MAX * 4 + 1)

typedef struct {
    wchar_t text[EDIT_MAX];
    size_t len;
    size_t pos; /* of the cursor */

    wchar_t *history[EDIT_HISTORY_MAX]; /* oldest first */
    unsigned count;
    unsigned at;    /* the one shown; count: none of them */
    wchar_t *draft; /* what was being typed before one of them was shown */
} edit_t;

void edit_init(edit_t *e);
void edit_done(edit_t *e);

/* A character at the cursor; one that can't be printed is dropped. */
void edit_insert(edit_t *e, wchar_t c);

/* The cursor; it stands on no character that belongs to one before it. */
void edit_left(edit_t *e);
void edit_right(edit_t *e);
void edit_home(edit_t *e);
void edit_end(edit_t *e);
void edit_word_left(edit_t *e);
void edit_word_right(edit_t *e);

/* Removes: a character before or at the cursor, the word before it, all
 * before or from it. */
void edit_backspace(edit_t *e);
void edit_delete(edit_t *e);
void edit_kill_word(edit_t *e);
void edit_kill_start(edit_t *e);
void edit_kill_end(edit_t *e);

/* Lines typed before, older and newer. */
void edit_older(edit_t *e);
void edit_newer(edit_t *e);

/* The line, which is remembered; the next one begins. Its length. */
size_t edit_take(edit_t *e, char out[EDIT_BYTES]);

/* Where the word begins that ends at the cursor. */
size_t edit_word(const edit_t *e);

/* Characters from start to the cursor in UTF-8, cut to fit. */
size_t edit_copy(const edit_t *e, size_t start, char *out, size_t size);

/* Puts a string in place of what is between start and cursor. */
void edit_replace(edit_t *e, size_t start, const char *s);

/* Where to begin to show the line, so that the cursor, whose column it tells,
 * is to be seen in so many columns. */
size_t edit_view(const edit_t *e, int columns, int *cursor);

#endif /* _EDIT_H_INCLUDED_ */
