/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources in the box, for packet tests: addresses that members see in a client's place. */
#ifndef CASPAIR_TESTS_BPF_SNAT_H
#define CASPAIR_TESTS_BPF_SNAT_H

#include "tests/bpf/harness.h"

enum {
	SOURCE = 0x0a0000c8,    /* 10.0.0.200, slot 4 */
	SOURCE_2 = 0x0a0000c9,  /* slot 5 */
	NEIGHBOUR = 0x0a000063, /* 10.0.0.99, a client on the members' link */
	SLOT = 4,
	SLOT_GATEWAY = 6,
	SLOT_VIP = 7,
	HALF = 32256, /* ports that a node may give of a source */
};

static inline void source_set(uint32_t slot, uint32_t addr, uint16_t first, uint16_t ports)
{
	struct flow_source source = {
		.addr = ip_of(addr), .first = first, .ports = ports, .flags = SOURCE_USED
	};

	map_set(box.bpf->maps.sources, slot, &source);
}

static inline void service_set(uint8_t mode, uint8_t count, uint8_t first, uint8_t second)
{
	struct flow_service service = {
		.pool = POOL_RPC, .flags = SERVICE_USED, .mode = mode, .idle_ticks = IDLE_TICKS
	};

	service.vip[frame_family] = ip_of(VIP);
	service.sources[frame_family] = count;
	service.source[frame_family][0] = first;
	service.source[frame_family][1] = second;
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
}

static inline void use_snat(void)
{
	static const struct flow_source_stats none;

	for (uint32_t slot = SLOT; slot <= SLOT_VIP; slot++)
		map_set(box.bpf->maps.source_stats, slot, &none);
	source_set(SLOT, SOURCE, FLOW_SOURCE_FIRST, 2 * HALF);
	source_set(SLOT + 1, SOURCE_2, FLOW_SOURCE_FIRST, 2 * HALF);
	source_set(SLOT_GATEWAY, GATEWAY, FLOW_SOURCE_FIRST, 2 * HALF);
	source_set(SLOT_VIP, VIP, 1024, 4980);
	service_set(MODE_SNAT, 1, SLOT, 0);
}

static inline struct flow_source_stats source_stats(uint32_t slot)
{
	struct flow_source_stats stats = { 0 };

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.source_stats), &slot, &stats);
	return stats;
}

static inline uint32_t entries(const struct bpf_map *map)
{
	uint8_t key[64], next[64];
	uint32_t count = 0;
	int err = bpf_map_get_next_key(bpf_map__fd(map), NULL, next);

	for (; !err; count++) {
		memcpy(key, next, sizeof(key));
		err = bpf_map_get_next_key(bpf_map__fd(map), key, next);
	}
	return count;
}

/* A frame to a member from a source; the port. */
static inline uint16_t expect_sourced(struct frame *frame, int verdict, uint32_t source)
{
	expect_to_member(frame, verdict);
	assert_int_equal(frame_from(frame), source);
	assert_int_equal(ntohs(frame_tcp(frame)->dest), RPC_PORT);
	return ntohs(frame_tcp(frame)->source);
}

static inline int answers(struct frame *frame, uint16_t slot, uint32_t source, uint16_t port,
			  uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct segment segment = {
		.from = MEMBER_0 + slot,
		.to = source,
		.from_port = RPC_PORT,
		.to_port = port,
		.flags = flags,
		.seq = seq,
		.ack = ack,
	};

	segment.payload = flags & (SYN | RST) ? 0 : 10;
	*frame = frame_segment(&segment, true);
	return run_frame(frame, box.inside);
}

static inline void expect_answer(struct frame *frame, int verdict)
{
	expect_to_client(frame, verdict);
	assert_int_equal(frame_to(frame), CLIENT);
	assert_int_equal(ntohs(frame_tcp(frame)->source), RPC_PORT);
	assert_int_equal(ntohs(frame_tcp(frame)->dest), CLIENT_PORT);
	assert_int_equal(frame_ttl(frame), 63);
}

static inline bool the_flow(struct flow *flow)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);

	return flow_read(&key, flow);
}

/* The handshake of the usual client; where his member is. */
static inline uint16_t establish_snat(uint16_t *port)
{
	struct frame frame;
	uint16_t slot;

	*port = expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE);
	slot = (uint16_t)(frame_to(&frame) - MEMBER_0);
	expect_answer(&frame, answers(&frame, slot, SOURCE, *port, SYN | ACK, 5000, 1001));
	assert_int_equal(expect_sourced(&frame, client_sends(&frame, ACK, 1001, 5001, 0), SOURCE),
			 *port);
	return slot;
}

/* A client on link with the members. */
static inline int neighbour_sends(struct frame *frame, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct segment segment = { .from = NEIGHBOUR,
				   .to = VIP,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = flags,
				   .seq = seq,
				   .ack = ack };

	*frame = frame_segment(&segment, true);
	return run_frame(frame, box.inside);
}

/* For a group's set-up: the box with sources, and a client beside the members. */
static inline int snat_set_up(void **state UNUSED)
{
	struct flow_role_table *table = calloc(1, sizeof(*table));
	int err = harness_open(4096, 1024);

	if (err || !table)
		return err ? err : -ENOMEM;
	role_set(table, VIP, ROLE_VIP, 0);
	role_set(table, GATEWAY, ROLE_GATEWAY, SLOT_GATEWAY);
	role_set(table, SOURCE, ROLE_SOURCE, SLOT);
	role_set(table, SOURCE_2, ROLE_SOURCE, SLOT + 1);
	for (uint16_t slot = 0; slot < MEMBERS; slot++)
		role_set(table, MEMBER_0 + slot, ROLE_MEMBER, slot);
	map_set(box.bpf->maps.roles, 1, table);
	free(table);
	return system("ip neigh add 10.0.0.99 lladdr 02:00:00:00:00:63 dev in0 nud permanent &&"
		      "ip neigh add 2001:db8::a00:63 lladdr 02:00:00:00:00:63 dev in0 "
		      "nud permanent");
}

#endif
