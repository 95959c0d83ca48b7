/*
 * The first steps of a program that goes on in the place of another, as the
 * socket layer that was there (upgrade.h): from the image it learns what it
 * holds. An image that it does not understand leaves it lock and socket: it
 * begins anew, and the living workers come to it as to the successor of a dead
 * layer.
 */

#ifndef _TAKEOVER_H_INCLUDED_
#define _TAKEOVER_H_INCLUDED_

#include "image.h"
#include "layer.h"

typedef struct {
    image_head_t head;
    const uint8_t *p; /* NULL: nothing that could be understood */
    size_t len;       /* of the image and what is behind it */
    int fd;
} takeover_t;

/*
 * Looks through the image in that descriptor. If it can't be understood all is
 * closed that is open and has no place in a new layer. EIRC_ERROR: it is none,
 * for a layer with this number.
 */
int takeover_open(takeover_t *t, int fd, unsigned number);

/* Fills the layer, whose tables are empty; what has no room is let go. The image
 * is closed then. */
void takeover_load(layer_t *l, takeover_t *t);

void takeover_close(takeover_t *t);

#endif /* _TAKEOVER_H_INCLUDED_ */
