/* SPDX-License-Identifier: BSD-2-Clause */
/* "Did you mean": the candidate nearest to a word that is not known.  Pure. */
#ifndef CASPAIR_NEAR_H
#define CASPAIR_NEAR_H

enum { NEAR_MAX = 48, NEAR_TEXT = 96 }; /* longer words get no suggestion */

/* Start with { .word = ... }; `best` is empty while no candidate is near enough. */
struct near {
	const char *word; /* borrowed */
	char best[NEAR_MAX + 1];
	unsigned int distance;
};

void near_try(struct near *near, const char *candidate);

/* "; did you mean "x"?" in the caller's buffer, or "" when nothing is near. */
const char *near_text(char text[NEAR_TEXT], const struct near *near);

#endif
