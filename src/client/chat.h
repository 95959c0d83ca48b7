/*
 * What a person at a terminal has before him: windows, and words on their way
 * to the core. show.c writes into it what the server says, typed.c what the
 * person says, ui.c shows it. It knows no screen and no descriptor.
 */

#ifndef _CHAT_H_INCLUDED_
#define _CHAT_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>

#include "eirc_irc.h"
#include "isupport.h"
#include "window.h"

/* bytes of messages that wait until the user is registered */
#define CHAT_OUT_SIZE 65536

/* a line of a window */
#define CHAT_LINE_MAX 4096

#define CHAT_ERROR_MAX 512

typedef struct {
    windows_t windows;
    isupport_t isupport;
    char nick[EIRC_IRC_NICK_MAX + 1]; /* own */
    uint32_t seed;                    /* of hashes */

    /* messages in the form of docs/commands.md, each with LF */
    char out[CHAT_OUT_SIZE];
    size_t out_len;

    bool joining; /* a JOIN was typed: its channel is to be shown */
    bool leaving; /* the last message is the end */
    bool dirty;   /* there is something new to be shown */
    char error[CHAT_ERROR_MAX]; /* the core's last word, clean; or empty */
} chat_t;

/* EIRC_ERROR: no memory */
int chat_init(chat_t *c, const char *server, const char *nick, uint32_t seed);
void chat_done(chat_t *c);

bool chat_is_own(const chat_t *c, eirc_slice_t nick);
bool chat_is_channel(const chat_t *c, eirc_slice_t name);

window_t *chat_find(const chat_t *c, eirc_slice_t name);

/* the window of that name; the server's, if it can't be opened */
window_t *chat_open(chat_t *c, window_kind_e kind, eirc_slice_t name);

window_t *chat_server(const chat_t *c);

/* A line for a window, as printf makes it; it is cleaned. */
void chat_print(chat_t *c, window_t *w, window_weight_e weight,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for the active window: words of the terminal itself. */
void chat_tell(chat_t *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A message for the core. EIRC_AGAIN: too many wait; nothing is done. */
int chat_send(chat_t *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The first message that may go, without its LF: any of them when ready, else
 * the end alone. It is cut off by chat_sent. Empty: there is none.
 */
eirc_slice_t chat_next(const chat_t *c, bool ready);
void chat_sent(chat_t *c, eirc_slice_t message);

/* for chat_print: "%.*s" */
#define CHAT_SLICE(s) (int) (s).len, (s).p == NULL ? "" : (const char *) (s).p

#endif /* _CHAT_H_INCLUDED_ */
