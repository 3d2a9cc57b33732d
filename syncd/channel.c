/* SPDX-License-Identifier: BSD-2-Clause */
#include "syncd/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/daemon.h"
#include "conf/log.h"

enum {
	COUNT_GREET = CONN_ENDS,                    /* first of the greeting's refusals */
	COUNT_CROWDED = CONN_ENDS + GREET_REFUSALS, /* no room for another half-open one */
	BACKLOG = 8,
};
#define RETRY_FIRST_S 0.1
#define RETRY_MAX_S   1.0
#define KEYS_AGAIN_S  10.0 /* the peer did not know the keys that we would rather use */
#define WARN_EVERY_NS 10000000000ull

static const struct conn_ops conn_ops;

const char *channel_counter_name(unsigned int counter)
{
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

/* --- sockets -----------------------------------------------------------------------------------
 */

static int set_options(int fd, const struct channel_config *config)
{
	const char *name = config->interface;
	unsigned int timeout = config->timeout_ms;
	int one = 1, err = endpoint_one_hop(&config->local, fd);

	if (err)
		return err;
	if (*name &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

/* A socket bound to our end, or a negative errno. */
static int bound_socket(const struct channel_config *config)
{
	int fd = socket(config->local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd, config);
	if (!err && bind(fd, &config->local.any, endpoint_length(&config->local)) < 0)
		err = -errno;
	if (!err && config->listens && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void explain(struct channel *channel, int err)
{
	char address[ADDR_TEXT];
	const char *interface = channel->config.interface;
	unsigned int port = endpoint_port(&channel->config.local);

	endpoint_print(address, &channel->config.local);
	if (err == -EADDRINUSE)
		snprintf(channel->why, sizeof(channel->why),
			 "port %u of %s is in use: stop the program that listens there "
			 "(ss -ltnp), or set another sync.port on both nodes",
			 port, address);
	else if (err == -EADDRNOTAVAIL)
		snprintf(channel->why, sizeof(channel->why),
			 "%s is not an address of this machine: configure it on the sync "
			 "interface, or correct `sync` of this node",
			 address);
	else if (err == -ENODEV)
		snprintf(channel->why, sizeof(channel->why),
			 "sync.path %s: no such interface on this machine", interface);
	else
		snprintf(channel->why, sizeof(channel->why), "%s port %u %s: %s", address, port,
			 interface, strerror(-err));
}

/* --- which connection --------------------------------------------------------------------------
 */

static struct conn **half_of(struct channel *channel, const struct conn *conn)
{
	for (size_t i = 0; i < CHANNEL_HALF_OPEN; i++)
		if (channel->half[i] == conn)
			return &channel->half[i];
	return NULL;
}

/* Connecting node only: 100, 200, 400, 800, 1000 ms, and a tenth of jitter. */
static void plan_retry(struct channel *channel)
{
	double wait = RETRY_FIRST_S * (1u << (channel->attempts < 4 ? channel->attempts : 4));
	uint8_t jitter;

	if (channel->config.listens || ev_is_active(&channel->retry))
		return;
	seal_random(&jitter, sizeof(jitter));
	wait = (wait < RETRY_MAX_S ? wait : RETRY_MAX_S) * (1.0 + jitter / 2560.0);
	channel->attempts++;
	ev_timer_set(&channel->retry, wait, 0);
	ev_timer_start(channel->loop, &channel->retry);
}

static void report_down(struct channel *channel)
{
	ev_timer_stop(channel->loop, &channel->fallen);
	if (!channel->reported_up)
		return;
	channel->reported_up = false;
	channel->since_ns = daemon_now_ns();
	channel->ops->down(channel->arg, channel->why);
}

/*
 * Another connection took this one's place.  The listener knows that only by the first frame on the
 * new one: an end of the old one that arrives earlier would be the loss of the channel to it.  So
 * it is the listener who closes.
 */
static void retire(struct channel *channel, struct conn *old)
{
	struct conn **spare = &channel->half[1];

	if (channel->config.listens) {
		conn_close(old, CONN_DROPPED);
		return;
	}
	if (*spare)
		conn_close(*spare, CONN_DROPPED);
	*spare = old;
}

static void plan_renewal(struct channel *channel)
{
	double wait = channel->config.rekey_ms / 1e3;

	ev_timer_stop(channel->loop, &channel->renew);
	if (channel->config.listens || !channel->current)
		return;
	if (channel->current->greet.keys != 0 && wait > KEYS_AGAIN_S)
		wait = KEYS_AGAIN_S;
	ev_timer_set(&channel->renew, wait, 0);
	ev_timer_start(channel->loop, &channel->renew);
}

static void on_ready(struct conn *conn)
{
	struct channel *channel = conn->arg;
	struct conn **half = half_of(channel, conn), *old = channel->current;

	if (half)
		*half = NULL;
	channel->current = conn;
	channel->attempts = channel->keys = 0;
	channel->why[0] = '\0';
	if (old)
		retire(channel, old);
	else
		report_down(channel);
	if (!channel->reported_up)
		channel->since_ns = daemon_now_ns();
	channel->reported_up = true;
	plan_renewal(channel);
	channel->ops->up(channel->arg);
}

static void on_frame(struct conn *conn, const uint8_t *bytes, size_t length)
{
	struct channel *channel = conn->arg;

	if (conn == channel->current)
		channel->ops->frame(channel->arg, bytes, length);
}

static void on_drained(struct conn *conn)
{
	struct channel *channel = conn->arg;

	if (conn == channel->current)
		channel->ops->drained(channel->arg);
}

static void warn_refused(struct channel *channel, const struct conn *conn, const char *what)
{
	char address[ADDR_TEXT];
	uint64_t now = daemon_now_ns();

	if (channel->warned_ns && now - channel->warned_ns < WARN_EVERY_NS)
		return;
	channel->warned_ns = now;
	log_warning(
		"channel: %s refused: %s%s", endpoint_print(address, &conn->from), what,
		conn->greet.refused == GREET_BAD_TAG || conn->greet.refused == GREET_BAD_SEAL
			? "; compare public-key in the configuration with `pairctl keygen` output"
			: "");
}

/* What became of a connection that never got up, and where to look. */
static void explain_attempt(struct channel *channel, enum conn_end end, const char *what)
{
	const char *hint = "";

	if (end == CONN_LOST)
		hint = " before it was up: the peer is down or not to be reached, or refused us "
		       "(its log says why)";
	else if (end == CONN_SLOW)
		hint = ": the peer has not greeted in time";
	else if (end == CONN_REFUSED)
		hint = ": compare public-key and pair on both nodes";
	snprintf(channel->why, sizeof(channel->why), "last attempt: %s%s", what, hint);
}

static void on_closed(struct conn *conn, enum conn_end why)
{
	struct channel *channel = conn->arg;
	struct conn **half = half_of(channel, conn);
	bool refused = why == CONN_REFUSED;
	const char *what = refused ? greet_refusal_names[conn->greet.refused] : conn_end_names[why];

	channel->counter[why]++;
	channel->bytes_sent += conn->bytes_sent;
	channel->bytes_received += conn->bytes_received;
	if (refused)
		channel->counter[COUNT_GREET + conn->greet.refused]++;
	if (half)
		*half = NULL;
	if (half && why != CONN_DROPPED) {
		if (refused || why == CONN_SLOW)
			warn_refused(channel, conn, what);
		if (!channel->current)
			explain_attempt(channel, why, what);
	}
	if (conn == channel->current) {
		channel->current = NULL;
		if (why != CONN_DROPPED || !channel->why[0])
			snprintf(channel->why, sizeof(channel->why), "connection %s", what);
		/* Whoever caused this may be in the middle of something: told from the loop. */
		ev_timer_stop(channel->loop, &channel->fallen);
		ev_timer_set(&channel->fallen, 0, 0);
		ev_timer_start(channel->loop, &channel->fallen);
	}
	/* It was there, and would not have us: perhaps it knows other keys. */
	if (half == &channel->half[0] && conn->greet.hello_seen && why != CONN_DROPPED)
		channel->keys = (channel->keys + 1) % channel->self->count;
	/* A renewal that failed too: its timer runs only once for each connection. */
	if (!channel->current || half == &channel->half[0])
		plan_retry(channel);
}

static const struct conn_ops conn_ops = {
	.ready = on_ready,
	.frame = on_frame,
	.drained = on_drained,
	.closed = on_closed,
};

static void adopt(struct channel *channel, struct conn **half, int fd, const union endpoint *from,
		  bool initiator)
{
	struct conn_config config = { .ops = &conn_ops,
				      .arg = channel,
				      .self = channel->self,
				      .timeout_ms = channel->config.timeout_ms,
				      .initiator = initiator,
				      .keys = initiator ? channel->keys : 0 };

	*half = conn_open(channel->loop, fd, from, &config);
}

/* --- the listening node ------------------------------------------------------------------------
 */

/*
 * A place among the half-open ones.  Strangers have one an address, in half of the places, and a
 * newcomer takes his forerunner's.  The peer may use all of them: somebody who sends in its name
 * has to be faster than its greeting by as many connections, and who has shown the key stays.
 */
static struct conn **place_for(struct channel *channel, const union endpoint *from)
{
	bool peer = endpoint_same_host(from, &channel->config.remote);
	size_t places = peer ? CHANNEL_HALF_OPEN : CHANNEL_HALF_OPEN / 2;
	struct conn **place = NULL, **oldest = NULL;

	for (size_t i = 0; i < CHANNEL_HALF_OPEN; i++) {
		struct conn **at = &channel->half[i], *conn = *at;

		if (!conn && !place && i < places)
			place = at;
		if (!conn || conn->greet.done || !endpoint_same_host(&conn->from, from))
			continue;
		if (!oldest || conn->begun_ns < (*oldest)->begun_ns)
			oldest = at;
	}
	if (!oldest || (peer && place))
		return place;
	channel->counter[COUNT_CROWDED]++;
	conn_close(*oldest, CONN_DROPPED);
	return oldest;
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct channel *channel = io->data;
	union endpoint from = { 0 };
	socklen_t length = sizeof(from);
	int fd = accept4(channel->listener, &from.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn **place;

	(void)loop;
	(void)events;
	if (fd < 0)
		return;
	place = place_for(channel, &from);
	if (!place) {
		channel->counter[COUNT_CROWDED]++;
		close(fd);
		return;
	}
	adopt(channel, place, fd, &from, false);
}

/* --- the connecting node -----------------------------------------------------------------------
 */

static void dial(struct channel *channel)
{
	const union endpoint *to = &channel->config.remote;
	int fd;

	if (channel->half[0])
		return;
	fd = bound_socket(&channel->config);
	if (fd < 0) {
		explain(channel, fd);
		plan_retry(channel);
		return;
	}
	if (connect(fd, &to->any, endpoint_length(to)) < 0 && errno != EINPROGRESS) {
		snprintf(channel->why, sizeof(channel->why), "cannot connect: %s", strerror(errno));
		close(fd);
		plan_retry(channel);
		return;
	}
	adopt(channel, &channel->half[0], fd, to, true);
	if (!channel->half[0])
		plan_retry(channel);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	dial(timer->data);
}

static void on_fallen(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	report_down(timer->data);
}

/* --- open, use, close --------------------------------------------------------------------------
 */

int channel_open(struct channel *channel, struct ev_loop *loop, const struct channel_config *config,
		 const struct greet_self *self, const struct channel_ops *ops, void *arg)
{
	int fd;

	memset(channel, 0, sizeof(*channel));
	channel->loop = loop;
	channel->config = *config;
	channel->self = self;
	channel->ops = ops;
	channel->arg = arg;
	channel->listener = -1;
	channel->since_ns = daemon_now_ns();
	ev_timer_init(&channel->retry, on_retry, 0, 0);
	ev_timer_init(&channel->renew, on_retry, 0, 0);
	ev_timer_init(&channel->fallen, on_fallen, 0, 0);
	ev_io_init(&channel->accepting, on_acceptable, -1, EV_READ);
	channel->retry.data = channel->renew.data = channel->fallen.data = channel;
	channel->accepting.data = channel;
	fd = bound_socket(config);
	if (fd < 0) {
		explain(channel, fd);
		return fd;
	}
	snprintf(channel->why, sizeof(channel->why), "not connected yet");
	if (!config->listens) {
		/* That was the proof that our end exists. */
		close(fd);
		dial(channel);
		return 0;
	}
	channel->listener = fd;
	ev_io_set(&channel->accepting, fd, EV_READ);
	ev_io_start(loop, &channel->accepting);
	return 0;
}

void channel_close(struct channel *channel)
{
	if (!channel->loop)
		return;
	ev_io_stop(channel->loop, &channel->accepting);
	if (channel->listener >= 0)
		close(channel->listener);
	channel->listener = -1;
	for (size_t i = 0; i < CHANNEL_HALF_OPEN; i++)
		if (channel->half[i])
			conn_close(channel->half[i], CONN_DROPPED);
	if (channel->current)
		conn_close(channel->current, CONN_DROPPED);
	ev_timer_stop(channel->loop, &channel->retry);
	ev_timer_stop(channel->loop, &channel->renew);
	ev_timer_stop(channel->loop, &channel->fallen);
}

void channel_times(struct channel *channel, unsigned int timeout_ms, unsigned int rekey_ms)
{
	bool changed = channel->config.rekey_ms != rekey_ms;

	channel->config.timeout_ms = timeout_ms;
	channel->config.rekey_ms = rekey_ms;
	if (channel->current)
		channel->current->timeout_ms = timeout_ms;
	if (changed)
		plan_renewal(channel);
}

void channel_keys(struct channel *channel)
{
	struct conn *current = channel->current;

	channel->keys = 0;
	for (size_t i = 0; i < CHANNEL_HALF_OPEN; i++)
		if (channel->half[i])
			conn_close(channel->half[i], CONN_DROPPED);
	if (current && !greet_still_good(&current->greet, channel->self)) {
		conn_close(current, CONN_REVOKED);
	} else if (current && !channel->config.listens) {
		ev_timer_stop(channel->loop, &channel->retry);
		dial(channel);
	}
}

void channel_send(struct channel *channel, const uint8_t *bytes, size_t length)
{
	if (channel->current)
		conn_send(channel->current, bytes, length);
}

bool channel_room(const struct channel *channel)
{
	return channel->current && conn_queued(channel->current) < CHANNEL_BULK;
}

void channel_drop(struct channel *channel, const char *why)
{
	if (!channel->current)
		return;
	snprintf(channel->why, sizeof(channel->why), "%s", why);
	conn_close(channel->current, CONN_DROPPED);
}

void channel_bytes(const struct channel *channel, uint64_t *sent, uint64_t *received)
{
	*sent = channel->bytes_sent;
	*received = channel->bytes_received;
	if (channel->current) {
		*sent += channel->current->bytes_sent;
		*received += channel->current->bytes_received;
	}
}
