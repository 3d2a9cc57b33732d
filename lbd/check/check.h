/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lbd and its check child say to each other over a SOCK_SEQPACKET pair: fixed structs of one
 * build, of which the child makes sure when it starts.
 */
#ifndef CASPAIR_LBD_CHECK_H
#define CASPAIR_LBD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lbd/fqdn.h"
#include "lbd/health.h"

/* The child's executable, beside lbd's.  The socket is its standard input. */
#define CHECK_CHILD_NAME "lbd-check"

enum {
	CHECK_BATCH = 64, /* structs in one packet */
	CHECK_ALIVE_MS = 1000,
};

enum check_order_kind {
	CHECK_RESET = 1, /* forget all targets; `id` names the new generation */
	CHECK_TARGET,    /* probe this */
	CHECK_SLOWDOWN,  /* multiply all intervals by `interval_ms` */
	CHECK_NOW,       /* probe `id` at once, unless a probe of it is under way */
	CHECK_WEB,       /* comes alone, as a struct check_web; before the targets that ask it */
	CHECK_NAME,      /* comes alone, as a struct check_name */
};

enum { CHECK_NO_WEB = UINT16_MAX };

/* lbd to child. */
struct check_order {
	uint32_t kind;
	uint32_t id; /* TARGET: index in struct health */
	struct flow_ip addr;
	uint16_t port; /* host order */
	uint16_t interfaces;
	uint32_t probe; /* enum health_kind */
	uint32_t interval_ms, timeout_ms, recheck_ms;
	uint32_t web; /* number of a struct check_web, or CHECK_NO_WEB */
	struct rpcif interface[RPCIF_MAX];
};

struct check_web {
	uint32_t kind; /* CHECK_WEB */
	uint32_t id;   /* index in struct health */
	struct health_web web;
};

/* A name is to be asked for; all that are asked of one resolver have one interval. */
struct check_name {
	uint32_t kind; /* CHECK_NAME */
	uint32_t id;   /* index in struct fqdn */
	uint32_t interval_ms;
	struct flow_ip resolver;
	char name[HEALTH_WORD];
};

/* Child to lbd. */
struct check_report {
	uint32_t generation;
	uint32_t id;      /* UINT32_MAX: no result, the child says that it lives */
	uint32_t outcome; /* enum health_outcome */
	uint32_t latency_us;
	struct health_trace trace;
};

/* What a resolver said.  Told from a struct check_report by its length. */
struct check_name_report {
	uint32_t generation;
	uint32_t id;
	struct fqdn_answer answer[FLOW_FAMILIES];
};
_Static_assert(sizeof(struct check_name_report) != sizeof(struct check_report),
	       "reports of one length");

/*
 * What is handed to the child as its only argument: a child of another build would misread its
 * orders.
 */
#define CHECK_BUILD_TEXT 64
const char *check_build(char text[CHECK_BUILD_TEXT]);

/* Whether a report of the child makes sense; it is the part that meets the members' bytes. */
bool check_report_valid(const struct check_report *report, uint32_t generation, size_t targets);
bool check_name_report_valid(const struct check_name_report *report, uint32_t generation,
			     size_t questions);

#endif
