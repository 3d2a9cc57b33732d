/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The truth of mode dsr: whether a member answers for its VIP.  A check of its own address passes
 * while the loopback adapter with the VIP is missing.  So each time that the check child has found
 * a service well, the same member gets a SYN for the VIP, in a frame of its own and by the hop that
 * clients' packets take.  A SYN-ACK from the VIP is the proof; it is answered with a RST.
 *
 * A socket cannot ask this: to the kernel the VIP is its own or the other node's.  So the frames
 * are made here, and the answers taken off the link before the kernel drops them for their source,
 * which is the active node's own address.  A filter in the kernel lets nothing else come up.
 */
#ifndef CASPAIR_TRUTH_H
#define CASPAIR_TRUTH_H

#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/check/check.h"
#include "proto/flow_ip.h"

struct neighbour;
struct truth_probe;

struct truth {
	struct ev_loop *loop; /* NULL: not started */
	struct neighbour *neighbour;
	const struct health *health; /* whose targets of kind HEALTH_VIP are probed */
	/* A result, as of the check child; its generation means nothing. */
	void (*report)(void *arg, const struct check_report *report);
	void *arg;

	int port_socket; /* keeps the port from all others; -1: nothing is asked */
	uint16_t port;   /* host order; all SYNs come from there */
	int fd[FLOW_FAMILIES];
	ev_io io[FLOW_FAMILIES];
	struct truth_probe *probe; /* one for each target */
	size_t probes;
};

/*
 * Opens its sockets when there is a target; that needs CAP_NET_RAW.  Where they are not to be had
 * that is logged, and every probe ends with HEALTH_FAULT.
 */
void truth_start(struct truth *truth, struct ev_loop *loop, struct neighbour *neighbour,
		 const struct health *health);
void truth_stop(struct truth *truth);

/* The targets are others now; what was under way is forgotten. */
void truth_replan(struct truth *truth);

/* The child has found target `id` well: its VIP is asked, unless that is under way. */
void truth_ask(struct truth *truth, size_t id);

#endif
