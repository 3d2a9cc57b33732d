// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fills the pair's flow table: complete TCP handshakes without a socket each.
 *
 *	flowfill answer PORT
 *	flowfill open ADDRESS PORT COUNT FIRST-SOURCE SOURCES [RATE [SKIP]]
 *	flowfill reset ADDRESS PORT COUNT FIRST-SOURCE SOURCES [RATE [SKIP]]
 *	flowfill churn ADDRESS PORT COUNT FIRST-SOURCE SOURCES RATE SECONDS [SKIP]
 *
 * `answer` runs on a member and answers every SYN for PORT.  `open` runs on the client: flow i
 * comes from source i % SOURCES, port 10000 + i / SOURCES, for i from SKIP on, RATE a second (0: as
 * fast as they are answered).  It keeps at most WINDOW handshakes under way (a veth queues 256
 * frames), repeats what is not answered, and acknowledges everything once more at the end, because
 * a lost ACK cannot be seen from here.  `reset` ends what an `open` of the same words has begun.
 *
 * `churn` goes round the flows for SECONDS: who is open is reset, and three of four are begun anew
 * at once, with the same ports; who is not is begun.  What gets lost on the way is not repeated.
 *
 * The kernels on both sides must not hear of it: drop PORT in their input hooks, or they reset what
 * they do not know.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 96, FIRST_PORT = 10000, RETRY_MS = 100, PATIENCE_MS = 20000 };

static const uint32_t client_isn = 0x10000000, member_isn = 0x20000000;

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

struct fill {
	int heard, said;
	struct in_addr to;
	uint16_t port;
	uint32_t first;
	unsigned int count, sources, skip;
	double rate, seconds, begun_ms;
	bool *open;
};

static uint32_t sum(const void *data, size_t length, uint32_t start)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i + 1 < length; i += 2)
		start += (uint32_t)(byte[i] << 8 | byte[i + 1]);
	return start;
}

static uint16_t fold(uint32_t value)
{
	value = (value & 0xffff) + (value >> 16);
	value = (value & 0xffff) + (value >> 16);
	return htons((uint16_t)~value);
}

/* Fills in what every segment has in common and sends it; the kernel does routing and the IP sum.
 */
static void say(int fd, struct segment *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = s->ip.daddr };

	s->ip.version = 4;
	s->ip.ihl = 5;
	s->ip.ttl = 64;
	s->ip.protocol = IPPROTO_TCP;
	s->ip.frag_off = htons(IP_DF);
	s->ip.tot_len = htons(sizeof(*s));
	s->tcp.doff = 5;
	s->tcp.window = htons(64000);
	s->tcp.check = 0;
	s->tcp.check = fold(
		sum(&s->tcp, sizeof(s->tcp), sum(&s->ip.saddr, 8, IPPROTO_TCP + sizeof(s->tcp))));
	while (sendto(fd, s, sizeof(*s), 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	       (errno == ENOBUFS || errno == EINTR))
		poll(NULL, 0, 1);
}

/* Next TCP segment within the time, or false. */
static bool hear(int fd, struct segment *s, int timeout_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t got = recv(fd, s, sizeof(*s), MSG_DONTWAIT);

	if (got < 0 && poll(&ready, 1, timeout_ms) > 0)
		got = recv(fd, s, sizeof(*s), MSG_DONTWAIT);
	return got == sizeof(*s) && s->ip.ihl == 5 && s->ip.protocol == IPPROTO_TCP;
}

static bool sockets(int *heard, int *said)
{
	const int one = 1, space = 8 << 20;

	*heard = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	*said = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (*heard < 0 || *said < 0)
		return false;
	setsockopt(*heard, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	return !setsockopt(*heard, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
}

static int answer(uint16_t port)
{
	int heard, said;

	if (!sockets(&heard, &said)) {
		perror("flowfill");
		return 1;
	}
	for (;;) {
		struct segment in, out = { 0 };

		if (!hear(heard, &in, -1) || ntohs(in.tcp.dest) != port || !in.tcp.syn ||
		    in.tcp.ack)
			continue;
		out.ip.saddr = in.ip.daddr;
		out.ip.daddr = in.ip.saddr;
		out.tcp.source = in.tcp.dest;
		out.tcp.dest = in.tcp.source;
		out.tcp.seq = htonl(member_isn);
		out.tcp.ack_seq = htonl(ntohl(in.tcp.seq) + 1);
		out.tcp.syn = out.tcp.ack = 1;
		say(said, &out);
	}
}

enum what { SYN, ACK, RST };

static void send_flow(const struct fill *fill, unsigned int number, enum what what)
{
	struct segment out = { 0 };
	unsigned int i = number + fill->skip;

	out.ip.saddr = htonl(fill->first + i % fill->sources);
	out.ip.daddr = fill->to.s_addr;
	out.tcp.source = htons((uint16_t)(FIRST_PORT + i / fill->sources));
	out.tcp.dest = htons(fill->port);
	out.tcp.seq = htonl(client_isn + (what != SYN));
	out.tcp.ack_seq = what == SYN ? 0 : htonl(member_isn + 1);
	out.tcp.ack = what != SYN;
	out.tcp.syn = what == SYN;
	out.tcp.rst = what == RST;
	say(fill->said, &out);
}

/* Takes one SYN-ACK; true when it opened a flow. */
static bool take_answer(struct fill *fill, int timeout_ms)
{
	struct segment in;
	unsigned int source, port, i;

	if (!hear(fill->heard, &in, timeout_ms) || in.ip.saddr != fill->to.s_addr ||
	    ntohs(in.tcp.source) != fill->port || !in.tcp.syn || !in.tcp.ack)
		return false;
	source = ntohl(in.ip.daddr) - fill->first;
	port = (unsigned int)ntohs(in.tcp.dest) - FIRST_PORT;
	i = port * fill->sources + source - fill->skip;
	if (source >= fill->sources || i >= fill->count)
		return false;
	send_flow(fill, i, ACK);
	if (fill->open[i])
		return false;
	fill->open[i] = true;
	return true;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Answers are taken until flow or step number n is due. */
static unsigned int until_due(struct fill *fill, unsigned int n)
{
	double due = fill->rate > 0 ? fill->begun_ms + n * 1e3 / fill->rate : 0;
	unsigned int opened = 0;

	while (now_ms() < due)
		opened += take_answer(fill, 1);
	return opened;
}

/* One pass over what is not open yet. */
static unsigned int pass(struct fill *fill)
{
	unsigned int opened = 0, asked = 0;
	double heard_at = now_ms();

	for (unsigned int i = 0; i < fill->count; i++) {
		if (fill->open[i])
			continue;
		opened += until_due(fill, i);
		send_flow(fill, i, SYN);
		asked++;
		while (asked - opened >= WINDOW && now_ms() - heard_at < RETRY_MS) {
			if (!take_answer(fill, 10))
				continue;
			opened++;
			heard_at = now_ms();
		}
		if (asked - opened >= WINDOW) {
			asked = opened; /* given up for this pass */
			heard_at = now_ms();
		}
	}
	while (opened < asked && now_ms() - heard_at < RETRY_MS)
		opened += take_answer(fill, 10);
	return opened;
}

static int open_flows(struct fill *fill)
{
	unsigned int opened = 0;
	double start = now_ms(), patience = PATIENCE_MS;

	if (fill->rate > 0)
		patience += fill->count * 2e3 / fill->rate;
	while (opened < fill->count && now_ms() - start < patience)
		opened += pass(fill);
	for (unsigned int i = 0; i < fill->count; i++) {
		if (fill->open[i])
			send_flow(fill, i, ACK);
		if (i % WINDOW == 0)
			poll(NULL, 0, 1); /* let the wire's queue empty */
	}
	printf("{\"flows\":%u,\"opened\":%u,\"ms\":%.0f}\n", fill->count, opened, now_ms() - start);
	return opened == fill->count ? 0 : 1;
}

static int reset_flows(struct fill *fill)
{
	for (unsigned int i = 0; i < fill->count; i++) {
		until_due(fill, i);
		send_flow(fill, i, RST);
		if (i % WINDOW == 0)
			poll(NULL, 0, 1); /* let the wire's queue empty */
	}
	return 0;
}

static int churn(struct fill *fill)
{
	unsigned int opened = 0, reset = 0, step = 0;

	for (; now_ms() - fill->begun_ms < fill->seconds * 1e3; step++) {
		unsigned int i = step % fill->count;

		opened += until_due(fill, step);
		if (fill->open[i]) {
			send_flow(fill, i, RST);
			fill->open[i] = false;
			reset++;
			if (reset % 4 == 0)
				continue;
		}
		send_flow(fill, i, SYN);
		while (take_answer(fill, 0))
			opened++;
	}
	while (take_answer(fill, RETRY_MS))
		opened++;
	printf("{\"steps\":%u,\"opened\":%u,\"reset\":%u}\n", step, opened, reset);
	return opened && reset ? 0 : 1;
}

static bool read_arguments(struct fill *fill, bool churns, int argc, char **argv)
{
	const char *const *rest = (const char *const *)argv + 7;
	struct in_addr first;
	int more = argc - 7;

	if (more < (churns ? 2 : 0) || more > (churns ? 3 : 2) ||
	    inet_pton(AF_INET, argv[2], &fill->to) != 1 || inet_pton(AF_INET, argv[5], &first) != 1)
		return false;
	fill->port = (uint16_t)atoi(argv[3]);
	fill->count = (unsigned int)atoi(argv[4]);
	fill->first = ntohl(first.s_addr);
	fill->sources = (unsigned int)atoi(argv[6]);
	fill->rate = more > 0 ? atof(rest[0]) : 0;
	fill->seconds = churns ? atof(rest[1]) : 0;
	fill->skip = more > 1 + churns ? (unsigned int)atoi(rest[1 + churns]) : 0;
	return true;
}

int main(int argc, char **argv)
{
	struct fill fill = { 0 };
	bool churns = argc > 1 && !strcmp(argv[1], "churn");
	bool resets = argc > 1 && !strcmp(argv[1], "reset");

	if (argc == 3 && !strcmp(argv[1], "answer"))
		return answer((uint16_t)atoi(argv[2]));
	if (argc < 7 || (!churns && !resets && strcmp(argv[1], "open")) ||
	    !read_arguments(&fill, churns, argc, argv)) {
		fprintf(stderr, "usage: flowfill answer PORT\n"
				"       flowfill open ADDRESS PORT COUNT FIRST-SOURCE SOURCES "
				"[RATE [SKIP]]\n"
				"       flowfill reset ADDRESS PORT COUNT FIRST-SOURCE SOURCES "
				"[RATE [SKIP]]\n"
				"       flowfill churn ADDRESS PORT COUNT FIRST-SOURCE SOURCES "
				"RATE SECONDS "
				"[SKIP]\n");
		return 2;
	}
	if (!fill.count || !fill.sources ||
	    (fill.skip + fill.count) / fill.sources > 65535 - FIRST_PORT) {
		fprintf(stderr, "flowfill: too many flows for so few sources\n");
		return 2;
	}
	fill.open = calloc(fill.count, sizeof(*fill.open));
	if (!fill.open || !sockets(&fill.heard, &fill.said)) {
		perror("flowfill");
		return 1;
	}
	fill.begun_ms = now_ms();
	if (resets)
		return reset_flows(&fill);
	return churns ? churn(&fill) : open_flows(&fill);
}
