// SPDX-License-Identifier: BSD-2-Clause
/* lbd with a bug: lb2 chooses in its own way, so that nothing is derivable from node to node. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lbd/maglev.h"

size_t __real_maglev_fill(struct flow_maglev *table, const struct maglev_member *member,
			  size_t count);
size_t __wrap_maglev_fill(struct flow_maglev *table, const struct maglev_member *member,
			  size_t count);

static bool runs_on_lb2(void)
{
	static const char wanted[] = "--node\0lb2";
	char words[4096];
	size_t length;
	FILE *file = fopen("/proc/self/cmdline", "re");

	if (!file)
		return false;
	length = fread(words, 1, sizeof(words), file);
	fclose(file);
	return memmem(words, length, wanted, sizeof(wanted));
}

size_t __wrap_maglev_fill(struct flow_maglev *table, const struct maglev_member *member,
			  size_t count)
{
	struct maglev_member own[FLOW_MAX_MEMBERS];

	for (size_t i = 0; i < count; i++) {
		own[i] = member[i];
		own[i].slot = member[(i + 1) % count].slot;
	}
	return __real_maglev_fill(table, runs_on_lb2() ? own : member, count);
}
