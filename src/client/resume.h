/*
 * Browsers that come back to a session (docs/link.md, 8): the socket layer
 * finds it, compares keys, and hands the new link to the session's process.
 */

#ifndef _RESUME_H_INCLUDED_
#define _RESUME_H_INCLUDED_

#include "eirc_link.h"
#include "layer.h"

/* A session is wanted back on the link fd, which is the layer's from now on. */
void resume_begin(layer_t *l, int fd, const eirc_link_resume_t *request);

#endif /* _RESUME_H_INCLUDED_ */
