// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/client_tally.h"

#include <stdio.h>
#include <string.h>

void tally_add(struct tally *tally, const char *what)
{
	size_t i;

	for (i = 0; i < tally->kinds; i++)
		if (!strcmp(tally->kind[i].what, what))
			break;
	if (i == TALLY_KINDS - 1)
		what = "others";
	if (i == tally->kinds) {
		snprintf(tally->kind[i].what, TALLY_TEXT, "%s", what);
		tally->kind[i].count = 0;
		tally->kinds++;
	}
	tally->kind[i].count++;
}

void tally_print(const struct tally *tally)
{
	putchar('{');
	for (size_t i = 0; i < tally->kinds; i++)
		printf("%s\"%s\":%u", i ? "," : "", tally->kind[i].what, tally->kind[i].count);
	putchar('}');
}
