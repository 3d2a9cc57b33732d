/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a configuration, and where.  Filled by the reader and the checks. */
#ifndef CASPAIR_FAULT_H
#define CASPAIR_FAULT_H

#include "conf/conf.h"

enum { FAULT_MAX = 1000 }; /* further ones are counted, but have no text */

/* Line and column from 1, columns counted in characters; 0 and 0: the file as a whole. */
struct place {
	unsigned int line, column;
};

/* Adds a fault, unless the same one is the latest.  Out of memory it is still counted. */
void fault_error(struct conf_faults *faults, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_warning(struct conf_faults *faults, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts by place and folds warnings of equal text into the first of them. */
void faults_finish(struct conf_faults *faults);

#endif
