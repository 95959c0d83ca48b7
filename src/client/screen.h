/*
 * The terminal by way of ncurses: what is drawn there, and the keys. The only
 * file that knows ncurses. Called by ui.c.
 */

#ifndef _SCREEN_H_INCLUDED_
#define _SCREEN_H_INCLUDED_

#include <stdbool.h>
#include <wchar.h>

#include "chat.h"
#include "edit.h"

/* keys without a character */
typedef enum {
    SCREEN_KEY_NONE = 0,
    SCREEN_KEY_BACKSPACE,
    SCREEN_KEY_DELETE,
    SCREEN_KEY_DOWN,
    SCREEN_KEY_END,
    SCREEN_KEY_ENTER,
    SCREEN_KEY_HOME,
    SCREEN_KEY_LEFT,
    SCREEN_KEY_PAGE_DOWN,
    SCREEN_KEY_PAGE_UP,
    SCREEN_KEY_RIGHT,
    SCREEN_KEY_UP
} screen_key_e;

/* EIRC_ERROR: the terminal can't be had, and *why says why. */
int screen_begin(const char **why);

/* Gives it back as it was. */
void screen_end(void);

/* The next key: its character, or, with code, a screen_key_e. EIRC_AGAIN:
 * there is none; EIRC_DONE: the terminal has gone. */
int screen_key(wint_t *key, bool *code);

/* It has another size. */
void screen_resize(void);

/* It shows what it shouldn't: all of it anew with the next draw. */
void screen_repaint(void);

/* Rows and columns that a window's lines have. */
unsigned screen_rows(void);
int screen_columns(void);

void screen_draw(const chat_t *c, const edit_t *e);

#endif /* _SCREEN_H_INCLUDED_ */
