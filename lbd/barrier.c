// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/barrier.h"

static void open_for(struct barrier *barrier, const struct barrier_sight *sight, uint64_t wait_ns)
{
	*barrier = (struct barrier){
		.phase = BARRIER_OPEN,
		.generation = barrier->generation,
		.opened_ns = sight->now_ns,
		.quiet_ns = sight->now_ns + wait_ns,
		.until_ns = sight->now_ns + wait_ns + BARRIER_PATIENCE_NS,
		.kept = sight->kept,
	};
}

/* A connection may be under way by what went before. */
static void disturbed(struct barrier *barrier, const struct barrier_sight *sight)
{
	uint64_t quiet_ns = sight->now_ns + BARRIER_QUIET_NS;

	if (barrier->quiet_ns < quiet_ns)
		barrier->quiet_ns = quiet_ns;
}

static void open_changed(struct barrier *barrier, const struct barrier_sight *sight)
{
	bool heir = sight->heir_ns > sight->now_ns + BARRIER_QUIET_NS;

	open_for(barrier, sight, heir ? sight->heir_ns - sight->now_ns : BARRIER_QUIET_NS);
	barrier->inherited = heir;
}

void barrier_changed(struct barrier *barrier, const struct barrier_sight *sight)
{
	if (barrier->phase == BARRIER_SETTLED)
		open_changed(barrier, sight);
	else if (barrier->phase == BARRIER_TOLD)
		barrier->again = true;
	else
		disturbed(barrier, sight);
}

void barrier_inherited(struct barrier *barrier, const struct barrier_sight *sight)
{
	open_for(barrier, sight, BARRIER_TAKEOVER_NS);
	barrier->inherited = true;
}

void barrier_passed(struct barrier *barrier, uint32_t generation)
{
	if (barrier->phase == BARRIER_TOLD && barrier->generation == generation)
		barrier->passed = true;
}

static enum barrier_step step_open(struct barrier *barrier, const struct barrier_sight *sight)
{
	bool alone = !sight->standby && !barrier->inherited, quiet;

	if (barrier->kept != sight->kept)
		disturbed(barrier, sight);
	barrier->kept = sight->kept;
	quiet = alone || sight->now_ns >= barrier->quiet_ns;
	if (!quiet && sight->now_ns < barrier->until_ns)
		return BARRIER_WAIT;
	barrier->late = !quiet;
	barrier->phase = BARRIER_TOLD;
	barrier->until_ns = sight->now_ns + BARRIER_PATIENCE_NS;
	return BARRIER_TELL;
}

static enum barrier_step step_told(struct barrier *barrier, const struct barrier_sight *sight)
{
	bool done = barrier->passed || !sight->standby;
	bool given_up = barrier->late || !done;

	if (!done && sight->now_ns < barrier->until_ns)
		return BARRIER_WAIT;
	if (barrier->again)
		open_changed(barrier, sight);
	else
		barrier->phase = BARRIER_SETTLED;
	return given_up ? BARRIER_GIVE_UP : BARRIER_SETTLE;
}

enum barrier_step barrier_step(struct barrier *barrier, const struct barrier_sight *sight)
{
	if (barrier->phase == BARRIER_OPEN)
		return step_open(barrier, sight);
	return barrier->phase == BARRIER_TOLD ? step_told(barrier, sight) : BARRIER_WAIT;
}

bool barrier_reset(struct barrier *barrier)
{
	bool open = barrier->phase != BARRIER_SETTLED;

	*barrier = (struct barrier){ .generation = barrier->generation };
	return open;
}
