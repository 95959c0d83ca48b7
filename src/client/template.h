/*
 * The process that is forked for every user. It holds nothing of any session:
 * it receives one session's descriptors, forks with CLONE_PARENT, so that the
 * socket layer is the parent, and closes them. Whatever all workers need and
 * none changes is prepared here once, and shared.
 */

#ifndef _TEMPLATE_H_INCLUDED_
#define _TEMPLATE_H_INCLUDED_

/* Serves the socket layer on HELPER_FD until its end. Returns an exit code. */
int template_run(void);

#endif /* _TEMPLATE_H_INCLUDED_ */
