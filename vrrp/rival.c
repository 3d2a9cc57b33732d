// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/rival.h"

#include <net/ethernet.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/log.h"
#include "proto/advert.h"
#include "vrrp/tap.h"

enum { HEAD_V4 = 20, HEAD_V6 = 40, VRID_AT = 1 };

/* The socket of the advert may wake us before the tap has its copy. */
static const double soon = 0.001, again = 1.0;

static const uint16_t types[RIVAL_TAPS] = { ETHERTYPE_IP, ETHERTYPE_IPV6 };

/* --- taps ------------------------------------------------------------------------------------- */

/* Of an advert that a router has forwarded the MAC address would be the router's. */
static int open_tap(int ifindex, uint16_t type, uint8_t vrid)
{
	const struct sock_filter v4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERT_TTL, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERT_PROTOCOL, 0, 4),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, VRID_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, vrid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, HEAD_V4),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_filter v6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERT_TTL, 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERT_PROTOCOL, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, HEAD_V6 + VRID_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, vrid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, HEAD_V6),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const bool six = type == ETHERTYPE_IPV6;
	const struct sock_fprog filter = {
		.len = six ? sizeof(v6) / sizeof(*v6) : sizeof(v4) / sizeof(*v4),
		.filter = (struct sock_filter *)(uintptr_t)(six ? v6 : v4),
	};

	return tap_open(ifindex, type, &filter);
}

static bool source_of(struct addr *source, const uint8_t *head, size_t length)
{
	const bool six = length == HEAD_V6;

	if (!six && length != HEAD_V4)
		return false;
	*source = (struct addr){ .family = six ? 6 : 4 };
	if (six)
		memcpy(source->bytes, head + 8, 16);
	else
		memcpy(source->bytes, head + 12, 4);
	return true;
}

static void learn(struct rival *rival, const struct rival_known *news)
{
	size_t i;

	for (i = 0; i < RIVAL_KNOWN - 1; i++) {
		if (addr_compare(&rival->known[i].source, &news->source) == 0)
			break;
	}
	memmove(rival->known + 1, rival->known, i * sizeof(*rival->known));
	rival->known[0] = *news;
}

static void on_copy(struct ev_loop *loop, ev_io *io, int events)
{
	struct rival_known news;
	struct sockaddr_ll from;
	uint8_t head[HEAD_V6];
	socklen_t size = sizeof(from);
	ssize_t length;

	(void)loop;
	(void)events;
	/* One at a time: whoever floods must not keep the adverts waiting. */
	length = recvfrom(io->fd, head, sizeof(head), 0, (struct sockaddr *)&from, &size);
	if (length <= 0 || from.sll_halen != sizeof(news.mac) ||
	    !source_of(&news.source, head, (size_t)length))
		return;
	memcpy(news.mac, from.sll_addr, sizeof(news.mac));
	learn(io->data, &news);
}

bool rival_is_at(const struct rival *rival, const struct addr *source, const uint8_t mac[6])
{
	for (size_t i = 0; i < RIVAL_KNOWN; i++) {
		if (addr_compare(&rival->known[i].source, source) == 0)
			return memcmp(rival->known[i].mac, mac, 6) == 0;
	}
	return false;
}

/* --- telling ---------------------------------------------------------------------------------- */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rival *rival = timer->data;
	char text[ADDR_TEXT];

	(void)events;
	for (size_t i = 0; i < RIVAL_TAPS; i++) {
		if (rival->tap[i].fd >= 0)
			on_copy(loop, &rival->tap[i].io, EV_READ);
	}
	for (size_t i = 0; i < RIVAL_KNOWN; i++) {
		if (addr_compare(&rival->known[i].source, &rival->winner) != 0)
			continue;
		rival->tell(rival->arg, rival->known[i].mac);
		break;
	}
	if (rival->rounds == RIVAL_ROUNDS)
		log_info("hosts are told where %s is", addr_print(text, &rival->winner));
	if (--rival->rounds == 0)
		return;
	ev_timer_set(timer, again, 0.0);
	ev_timer_start(loop, timer);
}

void rival_leads(struct rival *rival, const struct addr *winner)
{
	rival->winner = *winner;
	rival->rounds = RIVAL_ROUNDS;
	ev_timer_stop(rival->loop, &rival->timer);
	ev_timer_set(&rival->timer, soon, 0.0);
	ev_timer_start(rival->loop, &rival->timer);
}

void rival_forget(struct rival *rival)
{
	ev_timer_stop(rival->loop, &rival->timer);
}

int rival_open(struct rival *rival, struct ev_loop *loop, int ifindex, uint8_t vrid)
{
	rival->loop = loop;
	rival->tap[0].fd = rival->tap[1].fd = -1;
	memset(rival->known, 0, sizeof(rival->known));
	ev_timer_init(&rival->timer, on_timer, soon, 0.0);
	rival->timer.data = rival;
	for (size_t i = 0; i < RIVAL_TAPS; i++) {
		struct rival_tap *tap = &rival->tap[i];

		tap->fd = open_tap(ifindex, types[i], vrid);
		if (tap->fd < 0)
			return tap->fd;
		ev_io_init(&tap->io, on_copy, tap->fd, EV_READ);
		tap->io.data = rival;
		ev_io_start(loop, &tap->io);
	}
	return 0;
}

void rival_close(struct rival *rival)
{
	for (size_t i = 0; i < RIVAL_TAPS; i++) {
		if (rival->tap[i].fd < 0)
			continue;
		ev_io_stop(rival->loop, &rival->tap[i].io);
		close(rival->tap[i].fd);
		rival->tap[i].fd = -1;
	}
	rival_forget(rival);
}
