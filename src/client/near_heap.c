#include "near_heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE ((size_t) 4096)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* of template.ld: whole pages, which the kernel has made ready with the data */
extern uint8_t near_start[];
extern uint8_t near_end[];

/* libc's names; without headers, as they are its own */
void *__sbrk(intptr_t increment);
void *sbrk(intptr_t increment);
void *_dl_early_allocate(size_t size);

static uint8_t *heap_end = near_start;

/* what of it is there */
static uint8_t *heap_mapped = near_end;


static uint8_t *
page_behind(uint8_t *p)
{
    return p + (PAGE - (uintptr_t) p % PAGE) % PAGE;
}


/* False: something else is there, or there is no memory. */
static bool
heap_map(uint8_t *end)
{
    size_t size;
    uint8_t *p;

    size = (size_t) (end - heap_mapped);
    p = mmap(heap_mapped, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p == MAP_FAILED) {
        return false;
    }

    if (p != heap_mapped) {
        (void) munmap(p, size); /* before Linux 4.17 */
        return false;
    }

    heap_mapped = end;

    return true;
}


/* What lies behind is zero when it is there the next time, as libc expects. */
static void
heap_unmap(uint8_t *end)
{
    if (end < heap_mapped) {
        (void) munmap(end, (size_t) (heap_mapped - end));
        heap_mapped = end;
    }
}


/* As sbrk(2). What finds no room malloc() gets elsewhere. */
void *
__sbrk(intptr_t increment)
{
    uint8_t *was;

    was = heap_end;

    if (increment > near_end - was || increment < near_start - was
        || (was + increment > heap_mapped
            && !heap_map(page_behind(was + increment))))
    {
        errno = ENOMEM;
        return (void *) -1;
    }

    heap_end = was + increment;

    if (increment < 0) {
        heap_unmap(page_behind(heap_end));
    }

    return was;
}


void *
sbrk(intptr_t increment)
{
    return __sbrk(increment);
}


/* For the thread's own, before there is a thread, or an errno. */
__attribute__((no_stack_protector)) void *
_dl_early_allocate(size_t size)
{
    uint8_t *p;

    p = heap_end;

    if (size > (size_t) (near_end - p)) {
        return NULL;
    }

    heap_end = p + size;

    return p;
}


void
near_heap_settle(void)
{
    heap_unmap(page_behind(heap_end));
}
