/*
 * The program's own text in a huge page, for one that forks many others: what
 * is a page fault for each small page in each of them, and an entry of a page
 * table that no cache has any more when the next line comes, is one for all.
 */

#ifndef _HUGE_TEXT_H_INCLUDED_
#define _HUGE_TEXT_H_INCLUDED_

/*
 * Once, by a program linked with template.ld, before it has other threads. It
 * takes Linux 6.11, which heeds the alignment of a program without an
 * interpreter, and huge pages for shared memory: without them all stays as it
 * is.
 */
void huge_text_map(void);

#endif /* _HUGE_TEXT_H_INCLUDED_ */
