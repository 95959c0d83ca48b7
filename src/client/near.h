/*
 * Stack and heap of a program within one page table, together with its data,
 * and with room for a segment. Where the kernel would put them, each is far from
 * the others, and what a process touches there has two or three page tables to
 * itself: of each of the many processes that are forked from this one, and in
 * no cache any more when its next line comes.
 *
 * It is for a program that is linked statically, as it takes the place of what
 * libc asks for memory with, and with template.ld, which keeps addresses free:
 *
 *     data | heap ->  ...  guard | stack | segment
 */

#ifndef _NEAR_H_INCLUDED_
#define _NEAR_H_INCLUDED_

/*
 * Once, before the program has another process or thread. Makes the data of its
 * file memory like the heap, so that a fork has one area to copy; gives back what
 * it has of those addresses and does not use, and goes on with run() on the stack
 * there, or, without memory, on its own; then exits with what that returns.
 * What lies on the stack before stays where it is, and can be used, but not by
 * forks (old_stack.h).
 */
_Noreturn void near_run(int (*run)(void));

#endif /* _NEAR_H_INCLUDED_ */
