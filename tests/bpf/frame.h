/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames made by hand: TCP segments as the router or a member would hand them to the node. */
#ifndef CASPAIR_TESTS_BPF_FRAME_H
#define CASPAIR_TESTS_BPF_FRAME_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const uint8_t MAC_OUT0[6] = { 2, 0, 0, 0, 0, 0x10 };
static const uint8_t MAC_IN0[6] = { 2, 0, 0, 0, 0, 0x20 };
static const uint8_t MAC_ROUTER[6] = { 2, 0, 0, 0, 0, 0x01 };
static const uint8_t MAC_MEMBER[6] = { 2, 0, 0, 0, 1, 0x00 }; /* the last byte is the slot */

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
	uint16_t fragment; /* flags and offset */
	uint8_t options;   /* words of IP options */
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

static inline struct iphdr *frame_ip(struct frame *frame)
{
	return (struct iphdr *)(void *)(frame->bytes + ETH_HLEN);
}

static inline struct tcphdr *frame_tcp(struct frame *frame)
{
	return (struct tcphdr *)(void *)(frame->bytes + ETH_HLEN + frame_ip(frame)->ihl * 4);
}

static inline uint16_t frame_tcp_checksum(struct frame *frame)
{
	const struct iphdr *ip = frame_ip(frame);
	uint16_t length = (uint16_t)(ntohs(ip->tot_len) - ip->ihl * 4);
	uint32_t sum = checksum_add(0, &ip->saddr, 8);

	sum += IPPROTO_TCP + (uint32_t)length;
	return checksum_end(checksum_add(sum, frame_tcp(frame), length));
}

static inline void frame_seal(struct frame *frame)
{
	struct iphdr *ip = frame_ip(frame);
	struct tcphdr *tcp = frame_tcp(frame);

	ip->check = 0;
	ip->check = htons(checksum_end(checksum_add(0, ip, (size_t)ip->ihl * 4)));
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

/* A frame as the router (from outside) or a member (from inside) would hand it to the node. */
static inline struct frame frame_segment(const struct segment *s, bool from_member)
{
	uint8_t member[6];
	struct frame frame;
	struct iphdr *ip;
	struct tcphdr *tcp;
	uint32_t head = 20u + s->options * 4u;

	memcpy(member, MAC_MEMBER, sizeof(member));
	frame_ethernet(&frame, from_member ? MAC_IN0 : MAC_OUT0, from_member ? member : MAC_ROUTER,
		       ETH_P_IP);
	ip = frame_ip(&frame);
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
	tcp = frame_tcp(&frame);
	tcp->source = htons(s->from_port);
	tcp->dest = htons(s->to_port);
	tcp->seq = htonl(s->seq);
	tcp->ack_seq = htonl(s->ack);
	tcp->doff = 5;
	((uint8_t *)tcp)[13] = s->flags;
	tcp->window = htons(1024);
	for (uint16_t i = 0; i < s->payload; i++)
		((uint8_t *)(tcp + 1))[i] = (uint8_t)(i * 7 + 1);
	frame.size = ETH_HLEN + head + 20u + s->payload;
	frame_seal(&frame);
	return frame;
}

#endif
