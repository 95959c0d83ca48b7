/* The figures of a soak, as JSON in one line. */

#ifndef _SOAK_REPORT_H_INCLUDED_
#define _SOAK_REPORT_H_INCLUDED_

#include <stdio.h>

#include "crowd.h"


void report_print(crowd_t *c, FILE *out);

#endif /* _SOAK_REPORT_H_INCLUDED_ */
