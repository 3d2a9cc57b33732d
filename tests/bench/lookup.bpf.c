// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that can be done by whoever keeps flows in memory, and the frame leaves where the record
 * says.  Nothing is checked, chosen, rewritten, followed or counted.
 *
 *	bench_lookup	one look-up in a hash table of the kernel's, with keys and values of caspair's
 *	bench_line	one access to memory that is the connection's own, found by arithmetic: a
 *			table whose look-up costs nothing
 *
 * What they are behind the bare redirect, no balancer with such a table can make good.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "proto/flow.h"
#include "proto/flow_ip.h"
#include "tests/bench/packets.h"

enum { LINES = 2 << 20 }; /* as many flows as caspair's table has in this bench */

char bench_license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LINES);
	__type(key, struct flow_key);
	__type(value, struct flow);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bench_line);
} lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_forward);
} forward SEC(".maps");

/* The segment of a frame; NULL: it is not of the bench. */
static __always_inline const struct tcphdr *segment(struct xdp_md *xdp)
{
	const struct ethhdr *eth = (void *)(long)xdp->data;
	const struct tcphdr *tcp = (void *)(eth + 1) + sizeof(struct iphdr);

	if ((void *)(tcp + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return NULL;
	return tcp;
}

static __always_inline int leave(struct xdp_md *xdp, const struct flow *record)
{
	__u32 member = record ? record->member : 0;
	const struct bench_forward *to = bpf_map_lookup_elem(&forward, &member);
	struct ethhdr *eth = (void *)(long)xdp->data;

	if (!to || (void *)(eth + 1) > (void *)(long)xdp->data_end)
		return XDP_PASS;
	__builtin_memcpy(eth->h_dest, to->dest, sizeof(to->dest));
	__builtin_memcpy(eth->h_source, to->source, sizeof(to->source));
	return (int)bpf_redirect(to->ifindex, 0);
}

SEC("xdp.frags")
int bench_lookup(struct xdp_md *xdp)
{
	const struct tcphdr *tcp = segment(xdp);
	const struct iphdr *ip = (void *)tcp - sizeof(*ip);
	struct flow_key key = {};

	if (!tcp)
		return XDP_PASS;
	key.client = flow_ip4(ip->saddr);
	key.vip = flow_ip4(ip->daddr);
	key.client_port = tcp->source;
	key.vip_port = tcp->dest;
	return leave(xdp, bpf_map_lookup_elem(&records, &key));
}

/* Neighbours in time are none in memory: as with a hash. */
static __always_inline __u32 line_of(const struct iphdr *ip, const struct tcphdr *tcp)
{
	__u32 flow = bpf_ntohl(ip->saddr) % BENCH_CLIENTS;

	flow += (bpf_ntohs(tcp->source) - BENCH_FIRST_PORT) * BENCH_CLIENTS;
	flow *= 0x85ebca6b;
	return (flow ^ flow >> 13) % LINES;
}

SEC("xdp.frags")
int bench_line(struct xdp_md *xdp)
{
	const struct tcphdr *tcp = segment(xdp);
	const struct iphdr *ip = (void *)tcp - sizeof(*ip);
	struct bench_line *line;
	struct flow record = {};
	__u32 number;

	if (!tcp)
		return XDP_PASS;
	number = line_of(ip, tcp);
	line = bpf_map_lookup_elem(&lines, &number);
	if (!line)
		return XDP_PASS;
	record.member = (__u16)line->word[0];
	return leave(xdp, &record);
}
