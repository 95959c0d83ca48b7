#include "near.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "old_stack.h"
#include "worker.h"

#define PAGE ((size_t) 4096)

#define TITLE_MAX 128

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

/* the first byte that is written to and comes from the file, and the byte
 * behind the last: the linker's names, in pages that have no others */
extern uint8_t __data_start[];
extern uint8_t _edata[];

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


/* data */

/* From nothing else but the stack: what is being replaced is libc's as well. */
static void
data_replace(int from, uint8_t *data, size_t size)
{
    if (mmap(data, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        == MAP_FAILED)
    {
        return;
    }

    if (syscall(SYS_read, from, data, size) != (long) size) {
        abort();
    }
}


/* A pipe holds 64 KB at once; without one, or with more, it stays as it is. */
static void
data_join(void)
{
    int fds[2];
    size_t size;
    uint8_t *data;

    data = __data_start - (uintptr_t) __data_start % PAGE;
    size = between(data, page_behind(_edata));

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1) {
        return;
    }

    if (write(fds[1], data, size) == (ssize_t) size) {
        data_replace(fds[0], data, size);
    }

    (void) close(fds[0]);
    (void) close(fds[1]);
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

/* in a page that a fork has to itself anyhow (worker.c) */
static _Thread_local char title[TITLE_MAX];


static void
stack_begin(void)
{
    old_stack_leave(title, sizeof(title));

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

    if (sysconf(_SC_PAGESIZE) != (long) PAGE) {
        exit(run());
    }

    data_join();
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
