/*
 * Tokens for people who connect to eIRC: each user object is left with nginx
 * (eirc_token_issue) before anything is measured.
 */

#ifndef _BENCH_TOKENS_H_INCLUDED_
#define _BENCH_TOKENS_H_INCLUDED_

#include "people.h"

/* One for each of them.  0, or -1 and people->trouble. */
int tokens_fetch(people_t *people);

#endif /* _BENCH_TOKENS_H_INCLUDED_ */
