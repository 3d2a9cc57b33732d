/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How many of everything the tables hold, the number of their layout, and the unit of their time:
 * ticks of 2^20 ns (about 1.05 ms) of CLOCK_MONOTONIC, 32 bits wide; differences are taken modulo
 * 2^32 and are good for 52 days.  Both compilers read this file.
 */
#ifndef CASPAIR_FLOW_LIMITS_H
#define CASPAIR_FLOW_LIMITS_H

#include <linux/types.h>

/* Raised with every change of a layout below; lbd/convert.c says what becomes of the one before. */
#define FLOW_LAYOUT 13

#define FLOW_TICK_SHIFT       20  /* ticks = nanoseconds >> FLOW_TICK_SHIFT */
#define FLOW_TICKS_PER_SECOND 954 /* 10^9 / 2^20, rounded up: a timeout is never cut short */
/* A member says SYN-ACK for 63 s at most (five repeats from 1 s on, RFC 6298; Windows: 21 s). */
#define FLOW_HANDSHAKE_TICKS (64 * FLOW_TICKS_PER_SECOND)

enum flow_limits {
	FLOW_MAX_ARRAYS = 64,
	FLOW_MAX_SERVICES = 512,
	FLOW_MAX_POOLS = 64,
	FLOW_TABLES = 2 * FLOW_MAX_POOLS + 1, /* for each pool two, and one to write into */
	FLOW_MAX_MEMBERS = 512,
	FLOW_MAX_SOURCES = 255,    /* addresses that members see in a client's place */
	FLOW_SERVICE_SOURCES = 16, /* of one family, for one service */
	FLOW_MEMBER_WORDS = FLOW_MAX_MEMBERS / 64,
	FLOW_ROLE_SLOTS = 2048,
	FLOW_ROLE_PROBES = 16,
	FLOW_MAGLEV_SIZE = 65537, /* prime; Maglev, NSDI 2016, 5.3 */
	FLOW_HANDSHAKES = 65536,
	FLOW_SOURCES = 65536, /* of which the rate of new flows is known */
	FLOW_SOURCE_RATE = 1000000,
	FLOW_REVERSE = 4 << 20, /* flows with a source, at most; as many as `flows` where less */
	FLOW_BATCH = 1024, /* records in one call of caspair_apply or caspair_sweep */
	FLOW_EVENTS_BYTES = 16 << 20,
	FLOW_NOTICES_BYTES = 256 << 10,
	FLOW_NO_MEMBER = 0xffff,
	FLOW_WEIGHT = 16,        /* of a weight in force, for each 1 of the configuration */
	FLOW_CENSUS_DUES = 4096, /* binds in two segments, at a time */
	FLOW_CLIENT_NETS = 4096, /* networks of clients whose distance is known, the latest ones */
	FLOW_CENSUS = 32768,     /* clients whose binds are remembered, the latest ones */
	FLOW_STRICTS = 16384,    /* handshakes of strict services that are looked after at a time */
	FLOW_HELD = 4096,        /* packets that wait for the peer, at most */
	FLOW_HELD_BYTES = 1 << 20,
	FLOW_HELD_FRAME = 128, /* a SYN-ACK with all options, tags and headers of IPv6 fits */
};

#endif
