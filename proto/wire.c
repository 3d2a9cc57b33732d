// SPDX-License-Identifier: BSD-2-Clause
#include "proto/wire.h"

#include <stdio.h>

struct wire_terms wire_terms(void)
{
	return (struct wire_terms){ WIRE_VERSION, WIRE_LEAST, WIRE_FEATURES };
}

bool wire_terms_valid(const struct wire_terms *terms)
{
	return terms->least > 0 && terms->least <= terms->version;
}

struct wire wire_between(const struct wire_terms *ours, const struct wire_terms *theirs)
{
	struct wire wire = { .ours = *ours, .theirs = *theirs };
	uint32_t version = ours->version < theirs->version ? ours->version : theirs->version;

	if (version < ours->least || version < theirs->least)
		return wire;
	wire.version = version;
	wire.features = ours->features & theirs->features;
	return wire;
}

bool wire_is_less(const struct wire *wire)
{
	return wire->version < wire->ours.version || wire->features != wire->ours.features;
}

void wire_why(const struct wire *wire, bool leads, char *why, size_t size)
{
	const struct wire_terms *active = leads ? &wire->ours : &wire->theirs;
	const struct wire_terms *standby = leads ? &wire->theirs : &wire->ours;

	snprintf(why, size,
		 "no common version: the active node speaks %u to %u, the standby %u to %u: "
		 "upgrade the %s",
		 active->least, active->version, standby->least, standby->version,
		 active->version < standby->version ? "active node" : "standby");
}
