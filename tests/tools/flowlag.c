// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much later the standby has a flow, while `flowfill open` makes them:
 *
 *	flowlag DIRECTORY DIRECTORY ADDRESS PORT FIRST-SOURCE SOURCES COUNT SKIP EVERY
 *
 * Of the flows that flowfill makes with the same words, one in EVERY is awaited in the pinned table
 * of the first directory and then in that of the second; those that are there already when their
 * turn comes are passed over, for nobody knows since when.  The tables are looked at some ten times
 * a millisecond.  Prints JSON, in ms.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "proto/flow.h"
#include "proto/flow_ip.h"
#include "tests/flow_table.h"

enum { FIRST_PORT = 10000, WORDS = 9, NAP_NS = 50000, US_PER_MS = 1000 };
/* Until the first flow comes; of the others one may have been lost on its way. */
enum { FIRST_US = 20000000, NEXT_US = 500000, MUCH_US = 5000000 };

struct watch {
	struct place_table left, right;
	struct in_addr to;
	uint16_t port;
	uint32_t first;
	unsigned int sources, count, skip, every;
	uint32_t *lag_us;
	size_t seen;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "flowlag: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct place_table open_flows(const char *dir)
{
	struct place_table table;

	if (!flow_table_pinned(&table, dir))
		die(dir);
	return table;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool holds(const struct watch *watch, struct place_table *table, unsigned int i)
{
	struct flow_key key = {
		.client = flow_ip4(htonl(watch->first + i % watch->sources)),
		.vip = flow_ip4(watch->to.s_addr),
		.client_port = htons((uint16_t)(FIRST_PORT + i / watch->sources)),
		.vip_port = htons(watch->port),
	};

	return flow_table_find(table, &key);
}

/* When flow i was seen there first, or 0: not in that time. */
static uint64_t await(const struct watch *watch, struct place_table *table, unsigned int i,
		      uint64_t patience_us)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	uint64_t now = now_us(), until = now + patience_us;

	for (; now < until; now = now_us()) {
		if (holds(watch, table, i))
			return now_us();
		nanosleep(&nap, NULL);
	}
	return 0;
}

/* The flows that did not come within MUCH_US at the right are told as that. */
static void watch_all(struct watch *watch)
{
	uint64_t patience = FIRST_US;

	for (unsigned int n = 0; n < watch->count; n += watch->every) {
		unsigned int i = watch->skip + n;
		uint64_t left, right;

		if (holds(watch, &watch->left, i))
			continue;
		left = await(watch, &watch->left, i, patience);
		patience = NEXT_US;
		if (!left)
			continue;
		right = await(watch, &watch->right, i, MUCH_US);
		watch->lag_us[watch->seen++] = right ? (uint32_t)(right - left) : MUCH_US;
	}
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double share_ms(const struct watch *watch, unsigned int percent)
{
	return watch->seen ? (double)watch->lag_us[(watch->seen - 1) * percent / 100] / US_PER_MS
			   : 0;
}

int main(int argc, char **argv)
{
	struct watch watch;

	if (argc != WORDS + 1) {
		fprintf(stderr, "usage: flowlag DIRECTORY DIRECTORY ADDRESS PORT FIRST-SOURCE "
				"SOURCES COUNT SKIP EVERY\n");
		return 2;
	}
	watch = (struct watch){
		.left = open_flows(argv[1]),
		.right = open_flows(argv[2]),
		.port = (uint16_t)atoi(argv[4]),
		.first = ntohl(inet_addr(argv[5])),
		.sources = (unsigned int)atoi(argv[6]),
		.count = (unsigned int)atoi(argv[7]),
		.skip = (unsigned int)atoi(argv[8]),
		.every = (unsigned int)atoi(argv[9]),
	};
	if (!inet_aton(argv[3], &watch.to) || !watch.sources || !watch.count || !watch.every) {
		fprintf(stderr, "flowlag: no address, or a number that is not positive\n");
		return 2;
	}
	watch.lag_us = calloc(watch.count / watch.every + 1, sizeof(*watch.lag_us));
	if (!watch.lag_us)
		die("memory");
	prctl(PR_SET_TIMERSLACK, 1);
	watch_all(&watch);
	qsort(watch.lag_us, watch.seen, sizeof(*watch.lag_us), ascending);
	printf("{\"flows\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f}\n", watch.seen,
	       share_ms(&watch, 50), share_ms(&watch, 99), share_ms(&watch, 100));
	return watch.seen ? 0 : 1;
}
