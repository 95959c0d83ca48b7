/*
 * The program that a socket layer runs: the file it was started from, by the
 * name that it was started by, and the arguments to start it again with. What
 * lies there now may be another version, a broken one, or nothing.
 */

#ifndef _PROGRAM_H_INCLUDED_
#define _PROGRAM_H_INCLUDED_

#include <sys/types.h>

#include "options.h"

#define PROGRAM_ARGS_MAX 14

typedef struct {
    char *path;                       /* absolute */
    char *argv[PROGRAM_ARGS_MAX + 2]; /* one more, and a NULL */
    int argc;
} program_t;

/* The file that this process runs, whatever it was called by; from malloc.
 * NULL and errno. */
char *program_file(void);

/* Remembers it; before the working directory changes. -1 and errno. */
int program_init(program_t *p, const options_t *o);
void program_done(program_t *p);

/*
 * Starts the file as a process that looks whether it can be started with these
 * arguments, and ends with 0 if so. Returns its ID, or -1 and errno.
 */
pid_t program_probe(const program_t *p);

/*
 * Goes on as that program, with what is open and not closed on exec, and the
 * image in that descriptor. Returns only when it can't: errno.
 */
void program_exec(program_t *p, int image);

#endif /* _PROGRAM_H_INCLUDED_ */
