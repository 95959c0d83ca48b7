/*
 * Memory that is about to be touched, and is in no cache.
 */

#ifndef _EIRC_PREFETCH_H_INCLUDED_
#define _EIRC_PREFETCH_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

#define EIRC_CACHE_LINE 64u

/* Begins to fetch so many bytes from p on, and does not wait for them. It is no
 * access: p need not be valid. */
static inline void
eirc_prefetch(const void *p, size_t size)
{
    uintptr_t line, end;

    end = (uintptr_t) p + size;

    for (line = (uintptr_t) p & ~(uintptr_t) (EIRC_CACHE_LINE - 1); line < end;
         line += EIRC_CACHE_LINE)
    {
        __builtin_prefetch((const void *) line, 1);
    }
}

#endif /* _EIRC_PREFETCH_H_INCLUDED_ */
