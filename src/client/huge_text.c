#include "huge_text.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memfd.h"

/* of x86-64, and of ARM with small pages of 4 KB; as in template.ld */
#define HUGE ((size_t) 2 << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* the linker's, and that of template.ld */
extern const uint8_t __executable_start[];
extern const uint8_t text_end[];


/* A copy that nobody can change any more; -1. */
static int
copy_make(const uint8_t *text, size_t size)
{
    int fd;
    size_t done;
    ssize_t n;

    fd = memfd_open("text", size);
    if (fd == -1) {
        return -1;
    }

    for (done = 0; done < size; done += (size_t) n) {
        n = pwrite(fd, text + done, size - done, (off_t) done);

        if (n <= 0) {
            (void) close(fd);
            return -1;
        }
    }

    if (memfd_seal(fd, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == -1) {
        (void) close(fd);
        return -1;
    }

    return fd;
}


/* Has the kernel make huge pages of it; what for is not mapped any more. */
static int
copy_collapse(int fd, size_t size)
{
    int rc;
    uint8_t *room, *p;

    room = mmap(NULL, size + HUGE, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        return -1;
    }

    p = room + (HUGE - (uintptr_t) room % HUGE) % HUGE;

    rc = mmap(p, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0)
                     == MAP_FAILED
                 || madvise(p, size, MADV_COLLAPSE) == -1
             ? -1
             : 0;

    (void) munmap(room, size + HUGE);

    return rc;
}


void
huge_text_map(void)
{
    int fd;
    size_t size;

    size = (uintptr_t) text_end - (uintptr_t) __executable_start;

    if ((uintptr_t) __executable_start % HUGE != 0 || size % HUGE != 0) {
        return;
    }

    fd = copy_make(__executable_start, size);
    if (fd == -1) {
        return;
    }

    /* the same bytes at the same place: these instructions go on */

    if (copy_collapse(fd, size) == 0) {
        (void) mmap((void *) (uintptr_t) __executable_start, size,
                    PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0);
    }

    (void) close(fd);
}
