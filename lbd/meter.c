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

static void look_at_pair(const struct dataplane *plane, uint64_t now[LEDGER_MOST])
{
	now[LEDGER_PROMOTED] = dataplane_counter(plane, COUNT_PROMOTED);
	now[LEDGER_FORWARDED_IN] = dataplane_counter(plane, COUNT_FORWARDED_IN);
	now[LEDGER_FORWARDED_OUT] = dataplane_counter(plane, COUNT_FORWARDED_OUT);
	now[LEDGER_RESET_FLOWS] = dataplane_counter(plane, COUNT_RESET_FLOWS);
	now[LEDGER_EXPIRED_IDLE] = dataplane_counter(plane, COUNT_EXPIRED_IDLE);
}

static void look(const struct dataplane *plane, uint32_t slot, uint64_t now[LEDGER_MOST])
{
	const struct flow_member_stats stats = dataplane_member_stats(plane, slot);
	const struct flow_member_bytes bytes = dataplane_member_bytes(plane, slot);

	now[LEDGER_CONNECTIONS] = stats.connections;
	now[LEDGER_BYTES_IN] = bytes.in;
	now[LEDGER_BYTES_OUT] = bytes.out;
	now[LEDGER_REFUSALS] = stats.refusals;
	now[LEDGER_RESETS] = stats.resets;
}

static void look_at_service(const struct dataplane *plane, uint32_t slot, uint64_t now[LEDGER_MOST])
{
	const struct flow_service_stats stats = dataplane_service_stats(plane, slot);

	memcpy(now, stats.count, sizeof(stats.count));
}

static void look_at_row(const struct lbd *lbd, enum meter_kind kind, uint32_t slot,
			uint64_t now[LEDGER_MOST])
{
	memset(now, 0, LEDGER_MOST * sizeof(*now));
	if (kind == METER_SERVICES)
		look_at_service(&lbd->plane, slot, now);
	else if (slot == PAIR)
		look_at_pair(&lbd->plane, now);
	else
		look(&lbd->plane, slot, now);
}

static void read_row(struct lbd *lbd, enum meter_kind kind, struct ledger_row *row)
{
	uint64_t now[LEDGER_MOST];

	look_at_row(lbd, kind, row->slot, now);
	ledger_read(row, lbd->node - 1, now);
}

void meter_read(struct lbd *lbd)
{
	for (enum meter_kind kind = 0; kind < METER_KINDS; kind++)
		for (size_t i = 0; i < lbd->meter.ledger[kind].count; i++)
			read_row(lbd, kind, &lbd->meter.ledger[kind].row[i]);
}

/* A row for a slot.  What the slot has counted for somebody else is not this one's. */
static void place(struct lbd *lbd, enum meter_kind kind, const char *array, const char *name,
		  uint32_t slot)
{
	struct ledger *ledger = &lbd->meter.ledger[kind];
	struct ledger_row *row = ledger_find(ledger, array, name);

	if (row && row->slot == slot)
		return;
	if (!row)
		row = ledger_add(ledger, array, name);
	if (!row) {
		log_error("%s/%s: no memory for its totals", array, name);
		return;
	}
	row->slot = slot;
	look_at_row(lbd, kind, slot, row->seen);
}

static bool is_member(void *arg, const struct ledger_row *row)
{
	const struct plan *plan = arg;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		if (plan->member[m] && !strcmp(plan->member[m]->name, row->name) &&
		    !strcmp(plan->array_of_member[m]->name, row->array))
			return true;
	return !row->name[0];
}

static bool is_service(void *arg, const struct ledger_row *row)
{
	const struct plan *plan = arg;

	for (unsigned int s = 0; s < FLOW_MAX_SERVICES; s++)
		if (plan->service[s] && !strcmp(plan->service[s]->name, row->name) &&
		    !strcmp(plan->array_of_service[s]->name, row->array))
			return true;
	return false;
}

void meter_replan(struct lbd *lbd)
{
	struct ledger *ledger = lbd->meter.ledger;
	const struct plan *plan = lbd->plan;

	ledger_prune(&ledger[METER_MEMBERS], is_member, lbd->plan);
	ledger_prune(&ledger[METER_SERVICES], is_service, lbd->plan);
	place(lbd, METER_MEMBERS, "", "", PAIR);
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		if (plan->member[m])
			place(lbd, METER_MEMBERS, plan->array_of_member[m]->name,
			      plan->member[m]->name, m);
	for (unsigned int s = 0; s < FLOW_MAX_SERVICES; s++)
		if (plan->service[s])
			place(lbd, METER_SERVICES, plan->array_of_service[s]->name,
			      plan->service[s]->name, s);
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
	for (size_t v = 0; adopted && v < from->n_seen && v < ledger->values; v++)
		row->seen[v] = from->seen[v];
}

static void load_rows(struct lbd *lbd, enum meter_kind kind, Cas__CountRow *const *row,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_row(&lbd->meter.ledger[kind], row[i], lbd->plane.adopted);
}

/* Without a file of what was counted before, all that the tables have counted is news. */
static void load(struct lbd *lbd)
{
	struct ledger *ledger = lbd->meter.ledger;
	Cas__CountFile *file = (Cas__CountFile *)keep_load(lbd->options.state_dir, file_name,
							   &cas__count_file__descriptor,
							   "totals begin with what the tables say");

	if (file) {
		load_rows(lbd, METER_MEMBERS, file->row, file->n_row);
		load_rows(lbd, METER_SERVICES, file->service, file->n_service);
	}
	meter_replan(lbd);
	for (enum meter_kind kind = 0; !file && kind < METER_KINDS; kind++)
		for (size_t i = 0; i < ledger[kind].count; i++)
			memset(ledger[kind].row[i].seen, 0, sizeof(ledger[kind].row[i].seen));
	cas__count_file__free_unpacked(file, NULL);
}

/* Rows of one kind as they go to the disk: each twice, for the two nodes. */
struct rows {
	Cas__CountRow *row, **list;
	Cas__Count *count;
	size_t most;
};

/* This node's with what its tables say. */
static void fill(struct rows *rows, struct ledger *ledger, unsigned int own)
{
	for (size_t i = 0; i < rows->most; i++) {
		struct ledger_row *from = &ledger->row[i / LEDGER_NODES];
		unsigned int node = i % LEDGER_NODES;
		Cas__CountRow *row = &rows->row[i];

		ledger_write(ledger, &rows->count[i], from, node);
		cas__count_row__init(row);
		row->count = &rows->count[i];
		rows->list[i] = row;
		if (node != own)
			continue;
		row->has_slot = 1;
		row->slot = from->slot;
		row->n_seen = ledger->values;
		row->seen = from->seen;
	}
}

static bool rows_make(struct rows *rows, struct ledger *ledger, unsigned int own)
{
	rows->most = LEDGER_NODES * ledger->count;
	rows->row = calloc(rows->most + 1, sizeof(*rows->row));
	rows->list = calloc(rows->most + 1, sizeof(*rows->list));
	rows->count = calloc(rows->most + 1, sizeof(*rows->count));
	if (!rows->row || !rows->list || !rows->count)
		return false;
	fill(rows, ledger, own);
	return true;
}

static void rows_free(struct rows *rows)
{
	free(rows->row);
	free(rows->list);
	free(rows->count);
}

static void save(struct lbd *lbd)
{
	struct rows members = { 0 }, services = { 0 };
	Cas__CountFile file = CAS__COUNT_FILE__INIT;
	struct ledger *ledger = lbd->meter.ledger;

	if (rows_make(&members, &ledger[METER_MEMBERS], lbd->node - 1) &&
	    rows_make(&services, &ledger[METER_SERVICES], lbd->node - 1)) {
		file.row = members.list;
		file.n_row = members.most;
		file.service = services.list;
		file.n_service = services.most;
		keep_save(lbd->options.state_dir, file_name, &file.base);
	} else {
		log_error("no memory for %s/%s", lbd->options.state_dir, file_name);
	}
	rows_free(&members);
	rows_free(&services);
}

/* --- to the peer and from it ------------------------------------------------------------------ */

static void send_part(struct lbd *lbd, enum meter_kind kind, Cas__Count **list, size_t count)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Counts counts = CAS__COUNTS__INIT;

	message.counts = &counts;
	if (kind == METER_SERVICES) {
		counts.service = list;
		counts.n_service = count;
	} else {
		counts.count = list;
		counts.n_count = count;
	}
	ctl_send(lbd->share.syncd, &message, NULL, 0);
}

static void tell_kind(struct lbd *lbd, enum meter_kind kind)
{
	struct ledger *ledger = &lbd->meter.ledger[kind];
	size_t total = LEDGER_NODES * ledger->count, count = 0;
	Cas__Count part[PART], *list[PART];

	for (size_t i = 0; lbd->share.syncd && i < total; i++) {
		struct ledger_row *row = &ledger->row[i / LEDGER_NODES];

		list[count] = &part[count];
		ledger_write(ledger, &part[count++], row, i % LEDGER_NODES);
		if (count < PART && i + 1 < total)
			continue;
		send_part(lbd, kind, list, count);
		count = 0;
	}
}

void meter_tell(struct lbd *lbd)
{
	for (enum meter_kind kind = 0; kind < METER_KINDS; kind++)
		tell_kind(lbd, kind);
}

/* What is not configured here is none of ours: the other node has another revision yet. */
static void obey(struct ledger *ledger, Cas__Count *const *count, size_t counts)
{
	for (size_t i = 0; i < counts; i++)
		if (!ledger_merge(ledger, count[i]))
			log_debug("the peer counts what is not configured here: ignored");
}

void meter_obey(struct lbd *lbd, const Cas__Counts *counts)
{
	meter_read(lbd);
	obey(&lbd->meter.ledger[METER_MEMBERS], counts->count, counts->n_count);
	obey(&lbd->meter.ledger[METER_SERVICES], counts->service, counts->n_service);
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
	meter->ledger[METER_MEMBERS].values = LEDGER_MEMBER_VALUES;
	meter->ledger[METER_SERVICES].values = SERVICE_COUNTS;
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
	for (enum meter_kind kind = 0; kind < METER_KINDS; kind++)
		ledger_free(&lbd->meter.ledger[kind]);
}

/* --- answers ---------------------------------------------------------------------------------- */

void meter_member(struct lbd *lbd, unsigned int member, Cas__MemberStatus *status)
{
	struct ledger_row *row = ledger_find(&lbd->meter.ledger[METER_MEMBERS], status->array,
					     status->name);

	if (!row || row->slot != member)
		return;
	read_row(lbd, METER_MEMBERS, row);
	status->has_pair_connections = status->has_pair_bytes_in = status->has_pair_bytes_out = 1;
	status->has_pair_refusals = status->has_pair_resets = 1;
	status->pair_connections = ledger_total(row, LEDGER_CONNECTIONS);
	status->pair_bytes_in = ledger_total(row, LEDGER_BYTES_IN);
	status->pair_bytes_out = ledger_total(row, LEDGER_BYTES_OUT);
	status->pair_refusals = ledger_total(row, LEDGER_REFUSALS);
	status->pair_resets = ledger_total(row, LEDGER_RESETS);
}

const struct ledger_row *meter_service(struct lbd *lbd, unsigned int service)
{
	const struct plan *plan = lbd->plan;
	struct ledger_row *row = ledger_find(&lbd->meter.ledger[METER_SERVICES],
					     plan->array_of_service[service]->name,
					     plan->service[service]->name);

	if (!row || row->slot != service)
		return NULL;
	read_row(lbd, METER_SERVICES, row);
	return row;
}

bool meter_pair(struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	static char names[LEDGER_MEMBER_VALUES][16] = {
		[LEDGER_PROMOTED] = "promoted",           [LEDGER_FORWARDED_IN] = "forwarded_in",
		[LEDGER_FORWARDED_OUT] = "forwarded_out", [LEDGER_RESET_FLOWS] = "reset_flows",
		[LEDGER_EXPIRED_IDLE] = "expired_idle",
	};
	struct ledger_row *row = ledger_find(&lbd->meter.ledger[METER_MEMBERS], "", "");
	Cas__Counter *counter = arena_take(arena, LEDGER_MEMBER_VALUES * sizeof(*counter));

	status->pair_counter = arena_take(arena,
					  LEDGER_MEMBER_VALUES * sizeof(*status->pair_counter));
	if (!row)
		return true;
	if (!counter || !status->pair_counter)
		return false;
	read_row(lbd, METER_MEMBERS, row);
	for (unsigned int v = 0; v < LEDGER_MEMBER_VALUES; v++) {
		cas__counter__init(&counter[v]);
		counter[v].name = names[v];
		counter[v].value = ledger_total(row, v);
		status->pair_counter[status->n_pair_counter++] = &counter[v];
	}
	return true;
}
