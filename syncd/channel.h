/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The channel to the peer, over one path or two.  Each path has a connection that lives; one of
 * these is the channel, the other is kept ready.  The connecting node chooses: the first path that
 * is heard, and the first of all again once it has been good for CHANNEL_RETURN_NS.  It says so on
 * the connection that it takes into use (sync.Use), with a number that rises, since what was sent
 * on the old connection may arrive later.  A connection that is renewed replaces another in the
 * same way.
 *
 * Other paths may be in force from one moment on.  Those that are none any more are retired: they
 * keep their connections until the channel has moved to one of the new ones.
 */
#ifndef CASPAIR_SYNCD_CHANNEL_H
#define CASPAIR_SYNCD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "syncd/path.h"

enum {
	CHANNEL_PATHS = 2,
	CHANNEL_PLACES = 2 * CHANNEL_PATHS, /* retired ones too */
	CHANNEL_BULK = 256 << 10,           /* bytes queued before bulk data has to wait */
	CHANNEL_WHY = 256,
	CHANNEL_COUNTERS = PATH_COUNTERS,
};

#define CHANNEL_RETURN_NS 5000000000ull

/* Called from the loop, never from within channel_send() or channel_drop(). */
struct channel_ops {
	void (*up)(void *arg); /* also when another connection took over */
	void (*down)(void *arg, const char *why);
	void (*frame)(void *arg, const uint8_t *bytes, size_t length);
	void (*drained)(void *arg);
};

struct channel_config {
	struct path_config path[CHANNEL_PATHS]; /* the best first */
	size_t paths;
	const struct greet_self *self; /* borrowed */
};

struct channel {
	struct ev_loop *loop;
	const struct channel_ops *ops;
	void *arg;
	const struct greet_self *self;
	bool listens;
	struct path place[CHANNEL_PLACES]; /* free when it has no loop */
	struct path *path[CHANNEL_PATHS];  /* of the configuration, the best first */
	size_t paths;
	struct conn *current;
	const struct path *in_use; /* or was last */
	uint64_t return_ns;        /* CHANNEL_RETURN_NS */
	uint64_t use, boot; /* number of the last choice, and the peer's process that made it */
	uint64_t switches;  /* from one path to the other */
	ev_timer fallen, watch, clearing, held;
	bool reported_up, falling;
	char why[CHANNEL_WHY]; /* the last connection ended */
	uint64_t since_ns;     /* up or down */
	uint64_t moved_ns;     /* another connection was taken into use */
	/* Of paths that are gone. */
	uint64_t gone_sent, gone_received, gone_counter[CHANNEL_COUNTERS];
};

/*
 * Opens all paths.  0 when at least one could be opened: what is wrong with the other is logged and
 * tried again.  Else a negative errno with reason and remedy in channel->why.
 */
int channel_open(struct channel *channel, struct ev_loop *loop, const struct channel_config *config,
		 const struct channel_ops *ops, void *arg);
void channel_close(struct channel *channel);

/*
 * Other paths are in force.  Nothing is told from within; what cannot be opened is logged and tried
 * again, and meanwhile the channel stays where it is.
 */
void channel_reroute(struct channel *channel, const struct channel_config *config);

/* Other keys or times are in force: path_keys() and path_times(). */
void channel_keys(struct channel *channel);
void channel_times(struct channel *channel, unsigned int timeout_ms, unsigned int rekey_ms);

/* Dropped silently while there is no connection: positions make up for it. */
void channel_send(struct channel *channel, const uint8_t *bytes, size_t length);
bool channel_room(const struct channel *channel);
/* Ends the connection; it is opened anew. */
void channel_drop(struct channel *channel, const char *why);

/* Closes all paths, for so long; 0 opens them now.  For drills: nothing else asks for it. */
void channel_hold(struct channel *channel, unsigned int ms);
/* How long that still lasts; 0: the paths are open. */
uint64_t channel_held_ms(const struct channel *channel);

/* Those of the configuration, then a retired one that is still in use; NULL: no more. */
const struct path *channel_path(const struct channel *channel, size_t index);
/* "in use", "ready", "silent" or "down". */
const char *channel_path_state(const struct channel *channel, const struct path *path);
/* Why there is no channel, for people; empty when there is one. */
const char *channel_why(const struct channel *channel, char why[CHANNEL_WHY]);
void channel_bytes(const struct channel *channel, uint64_t *sent, uint64_t *received);
uint64_t channel_counter(const struct channel *channel, unsigned int counter);

/* --- places.c, for channel.c only ------------------------------------------------------------- */

static inline struct path *channel_path_of(const struct conn *conn)
{
	return conn->arg;
}

/* As channel_open(), with these callbacks; also in place of the paths that there are. */
int places_fill(struct channel *channel, const struct channel_config *config,
		const struct path_ops *ops);
/* Closes retired paths that nobody needs; true: there are others, to be looked at later. */
bool places_clear(struct channel *channel, uint64_t now);

#endif
