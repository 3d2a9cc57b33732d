/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the packet bench's user side and its BPF programs share; both compilers read it.
 *
 * Flow i comes from client 10.64.0.0 + i % BENCH_CLIENTS, port BENCH_FIRST_PORT + i /
 * BENCH_CLIENTS.
 */
#ifndef TESTS_BENCH_PACKETS_H
#define TESTS_BENCH_PACKETS_H

#include <linux/types.h>

enum bench_numbers {
	BENCH_FRAME = 60,              /* the shortest on Ethernet, without its FCS */
	BENCH_CLIENTS = 16384,         /* a power of two */
	BENCH_CLIENT_NET = 0x0a400000, /* 10.64.0.0/10 */
	BENCH_CLIENT_SHIFT = 22,
	BENCH_FIRST_PORT = 1024,
	BENCH_SKEW = 16, /* live frames begin so far before a cache line, those of a NIC on one */
	BENCH_PUBLISH = 32, /* frames between two looks of the other side at a counter */
};

/* Map `plan`, one entry: what `bench_send` and `bench_again` shall make. */
struct bench_plan {
	__u64 count; /* frames in all */
	__u64 sent;  /* so far */
	__u64 limit; /* may be sent before the receiver is asked again */
	__u64 first_ns;
	__u32 window; /* at most so many under way */
	__u32 ifindex;
	__u32 first;  /* number of the first flow */
	__u32 mask;   /* number of flows - 1; a power of two - 1 */
	__u32 stride; /* odd: flow of frame n is first + (n * stride & mask) */
	__u32 from_member;
	__u32 ip_sum; /* one's complement sums of the template, not folded */
	__u32 tcp_sum;
	__u8 frame[64]; /* template: client's address and port are zero */
};

/* Map `tally`, one entry: what `bench_sink` has seen.  Two cache lines, for two CPUs. */
struct bench_tally {
	__u64 received;
	__u64 pad[7];
	__u64 published; /* `received`, brought up to date every BENCH_PUBLISH frames */
	__u64 last_ns;
	__u64 pad2[6];
};

/* Map `forward`, one entry: where `bench_bare` and `katran_like` send what they get. */
struct bench_forward {
	__u32 ifindex;
	__u8 dest[6];
	__u8 source[6];
};

/* What `bench_line` reads of a connection: as many bytes as a flow of caspair's with its key. */
struct bench_line {
	__u64 word[16];
};

#endif
