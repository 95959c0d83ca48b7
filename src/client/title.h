/*
 * What ps and top show of a process. The words stand in the memory where the
 * kernel put arguments and environment: there is room for as much as those
 * took, and what does not fit is cut.
 */

#ifndef _TITLE_H_INCLUDED_
#define _TITLE_H_INCLUDED_

#include <stddef.h>

/* a variable of an environment that makes room */
#define TITLE_ROOM "T=" TITLE_SPACES TITLE_SPACES TITLE_SPACES
#define TITLE_SPACES "                                                "

/* Notes where arguments and environment are; before anything changes them. */
void title_init(int argc, char **argv, char **envp);

/* They are somewhere else now, as the kernel knows: size bytes, which are
 * overwritten. */
void title_move(char *start, size_t size);

/* Sets the title to "irc-client: " and these words, the name of the process
 * (15 bytes, as top shows it) to the words alone. */
void title_set(const char *words);

#endif /* _TITLE_H_INCLUDED_ */
