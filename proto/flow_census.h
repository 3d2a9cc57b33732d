/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The census: how clients protect their RPC, as their binds say.  Both compilers read this file. */
#ifndef CASPAIR_FLOW_CENSUS_H
#define CASPAIR_FLOW_CENSUS_H

#include <linux/types.h>

#include "proto/flow_ip.h"

/* Levels of protection, MS-RPCE 2.2.1.1.8; no trailer counts as level 0. */
enum census_level {
	CENSUS_ANONYMOUS = 0,
	CENSUS_PRIVACY = 6, /* encrypted; everything below is not */
	CENSUS_LEVELS = 7,
};

/* Ways to authenticate, by the type in the trailer, MS-RPCE 2.2.1.1.7. */
enum census_type {
	CENSUS_NONE = 0,
	CENSUS_NEGOTIATE, /* 9 */
	CENSUS_NTLM,      /* 10 */
	CENSUS_KERBEROS,  /* 16 */
	CENSUS_OTHER,
	CENSUS_TYPES,
};

/* Key of `census`. */
struct census_key {
	struct flow_ip client;
	__u32 array; /* number, as of the VIP's role */
};

/* A bind, and when it came: CLOCK_MONOTONIC in ns, for a client may be asked about after months. */
struct census_bind {
	__u64 seen_ns; /* 0: there was none */
	__u8 level;    /* enum census_level */
	__u8 type;     /* enum census_type */
	__u8 pad[6];
};

/* Map `census`: LRU_HASH; written by BPF, two CPUs may lose a count to each other. */
struct census {
	__u64 first_ns;
	struct census_bind last;
	struct census_bind open; /* the last one below CENSUS_PRIVACY */
	__u32 level[CENSUS_LEVELS];
	__u32 type[CENSUS_TYPES];
};

/* Map `census_totals`, one entry an array; written atomically by BPF. */
struct census_total {
	__u64 level[CENSUS_LEVELS];
	__u64 type[CENSUS_TYPES];
	__u64 unread; /* connections that were given up without a bind */
};

_Static_assert(sizeof(struct census_key) == 20, "layout");
_Static_assert(sizeof(struct census) == 88, "layout");
_Static_assert(sizeof(struct census_total) == 104, "layout");

#endif
