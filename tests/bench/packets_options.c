// SPDX-License-Identifier: BSD-2-Clause
/* Arguments of the packet bench's tool, and the frames they ask for. */
#include "tests/bench/packets_tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_ISN = 1000, MEMBER_ISN = 5000, TCP_HEADER_BYTES = 20, IP_HEADER_BYTES = 20 };

enum form { TEXT, MAC, ENDPOINT, NUMBER, LONG_NUMBER };

static const struct {
	const char *name;
	enum form form;
	size_t offset;
} keys[] = {
	{ "object", TEXT, offsetof(struct options, object) },
	{ "program", TEXT, offsetof(struct options, program) },
	{ "on", TEXT, offsetof(struct options, on) },
	{ "out", TEXT, offsetof(struct options, out) },
	{ "tally", TEXT, offsetof(struct options, tally) },
	{ "kind", TEXT, offsetof(struct options, kind) },
	{ "thread", TEXT, offsetof(struct options, thread) },
	{ "to", MAC, offsetof(struct options, to) },
	{ "peer", ENDPOINT, offsetof(struct options, peer) },
	{ "vip", ENDPOINT, offsetof(struct options, vip) },
	{ "real", ENDPOINT, offsetof(struct options, real) },
	{ "flows", NUMBER, offsetof(struct options, flows) },
	{ "first", NUMBER, offsetof(struct options, first) },
	{ "stride", NUMBER, offsetof(struct options, stride) },
	{ "window", NUMBER, offsetof(struct options, window) },
	{ "count", LONG_NUMBER, offsetof(struct options, count) },
};

_Noreturn void die(const char *what)
{
	fprintf(stderr, "packets: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int read_endpoint(struct sockaddr_in *to, const char *text)
{
	char address[INET_ADDRSTRLEN];
	unsigned int port = 0;

	if (sscanf(text, "%15[0-9.]:%u", address, &port) < 1 || port > UINT16_MAX)
		return -1;
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, address, &to->sin_addr) == 1 ? 0 : -1;
}

static int read_value(enum form form, void *to, const char *text)
{
	const struct ether_addr *mac;
	unsigned long long number;
	char *end;

	switch (form) {
	case TEXT:
		*(const char **)to = text;
		return 0;
	case MAC:
		mac = ether_aton(text);
		if (mac)
			memcpy(to, mac, sizeof(*mac));
		return mac ? 0 : -1;
	case ENDPOINT:
		return read_endpoint(to, text);
	case NUMBER:
	case LONG_NUMBER:
		number = strtoull(text, &end, 10);
		if (*end || end == text || (form == NUMBER && number > UINT32_MAX))
			return -1;
		if (form == NUMBER)
			*(uint32_t *)to = (uint32_t)number;
		else
			*(uint64_t *)to = number;
		return 0;
	}
	return -1;
}

static int read_argument(struct options *options, const char *argument)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].name);

		if (!strncmp(argument, keys[i].name, length) && argument[length] == '=')
			return read_value(keys[i].form, (char *)options + keys[i].offset,
					  argument + length + 1);
	}
	return -1;
}

int options_read(struct options *options, char *const *arguments)
{
	for (; *arguments; arguments++)
		if (read_argument(options, *arguments)) {
			fprintf(stderr, "packets: cannot use %s\n", *arguments);
			return -1;
		}
	return 0;
}

static uint32_t sum_words(const void *data, size_t bytes)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i + 1 < bytes; i += sizeof(word)) {
		memcpy(&word, (const char *)data + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* The four segments of which the bench's connections consist. */
static int fill_tcp(struct bench_plan *plan, struct tcphdr *tcp, const char *kind)
{
	plan->from_member = !strcmp(kind, "synack") || !strcmp(kind, "reply");
	tcp->doff = TCP_HEADER_BYTES / 4;
	tcp->window = htons(64000);
	if (!strcmp(kind, "syn")) {
		tcp->seq = htonl(CLIENT_ISN);
		tcp->syn = 1;
		return 0;
	}
	tcp->ack = 1;
	if (plan->from_member) {
		tcp->syn = !strcmp(kind, "synack");
		tcp->seq = htonl(MEMBER_ISN + !tcp->syn);
		tcp->ack_seq = htonl(CLIENT_ISN + 1);
		return 0;
	}
	tcp->seq = htonl(CLIENT_ISN + 1);
	tcp->ack_seq = htonl(MEMBER_ISN + 1);
	return strcmp(kind, "ack") ? -1 : 0;
}

static void fill_ip(const struct bench_plan *plan, struct iphdr *ip, struct in_addr peer)
{
	ip->version = 4;
	ip->ihl = IP_HEADER_BYTES / 4;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->frag_off = htons(0x4000); /* do not fragment */
	ip->tot_len = htons(IP_HEADER_BYTES + TCP_HEADER_BYTES);
	*(plan->from_member ? &ip->saddr : &ip->daddr) = peer.s_addr;
}

static int fill_ethernet(const struct options *options, struct ethhdr *eth)
{
	struct ifreq port = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	snprintf(port.ifr_name, sizeof(port.ifr_name), "%s",
		 options->out ? options->out : options->on);
	error = fd < 0 ? -1 : ioctl(fd, SIOCGIFHWADDR, &port);
	close(fd);
	memcpy(eth->h_dest, options->to, sizeof(eth->h_dest));
	memcpy(eth->h_source, port.ifr_hwaddr.sa_data, sizeof(eth->h_source));
	eth->h_proto = htons(ETH_P_IP);
	return error;
}

int plan_make(const struct options *options, struct bench_plan *plan)
{
	struct ethhdr eth = { 0 };
	struct iphdr ip = { 0 };
	struct tcphdr tcp = { 0 };

	memset(plan, 0, sizeof(*plan));
	plan->count = options->count;
	plan->window = options->window;
	plan->first = options->first;
	plan->mask = options->flows - 1;
	plan->stride = options->stride;
	if (!options->kind || !options->flows || options->flows & (options->flows - 1) ||
	    !(options->stride & 1) || fill_tcp(plan, &tcp, options->kind) ||
	    fill_ethernet(options, &eth))
		return -1;
	*(plan->from_member ? &tcp.source : &tcp.dest) = options->peer.sin_port;
	fill_ip(plan, &ip, options->peer.sin_addr);
	plan->ip_sum = sum_words(&ip, sizeof(ip));
	/* With the pseudo header, RFC 9293, 3.1; one of the addresses is zero. */
	plan->tcp_sum = sum_words(&tcp, sizeof(tcp)) + sum_words(&options->peer.sin_addr, 4) +
			htons(IPPROTO_TCP) + htons(TCP_HEADER_BYTES);
	memcpy(plan->frame, &eth, sizeof(eth));
	memcpy(plan->frame + sizeof(eth), &ip, sizeof(ip));
	memcpy(plan->frame + sizeof(eth) + sizeof(ip), &tcp, sizeof(tcp));
	return 0;
}
