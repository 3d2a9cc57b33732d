// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/daemon.h"
#include "conf/log.h"

enum {
	COUNT_GREET = CONN_ENDS,                     /* first of the greeting's refusals */
	COUNT_UNPROVEN = CONN_ENDS + GREET_REFUSALS, /* left when it had our answer */
	COUNT_NOT_ADMITTED, /* not the peer's: segments that the kernel dropped, or connections */
	COUNT_CROWDED,      /* no room for another half-open one */
};
#define RETRY_FIRST_S 0.1
#define RETRY_MAX_S   1.0
#define KEYS_AGAIN_S  10.0 /* the peer did not know the keys that we would rather use */
#define WARN_EVERY_NS 10000000000ull

static const struct conn_ops conn_ops;

const char *path_counter_name(unsigned int counter)
{
	if (counter == COUNT_UNPROVEN)
		return "refused-by-peer";
	if (counter == COUNT_NOT_ADMITTED)
		return "not-admitted";
	if (counter == COUNT_CROWDED)
		return "half-open-limit";
	if (counter >= COUNT_GREET)
		return counter == COUNT_GREET + GREET_OK
			       ? NULL
			       : greet_refusal_names[counter - COUNT_GREET];
	/* A connection that ends by itself is not a refusal; its greeting's has a name of its own.
	 */
	return counter == CONN_LOST || counter == CONN_DROPPED || counter == CONN_REFUSED
		       ? NULL
		       : conn_end_names[counter];
}

uint64_t path_counter(const struct path *path, unsigned int counter)
{
	uint64_t count = path->counter[counter];

	if (counter == COUNT_NOT_ADMITTED && path->listener >= 0)
		count += endpoint_dropped(path->listener);
	return count;
}

/* --- connections ------------------------------------------------------------------------------ */

static struct conn **half_of(struct path *path, const struct conn *conn)
{
	for (size_t i = 0; i < PATH_HALF_OPEN; i++)
		if (path->half[i] == conn)
			return &path->half[i];
	return NULL;
}

/* Connecting node only: 100, 200, 400, 800, 1000 ms, and a tenth of jitter. */
static void plan_retry(struct path *path)
{
	double wait = RETRY_FIRST_S * (1u << (path->attempts < 4 ? path->attempts : 4));
	uint8_t jitter;

	if (path->retired || (path->config.listens && path->listener >= 0) ||
	    ev_is_active(&path->retry))
		return;
	seal_random(&jitter, sizeof(jitter));
	wait = (wait < RETRY_MAX_S ? wait : RETRY_MAX_S) * (1.0 + jitter / 2560.0);
	path->attempts++;
	ev_timer_set(&path->retry, wait, 0);
	ev_timer_start(path->loop, &path->retry);
}

static void plan_renewal(struct path *path)
{
	double wait = path->config.rekey_ms / 1e3;

	ev_timer_stop(path->loop, &path->renew);
	if (path->retired || path->config.listens || !path->live)
		return;
	if (path->live->greet.keys != 0 && wait > KEYS_AGAIN_S)
		wait = KEYS_AGAIN_S;
	ev_timer_set(&path->renew, wait, 0);
	ev_timer_start(path->loop, &path->renew);
}

/*
 * The listener knows that a connection is out of use only by the first frames on the next one: an
 * end of the old one that arrives earlier would be a loss to it.  So it is the listener who closes.
 */
void path_leave(struct path *path, struct conn *conn)
{
	if (path->config.listens) {
		conn_close(conn, CONN_DROPPED);
		return;
	}
	if (path->leaving && path->leaving != conn)
		conn_close(path->leaving, CONN_DROPPED);
	path->leaving = conn;
}

static void on_ready(struct conn *conn)
{
	struct path *path = conn->arg;
	struct conn **half = half_of(path, conn), *before = path->live;

	if (half)
		*half = NULL;
	if (!before)
		path->since_ns = daemon_now_ns();
	path->live = conn;
	path->attempts = path->keys = 0;
	path->why[0] = '\0';
	plan_renewal(path);
	path->ops->ready(path, before);
}

static void on_frame(struct conn *conn, const uint8_t *bytes, size_t length)
{
	struct path *path = conn->arg;

	path->ops->frame(path, conn, bytes, length);
}

static void on_drained(struct conn *conn)
{
	struct path *path = conn->arg;

	path->ops->drained(path, conn);
}

static void warn_refused(struct path *path, const struct conn *conn, const char *what)
{
	char address[ADDR_TEXT];
	uint64_t now = daemon_now_ns();

	if (path->warned_ns && now - path->warned_ns < WARN_EVERY_NS)
		return;
	path->warned_ns = now;
	log_warning(
		"channel: %s refused: %s%s", endpoint_print(address, &conn->from), what,
		conn->greet.refused == GREET_BAD_TAG || conn->greet.refused == GREET_BAD_SEAL
			? "; compare public-key in the configuration with `pairctl keygen` output"
			: "");
}

/* What became of a connection that never got up, and where to look. */
static void explain_attempt(struct path *path, enum conn_end end, const char *what)
{
	const char *hint = "";

	if (end == CONN_LOST)
		hint = " before it was up: the peer is down or not to be reached, or refused us "
		       "(its log says why)";
	else if (end == CONN_SLOW)
		hint = ": the peer has not greeted in time; it hears only the address "
		       "that its configuration has for this node";
	else if (end == CONN_REFUSED)
		hint = ": compare public-key, psk and pair on both nodes";
	snprintf(path->why, sizeof(path->why), "last attempt: %s%s", what, hint);
}

static void count_end(struct path *path, const struct conn *conn, enum conn_end why)
{
	path->counter[why]++;
	path->bytes_sent += conn->bytes_sent;
	path->bytes_received += conn->bytes_received;
	if (why == CONN_REFUSED)
		path->counter[COUNT_GREET + conn->greet.refused]++;
}

/* What it carried.  Strangers do not get that far, so they cannot fill the log. */
static void log_end(const struct conn *conn, enum conn_end why)
{
	char own[ADDR_TEXT], peer[ADDR_TEXT];

	if (!conn->greet.done)
		return;
	log_info("channel: connection of %s port %u to %s port %u ended: %s; %llu frames sent, "
		 "%llu received",
		 endpoint_print(own, &conn->own), endpoint_port(&conn->own),
		 endpoint_print(peer, &conn->from), endpoint_port(&conn->from), conn_end_names[why],
		 (unsigned long long)conn->frames_sent, (unsigned long long)conn->frames_received);
}

/* It had not proved itself yet. */
static void attempt_failed(struct path *path, struct conn **half, enum conn_end why)
{
	const struct conn *conn = *half;
	bool refused = why == CONN_REFUSED;
	const char *what = refused ? greet_refusal_names[conn->greet.refused] : conn_end_names[why];

	*half = NULL;
	if (why == CONN_DROPPED)
		return;
	if (why == CONN_LOST && path->config.listens && conn->greet.done)
		path->counter[COUNT_UNPROVEN]++;
	if (refused || why == CONN_SLOW)
		warn_refused(path, conn, what);
	if (!path->live)
		explain_attempt(path, why, what);
	/* It was there, and would not have us: perhaps it knows other keys. */
	if (half == &path->half[0] && conn->greet.hello_seen)
		path->keys = (path->keys + 1) % path->self->count;
}

static void on_closed(struct conn *conn, enum conn_end why)
{
	struct path *path = conn->arg;
	struct conn **half = half_of(path, conn);

	count_end(path, conn, why);
	log_end(conn, why);
	if (path->leaving == conn)
		path->leaving = NULL;
	if (path->live == conn) {
		path->live = NULL;
		path->since_ns = daemon_now_ns();
		snprintf(path->why, sizeof(path->why), "connection %s", conn_end_names[why]);
	}
	if (half)
		attempt_failed(path, half, why);
	else
		path->ops->ended(path, conn, why);
	/* A renewal that failed too: its timer runs only once for each connection. */
	if (!path->live || half == &path->half[0])
		plan_retry(path);
}

static const struct conn_ops conn_ops = {
	.ready = on_ready,
	.frame = on_frame,
	.drained = on_drained,
	.closed = on_closed,
};

static void adopt(struct path *path, struct conn **half, int fd, const union endpoint *from,
		  bool initiator)
{
	struct conn_config config = { .ops = &conn_ops,
				      .arg = path,
				      .self = path->self,
				      .timeout_ms = path->config.timeout_ms,
				      .initiator = initiator,
				      .keys = initiator ? path->keys : 0 };

	*half = conn_open(path->loop, fd, from, &config);
}

/* --- the listening node ----------------------------------------------------------------------- */

/*
 * A place among the half-open ones; a newcomer takes the eldest's.  Somebody who sends in the
 * peer's name has to be faster than its greeting by as many connections, and who has shown the key
 * stays.
 */
static struct conn **place_for(struct path *path)
{
	struct conn **oldest = NULL;

	for (size_t i = 0; i < PATH_HALF_OPEN; i++) {
		struct conn **at = &path->half[i], *conn = *at;

		if (!conn)
			return at;
		if (!conn->greet.done && (!oldest || conn->begun_ns < (*oldest)->begun_ns))
			oldest = at;
	}
	path->counter[COUNT_CROWDED]++;
	if (oldest)
		conn_close(*oldest, CONN_DROPPED);
	return oldest;
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct path *path = io->data;
	union endpoint from = { 0 };
	socklen_t length = sizeof(from);
	int fd = accept4(path->listener, &from.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn **place;

	(void)loop;
	(void)events;
	if (fd < 0)
		return;
	if (!endpoint_same_host(&from, &path->config.remote)) {
		path->counter[COUNT_NOT_ADMITTED]++;
		close(fd);
		return;
	}
	place = place_for(path);
	if (place)
		adopt(path, place, fd, &from, false);
	else
		close(fd);
}

/* --- the connecting node ---------------------------------------------------------------------- */

static void dial(struct path *path)
{
	const union endpoint *to = &path->config.remote;
	int fd;

	if (path->half[0])
		return;
	fd = path_socket(&path->config);
	if (fd < 0) {
		path_explain(path, fd);
		plan_retry(path);
		return;
	}
	if (connect(fd, &to->any, endpoint_length(to)) < 0 && errno != EINPROGRESS) {
		snprintf(path->why, sizeof(path->why), "cannot connect: %s", strerror(errno));
		close(fd);
		plan_retry(path);
		return;
	}
	adopt(path, &path->half[0], fd, to, true);
	if (!path->half[0])
		plan_retry(path);
}

/* --- open, change, close ---------------------------------------------------------------------- */

static int open_listener(struct path *path)
{
	int fd = path_socket(&path->config);

	if (fd < 0) {
		path_explain(path, fd);
		return fd;
	}
	path->listener = fd;
	ev_io_set(&path->accepting, fd, EV_READ);
	ev_io_start(path->loop, &path->accepting);
	snprintf(path->why, sizeof(path->why), "not connected yet");
	return 0;
}

/* Connects, or opens the listener that could not be opened before. */
static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct path *path = timer->data;

	(void)loop;
	(void)events;
	if (!path->config.listens)
		dial(path);
	else if (path->listener < 0 && open_listener(path) != 0)
		plan_retry(path);
}

int path_open(struct path *path, const struct path_config *config, const struct greet_self *self)
{
	int err;

	path->config = *config;
	path->self = self;
	path->listener = -1;
	endpoint_print(path->name, &config->local);
	path->since_ns = daemon_now_ns();
	ev_timer_init(&path->retry, on_retry, 0, 0);
	ev_timer_init(&path->renew, on_retry, 0, 0);
	ev_io_init(&path->accepting, on_acceptable, -1, EV_READ);
	path->retry.data = path->renew.data = path->accepting.data = path;
	if (config->listens) {
		err = open_listener(path);
	} else {
		/* Proof that our end exists. */
		err = path_socket(config);
		if (err < 0)
			path_explain(path, err);
		else
			close(err);
		if (err >= 0)
			snprintf(path->why, sizeof(path->why), "not connected yet");
	}
	if (err < 0)
		plan_retry(path);
	else if (!config->listens)
		dial(path);
	return err < 0 ? err : 0;
}

const char *path_name(const struct path *path)
{
	return path->config.interface[0] ? path->config.interface : path->name;
}

static void drop_halves(struct path *path)
{
	for (size_t i = 0; i < PATH_HALF_OPEN; i++)
		if (path->half[i])
			conn_close(path->half[i], CONN_DROPPED);
}

void path_retire(struct path *path)
{
	path->retired = true;
	ev_io_stop(path->loop, &path->accepting);
	if (path->listener >= 0) {
		path->counter[COUNT_NOT_ADMITTED] += endpoint_dropped(path->listener);
		close(path->listener);
	}
	path->listener = -1;
	drop_halves(path);
	ev_timer_stop(path->loop, &path->retry);
	ev_timer_stop(path->loop, &path->renew);
}

void path_close(struct path *path)
{
	if (!path->loop)
		return;
	path_retire(path);
	if (path->leaving)
		conn_close(path->leaving, CONN_DROPPED);
	if (path->live)
		conn_close(path->live, CONN_DROPPED);
}

void path_times(struct path *path, unsigned int timeout_ms, unsigned int rekey_ms)
{
	bool changed = path->config.rekey_ms != rekey_ms;

	path->config.timeout_ms = timeout_ms;
	path->config.rekey_ms = rekey_ms;
	if (path->live)
		path->live->timeout_ms = timeout_ms;
	if (changed)
		plan_renewal(path);
}

void path_keys(struct path *path)
{
	path->keys = 0;
	drop_halves(path);
	if (path->live && !greet_still_good(&path->live->greet, path->self)) {
		conn_close(path->live, CONN_REVOKED);
	} else if (path->live && !path->config.listens && !path->retired) {
		ev_timer_stop(path->loop, &path->retry);
		dial(path);
	}
}
