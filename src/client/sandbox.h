/*
 * What a process gives up before it reads a byte from outside. The template
 * prepares and enters all of it that a fork hands on; a worker closes the rest
 * behind itself. Connector and relays have sandboxes of their own.
 */

#ifndef _SANDBOX_H_INCLUDED_
#define _SANDBOX_H_INCLUDED_

/* Is told of what this kernel cannot give: errno, and what it would be. */
typedef void (*sandbox_report_pt)(int error, const char *what);

/*
 * For the template, once: limits, no new privileges, not dumpable, no file
 * system, and the filters. -1 and errno: no worker may be forked.
 */
int sandbox_prepare(sandbox_report_pt report);

/*
 * For the template, when it has nothing left to do but to fork: no system calls
 * but those that a worker makes, and the few that make one. Workers inherit
 * it: what is large is there once. -1 and errno: as above.
 */
int sandbox_template(void);

/*
 * For a new worker, behind both of the above: no more processes. -1 and errno:
 * it must not go on.
 */
int sandbox_enter(void);

/* For the connector: it reads the resolver's files and uses the network. */
int sandbox_connector(sandbox_report_pt report);

/* For a relay of so many users: no file and no new socket. */
int sandbox_relay(sandbox_report_pt report, unsigned users);

#endif /* _SANDBOX_H_INCLUDED_ */
