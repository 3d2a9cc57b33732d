/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the packet program sits, and all that is different there: XDP, in the driver; or with
 * -DCASPAIR_TC tc, behind the kernel's receive offload, where one frame may hold many segments
 * (GSO) and its TCP checksum may be left for the last device to complete (CHECKSUM_PARTIAL).
 *
 * Verdicts are XDP's on both; hook_close() translates.  In tc the TCP checksum is brought up to
 * date at the very end, by the kernel: it alone knows which kind it is, and takes all pointers into
 * the frame away when asked.
 */
#ifndef CASPAIR_HOOK_BPF_H
#define CASPAIR_HOOK_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifdef CASPAIR_TC

#define HOOK_TC 1
typedef struct __sk_buff hook_frame;

/* As much as any packet's headers take that are looked at, quotations of ICMP included. */
#define HOOK_HEADERS 128

/*
 * Not by a plain read: clang 14 makes of the two neighbours one load with a variable offset, which
 * the verifier refuses.
 */
static __always_inline void *hook_data(hook_frame *frame)
{
	__u64 at;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(at)
		     : "r"(frame), "i"(__builtin_offsetof(hook_frame, data)));
	return (void *)at;
}

static __always_inline void *hook_end(hook_frame *frame)
{
	__u64 at;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(at)
		     : "r"(frame), "i"(__builtin_offsetof(hook_frame, data_end)));
	return (void *)at;
}

/* Whether the linear part holds the headers of the usual segment, as its sender laid it out. */
static __always_inline int hook_is_laid_out(void *data, const void *end)
{
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) + sizeof(struct tcphdr) > end)
		return 0;
	return eth->h_proto == bpf_htons(ETH_P_IP) && ip->ihl == 5 && ip->protocol == IPPROTO_TCP;
}

/* Brings the headers where they can be read. */
static __always_inline void hook_open(hook_frame *frame)
{
	void *data = hook_data(frame), *end = hook_end(frame);
	__u32 length = frame->len;

	if (data + HOOK_HEADERS <= end || data + length <= end || hook_is_laid_out(data, end))
		return;
	bpf_skb_pull_data(frame, length < HOOK_HEADERS ? length : HOOK_HEADERS);
}

static __always_inline __u32 hook_ingress(const hook_frame *frame)
{
	return frame->ifindex;
}

/* Bytes of the whole frame, what is not linear included. */
static __always_inline __u32 hook_length(hook_frame *frame)
{
	return frame->len;
}

/* Copies bytes of the frame, also from where no pointer reaches.  0, or they are not all there. */
static __always_inline int hook_load(hook_frame *frame, __u32 offset, void *to, __u32 size)
{
	return (int)bpf_skb_load_bytes(frame, offset, to, size);
}

/* Payload of each segment that the frame is going to be cut into; 0: it is none such. */
static __always_inline __u32 hook_gso(const hook_frame *frame)
{
	return frame->gso_size;
}

/* Whether it has a VLAN tag beside it, that is not among its bytes. */
static __always_inline int hook_tagged(const hook_frame *frame)
{
	return !!frame->vlan_present;
}

/* Takes bytes off the end, and adds some before the front. */
static __always_inline int hook_resize(hook_frame *frame, __u32 length, __u32 front)
{
	if (bpf_skb_change_tail(frame, length, 0))
		return -1;
	return front && bpf_skb_change_head(frame, front, 0) ? -1 : 0;
}

static __always_inline int hook_redirect(__u32 ifindex)
{
	bpf_redirect(ifindex, 0);
	return XDP_REDIRECT;
}

/*
 * Adds a change of addresses to the TCP checksum at an offset.  For IPv6 the kernel takes it away
 * from the sum over the frame too (CHECKSUM_COMPLETE), where it cancels out: it is put back.
 */
static __always_inline void hook_checksum(hook_frame *frame, __u32 offset, __u32 change, int ipv6)
{
	bpf_l4_csum_replace(frame, offset, 0, change, BPF_F_PSEUDO_HDR);
	if (ipv6)
		bpf_csum_update(frame, change);
}

/* The same for a change of ports, which a checksum that is yet to be made does not have in it. */
static __always_inline void hook_checksum_ports(hook_frame *frame, __u32 offset, __u32 change)
{
	bpf_l4_csum_replace(frame, offset, 0, change, 0);
}

static __always_inline int hook_close(int verdict)
{
	if (verdict == XDP_DROP)
		return TC_ACT_SHOT;
	return verdict == XDP_REDIRECT ? TC_ACT_REDIRECT : TC_ACT_UNSPEC;
}

#else

#define HOOK_TC 0
typedef struct xdp_md hook_frame;

static __always_inline void *hook_data(hook_frame *frame)
{
	return (void *)(long)frame->data;
}

static __always_inline void *hook_end(hook_frame *frame)
{
	return (void *)(long)frame->data_end;
}

static __always_inline void hook_open(hook_frame *frame)
{
	(void)frame;
}

static __always_inline __u32 hook_ingress(const hook_frame *frame)
{
	return frame->ingress_ifindex;
}

static __always_inline __u32 hook_length(hook_frame *frame)
{
	return (__u32)bpf_xdp_get_buff_len(frame);
}

static __always_inline int hook_load(hook_frame *frame, __u32 offset, void *to, __u32 size)
{
	return (int)bpf_xdp_load_bytes(frame, offset, to, size);
}

static __always_inline __u32 hook_gso(const hook_frame *frame)
{
	(void)frame;
	return 0;
}

static __always_inline int hook_tagged(const hook_frame *frame)
{
	(void)frame;
	return 0;
}

static __always_inline int hook_resize(hook_frame *frame, __u32 length, __u32 front)
{
	if (bpf_xdp_adjust_tail(frame, (int)length - (int)hook_length(frame)))
		return -1;
	return front && bpf_xdp_adjust_head(frame, -(int)front) ? -1 : 0;
}

static __always_inline int hook_redirect(__u32 ifindex)
{
	return (int)bpf_redirect(ifindex, 0);
}

static __always_inline void hook_checksum_ports(hook_frame *frame, __u32 offset, __u32 change)
{
	(void)frame;
	(void)offset;
	(void)change;
}

static __always_inline void hook_checksum(hook_frame *frame, __u32 offset, __u32 change, int ipv6)
{
	(void)frame, (void)offset, (void)change, (void)ipv6;
}

static __always_inline int hook_close(int verdict)
{
	return verdict;
}

#endif

#endif
