/*
 * Restartable sequences (rseq(2)), which libc registers for each thread, and
 * nobody here uses: the kernel has to look after them whenever a process was
 * preempted.
 */

#ifndef _RSEQ_H_INCLUDED_
#define _RSEQ_H_INCLUDED_

/* Without them from now on, and so are processes that are forked from this one;
 * where the kernel or libc has none, or another idea of them, nothing changes. */
void rseq_leave(void);

#endif /* _RSEQ_H_INCLUDED_ */
