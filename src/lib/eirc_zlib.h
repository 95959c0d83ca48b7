/*
 * Whole messages of permessage-deflate over zlib (RFC 7692, 7.2): what a
 * message leaves out at its end, and what a final block in it means.  The
 * streams are the caller's, made for raw deflate, and so are all buffers.
 */

#ifndef _EIRC_ZLIB_H_INCLUDED_
#define _EIRC_ZLIB_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "eirc_codes.h"
#include "eirc_limits.h"

/* a message that is being unpacked */
typedef struct {
    z_stream *zs;
    bool tail; /* what the message left out has been added */
    bool done;
} eirc_unpack_t;

/*
 * Begins with a message, whose len bytes are there until its end.  The stream
 * has been reset, or goes on behind the message before.
 */
void eirc_unpack_init(eirc_unpack_t *u, z_stream *zs, const uint8_t *p,
                      size_t len);

/*
 * Unpacks into the size bytes at out, *len of which are filled, as far as
 * they reach.
 *
 *     EIRC_OK     that was all of the message
 *     EIRC_AGAIN  out is full, call again with more
 *     EIRC_DONE   zlib has no memory
 *     EIRC_ERROR  not the data of deflate, or not all of it
 *
 * A message may have final blocks, which say nothing about its end (7.2.3.4);
 * one that ends with such a block, and nothing behind it, is whole, and so is
 * one without any byte, though no sender should write either.
 */
int eirc_unpack(eirc_unpack_t *u, uint8_t *out, size_t *len, size_t size);

/*
 * Packs a message into out, which has room for len + EIRC_DEFLATE_TAIL bytes.
 *
 *     EIRC_OK     *packed bytes, less than len
 *     EIRC_DONE   it gets no smaller and has to go as it is: the stream is
 *                 reset, as if no message had come before
 *     EIRC_ERROR  zlib failed
 */
int eirc_pack(z_stream *zs, const uint8_t *p, size_t len, uint8_t *out,
              size_t *packed);

/*
 * The window to give to deflateInit2().  zlib can't do 256 bytes, but with 512
 * it looks back no further than 250.
 */
int eirc_pack_bits(unsigned agreed);

#endif /* _EIRC_ZLIB_H_INCLUDED_ */
