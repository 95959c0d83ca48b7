#include "near.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "worker.h"

#define PAGE ((size_t) 4096)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* of template.ld: whole pages, which the kernel has made ready with the data.
 * JSON that is nested as deep as jansson goes takes less than half of the
 * stack. */
extern uint8_t near_heap[];
extern uint8_t near_guard[];
extern uint8_t near_stack[];
extern uint8_t near_segment[];
extern uint8_t near_end[];

/* libc's names; without headers, as they are its own */
void *__sbrk(intptr_t increment);
void *sbrk(intptr_t increment);
void *_dl_early_allocate(size_t size);

static uint8_t *heap_end = near_heap;

/* what of it is there */
static uint8_t *heap_mapped = near_end;


static size_t
between(const uint8_t *from, const uint8_t *to)
{
    return (size_t) ((uintptr_t) to - (uintptr_t) from);
}


static uint8_t *
page_behind(uint8_t *p)
{
    return p + (PAGE - (uintptr_t) p % PAGE) % PAGE;
}


/* False: something else is there, or there is no memory. */
static bool
map(uint8_t *at, size_t size, int protection, int flags)
{
    uint8_t *p;

    p = mmap(at, size, protection,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | flags, -1, 0);

    if (p == MAP_FAILED) {
        return false;
    }

    if (p != at) {
        (void) munmap(p, size); /* before Linux 4.17 */
        return false;
    }

    return true;
}


/* heap */

static bool
heap_map(uint8_t *end)
{
    if (end <= heap_mapped) {
        return true;
    }

    if (!map(heap_mapped, between(heap_mapped, end), PROT_READ | PROT_WRITE,
             0)) {
        return false;
    }

    heap_mapped = end;

    return true;
}


/* What lies behind is zero when it is there the next time, as libc expects. */
static void
heap_unmap(uint8_t *end)
{
    size_t size;

    if (end >= heap_mapped) {
        return;
    }

    size = between(end, heap_mapped);

    if (munmap(end, size) == 0) {
        heap_mapped = end;

    } else {
        memset(end, 0, size);
    }
}


/* As sbrk(2). What finds no room malloc() gets elsewhere. */
void *
__sbrk(intptr_t increment)
{
    uint8_t *was;

    was = heap_end;

    if (increment > near_guard - was || increment < near_heap - was
        || !heap_map(page_behind(was + increment)))
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

    if (size > between(p, near_guard)) {
        return NULL;
    }

    heap_end = p + size;

    return p;
}


/* stack */

static int (*stack_run)(void);


static void
stack_begin(void)
{
    exit(stack_run());
}


static bool
stack_map(void)
{
    return map(near_guard, between(near_guard, near_stack), PROT_NONE,
               MAP_NORESERVE)
           && map(near_stack, between(near_stack, near_segment),
                  PROT_READ | PROT_WRITE, MAP_NORESERVE | MAP_STACK);
}


_Noreturn void
near_run(int (*run)(void))
{
    static ucontext_t context;

    heap_unmap(page_behind(heap_end));

    if (stack_map() && getcontext(&context) == 0) {
        stack_run = run;
        worker_segment_at = near_segment;

        context.uc_stack.ss_sp = near_stack;
        context.uc_stack.ss_size = between(near_stack, near_segment);
        context.uc_link = NULL;
        makecontext(&context, stack_begin, 0);
        (void) setcontext(&context);
    }

    exit(run());
}
