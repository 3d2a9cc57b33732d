// SPDX-License-Identifier: BSD-2-Clause
/*
 * Spoofed segments out of a packet socket, a bounded number of them at a bounded rate:
 *
 *	flood syn|ack|scan INTERFACE DEST-MAC PORT COUNT RATE VIP [VIP6]
 *
 * Frame n comes from a source of its own, 100.64.0.0/10 and 2001:db8:ff::/64 in turn when there is
 * a VIP6; with `scan` it is a SYN from one source to the ports 1, 2, 3 ...  Prints what was sent as
 * JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 16, FRAME = sizeof(struct ether_header) + sizeof(struct ip6_hdr) + 20 };

struct flood {
	bool syn, scan;
	uint16_t port;
	unsigned long count;
	double rate;
	struct in_addr vip;
	struct in6_addr vip6;
	bool both;
	struct ether_header eth;
	uint8_t frame[BATCH][FRAME];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t sum(uint32_t so_far, const void *data, size_t bytes)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		so_far += (uint32_t)(at[i] << 8 | at[i + 1]);
	return so_far;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* Numbers that look like anybody's; the same in every run. */
static uint32_t scramble(unsigned long n)
{
	return (uint32_t)((n + 1) * 0x9e3779b97f4a7c15u >> 32);
}

static void write_tcp(const struct flood *flood, unsigned long n, uint8_t *to, uint32_t addresses)
{
	/* Not the ports that a flood of the other kind had. */
	uint32_t noise = scramble(flood->syn ? n : ~n);
	struct tcphdr tcp = {
		.source = htons((uint16_t)(1024 + noise % 60000)),
		.dest = htons(flood->scan ? (uint16_t)(1 + n % 65535) : flood->port),
		.seq = htonl(noise),
		.doff = sizeof(tcp) / 4,
		.window = htons(64000),
	};

	tcp.syn = flood->syn;
	tcp.ack = !flood->syn;
	tcp.ack_seq = flood->syn ? 0 : htonl(~noise);
	tcp.check = fold(sum(addresses + IPPROTO_TCP + sizeof(tcp), &tcp, sizeof(tcp)));
	memcpy(to, &tcp, sizeof(tcp));
}

static size_t write_ipv4(const struct flood *flood, unsigned long n, uint8_t *to)
{
	struct ip ip = {
		.ip_v = 4,
		.ip_hl = sizeof(ip) / 4,
		.ip_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
		.ip_off = htons(IP_DF),
		.ip_ttl = 60,
		.ip_p = IPPROTO_TCP,
		.ip_src = { htonl(0x64400000u + (flood->scan ? 1 : (uint32_t)n % 0x400000u)) },
		.ip_dst = flood->vip,
	};

	ip.ip_sum = fold(sum(0, &ip, sizeof(ip)));
	memcpy(to, &ip, sizeof(ip));
	write_tcp(flood, n, to + sizeof(ip), sum(0, &ip.ip_src, 8));
	return sizeof(ip) + sizeof(struct tcphdr);
}

static size_t write_ipv6(const struct flood *flood, unsigned long n, uint8_t *to)
{
	struct ip6_hdr ip = { .ip6_dst = flood->vip6 };
	uint32_t host = htonl(flood->scan ? 1 : (uint32_t)n + 1);

	ip.ip6_flow = htonl(6u << 28);
	ip.ip6_plen = htons(sizeof(struct tcphdr));
	ip.ip6_nxt = IPPROTO_TCP;
	ip.ip6_hlim = 60;
	memcpy(ip.ip6_src.s6_addr, "\x20\x01\x0d\xb8\x00\xff", 6);
	memcpy(ip.ip6_src.s6_addr + 12, &host, sizeof(host));
	memcpy(to, &ip, sizeof(ip));
	write_tcp(flood, n, to + sizeof(ip), sum(0, &ip.ip6_src, 32));
	return sizeof(ip) + sizeof(struct tcphdr);
}

static size_t write_frame(struct flood *flood, unsigned long n, uint8_t *to)
{
	bool six = flood->both && n % 2;
	uint8_t *behind = to + sizeof(flood->eth);

	flood->eth.ether_type = htons(six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	memcpy(to, &flood->eth, sizeof(flood->eth));
	return sizeof(flood->eth) +
	       (six ? write_ipv6(flood, n, behind) : write_ipv4(flood, n, behind));
}

/* Sends frames n and following, at most a batch; how many went out. */
static unsigned int send_batch(struct flood *flood, int fd, unsigned long n)
{
	struct mmsghdr message[BATCH] = { 0 };
	struct iovec part[BATCH];
	unsigned int wanted = BATCH;
	int sent;

	if (flood->count - n < wanted)
		wanted = (unsigned int)(flood->count - n);
	for (unsigned int i = 0; i < wanted; i++) {
		part[i] = (struct iovec){ flood->frame[i],
					  write_frame(flood, n + i, flood->frame[i]) };
		message[i].msg_hdr.msg_iov = &part[i];
		message[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, message, wanted, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN) {
		perror("flood: send");
		exit(1);
	}
	return sent < 0 ? 0 : (unsigned int)sent;
}

static int open_port(struct flood *flood, const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct ifreq port = { 0 };
	const int one = 1;

	snprintf(port.ifr_name, sizeof(port.ifr_name), "%s", interface);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    ioctl(fd, SIOCGIFHWADDR, &port) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one))) {
		perror("flood: interface");
		exit(1);
	}
	memcpy(flood->eth.ether_shost, port.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

static bool read_arguments(struct flood *flood, int argc, char **argv)
{
	const struct ether_addr *mac;

	if (argc < 8 || argc > 9)
		return false;
	flood->scan = !strcmp(argv[1], "scan");
	flood->syn = flood->scan || !strcmp(argv[1], "syn");
	mac = ether_aton(argv[3]);
	if (!mac || (!flood->syn && strcmp(argv[1], "ack")))
		return false;
	memcpy(flood->eth.ether_dhost, mac, ETH_ALEN);
	flood->port = (uint16_t)atoi(argv[4]);
	flood->count = strtoul(argv[5], NULL, 10);
	flood->rate = atof(argv[6]);
	flood->both = argc == 9;
	return flood->rate > 0 && inet_pton(AF_INET, argv[7], &flood->vip) == 1 &&
	       (!flood->both || inet_pton(AF_INET6, argv[8], &flood->vip6) == 1);
}

int main(int argc, char **argv)
{
	static struct flood flood;
	double start = now(), due = start, late;
	unsigned long sent = 0;
	int fd;

	if (!read_arguments(&flood, argc, argv)) {
		fprintf(stderr, "usage: flood syn|ack|scan INTERFACE DEST-MAC PORT COUNT RATE VIP "
				"[VIP6]\n");
		return 2;
	}
	fd = open_port(&flood, argv[2]);
	while (sent < flood.count) {
		unsigned int batch = send_batch(&flood, fd, sent);

		sent += batch;
		due += batch / flood.rate;
		late = now() - due;
		/* Who was kept waiting does not make up for it in a burst that the wires lose. */
		if (late > 0)
			due += late;
		else
			usleep((useconds_t)(-late * 1e6));
	}
	printf("{\"sent\":%lu,\"seconds\":%.2f}\n", sent, now() - start);
	close(fd);
	return 0;
}
