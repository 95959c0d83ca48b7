/*
 * The numbered lines of the soak, whose text can be made again from their
 * number: whoever gets one sees whether it came whole, whose it is, and where
 * it stands among the others.
 */

#ifndef _SOAK_LINE_H_INCLUDED_
#define _SOAK_LINE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#include "eirc_slice.h"

/* a line behind the words in front of it */
#define LINE_MAX_SIZE 440

typedef enum {
    LINE_UP = 0, /* from a browser to the IRC server */
    LINE_DOWN
} line_way_e;

typedef struct {
    line_way_e way;
    uint32_t user;
    uint32_t number; /* of the way, from 0 */
    uint64_t time;   /* when it was sent, ns */
} line_t;


/* Once, before any line. */
void line_seed(uint64_t seed);

/* Random numbers below n, 1 or more, for whoever needs some. */
uint32_t line_random(uint32_t n);

/* Writes the text of a line to out, LINE_MAX_SIZE bytes; the length. */
size_t line_make(uint8_t *out, const line_t *line);

/* Takes one apart, whose way is known; EIRC_ERROR if it isn't as it was made.
 */
int line_take(line_t *line, eirc_slice_t text);

#endif /* _SOAK_LINE_H_INCLUDED_ */
