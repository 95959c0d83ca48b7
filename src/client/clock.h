/* The clock by which all deadlines are. */

#ifndef _CLOCK_H_INCLUDED_
#define _CLOCK_H_INCLUDED_

#include <stdint.h>

/* ms that never go back (CLOCK_MONOTONIC) */
uint64_t clock_ms(void);

#endif /* _CLOCK_H_INCLUDED_ */
