/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one connection to the peer: node 1 listens, node 2 connects, again and again.  At most one
 * connection is the channel; another takes its place only after it has proved itself (the peer
 * started anew, or the connection is renewed after rekey_ms).
 */
#ifndef CASPAIR_SYNCD_CHANNEL_H
#define CASPAIR_SYNCD_CHANNEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "syncd/conn.h"
#include "syncd/endpoint.h"

enum {
	CHANNEL_HALF_OPEN = 16, /* connections that have not proved themselves */
	CHANNEL_BULK = 1 << 20, /* bytes queued before bulk data has to wait */
	CHANNEL_WHY = 256,
};

/* Called from the loop, never from within channel_send() or channel_drop(). */
struct channel_ops {
	void (*up)(void *arg); /* also when a new connection took over */
	void (*down)(void *arg, const char *why);
	void (*frame)(void *arg, const uint8_t *bytes, size_t length);
	void (*drained)(void *arg);
};

struct channel_config {
	/* Of one family.  local: our sync address, and the port when listening. */
	union endpoint local, remote;
	char interface[IFNAMSIZ]; /* bound to; empty: to none */
	bool listens;
	unsigned int timeout_ms, rekey_ms;
};

/* What was refused or ended, by name. */
enum { CHANNEL_COUNTERS = CONN_ENDS + GREET_REFUSALS + 1 };

struct channel {
	struct ev_loop *loop;
	const struct channel_ops *ops;
	void *arg;
	const struct greet_self *self;
	struct channel_config config;
	struct conn *current;
	/* A connecting node dials in the first and leaves a replaced connection in the second. */
	struct conn *half[CHANNEL_HALF_OPEN];
	int listener;
	ev_io accepting;
	ev_timer retry, renew, fallen;
	unsigned int attempts;
	unsigned int keys; /* to greet with, of self->keys */
	bool reported_up;
	char why[CHANNEL_WHY]; /* there is no channel */
	uint64_t counter[CHANNEL_COUNTERS];
	uint64_t bytes_sent, bytes_received; /* of connections that ended */
	uint64_t since_ns, warned_ns;        /* up or down since; 0: not warned yet */
};

/*
 * Opens the listener, or sees that connecting from our address is possible.  0, or a negative errno
 * with reason and remedy in channel->why.  `self` is borrowed.
 */
int channel_open(struct channel *channel, struct ev_loop *loop, const struct channel_config *config,
		 const struct greet_self *self, const struct channel_ops *ops, void *arg);
void channel_close(struct channel *channel);

/*
 * Other keys, or other times, are in force.  Connections of keys that are gone end, those that have
 * not proved themselves begin anew, and the others are renewed at once.
 */
void channel_keys(struct channel *channel);
void channel_times(struct channel *channel, unsigned int timeout_ms, unsigned int rekey_ms);

/* Dropped silently while there is no connection: positions make up for it. */
void channel_send(struct channel *channel, const uint8_t *bytes, size_t length);
bool channel_room(const struct channel *channel);
/* Ends the connection; it is opened anew. */
void channel_drop(struct channel *channel, const char *why);

void channel_bytes(const struct channel *channel, uint64_t *sent, uint64_t *received);
/* Name of a counter; NULL for those that do not count faults. */
const char *channel_counter_name(unsigned int counter);

#endif
