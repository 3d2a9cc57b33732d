// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much later the connection table of one network namespace had what is in that of another, by
 * the kernel's own stamps (net.netfilter.nf_conntrack_timestamp=1 in both):
 *
 *	ctlag NETNS NETNS PORT		TCP to that port; the left one is where they were made
 *
 * What flowlag tells of the pair, told of conntrackd without its external cache.  Prints JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

struct entry {
	uint32_t client;
	uint16_t port, to;
	uint64_t start; /* ns */
};

struct table {
	struct entry *entry;
	size_t count, size;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "ctlag: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_in(const char *space)
{
	int net = open(space, O_RDONLY | O_CLOEXEC), fd;

	if (net < 0 || setns(net, CLONE_NEWNET) != 0)
		die(space);
	close(net);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		die("netlink");
	return fd;
}

static void ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.family = { .nfgen_family = AF_INET },
	};

	if (send(fd, &request, sizeof(request), 0) != sizeof(request))
		die("netlink");
}

static size_t aligned(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* The attribute of this type in a row of them: its bytes, or NULL. */
static const uint8_t *find(const uint8_t *at, size_t length, int type, size_t *size)
{
	struct nlattr attr;
	size_t step;

	for (; length >= sizeof(attr); at += step, length -= step) {
		memcpy(&attr, at, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > length)
			return NULL;
		if ((attr.nla_type & NLA_TYPE_MASK) == type) {
			*size = attr.nla_len - sizeof(attr);
			return at + sizeof(attr);
		}
		step = aligned(attr.nla_len);
		if (step >= length)
			return NULL;
	}
	return NULL;
}

/* Copies a value of exactly this size. */
static int value(const uint8_t *at, size_t length, int type, void *to, size_t size)
{
	size_t has = 0;
	const uint8_t *from = at ? find(at, length, type, &has) : NULL;

	if (!from || has != size)
		return -1;
	memcpy(to, from, size);
	return 0;
}

static int read_entry(const uint8_t *at, size_t length, struct entry *entry)
{
	size_t tuple_size = 0, ip_size = 0, proto_size = 0, stamp_size = 0;
	const uint8_t *tuple = find(at, length, CTA_TUPLE_ORIG, &tuple_size);
	const uint8_t *stamp = find(at, length, CTA_TIMESTAMP, &stamp_size);
	const uint8_t *ip = tuple ? find(tuple, tuple_size, CTA_TUPLE_IP, &ip_size) : NULL;
	const uint8_t *proto = tuple ? find(tuple, tuple_size, CTA_TUPLE_PROTO, &proto_size) : NULL;
	uint32_t half[2];

	if (value(ip, ip_size, CTA_IP_V4_SRC, &entry->client, sizeof(entry->client)) ||
	    value(proto, proto_size, CTA_PROTO_SRC_PORT, &entry->port, sizeof(entry->port)) ||
	    value(proto, proto_size, CTA_PROTO_DST_PORT, &entry->to, sizeof(entry->to)) ||
	    value(stamp, stamp_size, CTA_TIMESTAMP_START, half, sizeof(half)))
		return -1;
	entry->start = (uint64_t)ntohl(half[0]) << 32 | ntohl(half[1]);
	return 0;
}

static void add(struct table *table, const struct entry *entry)
{
	if (table->count == table->size) {
		table->size = table->size ? 2 * table->size : 4096;
		table->entry = realloc(table->entry, table->size * sizeof(*table->entry));
		if (!table->entry)
			die("memory");
	}
	table->entry[table->count++] = *entry;
}

static int by_key(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

/* Whether the dump is at its end. */
static int take(struct table *table, const uint8_t *at, size_t length, uint16_t port)
{
	const size_t head = aligned(sizeof(struct nlmsghdr)) + aligned(sizeof(struct nfgenmsg));
	struct nlmsghdr header;
	struct entry entry;

	while (length >= sizeof(header)) {
		memcpy(&header, at, sizeof(header));
		if (header.nlmsg_type == NLMSG_DONE)
			return 1;
		if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_len < head ||
		    header.nlmsg_len > length)
			die("the kernel refuses");
		if (read_entry(at + head, header.nlmsg_len - head, &entry) == 0 &&
		    ntohs(entry.to) == port)
			add(table, &entry);
		if (aligned(header.nlmsg_len) >= length)
			break;
		at += aligned(header.nlmsg_len);
		length -= aligned(header.nlmsg_len);
	}
	return 0;
}

static void read_table(struct table *table, const char *space, uint16_t port)
{
	static uint8_t buffer[BUFFER];
	int fd = open_in(space);
	ssize_t length;

	ask(fd);
	do {
		length = recv(fd, buffer, sizeof(buffer), 0);
		if (length <= 0)
			die("netlink");
	} while (!take(table, buffer, (size_t)length, port));
	close(fd);
	qsort(table->entry, table->count, sizeof(*table->entry), by_key);
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	struct table a = { 0 }, b = { 0 };
	uint16_t port = argc == 4 ? (uint16_t)atoi(argv[3]) : 0;
	double *later;
	size_t n = 0;

	if (!port) {
		fprintf(stderr, "usage: ctlag NETNS NETNS PORT\n");
		return 2;
	}
	read_table(&a, argv[1], port);
	read_table(&b, argv[2], port);
	later = malloc((a.count + 1) * sizeof(*later));
	if (!later)
		die("memory");
	for (size_t i = 0; i < a.count; i++) {
		const struct entry *at = &a.entry[i];
		const struct entry *copy = b.count ? bsearch(at, b.entry, b.count, sizeof(*at),
							     by_key)
						   : NULL;

		if (copy)
			later[n++] = copy->start > at->start
					     ? (double)(copy->start - at->start) / 1e6
					     : 0;
	}
	qsort(later, n, sizeof(*later), ascending);
	printf("{\"flows\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}\n", n,
	       n ? later[n / 2] : 0, n ? later[n * 99 / 100] : 0, n ? later[n - 1] : 0);
	return n ? 0 : 1;
}
