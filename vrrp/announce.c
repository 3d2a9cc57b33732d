// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/announce.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t second = 1000000000;
static const uint64_t slice_pause = 5000000; /* between slices */

/*
 *	 0       6       12     14                                               42
 *	+-------+-------+------+-------------------------------------------------+
 *	| to    | from  | 0806 | 1, 0800, 6, 4, form, MAC, addr, target MAC, addr |
 *	+-------+-------+------+-------------------------------------------------+
 */
void announce_arp(uint8_t frame[ANNOUNCE_ARP], const uint8_t mac[6], const struct addr *addr,
		  enum announce_form form)
{
	static const uint8_t fixed[] = { 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0 };

	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, fixed, sizeof(fixed));
	frame[21] = (uint8_t)form;
	memcpy(frame + 22, mac, 6);
	memcpy(frame + 28, addr->bytes, 4);
	memset(frame + 32, form == ANNOUNCE_REPLY ? 0xff : 0, 6);
	memcpy(frame + 38, addr->bytes, 4);
}

/* Of the message and its pseudo-header, RFC 4443 2.3; the length is even, the sum 0 until now. */
static void put_sum(const uint8_t *header, uint8_t *message, size_t length)
{
	uint32_t sum = (uint32_t)length + IPPROTO_ICMPV6;

	for (size_t i = 8; i < 40; i += 2) /* both addresses */
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	message[2] = (uint8_t)(~sum >> 8);
	message[3] = (uint8_t)~sum;
}

/*
 *	 0    6      12     14                        54                                      86
 *	+----+------+------+-------------------------+--------------------------------------+
 *	| to | from | 86dd | IPv6, addr to all nodes | 136, 0, sum, flags, addr, 2, 1, MAC  |
 *	+----+------+------+-------------------------+--------------------------------------+
 */
void announce_nd(uint8_t frame[ANNOUNCE_ND], const uint8_t mac[6], const struct addr *addr,
		 bool router)
{
	static const uint8_t to[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t fixed[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, IPPROTO_ICMPV6, 255 };
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	uint8_t *header = frame + 14, *message = header + 40;

	memcpy(frame, to, 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, fixed, sizeof(fixed));
	memcpy(header + 8, addr->bytes, 16);
	memcpy(header + 24, all_nodes, 16);
	memset(message, 0, 8);
	message[0] = 136;
	message[4] = router ? 0xa0 : 0x20; /* router, override; nobody has solicited */
	memcpy(message + 8, addr->bytes, 16);
	message[24] = 2; /* option: the target's link-layer address, of 8 bytes */
	message[25] = 1;
	memcpy(message + 26, mac, 6);
	put_sum(header, message, 32);
}

void announce_ask_arp(uint8_t frame[ANNOUNCE_ARP], const uint8_t mac[6], const struct addr *addr)
{
	announce_arp(frame, mac, addr, ANNOUNCE_REQUEST);
	memset(frame + 28, 0, 4);
}

/*
 *	 0    6      12     14                                    54                       78
 *	+----+------+------+-------------------------------------+------------------------+
 *	| to | from | 86dd | IPv6, nobody to the solicited group | 135, 0, sum, 0, addr   |
 *	+----+------+------+-------------------------------------+------------------------+
 */
void announce_ask_nd(uint8_t frame[ANNOUNCE_ASK_ND], const uint8_t mac[6], const struct addr *addr)
{
	static const uint8_t to[3] = { 0x33, 0x33, 0xff };
	static const uint8_t fixed[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, IPPROTO_ICMPV6, 255 };
	static const uint8_t group[13] = { 0xff, 0x02, [11] = 1, 0xff }; /* RFC 4291, 2.7.1 */
	uint8_t *header = frame + 14, *message = header + 40;

	memcpy(frame, to, sizeof(to));
	memcpy(frame + sizeof(to), addr->bytes + 13, 3);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, fixed, sizeof(fixed));
	memset(header + 8, 0, 16);
	memcpy(header + 24, group, sizeof(group));
	memcpy(header + 24 + sizeof(group), addr->bytes + 13, 3);
	memset(message, 0, 8);
	message[0] = 135;
	memcpy(message + 8, addr->bytes, 16);
	put_sum(header, message, 24);
}

void announce_start(struct announce_schedule *schedule, uint64_t now, unsigned int every)
{
	*schedule = (struct announce_schedule){
		.started = now, .every = every * second, .next = now, .plan = now
	};
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
	if (soonest >= schedule->plan)
		return;
	schedule->plan = soonest;
	if (!schedule->told)
		schedule->next = soonest;
}

static uint64_t next_round(struct announce_schedule *schedule, uint64_t now)
{
	static const uint64_t rounds[] = { 1, 5 };

	/* Extra rounds do not use up the planned ones. */
	while (schedule->round < 2 && schedule->started + rounds[schedule->round] * second <= now)
		schedule->round++;
	if (schedule->round < 2)
		return schedule->started + rounds[schedule->round] * second;
	return now + schedule->every;
}

bool announce_due(struct announce_schedule *schedule, uint64_t now)
{
	if (!schedule->started || now < schedule->next)
		return false;
	if (schedule->told)
		return true;
	schedule->last = now;
	schedule->plan = schedule->next = next_round(schedule, now);
	return true;
}

void announce_told(struct announce_schedule *schedule, uint64_t now, size_t told, size_t count)
{
	if (!schedule->started)
		return;
	schedule->told = told < count ? told : 0;
	schedule->next = schedule->told ? now + slice_pause : schedule->plan;
}

int announce_open(void)
{
	/* Protocol 0: the kernel queues nothing to it. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int send_frame(int fd, int ifindex, const uint8_t *frame, size_t length)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
		.sll_halen = 6,
	};

	memcpy(&to.sll_protocol, frame + 12, sizeof(to.sll_protocol));
	memcpy(to.sll_addr, frame, 6);
	if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* As the kernel answers: a host that hears of no router forgets it as its gateway. */
static bool forwards(const char *ifname)
{
	char path[sizeof("/proc/sys/net/ipv6/conf//forwarding") + IFNAMSIZ], value = '0';
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", ifname);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) < 0)
		value = '0';
	close(fd);
	return value != '0';
}

/* `own` sends; the address is `at`. */
struct place {
	int fd, ifindex;
	const uint8_t *own, *at;
};

static int send_arp(const struct place *place, const struct addr *addr, enum announce_form form)
{
	uint8_t frame[ANNOUNCE_ARP];

	announce_arp(frame, place->at, addr, form);
	memcpy(frame + 6, place->own, 6);
	return send_frame(place->fd, place->ifindex, frame, sizeof(frame));
}

static int send_nd(const struct place *place, const struct addr *addr, bool router)
{
	uint8_t frame[ANNOUNCE_ND];

	announce_nd(frame, place->at, addr, router);
	memcpy(frame + 6, place->own, 6);
	return send_frame(place->fd, place->ifindex, frame, sizeof(frame));
}

/* Its MAC, each time: a bond changes it, an interface is made anew. */
static int look_up(int fd, int ifindex, struct ifreq *request)
{
	memset(request, 0, sizeof(*request));
	if (!if_indextoname((unsigned int)ifindex, request->ifr_name) ||
	    ioctl(fd, SIOCGIFHWADDR, request))
		return -errno;
	return 0;
}

bool announce_is_own(int fd, int ifindex, const uint8_t mac[6])
{
	struct ifreq request;

	return !look_up(fd, ifindex, &request) && memcmp(request.ifr_hwaddr.sa_data, mac, 6) == 0;
}

int announce_other(int fd, int ifindex, const struct addr *addr, const uint8_t mac[6])
{
	struct ifreq request;
	const uint8_t *own = (const uint8_t *)request.ifr_hwaddr.sa_data;
	const struct place place = { fd, ifindex, own, mac ? mac : own };
	int err = look_up(fd, ifindex, &request);

	if (err)
		return err;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return 0;
	if (addr->family == 6)
		return send_nd(&place, addr, forwards(request.ifr_name));
	err = send_arp(&place, addr, ANNOUNCE_REQUEST);
	return err ? err : send_arp(&place, addr, ANNOUNCE_REPLY);
}

int announce_send(int fd, int ifindex, const struct addr *addr)
{
	return announce_other(fd, ifindex, addr, NULL);
}

int announce_ask(int fd, int ifindex, const struct addr *addr)
{
	uint8_t frame[ANNOUNCE_ND];
	struct ifreq request;
	const uint8_t *own = (const uint8_t *)request.ifr_hwaddr.sa_data;
	int err = look_up(fd, ifindex, &request);

	_Static_assert(sizeof(frame) >= ANNOUNCE_ASK_ND, "room for both");
	if (err)
		return err;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return 0;
	if (addr->family == 6) {
		announce_ask_nd(frame, own, addr);
		return send_frame(fd, ifindex, frame, ANNOUNCE_ASK_ND);
	}
	announce_ask_arp(frame, own, addr);
	return send_frame(fd, ifindex, frame, ANNOUNCE_ARP);
}
