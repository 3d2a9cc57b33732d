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

struct standing pool_next(const struct plan *plan, unsigned int pool, unsigned int member,
			  enum pool_probed probed, uint64_t now_ns)
{
	const Conf__Member *conf = plan->member[member];
	struct standing next = plan->standing[pool][member];
	bool rose = !next.weight || (probed == POOL_UP && !next.up);

	next.since_ns = now_ns;
	if (plan->duty[member] == PLAN_AWAY)
		probed = POOL_DOWN;
	if (plan->duty[member] != PLAN_SERVES) {
		next.weight = 0;
		next.raised_ns = now_ns;
	} else if (rose) {
		next.weight = conf->slow_start_ms ? 1 : conf->weight * FLOW_WEIGHT;
		next.raised_ns = now_ns;
	} else if (probed != POOL_UNDECIDED) {
		next.weight = pool_ramp(&next, conf, now_ns, &next.raised_ns);
	}
	if (probed == POOL_UNDECIDED)
		return next;
	next.up = probed == POOL_UP;
	next.judged = true;
	return next;
}

/* Which of a pool's two tables is meant. */
enum side { NOW, BASE };

static bool up_on(const struct plan *plan, unsigned int pool, unsigned int member, enum side side)
{
	const struct standing *standing = &plan->standing[pool][member];

	return side == BASE ? standing->base_up : standing->up;
}

static uint32_t weight_on(const struct plan *plan, unsigned int pool, unsigned int member,
			  enum side side)
{
	const struct standing *standing = &plan->standing[pool][member];

	return side == BASE ? standing->base_weight : standing->weight;
}

static bool serves(const struct plan *plan, unsigned int pool, unsigned int member, enum side side)
{
	return pool_has(plan, pool, member) && up_on(plan, pool, member, side) &&
	       weight_on(plan, pool, member, side);
}

/* Whether a member that is no backup serves: backups then stand aside. */
static bool without_backup(const struct plan *plan, unsigned int pool, enum side side)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (serves(plan, pool, i, side) && !plan->member[i]->backup)
			return true;
	return false;
}

bool pool_spares(const struct plan *plan, unsigned int pool, unsigned int member)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (i != member && serves(plan, pool, i, NOW) && plan->duty[i] == PLAN_SERVES)
			return true;
	return false;
}

/*
 * Who takes new clients: the living; with none of them, those who were to rest; then who did last;
 * at the very first, all.
 */
enum choice { LIVING, RESTING, LAST, ALL };

static bool was_chosen(const struct plan *plan, unsigned int pool, unsigned int member,
		       enum side side)
{
	const __u64 *up = side == BASE ? plan->base_up[pool] : plan->pools[pool].up;

	return up[member / 64] >> (member % 64) & 1;
}

static bool chosen(const struct plan *plan, unsigned int pool, unsigned int member,
		   enum choice choice, enum side side)
{
	if (!pool_has(plan, pool, member))
		return false;
	if (choice == LIVING)
		return serves(plan, pool, member, side) &&
		       !(plan->member[member]->backup && without_backup(plan, pool, side));
	if (choice == RESTING)
		return up_on(plan, pool, member, side);
	return choice == ALL || was_chosen(plan, pool, member, side);
}

static size_t candidates(const struct plan *plan, unsigned int pool, enum choice choice,
			 enum side side, struct maglev_member *list)
{
	size_t count = 0;

	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		uint32_t weight;

		if (!chosen(plan, pool, i, choice, side))
			continue;
		weight = choice == LIVING ? weight_on(plan, pool, i, side)
					  : plan->member[i]->weight * FLOW_WEIGHT;
		list[count++] = (struct maglev_member){ *plan_first(plan->members[i].addr), weight,
							(uint16_t)i };
	}
	return count;
}

/* A member that is up keeps its bit though it is drained or a backup: its pins still hold. */
static void set_bits(struct plan *plan, unsigned int pool, enum choice choice, enum side side)
{
	__u64 up[FLOW_MEMBER_WORDS] = { 0 };

	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		bool bit = choice <= RESTING ? up_on(plan, pool, i, side)
					     : chosen(plan, pool, i, choice, side);

		if (bit && pool_has(plan, pool, i))
			up[i / 64] |= (__u64)1 << (i % 64);
	}
	memcpy(side == BASE ? plan->base_up[pool] : plan->pools[pool].up, up, sizeof(up));
}

static bool fill(struct plan *plan, unsigned int pool, enum side side, struct flow_maglev *table)
{
	struct maglev_member list[FLOW_MAX_MEMBERS];
	enum choice choice = LIVING;
	size_t count = 0;

	for (; choice <= ALL; choice++) {
		count = candidates(plan, pool, choice, side, list);
		if (count)
			break;
	}
	maglev_fill(table, list, count);
	set_bits(plan, pool, choice, side);
	return choice == LIVING;
}

bool pool_table(struct plan *plan, unsigned int pool, struct flow_maglev *table)
{
	return fill(plan, pool, NOW, table);
}

bool pool_base(struct plan *plan, unsigned int pool, struct flow_maglev *table)
{
	return fill(plan, pool, BASE, table);
}

void pool_rebase(struct plan *plan, unsigned int pool)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		struct standing *standing = &plan->standing[pool][i];

		standing->base_up = standing->up;
		standing->base_weight = standing->weight;
	}
	plan->base_kept &= ~((uint64_t)1 << pool);
}

void pool_take_base(struct plan *plan, unsigned int pool)
{
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		struct standing *standing = &plan->standing[pool][i];

		standing->base_up = standing->next_base_up;
		standing->base_weight = standing->next_base_weight;
	}
	plan->base_kept &= ~((uint64_t)1 << pool);
}

bool pool_settled(const struct plan *plan, unsigned int pool)
{
	if (plan->base_kept >> pool & 1)
		return false;
	for (unsigned int i = 0; i < FLOW_MAX_MEMBERS; i++) {
		const struct standing *standing = &plan->standing[pool][i];

		if (pool_has(plan, pool, i) && (standing->base_up != standing->up ||
						standing->base_weight != standing->weight))
			return false;
	}
	return true;
}

double pool_share(const struct plan *plan, unsigned int pool, unsigned int member)
{
	struct maglev_member list[FLOW_MAX_MEMBERS];
	size_t count = candidates(plan, pool, LIVING, NOW, list);
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
		if (serves(plan, pool, i, NOW))
			return true;
	return false;
}
