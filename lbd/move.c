// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/move.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "conf/log.h"
#include "lbd/bpf/carried.h"
#include "lbd/convert.h"
#include "lbd/dataplane.h"
#include "lbd/dataplane_pins.h"
#include "lbd/walk.h"

/* The data plane's clock is coarse: what it calls earlier may be so many ticks later. */
enum { CLOCK_SLACK = 16 };

/* An old table of flows: a hash of the kernel's up to layout 12, then one of places. */
struct old_flows {
	int flows, buckets, form; /* the latter -1: a hash */
	struct places places;
};

/* One walk through old tables, with the records that it has gathered for caspair_carry. */
struct pass {
	struct dataplane *plane;
	struct carried *inbox;
	struct old_flows flows;
	int pins;
	uint32_t named;
	uint64_t done, full;
};

bool move_is_state(const char *name)
{
	static const char *const names[] = {
		"flows", "flow_buckets", "flow_form",    "reverse",
		"pins",  "gauges",       "member_stats", "source_stats"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t now_ticks(void)
{
	return (uint32_t)(now_ns() >> FLOW_TICK_SHIFT);
}

static bool is_before(uint32_t tick, uint32_t other)
{
	return (int32_t)(tick - other) < 0;
}

/* --- flows and pins --------------------------------------------------------------------------- */

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void pass_close(struct pass *pass)
{
	if (pass->inbox)
		munmap(pass->inbox, CARRY_BATCH * sizeof(*pass->inbox));
	close_one(pass->flows.flows);
	close_one(pass->flows.buckets);
	close_one(pass->flows.form);
	close_one(pass->pins);
}

static uint32_t value_size(const struct pass *pass, const char *name, uint32_t today)
{
	const struct convert_map *how = convert_find(pass->plane->move.from, name);

	return how ? how->value : today;
}

/* False: it is nothing that is known. */
static bool open_flows(struct pass *pass)
{
	uint32_t value = value_size(pass, "flows", sizeof(struct flow));
	const char *dir = pass->plane->move.dir;
	struct old_flows *old = &pass->flows;
	struct pins_form flows = { 0 }, buckets = { 0 }, form = { 0 };

	*old = (struct old_flows){ pins_open(dir, "flows", &flows), -1, -1, { 0 } };
	if (flows.type == BPF_MAP_TYPE_HASH)
		return flows.key == sizeof(struct flow_key) && flows.value == value;
	old->buckets = pins_open(dir, "flow_buckets", &buckets);
	old->form = pins_open(dir, "flow_form", &form);
	if (flows.value != sizeof(struct flow_place) ||
	    buckets.value != sizeof(struct flow_bucket) || form.value != sizeof(struct flow_form) ||
	    places_open(&old->places, old->flows, old->buckets, old->form))
		return false;
	old->places.value = value;
	return true;
}

static bool open_pins(struct pass *pass)
{
	struct pins_form pins = { 0 };

	pass->pins = pins_open(pass->plane->move.dir, "pins", &pins);
	return pins.key == sizeof(struct pin_key) &&
	       pins.value == value_size(pass, "pins", sizeof(struct pin));
}

static int pass_open(struct pass *pass, struct dataplane *plane)
{
	void *inbox = mmap(NULL, CARRY_BATCH * sizeof(*pass->inbox), PROT_READ | PROT_WRITE,
			   MAP_SHARED, plane->map[MAP_CARRIED], 0);
	bool flows, pins;

	*pass = (struct pass){ .plane = plane, .inbox = inbox == MAP_FAILED ? NULL : inbox };
	flows = open_flows(pass);
	pins = open_pins(pass);
	if (pass->inbox && flows && pins)
		return 0;
	pass_close(pass);
	log_error("the old tables cannot be read: run lbd --detach-data-plane when no session "
		  "needs them");
	return -EPROTO;
}

static int flush(struct pass *pass)
{
	struct flow_call call;
	int error = 0;

	if (pass->named)
		error = dataplane_carry(pass->plane, pass->named, &call);
	if (error) {
		log_error("entries cannot be carried over: %s", strerror(-error));
		return error;
	}
	if (pass->named) {
		pass->done += call.done;
		pass->full += call.full;
	}
	pass->named = 0;
	return 0;
}

/* The next record to be filled in; the caller flushes after each slice of a walk. */
static struct carried *record_next(struct pass *pass, enum carry_kind kind)
{
	struct carried *record = &pass->inbox[pass->named++];

	memset(record, 0, sizeof(*record));
	record->kind = kind;
	return record;
}

/* An entry of an old table, of today's layout. */
static void take_over(const struct pass *pass, const char *name, const void *old, void *fresh,
		      size_t size)
{
	const struct convert_map *how = convert_find(pass->plane->move.from, name);

	if (how)
		how->convert(old, fresh);
	else
		memcpy(fresh, old, size);
}

static void name_pins(struct pass *pass, const struct walk *walk, uint32_t count, uint32_t size)
{
	const struct move *move = &pass->plane->move;
	const struct pin_key *key = walk->keys;

	for (uint32_t i = 0; i < count; i++) {
		struct carried *record = record_next(pass, CARRY_PIN);
		struct pin *pin = &record->entry.pin;

		record->key.client = key[i].client;
		record->number = key[i].pool_id;
		take_over(pass, "pins", (const uint8_t *)walk->values + (size_t)i * size, pin,
			  sizeof(*pin));
		if (move->since && is_before(pin->created, move->since))
			record->kind = CARRY_KNOWN_PIN;
	}
}

static void name_flows(struct pass *pass, const struct walk *walk, uint32_t count, uint32_t size)
{
	const struct move *move = &pass->plane->move;
	const struct flow_key *key = walk->keys;

	for (uint32_t i = 0; i < count; i++) {
		struct carried *record = record_next(pass, CARRY_FLOW);
		struct flow *flow = &record->entry.flow;

		record->key = key[i];
		take_over(pass, "flows", (const uint8_t *)walk->values + (size_t)i * size, flow,
			  sizeof(*flow));
		if (move->since && is_before(flow->created, move->since))
			record->kind = CARRY_KNOWN_FLOW;
	}
}

static int carry_pins(struct pass *pass)
{
	uint32_t size = value_size(pass, "pins", sizeof(struct pin));
	struct walk walk;
	int error = walk_open(&walk, pass->pins, sizeof(struct pin_key), size, CARRY_BATCH);

	while (!error && !walk.ended) {
		name_pins(pass, &walk, walk_next(&walk), size);
		error = flush(pass);
	}
	walk_close(&walk);
	return error;
}

static int walk_old_flows(const struct pass *pass, struct walk *walk, uint32_t size)
{
	const struct old_flows *old = &pass->flows;

	return old->form < 0
		       ? walk_open(walk, old->flows, sizeof(struct flow_key), size, CARRY_BATCH)
		       : walk_open_flows(walk, &old->places, CARRY_BATCH);
}

static int carry_flows(struct pass *pass)
{
	uint32_t size = value_size(pass, "flows", sizeof(struct flow));
	struct walk walk;
	int error = walk_old_flows(pass, &walk, size);

	while (!error && !walk.ended) {
		name_flows(pass, &walk, walk_next(&walk), size);
		error = flush(pass);
	}
	walk_close(&walk);
	return error;
}

/* The pins first, for the flows are counted on them. */
static int carry_tables(struct pass *pass)
{
	int error = carry_pins(pass);

	return error ? error : carry_flows(pass);
}

static bool old_has(const struct pass *pass, const struct flow_key *key, void *value)
{
	const struct old_flows *old = &pass->flows;

	return old->form < 0 ? !bpf_map_lookup_elem(old->flows, key, value)
			     : places_find(&old->places, key, value);
}

/* Copies from before `limit` whose flow the old table has no more. */
static int lose_flows(struct pass *pass, uint32_t limit)
{
	uint8_t *old = malloc(value_size(pass, "flows", sizeof(struct flow)));
	struct walk walk;
	int error = walk_open_flows(&walk, &pass->plane->places, CARRY_BATCH);

	if (!old)
		error = -ENOMEM;
	while (!error && !walk.ended) {
		uint32_t count = walk_next(&walk);
		const struct flow_key *key = walk.keys;
		const struct flow *flow = walk.values;

		for (uint32_t i = 0; i < count; i++) {
			struct carried *record;

			if (!is_before(flow[i].created, limit) || old_has(pass, &key[i], old))
				continue;
			record = record_next(pass, CARRY_LOST_FLOW);
			record->key = key[i];
			record->entry.flow = flow[i];
		}
		error = flush(pass);
	}
	walk_close(&walk);
	free(old);
	return error;
}

static int lose_pins(struct pass *pass)
{
	uint8_t *old = malloc(value_size(pass, "pins", sizeof(struct pin)));
	struct walk walk;
	int error = walk_open(&walk, pass->plane->map[MAP_PINS], sizeof(struct pin_key),
			      sizeof(struct pin), CARRY_BATCH);

	if (!old)
		error = -ENOMEM;
	while (!error && !walk.ended) {
		uint32_t count = walk_next(&walk);
		const struct pin_key *key = walk.keys;

		for (uint32_t i = 0; i < count; i++) {
			struct carried *record;

			if (!bpf_map_lookup_elem(pass->pins, &key[i], old))
				continue;
			record = record_next(pass, CARRY_LOST_PIN);
			record->key.client = key[i].client;
			record->number = key[i].pool_id;
		}
		error = flush(pass);
	}
	walk_close(&walk);
	free(old);
	return error;
}

/* --- counts of members and sources ------------------------------------------------------------ */

/* What the old map of a name has at a slot, of today's layout, is taken out of it. */
static bool take_counts(const struct pass *pass, int old, const char *name, uint32_t slot,
			struct carried *record)
{
	uint32_t size = value_size(pass, name, sizeof(record->entry));
	uint8_t value[256] = { 0 };
	bool any = false;

	if (size > sizeof(value) || bpf_map_lookup_elem(old, &slot, value))
		return false;
	for (uint32_t i = 0; i < size; i++)
		any |= value[i] != 0;
	if (!any)
		return false;
	take_over(pass, name, value, &record->entry, sizeof(record->entry));
	memset(value, 0, sizeof(value));
	/* Who is stopped now and comes again shall not count it twice. */
	return !bpf_map_update_elem(old, &slot, value, BPF_ANY);
}

static int carry_counts(struct pass *pass, const char *name, enum carry_kind kind, uint32_t slots)
{
	struct pins_form form;
	int old = pins_open(pass->plane->move.dir, name, &form), error = 0;

	if (old < 0)
		return 0; /* that layout had none */
	for (uint32_t slot = 0; !error && slot < slots; slot++) {
		struct carried *record = record_next(pass, kind);

		record->number = slot;
		if (!take_counts(pass, old, name, slot, record))
			pass->named--;
		if (pass->named == CARRY_BATCH)
			error = flush(pass);
	}
	close(old);
	return error ? error : flush(pass);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void tell(const struct pass *pass, const char *what, uint64_t began_ns)
{
	struct flow_gauges gauges = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(pass->plane->map[MAP_GAUGES], &zero, &gauges);
	log_info("%s: %llu flows and %llu pins, after %llu ms", what,
		 (unsigned long long)gauges.flows, (unsigned long long)gauges.pins,
		 (unsigned long long)((now_ns() - began_ns) / 1000000));
}

int move_fill(struct dataplane *plane)
{
	uint64_t began = now_ns();
	struct pass pass;
	int error;

	if (!plane->move.on || plane->move.again)
		return 0;
	error = move_copy(plane, true);
	if (error || !plane->move.state)
		return error;
	error = pass_open(&pass, plane);
	if (error)
		return error;
	error = carry_tables(&pass);
	if (!error && pass.full)
		error = -ENOSPC;
	tell(&pass, "copied to new tables", began);
	pass_close(&pass);
	return error;
}

/* What the last pass before the switch brings up to date. */
static int commit_state(struct dataplane *plane)
{
	uint64_t began = now_ns();
	uint32_t since = now_ticks() - CLOCK_SLACK;
	struct pass pass;
	int error = pass_open(&pass, plane);

	if (error)
		return error;
	error = carry_tables(&pass);
	/* Some interfaces may have the new program since a former commitment. */
	if (!error && !plane->move.again)
		error = lose_flows(&pass, now_ticks());
	if (!error && !plane->move.again)
		error = lose_pins(&pass);
	if (!plane->move.again)
		plane->move.since = since ? since : 1;
	tell(&pass, "brought up to date", began);
	pass_close(&pass);
	return error;
}

int move_commit(struct dataplane *plane)
{
	int error = 0;

	if (!plane->move.on)
		return 0;
	if (plane->move.state && pins_exists(plane->move.dir, PINS_NEXT "flows"))
		error = commit_state(plane);
	if (!error && !plane->move.again)
		error = move_copy(plane, false);
	if (!error)
		error = pins_mark(plane->move.dir, PINS_COMMIT, plane->map[MAP_CONTROL]);
	if (error)
		log_error("the new tables are not put into use: %s", strerror(-error));
	return error;
}

/* Until no processor is inside the old program any more. */
static void await_packets(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(200000);
}

static int finish_state(struct dataplane *plane)
{
	uint32_t switched = now_ticks() - CLOCK_SLACK;
	uint64_t began = now_ns();
	struct pass pass;
	int error;

	await_packets();
	error = pass_open(&pass, plane);
	if (error)
		return error;
	error = carry_tables(&pass);
	if (!error && plane->move.since)
		error = lose_flows(&pass, switched);
	if (!error)
		error = carry_counts(&pass, "member_stats", CARRY_MEMBER, FLOW_MAX_MEMBERS);
	if (!error)
		error = carry_counts(&pass, "source_stats", CARRY_SOURCE, FLOW_MAX_SOURCES);
	if (pass.full)
		log_warning("%llu flows found no room in the new tables; they go on unrecorded",
			    (unsigned long long)pass.full);
	tell(&pass, "tables are moved", began);
	pass_close(&pass);
	return error;
}

static int replace(const struct move *move, const char *name)
{
	int error = pins_replace(move->dir, name);

	return error == -ENOENT ? 0 : error; /* it did not move, or somebody before has done it */
}

int move_finish(struct dataplane *plane)
{
	struct move *move = &plane->move;
	char path[PINS_PATH];
	int error = 0;

	if (!move->on)
		return 0;
	if (move->state && pins_exists(move->dir, PINS_NEXT "flows"))
		error = finish_state(plane);
	/* The flows first: as long as they wait, the others' old pins are those of the old tables.
	 */
	if (!error)
		error = replace(move, "flows");
	for (size_t i = 0; !error && i < move->maps; i++)
		error = replace(move, move->map[i].name);
	if (error) {
		log_error("tables cannot be moved: %s", strerror(-error));
		return error;
	}
	if (pins_path(path, move->dir, PINS_COMMIT))
		unlink(path);
	move->on = false;
	return 0;
}
