// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long does an address not answer, and who answers for it?
 *
 *	blackout ping ADDRESS		an echo request every millisecond until SIGTERM
 *	blackout owners INTERFACE ADDRESS	one ARP request; who answers within 300 ms
 *
 * ping ends with a JSON line: the longest time between the sending of one request that was answered
 * and of the next one that was, and of that in which requests were lost.  A request that never gets
 *an answer counts as lost; those of the last 100 ms do not, their answers may be under way.  owners
 *prints the MACs, one a line.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { PERIOD_NS = 1000000, REQUESTS_MAX = 600000, TAIL = 100, ARP_WAIT_MS = 300, MACS_MAX = 8 };

struct ping {
	int fd;
	bool v6;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	uint32_t sent;
	uint64_t *at; /* when each request was sent; 0: could not be sent */
	bool *answered;
};

/*
 * The kernel of the target sends it back; the identifier of the header stays free for it.  The
 * header is the same in both families, but for the type.
 */
struct request {
	struct icmphdr header;
	uint32_t number;
	uint32_t owner;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint16_t checksum(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] | bytes[i + 1] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void send_request(struct ping *ping)
{
	struct request request = { .header.type = ping->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };

	if (ping->sent == REQUESTS_MAX)
		return;
	request.header.un.echo.id = (uint16_t)getpid();
	request.header.un.echo.sequence = (uint16_t)ping->sent;
	request.number = ping->sent;
	request.owner = (uint32_t)getpid();
	/* Over IPv6 the kernel's, which knows the source. */
	request.header.checksum = checksum(&request, sizeof(request));
	/* While nobody owns the address, sending fails for want of a neighbour: that is lost too.
	 */
	ping->at[ping->sent] = now();
	sendto(ping->fd, &request, sizeof(request), MSG_DONTWAIT, &ping->to.any,
	       ping->v6 ? sizeof(ping->to.v6) : sizeof(ping->to.v4));
	ping->sent++;
}

static void take_answers(struct ping *ping)
{
	const uint8_t reply = ping->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	uint8_t packet[256];
	struct request request;
	size_t header;
	ssize_t got;

	while ((got = recv(ping->fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		header = ping->v6 ? 0 : (size_t)(packet[0] & 0x0f) * 4;
		if ((size_t)got < header + sizeof(request))
			continue;
		memcpy(&request, packet + header, sizeof(request));
		if (request.header.type == reply && request.owner == (uint32_t)getpid() &&
		    request.number < ping->sent)
			ping->answered[request.number] = true;
	}
}

/*
 * The longest time between two answered requests, and the longest in which requests were lost.  The
 * first also counts a prober that was kept waiting, the second is a little short: the truth lies
 * between.
 */
struct gaps {
	uint32_t lost;
	uint64_t longest, dark;
};

static struct gaps find_gaps(const struct ping *ping, uint32_t judged)
{
	struct gaps gaps = { 0 };
	uint64_t answered = judged ? ping->at[0] : 0, lost = 0;

	for (uint32_t i = 0; i < judged; i++) {
		if (!ping->answered[i]) {
			gaps.lost++;
			lost = lost ? lost : ping->at[i];
			if (ping->at[i] - lost + PERIOD_NS > gaps.dark)
				gaps.dark = ping->at[i] - lost + PERIOD_NS;
		}
		if (ping->at[i] - answered > gaps.longest)
			gaps.longest = ping->at[i] - answered;
		if (!ping->answered[i])
			continue;
		answered = ping->at[i];
		lost = 0;
	}
	return gaps;
}

static void report(const struct ping *ping)
{
	const uint32_t judged = ping->sent > TAIL ? ping->sent - TAIL : 0;
	const struct gaps gaps = find_gaps(ping, judged);

	printf("{\"sent\":%u,\"lost\":%u,\"longest_gap_ms\":%.1f,\"dark_ms\":%.1f,"
	       "\"answered\":%s}\n",
	       judged, gaps.lost, (double)gaps.longest / 1e6, (double)gaps.dark / 1e6,
	       gaps.lost < judged ? "true" : "false");
}

static int periodic_timer(void)
{
	const struct itimerspec every = { { 0, PERIOD_NS }, { 0, PERIOD_NS } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL))
		die("timer");
	return fd;
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

/* A prober that waits for its turn would measure the machine. */
static void be_punctual(void)
{
	const struct sched_param param = { .sched_priority = 20 };

	sched_setscheduler(0, SCHED_FIFO, &param);
}

static int run_ping(const char *address)
{
	struct ping ping = { .v6 = strchr(address, ':') };
	struct pollfd wait[3] = { { .events = POLLIN },
				  { .events = POLLIN },
				  { .events = POLLIN } };
	uint64_t ticks;

	ping.at = calloc(REQUESTS_MAX, sizeof(*ping.at));
	ping.answered = calloc(REQUESTS_MAX, sizeof(*ping.answered));
	ping.to.any.sa_family = ping.v6 ? AF_INET6 : AF_INET;
	ping.fd = socket(ping.to.any.sa_family, SOCK_RAW | SOCK_CLOEXEC,
			 ping.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (!ping.at || !ping.answered || ping.fd < 0)
		die("blackout");
	if (inet_pton(ping.to.any.sa_family, address,
		      ping.v6 ? (void *)&ping.to.v6.sin6_addr : (void *)&ping.to.v4.sin_addr) != 1)
		return 2;
	wait[0].fd = ping.fd;
	wait[1].fd = periodic_timer();
	wait[2].fd = signals();
	be_punctual();
	for (;;) {
		if (poll(wait, 3, -1) < 0 && errno != EINTR)
			die("poll");
		take_answers(&ping);
		if (wait[2].revents)
			break;
		/* A prober that was late does not make up for it: that would only be a burst. */
		if (wait[1].revents && read(wait[1].fd, &ticks, sizeof(ticks)) > 0)
			send_request(&ping);
	}
	report(&ping);
	return 0;
}

static void ask(int fd, const char *ifname, uint32_t address)
{
	struct ifreq request = { 0 };
	struct ether_arp arp = {
		.ea_hdr = { htons(1), htons(ETHERTYPE_IP), 6, 4, htons(ARPOP_REQUEST) },
	};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_ARP),
		.sll_halen = 6,
		.sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};

	strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
	to.sll_ifindex = (int)if_nametoindex(ifname);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) || ioctl(fd, SIOCGIFHWADDR, &request))
		die(ifname);
	memcpy(arp.arp_sha, request.ifr_hwaddr.sa_data, 6);
	if (ioctl(fd, SIOCGIFADDR, &request))
		die(ifname);
	memcpy(arp.arp_spa, &((struct sockaddr_in *)(void *)&request.ifr_addr)->sin_addr, 4);
	memcpy(arp.arp_tpa, &address, 4);
	if (sendto(fd, &arp, sizeof(arp), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("ARP request");
}

static void note_owner(uint8_t macs[][6], size_t *count, const struct ether_arp *arp)
{
	for (size_t i = 0; i < *count; i++) {
		if (memcmp(macs[i], arp->arp_sha, 6) == 0)
			return;
	}
	if (*count == MACS_MAX)
		return;
	memcpy(macs[(*count)++], arp->arp_sha, 6);
	for (size_t i = 0; i < 6; i++)
		printf("%02x%c", arp->arp_sha[i], i < 5 ? ':' : '\n');
}

static int run_owners(const char *ifname, const char *text)
{
	struct pollfd wait = { .events = POLLIN };
	uint8_t macs[MACS_MAX][6];
	struct ether_arp arp;
	uint64_t until;
	uint32_t address = 0;
	size_t count = 0;

	wait.fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETHERTYPE_ARP));
	if (wait.fd < 0 || inet_pton(AF_INET, text, &address) != 1)
		die("blackout");
	ask(wait.fd, ifname, address);
	until = now() + ARP_WAIT_MS * UINT64_C(1000000);
	while (now() < until && poll(&wait, 1, (int)((until - now()) / 1000000) + 1) > 0) {
		if (recv(wait.fd, &arp, sizeof(arp), 0) != sizeof(arp))
			continue;
		/* Only answers to us: an announcement goes to everybody, also from one that lost.
		 */
		if (arp.ea_hdr.ar_op == htons(ARPOP_REPLY) && !memcmp(arp.arp_spa, &address, 4) &&
		    memcmp(arp.arp_spa, arp.arp_tpa, 4) != 0)
			note_owner(macs, &count, &arp);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "ping") == 0)
		return run_ping(argv[2]);
	if (argc == 4 && strcmp(argv[1], "owners") == 0)
		return run_owners(argv[2], argv[3]);
	fprintf(stderr, "usage: blackout ping ADDRESS | blackout owners INTERFACE ADDRESS\n");
	return 2;
}
