/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Totals of the pair.  Each node counts what passes through it, for ever: a total is what both have
 * counted.  Neither can count down, so of two words about a node's count the greater is the later
 * one, whoever says it and whenever: after a boot a node learns its own from its peer.  Pure.
 *
 * The data plane's counters are read by their growth.  One that has fallen was made anew.
 */
#ifndef CASPAIR_LEDGER_H
#define CASPAIR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_counter.h"
#include "request.pb-c.h"

/* The most values that any row has: those of a service, which are enum flow_service_counter. */
enum { LEDGER_NAME = 64, LEDGER_NODES = 2, LEDGER_MOST = SERVICE_COUNTS };

/* What the values of a member are; and those of the row without names, which is the pair's. */
enum ledger_member {
	LEDGER_CONNECTIONS,
	LEDGER_BYTES_IN,
	LEDGER_BYTES_OUT,
	LEDGER_REFUSALS,
	LEDGER_RESETS,
	LEDGER_MEMBER_VALUES,
};
enum ledger_pair {
	LEDGER_PROMOTED,
	LEDGER_FORWARDED_IN,
	LEDGER_FORWARDED_OUT,
	LEDGER_RESET_FLOWS,
	LEDGER_EXPIRED_IDLE,
};

struct ledger_row {
	char array[LEDGER_NAME], name[LEDGER_NAME]; /* of a member or a service of it */
	uint64_t of[LEDGER_NODES][LEDGER_MOST];     /* counted by each node */
	uint32_t slot;                              /* in this node's tables */
	uint64_t seen[LEDGER_MOST];                 /* there, when they were read last */
};

/* Rows of one kind. */
struct ledger {
	struct ledger_row *row;
	size_t count;
	unsigned int values; /* that a row has, set by the owner; at most LEDGER_MOST */
};

void ledger_free(struct ledger *ledger);

/* NULL: there is none. */
struct ledger_row *ledger_find(const struct ledger *ledger, const char *array, const char *name);

/* Another row, all zero.  NULL: no memory, or a name that is too long. */
struct ledger_row *ledger_add(struct ledger *ledger, const char *array, const char *name);

/* Forgets rows that `keep` does not want. */
void ledger_prune(struct ledger *ledger, bool (*keep)(void *arg, const struct ledger_row *row),
		  void *arg);

/* The tables say so now: what has come since they were read last was counted by `node` (0 or 1). */
void ledger_read(struct ledger_row *row, unsigned int node, const uint64_t now[LEDGER_MOST]);

/*
 * Another word about what a node has counted.  A release that counts more or less says more or fewer
 * values: what only one of them knows is left alone.  False: it has no meaning, or is of no row.
 */
bool ledger_merge(struct ledger *ledger, const Cas__Count *count);

/* What a node has counted, as a message that borrows from the row. */
void ledger_write(const struct ledger *ledger, Cas__Count *count, struct ledger_row *row,
		  unsigned int node);

uint64_t ledger_total(const struct ledger_row *row, unsigned int value);

#endif
