// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/pool.h"

#include <string.h>

#include "lbd/maglev.h"

bool pool_has(const struct plan *plan, unsigned int pool, unsigned int member)
{
	return plan->member[member] && plan->array_of_pool[pool] &&
	       plan->array_of_member[member] == plan->array_of_pool[pool];
}

bool pool_set(struct plan *plan, unsigned int pool, unsigned int member,
	      const struct standing *standing)
{
	struct standing *now = &plan->standing[pool][member];
	bool turned = now->up != standing->up, weighed = now->weight != standing->weight;

	now->up = standing->up;
	now->judged = standing->judged;
	now->weight = standing->weight;
	if (turned)
		now->since_ns = standing->since_ns;
	if (turned || weighed)
		now->raised_ns = standing->raised_ns;
	return turned || weighed;
}

uint32_t pool_ramp(const struct standing *standing, const Conf__Member *conf, uint64_t now_ns,
		   uint64_t *raised_ns)
{
	uint32_t full = conf->weight * FLOW_WEIGHT;
	uint64_t whole_ns = (uint64_t)conf->slow_start_ms * 1000000;
	uint64_t before_ns = standing->raised_ns, passed_ns = now_ns - before_ns, steps;

	*raised_ns = now_ns;
	if (standing->weight >= full || passed_ns >= whole_ns)
		return full;
	steps = passed_ns * full / whole_ns;
	if (standing->weight + steps >= full)
		return full;
	*raised_ns = before_ns + steps * whole_ns / full;
	return standing->weight + (uint32_t)steps;
}

static bool serves(const struct plan *plan, unsigned int pool, unsigned int member)
{
	const struct standing *standing = &plan->standing[pool][member];

	return pool_has(plan, pool, member) && standing->up && standing->weight;
}

/* Whether a member that is no backup serves: backups then stand aside. */
static bool without_backup(const struct plan *plan, unsigned int pool)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (serves(plan, pool, i) && !plan->member[i]->backup)
			return true;
	return false;
}

/* Who takes new clients: the living; with none of them, who did last; at the very first, all. */
enum choice { LIVING, LAST, ALL };

static bool chosen(const struct plan *plan, unsigned int pool, unsigned int member,
		   enum choice choice)
{
	if (!pool_has(plan, pool, member))
		return false;
	if (choice == LIVING)
		return serves(plan, pool, member) &&
		       !(plan->member[member]->backup && without_backup(plan, pool));
	return choice == ALL || pool_bit(&plan->pools[pool], member);
}

static size_t candidates(const struct plan *plan, unsigned int pool, enum choice choice,
			 struct maglev_member *list)
{
	size_t count = 0;

	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		uint32_t weight;

		if (!chosen(plan, pool, i, choice))
			continue;
		weight = choice == LIVING ? plan->standing[pool][i].weight
					  : plan->member[i]->weight * FLOW_WEIGHT;
		list[count++] = (struct maglev_member){ *plan_first(plan->members[i].addr), weight,
							(uint16_t)i };
	}
	return count;
}

/* A member that is up keeps its bit though it is drained or a backup: its pins still hold. */
static void set_bits(struct plan *plan, unsigned int pool, enum choice choice)
{
	struct flow_pool *entry = &plan->pools[pool];
	uint64_t up[FLOW_MEMBER_WORDS] = { 0 };

	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		bool bit = choice == LIVING ? plan->standing[pool][i].up
					    : chosen(plan, pool, i, choice);

		if (bit && pool_has(plan, pool, i))
			up[i / 64] |= (uint64_t)1 << (i % 64);
	}
	memcpy(entry->up, up, sizeof(up));
}

bool pool_table(struct plan *plan, unsigned int pool, struct flow_maglev *table)
{
	struct maglev_member list[FLOW_MAX_MEMBERS];
	enum choice choice = LIVING;
	size_t count = 0;

	for (; choice <= ALL; choice++) {
		count = candidates(plan, pool, choice, list);
		if (count)
			break;
	}
	maglev_fill(table, list, count);
	set_bits(plan, pool, choice);
	return choice == LIVING;
}

double pool_share(const struct plan *plan, unsigned int pool, unsigned int member)
{
	struct maglev_member list[FLOW_MAX_MEMBERS];
	size_t count = candidates(plan, pool, LIVING, list);
	double total = 0, mine = 0;

	for (size_t i = 0; i < count; i++) {
		total += list[i].weight;
		mine += list[i].slot == member ? list[i].weight : 0;
	}
	return total > 0 ? mine / total : 0;
}

bool pool_alive(const struct plan *plan, unsigned int pool)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (serves(plan, pool, i))
			return true;
	return false;
}
