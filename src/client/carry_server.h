/*
 * The server's end of a connection that a relay carries, with TLS on it or
 * without: handshake, reading, writing, leaving. What it has come to stands in
 * the structure; nothing here waits, and nobody is told.
 */

#ifndef _CARRY_SERVER_H_INCLUDED_
#define _CARRY_SERVER_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tls_context.h"

typedef struct {
    int fd;               /* -1: closed */
    SSL *ssl;             /* NULL: no TLS */
    const char *version;  /* of TLS, or empty; set when it stands */
    unsigned ready : 1;   /* there may be something to read */
    unsigned closed : 1;  /* nothing more comes from it */
    unsigned broken : 1;  /* nothing more can be said to it */
    unsigned cut : 1;     /* it ended without saying so */
    unsigned stood : 1;   /* the handshake is done */
    unsigned leaving : 1; /* it was told that nothing more comes */
} carry_server_t;

/* Takes fd over; EIRC_ERROR: no memory for TLS. */
int carry_server_open(carry_server_t *s, const tls_context_t *context, int fd);

/* Goes on with the handshake: EIRC_OK, it stands; EIRC_AGAIN; EIRC_ERROR with
 * TLS_CONTEXT_WORDS bytes of words. */
int carry_server_shake(carry_server_t *s, const tls_context_t *context,
                       char *words);

/* The words for a handshake that takes too long. */
void carry_server_late(const carry_server_t *s, const tls_context_t *context,
                       char *words);

/* Bytes that came; 0: none for now, or s->closed. */
size_t carry_server_read(carry_server_t *s, uint8_t *buf, size_t size);

/* Bytes that it takes; 0: none for now, or s->broken. */
size_t carry_server_write(carry_server_t *s, const uint8_t *p, size_t len);

/* There is nothing more to be said. */
void carry_server_leave(carry_server_t *s);

void carry_server_close(carry_server_t *s);

#endif /* _CARRY_SERVER_H_INCLUDED_ */
