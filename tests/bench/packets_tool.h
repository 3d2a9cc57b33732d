/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the packet bench's tool. */
#ifndef TESTS_BENCH_PACKETS_TOOL_H
#define TESTS_BENCH_PACKETS_TOOL_H

#include <stdint.h>

#include <netinet/in.h>

#include "tests/bench/packets.h"

struct bpf_object;

/* The KEY=VALUE arguments; NULL or 0 where there was none. */
struct options {
	const char *object, *program, *on, *out, *tally, *kind, *thread;
	uint8_t to[6];
	struct sockaddr_in peer, vip, real; /* real: without a port */
	uint32_t flows, first, stride, window;
	uint64_t count;
};

/* Reads arguments up to a NULL; says what is wrong and returns -1. */
int options_read(struct options *options, char *const *arguments);

/* Each returns an exit status. */
int attach_run(const struct options *options);
int send_run(const struct options *options);
int again_run(const struct options *options);

/* The frames that options ask for, as bench_send and bench_again read it; -1 if they are wrong. */
int plan_make(const struct options *options, struct bench_plan *plan);

/*
 * Opens an object, leaves only the named programs in it (a list that ends with NULL), shares the
 * map `tally` by its pin where options name one, and loads it.  NULL after a message.
 */
struct bpf_object *object_load(const struct options *options, const char *const *programs);

/* Ends the program with a message and errno. */
_Noreturn void die(const char *what);

#endif
