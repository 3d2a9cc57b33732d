// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/fault.h"

#include <string.h>

static const char *const names[FAULTS] = {
	[FAULT_NONE] = "well",
	[FAULT_REFUSE] = "refuse",
	[FAULT_DEAF] = "deaf",
	[FAULT_HANG] = "hang",
	[FAULT_DIE] = "die",
	[FAULT_WRONG] = "wrong",
	[FAULT_CONGESTED] = "congested",
	[FAULT_LIMIT] = "limit",
	[FAULT_FULL] = "full",
	[FAULT_BUSY] = "busy",
	[FAULT_DENIED] = "denied",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_UNREGISTERED] = "unregistered",
};

const char *fault_name(enum fault fault)
{
	return names[fault];
}

enum fault fault_named(const char *word)
{
	enum fault fault;

	for (fault = FAULT_NONE; fault < FAULTS; fault++)
		if (!strcmp(names[fault], word))
			break;
	return fault;
}
