// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/channel.h"

#include <stdio.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "proto/record.h"

#define WATCH_S  0.05
#define BETTER_S 0.2 /* at the beginning, for a better path to get there */
#define CLEAR_S  0.5

enum { HALF_A_MS = 500 * 1000 }; /* in ns */

/* --- which connection ------------------------------------------------------------------------- */

/* Not heard for half the time after which it would be given up. */
static bool silent(const struct conn *conn, uint64_t now)
{
	return now - conn->heard_ns > (uint64_t)conn->timeout_ms * HALF_A_MS;
}

/* Of a path, from 0; that of a retired one is after all others'. */
static size_t rank_of(const struct channel *channel, const struct path *path)
{
	size_t i = 0;

	while (i < channel->paths && channel->path[i] != path)
		i++;
	return i;
}

/*
 * A connection of the best path that has one, be it retired, or NULL.  One that was left is about to
 * be closed.
 */
static struct conn *best_live(const struct channel *channel)
{
	for (size_t i = 0; i < channel->paths; i++)
		if (channel->path[i]->live)
			return channel->path[i]->live;
	for (size_t i = 0; i < CHANNEL_PLACES; i++) {
		const struct path *path = &channel->place[i];

		if (path->loop && path->live && path->live != path->leaving)
			return path->live;
	}
	return NULL;
}

static bool on_retired(const struct channel *channel)
{
	return channel->current && channel_path_of(channel->current)->retired;
}

static void report_down(struct channel *channel)
{
	ev_timer_stop(channel->loop, &channel->fallen);
	channel->falling = false;
	if (!channel->reported_up)
		return;
	channel->reported_up = false;
	channel->since_ns = daemon_now_ns();
	channel->ops->down(channel->arg, channel->why);
}

static void send_use(struct channel *channel, struct conn *conn)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Use use = SYNC__USE__INIT;
	uint8_t bytes[32];

	use.number = ++channel->use;
	frame.use = &use;
	conn_send(conn, bytes, sync__frame__pack(&frame, bytes));
}

static void note_path(struct channel *channel, const struct path *path)
{
	const struct path *before = channel->in_use;

	channel->in_use = path;
	if (!before || before == path)
		return;
	channel->switches++;
	if (before->retired)
		log_info("channel: path %s instead of %s, which is none any more", path_name(path),
			 path_name(before));
	else if (rank_of(channel, path) < rank_of(channel, before))
		log_info("channel: back on path %s", path_name(path));
	else
		log_warning("channel: path %s instead of %s: %s", path_name(path),
			    path_name(before), before->live ? "silent" : before->why);
}

/* The channel is this connection now, also where it was before: the peer begins anew on it. */
static void take_into_use(struct channel *channel, struct conn *conn)
{
	struct conn *old = channel->current;

	note_path(channel, channel_path_of(conn));
	channel->current = conn;
	channel->moved_ns = daemon_now_ns();
	if (old && old != conn &&
	    (channel_path_of(old)->live != old || channel_path_of(old)->retired))
		path_leave(channel_path_of(old), old);
	if (channel->falling)
		report_down(channel);
	ev_timer_stop(channel->loop, &channel->fallen);
	if (!channel->reported_up)
		channel->since_ns = daemon_now_ns();
	channel->reported_up = true;
	if (!channel->listens)
		send_use(channel, conn);
	if (channel->current == conn)
		channel->ops->up(channel->arg);
}

static void plan_fall(struct channel *channel, double wait)
{
	ev_timer_stop(channel->loop, &channel->fallen);
	ev_timer_set(&channel->fallen, wait, 0);
	ev_timer_start(channel->loop, &channel->fallen);
}

/* Whoever ended the connection may be in the middle of something: told from the loop. */
static void on_fallen(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct channel *channel = timer->data;
	struct conn *conn = best_live(channel);

	(void)loop;
	(void)events;
	if (channel->falling)
		report_down(channel);
	/* From a path that is none any more only to one that is. */
	if (channel->current && (!on_retired(channel) || !conn || channel_path_of(conn)->retired))
		return;
	if (conn && conn != channel->current && !channel->listens)
		take_into_use(channel, conn);
	else if (!channel->current)
		report_down(channel);
}

/*
 * Connecting node, with two paths.  A path that has fallen silent is left before its connection is
 * given up, if the other one speaks.  After a stall of our own both look silent, and nothing is
 * done.
 */
static void on_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct channel *channel = timer->data;
	struct conn *current = channel->current;
	uint64_t now = daemon_now_ns();

	(void)loop;
	(void)events;
	for (size_t i = 0; i < channel->paths; i++) {
		struct path *path = channel->path[i];

		if (!path->live || silent(path->live, now))
			path->steady_ns = 0;
		else if (!path->steady_ns)
			path->steady_ns = now;
	}
	for (size_t i = 0; current && i < channel->paths; i++) {
		const struct path *path = channel->path[i];
		bool mine = path == channel_path_of(current);
		bool long_good = now - path->steady_ns >= channel->return_ns;

		if (mine && !silent(current, now))
			return;
		if (mine || !path->steady_ns || !(silent(current, now) || long_good))
			continue;
		take_into_use(channel, path->live);
		return;
	}
}

/* --- what the paths tell ---------------------------------------------------------------------- */

static bool greeting_on_better(const struct channel *channel, const struct path *path)
{
	for (size_t i = 0; i < rank_of(channel, path); i++)
		if (channel->path[i]->half[0])
			return true;
	return false;
}

static void on_ready(struct path *path, struct conn *before)
{
	struct channel *channel = path->arg;

	/* A listener waits for the peer's word, and keeps the connection in use until then. */
	if (!channel->listens && !channel->current && greeting_on_better(channel, path))
		plan_fall(channel, BETTER_S);
	else if (!channel->listens &&
		 (!channel->current || before == channel->current || on_retired(channel)))
		take_into_use(channel, path->live);
	else if (before && before != channel->current)
		path_leave(path, before);
}

/* Connections of a process of the peer that is no more. */
static void end_others(struct channel *channel)
{
	for (size_t i = 0; i < CHANNEL_PLACES; i++) {
		struct conn *live = channel->place[i].loop ? channel->place[i].live : NULL;

		if (live && live->greet.boot != channel->boot)
			conn_close(live, CONN_DROPPED);
	}
}

static void heard_use(struct channel *channel, struct conn *conn, uint64_t number)
{
	if (!channel->listens || (conn->greet.boot == channel->boot && number <= channel->use))
		return;
	channel->boot = conn->greet.boot;
	channel->use = number;
	take_into_use(channel, conn);
	end_others(channel);
}

/* Field 20 of a frame, a message: cheap to tell from what the session understands. */
static bool is_use(const uint8_t *bytes, size_t length)
{
	return length > 2 && bytes[0] == 0xa2 && bytes[1] == 0x01;
}

static void on_frame(struct path *path, struct conn *conn, const uint8_t *bytes, size_t length)
{
	struct channel *channel = path->arg;
	_Alignas(max_align_t) uint8_t memory[512];
	struct record_arena arena;
	const Sync__Frame *frame;

	if (!is_use(bytes, length)) {
		if (conn == channel->current)
			channel->ops->frame(channel->arg, bytes, length);
		return;
	}
	record_arena_init(&arena, memory, sizeof(memory));
	frame = record_frame(&arena, bytes, length);
	if (frame && frame->use)
		heard_use(channel, conn, frame->use->number);
	else
		conn_close(conn, CONN_BAD_FRAME);
}

static void on_drained(struct path *path, struct conn *conn)
{
	struct channel *channel = path->arg;

	if (conn == channel->current)
		channel->ops->drained(channel->arg);
}

static void on_ended(struct path *path, struct conn *conn, enum conn_end why)
{
	struct channel *channel = path->arg;

	if (conn != channel->current)
		return;
	channel->current = NULL;
	if (why != CONN_DROPPED || !channel->why[0])
		snprintf(channel->why, sizeof(channel->why), "connection %s", conn_end_names[why]);
	/* Where the other path lives, the peer's word is awaited before it is called a loss. */
	channel->falling |= why == CONN_DROPPED || !best_live(channel);
	plan_fall(channel, !channel->falling && channel->listens ? conn->timeout_ms / 2e3 : 0);
}

static const struct path_ops path_ops = {
	.ready = on_ready,
	.frame = on_frame,
	.drained = on_drained,
	.ended = on_ended,
};

/* --- open, use, close ------------------------------------------------------------------------- */

static void watch(struct channel *channel)
{
	if (channel->paths > 1 && !channel->listens)
		ev_timer_start(channel->loop, &channel->watch);
	else
		ev_timer_stop(channel->loop, &channel->watch);
}

static void on_clearing(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	if (!places_clear(timer->data, daemon_now_ns()))
		ev_timer_stop(loop, timer);
}

/* Those that were closed: others have come in their place meanwhile where it was changed. */
static void open_paths(struct channel *channel)
{
	for (size_t i = 0; i < channel->paths; i++) {
		struct path *path = channel->path[i];
		struct path_config config = path->config;

		if (!path->retired)
			continue;
		path->retired = false;
		if (path_open(path, &config, channel->self) != 0)
			log_warning("%s", path->why);
	}
}

static void on_held(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	log_info("channel: open again after a drill");
	open_paths(timer->data);
}

int channel_open(struct channel *channel, struct ev_loop *loop, const struct channel_config *config,
		 const struct channel_ops *ops, void *arg)
{
	int err;

	memset(channel, 0, sizeof(*channel));
	channel->loop = loop;
	channel->ops = ops;
	channel->arg = arg;
	channel->self = config->self;
	channel->listens = config->path[0].listens;
	channel->return_ns = CHANNEL_RETURN_NS;
	channel->since_ns = daemon_now_ns();
	ev_timer_init(&channel->fallen, on_fallen, 0, 0);
	ev_timer_init(&channel->watch, on_watch, WATCH_S, WATCH_S);
	ev_timer_init(&channel->clearing, on_clearing, CLEAR_S, CLEAR_S);
	ev_timer_init(&channel->held, on_held, 0, 0);
	channel->fallen.data = channel->watch.data = channel->clearing.data = channel->held.data =
		channel;
	err = places_fill(channel, config, &path_ops);
	snprintf(channel->why, sizeof(channel->why), "%s", channel->path[0]->why);
	watch(channel);
	return err;
}

void channel_reroute(struct channel *channel, const struct channel_config *config)
{
	places_fill(channel, config, &path_ops);
	watch(channel);
	ev_timer_again(channel->loop, &channel->clearing);
	/* A path that stays may be ready for what another one has carried. */
	if (on_retired(channel) && !channel->listens)
		plan_fall(channel, 0);
}

static void close_paths(struct channel *channel)
{
	if (channel->current && channel_path_of(channel->current)->live != channel->current)
		conn_close(channel->current, CONN_DROPPED);
	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		path_close(&channel->place[i]);
}

void channel_close(struct channel *channel)
{
	if (!channel->loop)
		return;
	close_paths(channel);
	ev_timer_stop(channel->loop, &channel->held);
	ev_timer_stop(channel->loop, &channel->clearing);
	ev_timer_stop(channel->loop, &channel->watch);
	ev_timer_stop(channel->loop, &channel->fallen);
}

void channel_times(struct channel *channel, unsigned int timeout_ms, unsigned int rekey_ms)
{
	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		if (channel->place[i].loop)
			path_times(&channel->place[i], timeout_ms, rekey_ms);
	if (channel->current)
		channel->current->timeout_ms = timeout_ms;
}

void channel_keys(struct channel *channel)
{
	struct conn *current;

	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		if (channel->place[i].loop)
			path_keys(&channel->place[i]);
	current = channel->current;
	if (current && !greet_still_good(&current->greet, channel->self))
		conn_close(current, CONN_REVOKED);
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

/* --- drills ----------------------------------------------------------------------------------- */

static void hold(struct channel *channel)
{
	static const char why[] = "closed for a drill";

	if (channel->current)
		snprintf(channel->why, sizeof(channel->why), "%s", why);
	close_paths(channel);
	for (size_t i = 0; i < channel->paths; i++)
		snprintf(channel->path[i]->why, sizeof(channel->path[i]->why), "%s", why);
}

void channel_hold(struct channel *channel, unsigned int ms)
{
	bool was_held = ev_is_active(&channel->held);

	ev_timer_stop(channel->loop, &channel->held);
	if (ms && !was_held)
		hold(channel);
	if (ms || was_held) {
		ev_timer_set(&channel->held, ms / 1e3, 0);
		ev_timer_start(channel->loop, &channel->held);
	}
}

uint64_t channel_held_ms(const struct channel *channel)
{
	ev_timer *held = (ev_timer *)(uintptr_t)&channel->held;

	return ev_is_active(held) ? (uint64_t)(ev_timer_remaining(channel->loop, held) * 1e3) + 1
				  : 0;
}

/* --- figures ---------------------------------------------------------------------------------- */

const struct path *channel_path(const struct channel *channel, size_t index)
{
	if (index < channel->paths)
		return channel->path[index];
	return index == channel->paths && on_retired(channel) ? channel_path_of(channel->current)
							      : NULL;
}

const char *channel_path_state(const struct channel *channel, const struct path *path)
{
	if (channel->current && channel_path_of(channel->current) == path)
		return "in use";
	if (!path->live)
		return "down";
	return silent(path->live, daemon_now_ns()) ? "silent" : "ready";
}

const char *channel_why(const struct channel *channel, char why[CHANNEL_WHY])
{
	size_t used = 0;

	why[0] = '\0';
	if (channel->current)
		return why;
	if (channel->paths == 1)
		snprintf(why, CHANNEL_WHY, "%s", channel->path[0]->why);
	for (size_t i = 0; channel->paths > 1 && i < channel->paths && used < CHANNEL_WHY; i++)
		used += (size_t)snprintf(why + used, CHANNEL_WHY - used, "%s%s: %s", i ? "; " : "",
					 path_name(channel->path[i]), channel->path[i]->why);
	return why;
}

void channel_bytes(const struct channel *channel, uint64_t *sent, uint64_t *received)
{
	const struct conn *current = channel->current;

	*sent = channel->gone_sent;
	*received = channel->gone_received;
	for (size_t i = 0; i < CHANNEL_PLACES; i++) {
		const struct path *path = &channel->place[i];

		if (!path->loop)
			continue;
		*sent += path->bytes_sent + (path->live ? path->live->bytes_sent : 0);
		*received += path->bytes_received + (path->live ? path->live->bytes_received : 0);
	}
	if (current && channel_path_of(current)->live != current) {
		*sent += current->bytes_sent;
		*received += current->bytes_received;
	}
}

uint64_t channel_counter(const struct channel *channel, unsigned int counter)
{
	uint64_t sum = channel->gone_counter[counter];

	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		if (channel->place[i].loop)
			sum += path_counter(&channel->place[i], counter);
	return sum;
}
