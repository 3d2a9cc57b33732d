// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/defend.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vrrp/tap.h"

enum {
	CLAIM_BYTES = 256, /* more than an advertisement has use for */
	READ_BUDGET = 32,  /* claims in one go */
	FILTER_MAX = 8 + 2 * VIP_MAX,
	ARP_SENDER = 14,    /* where the IPv4 address is */
	ND_TARGET_END = 60, /* where the last word of the IPv6 address is */
	ND_ADVERTISEMENT = 136,
};

/* Whoever claims without end must not keep the adverts waiting. */
static const double pause_s = 0.05;

static const uint16_t types[DEFEND_TAPS] = { ETHERTYPE_ARP, ETHERTYPE_IPV6 };

/* --- filters ---------------------------------------------------------------------------------- */

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

static void add(struct filter *filter, struct sock_filter instruction)
{
	filter->code[filter->length++] = instruction;
}

static void add_test(struct filter *filter, uint16_t size, uint32_t at, uint32_t value)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | size | BPF_ABS, at));
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0));
}

/* What has the last word of one of the addresses there: the kernel keeps from us what is said of
 * all others, which on a large LAN is much. */
static void add_addresses(struct filter *filter, const struct vips *vips, uint8_t family,
			  uint32_t at)
{
	const size_t last = family == 6 ? 12 : 0;
	uint32_t word;

	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
	for (size_t i = 0; i < vips->count; i++) {
		if (vips->addr[i].family != family)
			continue;
		memcpy(&word, vips->addr[i].bytes + last, sizeof(word));
		add(filter,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0, 1));
		add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, CLAIM_BYTES));
	}
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0));
}

static void make_filter(struct filter *filter, const struct vips *vips, uint16_t type)
{
	filter->length = 0;
	if (type == ETHERTYPE_ARP) {
		add_addresses(filter, vips, 4, ARP_SENDER);
		return;
	}
	add_test(filter, BPF_B, 6, IPPROTO_ICMPV6);
	add_test(filter, BPF_B, 40, ND_ADVERTISEMENT);
	add_addresses(filter, vips, 6, ND_TARGET_END);
}

/* --- hearing ---------------------------------------------------------------------------------- */

/* 1: a claim; 0: something else; -1: there is nothing more. */
static int receive(struct claim *claim, int fd)
{
	uint8_t packet[CLAIM_BYTES];
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	ssize_t length = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size);

	if (length < 0)
		return -1;
	if (from.sll_halen != sizeof(claim->mac) || from.sll_pkttype == PACKET_OUTGOING)
		return 0;
	claim->ifindex = from.sll_ifindex;
	if (ntohs(from.sll_protocol) == ETHERTYPE_ARP)
		return dispute_read_arp(claim, packet, (size_t)length);
	return dispute_read_nd(claim, packet, (size_t)length, from.sll_addr);
}

static void rest(struct defend *defend)
{
	ev_timer_stop(defend->loop, &defend->pause);
	ev_timer_set(&defend->pause, pause_s, 0.0);
	ev_timer_start(defend->loop, &defend->pause);
}

static void on_rested(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct defend *defend = timer->data;

	(void)events;
	for (size_t i = 0; i < DEFEND_TAPS; i++) {
		if (defend->tap[i].fd >= 0)
			ev_io_start(loop, &defend->tap[i].io);
	}
	if (defend->rested(defend->arg))
		rest(defend);
}

static void on_claims(struct ev_loop *loop, ev_io *io, int events)
{
	struct defend *defend = io->data;
	struct claim claim;
	int got = 0;

	(void)events;
	for (int i = 0; i < READ_BUDGET && got >= 0; i++) {
		got = receive(&claim, io->fd);
		if (got > 0)
			defend->claimed(defend->arg, &claim);
	}
	ev_io_stop(loop, io);
	if (!ev_is_active(&defend->pause))
		rest(defend);
}

int defend_open(struct defend *defend, struct ev_loop *loop, const struct vips *vips)
{
	struct filter filter;
	struct sock_fprog program = { .filter = filter.code };

	defend->loop = loop;
	defend->tap[0].fd = defend->tap[1].fd = -1;
	ev_timer_init(&defend->pause, on_rested, pause_s, 0.0);
	defend->pause.data = defend;
	for (size_t i = 0; i < DEFEND_TAPS; i++) {
		struct defend_tap *tap = &defend->tap[i];

		make_filter(&filter, vips, types[i]);
		program.len = filter.length;
		tap->fd = tap_open(0, types[i], &program);
		if (tap->fd < 0)
			return tap->fd;
		ev_io_init(&tap->io, on_claims, tap->fd, EV_READ);
		tap->io.data = defend;
		/* After the adverts, which tell where the peer is. */
		ev_set_priority(&tap->io, EV_MINPRI);
		ev_io_start(loop, &tap->io);
	}
	return 0;
}

void defend_close(struct defend *defend)
{
	ev_timer_stop(defend->loop, &defend->pause);
	for (size_t i = 0; i < DEFEND_TAPS; i++) {
		if (defend->tap[i].fd < 0)
			continue;
		ev_io_stop(defend->loop, &defend->tap[i].io);
		close(defend->tap[i].fd);
		defend->tap[i].fd = -1;
	}
}
