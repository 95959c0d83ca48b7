/*
 * Base64 with the standard alphabet and padding (RFC 4648, 4), for SASL.
 * Everything stays in the caller's buffers, nothing is kept on the way, so
 * that a secret is wiped by wiping those two.  Anybody may call.
 */

#ifndef _EIRC_BASE64_H_INCLUDED_
#define _EIRC_BASE64_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

/* bytes that n bytes become, exactly; and that n characters hold at most */
#define EIRC_BASE64_ENCODED(n) (((n) + 2) / 3 * 4)
#define EIRC_BASE64_DECODED(n) ((n) / 4 * 3)


/*
 * Encodes len bytes into out, without a NUL behind them, and sets *outlen.
 * EIRC_ERROR if more than cap bytes were needed; then nothing is written.
 */
int eirc_base64_encode(uint8_t *out, size_t cap, size_t *outlen,
                       const uint8_t *p, size_t len);

/*
 * Decodes len characters into out and sets *outlen.  Strict: a multiple of
 * four characters, padding where it belongs and nowhere else, no white space,
 * unused bits zero (RFC 4648, 3.5).  EIRC_ERROR otherwise, or if more than
 * cap bytes were needed; out may then hold a part.
 */
int eirc_base64_decode(uint8_t *out, size_t cap, size_t *outlen,
                       const uint8_t *p, size_t len);

#endif /* _EIRC_BASE64_H_INCLUDED_ */
