// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A comparator with the structure that Katran's authors publish, written for this bench from that
 * description: VIP in a hash table, one LRU connection table per CPU with a 40-byte key for both
 * families, a ring of 65537 places, connections not recorded above 125,000 new ones a second and
 * CPU, IPIP towards the real server, counters per VIP and real.  It sends by redirect as the other
 * programs of the bench do.  It rewrites no address and follows no TCP state, so it does less than
 * a NAT.
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

enum katran_like {
	RING = 65537,
	MAX_VIPS = 512,
	MAX_REALS = 4096,
	MAX_CPUS = 128,
	LRU_SIZE = 2000000,
	NEW_PER_SECOND = 125000,
	COUNTER_LRU = MAX_VIPS,     /* packets, misses */
	COUNTER_NEW = MAX_VIPS + 1, /* new connections in this second, and when it began */
	COUNTERS = MAX_VIPS + 8,
	FLAG_SYN = 0x02,
};

static const __u32 tunnel_net = 0xac100000; /* 172.16.0.0, source of the tunnels */

struct vip_key {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct vip_value {
	__u32 flags;
	__u32 number;
};

struct connection {
	__be32 source[4];
	__be32 dest[4];
	__be16 ports[2];
	__u8 proto;
	__u8 pad[3];
};

struct place {
	__u32 real;
	__u32 pad;
	__u64 at;
};

struct real {
	__be32 addr[4];
	__u32 flags;
};

struct pair {
	__u64 first;
	__u64 second;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIPS);
	__type(key, struct vip_key);
	__type(value, struct vip_value);
} vips SEC(".maps");

struct lru {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LRU_SIZE);
	__uint(key_size, sizeof(struct connection));
	__uint(value_size, sizeof(struct place));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAX_CPUS);
	__type(key, __u32);
	__array(values, struct lru);
} lrus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RING);
	__type(key, __u32);
	__type(value, __u32);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_REALS);
	__type(key, __u32);
	__type(value, struct real);
} reals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, struct pair);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_REALS);
	__type(key, __u32);
	__type(value, struct pair);
} real_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_forward);
} forward SEC(".maps");

static __always_inline void add(void *map, __u32 index, __u64 first, __u64 second)
{
	struct pair *value = bpf_map_lookup_elem(map, &index);

	if (value) {
		value->first += first;
		value->second += second;
	}
}

/* Jenkins' hash of three words (lookup3's final mix), the family that the kernel's jhash is of. */
static __always_inline __u32 rotate(__u32 word, __u32 by)
{
	return word << by | word >> (32 - by);
}

static __always_inline __u32 mix(__u32 a, __u32 b, __u32 c)
{
	a += 0xdeadbeef + 12;
	b += 0xdeadbeef + 12;
	c += 0xdeadbeef + 12;
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	return (c ^ b) - rotate(b, 24);
}

static __always_inline int too_many_new(__u64 *now)
{
	__u32 index = COUNTER_NEW;
	struct pair *rate = bpf_map_lookup_elem(&stats, &index);

	if (!rate)
		return 1;
	*now = bpf_ktime_get_ns();
	if (*now - rate->second > 1000000000) {
		rate->first = 1;
		rate->second = *now;
		return 0;
	}
	return ++rate->first > NEW_PER_SECOND;
}

/* The real server of a connection without a record. */
static __always_inline long choose(const struct connection *c, void *lru)
{
	__u32 hash = mix(c->source[0], *(const __u32 *)c->ports, c->proto) % RING;
	const __u32 *number;
	struct place fresh = {};

	/* The compiler knows the remainder's range, the verifier does not. */
	asm volatile("" : "+r"(hash));
	number = bpf_map_lookup_elem(&ring, &hash);
	if (!number)
		return -1;
	fresh.real = *number;
	if (!too_many_new(&fresh.at))
		bpf_map_update_elem(lru, c, &fresh, BPF_ANY);
	return fresh.real;
}

static __always_inline long find(const struct connection *c, int syn)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *lru = bpf_map_lookup_elem(&lrus, &cpu);
	const struct place *known;

	if (!lru)
		return -1;
	add(&stats, COUNTER_LRU, 1, 0);
	known = syn ? NULL : bpf_map_lookup_elem(lru, c);
	if (known)
		return known->real;
	add(&stats, COUNTER_LRU, 0, 1);
	return choose(c, lru);
}

static __always_inline void outer_header(struct iphdr *ip, const struct connection *c, __be32 to,
					 __u16 bytes)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_IPIP;
	ip->tot_len = bpf_htons(bytes + (__u16)sizeof(*ip));
	ip->daddr = to;
	ip->saddr = bpf_htonl(tunnel_net) | ((c->source[0] ^ c->ports[0]) & bpf_htonl(0xffff));
#pragma clang loop unroll(full)
	for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16) ~(sum + (sum >> 16));
}

static __always_inline int encapsulate(struct xdp_md *xdp, const struct connection *c, __be32 to,
				       __u16 bytes)
{
	__u32 zero = 0;
	const struct bench_forward *out = bpf_map_lookup_elem(&forward, &zero);
	struct ethhdr *eth;
	struct iphdr *ip;

	if (!out || bpf_xdp_adjust_head(xdp, -(int)sizeof(*ip)))
		return XDP_DROP;
	eth = (void *)(long)xdp->data;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > (void *)(long)xdp->data_end)
		return XDP_DROP;
	__builtin_memcpy(eth->h_dest, out->dest, sizeof(out->dest));
	__builtin_memcpy(eth->h_source, out->source, sizeof(out->source));
	eth->h_proto = bpf_htons(ETH_P_IP);
	outer_header(ip, c, to, bytes);
	return (int)bpf_redirect(out->ifindex, 0);
}

static __always_inline const struct vip_value *find_vip(const struct connection *c)
{
	struct vip_key key = { .addr = { c->dest[0] }, .port = c->ports[1], .proto = c->proto };
	const struct vip_value *vip = bpf_map_lookup_elem(&vips, &key);

	if (vip)
		return vip;
	key.port = 0; /* the VIP may have all ports */
	return bpf_map_lookup_elem(&vips, &key);
}

SEC("xdp.frags")
int katran_like(struct xdp_md *xdp)
{
	const void *end = (void *)(long)xdp->data_end;
	const struct ethhdr *eth = (void *)(long)xdp->data;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct tcphdr *tcp = (void *)(ip + 1);
	const struct vip_value *vip;
	const struct real *real;
	struct connection c = {};
	__u32 number;
	__u16 bytes;
	long found;

	if ((void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (ip->ihl != 5 || ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(0x3fff))
		return XDP_PASS;
	c.source[0] = ip->saddr;
	c.dest[0] = ip->daddr;
	c.ports[0] = tcp->source;
	c.ports[1] = tcp->dest;
	c.proto = ip->protocol;
	bytes = bpf_ntohs(ip->tot_len);
	vip = find_vip(&c);
	if (!vip)
		return XDP_PASS;
	found = find(&c, ((const __u8 *)tcp)[13] & FLAG_SYN);
	if (found < 0)
		return XDP_DROP;
	number = (__u32)found;
	real = bpf_map_lookup_elem(&reals, &number);
	if (!real)
		return XDP_DROP;
	add(&stats, vip->number, 1, bytes);
	add(&real_stats, number, 1, bytes);
	return encapsulate(xdp, &c, real->addr[0], bytes);
}
