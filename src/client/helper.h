/*
 * A process that the socket layer keeps: template or connector. It is this
 * same program, or the template's own (template_file.h), executed anew so that
 * it has nothing of the layer's, with one SEQPACKET socket as descriptor 3. When it dies it is started again, at once
 * if it lived for a while, later and later if it did not.
 */

#ifndef _HELPER_H_INCLUDED_
#define _HELPER_H_INCLUDED_

#include <stdint.h>
#include <sys/types.h>

/* the socket to the layer, as the helper sees it */
#define HELPER_FD 3

typedef struct {
    const char *name;  /* for logs */
    const char *title; /* argv[0] */
    const char *role;  /* argv[1] */
    int stays;         /* flag: in our directory; others go to the root */
    pid_t pid;         /* 0: not running */
    int fd;            /* -1: not running */
    uint64_t started;  /* ms */
    uint64_t again;    /* ms: when to start again; 0: runs */
    uint32_t delay;    /* ms, before the next start */
} helper_t;

/*
 * Opens what helpers execute: the file that this process runs, whatever may
 * have been put in its place since. -1 and errno.
 */
int helper_open(void);

void helper_init(helper_t *h, const char *name, const char *title,
                 const char *role);

/* For a child, before it executes anything: no signal has a handler of ours,
 * nor is blocked. */
void helper_signals_reset(void);

/* Starts it from the file exe; 0, or -1 and errno, to be tried again. */
int helper_start(helper_t *h, int exe, uint64_t now);

/* Is it running, or about to be: worth waiting for? */
int helper_is_near(const helper_t *h, uint64_t now);

/* Its end of file was seen, or its exit: closes, and sets when to go on. */
void helper_gone(helper_t *h, uint64_t now);

#endif /* _HELPER_H_INCLUDED_ */
