/*
 * A connection that carries lines: plain IRC, or a WebSocket with one line in
 * a message, as either side.  It belongs to a user of the load or to a client
 * of the scripted server, which it tells what happens; the programs of the
 * benchmark and of the soak live on it.
 */

#ifndef _LOAD_STREAM_H_INCLUDED_
#define _LOAD_STREAM_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_ws.h"
#include "loop.h"
#include "upgrade.h"

typedef struct stream_s stream_t;

typedef struct {
    /* lines may be sent: connected, and the 101 has come or gone */
    void (*opened)(stream_t *s);

    /* a line, without CR LF; p is valid during the call */
    void (*line)(stream_t *s, const uint8_t *p, size_t len);

    /*
     * The end, and it is closed already: the status of an answer that is no
     * 101, the code of a close frame, 0 for an end of file, or -1 for an
     * error of which "why" tells.
     */
    void (*closed)(stream_t *s, int code, const char *why);
} stream_calls_t;

typedef enum {
    STREAM_NONE,
    STREAM_CONNECTING, /* connect() is on its way */
    STREAM_HEAD,       /* the head of a handshake is awaited */
    STREAM_OPEN
} stream_state_e;

/* what a stream may be */
enum {
    STREAM_WS = 0x01,
    STREAM_SERVER = 0x02,
    STREAM_SILENT = 0x04 /* to a PING there is no PONG */
};

struct stream_s {
    source_t source; /* first: it is what the loop knows */
    loop_t *loop;
    const stream_calls_t *calls;
    stream_state_e state;
    unsigned options;
    uint64_t received; /* bytes of all lines */
    uint8_t *kept;     /* what can't be made use of yet */
    size_t kept_len;
    uint8_t *out; /* what the socket hasn't taken yet */
    size_t out_len;
    size_t out_size;
    char key[UPGRADE_KEY_SIZE];
    eirc_ws_reader_t reader;
};

struct sockaddr_in;


/*
 * Connects as a client, from the address given, and with STREAM_WS asks for
 * path.  0, or -1 and errno.
 */
int stream_connect(stream_t *s, loop_t *loop, const stream_calls_t *calls,
                   unsigned options, const struct sockaddr_in *from,
                   const struct sockaddr_in *to, const char *path);

/* Takes an accepted connection; options without STREAM_SERVER, it is set. */
int stream_accept(stream_t *s, loop_t *loop, const stream_calls_t *calls,
                  unsigned options, int fd);

/* Adds a line to what stream_flush sends. */
void stream_put(stream_t *s, const void *p, size_t len);

/* Sends what was put; what the socket does not take goes later. */
void stream_flush(stream_t *s);

/* Closes it without a word and without a call. */
void stream_drop(stream_t *s);

#endif /* _LOAD_STREAM_H_INCLUDED_ */
