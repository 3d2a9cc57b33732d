// SPDX-License-Identifier: BSD-2-Clause
/*
 * Revisions, and the disks that keep them.  Mirrors conf/history.c: a revision's file is there
 * before the record names it, and each of the two writes has happened as a whole or not at all.
 * A power cut between any of the system calls that a write is made of is
 * tests/unit/test_history.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { MOST = 4096 };

static uint8_t bit(const struct node *node)
{
	return (uint8_t)(1u << node->number);
}

/* --- what there ever was ---------------------------------------------------------------------- */

struct made *made_child(struct world *world, const struct lineage *parent, uint32_t files)
{
	uint8_t id[REVISION_ID] = { 0 };
	uint32_t number = ++world->mades;
	struct made *made;

	if (number > MOST)
		abort();
	memcpy(id, &number, sizeof(number));
	made = calloc(1, sizeof(*made));
	if (!made)
		abort();
	world->made[number - 1] = made;
	lineage_child(&made->line, parent, id);
	made->files = files ? files : number;
	return made;
}

struct made *made_find(const struct world *world, const struct revision *which)
{
	uint32_t number;

	memcpy(&number, which->id, sizeof(number));
	if (revision_none(which) || number == 0 || number > world->mades)
		return NULL;
	return revision_equal(which, &world->made[number - 1]->line.tip) ? world->made[number - 1]
									 : NULL;
}

void made_begin(struct world *world)
{
	struct made *base;

	world->made = calloc(MOST, sizeof(struct made *));
	if (!world->made)
		abort();
	base = made_child(world, NULL, 0);
	base->line.base = true;
	base->stored = (1u << NODES) - 1;
	for (unsigned int n = 0; n < NODES; n++)
		world->node[n].store.current = base->line.tip;
}

void made_end(struct world *world)
{
	for (uint32_t i = 0; i < world->mades; i++)
		free(world->made[i]);
	free(world->made);
}

/* --- a disk ----------------------------------------------------------------------------------- */

uint64_t vault_unix_ms(const struct node *node)
{
	return node->world->now / MS + 1000000;
}

/* The process stands still meanwhile. */
static void take_time(struct node *node)
{
	struct world *world = node->world;
	struct process *process = &node->process[SYNCD];
	uint64_t from = process->stalled_until > world->now ? process->stalled_until : world->now;

	if (!node->disk_ms)
		return;
	process->stalled_until = from + node->disk_ms * MS;
	if (process->stalled_until > world->stall_until)
		world->stall_until = process->stalled_until;
}

/* A write: true, it is on disk.  It may be the last thing that happens. */
static bool lands(struct node *node, int *error)
{
	struct hands *hands = &node->syncd->hands;

	if (*error || hands->dead)
		return false;
	if (node->disk_full) {
		*error = -ENOSPC;
		return false;
	}
	take_time(node);
	if (!node->cut_in || --node->cut_in)
		return true;
	hands->dead = true;
	world_later(node->world, 0, EV_WRITE_CUT, node->number, node->cut_power);
	return chance_of(&node->world->chance, 500);
}

static int change(struct node *node, struct made *made, const struct vault_record *record)
{
	bool skipped = node->world->options.plant == PLANT_STAGE_UNSTORED;
	int error = 0;

	if (made && (skipped || lands(node, &error)))
		made->stored |= skipped ? 0 : bit(node);
	if (!lands(node, &error))
		return error;
	revisions_written(node, record);
	node->store = *record;
	return 0;
}

static struct vault_record advance(const struct node *node, const struct revision *current,
				   uint64_t confirm_by_ms)
{
	return (struct vault_record){ .current = *current,
				      .previous = node->store.current,
				      .confirm_by_ms = confirm_by_ms,
				      .pushed = true };
}

int vault_stage(struct node *node, struct made *made)
{
	struct vault_record record = node->store;
	int error;

	record.staged = made->line.tip;
	error = change(node, made, &record);
	if (error == 0 && revision_equal(&node->store.staged, &made->line.tip))
		made->staged |= bit(node);
	return error;
}

int vault_unstage(struct node *node)
{
	struct vault_record record = node->store;

	if (revision_none(&record.staged))
		return 0;
	record.staged = (struct revision){ 0 };
	return change(node, NULL, &record);
}

int vault_switch(struct node *node, const struct revision *staged, uint64_t confirm_by_ms)
{
	struct vault_record record = advance(node, staged, confirm_by_ms);

	if (revision_none(staged) || !revision_equal(staged, &node->store.staged))
		return -ESTALE;
	return change(node, NULL, &record);
}

int vault_adopt(struct node *node, struct made *made, uint64_t confirm_by_ms)
{
	struct vault_record record = advance(node, &made->line.tip, confirm_by_ms);

	if (revision_equal(&made->line.tip, &node->store.current))
		return 0;
	return change(node, made, &record);
}

int vault_confirm(struct node *node)
{
	struct vault_record record = node->store;

	if (!record.confirm_by_ms || node->world->options.plant == PLANT_CONFIRM_UNSTORED)
		return 0;
	record.confirm_by_ms = 0;
	return change(node, NULL, &record);
}

const struct made *vault_current(const struct node *node)
{
	return made_find(node->world, &node->store.current);
}

bool vault_has(const struct node *node, const struct made *made)
{
	return made->stored & bit(node);
}
