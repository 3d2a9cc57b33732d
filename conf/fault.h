/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a configuration, and where.  Filled by the reader and the checks. */
#ifndef CASPAIR_FAULT_H
#define CASPAIR_FAULT_H

#include "conf/conf.h"

enum { FAULT_MAX = 1000 }; /* further ones are counted, but have no text */

/* Line and column from 1, columns counted in characters; 0 and 0: the file as a whole. */
struct place {
	unsigned int line, column;
	unsigned int file; /* 0: the one that was named; else faults->file[file - 1] */
};

/* Before, at or after another: < 0, 0, > 0. */
int place_order(const struct place *a, const struct place *b);

enum { PLACE_TEXT = 160 };
struct place_text {
	char text[PLACE_TEXT];
};
/* "line 7", or "line 7 of arrays/mel.conf": how one message points to another place. */
struct place_text fault_line(const struct conf_faults *faults, struct place place);

/* Names one more file that faults can be in; its number, or 0 without memory. */
unsigned int fault_file(struct conf_faults *faults, const char *name);

/* Adds a fault, unless the same one is the latest.  Out of memory it is still counted. */
void fault_error(struct conf_faults *faults, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_warning(struct conf_faults *faults, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts by place and folds warnings of equal text into the first of them. */
void faults_finish(struct conf_faults *faults);

#endif
