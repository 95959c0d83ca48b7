/*
 * What a word may become when it is completed: a command, a channel, or the
 * nick of somebody here. Owned by ui.c. No I/O.
 */

#ifndef _COMPLETE_H_INCLUDED_
#define _COMPLETE_H_INCLUDED_

#include "chat.h"

/* bytes of the word, and of what it becomes with what stands behind that */
#define COMPLETE_WORD_MAX EIRC_IRC_CHANNEL_MAX
#define COMPLETE_MAX (COMPLETE_WORD_MAX + 3)

typedef struct {
    char word[COMPLETE_WORD_MAX + 1];
    bool active;
    bool first;    /* the word is the line's first */
    unsigned next; /* which of those that fit comes next */
} complete_t;

/* Begins with a word. */
void complete_begin(complete_t *t, eirc_slice_t word, bool first);

/* The next that fits, again from the first behind the last, with what is to
 * stand behind it; false: there is none. */
bool complete_next(complete_t *t, const chat_t *c, char out[COMPLETE_MAX]);

/* Another key was pressed. */
void complete_end(complete_t *t);

#endif /* _COMPLETE_H_INCLUDED_ */
