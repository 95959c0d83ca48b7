/*
 * WebSocket frames (RFC 6455, section 5 and 7.4), for either side: frame
 * headers, masking, close codes, and a reader that is fed with bytes as they
 * come and judges them.  It knows no sockets, no buffers and no IRC.  The
 * reader belongs to one connection; the bytes belong to the caller, and are
 * unmasked where they lie.
 *
 * A reader is used like this:
 *
 *     while ((rc = eirc_ws_read(&reader, &pos, last, &event)) == EIRC_OK) {
 *         switch (event.type) { ... }
 *     }
 *
 * It returns EIRC_AGAIN when everything between pos and last is consumed,
 * EIRC_DONE behind a close frame, EIRC_ERROR when the peer broke a rule.
 * Nothing of a slice is needed again by a later call.
 */

#ifndef _EIRC_WS_H_INCLUDED_
#define _EIRC_WS_H_INCLUDED_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eirc_codes.h"
#include "eirc_limits.h"
#include "eirc_slice.h"
#include "eirc_utf8.h"

/* opcodes (RFC 6455, 5.2); those from 8 on are of control frames */
enum {
    EIRC_WS_CONTINUATION = 0x0,
    EIRC_WS_TEXT = 0x1,
    EIRC_WS_BINARY = 0x2,
    EIRC_WS_CLOSE = 0x8,
    EIRC_WS_PING = 0x9,
    EIRC_WS_PONG = 0xa
};

/* the other bits of a frame's first byte */
enum {
    EIRC_WS_RSV3 = 0x10,
    EIRC_WS_RSV2 = 0x20,
    EIRC_WS_RSV1 = 0x40, /* compressed (RFC 7692, 6) */
    EIRC_WS_FIN = 0x80
};

/* close codes (RFC 6455, 7.4.1, and the registry of IANA) */
enum {
    EIRC_WS_CODE_NORMAL = 1000,
    EIRC_WS_CODE_GOING_AWAY = 1001,
    EIRC_WS_CODE_PROTOCOL = 1002,
    EIRC_WS_CODE_UNSUPPORTED = 1003, /* a kind of data not accepted */
    EIRC_WS_CODE_NONE = 1005,        /* close without code; never sent */
    EIRC_WS_CODE_ABNORMAL = 1006,    /* no close at all; never sent */
    EIRC_WS_CODE_INVALID = 1007,     /* text that is no UTF-8 */
    EIRC_WS_CODE_POLICY = 1008,
    EIRC_WS_CODE_TOO_BIG = 1009,
    EIRC_WS_CODE_EXTENSION = 1010, /* a client misses an extension */
    EIRC_WS_CODE_INTERNAL = 1011,
    EIRC_WS_CODE_RESTART = 1012
};

/* options of a reader */
enum {
    EIRC_WS_SERVER = 0x01, /* reads a client: frames must be masked */
    EIRC_WS_CLIENT = 0x02, /* reads a server: frames must not be masked */
    EIRC_WS_DEFLATE = 0x04 /* permessage-deflate is agreed: RSV1 may be set */
};

typedef enum {
    /*
     * The header of a data frame is there and was judged; length is what the
     * frame announces.  For callers that want to prepare; may be ignored.
     */
    EIRC_WS_EVENT_FRAME,

    /*
     * Payload of the current message, unmasked, at data.  It may be any part
     * of a frame's payload and may cut a character.  An empty piece comes
     * only with EIRC_WS_PIECE_END.
     */
    EIRC_WS_EVENT_DATA,

    /* a whole control frame: data is its payload, at most 125 bytes */
    EIRC_WS_EVENT_PING,
    EIRC_WS_EVENT_PONG,

    /* a whole close frame: code (1005 if it has none), data is the reason */
    EIRC_WS_EVENT_CLOSE
} eirc_ws_event_e;

/* flags of a FRAME and a DATA event */
enum {
    EIRC_WS_PIECE_FIRST = 0x01,      /* of the message: frame or piece */
    EIRC_WS_PIECE_COMPRESSED = 0x02, /* RSV1 was set on the message */
    EIRC_WS_PIECE_FIN = 0x04,        /* this frame is the message's last */
    EIRC_WS_PIECE_END = 0x08         /* DATA: the message ends behind it */
};

typedef struct {
    eirc_ws_event_e type;
    uint8_t opcode;    /* FRAME, DATA: that of the message, text or binary */
    uint8_t flags;     /* FRAME, DATA: EIRC_WS_PIECE_* */
    uint16_t code;     /* CLOSE: theirs; after EIRC_ERROR: ours to send */
    uint64_t length;   /* FRAME: bytes of payload that the frame announces */
    uint8_t *data;     /* in the caller's slice, or in the reader if a control
                          frame was cut: valid until the next call */
    size_t len;        /* bytes at data */
    const char *error; /* after EIRC_ERROR: why, a string constant */
} eirc_ws_event_t;

/*
 * One per connection; 10,000 idle connections hold one each.  The members are
 * the reader's own.
 */
typedef struct {
    uint64_t limit;   /* bytes of one message, over all fragments */
    uint64_t message; /* bytes announced by the message's frames so far */
    uint64_t left;    /* bytes of the frame's payload still to come */
    const char *error;
    eirc_utf8_t utf8;
    uint16_t code; /* of the error */
    uint8_t options;
    uint8_t state;
    uint8_t first;       /* first byte of the current frame's header */
    uint8_t opcode;      /* of the open message, 0 if none is open */
    uint8_t flags;       /* of the open message, EIRC_WS_PIECE_* */
    uint8_t mask_offset; /* 0-3, of the next byte of payload */
    uint8_t head_len;
    uint8_t control_len;
    uint8_t mask[4];
    uint8_t head[EIRC_WS_HEADER_MAX];     /* a header that was cut */
    uint8_t control[EIRC_WS_CONTROL_MAX]; /* a control frame that was cut */
} eirc_ws_reader_t;


/*
 * Writes a frame's header to out, which has room for EIRC_WS_HEADER_MAX
 * bytes, and returns its length.  first is opcode and flag bits together, as
 * in EIRC_WS_FIN | EIRC_WS_TEXT.  The length takes the shortest form.  mask
 * is NULL for frames of a server.
 */
size_t eirc_ws_header(uint8_t *out, unsigned first, uint64_t length,
                      const uint8_t *mask);

/*
 * Masks or unmasks (it is the same) len bytes in place.  offset is the number
 * of bytes of the same payload before them, so that a payload may come in
 * pieces (RFC 6455, 5.3).
 */
void eirc_ws_mask(uint8_t *p, size_t len, const uint8_t *mask,
                  uint64_t offset);

/*
 * May a peer send this code?  1000-1003, 1007-1014, 3000-4999 (RFC 6455,
 * 7.4.2).
 */
bool eirc_ws_code_valid(unsigned code);

/*
 * Writes the payload of a close frame to out, which has room for
 * EIRC_WS_CONTROL_MAX bytes, and returns its length.  With
 * EIRC_WS_CODE_NONE it is empty.  The reason may be NULL if its length is 0;
 * of a longer one than EIRC_WS_REASON_MAX the whole characters that fit are
 * taken, and nothing from the first byte on that is no UTF-8.
 */
size_t eirc_ws_close_build(uint8_t *out, unsigned code, const void *reason,
                           size_t len);

/*
 * Judges the payload of a close frame: sets *code and *reason (within p).
 * EIRC_ERROR if it breaks a rule; then *code is the code to answer with and
 * *error says why.
 */
int eirc_ws_close_parse(const uint8_t *p, size_t len, uint16_t *code,
                        eirc_slice_t *reason, const char **error);

/*
 * Prepares a reader.  options say whose frames are read (EIRC_WS_SERVER,
 * EIRC_WS_CLIENT or neither: then any mask will do).  limit is the largest
 * message in bytes, over all fragments, and below 2 to the 60.  A compressed
 * message may be an eighth and 64 bytes longer on the wire, since deflate adds
 * to what it can't make smaller: whoever inflates has to bound the result.
 */
void eirc_ws_reader_init(eirc_ws_reader_t *r, unsigned options,
                         uint64_t limit);

/*
 * Consumes bytes from *pos up to the next event and moves *pos behind them;
 * bytes of payload are unmasked in place.
 *
 *     EIRC_OK     an event
 *     EIRC_AGAIN  *pos == last, more bytes are needed
 *     EIRC_DONE   a close frame was read, nothing counts behind it (5.5.1);
 *                 nothing is consumed
 *     EIRC_ERROR  the peer broke a rule: event->code is to be sent, and
 *                 event->error says why.  Every later call says the same.
 *
 * Judged are: mask, RSV bits, opcodes, control frames as soon as their header
 * is there (5.5), the order of fragments (5.4), lengths (top bit; a form that
 * is longer than needed, since 5.2 says MUST and browsers refuse it too; the
 * limit, before any payload arrives), UTF-8 of text at the first bad byte (8.1;
 * not of a compressed message, the caller does that after inflating), and
 * close frames (7.4).
 */
int eirc_ws_read(eirc_ws_reader_t *r, uint8_t **pos, const uint8_t *last,
                 eirc_ws_event_t *event);

#endif /* _EIRC_WS_H_INCLUDED_ */
