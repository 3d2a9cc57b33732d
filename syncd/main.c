// SPDX-License-Identifier: BSD-2-Clause
/* syncd: everything that crosses to the peer.  Start order, loop, stop order. */
#include <arpa/inet.h>
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conf/diff.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "syncd/syncd.h"

enum {
	READ_EVENTS = 1024,
	READ_TURNS = 64, /* reads in a row */
	QUIET = 3,       /* looks at the ring that find nothing, before we wait to be woken */
	WORK_NS = 2 * 1000 * 1000,
	EAGER_NS = 100 * 1000 * 1000, /* after an urgent event */
	EAGER_TURNS = 8,
	REPORT_NS = 100 * 1000 * 1000,
};
#define BATCH_S 0.001
#define TICK_S  0.01

const char *syncd_name(const struct syncd *syncd, unsigned int node)
{
	return syncd->conf->file->node[node - 1]->name;
}

/* --- work ------------------------------------------------------------------------------------- */

static void check_lost(struct syncd *syncd)
{
	uint64_t lost;

	if (table_lost(&syncd->table, &lost) != 0 || lost == syncd->lost)
		return;
	log_warning("the data plane lost %llu events: all is sent once more",
		    (unsigned long long)(lost - syncd->lost));
	session_lost(&syncd->session, lost - syncd->lost, daemon_now_ns());
	syncd->lost = lost;
	if (syncd->trail.trail)
		syncd->trail.trail->lost = lost;
}

static bool has_urgent(const struct flow_event *event, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (event[i].urgent)
			return true;
	return false;
}

/* How many events there were.  Those that a client waits for are on their way to the peer then. */
static size_t drain(struct syncd *syncd, size_t turns)
{
	struct flow_event event[READ_EVENTS];
	size_t n = READ_EVENTS, all = 0;
	bool urgent = false;

	/* Before vrrpd has spoken nobody knows whether they are the log's or a standby's own. */
	if (!table_is_open(&syncd->table) || !syncd->session.told)
		return 0;
	for (size_t i = 0; i < turns && n == READ_EVENTS; i++) {
		n = table_read(&syncd->table, event, READ_EVENTS);
		if (n)
			session_events(&syncd->session, event, n, daemon_now_ns());
		table_release(&syncd->table);
		urgent |= has_urgent(event, n);
		all += n;
	}
	check_lost(syncd);
	if (urgent) {
		syncd->urgent_ns = daemon_now_ns();
		session_urge(&syncd->session);
	}
	acked_update(syncd);
	/* A full last read: there may be more, and the next call finds it. */
	session_drained(&syncd->session, n < READ_EVENTS, daemon_now_ns());
	return all;
}

void syncd_drain(struct syncd *syncd)
{
	drain(syncd, READ_TURNS);
}

void syncd_drain_all(struct syncd *syncd)
{
	drain(syncd, syncd->table.ring / sizeof(struct flow_event) / READ_EVENTS + 1);
}

void syncd_work(struct syncd *syncd)
{
	uint64_t begin = daemon_now_ns(), now = begin;
	bool more = true;

	while (more && now - begin < WORK_NS) {
		more = session_work(&syncd->session, now);
		now = daemon_now_ns();
	}
	if (more)
		ev_idle_start(syncd->loop, &syncd->idle);
	else
		ev_idle_stop(syncd->loop, &syncd->idle);
}

static void on_idle(struct ev_loop *loop, ev_idle *idle, int events)
{
	(void)loop;
	(void)events;
	syncd_work(idle->data);
}

static void look_later(struct syncd *syncd)
{
	ev_timer_set(&syncd->batch, BATCH_S, 0);
	ev_timer_start(syncd->loop, &syncd->batch);
}

/* A client waits for the peer: it may be woken for each event. */
static bool is_eager(const struct syncd *syncd)
{
	return syncd->urgent_ns && daemon_now_ns() - syncd->urgent_ns < EAGER_NS;
}

static void read_eagerly(struct syncd *syncd)
{
	bool asleep = false;

	for (size_t i = 0; i < EAGER_TURNS && !asleep; i++) {
		syncd_drain(syncd);
		asleep = table_sleep(&syncd->table);
	}
	if (!asleep)
		ev_io_stop(syncd->loop, &syncd->events);
	/* For those that nobody waits for. */
	if (!ev_is_active(&syncd->batch))
		look_later(syncd);
}

/*
 * The first event of a burst is read at once, the others in batches, as long as there are any: a
 * wake-up for each would cost more than all the rest, and out of the packet's time.  It is worth
 * that to strict services.
 */
static void on_events(struct ev_loop *loop, ev_io *io, int events)
{
	struct syncd *syncd = io->data;

	(void)events;
	if (is_eager(syncd)) {
		read_eagerly(syncd);
		return;
	}
	ev_io_stop(loop, &syncd->events);
	table_stay_awake(&syncd->table);
	syncd->quiet = 0;
	syncd_drain(syncd);
	look_later(syncd);
}

static void on_batch(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct syncd *syncd = timer->data;
	size_t n = drain(syncd, READ_TURNS);

	(void)events;
	syncd_work(syncd);
	if (!table_is_open(&syncd->table))
		return;
	syncd->quiet = n ? 0 : syncd->quiet + 1;
	if ((syncd->quiet < QUIET && !is_eager(syncd)) || !table_sleep(&syncd->table)) {
		ev_io_stop(loop, &syncd->events);
		table_stay_awake(&syncd->table);
		look_later(syncd);
	} else {
		ev_io_start(loop, &syncd->events);
	}
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct syncd *syncd = timer->data;
	uint64_t now = daemon_now_ns();

	(void)loop;
	(void)events;
	if (table_is_open(&syncd->table)) {
		syncd_drain(syncd);
		table_gauges(&syncd->table, &syncd->gauges);
		syncd->session.flows = syncd->gauges.flows;
	}
	session_tick(&syncd->session, now);
	revise_tick(syncd, now);
	acked_update(syncd);
	compare_progress(syncd, now);
	if (now - syncd->reported_ns >= REPORT_NS)
		relay_report(syncd);
	syncd_work(syncd);
}

/* --- start ------------------------------------------------------------------------------------ */

/*
 * With as many interfaces as addresses each path is bound to its own.  With one address and several
 * interfaces the address alone says where: the first need not be its interface.
 */
static const char *path_interface(const Conf__Sync *sync, size_t paths, size_t i)
{
	return sync->n_path == paths ? sync->path[i] : "";
}

static bool fill_address(union endpoint *end, const Conf__Node *node, size_t i, unsigned int port,
			 const char *interface)
{
	const char *address = node->sync[i];

	if (endpoint_parse(end, address, (uint16_t)port, interface))
		return true;
	log_error("sync address %s of node %s is not an address%s", address, node->name,
		  strchr(address, ':') ? ", or a link-local one that needs the one "
					 "sync.path it is on"
				       : "");
	return false;
}

static bool fill_path(const Conf__Config *file, unsigned int node, size_t i,
		      struct path_config *path)
{
	const Conf__Node *own = file->node[node - 1], *peer = file->node[2 - node];

	*path = (struct path_config){ .listens = node == 1,
				      .timeout_ms = file->sync->peer_timeout_ms,
				      .rekey_ms = file->sync->rekey_ms };
	snprintf(path->interface, sizeof(path->interface), "%s",
		 path_interface(file->sync, own->n_sync, i));
	if (!fill_address(&path->local, own, i, path->listens ? file->sync->port : 0,
			  path->interface) ||
	    !fill_address(&path->remote, peer, i, file->sync->port, path->interface))
		return false;
	if (path->local.any.sa_family == path->remote.any.sa_family)
		return true;
	log_error("the sync addresses of both nodes must be of one family");
	return false;
}

/* All but the keys.  False, logged: addresses that cannot be used. */
static bool fill_channel(const struct syncd *syncd, const struct conf *conf,
			 struct channel_config *config)
{
	*config = (struct channel_config){ .paths = conf->file->node[syncd->node - 1]->n_sync };
	for (size_t i = 0; i < config->paths; i++)
		if (!fill_path(conf->file, syncd->node, i, &config->path[i]))
			return false;
	return true;
}

static bool open_channel(struct syncd *syncd)
{
	struct channel_config config;

	if (!fill_channel(syncd, syncd->conf, &config))
		return false;
	config.self = syncd->keys.self;
	if (channel_open(&syncd->channel, syncd->loop, &config, &machine_channel_ops, syncd) == 0)
		return true;
	log_error("%s", syncd->channel.why);
	return false;
}

/*
 * No capability is needed from here on, and none can come back.  The uid stays: lbd hands its
 * tables to root and to its own user only, again each time it starts.
 */
static bool drop_rights(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	/* The bounding set needs a right that only root has. */
	if (capng_apply(geteuid() == 0 ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_error("cannot drop capabilities: %s", strerror(errno));
		return false;
	}
	return true;
}

static void verify_interval(struct syncd *syncd)
{
	session_verify_every(&syncd->session,
			     syncd->conf->file->sync->verify_interval_ms * 1000000ull);
}

static bool open_session(struct syncd *syncd)
{
	struct session_config config = { .node = syncd->node,
					 .digest = syncd->conf->shared_digest,
					 .journal = JOURNAL_RECORDS,
					 .trail = syncd->trail.trail };

	seal_random(&config.random, sizeof(config.random));
	seal_random(config.secret, sizeof(config.secret));
	if (session_open(&syncd->session, &config, &machine_ops, syncd) == 0) {
		verify_interval(syncd);
		return true;
	}
	log_error("no memory for the replication log");
	return false;
}

/* Without a store there is no push; replication does not need one. */
static bool open_revisions(struct syncd *syncd)
{
	session_revision(&syncd->session, syncd->conf->revision.id);
	if (!revise_start(syncd))
		log_warning("nothing can be pushed");
	return true;
}

static void start_timers(struct syncd *syncd)
{
	ev_io_init(&syncd->events, on_events, -1, EV_READ);
	ev_timer_init(&syncd->batch, on_batch, BATCH_S, 0);
	ev_timer_init(&syncd->tick, on_tick, TICK_S, TICK_S);
	ev_idle_init(&syncd->idle, on_idle);
	ev_set_priority(&syncd->idle, EV_MINPRI); /* that of the channel: frames come before it */
	syncd->events.data = syncd->batch.data = syncd->tick.data = syncd->idle.data = syncd;
	ev_timer_start(syncd->loop, &syncd->tick);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_stop(struct ev_loop *loop, void *arg)
{
	struct syncd *syncd = arg;

	/* vrrpd has let go before us when the whole node stops: its last records are here. */
	syncd_drain(syncd);
	syncd_work(syncd);
	ev_break(loop, EVBREAK_ALL);
}

/*
 * A connection whose keys were taken out ends here; with better keys than its own it is renewed,
 * which is not for nothing: not where a push changes something else.
 */
static bool follow_keys(struct syncd *syncd, const struct conf *conf, bool together)
{
	struct keys fresh, left;

	if (!keys_load(&fresh, conf, syncd->node, syncd->options.key))
		return false;
	if (together && keys_same(&syncd->keys, &fresh)) {
		keys_free(&fresh);
		return true;
	}
	keys_replace(&syncd->keys, &fresh, &left);
	channel_keys(&syncd->channel);
	keys_free(&left);
	return true;
}

bool syncd_follow(struct syncd *syncd, bool together)
{
	unsigned int node;
	struct conf *conf = daemon_config(&syncd->options, &node);
	struct channel_config channel;
	bool usable;

	usable = conf && node == syncd->node && diff_may_follow(syncd->conf, conf, DIFF_SYNCD) &&
		 fill_channel(syncd, conf, &channel) && follow_keys(syncd, conf, together);
	if (!usable) {
		log_error("the configuration stays as it was");
		conf_free(conf);
		return false;
	}
	conf_free(syncd->conf);
	syncd->conf = conf;
	channel_times(&syncd->channel, conf->file->sync->peer_timeout_ms,
		      conf->file->sync->rekey_ms);
	channel_reroute(&syncd->channel, &channel);
	if (together) {
		session_switch(&syncd->session, conf->shared_digest, conf->revision.id);
	} else {
		session_revision(&syncd->session, conf->revision.id);
		session_digest(&syncd->session, conf->shared_digest, daemon_now_ns());
	}
	verify_interval(syncd);
	log_info("configuration %s", conf->digest_text);
	return true;
}

static void on_reload(struct ev_loop *loop, void *arg)
{
	struct syncd *syncd = arg;

	(void)loop;
	if (syncd_follow(syncd, false))
		revise_reread(syncd);
}

/* --- main ------------------------------------------------------------------------------------- */

static bool start(struct syncd *syncd)
{
	syncd->started_ns = daemon_now_ns();
	trail_file_open(&syncd->trail, syncd->options.run_dir, syncd->node);
	table_init(&syncd->table);
	record_arena_init(&syncd->arena, syncd->memory, sizeof(syncd->memory));
	start_timers(syncd);
	return keys_load(&syncd->keys, syncd->conf, syncd->node, syncd->options.key) &&
	       open_session(syncd) && open_revisions(syncd) && open_channel(syncd) &&
	       relay_start(syncd) == 0 && drop_rights();
}

static void stop(struct syncd *syncd)
{
	relay_stop(syncd);
	revise_stop(syncd);
	channel_close(&syncd->channel);
	ev_io_stop(syncd->loop, &syncd->events);
	ev_timer_stop(syncd->loop, &syncd->batch);
	ev_timer_stop(syncd->loop, &syncd->tick);
	ev_idle_stop(syncd->loop, &syncd->idle);
	table_close(&syncd->table);
	session_close(&syncd->session);
	trail_file_close(&syncd->trail);
	keys_free(&syncd->keys);
	conf_free(syncd->conf);
}

int main(int argc, char **argv)
{
	struct syncd *syncd = calloc(1, sizeof(*syncd));
	bool started;

	if (!syncd)
		return EXIT_FAILURE;
	daemon_options(&syncd->options, "syncd", false, argc, argv);
	if (seal_init() != 0) {
		log_error("the cryptographic library does not start");
		return EXIT_FAILURE;
	}
	syncd->conf = daemon_config(&syncd->options, &syncd->node);
	if (!syncd->conf)
		return EXIT_FAILURE;
	syncd->loop = ev_default_loop(EVFLAG_AUTO);
	started = start(syncd);
	if (started) {
		daemon_start(&syncd->daemon, syncd->loop, on_stop, on_reload, syncd);
		daemon_ready("replicating");
		ev_run(syncd->loop, 0);
		daemon_end(&syncd->daemon, syncd->loop);
	}
	stop(syncd);
	free(syncd);
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
