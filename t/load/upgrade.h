/*
 * The opening handshake of a WebSocket (RFC 6455, 4), for either side: what
 * is asked, what is answered, and whether the answer is right.
 */

#ifndef _LOAD_UPGRADE_H_INCLUDED_
#define _LOAD_UPGRADE_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

/* 16 bytes in base64, and a NUL */
#define UPGRADE_KEY_SIZE 25


/*
 * Writes a request for path to out; makes the key for it.  The length, or 0
 * if cap bytes are not enough.
 */
size_t upgrade_request(uint8_t *out, size_t cap, const char *path,
                       char key[UPGRADE_KEY_SIZE]);

/*
 * Judges the head of an answer: 101 if all is right, else the status that it
 * has, or 0 if it is none or its key is wrong.
 */
int upgrade_judge(const uint8_t *head, size_t len, const char *key);

/* Writes the answer to a request; 0 if it is no request for a WebSocket. */
size_t upgrade_answer(uint8_t *out, size_t cap, const uint8_t *head,
                      size_t len);

/* the length of the head with its empty line, or 0 while that is missing */
size_t upgrade_head(const uint8_t *p, size_t len);

#endif /* _LOAD_UPGRADE_H_INCLUDED_ */
