/* Chance that is good enough to do things at other times than all others. */

#ifndef _XORSHIFT_H_INCLUDED_
#define _XORSHIFT_H_INCLUDED_

#include <stdint.h>


/* the next number (xorshift); a state of 0 stays 0 */
static inline uint32_t
xorshift_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;

    return *state;
}

#endif /* _XORSHIFT_H_INCLUDED_ */
