// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/announce.h"

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>

static const uint64_t second = 1000000000;

/*
 *	 0       6       12     14                                               42
 *	+-------+-------+------+-------------------------------------------------+
 *	| to    | from  | 0806 | 1, 0800, 6, 4, form, MAC, addr, target MAC, addr |
 *	+-------+-------+------+-------------------------------------------------+
 */
void announce_frame(uint8_t frame[ANNOUNCE_FRAME], const uint8_t mac[6], uint32_t addr,
		    enum announce_form form)
{
	static const uint8_t fixed[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0 };

	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, fixed, sizeof(fixed));
	frame[21] = (uint8_t)form;
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 28, &addr, 4);
	memset(frame + 32, form == ANNOUNCE_REPLY ? 0xff : 0, 6);
	memcpy(frame + 38, &addr, 4);
}

void announce_start(struct announce_schedule *schedule, uint64_t now)
{
	*schedule = (struct announce_schedule){ .started = now, .next = now };
}

void announce_stop(struct announce_schedule *schedule)
{
	*schedule = (struct announce_schedule){ 0 };
}

void announce_again(struct announce_schedule *schedule, uint64_t now)
{
	uint64_t soonest = schedule->last + second;

	if (!schedule->started)
		return;
	if (soonest < now)
		soonest = now;
	if (soonest < schedule->next)
		schedule->next = soonest;
}

bool announce_due(struct announce_schedule *schedule, uint64_t now)
{
	static const uint64_t rounds[] = { 1, 5 };

	if (!schedule->started || now < schedule->next)
		return false;
	schedule->last = now;
	/* Extra rounds do not use up the planned ones. */
	while (schedule->round < 2 && schedule->started + rounds[schedule->round] * second <= now)
		schedule->round++;
	if (schedule->round < 2)
		schedule->next = schedule->started + rounds[schedule->round] * second;
	else
		schedule->next = now + 60 * second;
	return true;
}

int announce_open(void)
{
	/* Protocol 0: the kernel queues nothing to it. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int send_frame(int fd, int ifindex, const uint8_t frame[ANNOUNCE_FRAME])
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_ARP),
		.sll_ifindex = ifindex,
		.sll_halen = 6,
	};

	memset(to.sll_addr, 0xff, 6);
	if (sendto(fd, frame, ANNOUNCE_FRAME, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

int announce_send(int fd, int ifindex, uint32_t addr)
{
	uint8_t frame[ANNOUNCE_FRAME];
	struct ifreq request = { 0 };
	const uint8_t *mac = (const uint8_t *)request.ifr_hwaddr.sa_data;
	int err;

	/* Asked each time: a bond changes its MAC, an interface is made anew. */
	if (!if_indextoname((unsigned int)ifindex, request.ifr_name))
		return -errno;
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return -errno;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return 0;
	announce_frame(frame, mac, addr, ANNOUNCE_REQUEST);
	err = send_frame(fd, ifindex, frame);
	if (err)
		return err;
	announce_frame(frame, mac, addr, ANNOUNCE_REPLY);
	return send_frame(fd, ifindex, frame);
}
