/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP errors for packet tests: made, and looked into. */
#ifndef CASPAIR_TESTS_BPF_ICMP_H
#define CASPAIR_TESTS_BPF_ICMP_H

#include "tests/bpf/harness.h"

enum icmp_meaning { TOO_BIG, HOPS_OVER, UNREACHABLE, PARAMETER, ECHO };

/* Type << 8 | code, by family. */
static const uint16_t icmp_meanings[FLOW_FAMILIES][5] = {
	{ 3 << 8 | 4, 11 << 8, 3 << 8 | 1, 12 << 8, 8 << 8 },
	{ 2 << 8, 3 << 8, 1 << 8 | 3, 4 << 8, 128 << 8 },
};

static inline uint32_t icmp_bytes(struct frame *frame)
{
	return frame_ip_bytes(frame) - frame_head(frame);
}

static inline uint16_t icmp_checksum(struct frame *frame)
{
	uint32_t sum = 0;

	if (!frame_is_ipv4(frame)) {
		sum = IPPROTO_ICMPV6 + icmp_bytes(frame);
		sum = checksum_add(sum, &frame_ip6(frame)->saddr, 32);
	}
	return checksum_end(checksum_add(sum, frame_tcp(frame), icmp_bytes(frame)));
}

static inline bool icmp_is_inside(uint32_t from)
{
	return from >> 24 == 10;
}

/* An error about a segment of which 8 bytes behind the IP header are quoted. */
static inline struct frame error_about(const struct segment *about, uint32_t from, uint32_t to,
				       enum icmp_meaning meaning)
{
	struct segment outer = { .from = from, .to = to };
	struct frame quoted = frame_segment(about, false);
	struct frame frame = frame_segment(&outer, icmp_is_inside(from));
	uint8_t *icmp = (uint8_t *)frame_tcp(&frame);
	uint16_t length = (uint16_t)(frame_head(&quoted) + 8),
		 type = icmp_meanings[frame_family][meaning];

	if (frame_is_ipv4(&frame)) {
		frame_ip(&frame)->protocol = IPPROTO_ICMP;
		frame_ip(&frame)->tot_len = htons((uint16_t)(20 + 8 + length));
		frame_ip(&frame)->check = 0;
		frame_ip(&frame)->check = htons(frame_ip_checksum(&frame));
	} else {
		frame_ip6(&frame)->nexthdr = IPPROTO_ICMPV6;
		frame_ip6(&frame)->payload_len = htons((uint16_t)(8 + length));
	}
	memset(icmp, 0, 8);
	icmp[0] = (uint8_t)(type >> 8);
	icmp[1] = (uint8_t)type;
	icmp[6] = 0x05; /* an MTU of 1280 */
	memcpy(icmp + 8, frame_l3(&quoted), length);
	frame.size = (uint32_t)(icmp + 8 + length - frame.bytes);
	type = htons(icmp_checksum(&frame));
	memcpy(icmp + 2, &type, sizeof(type));
	return frame;
}

/* The quotation as a frame of its own. */
static inline struct frame quote_of(struct frame *frame)
{
	uint8_t *icmp = (uint8_t *)frame_tcp(frame);
	struct frame quote;

	frame_ethernet(&quote, MAC_OUT0, MAC_ROUTER, frame_is_ipv4(frame) ? ETH_P_IP : ETH_P_IPV6);
	memcpy(frame_l3(&quote), icmp + 8, icmp_bytes(frame) - 8);
	return quote;
}

static inline void expect_error(struct frame *frame, enum icmp_meaning meaning, uint32_t rest)
{
	uint8_t *icmp = (uint8_t *)frame_tcp(frame);
	uint32_t said;

	memcpy(&said, icmp + 4, sizeof(said));
	assert_int_equal(icmp[0] << 8 | icmp[1], icmp_meanings[frame_family][meaning]);
	assert_int_equal(ntohl(said), rest);
	assert_int_equal(frame_ip_checksum(frame), 0);
	assert_int_equal(icmp_checksum(frame), 0);
}

#endif
