// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/meter.h"

#include <stdlib.h>
#include <string.h>

#include "conf/ctl.h"
#include "conf/log.h"
#include "lbd/keep.h"
#include "lbd/lbd.h"

enum {
	PART = 64,       /* counts of a message, which fits the channel's frame */
	SAVE_EVERY = 12, /* times that it was told */
	PAIR = INT32_MAX,
};

static const char file_name[] = "counts";
static const double tell_every = 5.;

/* --- this node's tables ----------------------------------------------------------------------- */

static void look_at_pair(const struct dataplane *plane, uint64_t now[LEDGER_VALUES])
{
	now[LEDGER_PROMOTED] = dataplane_counter(plane, COUNT_PROMOTED);
	now[LEDGER_FORWARDED_IN] = dataplane_counter(plane, COUNT_FORWARDED_IN);
	now[LEDGER_FORWARDED_OUT] = dataplane_counter(plane, COUNT_FORWARDED_OUT);
	now[LEDGER_RESET_FLOWS] = dataplane_counter(plane, COUNT_RESET_FLOWS);
	now[LEDGER_EXPIRED_IDLE] = dataplane_counter(plane, COUNT_EXPIRED_IDLE);
}

static void look(const struct dataplane *plane, uint32_t slot, uint64_t now[LEDGER_VALUES])
{
	const struct flow_member_stats stats = dataplane_member_stats(plane, slot);
	const struct flow_member_bytes bytes = dataplane_member_bytes(plane, slot);

	now[LEDGER_CONNECTIONS] = stats.connections;
	now[LEDGER_BYTES_IN] = bytes.in;
	now[LEDGER_BYTES_OUT] = bytes.out;
	now[LEDGER_REFUSALS] = stats.refusals;
	now[LEDGER_RESETS] = stats.resets;
}

static void look_at_row(const struct lbd *lbd, uint32_t slot, uint64_t now[LEDGER_VALUES])
{
	if (slot == PAIR)
		look_at_pair(&lbd->plane, now);
	else
		look(&lbd->plane, slot, now);
}

static void read_row(struct lbd *lbd, struct ledger_row *row)
{
	uint64_t now[LEDGER_VALUES];

	look_at_row(lbd, row->slot, now);
	ledger_read(row, lbd->node - 1, now);
}

void meter_read(struct lbd *lbd)
{
	for (size_t i = 0; i < lbd->meter.ledger.count; i++)
		read_row(lbd, &lbd->meter.ledger.row[i]);
}

/* A row for a slot.  What the slot has counted for somebody else is not this one's. */
static void place(struct lbd *lbd, const char *array, const char *member, uint32_t slot)
{
	struct ledger *ledger = &lbd->meter.ledger;
	struct ledger_row *row = ledger_find(ledger, array, member);

	if (row && row->slot == slot)
		return;
	if (!row)
		row = ledger_add(ledger, array, member);
	if (!row) {
		log_error("%s/%s: no memory for its totals", array, member);
		return;
	}
	row->slot = slot;
	look_at_row(lbd, slot, row->seen);
}

static bool is_configured(void *arg, const struct ledger_row *row)
{
	const struct plan *plan = arg;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		if (plan->member[m] && !strcmp(plan->member[m]->name, row->member) &&
		    !strcmp(plan->array_of_member[m]->name, row->array))
			return true;
	return !row->member[0];
}

void meter_replan(struct lbd *lbd)
{
	const struct plan *plan = lbd->plan;

	ledger_prune(&lbd->meter.ledger, is_configured, lbd->plan);
	place(lbd, "", "", PAIR);
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		if (plan->member[m])
			place(lbd, plan->array_of_member[m]->name, plan->member[m]->name, m);
}

/* --- on disk ---------------------------------------------------------------------------------- */

static void take_row(struct ledger *ledger, const Cas__CountRow *from, bool adopted)
{
	struct ledger_row *row = ledger_find(ledger, from->count->array, from->count->member);

	if (!row)
		row = ledger_add(ledger, from->count->array, from->count->member);
	if (!row || !ledger_merge(ledger, from->count) || !from->has_slot)
		return;
	row->slot = from->slot;
	/* Tables that are new have counted nothing. */
	for (size_t v = 0; adopted && v < from->n_seen && v < LEDGER_VALUES; v++)
		row->seen[v] = from->seen[v];
}

/* Without a file of what was counted before, all that the tables have counted is news. */
static void load(struct lbd *lbd)
{
	struct ledger *ledger = &lbd->meter.ledger;
	Cas__CountFile *file = (Cas__CountFile *)keep_load(lbd->options.state_dir, file_name,
							   &cas__count_file__descriptor,
							   "totals begin with what the tables say");

	for (size_t i = 0; file && i < file->n_row; i++)
		take_row(ledger, file->row[i], lbd->plane.adopted);
	meter_replan(lbd);
	for (size_t i = 0; !file && i < ledger->count; i++)
		memset(ledger->row[i].seen, 0, sizeof(ledger->row[i].seen));
	cas__count_file__free_unpacked(file, NULL);
}

/* Each row twice, for the two nodes; this node's with what its tables say. */
static void fill(struct lbd *lbd, Cas__CountFile *file, Cas__CountRow *row, Cas__Count *count)
{
	struct ledger *ledger = &lbd->meter.ledger;

	for (size_t i = 0; i < LEDGER_NODES * ledger->count; i++) {
		struct ledger_row *from = &ledger->row[i / LEDGER_NODES];
		unsigned int node = i % LEDGER_NODES;

		ledger_write(&count[i], from, node);
		cas__count_row__init(&row[i]);
		row[i].count = &count[i];
		file->row[file->n_row++] = &row[i];
		if (node != lbd->node - 1)
			continue;
		row[i].has_slot = 1;
		row[i].slot = from->slot;
		row[i].n_seen = LEDGER_VALUES;
		row[i].seen = from->seen;
	}
}

static void save(struct lbd *lbd)
{
	size_t most = LEDGER_NODES * lbd->meter.ledger.count;
	Cas__CountFile file = CAS__COUNT_FILE__INIT;
	Cas__CountRow *row = calloc(most + 1, sizeof(*row));
	Cas__Count *count = calloc(most + 1, sizeof(*count));

	file.row = calloc(most + 1, sizeof(*file.row));
	if (row && count && file.row) {
		fill(lbd, &file, row, count);
		keep_save(lbd->options.state_dir, file_name, &file.base);
	} else {
		log_error("no memory for %s/%s", lbd->options.state_dir, file_name);
	}
	free(file.row);
	free(count);
	free(row);
}

/* --- to the peer and from it ------------------------------------------------------------------ */

void meter_tell(struct lbd *lbd)
{
	struct ledger *ledger = &lbd->meter.ledger;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Counts counts = CAS__COUNTS__INIT;
	Cas__Count part[PART], *list[PART];
	size_t total = LEDGER_NODES * ledger->count;

	message.counts = &counts;
	counts.count = list;
	for (size_t i = 0; lbd->share.syncd && i < total; i++) {
		struct ledger_row *row = &ledger->row[i / LEDGER_NODES];

		list[counts.n_count] = &part[counts.n_count];
		ledger_write(&part[counts.n_count++], row, i % LEDGER_NODES);
		if (counts.n_count < PART && i + 1 < total)
			continue;
		ctl_send(lbd->share.syncd, &message, NULL, 0);
		counts.n_count = 0;
	}
}

/* A member that is not configured here is none of ours: the other node has another revision yet. */
void meter_obey(struct lbd *lbd, const Cas__Counts *counts)
{
	meter_read(lbd);
	for (size_t i = 0; i < counts->n_count; i++)
		if (!ledger_merge(&lbd->meter.ledger, counts->count[i]))
			log_debug("the peer counts what is not configured here: ignored");
}

static void on_tell(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct lbd *lbd = timer->data;

	(void)loop;
	(void)events;
	meter_read(lbd);
	meter_tell(lbd);
	if (++lbd->meter.unsaved < SAVE_EVERY)
		return;
	lbd->meter.unsaved = 0;
	save(lbd);
}

void meter_start(struct meter *meter, struct lbd *lbd)
{
	load(lbd);
	meter_read(lbd);
	save(lbd);
	ev_timer_init(&meter->tell, on_tell, tell_every, tell_every);
	meter->tell.data = lbd;
	ev_timer_start(lbd->loop, &meter->tell);
}

void meter_stop(struct lbd *lbd)
{
	if (!lbd->meter.tell.data)
		return;
	ev_timer_stop(lbd->loop, &lbd->meter.tell);
	meter_read(lbd);
	save(lbd);
	ledger_free(&lbd->meter.ledger);
}

/* --- answers ---------------------------------------------------------------------------------- */

void meter_member(struct lbd *lbd, unsigned int member, Cas__MemberStatus *status)
{
	struct ledger_row *row = ledger_find(&lbd->meter.ledger, status->array, status->name);

	if (!row || row->slot != member)
		return;
	read_row(lbd, row);
	status->has_pair_connections = status->has_pair_bytes_in = status->has_pair_bytes_out = 1;
	status->has_pair_refusals = status->has_pair_resets = 1;
	status->pair_connections = ledger_total(row, LEDGER_CONNECTIONS);
	status->pair_bytes_in = ledger_total(row, LEDGER_BYTES_IN);
	status->pair_bytes_out = ledger_total(row, LEDGER_BYTES_OUT);
	status->pair_refusals = ledger_total(row, LEDGER_REFUSALS);
	status->pair_resets = ledger_total(row, LEDGER_RESETS);
}

bool meter_pair(struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	static char names[LEDGER_VALUES][16] = {
		[LEDGER_PROMOTED] = "promoted",           [LEDGER_FORWARDED_IN] = "forwarded_in",
		[LEDGER_FORWARDED_OUT] = "forwarded_out", [LEDGER_RESET_FLOWS] = "reset_flows",
		[LEDGER_EXPIRED_IDLE] = "expired_idle",
	};
	struct ledger_row *row = ledger_find(&lbd->meter.ledger, "", "");
	Cas__Counter *counter = arena_take(arena, LEDGER_VALUES * sizeof(*counter));

	status->pair_counter = arena_take(arena, LEDGER_VALUES * sizeof(*status->pair_counter));
	if (!row)
		return true;
	if (!counter || !status->pair_counter)
		return false;
	read_row(lbd, row);
	for (unsigned int v = 0; v < LEDGER_VALUES; v++) {
		cas__counter__init(&counter[v]);
		counter[v].name = names[v];
		counter[v].value = ledger_total(row, v);
		status->pair_counter[status->n_pair_counter++] = &counter[v];
	}
	return true;
}
