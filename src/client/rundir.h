/*
 * The place of a socket layer in its run directory: the lock sockets.K.lock,
 * which one layer holds as long as it lives, and the listening socket
 * sockets.K, which only the holder of the lock makes, replaces and removes.
 *
 * Layers have numbers, one after another; that of the last one that listened
 * lies in the lock. A layer's
 * workers look for the next one by the name after.K.N, which that one makes, a
 * link to its socket: who looked for sockets.K could find one that is about to
 * close, of a layer that is dying, and could not come again.
 */

#ifndef _RUNDIR_H_INCLUDED_
#define _RUNDIR_H_INCLUDED_

#include <stddef.h>
#include <stdint.h>

typedef struct {
    unsigned number;
    uint32_t generation; /* N */
    int lock;            /* or -1 */
    int listen;          /* or -1 */
    int stale; /* flag: the layer before had no time to take its name away */
} rundir_t;

/*
 * Goes to the directory and takes the lock. EIRC_OK; EIRC_DONE: another layer
 * has it; EIRC_ERROR, with errno and the call that failed.
 */
int rundir_enter(rundir_t *r, const char *path, unsigned number,
                 const char **call);

/* The same for a process that has lock and listening socket already, and is in
 * the directory. */
void rundir_take(rundir_t *r, unsigned number, int lock, int listen);

/* The name of a layer's socket in the directory. */
void rundir_name(char *name, size_t size, unsigned number);

/* The name by which a layer is found that comes after that one: RESCUE_NAME_MAX
 * bytes at most, with numbers of layers up to 999. Those that come after one
 * another begin anew after a thousand. */
void rundir_after(char *name, size_t size, unsigned number,
                  uint32_t generation);

/* The same for one that listens already and knows nobody: it comes after the
 * one that it was. */
void rundir_renew(rundir_t *r);

/* Listens, in place of whatever a dead layer left. As rundir_enter(). */
int rundir_listen(rundir_t *r, const char **call);

/* Nobody can connect any more. */
void rundir_unlisten(rundir_t *r);

#endif /* _RUNDIR_H_INCLUDED_ */
