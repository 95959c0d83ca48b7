/*
 * The windows: one of the server, one for each channel and each query, with
 * the lines that were said there and what of them is unread. Owned by the
 * chat; ui.c puts the active one on the screen. No I/O.
 */

#ifndef _WINDOW_H_INCLUDED_
#define _WINDOW_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "eirc_irc.h"
#include "members.h"
#include "text.h"

/* scrollback of one window; the oldest lines go */
#define WINDOW_LINES_MAX 1000
#define WINDOW_BYTES_MAX (256 * 1024)

/* more are not opened */
#define WINDOWS_MAX 128

#define WINDOW_NAME_MAX EIRC_IRC_CHANNEL_MAX
#define WINDOW_TOPIC_MAX 1024

typedef enum {
    WINDOW_SERVER = 0,
    WINDOW_CHANNEL,
    WINDOW_QUERY
} window_kind_e;

/* what a line is to somebody who isn't looking */
typedef enum {
    WINDOW_EVENT = 0, /* somebody came or went */
    WINDOW_TALK,
    WINDOW_CALL /* it is for the user */
} window_weight_e;

typedef struct {
    time_t time;
    size_t len;
    char text[]; /* clean */
} window_line_t;

typedef struct {
    window_kind_e kind;
    char name[WINDOW_NAME_MAX + 1];
    char topic[WINDOW_TOPIC_MAX + 1]; /* clean */
    members_t members;

    window_line_t *lines[WINDOW_LINES_MAX]; /* a ring */
    unsigned first;
    unsigned count;
    size_t bytes;
    unsigned below; /* lines that are below what is shown */

    unsigned unread; /* lines of WINDOW_TALK and above */
    bool called;
    bool events;
} window_t;

typedef struct {
    window_t *list[WINDOWS_MAX]; /* the server's is the first */
    unsigned count;
    unsigned active;
} windows_t;

/* EIRC_ERROR: no memory */
int windows_init(windows_t *ws, const char *server);
void windows_done(windows_t *ws);

window_t *windows_active(const windows_t *ws);

/* A window by its name, NULL: none. Names of queries are nicks. */
window_t *windows_find(const windows_t *ws, eirc_irc_casemap_e map,
                       eirc_slice_t name);

/* The same, opened if need be; NULL: there are too many. */
window_t *windows_open(windows_t *ws, eirc_irc_casemap_e map,
                       window_kind_e kind, eirc_slice_t name, uint32_t seed);

/* Closes the window of that number, but not the server's. */
void windows_close(windows_t *ws, unsigned n);

/* Shows that window, whose marks go. */
void windows_show(windows_t *ws, unsigned n);

/* Shows the next one that has something unread: calls first, then talk, then
 * events. */
void windows_show_unread(windows_t *ws);

/* The number of a window. */
unsigned windows_number(const windows_t *ws, const window_t *w);

/* A line; marks the window unless it is the active one. */
void windows_add(windows_t *ws, window_t *w, window_weight_e weight,
                 time_t now, const char *text, size_t len);

/* Line i of a window, counted from the oldest. */
const window_line_t *window_line(const window_t *w, unsigned i);

/* Scrolls by a page of so many rows, where lines have so many columns. */
void window_page_up(window_t *w, unsigned rows, int columns);
void window_page_down(window_t *w, unsigned rows, int columns);

#endif /* _WINDOW_H_INCLUDED_ */
