#include "old_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "title.h"

/* a program like this one has a dozen areas, of 80 bytes each */
#define MAPS_MAX 8192

/* the linker's */
extern const char __executable_start[];
extern const char etext[];
extern const char __data_start[];
extern const char _edata[];
extern const char _end[];

/* libc's: where it began */
extern void *__libc_stack_end;


static int
maps_read(char *buf, size_t size)
{
    int fd;
    size_t len;
    ssize_t n;

    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    for (len = 0; len < size - 1; len += (size_t) n) {
        n = read(fd, buf + len, size - 1 - len);

        if (n <= 0) {
            break;
        }
    }

    (void) close(fd);
    buf[len] = '\0';

    return 0;
}


/* The area with that address; no size: it is not found. */
static size_t
area_find(const void *address, void **start)
{
    char *p, buf[MAPS_MAX];
    uintptr_t from, to;

    if (maps_read(buf, sizeof(buf)) == -1) {
        return 0;
    }

    for (p = buf; *p != '\0'; p = strchr(p, '\n') + 1) {
        from = strtoul(p, &p, 16);
        to = *p == '-' ? strtoul(p + 1, &p, 16) : 0;

        if (from <= (uintptr_t) address && (uintptr_t) address < to) {
            *start = (void *) from;
            return to - from;
        }

        if (strchr(p, '\n') == NULL) {
            break;
        }
    }

    return 0;
}


/* The kernel wants to know all such places anew; of the others none matters,
 * but that they are in order. */
static int
arguments_move(const char *room, size_t size)
{
    struct prctl_mm_map map;

    memset(&map, 0, sizeof(map));
    map.start_code = (uintptr_t) __executable_start;
    map.end_code = (uintptr_t) etext;
    map.start_data = (uintptr_t) __data_start;
    map.end_data = (uintptr_t) _edata;
    map.start_brk = (uintptr_t) _end;
    map.brk = (uintptr_t) _end;
    map.start_stack = (uintptr_t) &map;
    map.arg_start = (uintptr_t) room;
    map.arg_end = (uintptr_t) room + size;
    map.env_start = map.arg_end;
    map.env_end = map.arg_end;
    map.exe_fd = (uint32_t) -1;

    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}


void
old_stack_leave(char *room, size_t size)
{
    void *start;
    size_t len;
    static char *nothing[] = {NULL};

    len = area_find(__libc_stack_end, &start);

    if (len == 0 || madvise(start, len, MADV_DONTFORK) == -1) {
        return;
    }

    if (arguments_move(room, size) == -1) {
        (void) madvise(start, len, MADV_DOFORK);
        return;
    }

    title_move(room, size);
    environ = nothing;

    /* libc says them when it aborts */

    program_invocation_name = room;
    program_invocation_short_name = room;
}
