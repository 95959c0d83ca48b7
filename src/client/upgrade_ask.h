/*
 * The command that asks a running socket layer to go on as the program that
 * lies at its path now, waits for what comes of it, and says so.
 */

#ifndef _UPGRADE_ASK_H_INCLUDED_
#define _UPGRADE_ASK_H_INCLUDED_

#include "options.h"

/* Returns an exit code. */
int upgrade_ask_run(const options_t *o);

#endif /* _UPGRADE_ASK_H_INCLUDED_ */
