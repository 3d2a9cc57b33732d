/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The lease: who answers for the floating addresses and admits new connections.  It is soft, see
 * struct flow_lease: an active node whose lease has run out serves on until it hears the other
 * node's advert, and is fenced in that instant.
 */
#ifndef CASPAIR_GATE_BPF_H
#define CASPAIR_GATE_BPF_H

#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/parse.bpf.h"

/* <linux/if_arp.h> drags in the C library. */
#define ARP_ETHERNET 1
#define ARP_REQUEST  1

#define IPPROTO_VRRP   112
#define VRRP_TTL       255
#define VRRP_V3_ADVERT 0x31 /* RFC 9568, 5.2.1 and 5.2.2 */

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

/* Whether this node may begin new connections. */
static __always_inline int lease_admits(void)
{
	const struct flow_lease *current = lease_get();

	return current && current->role == LEASE_ACTIVE && current->fenced == FENCE_NONE;
}

/* Whether this node has just let go, so that a SYN may still come here on its way to the peer. */
static __always_inline int lease_leaving(void)
{
	const struct flow_lease *current = lease_get();

	return current && current->role == LEASE_LEAVING &&
	       bpf_ktime_get_boot_ns() <= current->until_ns;
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
	return current->role != LEASE_ACTIVE || current->fenced != FENCE_NONE;
}

/* Silences the kernel's answers to ARP for what another node owns by now. */
static __always_inline int gate_arp(struct packet *p)
{
	struct arp_ipv4 *arp = (void *)(p->eth + 1);
	const struct flow_role *role;
	__be32 target;

	if ((void *)(arp + 1) > packet_end(p) || arp->hardware != bpf_htons(ARP_ETHERNET) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->operation != bpf_htons(ARP_REQUEST))
		return pass();
	if (!lease_silent())
		return pass();
	__builtin_memcpy(&target, arp->target, sizeof(target));
	role = role_find(p->roles, target);
	if (role && (role->kind == ROLE_VIP || role->kind == ROLE_GATEWAY))
		return drop(COUNT_DROP_ARP);
	return pass();
}

static __always_inline int advert_is_ours(const struct packet *p, __u8 vrid)
{
	const struct advert_head *advert = (void *)p->ip + p->ip->ihl * 4;

	if ((void *)(advert + 1) > packet_end(p) || packet_is_fragment(p))
		return 0;
	return p->ip->ttl == VRRP_TTL && advert->version_type == VRRP_V3_ADVERT &&
	       advert->vrid == vrid && advert->priority > 0;
}

/* A foreign advert: vrrpd reads it too, but vrrpd may be what stalled. */
static __always_inline int gate_advert(struct packet *p)
{
	struct flow_lease *current = lease_get();
	__u64 now;

	if (!current || current->role != LEASE_ACTIVE || current->fenced != FENCE_NONE)
		return pass();
	if (!advert_is_ours(p, current->vrid))
		return pass();
	now = bpf_ktime_get_boot_ns();
	if (now <= current->until_ns)
		return pass();
	/* Who and when stand there before the word that makes others read them. */
	current->fenced_by = p->ip->saddr;
	current->fenced_ns = now;
	if (__sync_val_compare_and_swap(&current->fenced, FENCE_NONE, FENCE_ADVERT) == FENCE_NONE) {
		count(COUNT_ADVERT_FENCED);
		notice_send(NOTICE_FENCED, p->xdp->ingress_ifindex, p->ip->saddr);
	}
	return pass();
}

#endif
