/*
 * What happens to a session, as the socket layer sees it: born from a request,
 * handed to a process of its own and to the connector, told of its IRC
 * connection, listened to for events, and cleared away when its process ends.
 */

#ifndef _KEEPER_H_INCLUDED_
#define _KEEPER_H_INCLUDED_

#include "eirc_link.h"
#include "layer.h"

/* 0, or -1: no memory */
int keeper_init(layer_t *l);

/* A session is wanted on the link fd, which is the keeper's from now on. */
void keeper_begin(layer_t *l, int fd, const eirc_link_session_t *request);

/* Something came from a worker, from the template, from the connector. */
void keeper_worker_read(layer_t *l, uint64_t key);
void keeper_template_read(layer_t *l);
void keeper_connector_read(layer_t *l);

/* Asks template and connector for what waits for them. */
void keeper_pump(layer_t *l);

/* The template or the connector is dead: whoever waited for it is told. */
void keeper_template_gone(layer_t *l);
void keeper_connector_gone(layer_t *l);

/* A process that is neither template nor connector has ended. */
void keeper_reaped(layer_t *l, pid_t pid, int status);

/* The layer is to end: every worker is told to leave, or killed. */
void keeper_stop(layer_t *l);
void keeper_kill(layer_t *l);

#endif /* _KEEPER_H_INCLUDED_ */
