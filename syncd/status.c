// SPDX-License-Identifier: BSD-2-Clause
/* What syncd tells pairctl. */
#include "syncd/syncd.h"

#include <stdio.h>

enum { COUNTERS = SESSION_REFUSALS + CHANNEL_COUNTERS + BUNDLE_VERDICTS, HISTORY_TEXT = 64 };

struct counters {
	Cas__Counter counter[COUNTERS], *list[COUNTERS];
	size_t count;
};

struct paths {
	Cas__SyncPath path[CHANNEL_PLACES], *list[CHANNEL_PLACES];
	char local[CHANNEL_PLACES][ADDR_TEXT], remote[CHANNEL_PLACES][ADDR_TEXT];
	size_t count;
};

Cas__NodeFacts *status_peer(const struct syncd *syncd)
{
	const struct session_peer *peer = &syncd->session.peer;

	if (!peer->facts_length)
		return NULL;
	return cas__node_facts__unpack(NULL, peer->facts_length, peer->facts);
}

static void count(struct counters *counters, const char *name, uint64_t value)
{
	Cas__Counter *counter = &counters->counter[counters->count];

	if (!name || !value)
		return;
	cas__counter__init(counter);
	counter->name = (char *)(uintptr_t)name;
	counter->value = value;
	counters->list[counters->count++] = counter;
}

static void fill_refused(const struct syncd *syncd, Cas__SyncStatus *status,
			 struct counters *counters)
{
	for (unsigned int i = 0; i < SESSION_REFUSALS; i++)
		count(counters, session_refusal_names[i], syncd->session.refused[i]);
	for (unsigned int i = 0; i < CHANNEL_COUNTERS; i++)
		count(counters, path_counter_name(i), channel_counter(&syncd->channel, i));
	for (unsigned int i = BUNDLE_SAME; i < BUNDLE_VERDICTS; i++)
		count(counters, revise_counter_names[i], syncd->revise.refused[i]);
	status->n_refused = counters->count;
	status->refused = counters->list;
}

static void fill_log(const struct session *session, uint64_t now, Cas__SyncStatus *status,
		     char history[HISTORY_TEXT])
{
	const struct session_position *of = session->leading ? &session->history
							     : &session->follower.have;

	if (of->node) {
		snprintf(history, HISTORY_TEXT, "%llu.%u.%llx", (unsigned long long)of->epoch,
			 of->node, (unsigned long long)of->incarnation);
		status->history = history;
	}
	if (session->leading) {
		status->has_head_seq = status->has_acked_seq = true;
		status->head_seq = session->journal.head;
		status->acked_seq = session->leader.acked;
	} else {
		status->has_head_seq = status->has_applied_seq = session->follower.have.node != 0;
		status->head_seq = session->follower.head;
		status->applied_seq = session->follower.have.seq;
	}
	status->has_lag_records = status->has_lag_ms = session->state == CAS__SYNC_STATE__IN_SYNC ||
						       session->state == CAS__SYNC_STATE__LAGGING ||
						       session->state ==
							       CAS__SYNC_STATE__CATCHING_UP ||
						       session->state == CAS__SYNC_STATE__SENDING;
	status->lag_records = session_lag_records(session);
	status->lag_ms = (double)session_lag_ns(session, now) / 1e6;
	status->has_gaps = status->has_snapshots = status->has_resumes = true;
	status->gaps = session->gaps;
	status->snapshots = session->snapshots;
	status->resumes = session->resumes;
}

static void fill_channel(struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
			 char why[CHANNEL_WHY])
{
	const struct session *session = &syncd->session;

	status->has_channel_up = status->has_channel_ms = true;
	status->channel_up = session->up;
	status->channel_ms = (now - syncd->channel.since_ns) / 1000000;
	status->has_bytes_sent = status->has_bytes_received = true;
	channel_bytes(&syncd->channel, &status->bytes_sent, &status->bytes_received);
	status->has_peer_age_ms = session->peer.facts_length != 0;
	status->peer_age_ms = (now - session->peer.heard_ns) / 1000000;
	status->peer_name = (char *)(uintptr_t)syncd_name(syncd, 3 - syncd->node);
	status->hold_left_ms = channel_held_ms(&syncd->channel);
	status->has_hold_left_ms = status->hold_left_ms > 0;
	/* Without a channel, its own reason says more than the session's. */
	if (!session->up && channel_why(&syncd->channel, why)[0])
		status->reason = why;
}

static void fill_path(const struct channel *channel, const struct path *path, uint64_t now,
		      struct paths *paths)
{
	size_t i = paths->count++;
	Cas__SyncPath *entry = &paths->path[i];

	cas__sync_path__init(entry);
	paths->list[i] = entry;
	entry->name = (char *)(uintptr_t)path_name(path);
	entry->address = (char *)(uintptr_t)endpoint_print(paths->local[i], &path->config.local);
	entry->peer = (char *)(uintptr_t)endpoint_print(paths->remote[i], &path->config.remote);
	entry->state = (char *)(uintptr_t)channel_path_state(channel, path);
	entry->has_state_ms = true;
	entry->state_ms = (now - path->since_ns) / 1000000;
	entry->has_heard_ms = path->live != NULL;
	if (path->live)
		entry->heard_ms = (now - path->live->heard_ns) / 1000000;
	else
		entry->why = (char *)(uintptr_t)path->why;
}

static void fill_paths(const struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
		       struct paths *paths)
{
	const struct channel *channel = &syncd->channel;

	const struct path *path;

	while ((path = channel_path(channel, paths->count)))
		fill_path(channel, path, now, paths);
	status->n_path = paths->count;
	status->path = paths->list;
	status->has_path_switches = true;
	status->path_switches = channel->switches;
	status->has_beat_ms = status->has_beat_max_ms = syncd->beat_ns && syncd->session.up;
	status->beat_ms = (double)syncd->beat_ns / 1e6;
	status->beat_max_ms = (double)syncd->beat_max_ns / 1e6;
}

static void fill_wire(const struct session *session, Cas__SyncStatus *status)
{
	if (!session->up)
		return;
	status->has_wire = status->has_features = status->has_wire_less = true;
	status->wire = session->wire.version;
	status->features = session->wire.features;
	status->wire_less = wire_is_less(&session->wire);
}

/* The connection in use: what it has carried, and which of its keys a node is known by. */
static void fill_connection(const struct syncd *syncd, Cas__SyncStatus *status)
{
	static char current[] = "current", next[] = "next";
	Conf__Node *const *node = syncd->conf->file->node;
	const struct conn *conn = syncd->channel.current;

	if (!conn)
		return;
	status->has_frames_sent = status->has_frames_received = true;
	status->frames_sent = conn->frames_sent;
	status->frames_received = conn->frames_received;
	status->has_psk = true;
	status->psk = conn->greet.psk;
	status->own_key = keys_is_next(node[syncd->node - 1], conn->greet.own) ? next : current;
	status->peer_key = keys_is_next(node[2 - syncd->node], conn->greet.remote) ? next : current;
}

void status_answer(struct syncd *syncd, struct ctl_conn *conn)
{
	static char version[] = CASPAIR_VERSION;
	struct session *session = &syncd->session;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__StatusReply reply = CAS__STATUS_REPLY__INIT;
	Cas__SyncStatus status = CAS__SYNC_STATUS__INIT;
	struct counters counters = { .count = 0 };
	Cas__VerifyReply verify;
	struct paths paths = { .count = 0 };
	char why[CHANNEL_WHY], id[REVISION_TEXT], history[HISTORY_TEXT];
	uint64_t now = daemon_now_ns();

	status.version = version;
	status.pair = syncd->conf->file->pair;
	status.node = (char *)(uintptr_t)syncd_name(syncd, syncd->node);
	status.has_up_ms = status.has_state = status.has_state_ms = true;
	status.up_ms = (now - syncd->started_ns) / 1000000;
	status.state = session->state;
	status.state_ms = (now - (session->state_ns ? session->state_ns : syncd->started_ns)) /
			  1000000;
	if (session->why[0])
		status.reason = session->why;
	fill_log(session, now, &status, history);
	fill_channel(syncd, now, &status, why);
	fill_connection(syncd, &status);
	fill_wire(session, &status);
	fill_paths(syncd, now, &status, &paths);
	fill_refused(syncd, &status, &counters);
	compare_status(syncd, now, &status, &verify);
	revise_status(syncd, now, &status, id);
	status.has_events_lost = table_is_open(&syncd->table);
	status.events_lost = syncd->lost;
	status.peer = status_peer(syncd);
	status.has_lbd_link = status.has_vrrpd_link = true;
	status.lbd_link = syncd->lbd_linked;
	status.vrrpd_link = syncd->vrrpd != NULL;
	status.config_digest = syncd->conf->digest_text;
	status.working_copy = (char *)(uintptr_t)drift_look(&syncd->drift, syncd->conf,
							    syncd->options.config, now);
	reply.sync = &status;
	message.status_reply = &reply;
	ctl_send(conn, &message, NULL, 0);
	if (status.peer)
		cas__node_facts__free_unpacked(status.peer, NULL);
}
