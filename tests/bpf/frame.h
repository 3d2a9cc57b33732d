/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames made by hand: TCP segments as the router or a member would hand them to the node.  Tests
 * name addresses by numbers, which are IPv4 addresses or the last words of IPv6 ones: every test
 * runs in both families.
 */
#ifndef CASPAIR_TESTS_BPF_FRAME_H
#define CASPAIR_TESTS_BPF_FRAME_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/flow_ip.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const uint8_t MAC_OUT0[6] = { 2, 0, 0, 0, 0, 0x10 };
static const uint8_t MAC_IN0[6] = { 2, 0, 0, 0, 0, 0x20 };
static const uint8_t MAC_ROUTER[6] = { 2, 0, 0, 0, 0, 0x01 };
static const uint8_t MAC_MEMBER[6] = { 2, 0, 0, 0, 1, 0x00 }; /* the last byte is the slot */

static const char *const family_names[FLOW_FAMILIES] = { "IPv4", "IPv6" };

/* Of all frames and addresses that tests make from here on. */
static enum flow_family frame_family;

/* fe80::200:5eff:fe00:233, of VRID 51; IPv6 only. */
#define VIRTUAL_ROUTER 0xfe000233u

/* 2001:db8::/96 and the number. */
static inline struct flow_ip ip_of(uint32_t number)
{
	if (frame_family == FLOW_IPV4)
		return flow_ip4(htonl(number));
	if (number == VIRTUAL_ROUTER)
		return (struct flow_ip){ .word = { htonl(0xfe800000), 0, htonl(0x02005eff),
						   htonl(number) } };
	return (struct flow_ip){ .word = { htonl(0x20010db8), 0, 0, htonl(number) } };
}

/* The reverse, and the proof that it is an address of this family. */
static inline uint32_t number_of(const struct flow_ip *ip)
{
	struct flow_ip whole = ip_of(ntohl(ip->word[3]));

	return flow_ip_equal(ip, &whole) ? ntohl(ip->word[3]) : 0;
}

struct frame {
	uint32_t size;
	uint8_t align[2]; /* so that the IP header does not lie on an odd word */
	uint8_t bytes[10240];
};

/* A TCP segment; zero means the usual. */
struct segment {
	uint32_t from, to;
	uint16_t from_port, to_port;
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t payload;
	uint8_t ttl;       /* 0: 64 */
	uint16_t fragment; /* flags and offset as IPv4 has them */
	uint8_t options;   /* words of IP options; 8 bytes each of destination options in IPv6 */
	uint8_t tags;      /* VLAN tags */
};

static inline uint32_t checksum_add(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)byte[i] << 8 | byte[i + 1];
	if (size & 1)
		sum += (uint32_t)byte[size - 1] << 8;
	return sum;
}

static inline uint16_t checksum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void *frame_l3(struct frame *frame)
{
	uint8_t *at = frame->bytes + ETH_HLEN;

	while (at[-2] == 0x81 && at[-1] == 0)
		at += 4;
	return at;
}

static inline bool frame_is_ipv4(struct frame *frame)
{
	return *(uint8_t *)frame_l3(frame) >> 4 == 4;
}

/* For tests of IPv4 alone. */
static inline struct iphdr *frame_ip(struct frame *frame)
{
	return frame_l3(frame);
}

static inline struct ipv6hdr *frame_ip6(struct frame *frame)
{
	return frame_l3(frame);
}

/* Bytes before the transport header. */
static inline uint32_t frame_head(struct frame *frame)
{
	const uint8_t *next;
	uint32_t head = 40;

	if (frame_is_ipv4(frame))
		return frame_ip(frame)->ihl * 4u;
	for (uint8_t type = frame_ip6(frame)->nexthdr; type == 60 || type == 44; type = *next) {
		next = (uint8_t *)frame_l3(frame) + head;
		head += type == 44 ? 8 : 8u + next[1] * 8u;
	}
	return head;
}

static inline struct tcphdr *frame_tcp(struct frame *frame)
{
	return (struct tcphdr *)(void *)((uint8_t *)frame_l3(frame) + frame_head(frame));
}

/* TTL or hop limit. */
static inline uint8_t frame_ttl(struct frame *frame)
{
	return frame_is_ipv4(frame) ? frame_ip(frame)->ttl : frame_ip6(frame)->hop_limit;
}

static inline uint32_t frame_from(struct frame *frame)
{
	if (frame_is_ipv4(frame))
		return ntohl(frame_ip(frame)->saddr);
	return ntohl(frame_ip6(frame)->saddr.s6_addr32[3]);
}

static inline uint32_t frame_to(struct frame *frame)
{
	if (frame_is_ipv4(frame))
		return ntohl(frame_ip(frame)->daddr);
	return ntohl(frame_ip6(frame)->daddr.s6_addr32[3]);
}

static inline uint32_t frame_ip_bytes(struct frame *frame)
{
	if (frame_is_ipv4(frame))
		return ntohs(frame_ip(frame)->tot_len);
	return 40u + ntohs(frame_ip6(frame)->payload_len);
}

/* 0 when it is right. */
static inline uint16_t frame_ip_checksum(struct frame *frame)
{
	if (!frame_is_ipv4(frame))
		return 0;
	return checksum_end(checksum_add(0, frame_ip(frame), frame_head(frame)));
}

static inline uint16_t frame_tcp_checksum(struct frame *frame)
{
	uint16_t length = (uint16_t)(frame_ip_bytes(frame) - frame_head(frame));
	uint32_t sum = IPPROTO_TCP + (uint32_t)length;

	if (frame_is_ipv4(frame))
		sum = checksum_add(sum, &frame_ip(frame)->saddr, 8);
	else
		sum = checksum_add(sum, &frame_ip6(frame)->saddr, 32);
	return checksum_end(checksum_add(sum, frame_tcp(frame), length));
}

static inline void frame_seal(struct frame *frame)
{
	struct tcphdr *tcp = frame_tcp(frame);

	if (frame_is_ipv4(frame)) {
		frame_ip(frame)->check = 0;
		frame_ip(frame)->check = htons(frame_ip_checksum(frame));
	}
	tcp->check = 0;
	tcp->check = htons(frame_tcp_checksum(frame));
}

static inline void frame_ethernet(struct frame *frame, const uint8_t *to, const uint8_t *from,
				  uint16_t type)
{
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->bytes, to, 6);
	memcpy(frame->bytes + 6, from, 6);
	frame->bytes[12] = (uint8_t)(type >> 8);
	frame->bytes[13] = (uint8_t)type;
}

/* IP and TCP headers without options. */
static inline uint32_t frame_headers(void)
{
	return frame_family == FLOW_IPV4 ? 40 : 60;
}

/* A byte to overwrite. */
enum patch {
	PATCH_NONE = 0,
	PATCH_FIRST,
	PATCH_PROTOCOL,
	PATCH_LENGTH, /* of what follows the IP header */
	PATCH_TCP_HEADER,
	PATCH_EXTENSION, /* its length */
	PATCH_MAPPED,    /* the source as ::ffff:... */
};

static inline void frame_patch(struct frame *frame, enum patch patch, uint8_t value)
{
	uint8_t *ip = frame_l3(frame);
	bool ipv4 = frame_is_ipv4(frame);
	struct flow_ip mapped = flow_ip4(htonl(0xc6336407));

	switch (patch) {
	case PATCH_NONE:
		break;
	case PATCH_FIRST:
		ip[0] = value;
		break;
	case PATCH_PROTOCOL:
		ip[ipv4 ? 9 : 6] = value;
		break;
	case PATCH_LENGTH:
		ip[ipv4 ? 3 : 5] = ipv4 ? (uint8_t)(value + 20) : value;
		break;
	case PATCH_TCP_HEADER:
		ip[frame_head(frame) + 12] = value;
		break;
	case PATCH_EXTENSION:
		ip[41] = value;
		break;
	case PATCH_MAPPED:
		memcpy(ip + 8, &mapped, sizeof(mapped));
		break;
	}
}

/* Appends VLAN tags, one inside the other. */
static inline void frame_tag(struct frame *frame, uint8_t tags)
{
	uint8_t *at = frame->bytes + ETH_HLEN - 2;
	uint8_t type[2] = { at[0], at[1] };

	for (uint8_t i = 0; i < tags; i++, at += 4) {
		at[0] = 0x81;
		at[1] = 0;
		at[2] = 0;
		at[3] = (uint8_t)(100 + i);
	}
	memcpy(at, type, sizeof(type));
}

/* The IP header of a TCP segment; its length. */
static inline uint32_t frame_ipv4(struct frame *frame, const struct segment *s)
{
	struct iphdr *ip = frame_l3(frame);
	uint32_t head = 20u + s->options * 4u;

	ip->version = 4;
	ip->ihl = (head / 4) & 15;
	ip->tot_len = htons((uint16_t)(head + 20 + s->payload));
	ip->id = htons(1);
	ip->frag_off = htons(s->fragment);
	ip->ttl = s->ttl ? s->ttl : 64;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = htonl(s->from);
	ip->daddr = htonl(s->to);
	memset(ip + 1, 1, s->options * 4u); /* no-operation */
	return head;
}

static inline uint32_t frame_ipv6(struct frame *frame, const struct segment *s)
{
	struct ipv6hdr *ip = frame_l3(frame);
	uint8_t *next = &ip->nexthdr, *at = (uint8_t *)(ip + 1);
	struct flow_ip from = ip_of(s->from), to = ip_of(s->to);

	ip->version = 6;
	ip->hop_limit = s->ttl ? s->ttl : 64;
	memcpy(&ip->saddr, &from, sizeof(from));
	memcpy(&ip->daddr, &to, sizeof(to));
	for (uint8_t i = 0; i < s->options; i++, at += 8) {
		*next = IPPROTO_DSTOPTS;
		next = at;
		at[2] = 1; /* PadN */
		at[3] = 4;
	}
	if (s->fragment) {
		*next = IPPROTO_FRAGMENT;
		next = at;
		at[2] = (uint8_t)((s->fragment & 0x1fff) >> 5);
		at[3] = (uint8_t)((s->fragment & 0x1f) << 3 | (s->fragment & 0x2000 ? 1 : 0));
		at += 8;
	}
	*next = IPPROTO_TCP;
	ip->payload_len = htons((uint16_t)(at - (uint8_t *)(ip + 1) + 20 + s->payload));
	return (uint32_t)(at - (uint8_t *)ip);
}

/* A frame as the router (from outside) or a member (from inside) would hand it to the node. */
static inline struct frame frame_segment(const struct segment *s, bool from_member)
{
	bool ipv4 = frame_family == FLOW_IPV4;
	uint8_t member[6];
	struct frame frame;
	struct tcphdr *tcp;
	uint32_t head;

	memcpy(member, MAC_MEMBER, sizeof(member));
	frame_ethernet(&frame, from_member ? MAC_IN0 : MAC_OUT0, from_member ? member : MAC_ROUTER,
		       ipv4 ? ETH_P_IP : ETH_P_IPV6);
	frame_tag(&frame, s->tags);
	head = ipv4 ? frame_ipv4(&frame, s) : frame_ipv6(&frame, s);
	tcp = (struct tcphdr *)(void *)((uint8_t *)frame_l3(&frame) + head);
	tcp->source = htons(s->from_port);
	tcp->dest = htons(s->to_port);
	tcp->seq = htonl(s->seq);
	tcp->ack_seq = htonl(s->ack);
	tcp->doff = 5;
	((uint8_t *)tcp)[13] = s->flags;
	tcp->window = htons(1024);
	for (uint16_t i = 0; i < s->payload; i++)
		((uint8_t *)(tcp + 1))[i] = (uint8_t)(i * 7 + 1);
	frame.size = ETH_HLEN + s->tags * 4u + head + 20u + s->payload;
	frame_seal(&frame);
	return frame;
}

#endif
