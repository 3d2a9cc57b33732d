/* SPDX-License-Identifier: BSD-2-Clause */
/* How lines ended, and at which member: counted, and printed as one JSON object. */
#ifndef CASMOCK_CLIENT_TALLY_H
#define CASMOCK_CLIENT_TALLY_H

#include <stddef.h>

enum { TALLY_KINDS = 64, TALLY_TEXT = 96 };

struct tally {
	struct {
		char what[TALLY_TEXT];
		unsigned int count;
	} kind[TALLY_KINDS]; /* the last one takes what has no place of its own */
	size_t kinds;
};

void tally_add(struct tally *tally, const char *what);
void tally_print(const struct tally *tally);

#endif
