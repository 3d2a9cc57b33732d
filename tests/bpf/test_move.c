// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables of another size or of a former layout (lbd/move.h): what is in them, what happens to them
 * meanwhile, and a process that ends at any of the steps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "lbd/convert.h"
#include "lbd/dataplane.h"
#include "lbd/dataplane_pins.h"
#include "tests/flow_table.h"

#define UNUSED __attribute__((unused))
#define DIR    "/tmp/caspair"

enum { SIZE = 4000, BUCKETS = (SIZE * 4 + 44) / 45, FLOWS = 2000, MEMBERS = 4, POOL = 7 };
enum { LAYOUT_OLD = 7, NEW_AGE = 5 };

static struct dataplane plane;

/* --- layouts: the real ones, and a made-up one of which everything differs -------------------- */

static const struct convert_layout *real_from(uint32_t layout);
#define convert_from real_from
#include "lbd/convert.c"
#undef convert_from

struct old_flow {
	uint32_t created, last_seen;
	uint16_t member;
	uint8_t state, source;
	uint16_t source_port;
	uint16_t pad;
	uint32_t pool_id;
};

struct old_pin {
	uint32_t last_used, flows;
	uint16_t member, pad;
};

static void old_flow(const void *from, void *to)
{
	const struct old_flow *old = from;
	struct flow *flow = to;

	flow->created = old->created;
	flow->last_seen = old->last_seen;
	flow->member = old->member;
	flow->state = old->state;
	flow->source = old->source;
	flow->source_port = old->source_port;
	flow->pool_id = old->pool_id;
}

static void old_pin(const void *from, void *to)
{
	const struct old_pin *old = from;
	struct pin *pin = to;

	pin->member = old->member;
	pin->created = pin->last_used = old->last_used;
	pin->flows = old->flows;
}

/* Two numbers in front: flows, connections. */
static void old_stats(const void *from, void *to)
{
	memcpy(to, from, 16);
}

static const struct convert_map old_maps[] = {
	{ "control", 4, 24, control_8 },
	{ "flows", sizeof(struct flow_key), sizeof(struct old_flow), old_flow },
	{ "pins", sizeof(struct pin_key), sizeof(struct old_pin), old_pin },
	{ "member_stats", 4, 16, old_stats },
};
static const struct convert_layout old_layout = { LAYOUT_OLD, old_maps, 4 };

/* What the data plane asks; this one is linked in place of the real one. */
const struct convert_layout *convert_from(uint32_t layout)
{
	return layout == LAYOUT_OLD ? &old_layout : real_from(layout);
}

/* --- what the tables hold --------------------------------------------------------------------- */

static uint32_t ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)(((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) >>
			  FLOW_TICK_SHIFT);
}

static struct flow_key key_of(uint32_t i)
{
	return (struct flow_key){ .client = flow_ip4(htonl(0xc6120000u + i / 2)),
				  .vip = flow_ip4(htonl(0xc000020au)),
				  .client_port = htons((uint16_t)(1024 + i % 60000)),
				  .vip_port = htons(443) };
}

static struct pin_key pin_of(uint32_t i)
{
	return (struct pin_key){ .client = key_of(i).client, .pool_id = POOL };
}

/* Each tenth has a source; long ago unless `age` says so. */
static struct flow flow_of(uint32_t i, uint32_t age)
{
	return (struct flow){ .member = (uint16_t)(i / 2 % MEMBERS),
			      .state = FLOW_ESTABLISHED,
			      .created = ticks() - age,
			      .last_seen = ticks(),
			      .bytes_in = 100 + i,
			      .bytes_out = 200,
			      .client_ack = i,
			      .client_seq = ~i,
			      .pool_id = POOL,
			      .source = i % 10 == 0,
			      .source_port = i % 10 ? 0 : htons((uint16_t)(2000 + i)) };
}

static void put(enum dataplane_map map, uint32_t key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(plane.map[map], &key, value, BPF_ANY), 0);
}

static void configure(void)
{
	struct flow_control control = { .layout = FLOW_LAYOUT, .seed = 99 };

	for (uint32_t i = 0; i < MEMBERS; i++) {
		struct flow_member member = { .addr = { flow_ip4(htonl(0x0a00000bu + i)) },
					      .flags = MEMBER_USED };

		put(MAP_MEMBERS, i, &member);
	}
	put(MAP_SOURCES, 0,
	    &(struct flow_source){ .addr = flow_ip4(htonl(0x0a000005u)), .flags = SOURCE_USED });
	put(MAP_CONTROL, 0, &control);
}

static struct place_table new_flows(void)
{
	struct place_table table;

	assert_true(flow_table_open(&table, plane.map[MAP_FORM], plane.map[MAP_BUCKETS],
				    plane.map[MAP_FLOWS]));
	return table;
}

/* As the old program's packets do it: the entry and all that counts it. */
static void old_makes(struct place_table *flows, int pins, uint32_t i, const struct flow *flow)
{
	struct flow_member_stats stats = { 0 };
	struct flow_source_stats source = { 0 };
	struct flow_gauges gauges = { 0 };
	struct flow_key key = key_of(i);
	struct pin_key pin_key = pin_of(i);
	struct pin pin = { .member = flow->member, .created = flow->created };
	uint32_t zero = 0, slot = flow->member;

	bpf_map_lookup_elem(plane.map[MAP_GAUGES], &zero, &gauges);
	bpf_map_lookup_elem(plane.map[MAP_MEMBER_STATS], &slot, &stats);
	bpf_map_lookup_elem(plane.map[MAP_SOURCE_STATS], &zero, &source);
	gauges.pins += bpf_map_lookup_elem(pins, &pin_key, &pin) != 0;
	pin.flows++;
	pin.last_used = ticks();
	assert_int_equal(bpf_map_update_elem(pins, &pin_key, &pin, BPF_ANY), 0);
	assert_int_equal(place_add(flows, &key, flow), 0);
	gauges.flows++;
	stats.flows++;
	stats.connections++;
	source.flows += flow->source != 0;
	put(MAP_GAUGES, 0, &gauges);
	put(MAP_MEMBER_STATS, slot, &stats);
	put(MAP_SOURCE_STATS, 0, &source);
}

static struct flow must_have(uint32_t i)
{
	struct flow_key key = key_of(i);
	struct flow flow;

	assert_true(places_find(&plane.places, &key, &flow));
	return flow;
}

static bool has(uint32_t i)
{
	struct flow_key key = key_of(i);
	struct flow flow;

	return places_find(&plane.places, &key, &flow);
}

static unsigned int next_pins(void)
{
	unsigned int count = 0;
	char path[PINS_PATH];

	for (int i = 0; i < DATAPLANE_MAPS; i++) {
		snprintf(path, sizeof(path), PINS_NEXT "%s", dataplane_map_names[i]);
		count += pins_exists(DIR, path);
	}
	return count + pins_exists(DIR, PINS_COMMIT) + pins_exists(DIR, PINS_NEXT "reverse");
}

/* What is counted of flows and pins, and what there is of them. */
static void assert_counted(uint32_t flows)
{
	uint64_t of_member[MEMBERS] = { 0 }, with_source = 0, count = 0, held = 0, pins = 0;
	struct pin_key pin_key, *last_pin = NULL;
	struct place_table table = new_flows();
	struct flow_source_stats source;
	struct flow_gauges gauges;
	uint32_t zero = 0;

	for (size_t at = 0; (at = flow_table_next(&table, at)) != SIZE_MAX; at++) {
		const struct flow *flow = &table.place[at].flow;

		of_member[flow->member]++;
		with_source += flow->source != 0;
		held += flow->pool_id != 0;
		count++;
	}
	flow_table_close(&table);
	for (; !bpf_map_get_next_key(plane.map[MAP_PINS], last_pin, &pin_key);
	     last_pin = &pin_key) {
		struct pin pin;

		assert_int_equal(bpf_map_lookup_elem(plane.map[MAP_PINS], &pin_key, &pin), 0);
		held -= pin.flows;
		pins++;
	}
	bpf_map_lookup_elem(plane.map[MAP_GAUGES], &zero, &gauges);
	bpf_map_lookup_elem(plane.map[MAP_SOURCE_STATS], &zero, &source);
	assert_int_equal(count, flows);
	assert_int_equal(gauges.flows, count);
	assert_int_equal(gauges.pins, pins);
	assert_int_equal(held, 0);
	assert_int_equal(source.flows, with_source);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(dataplane_member_stats(&plane, i).flows, of_member[i]);
}

static uint64_t connections(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < MEMBERS; i++)
		sum += dataplane_member_stats(&plane, i).connections;
	return sum;
}

/* --- the tests -------------------------------------------------------------------------------- */

/* Pins a map as some other release would have, in the place of ours. */
static int other_map(enum bpf_map_type type, const char *name, const struct convert_map *form,
		     uint32_t entries)
{
	bool mapped = type == BPF_MAP_TYPE_ARRAY && !strncmp(name, "flow", 4);
	struct bpf_map_create_opts options = { .sz = sizeof(options),
					       .map_flags = mapped ? BPF_F_MMAPABLE : 0 };
	int fd = bpf_map_create(type, name, form->key, form->value, entries, &options);
	char path[PINS_PATH];

	assert_true(fd >= 0);
	assert_true(pins_path(path, DIR, name));
	unlink(path);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	return fd;
}

static void begin(uint32_t size)
{
	assert_int_equal(dataplane_open(&plane, DIR, size, size), 0);
}

static void end(void)
{
	assert_int_equal(move_commit(&plane), 0);
	assert_int_equal(move_finish(&plane), 0);
	assert_int_equal(next_pins(), 0);
}

/* The maps of a run before this, as many as matter; no program is loaded for it. */
static int set_up(void **state UNUSED)
{
	static const struct {
		enum dataplane_map map;
		enum bpf_map_type type;
		uint32_t key, value, entries;
	} maps[] = {
		{ MAP_CONTROL, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_control), 1 },
		{ MAP_FORM, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_form), 1 },
		{ MAP_BUCKETS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_bucket), BUCKETS },
		{ MAP_FLOWS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_place),
		  BUCKETS * FLOW_PLACES },
		{ MAP_PINS, BPF_MAP_TYPE_HASH, sizeof(struct pin_key), sizeof(struct pin), SIZE },
		{ MAP_GAUGES, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_gauges), 1 },
		{ MAP_MEMBERS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_member),
		  FLOW_MAX_MEMBERS },
		{ MAP_MEMBER_STATS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_member_stats),
		  FLOW_MAX_MEMBERS },
		{ MAP_SOURCES, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_source),
		  FLOW_MAX_SOURCES },
		{ MAP_SOURCE_STATS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_source_stats),
		  FLOW_MAX_SOURCES },
	};
	const struct flow_form of_flows = { .key = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3 },
					    .buckets = BUCKETS,
					    .limit = SIZE };
	const size_t count = sizeof(maps) / sizeof(maps[0]);
	struct place_table table;

	assert_int_equal(pins_directory(DIR), 0);
	for (size_t i = 0; i < count; i++) {
		const char *name = dataplane_map_names[maps[i].map];
		const struct convert_map form = { name, maps[i].key, maps[i].value, NULL };

		plane.map[maps[i].map] = other_map(maps[i].type, name, &form, maps[i].entries);
	}
	configure();
	put(MAP_FORM, 0, &of_flows);
	table = new_flows();
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow flow = flow_of(i, 10000);

		old_makes(&table, plane.map[MAP_PINS], i, &flow);
	}
	flow_table_close(&table);
	for (size_t i = 0; i < count; i++)
		close(plane.map[maps[i].map]);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	dataplane_close(&plane);
	return dataplane_remove(DIR);
}

static void resized(void **state UNUSED)
{
	struct flow flow;

	begin(9000);
	end();
	assert_int_equal(plane.flows_max, 9000);
	flow = must_have(20);
	assert_int_equal(flow.bytes_in, 120);
	assert_int_equal(flow.client_seq, ~20u);
	assert_counted(FLOWS);
	assert_int_equal(connections(), FLOWS);

	/* Ended while maps were named: `flows` alone had its new name. */
	assert_int_equal(pins_mark(DIR, PINS_COMMIT, plane.map[MAP_CONTROL]), 0);
	assert_int_equal(rename(DIR "/member_stats", DIR "/next-member_stats"), 0);
	assert_int_equal(rename(DIR "/pins", DIR "/next-pins"), 0);
	dataplane_close(&plane);
	begin(9000);
	end();
	assert_counted(FLOWS);
	assert_int_equal(connections(), FLOWS);
}

/* The old tables, which go on until the interfaces have the new program. */
struct old {
	struct place_table flows;
	int pins;
	struct dataplane counts;
};

static void old_open(struct old *old)
{
	struct pins_form form;
	int flows = pins_open(DIR, "flows", &form), buckets = pins_open(DIR, "flow_buckets", &form);
	int of_flows = pins_open(DIR, "flow_form", &form);

	assert_true(flow_table_open(&old->flows, of_flows, buckets, flows));
	close(flows);
	close(buckets);
	close(of_flows);
	old->pins = pins_open(DIR, "pins", &form);
	old->counts = plane;
	old->counts.map[MAP_GAUGES] = pins_open(DIR, "gauges", &form);
	old->counts.map[MAP_MEMBER_STATS] = pins_open(DIR, "member_stats", &form);
	old->counts.map[MAP_SOURCE_STATS] = pins_open(DIR, "source_stats", &form);
	assert_true(old->pins >= 0);
}

static void old_close(struct old *old)
{
	flow_table_close(&old->flows);
	close(old->pins);
	close(old->counts.map[MAP_GAUGES]);
	close(old->counts.map[MAP_MEMBER_STATS]);
	close(old->counts.map[MAP_SOURCE_STATS]);
}

static void old_adds(struct old *old, uint32_t i)
{
	struct dataplane fresh = plane;
	struct flow flow = flow_of(i, NEW_AGE);

	plane = old->counts;
	old_makes(&old->flows, old->pins, i, &flow);
	plane = fresh;
}

static void old_loses(struct old *old, uint32_t i)
{
	struct flow_key key = key_of(i);
	struct pin_key pin_key = pin_of(i);
	struct pin pin;

	assert_true(flow_table_drop(&old->flows, &key));
	assert_int_equal(bpf_map_lookup_elem(old->pins, &pin_key, &pin), 0);
	pin.flows--;
	pin.last_used = ticks();
	assert_int_equal(bpf_map_update_elem(old->pins, &pin_key, &pin, BPF_ANY), 0);
}

static void old_changes(struct old *old, uint32_t i, uint8_t state)
{
	struct flow_key key = key_of(i);
	struct flow *flow = flow_table_find(&old->flows, &key);

	assert_non_null(flow);
	flow->state = state;
	flow->bytes_in += 40;
}

static void new_makes(uint32_t i, const struct flow *flow)
{
	struct place_table table = new_flows();

	old_makes(&table, plane.map[MAP_PINS], i, flow);
	flow_table_close(&table);
}

/* As the new program does it. */
static void new_loses(uint32_t i)
{
	struct flow_call call;

	plane.inbox[0] = (struct flow_event){ .kind = EVENT_FLOW_DEL,
					      .key = key_of(i),
					      .apply = SWEEP_FORCE };
	assert_int_equal(dataplane_sweep(&plane, 1, &call), 0);
	assert_int_equal(call.done, 1);
}

static void changed_meanwhile(void **state UNUSED)
{
	struct flow fresh;
	struct old old;

	begin(9000);
	old_open(&old);
	old_adds(&old, FLOWS);
	old_loses(&old, 7);
	old_changes(&old, 8, FLOW_CLIENT_FIN);
	assert_int_equal(move_commit(&plane), 0);
	assert_true(has(FLOWS));
	assert_false(has(7));
	assert_int_equal(must_have(8).state, FLOW_CLIENT_FIN);
	assert_counted(FLOWS);

	/* The interfaces change one by one: both programs are at work. */
	old_adds(&old, FLOWS + 1);
	old_adds(&old, FLOWS + 4);
	old_changes(&old, 9, FLOW_RESET);
	fresh = flow_of(FLOWS + 4, 0);
	new_makes(FLOWS + 4, &fresh);
	new_loses(11);
	old_loses(&old, 13);
	assert_int_equal(move_finish(&plane), 0);
	assert_true(has(FLOWS + 1));                                   /* came late */
	assert_int_equal(must_have(FLOWS + 4).created, fresh.created); /* of both: the new one */
	assert_int_equal(must_have(9).state, FLOW_RESET);
	assert_false(has(11)); /* ended by the new program */
	assert_false(has(13)); /* ended by the old one, late */
	assert_counted(FLOWS);
	assert_int_equal(connections(), FLOWS + 4);
	assert_int_equal(next_pins(), 0);
	old_close(&old);
}

static void stopped_early(void **state UNUSED)
{
	begin(9000);
	assert_true(next_pins() > 0);
	dataplane_close(&plane);
	begin(7000);
	end();
	assert_int_equal(plane.flows_max, 7000);
	assert_counted(FLOWS);
}

static void stopped_after_commit(void **state UNUSED)
{
	struct flow fresh = flow_of(FLOWS, 0);

	begin(9000);
	assert_int_equal(move_commit(&plane), 0);
	/* An interface or two have the new program. */
	new_makes(FLOWS, &fresh);
	dataplane_close(&plane);

	begin(7000);
	assert_int_equal(plane.flows_max, 9000);
	assert_true(plane.move.again);
	end();
	assert_true(has(FLOWS));
	assert_counted(FLOWS + 1);
	assert_int_equal(connections(), FLOWS + 1);
}

/* --- other layouts ---------------------------------------------------------------------------- */

static void other_control(uint32_t layout)
{
	struct flow_control control = { .layout = layout, .seed = 99, .node = 0xffff };
	int fd = other_map(BPF_MAP_TYPE_ARRAY, "control", &old_maps[0], 1);
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, BPF_ANY), 0);
	close(fd);
}

/* The lease as it was up to layout 11. */
static void old_lease(uint8_t fill)
{
	int fd = other_map(BPF_MAP_TYPE_ARRAY, "lease", convert_find(convert_from(11), "lease"), 1);
	uint8_t lease[LEASE_11];
	uint32_t zero = 0;

	memset(lease, fill, sizeof(lease));
	assert_int_equal(bpf_map_update_elem(fd, &zero, lease, BPF_ANY), 0);
	close(fd);
}

static void layout_11(void **state UNUSED)
{
	uint8_t expected[LEASE_11];

	memset(expected, 0x5a, sizeof(expected));
	old_lease(0x5a);
	close(other_map(BPF_MAP_TYPE_PERCPU_ARRAY, "counters",
			convert_find(convert_from(11), "counters"), COUNT_LISTENED));
	other_control(11);
	begin(SIZE);
	assert_false(plane.move.state);
	assert_memory_equal(plane.lease, expected, sizeof(expected));
	assert_int_equal(plane.lease->asked_ns | plane.lease->listen_ns, 0);
	configure();
	end();
	assert_counted(FLOWS);
}

static void layout_8(void **state UNUSED)
{
	const struct convert_map *services = &maps_8[1], *counters = &maps_8[2];
	int fd = other_map(BPF_MAP_TYPE_ARRAY, "services", services, FLOW_MAX_SERVICES);
	uint8_t service[SERVICE_8];
	struct flow_service now;
	struct flow_control control;
	uint64_t counts[256] = { 0 };
	uint32_t key = 3, zero = 0;

	memset(service, 0x5a, sizeof(service));
	assert_int_equal(bpf_map_update_elem(fd, &key, service, BPF_ANY), 0);
	close(fd);
	fd = other_map(BPF_MAP_TYPE_PERCPU_ARRAY, "counters", counters, COUNT_DROP_INDIRECT);
	key = COUNT_PROMOTED;
	counts[0] = 12345;
	assert_int_equal(bpf_map_update_elem(fd, &key, counts, BPF_ANY), 0);
	close(fd);
	close(other_map(BPF_MAP_TYPE_ARRAY, "hops", &maps_8[3], FLOW_HOPS_DIRECT));
	old_lease(0);
	other_control(8);

	begin(SIZE);
	assert_true(plane.move.on);
	assert_false(plane.move.state); /* these are as they were */
	key = 3;
	assert_int_equal(bpf_map_lookup_elem(plane.map[MAP_SERVICES], &key, &now), 0);
	assert_memory_equal(&now, service, sizeof(service));
	assert_int_equal(now.sources[0] | now.sources[1], 0);
	assert_int_equal(bpf_map_lookup_elem(plane.map[MAP_CONTROL], &zero, &control), 0);
	assert_int_equal(control.seed, 99);
	assert_int_equal(control.node, 0);
	configure();
	end();
	assert_int_equal(dataplane_counter(&plane, COUNT_PROMOTED), 12345);
	assert_counted(FLOWS);
}

/* The flows in a hash of the kernel's. */
static void layout_12(void **state UNUSED)
{
	const struct convert_map form = { "flows", sizeof(struct flow_key), sizeof(struct flow),
					  NULL };
	int flows = other_map(BPF_MAP_TYPE_HASH, "flows", &form, SIZE);
	struct flow_key five = key_of(5);

	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow flow = flow_of(i, 10000);
		struct flow_key key = key_of(i);

		assert_int_equal(bpf_map_update_elem(flows, &key, &flow, BPF_ANY), 0);
	}
	assert_int_equal(unlink(DIR "/flow_buckets") | unlink(DIR "/flow_form"), 0);
	other_control(12);
	begin(SIZE);
	configure();
	/* What ends and begins meanwhile. */
	assert_int_equal(bpf_map_delete_elem(flows, &five), 0);
	end();
	assert_false(has(5));
	assert_int_equal(must_have(6).client_ack, 6);
	assert_int_equal(plane.flows_max, SIZE);
	close(flows);

	/* Too large to move: the sizes stay. */
	dataplane_close(&plane);
	begin(FLOWS / 2);
	assert_int_equal(plane.flows_max, SIZE);
	assert_true(has(6));
}

/* Everything of the state differs, the sizes too. */
static void made_up_layout(void **state UNUSED)
{
	int flows = other_map(BPF_MAP_TYPE_HASH, "flows", &old_maps[1], SIZE);
	int pins = other_map(BPF_MAP_TYPE_HASH, "pins", &old_maps[2], SIZE);
	int stats = other_map(BPF_MAP_TYPE_ARRAY, "member_stats", &old_maps[3], FLOW_MAX_MEMBERS);
	uint64_t counts[2] = { 0, 500 };
	uint32_t zero = 0;

	other_control(LAYOUT_OLD);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow now = flow_of(i, 10000);
		struct old_flow flow = { .created = now.created,
					 .last_seen = now.last_seen,
					 .member = now.member,
					 .state = FLOW_MEMBER_FIN,
					 .source = now.source,
					 .source_port = now.source_port,
					 .pool_id = POOL };
		struct old_pin pin = { .last_used = 77, .flows = 2, .member = now.member };
		struct flow_key key = key_of(i);
		struct pin_key pin_key = pin_of(i);

		assert_int_equal(bpf_map_update_elem(flows, &key, &flow, BPF_ANY), 0);
		assert_int_equal(bpf_map_update_elem(pins, &pin_key, &pin, BPF_ANY), 0);
	}
	assert_int_equal(bpf_map_update_elem(stats, &zero, counts, BPF_ANY), 0);
	begin(5000);
	configure();
	end();
	assert_int_equal(must_have(30).state, FLOW_MEMBER_FIN);
	assert_int_equal(must_have(30).source_port, htons(2030));
	assert_counted(FLOWS);
	assert_int_equal(connections(), 500);
	close(flows);
	close(pins);
	close(stats);
}

static void refused(void **state UNUSED)
{
	const uint32_t unknown[] = { 1, FLOW_LAYOUT + 1, UINT32_MAX };

	for (size_t i = 0; i < 3; i++) {
		other_control(unknown[i]);
		assert_int_equal(dataplane_open(&plane, DIR, SIZE, SIZE), -EPROTO);
	}
	/* The old one again, and a size that is too small for what there is. */
	other_control(FLOW_LAYOUT);
	begin(FLOWS - 1);
	assert_int_equal(plane.flows_max, SIZE);
	assert_false(plane.move.on);
	assert_counted(FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(resized, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changed_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_early, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_after_commit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(layout_8, set_up, tear_down),
		cmocka_unit_test_setup_teardown(layout_11, set_up, tear_down),
		cmocka_unit_test_setup_teardown(layout_12, set_up, tear_down),
		cmocka_unit_test_setup_teardown(made_up_layout, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	};

	if (geteuid()) {
		puts("move: skipped, loading BPF programs needs root");
		return 77;
	}
	log_open("move", LOG_LEVEL_INFO);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/tmp", "bpf", 0, NULL)) {
		perror("a BPF file system");
		return 1;
	}
	return cmocka_run_group_tests_name("move", tests, NULL, NULL);
}
