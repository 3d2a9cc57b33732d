// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who owns an address?  Asks on the switch, hears every answer at the port it comes in by.
 *
 *	witness EVERY-MS BRIDGE ADDRESS [BRIDGE ADDRESS]...
 *
 * Runs in the namespace of the switch.  Puts a question for each ADDRESS (ARP, or a neighbour
 * solicitation for an IPv6 one) to all ports of its BRIDGE every EVERY-MS, and writes the history
 * until SIGTERM or SIGINT, a line an event, microseconds of the wall clock first:
 *
 *	T ask ADDRESS N			question number N has been put
 *	T answer ADDRESS N PORT		a station behind PORT has answered that question
 *	T announce ADDRESS PORT MAC	gratuitous ARP, or an unsolicited advertisement
 *	T advert SOURCE PRIORITY PORT	VRRP
 *
 * Each question bears a MAC of its own, and an answer goes to the MAC that has asked.  So two
 * answers to one question are two owners at one time, and not one owner after the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ADDRESSES = 8, FRAME = 128, MARK = 0x06, VRRP = 112, RECEIVE_BYTES = 8 << 20 };

struct address {
	const char *text;
	int bridge;
	bool v6;
	struct in_addr v4;
	struct in6_addr in6;
};

struct witness {
	int fd;
	uint32_t asked;
	size_t count;
	struct address address[ADDRESSES];
};

/* A neighbour solicitation or advertisement with its one option. */
struct discovery {
	struct ether_header eth;
	struct ip6_hdr ip;
	struct nd_neighbor_solicit message;
	uint8_t option, length, mac[6];
} __attribute__((packed));

struct question {
	struct ether_header eth;
	struct ether_arp arp;
} __attribute__((packed));

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* MARK, which address, number of the question. */
static void mark(uint8_t mac[6], size_t which, uint32_t number)
{
	const uint32_t order = htonl(number);

	mac[0] = MARK;
	mac[1] = (uint8_t)which;
	memcpy(mac + 2, &order, 4);
}

static bool marked(const uint8_t mac[6], size_t *which, uint32_t *number)
{
	if (mac[0] != MARK)
		return false;
	*which = mac[1];
	memcpy(number, mac + 2, 4);
	*number = ntohl(*number);
	return true;
}

static void send_frame(const struct witness *witness, int bridge, const void *frame, size_t length)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = bridge, .sll_halen = 6 };

	memcpy(to.sll_addr, frame, 6);
	if (sendto(witness->fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		perror("witness: question");
}

/* A probe of RFC 5227, which names no sender: nobody learns an address from it. */
static void ask_arp(const struct witness *witness, size_t which)
{
	struct question question = {
		.eth.ether_type = htons(ETHERTYPE_ARP),
		.arp.ea_hdr = { htons(1), htons(ETHERTYPE_IP), 6, 4, htons(ARPOP_REQUEST) },
	};

	memset(question.eth.ether_dhost, 0xff, 6);
	mark(question.eth.ether_shost, which, witness->asked);
	mark(question.arp.arp_sha, which, witness->asked);
	memcpy(question.arp.arp_tpa, &witness->address[which].v4, 4);
	send_frame(witness, witness->address[which].bridge, &question, sizeof(question));
}

static uint32_t sum_up(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t checksum6(const struct discovery *packet)
{
	const uint8_t *message = (const uint8_t *)packet + offsetof(struct discovery, message);
	const size_t length = sizeof(*packet) - offsetof(struct discovery, message);
	uint32_t sum = (uint32_t)length + IPPROTO_ICMPV6;

	sum = sum_up(sum, (const uint8_t *)packet + offsetof(struct discovery, ip.ip6_src), 32);
	sum = sum_up(sum, message, length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* From one link-local address, else every question would be a neighbour to remember. */
static void ask_nd(const struct witness *witness, size_t which)
{
	struct discovery packet = {
		.eth.ether_type = htons(ETHERTYPE_IPV6),
		.ip.ip6_plen = htons(sizeof(packet) - offsetof(struct discovery, message)),
		.ip.ip6_nxt = IPPROTO_ICMPV6,
		.ip.ip6_hlim = 255,
		.message.nd_ns_type = ND_NEIGHBOR_SOLICIT,
		.message.nd_ns_target = witness->address[which].in6,
		.option = ND_OPT_SOURCE_LINKADDR,
		.length = 1,
	};
	const uint8_t *target = witness->address[which].in6.s6_addr;
	struct in6_addr group;

	packet.ip.ip6_vfc = 6 << 4;
	inet_pton(AF_INET6, "fe80::c0:ffee", &packet.ip.ip6_src);
	inet_pton(AF_INET6, "ff02::1:ff00:0", &group);
	memcpy(group.s6_addr + 13, target + 13, 3);
	packet.ip.ip6_dst = group;
	packet.eth.ether_dhost[0] = packet.eth.ether_dhost[1] = 0x33;
	memcpy(packet.eth.ether_dhost + 2, group.s6_addr + 12, 4);
	mark(packet.eth.ether_shost, which, witness->asked);
	mark(packet.mac, which, witness->asked);
	packet.message.nd_ns_cksum = checksum6(&packet);
	send_frame(witness, witness->address[which].bridge, &packet, sizeof(packet));
}

static void ask(struct witness *witness)
{
	witness->asked++;
	for (size_t i = 0; i < witness->count; i++) {
		printf("%llu ask %s %u\n", (unsigned long long)now_us(), witness->address[i].text,
		       witness->asked);
		if (witness->address[i].v6)
			ask_nd(witness, i);
		else
			ask_arp(witness, i);
	}
}

/* --- hearing ---------------------------------------------------------------------------------- */

struct heard {
	uint64_t at_us;
	char port[IF_NAMESIZE];
	const uint8_t *frame;
	size_t length;
};

static void note_answer(const struct witness *witness, const struct heard *heard)
{
	size_t which;
	uint32_t number;

	if (marked(heard->frame, &which, &number) && which < witness->count)
		printf("%llu answer %s %u %s\n", (unsigned long long)heard->at_us,
		       witness->address[which].text, number, heard->port);
}

static void note_announce(const struct witness *witness, const struct heard *heard,
			  const void *address, const uint8_t *mac)
{
	const bool v6 = ((const struct ether_header *)(const void *)heard->frame)->ether_type ==
			htons(ETHERTYPE_IPV6);

	for (size_t i = 0; i < witness->count; i++) {
		const struct address *known = &witness->address[i];
		const void *own = v6 ? (const void *)&known->in6 : (const void *)&known->v4;

		if (known->v6 == v6 && memcmp(own, address, v6 ? 16 : 4) == 0)
			printf("%llu announce %s %s %02x:%02x:%02x:%02x:%02x:%02x\n",
			       (unsigned long long)heard->at_us, known->text, heard->port, mac[0],
			       mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
}

static void note_arp(const struct witness *witness, const struct heard *heard)
{
	struct question packet;

	if (heard->length < sizeof(packet))
		return;
	memcpy(&packet, heard->frame, sizeof(packet));
	if (packet.arp.ea_hdr.ar_op == htons(ARPOP_REPLY))
		note_answer(witness, heard);
	if (memcmp(packet.arp.arp_spa, packet.arp.arp_tpa, 4) == 0)
		note_announce(witness, heard, packet.arp.arp_spa, packet.arp.arp_sha);
}

static void note_nd(const struct witness *witness, const struct heard *heard)
{
	const size_t least = offsetof(struct discovery, option);
	struct discovery packet = { 0 };
	size_t length = heard->length < sizeof(packet) ? heard->length : sizeof(packet);

	if (length < least)
		return;
	memcpy(&packet, heard->frame, length);
	if (packet.message.nd_ns_type != ND_NEIGHBOR_ADVERT)
		return;
	note_answer(witness, heard);
	/* Without the option the frame's own sender is meant. */
	if (packet.option != ND_OPT_TARGET_LINKADDR)
		memcpy(packet.mac, packet.eth.ether_shost, sizeof(packet.mac));
	if (IN6_IS_ADDR_MULTICAST(&packet.ip.ip6_dst))
		note_announce(witness, heard, &packet.message.nd_ns_target, packet.mac);
}

static void note_advert(const struct heard *heard, int family, const void *source, size_t at)
{
	char text[INET6_ADDRSTRLEN];

	if (heard->length < at + 4)
		return;
	printf("%llu advert %s %u %s\n", (unsigned long long)heard->at_us,
	       inet_ntop(family, source, text, sizeof(text)), heard->frame[at + 2], heard->port);
}

static void note(const struct witness *witness, const struct heard *heard)
{
	const struct ether_header *eth = (const void *)heard->frame;
	const uint8_t *ip = heard->frame + sizeof(*eth);

	if (heard->length < sizeof(*eth) + 20)
		return;
	if (eth->ether_type == htons(ETHERTYPE_ARP))
		note_arp(witness, heard);
	else if (eth->ether_type == htons(ETHERTYPE_IP))
		note_advert(heard, AF_INET, ip + 12, sizeof(*eth) + (size_t)(ip[0] & 15) * 4);
	else if (heard->length > sizeof(*eth) + 40 && ip[6] == VRRP)
		note_advert(heard, AF_INET6, ip + 8, sizeof(*eth) + 40);
	else
		note_nd(witness, heard);
}

static uint64_t stamp(struct msghdr *message)
{
	struct timespec ts;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(part), sizeof(ts));
			return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
		}
	return now_us();
}

static bool is_bridge(const struct witness *witness, int ifindex)
{
	for (size_t i = 0; i < witness->count; i++)
		if (witness->address[i].bridge == ifindex)
			return true;
	return false;
}

static void hear(const struct witness *witness)
{
	_Alignas(struct cmsghdr) char control[256];
	_Alignas(8) uint8_t frame[FRAME];
	struct sockaddr_ll from;
	struct iovec part = { frame, sizeof(frame) };
	struct msghdr message;
	struct heard heard = { .frame = frame };
	ssize_t got;

	for (;;) {
		message = (struct msghdr){ .msg_name = &from,
					   .msg_namelen = sizeof(from),
					   .msg_iov = &part,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = sizeof(control) };
		got = recvmsg(witness->fd, &message, MSG_DONTWAIT);
		if (got < 0)
			return;
		/* What a port brings in; the bridge itself would tell it once more. */
		if (from.sll_pkttype == PACKET_OUTGOING || is_bridge(witness, from.sll_ifindex) ||
		    !if_indextoname((unsigned int)from.sll_ifindex, heard.port))
			continue;
		heard.length = (size_t)got;
		heard.at_us = stamp(&message);
		note(witness, &heard);
	}
}

/* --- start and end ---------------------------------------------------------------------------- */

/* ARP, VRRP and neighbour advertisements; a busy switch carries a lot else. */
static void open_tap(struct witness *witness)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 9, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP, 6, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	const int on = 1, bytes = RECEIVE_BYTES;
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	witness->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (witness->fd < 0 ||
	    setsockopt(witness->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(witness->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(witness->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(witness->fd, (struct sockaddr *)&all, sizeof(all)))
		die("witness: tap");
}

/* A history with holes proves nothing. */
static int losses(const struct witness *witness)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	if (getsockopt(witness->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		die("witness: statistics");
	if (stats.tp_drops)
		fprintf(stderr, "witness: %u frames were not seen\n", stats.tp_drops);
	return stats.tp_drops ? 1 : 0;
}

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int periodic_timer(long every_ms)
{
	const struct timespec period = { every_ms / 1000, every_ms % 1000 * 1000000 };
	const struct itimerspec every = { period, period };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL))
		die("witness: timer");
	return fd;
}

static bool add_address(struct witness *witness, const char *bridge, const char *text)
{
	struct address *address = &witness->address[witness->count];

	*address = (struct address){ .text = text, .bridge = (int)if_nametoindex(bridge) };
	address->v6 = inet_pton(AF_INET6, text, &address->in6) == 1;
	if (!address->bridge || (!address->v6 && inet_pton(AF_INET, text, &address->v4) != 1))
		return false;
	witness->count++;
	return true;
}

int main(int argc, char **argv)
{
	static struct witness witness;
	struct pollfd wait[3];
	uint64_t ticks;
	int i;

	for (i = 2; i + 1 < argc && witness.count < ADDRESSES; i += 2)
		if (!add_address(&witness, argv[i], argv[i + 1]))
			break;
	if (argc < 4 || i < argc || atol(argv[1]) < 1) {
		fprintf(stderr, "usage: witness EVERY-MS BRIDGE ADDRESS [BRIDGE ADDRESS]...\n");
		return 2;
	}
	open_tap(&witness);
	wait[0] = (struct pollfd){ .fd = witness.fd, .events = POLLIN };
	wait[1] = (struct pollfd){ .fd = periodic_timer(atol(argv[1])), .events = POLLIN };
	wait[2] = (struct pollfd){ .fd = signals(), .events = POLLIN };
	for (;;) {
		if (poll(wait, 3, -1) < 0 && errno != EINTR)
			die("witness: poll");
		hear(&witness);
		if (wait[2].revents)
			break;
		if (wait[1].revents && read(wait[1].fd, &ticks, sizeof(ticks)) > 0)
			ask(&witness);
	}
	return losses(&witness);
}
