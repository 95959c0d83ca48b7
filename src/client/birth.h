/*
 * Sessions on their way to a process: asked for by a peer, given what a session
 * needs, handed to the template in their turn, and, when it has forked, in the
 * keeper's hands.
 */

#ifndef _BIRTH_H_INCLUDED_
#define _BIRTH_H_INCLUDED_

#include "eirc_link.h"
#include "layer.h"

/* A session is wanted on the link fd, which is the layer's from now on. */
void birth_begin(layer_t *l, int fd, const eirc_link_session_t *request);

/*
 * Another process is wanted in the place of one that is gone. What it needs
 * waits for it in its control channel: the IRC connection, with what the
 * predecessor did there (NULL: the kernel knows), and the link.
 */
void birth_again(layer_t *l, held_t *s, const control_done_t *done);

/* A browser has a new link for the session's process. */
void birth_attach(held_t *s);

/* Hands those that wait to the template. */
void birth_pump(layer_t *l);

/* The template has answered. */
void birth_read(layer_t *l);

/* The template is dead: whoever waited for its answer is refused. */
void birth_template_gone(layer_t *l);

#endif /* _BIRTH_H_INCLUDED_ */
