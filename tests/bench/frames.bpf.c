// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Both ends of the packet bench, and the bare redirecting program that is the limit.
 *
 *	bench_send	makes frames out of test-run's live frames and sends them; it never has more
 *			than a window under way, so nothing is lost and the receiver's pace is
 *measured bench_sink	counts and drops the bench's frames, leaves the others to the kernel
 *	bench_again	for plain test runs: puts the frame back as it was, then calls a program
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/packets.h"

char bench_license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bench_plan);
} plan SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct bench_tally);
} tally SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_forward);
} forward SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Writes frame n of a plan; everything, for a frame comes back as the receiver has left it. */
static __always_inline int write_frame(struct xdp_md *xdp, const struct bench_plan *p, __u64 n)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);
	__u32 flow = p->first + ((__u32)n * p->stride & p->mask);
	__be32 client = bpf_htonl(BENCH_CLIENT_NET + flow % BENCH_CLIENTS);
	__be16 port = bpf_htons((__u16)(BENCH_FIRST_PORT + flow / BENCH_CLIENTS));
	__u32 sum = (client & 0xffff) + (client >> 16);

	if ((void *)eth + BENCH_FRAME > (void *)(long)xdp->data_end)
		return -1;
	__builtin_memcpy(eth, p->frame, BENCH_FRAME);
	if (p->from_member) {
		ip->daddr = client;
		tcp->dest = port;
	} else {
		ip->saddr = client;
		tcp->source = port;
	}
	ip->check = fold(p->ip_sum + sum);
	tcp->check = fold(p->tcp_sum + sum + port);
	return 0;
}

SEC("xdp")
int bench_send(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct bench_plan *p = bpf_map_lookup_elem(&plan, &zero);
	const struct bench_tally *seen = bpf_map_lookup_elem(&tally, &zero);

	if (!p || !seen || p->sent >= p->count)
		return XDP_DROP;
	if (p->sent >= p->limit) {
		p->limit = *(volatile __u64 *)&seen->published + p->window;
		if (p->sent >= p->limit)
			return XDP_DROP;
	}
	if (bpf_xdp_adjust_head(xdp, BENCH_SKEW) || write_frame(xdp, p, p->sent))
		return XDP_DROP;
	if (!p->sent)
		p->first_ns = bpf_ktime_get_ns();
	p->sent++;
	return (int)bpf_redirect(p->ifindex, 0);
}

static __always_inline int is_client(__be32 addr)
{
	return bpf_ntohl(addr) >> BENCH_CLIENT_SHIFT == BENCH_CLIENT_NET >> BENCH_CLIENT_SHIFT;
}

static __always_inline int of_bench(struct xdp_md *xdp)
{
	const struct ethhdr *eth = (void *)(long)xdp->data;
	const struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	if (ip->protocol == IPPROTO_IPIP)
		return 1;
	return ip->protocol == IPPROTO_TCP && (is_client(ip->saddr) || is_client(ip->daddr));
}

SEC("xdp")
int bench_sink(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct bench_tally *seen = bpf_map_lookup_elem(&tally, &zero);

	if (!seen || !of_bench(xdp))
		return XDP_PASS;
	seen->received++;
	if (seen->received % BENCH_PUBLISH == 0) {
		seen->last_ns = bpf_ktime_get_ns();
		*(volatile __u64 *)&seen->published = seen->received;
	}
	return XDP_DROP;
}

SEC("xdp.frags")
int bench_bare(struct xdp_md *xdp)
{
	__u32 zero = 0;
	const struct bench_forward *to = bpf_map_lookup_elem(&forward, &zero);
	struct ethhdr *eth = (void *)(long)xdp->data;

	if (!to || (void *)(eth + 1) > (void *)(long)xdp->data_end ||
	    eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	__builtin_memcpy(eth->h_dest, to->dest, sizeof(to->dest));
	__builtin_memcpy(eth->h_source, to->source, sizeof(to->source));
	return (int)bpf_redirect(to->ifindex, 0);
}

/*
 * The same, but where a frame goes depends on what stands in it, as with any balancer: it cannot be
 * sent before its bytes have come from the CPU that wrote them, while `bench_bare` need not wait.
 */
SEC("xdp.frags")
int bench_reading(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct bench_forward *to;
	__u32 index;

	if ((void *)(ip + 1) > (void *)(long)xdp->data_end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	/* Zero in every frame of the bench; the evil bit of RFC 3514. */
	index = bpf_ntohs(ip->frag_off) >> 15;
	to = bpf_map_lookup_elem(&forward, &index);
	if (!to)
		return XDP_PASS;
	__builtin_memcpy(eth->h_dest, to->dest, sizeof(to->dest));
	__builtin_memcpy(eth->h_source, to->source, sizeof(to->source));
	return (int)bpf_redirect(to->ifindex, 0);
}

/* What the kernel's own path needs where there is no GRO: the interface polls. */
SEC("xdp.frags")
int bench_pass(struct xdp_md *xdp)
{
	(void)xdp;
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_nothing(struct xdp_md *xdp)
{
	(void)xdp;
	return XDP_DROP;
}

SEC("xdp.frags")
int bench_again(struct xdp_md *xdp)
{
	long grown = (long)xdp->data_end - (long)xdp->data - BENCH_FRAME;
	__u32 zero = 0;
	struct bench_plan *p = bpf_map_lookup_elem(&plan, &zero);

	if (!p || (grown > 0 && bpf_xdp_adjust_head(xdp, (int)grown)))
		return XDP_ABORTED;
	if (write_frame(xdp, p, p->sent++))
		return XDP_ABORTED;
	bpf_tail_call(xdp, &under_test, 0);
	return XDP_ABORTED;
}
