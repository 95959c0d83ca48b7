#include "rseq.h"

#include <features.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)

#include <stdint.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE_FIRST 32


/* libc has it registered with what it says, but with no less than it had once */
void
rseq_leave(void)
{
    uint32_t size;
    uint8_t *area;

    area = (uint8_t *) __builtin_thread_pointer() + __rseq_offset;
    size = __rseq_size > SIZE_FIRST ? __rseq_size : SIZE_FIRST;

    if (__rseq_size > 0) {
        (void) syscall(SYS_rseq, area, size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
    }
}

#else

void
rseq_leave(void)
{
}

#endif
