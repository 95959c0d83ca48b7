/*
 * The memory that libc asks the kernel for, directly behind the program's own
 * data: the thread's, and that of malloc(). Where the kernel would put it, it is
 * far away, and what a process touches there has three page tables to itself: of
 * each of the many processes that are forked from this one, and in no cache any
 * more when its next line comes.
 *
 * It takes the place of what libc has for it, in a program that is linked
 * statically and with template.ld, which keeps addresses free for it.
 */

#ifndef _NEAR_HEAP_H_INCLUDED_
#define _NEAR_HEAP_H_INCLUDED_

/* Once, before the program has others: gives back what it doesn't have in use
 * of those addresses, to grow into again, or for whoever maps something there. */
void near_heap_settle(void);

#endif /* _NEAR_HEAP_H_INCLUDED_ */
