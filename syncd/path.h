/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One way to the peer: an address of ours, one of the peer's and the interface between them.  Node
 * 1 listens, node 2 connects, again and again.  A connection that has proved itself is `live` until
 * another one has (it is renewed after rekey_ms), and stays so whether or not the channel uses it.
 */
#ifndef CASPAIR_SYNCD_PATH_H
#define CASPAIR_SYNCD_PATH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "syncd/conn.h"
#include "syncd/endpoint.h"

enum {
	PATH_HALF_OPEN = 16, /* connections that have not proved themselves */
	PATH_WHY = 256,
};

struct path_config {
	/* Of one family.  local: our sync address, and the port when listening. */
	union endpoint local, remote;
	char interface[IFNAMSIZ]; /* bound to; empty: to none */
	bool listens;
	unsigned int timeout_ms, rekey_ms;
};

struct path;
struct path_ops {
	/* path->live has proved itself.  `before` was live, or NULL; it is the callee's to end. */
	void (*ready)(struct path *path, struct conn *before);
	void (*frame)(struct path *path, struct conn *conn, const uint8_t *bytes, size_t length);
	void (*drained)(struct path *path, struct conn *conn);
	/* One that had proved itself is over. */
	void (*ended)(struct path *path, struct conn *conn, enum conn_end why);
};

/* What was refused or ended, by name. */
enum { PATH_COUNTERS = CONN_ENDS + GREET_REFUSALS + 3 };

struct path {
	struct ev_loop *loop;
	const struct path_ops *ops;
	void *arg;
	const struct greet_self *self;
	struct path_config config;
	struct conn *live;
	struct conn *half[PATH_HALF_OPEN]; /* a connecting node dials in the first */
	struct conn *leaving; /* connecting node: replaced, and for the listener to close */
	int listener;
	ev_io accepting;
	ev_timer retry, renew;
	unsigned int attempts;
	unsigned int keys; /* to greet with, of self->keys */
	char name[ADDR_TEXT];
	char why[PATH_WHY]; /* there is no live connection */
	uint64_t counter[PATH_COUNTERS];
	uint64_t bytes_sent, bytes_received; /* of connections that ended */
	uint64_t since_ns;                   /* with or without a live connection */
	uint64_t warned_ns;                  /* 0: not warned yet */
	uint64_t steady_ns; /* for the channel: heard all the time since then; 0: not */
	bool retired;       /* no path any more, but for the connection that it has */
};

/*
 * Opens the listener, or dials.  0, or a negative errno with reason and remedy in path->why; it is
 * tried again then, until path_close().  `self` and `config` are borrowed and copied, in this
 * order.
 */
int path_open(struct path *path, const struct path_config *config, const struct greet_self *self);
void path_close(struct path *path);

/* Accepts, dials and renews no more.  What lives goes on until it ends, or path_close(). */
void path_retire(struct path *path);

/* Ends a connection in whose place another one is now. */
void path_leave(struct path *path, struct conn *conn);

/*
 * Other keys, or other times, are in force.  Connections of keys that are gone end, those that have
 * not proved themselves begin anew, and a live one is renewed at once.
 */
void path_keys(struct path *path);
void path_times(struct path *path, unsigned int timeout_ms, unsigned int rekey_ms);

/* What it is called: its interface, or else our address. */
const char *path_name(const struct path *path);

/* What it has come to. */
uint64_t path_counter(const struct path *path, unsigned int counter);

/* Name of a counter; NULL for those that do not count faults. */
const char *path_counter_name(unsigned int counter);

/* --- path_socket.c, for path.c only ----------------------------------------------------------- */

/* A socket bound to our end, listening where that is ours to do, or a negative errno. */
int path_socket(const struct path_config *config);
/* Puts reason and remedy of such an error into path->why. */
void path_explain(struct path *path, int err);

#endif
