#include "eirc_zlib.h"

/* an empty block without compression, less its header: RFC 7692, 7.2.1 */
static const uint8_t tail[EIRC_DEFLATE_TAIL] = {0x00, 0x00, 0xff, 0xff};

/* what inflate() says of a stream that stands between two blocks, where a
 * byte begins, and not behind a final one */
#define BETWEEN_BLOCKS 128

#define BITS_MIN 9


void
eirc_unpack_init(eirc_unpack_t *u, z_stream *zs, const uint8_t *p, size_t len)
{
    u->zs = zs;
    u->tail = false;
    u->done = len == 0;

    /* zlib reads from it alone */
    zs->next_in = (Bytef *) (uintptr_t) p;
    zs->avail_in = (uInt) len;
}


/* a final block has ended: another stream may follow, in the same window */
static int
next_stream(eirc_unpack_t *u)
{
    if (u->tail || inflateResetKeep(u->zs) != Z_OK) {
        return EIRC_ERROR;
    }

    u->done = u->zs->avail_in == 0;

    return EIRC_OK;
}


/* every byte has been read, and what they stand for has been written */
static int
end_of_input(eirc_unpack_t *u)
{
    if (u->tail) {
        u->done = u->zs->data_type == BETWEEN_BLOCKS;
        return u->done ? EIRC_OK : EIRC_ERROR;
    }

    u->tail = true;
    u->zs->next_in = (Bytef *) (uintptr_t) tail;
    u->zs->avail_in = sizeof(tail);

    return EIRC_OK;
}


int
eirc_unpack(eirc_unpack_t *u, uint8_t *out, size_t *len, size_t size)
{
    int rc;
    z_stream *zs;

    zs = u->zs;

    while (!u->done) {

        zs->next_out = out + *len;
        zs->avail_out = (uInt) (size - *len);

        rc = inflate(zs, Z_SYNC_FLUSH);

        *len = size - zs->avail_out;

        if (rc == Z_MEM_ERROR) {
            return EIRC_DONE;
        }

        if (rc == Z_STREAM_END) {
            if (next_stream(u) != EIRC_OK) {
                return EIRC_ERROR;
            }

            continue;
        }

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return EIRC_ERROR;
        }

        if (zs->avail_out == 0) {
            return EIRC_AGAIN;
        }

        if (zs->avail_in == 0) {
            if (end_of_input(u) != EIRC_OK) {
                return EIRC_ERROR;
            }

        } else if (rc == Z_BUF_ERROR) {
            return EIRC_ERROR; /* it has all that it needs */
        }
    }

    return EIRC_OK;
}


int
eirc_pack(z_stream *zs, const uint8_t *p, size_t len, uint8_t *out,
          size_t *packed)
{
    int rc;

    zs->next_in = (Bytef *) (uintptr_t) p;
    zs->avail_in = (uInt) len;
    zs->next_out = out;
    zs->avail_out = (uInt) (len + EIRC_DEFLATE_TAIL);

    rc = deflate(zs, Z_SYNC_FLUSH);

    if (rc == Z_OK && zs->avail_in == 0 && zs->avail_out > 0) {
        *packed = len - zs->avail_out;
        return EIRC_OK;
    }

    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return EIRC_ERROR;
    }

    return deflateReset(zs) == Z_OK ? EIRC_DONE : EIRC_ERROR;
}


int
eirc_pack_bits(unsigned agreed)
{
    return agreed < BITS_MIN ? BITS_MIN : (int) agreed;
}
