// SPDX-License-Identifier: BSD-2-Clause
/* Fewer faults that still end in the same failure: what is left is what it takes. */
#include <string.h>

#include "tests/sim/sim.h"

/* The same invariant, whatever the numbers. */
static bool alike(const struct outcome *a, const struct outcome *b)
{
	size_t length = strcspn(a->failure, " ");

	return length && strncmp(a->failure, b->failure, length + 1) == 0;
}

/* The flow that the failure is about, plus one; 0: none. */
static unsigned int flow_of(const struct outcome *outcome)
{
	static const char *const words[] = { "flow ", "session " };
	unsigned int flow;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strstr(outcome->failure, words[i]);

		if (at && sscanf(at + strlen(words[i]), "%u", &flow) == 1)
			return flow + 1;
	}
	return 0;
}

void reduce(const struct options *options, const struct outcome *outcome)
{
	struct options fewer = *options;
	struct outcome last = *outcome, again;
	struct figures unused = { 0 };
	unsigned int left = 0;

	fewer.mute = true;
	for (unsigned int i = outcome->faults < 64 ? outcome->faults : 64; i-- > 0;) {
		struct options trial = fewer;
		struct outcome next;

		trial.skip |= UINT64_C(1) << i;
		next = world_run(&trial, &unused);
		if (!alike(outcome, &next)) {
			left++;
			continue;
		}
		fewer = trial;
		last = next;
	}
	if (outcome->faults)
		printf("%u of %u faults are needed\n", left, outcome->faults);
	fewer.mute = false;
	fewer.watched = flow_of(&last);
	again = world_run(&fewer, &unused);
	if (strcmp(again.failure, last.failure) != 0)
		printf("  sim: this run is not the same again: %s\n", last.failure);
}
