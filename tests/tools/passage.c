// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does every segment that goes into a node come out of it?
 *
 *	passage FIRST-CLIENT CLIENTS {NODE OUTSIDE-PORT INSIDE-PORT}...
 *
 * Runs in the namespace of the switch and listens at its ports.  A TCP segment with data, of one of
 * CLIENTS consecutive addresses or to one, that the switch gives to a node at one port must come
 * back at the node's other port.  Addresses change on the way, but the client's, the ports and the
 * numbers do not.  Several segments may come back as one (GRO).
 *
 * At SIGTERM it listens on for what is inside, 2 s at most, and tells a line of JSON for each
 * segment that stayed there, of 20 at most; a `port` for each way into a node: how many segments
 * that the switch gave to it there were `lost`, and how many frames, of anybody, the kernel has
 * `dropped` at it meanwhile, for the ring of a veth holds 256; and `total`: how many went in, how
 * many were `lost`, and how many frames went `unread`, for then nothing is proven.  What waits at a
 * node is a fixed table: its overrun is `unread`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/tcp_head.h"

enum { NODES = 2, INSIDE = 16384, FRAME = 160, TOLD = 20, LEAVE_MS = 2000, BUFFER = 32 << 20 };

/* Of the switch. */
struct port {
	const char *name;
	int index;
	uint32_t dropped; /* frames for the node, when this began */
};

struct node {
	const char *name;
	struct port outside, inside;
};

/* Of a flow and a direction, seen from the client. */
struct way {
	uint32_t client; /* of the host's order, as all here */
	uint16_t client_port, port;
	bool to_client;
	uint8_t node;
};

struct segment {
	struct way way;
	uint32_t seq, length;
	uint64_t at_ms;
};

struct passage {
	int fd;
	uint32_t first, clients;
	size_t nodes;
	struct node node[NODES];
	struct segment inside[INSIDE];
	size_t count;
	unsigned long segments, unread;
	bool ending; /* nothing goes in any more */
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- what the kernel drops -------------------------------------------------------------------- */

/* How many frames the kernel could not put into the ring of a port's far end, modulo 2^32. */
static uint32_t dropped_at(const char *port)
{
	const struct rtnl_link_stats *stats;
	struct ifaddrs *all, *one;
	uint32_t dropped = 0;

	if (getifaddrs(&all))
		die("passage: getifaddrs");
	for (one = all; one; one = one->ifa_next) {
		stats = one->ifa_data;
		if (stats && one->ifa_addr && one->ifa_addr->sa_family == AF_PACKET &&
		    !strcmp(one->ifa_name, port))
			dropped = stats->tx_dropped;
	}
	freeifaddrs(all);
	return dropped;
}

static void open_port(struct port *port, const char *name)
{
	*port = (struct port){ name, (int)if_nametoindex(name), dropped_at(name) };
	if (!port->index)
		die(name);
}

/* --- in and out ------------------------------------------------------------------------------- */

static void go_in(struct passage *passage, const struct segment *segment)
{
	if (passage->ending)
		return;
	passage->segments++;
	if (passage->count == INSIDE) {
		passage->unread++;
		return;
	}
	passage->inside[passage->count] = *segment;
	passage->inside[passage->count++].at_ms = now_ms(CLOCK_REALTIME);
}

static bool same_way(const struct way *a, const struct way *b)
{
	return a->client == b->client && a->client_port == b->client_port && a->port == b->port &&
	       a->to_client == b->to_client && a->node == b->node;
}

/*
 * The longest that begins there and is no longer, or INSIDE: what is sent again may be cut in
 * another way than what was lost.
 */
static size_t find(const struct passage *passage, const struct way *way, uint32_t seq,
		   uint32_t most)
{
	size_t best = INSIDE;

	for (size_t i = 0; i < passage->count; i++) {
		const struct segment *in = &passage->inside[i];

		if (in->seq == seq && in->length <= most && same_way(&in->way, way) &&
		    (best == INSIDE || in->length > passage->inside[best].length))
			best = i;
	}
	return best;
}

/* Each that came out is one that went in: of two alike, one stays. */
static void come_out(struct passage *passage, const struct segment *out)
{
	uint32_t done = 0;

	while (done < out->length) {
		size_t i = find(passage, &out->way, out->seq + done, out->length - done);

		if (i == INSIDE)
			return;
		done += passage->inside[i].length;
		passage->inside[i] = passage->inside[--passage->count];
	}
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_client(const struct passage *passage, uint32_t address)
{
	return address - passage->first < passage->clients;
}

/* False: it is none that counts. */
static bool read_segment(const struct passage *passage, const uint8_t *frame, size_t size,
			 struct segment *segment)
{
	struct iphdr ip;
	struct tcphdr tcp;
	size_t head = tcp_head_read(frame, size, &ip, &tcp);

	if (!head || ntohs(ip.tot_len) <= head)
		return false;
	segment->length = (uint32_t)(ntohs(ip.tot_len) - head);
	segment->seq = ntohl(tcp.seq);
	segment->way.to_client = is_client(passage, ntohl(ip.daddr));
	segment->way.client = ntohl(segment->way.to_client ? ip.daddr : ip.saddr);
	segment->way.client_port = ntohs(segment->way.to_client ? tcp.dest : tcp.source);
	segment->way.port = ntohs(segment->way.to_client ? tcp.source : tcp.dest);
	return is_client(passage, segment->way.client);
}

/* What a client sends goes in outside and comes out inside, and the other way round. */
static const struct port *way_in(const struct node *node, bool to_client)
{
	return to_client ? &node->inside : &node->outside;
}

static void note(struct passage *passage, const struct sockaddr_ll *from, struct segment *segment)
{
	bool given = from->sll_pkttype == PACKET_OUTGOING;

	for (size_t i = 0; i < passage->nodes; i++) {
		const struct node *node = &passage->node[i];
		int in = way_in(node, segment->way.to_client)->index;
		int out = way_in(node, !segment->way.to_client)->index;

		segment->way.node = (uint8_t)i;
		if (given && from->sll_ifindex == in)
			go_in(passage, segment);
		else if (!given && from->sll_ifindex == out)
			come_out(passage, segment);
	}
}

static void hear(struct passage *passage)
{
	struct segment segment = { .seq = 0 };
	struct sockaddr_ll from;
	socklen_t size = sizeof(from);
	uint8_t frame[FRAME];
	ssize_t got;

	while ((got = recvfrom(passage->fd, frame, sizeof(frame), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &size)) >= 0) {
		if (read_segment(passage, frame, (size_t)got, &segment))
			note(passage, &from, &segment);
		size = sizeof(from);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
		die("passage: recvfrom");
}

static void listen_for(struct passage *passage, int ms)
{
	struct pollfd readable = { .fd = passage->fd, .events = POLLIN };

	if (poll(&readable, 1, ms) > 0)
		hear(passage);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* The frame begins with its IPv4 header: TCP alone. */
static void open_tap(struct passage *passage)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = BUFFER;

	passage->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (passage->fd < 0 ||
	    setsockopt(passage->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(passage->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(passage->fd, (struct sockaddr *)&all, sizeof(all)))
		die("passage: socket");
}

static void tell_port(const struct passage *passage, size_t node, bool to_client)
{
	const struct port *port = way_in(&passage->node[node], to_client);
	size_t lost = 0;

	for (size_t i = 0; i < passage->count; i++)
		lost += passage->inside[i].way.node == node &&
			passage->inside[i].way.to_client == to_client;
	printf("{\"event\":\"port\",\"node\":\"%s\",\"to\":\"%s\",\"port\":\"%s\",\"lost\":%zu,"
	       "\"dropped\":%u}\n",
	       passage->node[node].name, to_client ? "client" : "member", port->name, lost,
	       dropped_at(port->name) - port->dropped);
}

static void tell(const struct passage *passage)
{
	struct tpacket_stats stats = { .tp_drops = 0 };
	socklen_t size = sizeof(stats);

	getsockopt(passage->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	for (size_t i = 0; i < passage->count && i < TOLD; i++) {
		const struct segment *lost = &passage->inside[i];
		struct in_addr client = { htonl(lost->way.client) };

		printf("{\"t\":%llu,\"event\":\"lost\",\"node\":\"%s\",\"client\":\"%s:%u\","
		       "\"port\":%u,\"to\":\"%s\",\"bytes\":%u}\n",
		       (unsigned long long)lost->at_ms, passage->node[lost->way.node].name,
		       inet_ntoa(client), lost->way.client_port, lost->way.port,
		       lost->way.to_client ? "client" : "member", lost->length);
	}
	for (size_t i = 0; i < passage->nodes; i++) {
		tell_port(passage, i, false);
		tell_port(passage, i, true);
	}
	printf("{\"t\":%llu,\"event\":\"total\",\"segments\":%lu,\"lost\":%zu,\"unread\":%lu}\n",
	       (unsigned long long)now_ms(CLOCK_REALTIME), passage->segments, passage->count,
	       passage->unread + stats.tp_drops);
	fflush(stdout);
}

static void run(struct passage *passage)
{
	uint64_t until;

	while (!ended)
		listen_for(passage, 1000);
	passage->ending = true;
	until = now_ms(CLOCK_MONOTONIC) + LEAVE_MS;
	while (passage->count && now_ms(CLOCK_MONOTONIC) < until)
		listen_for(passage, 100);
	tell(passage);
}

int main(int argc, char **argv)
{
	static struct passage passage;
	struct sigaction action = { .sa_handler = on_signal };
	struct in_addr first;

	if (argc < 6 || argc % 3 || argc > 3 + 3 * NODES ||
	    inet_pton(AF_INET, argv[1], &first) != 1) {
		fprintf(stderr, "usage: passage FIRST-CLIENT CLIENTS {NODE OUTSIDE INSIDE}...\n");
		return 2;
	}
	passage.first = ntohl(first.s_addr);
	passage.clients = (uint32_t)atoi(argv[2]);
	for (int i = 3; i < argc; i += 3) {
		struct node *node = &passage.node[passage.nodes++];

		node->name = argv[i];
		open_port(&node->outside, argv[i + 1]);
		open_port(&node->inside, argv[i + 2]);
	}
	sigaction(SIGTERM, &action, NULL);
	open_tap(&passage);
	puts("{\"event\":\"listens\"}");
	fflush(stdout);
	run(&passage);
	return 0;
}
