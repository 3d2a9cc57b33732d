// SPDX-License-Identifier: BSD-2-Clause
/* The paths of a channel: which there are, and how others come in their place. */
#include <string.h>

#include "conf/log.h"
#include "syncd/channel.h"

/* The connecting node has left a path, and it is the listener who closes: after so long nobody. */
#define LEAVE_NS 3000000000ull

static bool is_same(const struct path_config *a, const struct path_config *b)
{
	return endpoint_same(&a->local, &b->local) && endpoint_same(&a->remote, &b->remote) &&
	       strcmp(a->interface, b->interface) == 0;
}

static struct path *find(struct channel *channel, const struct path_config *config)
{
	for (size_t i = 0; i < channel->paths; i++)
		if (is_same(&channel->path[i]->config, config))
			return channel->path[i];
	return NULL;
}

static void give_back(struct channel *channel, struct path *path)
{
	path_close(path);
	channel->gone_sent += path->bytes_sent;
	channel->gone_received += path->bytes_received;
	for (unsigned int i = 0; i < CHANNEL_COUNTERS; i++)
		channel->gone_counter[i] += path->counter[i];
	if (channel->in_use == path)
		channel->in_use = NULL;
	path->loop = NULL;
}

static bool carries(const struct channel *channel, const struct path *path)
{
	return channel->current && channel_path_of(channel->current) == path;
}

/* A free place, or that of a retired path: there are twice as many as paths, and one carries. */
static struct path *free_place(struct channel *channel)
{
	struct path *path = channel->place;

	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		if (!channel->place[i].loop)
			return &channel->place[i];
	while (!path->retired || carries(channel, path))
		path++;
	give_back(channel, path);
	return path;
}

static int open_path(struct channel *channel, struct path *path, const struct path_config *config,
		     const struct path_ops *ops)
{
	int err;

	memset(path, 0, sizeof(*path));
	path->loop = channel->loop;
	path->ops = ops;
	path->arg = channel;
	err = path_open(path, config, channel->self);
	if (err && (channel->paths > 1 || channel->reported_up))
		log_warning("%s", path->why);
	return err;
}

static void retire_others(struct channel *channel, struct path *const keep[CHANNEL_PATHS])
{
	for (size_t i = 0; i < channel->paths; i++) {
		bool kept = false;

		for (size_t j = 0; j < CHANNEL_PATHS; j++)
			kept |= keep[j] == channel->path[i];
		if (!kept)
			path_retire(channel->path[i]);
	}
}

int places_fill(struct channel *channel, const struct channel_config *config,
		const struct path_ops *ops)
{
	struct path *next[CHANNEL_PATHS] = { NULL };
	bool good = false;
	int err, first = 0;

	for (size_t i = 0; i < config->paths; i++)
		next[i] = find(channel, &config->path[i]);
	/* A listener may come in place of another one at the same address. */
	retire_others(channel, next);
	channel->paths = config->paths;
	for (size_t i = 0; i < config->paths; i++) {
		err = 0;
		channel->path[i] = next[i] ? next[i] : free_place(channel);
		if (!next[i])
			err = open_path(channel, channel->path[i], &config->path[i], ops);
		good |= err == 0;
		if (err && !first)
			first = err;
	}
	return good ? 0 : first;
}

/* Nobody needs it: the channel has moved, and who is to close the connection has had the time. */
static bool is_over(const struct channel *channel, const struct path *path, uint64_t now)
{
	if (!channel->current || channel_path_of(channel->current)->retired)
		return false;
	return channel->listens || !path->live || now - channel->moved_ns > LEAVE_NS;
}

bool places_clear(struct channel *channel, uint64_t now)
{
	bool more = false;

	for (size_t i = 0; i < CHANNEL_PLACES; i++) {
		struct path *path = &channel->place[i];

		if (!path->loop || !path->retired)
			continue;
		if (is_over(channel, path, now))
			give_back(channel, path);
		else
			more = true;
	}
	return more;
}
