/*
 * The stack that the kernel gave the program, with arguments and environment.
 * It lies far from all else: a fork has an area to copy for it, and two pages
 * of tables. Who runs on another one (near.h) does not need it, but that the
 * title stands there (title.h).
 */

#ifndef _OLD_STACK_H_INCLUDED_
#define _OLD_STACK_H_INCLUDED_

#include <stddef.h>

/*
 * Forks do not have it from now on, and nothing that lies there: no environment,
 * and no getauxval(3). The title is written to room, of size bytes, of which it
 * gets all; the process's own memory. Where the kernel can't have that nothing
 * changes. Leaves no memory allocated.
 */
void old_stack_leave(char *room, size_t size);

#endif /* _OLD_STACK_H_INCLUDED_ */
