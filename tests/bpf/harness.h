/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data plane in a box: loads it in a network namespace of its own, configures one array, runs
 * packets through BPF_PROG_TEST_RUN and reads what has come of them.  Included by one test program
 * each; all functions are static and not every program needs all of them.
 *
 *	clients 198.51.100.0/24 -- router 192.0.2.1 -- out0 [node] in0 -- members 10.0.0.11 ...
 *	                             VIP 192.0.2.10                     gateway 10.0.0.1
 */
#ifndef CASPAIR_TESTS_BPF_HARNESS_H
#define CASPAIR_TESTS_BPF_HARNESS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

#include "caspair.skel.h"
#include "caspair_tc.skel.h"
#include "proto/flow.h"
#include "proto/flow_counter.h"
#include "proto/flow_event.h"
#include "proto/flow_ip.h"
#include "proto/flow_lease.h"
#include "proto/flow_limits.h"
#include "proto/flow_tables.h"
#include "tests/bpf/frame.h"
#include "tests/flow_table.h"

#define UNUSED __attribute__((unused))

/* Addresses of the box, by number; too large for a pedant's enum. */
#define CLIENT         0xc6336407u /* 198.51.100.7, behind the router */
#define CLIENT_ON_LINK 0xc0000232u /* 192.0.2.50, its neighbour entry is missing */
#define CLIENT_NOWHERE 0xcb007101u /* 203.0.113.1, unreachable */
#define NODE_OUTSIDE   0xc0000202u /* 192.0.2.2 */
#define NODE_INSIDE    0x0a000002u /* 10.0.0.2 */
#define VIP            0xc000020au /* 192.0.2.10 */
#define GATEWAY        0x0a000001u /* 10.0.0.1 */
#define MEMBER_0       0x0a00000bu /* 10.0.0.11, and so on for the slots */

/* Slots: 0 and 1 have neighbours and are up; 2 is up, its neighbour unknown; 3 is drained. */
enum harness_shape {
	MEMBERS = 4,
	SLOT_UNRESOLVED = 2,
	SLOT_DRAINED = 3,
	POOL_RPC = 0,  /* ports 135, 443 and 6005-59530; affinity */
	POOL_SMTP = 1, /* port 25; none */
	POOL_RPC_ID = 0x1001,
	POOL_SMTP_ID = 0x1002,
	SERVICE_RPC = 0,
	SERVICE_WEB = 1,
	SERVICE_SMTP = 2,
	CLIENT_PORT = 40000,
	RPC_PORT = 6006,
	IDLE_TICKS = 7500 * FLOW_TICKS_PER_SECOND,
	LINGER_TICKS = 3600 * FLOW_TICKS_PER_SECOND,
	EVENTS_KEPT = 64,
	HELD_RING = 4096, /* small, so that it is soon full */
};

enum { TC_FRAME_MAX = 3000 };

/* Where the packet program runs, see lbd/bpf/hook.bpf.h. */
enum harness_hook { HOOK_XDP, HOOK_TC, HOOKS };

struct harness {
	struct caspair *bpf;
	struct caspair_tc *tc; /* on the maps of the other */
	enum harness_hook hook;
	uint32_t gso; /* payload of each segment that frames are to be cut into; tc alone */
	struct ring_buffer *rings;
	uint32_t outside, inside; /* interface indices */
	struct flow_event event[EVENTS_KEPT];
	unsigned int events;
	struct flow_notice notice[EVENTS_KEPT];
	unsigned int notices;
	struct flow_open_bind open_bind; /* the last one told */
	unsigned int open_binds;
	struct place_table flows;
};

static struct harness box;

/* --- maps --- */

static inline void map_set(const struct bpf_map *map, uint32_t key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY), 0);
}

static inline void map_clear(const struct bpf_map *map)
{
	uint8_t key[64];

	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

static inline uint64_t count_of(enum flow_counter counter)
{
	uint32_t key = counter;
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = calloc((size_t)cpus, sizeof(*each)), sum = 0;

	assert_non_null(each);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.counters), &key, each);
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += each[cpu];
	free(each);
	return sum;
}

static inline struct flow_service_stats services_now(uint32_t service)
{
	int cpus = libbpf_num_possible_cpus();
	struct flow_service_stats *each = calloc((size_t)cpus, sizeof(*each)), sum = { 0 };

	assert_non_null(each);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.service_stats), &service, each);
	for (int i = 0; i < cpus; i++)
		for (int counter = 0; counter < SERVICE_COUNTS; counter++)
			sum.count[counter] += each[i].count[counter];
	free(each);
	return sum;
}

static inline uint64_t count_of_service(uint32_t service, enum flow_service_counter counter)
{
	return services_now(service).count[counter];
}

static inline struct flow_gauges gauges_now(void)
{
	struct flow_gauges gauges = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.gauges), &zero, &gauges);
	return gauges;
}

static inline struct flow_member_stats stats_now(uint32_t slot)
{
	struct flow_member_stats stats = { 0 };

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.member_stats), &slot, &stats);
	return stats;
}

static inline struct flow_member_bytes bytes_now(uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	struct flow_member_bytes *each = calloc((size_t)cpus, sizeof(*each)), sum = { 0 };

	assert_non_null(each);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.member_bytes), &slot, each);
	for (int i = 0; i < cpus; i++) {
		sum.in += each[i].in;
		sum.out += each[i].out;
	}
	free(each);
	return sum;
}

static inline struct flow_lease lease_now(void)
{
	struct flow_lease lease = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.lease), &zero, &lease);
	return lease;
}

static inline void lease_set(const struct flow_lease *lease)
{
	map_set(box.bpf->maps.lease, 0, lease);
}

/* The usual flow: CLIENT:CLIENT_PORT to VIP:port. */
static inline struct flow_key key_of(uint32_t client, uint16_t client_port, uint16_t port)
{
	return (struct flow_key){
		.client = ip_of(client),
		.vip = ip_of(VIP),
		.client_port = htons(client_port),
		.vip_port = htons(port),
	};
}

static inline bool flow_read(const struct flow_key *key, struct flow *flow)
{
	const struct flow *found = flow_table_find(&box.flows, key);

	*flow = found ? *found : (struct flow){ 0 };
	return found;
}

static inline void flow_write(const struct flow_key *key, const struct flow *flow)
{
	assert_true(flow_table_put(&box.flows, key, flow));
}

static inline bool pin_read(uint32_t client, uint32_t pool_id, struct pin *pin)
{
	struct pin_key key = { .client = ip_of(client), .pool_id = pool_id };

	memset(pin, 0, sizeof(*pin));
	return bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.pins), &key, pin) == 0;
}

static inline void pin_write(uint32_t client, uint32_t pool_id, const struct pin *pin)
{
	struct pin_key key = { .client = ip_of(client), .pool_id = pool_id };

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(box.bpf->maps.pins), &key, pin, BPF_ANY),
			 0);
}

static inline uint32_t ticks_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)(((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) >>
			  FLOW_TICK_SHIFT);
}

/* --- configuration --- */

static inline void role_set(struct flow_role_table *table, uint32_t addr, uint8_t kind, uint16_t id)
{
	struct flow_ip ip = ip_of(addr);
	uint32_t at = flow_role_hash(&ip);

	while (table->slot[at % FLOW_ROLE_SLOTS].kind != ROLE_FREE)
		at++;
	table->slot[at % FLOW_ROLE_SLOTS] = (struct flow_role){ .addr = ip,
								.id = id,
								.kind = kind };
}

static inline void harness_roles(void)
{
	struct flow_role_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	role_set(table, VIP, ROLE_VIP, 0);
	role_set(table, GATEWAY, ROLE_GATEWAY, 0);
	if (frame_family == FLOW_IPV6)
		role_set(table, VIRTUAL_ROUTER, ROLE_GATEWAY, 0);
	for (uint16_t slot = 0; slot < MEMBERS; slot++)
		role_set(table, MEMBER_0 + slot, ROLE_MEMBER, slot);
	map_set(box.bpf->maps.roles, 1, table);
	free(table);
}

static inline void harness_services(void)
{
	struct flow_service service = {
		.pool = POOL_RPC,
		.flags = SERVICE_USED,
		.idle_ticks = IDLE_TICKS,
	};

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
	service.number = SERVICE_WEB;
	map_set(box.bpf->maps.services, SERVICE_WEB, &service);
	service.number = SERVICE_SMTP;
	service.pool = POOL_SMTP;
	map_set(box.bpf->maps.services, SERVICE_SMTP, &service);
}

static inline void harness_ports(void)
{
	struct flow_port_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	for (uint32_t port = 6005; port <= 59530; port++)
		table->service[port] = SERVICE_RPC + 1;
	table->service[135] = SERVICE_RPC + 1;
	table->service[443] = SERVICE_WEB + 1;
	table->service[25] = SERVICE_SMTP + 1;
	map_set(box.bpf->maps.ports, 0, table);
	free(table);
}

/* One half of a pool's tables, filled with slots first and second in turn. */
static inline void maglev_set(uint32_t pool, uint32_t half, uint16_t first, uint16_t second)
{
	struct flow_maglev *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++)
		table->member[i] = i % 2 ? second : first;
	map_set(box.bpf->maps.maglev, 2 * pool + half, table);
	free(table);
}

static inline void pool_set(uint32_t slot, uint8_t active, uint64_t up)
{
	struct flow_pool pool = {
		.id = slot == POOL_RPC ? POOL_RPC_ID : POOL_SMTP_ID,
		.flags = slot == POOL_RPC ? POOL_USED | POOL_AFFINITY : POOL_USED,
		.table = (uint8_t)(2 * slot + active),
		.base = (uint8_t)(2 * slot + active),
		.linger_ticks = LINGER_TICKS,
		.up = { up },
	};

	map_set(box.bpf->maps.pools, slot, &pool);
}

static inline struct flow_member member_of(uint32_t number, uint8_t flags)
{
	struct flow_member member = { .flags = flags };

	member.addr[frame_family] = ip_of(number);
	member.vip[frame_family] = ip_of(VIP);
	return member;
}

static inline void harness_pools(void)
{
	for (uint32_t slot = 0; slot < MEMBERS; slot++) {
		struct flow_member member = member_of(MEMBER_0 + slot, MEMBER_USED);

		map_set(box.bpf->maps.members, slot, &member);
	}
	for (uint32_t pool = POOL_RPC; pool <= POOL_SMTP; pool++)
		pool_set(pool, 0, 7);
}

static inline void harness_control(uint64_t seed)
{
	struct flow_control control = {
		.layout = FLOW_LAYOUT, .roles_active = 1, .node = 1, .seed = seed
	};

	map_set(box.bpf->maps.control, 0, &control);
}

static inline int harness_event(void *context UNUSED, void *data, size_t size)
{
	assert_int_equal(size, sizeof(struct flow_event));
	if (box.events < EVENTS_KEPT)
		memcpy(&box.event[box.events++], data, size);
	return 0;
}

static inline int harness_notice(void *context UNUSED, void *data, size_t size)
{
	if (size == sizeof(struct flow_open_bind)) {
		memcpy(&box.open_bind, data, size);
		box.open_binds++;
		return 0;
	}
	assert_int_equal(size, sizeof(struct flow_notice));
	if (box.notices < EVENTS_KEPT)
		memcpy(&box.notice[box.notices++], data, size);
	return 0;
}

/* Reads both rings into the box. */
static inline void harness_drain(void)
{
	ring_buffer__consume(box.rings);
}

/* --- set-up --- */

static inline int harness_sysctl(const char *path)
{
	int fd = open(path, O_WRONLY), err = 0;

	if (fd < 0 || write(fd, "1", 1) != 1)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Of both interfaces. */
static inline uint16_t harness_mtu(void)
{
	return box.hook == HOOK_TC ? 1500 : 9000;
}

static inline int harness_network(void)
{
	FILE *ip;
	int err;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	ip = popen("ip -batch -", "w");
	if (!ip)
		return -errno;
	fputs("link set lo up\n"
	      "link add out0 address 02:00:00:00:00:10 type veth peer name out1\n"
	      "link add in0 address 02:00:00:00:00:20 type veth peer name in1\n"
	      "link set out0 up\nlink set out1 up\nlink set in0 up\nlink set in1 up\n"
	      "addr add 192.0.2.2/24 dev out0\naddr add 192.0.2.10/32 dev out0\n"
	      "addr add 10.0.0.2/24 dev in0\naddr add 10.0.0.1/32 dev in0\n"
	      "route add 198.51.100.0/24 via 192.0.2.1\n"
	      "route add unreachable 203.0.113.0/24\n"
	      "neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev out0 nud permanent\n"
	      "neigh add 10.0.0.11 lladdr 02:00:00:00:01:00 dev in0 nud permanent\n"
	      "neigh add 10.0.0.12 lladdr 02:00:00:00:01:01 dev in0 nud permanent\n"
	      "neigh add 10.0.0.14 lladdr 02:00:00:00:01:03 dev in0 nud permanent\n"
	      "addr add 2001:db8::c000:202/120 dev out0 nodad\n"
	      "addr add 2001:db8::c000:20a/128 dev out0 nodad\n"
	      "addr add 2001:db8::a00:2/120 dev in0 nodad\n"
	      "addr add 2001:db8::a00:1/128 dev in0 nodad\n"
	      "route add 2001:db8::c633:6400/120 via 2001:db8::c000:201\n"
	      "route add unreachable 2001:db8::cb00:7100/120\n"
	      "neigh add 2001:db8::c000:201 lladdr 02:00:00:00:00:01 dev out0 nud permanent\n"
	      "neigh add 2001:db8::a00:b lladdr 02:00:00:00:01:00 dev in0 nud permanent\n"
	      "neigh add 2001:db8::a00:c lladdr 02:00:00:00:01:01 dev in0 nud permanent\n"
	      "neigh add 2001:db8::a00:e lladdr 02:00:00:00:01:03 dev in0 nud permanent\n",
	      ip);
	fprintf(ip, "link set out0 mtu %u\nlink set in0 mtu %u\n", harness_mtu(), harness_mtu());
	if (pclose(ip))
		return -EIO;
	err = harness_sysctl("/proc/sys/net/ipv4/ip_forward");
	if (!err)
		err = harness_sysctl("/proc/sys/net/ipv6/conf/all/forwarding");
	if (err)
		return err;
	box.outside = if_nametoindex("out0");
	box.inside = if_nametoindex("in0");
	return box.outside && box.inside ? 0 : -ENODEV;
}

/* Loads the packet program for tc, on the maps that are there. */
static inline int harness_open_tc(void)
{
	struct bpf_map *map = NULL;
	int err = 0;

	box.tc = caspair_tc__open();
	if (!box.tc)
		return -errno;
	while (!err && (map = bpf_object__next_map(box.tc->obj, map)))
		if (!bpf_map__is_internal(map))
			err = bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(
							     box.bpf->obj, bpf_map__name(map)));
	return err ? err : caspair_tc__load(box.tc);
}

static inline void harness_sizes(uint32_t flows, uint32_t pins)
{
	uint32_t buckets = flow_buckets_of(flows);

	bpf_map__set_max_entries(box.bpf->maps.flow_buckets, buckets);
	bpf_map__set_max_entries(box.bpf->maps.flows, buckets * FLOW_PLACES);
	bpf_map__set_max_entries(box.bpf->maps.reverse, flows);
	bpf_map__set_max_entries(box.bpf->maps.pins, pins);
	bpf_map__set_max_entries(box.bpf->maps.held, HELD_RING);
}

static inline bool harness_flows(uint32_t flows)
{
	struct flow_form form = { .buckets = flow_buckets_of(flows), .limit = flows };

	for (uint32_t i = 0; i < FLOW_HASH_WORDS; i++)
		form.key[i] = 0x9e3779b9u * (i + 1);
	map_set(box.bpf->maps.flow_form, 0, &form);
	return flow_table_open(&box.flows, bpf_map__fd(box.bpf->maps.flow_form),
			       bpf_map__fd(box.bpf->maps.flow_buckets),
			       bpf_map__fd(box.bpf->maps.flows));
}

/* For a group's set-up: one load of the data plane with tables of this size. */
static inline int harness_open(uint32_t flows, uint32_t pins)
{
	int err = harness_network();

	if (err)
		return err;
	box.bpf = caspair__open();
	if (!box.bpf)
		return -errno;
	harness_sizes(flows, pins);
	err = caspair__load(box.bpf);
	if (!err && !harness_flows(flows))
		err = -ENOMEM;
	if (!err && box.hook == HOOK_TC)
		err = harness_open_tc();
	if (err)
		return err;
	box.rings = ring_buffer__new(bpf_map__fd(box.bpf->maps.events), harness_event, NULL, NULL);
	if (!box.rings)
		return -errno;
	harness_roles();
	harness_ports();
	for (uint32_t pool = POOL_RPC; pool <= POOL_SMTP; pool++) {
		maglev_set(pool, 0, 0, 1);
		maglev_set(pool, 1, 1, 1);
	}
	return ring_buffer__add(box.rings, bpf_map__fd(box.bpf->maps.notices), harness_notice,
				NULL);
}

static inline int harness_close(void **state UNUSED)
{
	ring_buffer__free(box.rings);
	flow_table_close(&box.flows);
	caspair_tc__destroy(box.tc);
	caspair__destroy(box.bpf);
	box.tc = NULL;
	return 0;
}

/* No claim in this second, on any CPU. */
static inline void harness_claims(void)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *none = calloc((size_t)cpus, sizeof(*none));

	assert_non_null(none);
	map_set(box.bpf->maps.claims, 0, none);
	free(none);
}

/* For each test's set-up: empty tables, an active node, no counts. */
static inline int harness_reset(void **state UNUSED)
{
	static const struct flow_lease active = {
		.until_ns = UINT64_MAX,
		.epoch = 0x500000007,
		.role = LEASE_ACTIVE,
		.vrid = 51,
	};
	static const struct flow_gauges no_gauges;
	static const struct flow_member_stats no_stats;
	static const struct flow_histogram no_histogram;
	static const struct flow_hop no_hop;
	int cpus = libbpf_num_possible_cpus();
	uint64_t *zeros = calloc((size_t)cpus, sizeof(struct flow_service_stats));

	assert_non_null(zeros);
	for (uint32_t counter = 0; counter < COUNT_MAX; counter++)
		map_set(box.bpf->maps.counters, counter, zeros);
	for (uint32_t array = 0; array <= FLOW_MAX_ARRAYS; array++)
		map_set(box.bpf->maps.answer_paces, array, zeros);
	map_set(box.bpf->maps.exact_paces, 0, zeros);
	for (uint32_t slot = 0; slot < MEMBERS; slot++)
		map_set(box.bpf->maps.member_bytes, slot, zeros);
	for (uint32_t service = SERVICE_RPC; service <= SERVICE_SMTP; service++)
		map_set(box.bpf->maps.service_stats, service, zeros);
	free(zeros);
	flow_table_clear(&box.flows);
	map_clear(box.bpf->maps.handshakes);
	map_clear(box.bpf->maps.pins);
	map_clear(box.bpf->maps.asked);
	map_clear(box.bpf->maps.client_nets);
	map_clear(box.bpf->maps.source_rates);
	map_clear(box.bpf->maps.reverse);
	map_clear(box.bpf->maps.openings);
	map_set(box.bpf->maps.gauges, 0, &no_gauges);
	for (uint32_t slot = 0; slot < MEMBERS; slot++)
		map_set(box.bpf->maps.member_stats, slot, &no_stats);
	for (uint32_t slot = 0; slot < MEMBERS; slot++)
		map_set(box.bpf->maps.answer_times, slot, &no_histogram);
	map_set(box.bpf->maps.round_trips, 0, &no_histogram);
	for (uint32_t index = 0; index < FLOW_FAMILIES * MEMBERS; index++)
		map_set(box.bpf->maps.hops, index, &no_hop);
	for (uint32_t index = 0; index < FLOW_FAMILIES * MEMBERS; index++)
		map_set(box.bpf->maps.hops, FLOW_HOPS_DIRECT + index, &no_hop);
	harness_claims();
	harness_control(0x0123456789abcdef);
	harness_services();
	harness_pools();
	lease_set(&active);
	harness_drain();
	box.events = 0;
	box.notices = 0;
	box.open_binds = 0;
	box.gso = 0;
	return 0;
}

/* --- the list of cases --- */

/* Tests of a program: single cases, and one a row of a table. */
struct plan {
	struct CMUnitTest test[96];
	size_t count;
};

static inline void plan_case(struct plan *plan, const char *name, CMUnitTestFunction test,
			     const void *row)
{
	assert_true(plan->count < sizeof(plan->test) / sizeof(*plan->test));
	plan->test[plan->count++] = (struct CMUnitTest){
		.name = name,
		.test_func = test,
		.setup_func = harness_reset,
		.initial_state = (void *)(uintptr_t)row, /* cmocka takes no const */
	};
}

/* Every case in one family, by one hook; the number of those that failed. */
static inline int plan_run_family(const char *name, const struct plan *plan,
				  CMFixtureFunction set_up, enum flow_family family,
				  enum harness_hook hook)
{
	char title[64];

	snprintf(title, sizeof(title), "%s, %s%s", name, family_names[family],
		 hook == HOOK_TC ? ", tc" : "");
	frame_family = family;
	box.hook = hook;
	return _cmocka_run_group_tests(title, plan->test, plan->count, set_up, harness_close);
}

static inline int plan_run(const char *name, const struct plan *plan, CMFixtureFunction set_up)
{
	int failed = 0;

	for (enum harness_hook hook = HOOK_XDP; hook < HOOKS; hook++)
		for (enum flow_family family = FLOW_IPV4; family < FLOW_FAMILIES; family++)
			failed += plan_run_family(name, plan, set_up, family, hook);
	return failed;
}

/* Says why nothing was tested, where that is so. */
static inline bool harness_may_run(const char *name)
{
	if (geteuid() == 0)
		return true;
	printf("%s: skipped, loading BPF programs needs root\n", name);
	return false;
}

/* --- running --- */

/* What tc says, in XDP's words. */
static inline int verdict_of_tc(int verdict)
{
	if (verdict == TC_ACT_REDIRECT)
		return XDP_REDIRECT;
	return verdict == TC_ACT_UNSPEC ? XDP_PASS : XDP_DROP;
}

/* Test runs of tc take no frame above a page, and none that ends in its IP header. */
static inline bool harness_frame_is_for_tc(const struct frame *frame)
{
	if (box.hook != HOOK_TC)
		return false;
	if (frame->size > TC_FRAME_MAX ||
	    frame->size < ETH_HLEN + (frame_family == FLOW_IPV4 ? 20 : 40))
		skip();
	return true;
}

/* Runs a frame that came in on an interface; the frame becomes what went out. */
static inline int run_frame(struct frame *frame, uint32_t ifindex)
{
	static uint8_t out[sizeof(frame->bytes)];
	bool tc = harness_frame_is_for_tc(frame);
	struct xdp_md xdp = { .data_end = frame->size, .ingress_ifindex = ifindex };
	struct __sk_buff skb = { .ifindex = ifindex, .gso_size = box.gso };
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .data_in = frame->bytes,
					 .data_size_in = frame->size,
					 .data_out = out,
					 .data_size_out = sizeof(out),
					 .ctx_in = tc ? (void *)&skb : (void *)&xdp,
					 .ctx_size_in = tc ? sizeof(skb) : sizeof(xdp),
					 .repeat = 1 };
	int err = bpf_prog_test_run_opts(tc ? bpf_program__fd(box.tc->progs.caspair_tc)
					    : bpf_program__fd(box.bpf->progs.caspair_xdp),
					 &run);

	if (err)
		fail_msg("test run: %s", strerror(-err));
	memcpy(frame->bytes, out, run.data_size_out);
	frame->size = run.data_size_out;
	return tc ? verdict_of_tc((int)run.retval) : (int)run.retval;
}

/* Runs one of the programs that user space calls; its return value. */
static inline int run_call(const struct bpf_program *program, struct flow_call *call)
{
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .ctx_in = call,
					 .ctx_size_in = sizeof(*call) };
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &run);

	return err ? err : (int)run.retval;
}

/* Has `count` orders of the inbox carried out by caspair_reset, from that one on. */
static inline void run_orders(uint32_t first, uint32_t count)
{
	uint8_t paper[14 + 60] = { 0 };
	struct __sk_buff context = { .cb = { first }, .ifindex = box.inside };
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .data_in = paper,
					 .data_size_in = 14 + frame_headers(),
					 .ctx_in = &context,
					 .ctx_size_in = sizeof(context),
					 .repeat = (int)count };

	paper[12] = frame_family == FLOW_IPV4 ? 0x08 : 0x86;
	paper[13] = frame_family == FLOW_IPV4 ? 0x00 : 0xdd;
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(box.bpf->progs.caspair_reset), &run), 0);
}

/* A segment of the usual client to the usual port; what came out is in *frame. */
static inline int client_sends(struct frame *frame, uint8_t flags, uint32_t seq, uint32_t ack,
			       uint16_t payload)
{
	struct segment segment = {
		.from = CLIENT,
		.to = VIP,
		.from_port = CLIENT_PORT,
		.to_port = RPC_PORT,
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.payload = payload,
	};

	*frame = frame_segment(&segment, false);
	return run_frame(frame, box.outside);
}

static inline int member_sends(struct frame *frame, uint16_t slot, uint8_t flags, uint32_t seq,
			       uint32_t ack)
{
	struct segment segment = {
		.from = MEMBER_0 + slot,
		.to = CLIENT,
		.from_port = RPC_PORT,
		.to_port = CLIENT_PORT,
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.payload = flags & (SYN | RST) ? 0 : 10,
	};

	*frame = frame_segment(&segment, true);
	return run_frame(frame, box.inside);
}

static inline void expect_checksums(struct frame *frame)
{
	assert_int_equal(frame_ip_checksum(frame), 0);
	assert_int_equal(frame_tcp_checksum(frame), 0);
}

/* A frame on its way to a member: the slot. */
static inline uint16_t expect_to_member(struct frame *frame, int verdict)
{
	uint32_t slot = frame_to(frame) - MEMBER_0;

	assert_int_equal(verdict, XDP_REDIRECT);
	assert_true(slot < MEMBERS);
	assert_memory_equal(frame->bytes, MAC_MEMBER, 5);
	assert_int_equal(frame->bytes[5], slot);
	assert_memory_equal(frame->bytes + 6, MAC_IN0, 6);
	expect_checksums(frame);
	return (uint16_t)slot;
}

static inline void expect_to_client(struct frame *frame, int verdict)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	assert_int_equal(frame_from(frame), VIP);
	assert_memory_equal(frame->bytes, MAC_ROUTER, 6);
	assert_memory_equal(frame->bytes + 6, MAC_OUT0, 6);
	expect_checksums(frame);
}

/* Takes the usual connection through its handshake: client SEQ 1001, member SEQ 5001; the slot. */
static inline uint16_t establish(void)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	expect_to_client(&frame, member_sends(&frame, slot, SYN | ACK, 5000, 1001));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), slot);
	return slot;
}

#endif
