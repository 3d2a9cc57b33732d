/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lease: who answers for the floating addresses and admits new connections.  It is soft, see
 * struct flow_lease: an active node whose lease has run out serves on until it hears the other
 * node's advert, and is fenced in that instant.  After a sleep it hears before it serves on.
 */
#ifndef CASPAIR_GATE_BPF_H
#define CASPAIR_GATE_BPF_H

#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/parse.bpf.h"

/* <linux/if_arp.h> drags in the C library. */
#define ARP_ETHERNET 1
#define ARP_REQUEST  1

#define IPPROTO_VRRP 112
#define VRRP_TTL     255
#define VRRP_ADVERT  1 /* the only type, in the low half of the first byte; RFC 9568, 5.2.2 */

#define ND_SOLICITATION  135
#define ND_ADVERTISEMENT 136

/* The part of an advert that decides; RFC 9568, 5.1. */
struct advert_head {
	__u8 version_type;
	__u8 vrid;
	__u8 priority;
	__u8 addresses;
};

/* An ARP packet for IPv4 over Ethernet; RFC 826. */
struct arp_ipv4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_bytes;
	__u8 protocol_bytes;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
};

/* A solicitation or an advertisement; RFC 4861, 4.3 and 4.4. */
struct nd_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 reserved;
	__u8 target[16];
};

static __always_inline struct flow_lease *lease_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&lease, &zero);
}

static __always_inline __u32 lease_epoch(void)
{
	const struct flow_lease *current = lease_get();

	return current ? (__u32)current->epoch : 0;
}

/* A hard lease ends by itself, a soft one by a foreign advert. */
static __always_inline int lease_is_over(const struct flow_lease *current)
{
	if (current->fenced != FENCE_NONE)
		return 1;
	return current->hard && bpf_ktime_get_boot_ns() > current->until_ns;
}

/* Until hosts have heard who follows a node that was fenced. */
#define LEASE_LEAVING_NS 1000000000ull

/*
 * One and a half adverts, for each hundredth of a second of their interval.  Within that time an
 * active peer is heard.  And no standby waits longer after the end of a lease, which lasts for two
 * and a half: it waits for 3 adverts and a skew of less than one (RFC 9568, 6.1).
 */
#define LEASE_LISTEN_NS 15000000ull

/*
 * Somebody asks, and the lease has run out: 1 if he must not be answered, for this node slept and
 * has to hear first whether the peer leads.  Had it not slept, others would have asked meanwhile,
 * or the peer's advert would have come.  A quiet network looks the same: so once for each lease.
 *
 * Processors may come here at once.  Who finds a sleep leaves asked_ns alone, so that the others
 * find it as well, until listen_ns tells them.
 */
__noinline int lease_overslept(void)
{
	struct flow_lease *current = lease_get();
	__u64 wait, began, last, now = bpf_ktime_get_boot_ns();

	if (!current || !current->advert_cs)
		return 0;
	wait = current->advert_cs * LEASE_LISTEN_NS;
	began = current->listen_ns;
	if (began > current->until_ns)
		return now < began + wait;
	last = current->asked_ns > current->until_ns ? current->asked_ns : current->until_ns;
	if (now <= last + wait) {
		current->asked_ns = now;
		return 0;
	}
	if (__sync_val_compare_and_swap(&current->listen_ns, began, now) == began)
		count(COUNT_LISTENED);
	return 1;
}

static __always_inline int lease_listens(const struct flow_lease *current)
{
	return bpf_ktime_get_boot_ns() > current->until_ns && lease_overslept();
}

/* Whether this node may begin new connections. */
static __always_inline int lease_admits(void)
{
	const struct flow_lease *current = lease_get();

	return current && current->role == LEASE_ACTIVE && !lease_is_over(current) &&
	       !lease_listens(current);
}

/*
 * Whether this node has just let go, or was made to, so that a SYN may still come here on its way
 * to the peer.
 */
static __always_inline int lease_leaving(void)
{
	const struct flow_lease *current = lease_get();
	__u64 now = bpf_ktime_get_boot_ns();

	if (!current)
		return 0;
	if (current->role == LEASE_LEAVING)
		return now <= current->until_ns;
	return current->role == LEASE_ACTIVE && current->fenced != FENCE_NONE && !current->hard &&
	       now <= current->fenced_ns + LEASE_LEAVING_NS;
}

/*
 * Somebody else leads, or is about to; addresses may be there all the same, for they are removed
 * after the role.
 */
static __always_inline int lease_silent(void)
{
	const struct flow_lease *current = lease_get();

	if (!current || current->role == LEASE_NONE)
		return 0;
	return current->role != LEASE_ACTIVE || lease_is_over(current);
}

/* Whether an address is one that another node answers for by now, or perhaps does. */
static __always_inline int gate_silences(const struct packet *p, const struct flow_ip *ip)
{
	const struct flow_lease *current = lease_get();
	const struct flow_role *role;

	if (!lease_silent() &&
	    !(current && current->role == LEASE_ACTIVE && lease_listens(current)))
		return 0;
	role = role_find(p->roles, ip);
	return role &&
	       (role->kind == ROLE_VIP || role->kind == ROLE_GATEWAY || role->kind == ROLE_SOURCE);
}

/* Keeps the kernel from answering ARP for what another node owns. */
static __always_inline int gate_arp(struct packet *p)
{
	const struct arp_ipv4 *arp = p->l3;
	struct flow_ip target;
	__be32 word;

	if ((void *)(arp + 1) > p->end || arp->hardware != bpf_htons(ARP_ETHERNET) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->operation != bpf_htons(ARP_REQUEST))
		return pass();
	__builtin_memcpy(&word, arp->target, sizeof(word));
	target = flow_ip4(word);
	return gate_silences(p, &target) ? drop(COUNT_DROP_ARP) : pass();
}

/*
 * The same for a neighbour solicitation.  Neighbours speak to the kernel, whatever else is refused:
 * 1 when this is what they said, -1 when it must not be answered, 0 for anything else.
 */
static __noinline int gate_neighbour(const struct packet *p)
{
	const struct nd_message *nd = packet_payload(p);
	struct flow_ip target;

	if (p->family != FLOW_IPV6 || p->fragment || !nd || (void *)(nd + 1) > p->end)
		return 0;
	if (nd->type == ND_ADVERTISEMENT)
		return 1;
	if (nd->type != ND_SOLICITATION)
		return 0;
	__builtin_memcpy(&target, nd->target, sizeof(target));
	return gate_silences(p, &target) ? -1 : 1;
}

/*
 * To a floating address and of no service: for the kernel, unless Accept_Mode is false.  Not
 * static: the verifier walks it once.
 */
__noinline int gate_own(void)
{
	const struct flow_lease *current = lease_get();

	return current && current->refuse ? drop(COUNT_DROP_NOT_ACCEPTED) : pass();
}

/*
 * Nobody beyond a router can send with 255 hops left.  Where one lies between the nodes only the
 * peer's count, as with vrrpd.
 */
static __always_inline int advert_is_near(const struct packet *p, const struct flow_lease *current)
{
	const struct flow_ip *peer = &current->peer[FLOW_IPV4];

	if (p->hops == VRRP_TTL)
		return 1;
	if (p->family == FLOW_IPV6)
		peer = &current->peer[FLOW_IPV6];
	return current->ttl_min && p->hops >= current->ttl_min && flow_ip_equal(&p->src, peer);
}

static __always_inline int advert_is_ours(const struct packet *p, const struct flow_lease *current)
{
	const struct advert_head *advert = packet_payload(p);
	__u8 version = current->version ? current->version : 3;

	if (!advert || (void *)(advert + 1) > p->end || p->fragment)
		return 0;
	return advert_is_near(p, current) && advert->version_type == (version << 4 | VRRP_ADVERT) &&
	       advert->vrid == current->vrid && advert->priority > 0;
}

/* A foreign advert: vrrpd reads it too, but vrrpd may be what stalled. */
static __always_inline int gate_advert(struct packet *p)
{
	struct flow_lease *current = lease_get();
	__u64 now;

	if (!current || current->role != LEASE_ACTIVE || current->fenced != FENCE_NONE)
		return pass();
	if (!advert_is_ours(p, current))
		return pass();
	now = bpf_ktime_get_boot_ns();
	if (now <= current->until_ns)
		return pass();
	/* Who and when stand there before the word that makes others read them. */
	current->fenced_by = p->src;
	current->fenced_ns = now;
	if (__sync_val_compare_and_swap(&current->fenced, FENCE_NONE, FENCE_ADVERT) == FENCE_NONE) {
		count(COUNT_ADVERT_FENCED);
		notice_send(NOTICE_FENCED, packet_ingress(p), &p->src);
	}
	return pass();
}

#endif
