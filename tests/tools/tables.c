// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow and pin tables of two nodes, as they are pinned, key by key:
 *
 *	tables compare DIRECTORY DIRECTORY	exit status 1 when they differ
 *	tables lose DIRECTORY COUNT		takes so many flows out of one, as a fault would
 *	tables spoil DIRECTORY LOST GHOSTS OTHERS
 *		so many established replicas each: taken out, put in with a port that nobody has,
 *		given another member; prints how many in all
 *
 * Compared is what replication promises: which flows and pins there are, their members (by address,
 * slots are a node's own), whether a flow has ended and by whose word.  Ages, counters and numbers
 * of TCP are not.  The left table is read before the right one and after it, and what is as on the
 * right either time is no difference: hundreds of flows may end a second.
 *
 * Prints JSON: how many are on the left and on the right, lack on the right (missing), on the left
 * (extra), or differ; in how many of these only the end does (ended); how many on the left have not
 * ended (living); and of the missing flows how long before the youngest one on the left the oldest
 * of them was made, which tells how far the right one was behind.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flow.h"
#include "proto/flow_ip.h"
#include "proto/flow_limits.h"
#include "proto/flow_tables.h"
#include "tests/flow_table.h"

enum { STEP = 4096, SHOWN = 10, PATH = 512, ENDED = 0x80 };

#define TICK_MS 1.048576

/* A flow, or a pin whose pool stands in place of the VIP. */
struct entry {
	struct flow_key key;
	struct flow_ip member;
	uint32_t created;
	uint8_t kind, mode; /* kind: flags that both nodes have, and whether it has ended */
};

struct table {
	struct entry *entry;
	size_t count;
	struct flow_member member[FLOW_MAX_MEMBERS];
};

struct difference {
	size_t missing, extra, differ, ended, living;
	uint32_t missing_ticks;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tables: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_map(const char *dir, const char *name)
{
	char path[PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path);
	return fd;
}

static void read_members(struct table *table, const char *dir)
{
	int fd = open_map(dir, "members");

	for (uint32_t slot = 0; slot < FLOW_MAX_MEMBERS; slot++)
		if (bpf_map_lookup_elem(fd, &slot, &table->member[slot]) != 0)
			die("members");
}

static struct flow_ip member_of(const struct table *table, uint16_t slot, const struct flow_ip *ip)
{
	if (slot >= FLOW_MAX_MEMBERS)
		return (struct flow_ip){ 0 };
	return table->member[slot].addr[flow_ip_family(ip)];
}

static struct entry from_flow(const struct table *table, const struct flow_place *place)
{
	struct flow flow = place->flow;
	struct entry entry = { .key = place->key };

	entry.member = member_of(table, flow.member, &entry.key.client);
	entry.created = flow.created;
	entry.mode = flow.mode;
	entry.kind = flow.flags & (FLOW_OUTBOUND | FLOW_DOOMED);
	if (flow.state == FLOW_CLOSING || flow.state == FLOW_RESET)
		entry.kind |= ENDED;
	return entry;
}

static struct entry from_pin(const struct table *table, const struct pin_key *key,
			     const struct pin *pin)
{
	return (struct entry){
		.key = { .client = key->client, .vip.word[0] = key->pool_id },
		.member = member_of(table, pin->member, &key->client),
		.created = pin->created,
	};
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void take(struct table *table, struct entry entry)
{
	if (table->count % STEP == 0)
		table->entry = realloc(table->entry, (table->count + STEP) * sizeof(entry));
	if (!table->entry)
		die("memory");
	table->entry[table->count++] = entry;
}

static struct place_table open_flows(const char *dir)
{
	struct place_table flows;

	if (!flow_table_pinned(&flows, dir))
		die(dir);
	return flows;
}

static void read_flows(struct table *table, const char *dir)
{
	struct place_table flows = open_flows(dir);

	for (size_t at = 0; (at = flow_table_next(&flows, at)) != SIZE_MAX; at++)
		take(table, from_flow(table, &flows.place[at]));
	flow_table_close(&flows);
}

static void read_pins(struct table *table, const char *dir)
{
	static struct pin_key key[STEP];
	static struct pin pin[STEP];
	int fd = open_map(dir, "pins"), err = 0;
	uint32_t cursor, n;

	for (bool first = true; !err; first = false) {
		n = STEP;
		err = bpf_map_lookup_batch(fd, first ? NULL : &cursor, &cursor, key, pin, &n,
					   NULL);
		if (err && errno != ENOENT)
			die("cannot read a table");
		for (uint32_t i = 0; i < n; i++)
			take(table, from_pin(table, &key[i], &pin[i]));
	}
}

static void read_table(struct table *table, const char *dir, bool flows)
{
	read_members(table, dir);
	if (flows)
		read_flows(table, dir);
	else
		read_pins(table, dir);
	if (table->count)
		qsort(table->entry, table->count, sizeof(*table->entry), by_key);
}

static void show(const char *what, const struct entry *entry)
{
	static unsigned int shown;
	char client[INET6_ADDRSTRLEN];

	if (shown++ >= SHOWN)
		return;
	inet_ntop(AF_INET6, &entry->key.client, client, sizeof(client));
	fprintf(stderr, "tables: %s: %s port %u to port %u, kind %02x\n", what, client,
		ntohs(entry->key.client_port), ntohs(entry->key.vip_port), entry->kind);
}

static bool same(const struct entry *a, const struct entry *b)
{
	return flow_ip_equal(&a->member, &b->member) && a->kind == b->kind && a->mode == b->mode;
}

static bool differs_by_end(const struct entry *a, const struct entry *b)
{
	struct entry other = *b;

	other.kind ^= ENDED;
	return same(a, &other);
}

/* Ticks are modulo 2^32: the youngest is the one that all others are older than. */
static uint32_t youngest(const struct table *table)
{
	uint32_t found = table->count ? table->entry[0].created : 0;

	for (size_t i = 0; i < table->count; i++)
		if ((int32_t)(table->entry[i].created - found) > 0)
			found = table->entry[i].created;
	return found;
}

static struct difference compare(const struct table *left, const struct table *right)
{
	uint32_t last = youngest(left);
	struct difference d = { 0 };
	size_t i = 0, j = 0;

	while (i < left->count || j < right->count) {
		const struct entry *a = i < left->count ? &left->entry[i] : NULL;
		const struct entry *b = j < right->count ? &right->entry[j] : NULL;
		int order = !a ? 1 : !b ? -1 : by_key(a, b);

		i += order <= 0;
		j += order >= 0;
		if (order < 0) {
			d.missing++;
			if (last - a->created > d.missing_ticks)
				d.missing_ticks = last - a->created;
			show("only on the left", a);
		} else if (order > 0) {
			d.extra++;
			show("only on the right", b);
		} else if (!same(a, b)) {
			d.differ++;
			d.ended += differs_by_end(a, b);
			show("different on the left", a);
			show("different on the right", b);
		}
	}
	return d;
}

static bool alike(const struct entry *a, const struct entry *b)
{
	return a && b ? same(a, b) : a == b;
}

/* A table that was read twice: each entry as `other` has it, if it was so either time. */
static struct table nearest(const struct table *before, const struct table *after,
			    const struct table *other)
{
	struct table found = { .count = 0 };
	size_t i = 0, j = 0;

	found.entry = calloc(before->count + after->count + 1, sizeof(*found.entry));
	if (!found.entry)
		die("memory");
	while (i < before->count || j < after->count) {
		const struct entry *a = i < before->count ? &before->entry[i] : NULL;
		const struct entry *b = j < after->count ? &after->entry[j] : NULL;
		int order = !a ? 1 : !b ? -1 : by_key(a, b);
		const struct entry *first = order <= 0 ? a : NULL, *second = order >= 0 ? b : NULL;
		const struct entry *theirs = bsearch(first ? first : second, other->entry,
						     other->count, sizeof(*theirs), by_key);
		const struct entry *best = alike(first, theirs) ? first : second;

		if (best)
			found.entry[found.count++] = *best;
		i += order <= 0;
		j += order >= 0;
	}
	return found;
}

static bool compare_nodes(const char *left, const char *right, bool flows)
{
	struct table before = { 0 }, after = { 0 }, a, b = { 0 };
	struct difference d;

	read_table(&before, left, flows);
	read_table(&b, right, flows);
	read_table(&after, left, flows);
	a = nearest(&before, &after, &b);
	d = compare(&a, &b);
	for (size_t i = 0; i < a.count; i++)
		d.living += !(a.entry[i].kind & ENDED);
	printf("\"%s\":{\"left\":%zu,\"right\":%zu,\"missing\":%zu,\"extra\":%zu,\"differ\":%zu",
	       flows ? "flows" : "pins", a.count, b.count, d.missing, d.extra, d.differ);
	if (flows)
		printf(",\"ended\":%zu,\"living\":%zu,\"missing_ms\":%.0f", d.ended, d.living,
		       d.missing_ticks * TICK_MS);
	printf("}");
	free(before.entry);
	free(after.entry);
	free(a.entry);
	free(b.entry);
	return !d.missing && !d.extra && !d.differ;
}

static int lose(const char *dir, unsigned long count)
{
	struct place_table flows = open_flows(dir);

	for (unsigned long i = 0; i < count; i++) {
		size_t at = flow_table_next(&flows, 0);

		if (at == SIZE_MAX || !flow_table_drop(&flows, &flows.place[at].key))
			die("no flow to lose");
	}
	return 0;
}

/* The next one from there on that will not be gone by itself in a moment. */
static struct flow_place *next_replica(const struct place_table *flows, size_t *at)
{
	while ((*at = flow_table_next(flows, *at)) != SIZE_MAX) {
		struct flow_place *place = &flows->place[(*at)++];

		if (place->flow.flags & FLOW_REPLICA && place->flow.state == FLOW_ESTABLISHED)
			return place;
	}
	errno = ENODATA;
	die("not so many replicas");
}

/* A slot that another flow has. */
static uint16_t other_member(const struct place_table *flows, uint16_t than)
{
	for (size_t at = 0;;) {
		const struct flow_place *place = next_replica(flows, &at);

		if (place->flow.member != than)
			return place->flow.member;
	}
}

static int spoil(const char *dir, unsigned long lost, unsigned long ghosts, unsigned long others)
{
	struct place_table flows = open_flows(dir);
	size_t at = 0;

	for (unsigned long i = 0; i < lost; i++)
		if (!flow_table_drop(&flows, &next_replica(&flows, &at)->key))
			die("a flow that goes by itself");
	for (unsigned long i = 0; i < others; i++) {
		struct flow *flow = &next_replica(&flows, &at)->flow;

		flow->member = other_member(&flows, flow->member);
	}
	for (unsigned long i = 0; i < ghosts; i++) {
		struct flow_place ghost = *next_replica(&flows, &at);

		ghost.key.client_port = htons((uint16_t)(1 + i));
		if (!flow_table_put(&flows, &ghost.key, &ghost.flow))
			die("no room for a ghost");
	}
	printf("%lu\n", lost + ghosts + others);
	return 0;
}

int main(int argc, char **argv)
{
	bool equal;

	if (argc == 4 && !strcmp(argv[1], "lose"))
		return lose(argv[2], strtoul(argv[3], NULL, 10));
	if (argc == 6 && !strcmp(argv[1], "spoil"))
		return spoil(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10),
			     strtoul(argv[5], NULL, 10));
	if (argc != 4 || strcmp(argv[1], "compare")) {
		fprintf(stderr, "usage: tables compare DIRECTORY DIRECTORY\n"
				"       tables lose DIRECTORY COUNT\n"
				"       tables spoil DIRECTORY LOST GHOSTS OTHERS\n");
		return 2;
	}
	printf("{");
	equal = compare_nodes(argv[2], argv[3], true);
	printf(",");
	equal &= compare_nodes(argv[2], argv[3], false);
	printf("}\n");
	return equal ? 0 : 1;
}
