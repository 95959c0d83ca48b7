#include "rseq.h"

#include <features.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)

#include <stdint.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>


/* In steps of 32 bytes, of which the first have been enough so far. */
void
rseq_leave(void)
{
    uint32_t size;
    uint8_t *area;

    area = (uint8_t *) __builtin_thread_pointer() + __rseq_offset;
    size = (__rseq_size + 31) / 32 * 32;

    if (size > 0) {
        (void) syscall(SYS_rseq, area, size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
    }
}

#else

void
rseq_leave(void)
{
}

#endif
