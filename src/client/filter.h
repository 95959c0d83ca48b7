/*
 * A filter of system calls, as the kernel takes it: made from rules by
 * libseccomp, installed for the rest of a process's life. The owner is whoever
 * has the structure; a process that was forked may install it as well.
 */

#ifndef _FILTER_H_INCLUDED_
#define _FILTER_H_INCLUDED_

#include <linux/filter.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* ours have some 200 instructions */
#define FILTER_MAX 512

typedef struct {
    size_t len;
    struct sock_filter program[FILTER_MAX];
} filter_t;

/* Adds rules; 0, or -1 and errno. */
typedef int (*filter_rules_pt)(scmp_filter_ctx ctx);

/*
 * Makes one of rules, and what happens to calls that none is about. It is done
 * in a process that ends with it: what libseccomp leaves in a heap would be in
 * that of every worker, which is to begin with an empty one. 0, or -1 and
 * errno.
 */
int filter_make(filter_t *f, uint32_t otherwise, filter_rules_pt rules);

/* Closes the process in; needs no new privileges first. 0, or -1 and errno. */
int filter_install(filter_t *f);

#endif /* _FILTER_H_INCLUDED_ */
