// SPDX-License-Identifier: BSD-2-Clause
#include "conf/near.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours each cost
 * one.  The first row is kept in the matrix; it is small enough not to bother with rolling rows.
 */
static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int d[NEAR_MAX + 1][NEAR_MAX + 1];

	for (unsigned int i = 0; i <= na; i++)
		d[i][0] = i;
	for (unsigned int j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned int change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min3(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
		}
	}
	return d[na][nb];
}

void near_try(struct near *near, const char *candidate)
{
	size_t na = strlen(near->word), nb = strlen(candidate);
	size_t longest = na > nb ? na : nb;
	/* About one slip in four characters. */
	unsigned int limit = longest <= 3 ? 1 : longest <= 9 ? 2 : 3;

	if (longest > NEAR_MAX || na == 0 || nb == 0)
		return;
	unsigned int d = distance(near->word, na, candidate, nb);

	/* A word of which nothing would remain is no near miss. */
	if (d > limit || d >= longest - 1 || (near->best[0] && d >= near->distance))
		return;
	memcpy(near->best, candidate, nb + 1);
	near->distance = d;
}

const char *near_text(char text[NEAR_TEXT], const struct near *near)
{
	text[0] = '\0';
	if (near->best[0])
		snprintf(text, NEAR_TEXT, "; did you mean \"%s\"?", near->best);
	return text;
}
