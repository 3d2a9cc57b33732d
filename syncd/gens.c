// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/gens.h"

static size_t find(const struct gens *gens, uint32_t pool_id)
{
	size_t i = 0;

	while (i < gens->count && gens->of[i].pool_id != pool_id)
		i++;
	return i;
}

static void remove_at(struct gens *gens, size_t i)
{
	gens->of[i] = gens->of[--gens->count];
}

void gens_add(struct gens *gens, uint32_t pool_id, uint32_t number, uint64_t seq)
{
	size_t i = find(gens, pool_id);

	/* Of more pools than there can be: what is not waited for here, lbd gives up. */
	if (i == FLOW_MAX_POOLS)
		return;
	if (i == gens->count) {
		gens->of[i].pool_id = pool_id;
		gens->of[i].seq = seq;
		gens->count++;
	}
	gens->of[i].number = number;
}

void gens_drop(struct gens *gens, uint32_t pool_id)
{
	size_t i = find(gens, pool_id);

	if (i < gens->count)
		remove_at(gens, i);
}

uint64_t gens_limit(const struct gens *gens, uint64_t seq)
{
	for (size_t i = 0; i < gens->count; i++)
		if (gens->of[i].seq <= seq)
			seq = gens->of[i].seq - 1;
	return seq;
}

bool gens_take(struct gens *gens, uint64_t seq, uint32_t *pool_id, uint32_t *number)
{
	for (size_t i = 0; i < gens->count; i++) {
		if (gens->of[i].seq > seq)
			continue;
		*pool_id = gens->of[i].pool_id;
		*number = gens->of[i].number;
		remove_at(gens, i);
		return true;
	}
	return false;
}

bool gens_done(struct gens *gens, uint32_t pool_id, uint32_t number)
{
	size_t i = find(gens, pool_id);

	if (i == gens->count || (int32_t)(number - gens->of[i].number) < 0)
		return false;
	remove_at(gens, i);
	return true;
}
