// SPDX-License-Identifier: BSD-2-Clause
/* The links to lbd and vrrpd of this node, and what passes through to the peer's. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "proto/memo.h"
#include "syncd/syncd.h"

#define YIELD_AGAIN_S 0.1
#define YIELD_FOR_NS  1000000000ull

enum { HOLD_MAX_MS = 30000 };

static char own_name[] = "syncd";

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* --- to vrrpd --------------------------------------------------------------------------------- */

/* vrrpd's clock. */
static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void relay_report(struct syncd *syncd)
{
	struct session *session = &syncd->session;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__PeerReport report = CAS__PEER_REPORT__INIT;
	Cas__NodeFacts *peer;
	uint64_t now = daemon_now_ns();

	if (!syncd->vrrpd)
		return;
	peer = status_peer(syncd);
	syncd->reported_ns = now;
	report.channel_up = session->up;
	report.peer = peer;
	report.has_age_ms = peer != NULL;
	report.age_ms = (now - session->peer.heard_ns) / 1000000;
	report.has_sync = report.has_ready = report.has_highest_epoch = true;
	report.sync = session->state;
	report.ready = session_ready(session);
	report.highest_epoch = session->highest;
	report.has_sent_ns = true;
	report.sent_ns = boottime_ns();
	if (!report.ready && session->why[0])
		report.why = session->why;
	message.peer_report = &report;
	ctl_send(syncd->vrrpd, &message, NULL, 0);
	if (peer)
		cas__node_facts__free_unpacked(peer, NULL);
}

void relay_word(struct syncd *syncd, const Cas__PeerWord *word)
{
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&cas__peer_word__word__descriptor, (int)word->word);
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__PeerWord copy = *word;

	/* CLAIM and REFUSE come many times a second, for as long as adverts are filtered. */
	if (word->word == CAS__PEER_WORD__WORD__CLAIM ||
	    word->word == CAS__PEER_WORD__WORD__REFUSE || word->word == CAS__PEER_WORD__WORD__CALM)
		log_debug("the peer says %s, epoch %llu", name ? name->name : "?",
			  (unsigned long long)word->epoch);
	else
		log_info("the peer says %s, epoch %llu%s%s", name ? name->name : "?",
			 (unsigned long long)word->epoch, word->reason ? ": " : "",
			 word->reason ? word->reason : "");
	if (!syncd->vrrpd)
		return;
	copy.has_heard_ns = true;
	copy.heard_ns = boottime_ns();
	message.peer_word = &copy;
	ctl_send(syncd->vrrpd, &message, NULL, 0);
}

void relay_handed(struct syncd *syncd, uint64_t id, const char *why)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__HandOverReady ready = CAS__HAND_OVER_READY__INIT;
	Cas__NodeFacts *peer;
	char text[SYNCD_TEXT];

	if (!syncd->vrrpd)
		return;
	peer = status_peer(syncd);
	ready.id = id;
	ready.complete = why == NULL;
	if (why) {
		copy_text(text, sizeof(text), why);
		ready.why = text;
	}
	ready.has_flows = table_is_open(&syncd->table);
	ready.flows = syncd->gauges.flows;
	/* A peer that has applied every record holds what is held here; its own count came with its
	   last heartbeat and is of another moment. */
	if (ready.complete) {
		ready.has_peer_flows = ready.has_flows;
		ready.peer_flows = ready.flows;
	} else if (peer) {
		ready.has_peer_flows = peer->has_flows;
		ready.peer_flows = peer->flows;
	}
	if (peer)
		cas__node_facts__free_unpacked(peer, NULL);
	message.hand_over_ready = &ready;
	ctl_send(syncd->vrrpd, &message, NULL, 0);
}

static void heard_role(struct syncd *syncd, const Cas__RoleChange *change)
{
	struct syncd_role *role = &syncd->role;
	bool known = role->known;

	role->known = true;
	copy_text(role->reason, sizeof(role->reason), change->reason);
	role->since_ns = daemon_now_ns() - change->since_ms * 1000000;
	role->priority = change->priority;
	role->carrier = change->carrier;
	role->held = change->held;
	role->pending = change->pending;
	role->lan_known = change->has_lan;
	role->lan = change->lan;
	role->lan_whole = change->has_lan_whole ? change->lan_whole : change->lan;
	copy_text(role->link_local, sizeof(role->link_local), change->link_local);
	copy_text(role->digest, sizeof(role->digest), change->config_digest);
	role->heard_ns = daemon_now_ns();
	/* A pulse says only that vrrpd lives; the next heartbeat carries it. */
	if (known && change->role == syncd->session.role && change->epoch == syncd->session.epoch)
		return;
	/* What was recorded before the decision belongs to the role before it. */
	session_told(&syncd->session, daemon_now_ns());
	syncd_drain_all(syncd);
	session_role(&syncd->session, change->role, change->epoch, daemon_now_ns());
	revise_role(syncd);
	acked_update(syncd);
	relay_report(syncd);
	syncd_work(syncd);
}

static void send_word(struct syncd *syncd, const Cas__PeerWord *word)
{
	/* Everything that was recorded goes before it: the peer holds it when it reads the word. */
	syncd_drain(syncd);
	if (!session_word(&syncd->session, word, daemon_now_ns()))
		log_debug("no channel for a word to the peer");
	syncd_work(syncd);
}

/* --- from vrrpd ------------------------------------------------------------------------------- */

static void on_attach(struct syncd *syncd, struct ctl_conn *conn)
{
	if (ctl_uid(conn) != 0 && ctl_uid(conn) != geteuid()) {
		ctl_refuse(conn, 1, "only vrrpd may attach to syncd");
		return;
	}
	syncd->vrrpd = conn;
	log_info("vrrpd is attached");
	revise_linked(syncd, conn);
	relay_report(syncd);
}

/* The end of it is ours: whoever asked may be gone by then. */
static void asked_hold(struct syncd *syncd, struct ctl_conn *conn, const Cas__HoldRequest *request)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__HoldReply reply = CAS__HOLD_REPLY__INIT;

	if (request->ms > HOLD_MAX_MS) {
		ctl_refuse(conn, 1, "the channel is held for %d s at most", HOLD_MAX_MS / 1000);
		return;
	}
	log_warning("channel: closed for a drill for %u ms, asked for by uid %u", request->ms,
		    (unsigned int)ctl_uid(conn));
	channel_hold(&syncd->channel, request->ms);
	reply.ms = request->ms;
	message.hold_reply = &reply;
	ctl_send(conn, &message, NULL, 0);
}

static void on_server_message(void *arg, struct ctl_conn *conn, const Cas__Message *message,
			      int *fds, size_t nfds)
{
	struct syncd *syncd = arg;
	bool vrrpd = conn == syncd->vrrpd;

	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (message->status)
		status_answer(syncd, conn);
	else if (message->verify)
		compare_asked(syncd, conn);
	else if (message->hold)
		asked_hold(syncd, conn, message->hold);
	else if (message->attach)
		on_attach(syncd, conn);
	else if (revise_asked(syncd, conn, message))
		return;
	else if (vrrpd && message->followed)
		revise_followed(syncd, false, message->followed);
	else if (vrrpd && message->role_change)
		heard_role(syncd, message->role_change);
	else if (vrrpd && message->peer_word)
		send_word(syncd, message->peer_word);
	else if (vrrpd && message->hand_over) {
		syncd_drain(syncd);
		session_hand_over(&syncd->session, message->hand_over->id, daemon_now_ns());
		syncd_work(syncd);
	} else
		ctl_refuse(conn, 1, "syncd does not answer that");
}

static void on_server_closed(void *arg, struct ctl_conn *conn)
{
	struct syncd *syncd = arg;

	compare_closed(syncd, conn);
	revise_closed(syncd, conn);
	if (conn != syncd->vrrpd)
		return;
	revise_gone(syncd, false);
	/* Its role stands until lbd says that this node is fenced: the data plane goes on. */
	syncd->vrrpd = NULL;
	log_warning("vrrpd is gone");
}

static const struct ctl_ops server_ops = {
	.message = on_server_message,
	.closed = on_server_closed,
};

/* --- lbd -------------------------------------------------------------------------------------- */

static ProtobufCBinaryData flow_ip_bytes(struct flow_ip *ip)
{
	return (ProtobufCBinaryData){ .len = sizeof(*ip), .data = (uint8_t *)ip };
}

static void to_lbd(const struct syncd *syncd, const Cas__Message *message)
{
	struct ctl_conn *lbd = syncd->lbd ? ctl_link_conn(syncd->lbd) : NULL;

	if (lbd)
		ctl_send(lbd, message, NULL, 0);
}

static void relay_member(const struct syncd *syncd, const struct flow_event *event)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__MemberVerdict verdict = CAS__MEMBER_VERDICT__INIT;
	struct flow_ip vip = event->key.vip, member = event->member;

	verdict.vip = flow_ip_bytes(&vip);
	verdict.address = flow_ip_bytes(&member);
	verdict.pool_id = event->pool_id;
	verdict.up = (event->state & VERDICT_UP) != 0;
	verdict.weight = event->client_ack;
	verdict.base_up = (event->state & VERDICT_BASE_UP) != 0;
	verdict.base_weight = event->client_seq;
	message.member_verdict = &verdict;
	to_lbd(syncd, &message);
}

/* As it stood in the log: what it says is lbd's business. */
static void relay_memo(const struct syncd *syncd, const struct flow_event *event)
{
	struct flow_ip part[] = { event->key.client, event->key.vip, event->member };
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Memo memo = CAS__MEMO__INIT;

	memo.kind = event->kind;
	memo.number = memo_part(event);
	memo.size = event->pool_id;
	memo.check = event->client_ack;
	memo.part = (ProtobufCBinaryData){ .len = sizeof(part), .data = (uint8_t *)part };
	message.memo = &memo;
	to_lbd(syncd, &message);
}

static Cas__Generation generation_of(uint32_t pool_id, uint32_t number)
{
	Cas__Generation generation = CAS__GENERATION__INIT;

	generation.pool_id = pool_id;
	generation.number = number;
	return generation;
}

void relay_verdict(struct syncd *syncd, const struct flow_event *event)
{
	Cas__Generation generation = generation_of(event->pool_id, event->client_ack);
	Cas__Message message = CAS__MESSAGE__INIT;

	if (event->kind == EVENT_REVISION) {
		revise_logged(syncd, event);
	} else if (event->kind == EVENT_MEMBER) {
		relay_member(syncd, event);
	} else if (record_is_memo(event->kind)) {
		relay_memo(syncd, event);
	} else if (event->kind == EVENT_GEN) {
		message.generation = &generation;
		to_lbd(syncd, &message);
	}
}

void relay_passed(struct syncd *syncd, uint32_t pool_id, uint32_t number)
{
	Cas__Generation generation = generation_of(pool_id, number);
	Cas__Message message = CAS__MESSAGE__INIT;

	message.passed = &generation;
	to_lbd(syncd, &message);
}

void relay_heed(struct syncd *syncd, uint64_t history, uint64_t seq)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Heed heed = CAS__HEED__INIT;

	heed.history = history;
	heed.seq = seq;
	message.heed = &heed;
	to_lbd(syncd, &message);
}

void relay_counts(struct syncd *syncd, Cas__Counts *counts)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.counts = counts;
	to_lbd(syncd, &message);
}

void relay_standby(struct syncd *syncd)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Standby standby = CAS__STANDBY__INIT;

	standby.attached = session_standby(&syncd->session);
	if (!syncd->lbd_linked || standby.attached == syncd->standby)
		return;
	syncd->standby = standby.attached;
	message.standby = &standby;
	to_lbd(syncd, &message);
}

void relay_announce(struct syncd *syncd)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Announce announce = CAS__ANNOUNCE__INIT;

	message.announce = &announce;
	to_lbd(syncd, &message);
}

/* A process that has just begun knows the tables that the one before it knew. */
static void know_tables(struct syncd *syncd)
{
	const struct trail *trail = syncd->trail.trail;

	if (!trail || syncd->generation)
		return;
	syncd->generation = trail->generation;
	syncd->lost = trail->lost;
}

/* After the session: what is kept is about these tables from now on. */
static void trail_tables(struct syncd *syncd)
{
	struct trail *trail = syncd->trail.trail;

	if (!trail)
		return;
	trail->lost = syncd->lost;
	trail->generation = syncd->generation;
}

static void heard_shared(struct syncd *syncd, const Cas__Shared *shared, const int *fds,
			 size_t nfds)
{
	struct table before;
	uint64_t lost;
	bool same;
	int err;

	know_tables(syncd);
	same = syncd->generation && syncd->generation == shared->table_generation;
	lost = syncd->lost;
	ev_io_stop(syncd->loop, &syncd->events);
	if (table_is_open(&syncd->table))
		syncd_drain(syncd);
	before = syncd->table;
	table_close(&syncd->table);
	/* It checks the layout too, and takes the descriptors in every case. */
	err = table_open(&syncd->table, fds, nfds);
	if (err) {
		log_error("lbd's tables cannot be used: %s; do lbd and syncd have one version?",
			  strerror(-err));
		session_tables(&syncd->session, 0, 0, false, daemon_now_ns());
		return;
	}
	if (same)
		table_go_on(&syncd->table, &before);
	if (table_lost(&syncd->table, &syncd->lost) == 0 && same && syncd->lost != lost)
		syncd->lost = lost; /* the next look finds the difference */
	syncd->generation = shared->table_generation;
	marks_reset(&syncd->marks);
	/* Or the peer would hear of a table that was never counted. */
	table_gauges(&syncd->table, &syncd->gauges);
	ev_io_set(&syncd->events, table_events_fd(&syncd->table), EV_READ);
	ev_io_start(syncd->loop, &syncd->events);
	log_info("lbd shares its tables, room for %llu flows",
		 (unsigned long long)syncd->table.capacity);
	session_tables(&syncd->session, shared->layout, syncd->table.capacity, same,
		       daemon_now_ns());
	trail_tables(syncd);
	/* What it was told before it was here it does not know. */
	session_verdicts(&syncd->session);
	relay_standby(syncd);
	syncd_work(syncd);
}

static void yield(struct syncd *syncd)
{
	Cas__PeerWord word = CAS__PEER_WORD__INIT;

	word.word = CAS__PEER_WORD__WORD__YIELD;
	word.epoch = syncd->session.epoch;
	word.reason = syncd->yield.reason;
	word.has_flows = true;
	word.flows = syncd->gauges.flows;
	send_word(syncd, &word);
}

static void on_yield_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct syncd *syncd = timer->data;

	(void)events;
	if (daemon_now_ns() >= syncd->yield.until_ns)
		ev_timer_stop(loop, timer);
	else
		yield(syncd);
}

/* lbd has taken the VIP away from a node without vrrpd: it is free, and the peer must know. */
static void heard_fenced(struct syncd *syncd, const Cas__Fenced *fenced)
{
	snprintf(syncd->yield.reason, sizeof(syncd->yield.reason), "%.180s on %.60s",
		 fenced->reason ? fenced->reason : "vrrpd died", syncd_name(syncd, syncd->node));
	log_warning("this node is fenced: %s", syncd->yield.reason);
	syncd->yield.until_ns = daemon_now_ns() + YIELD_FOR_NS;
	yield(syncd);
	ev_timer_again(syncd->loop, &syncd->yield.again);
	session_role(&syncd->session, CAS__ROLE__STANDBY, syncd->session.epoch, daemon_now_ns());
	copy_text(syncd->role.reason, sizeof(syncd->role.reason), syncd->yield.reason);
}

/* No word of the log: it may be late or lost, and the next one says it all again. */
static void send_counts(struct syncd *syncd, Cas__Counts *counts)
{
	Sync__Frame frame = SYNC__FRAME__INIT;

	frame.counts = counts;
	if (syncd->session.up && channel_room(&syncd->channel))
		machine_ops.send(syncd, &frame);
}

static void on_lbd_message(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
			   size_t nfds)
{
	struct syncd *syncd = arg;

	(void)conn;
	if (message->shared) {
		heard_shared(syncd, message->shared, fds, nfds);
		return;
	}
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (message->fenced)
		heard_fenced(syncd, message->fenced);
	if (message->switched) {
		session_switched(&syncd->session, message->switched->pool_id,
				 message->switched->number);
		syncd_work(syncd);
	}
	if (message->heeded) {
		session_heeded(&syncd->session, message->heeded->history, message->heeded->seq);
		syncd_work(syncd);
	}
	if (message->followed)
		revise_followed(syncd, true, message->followed);
	if (message->counts)
		send_counts(syncd, message->counts);
	if (message->lbd_facts) {
		syncd->facts.known = true;
		syncd->facts.fenced = message->lbd_facts->fenced;
		syncd->facts.members = message->lbd_facts->members;
		syncd->facts.members_up = message->lbd_facts->members_up;
	}
	if (message->error)
		log_warning("lbd: %.200s", message->error);
}

static void on_lbd_opened(void *arg, struct ctl_conn *conn)
{
	struct syncd *syncd = arg;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Share share = CAS__SHARE__INIT;

	syncd->lbd_linked = true;
	syncd->standby = false; /* as lbd takes it until it is told */
	share.who = own_name;
	message.share = &share;
	ctl_send(conn, &message, NULL, 0);
	revise_linked(syncd, conn);
}

static void on_lbd_closed(void *arg, struct ctl_conn *conn)
{
	struct syncd *syncd = arg;

	(void)conn;
	/* The tables are the kernel's and stay; replication goes on without lbd. */
	syncd->lbd_linked = false;
	syncd->facts.known = false;
	revise_gone(syncd, true);
	log_warning("lbd is gone; replication goes on");
}

static const struct ctl_ops lbd_ops = {
	.opened = on_lbd_opened,
	.message = on_lbd_message,
	.closed = on_lbd_closed,
};

/* --- start and stop --------------------------------------------------------------------------- */

int relay_start(struct syncd *syncd)
{
	char path[PATH_MAX];
	int err;

	ev_timer_init(&syncd->yield.again, on_yield_again, YIELD_AGAIN_S, YIELD_AGAIN_S);
	syncd->yield.again.data = syncd;
	if (!daemon_path(path, sizeof(path), syncd->options.run_dir, "syncd.sock"))
		return -ENAMETOOLONG;
	err = ctl_listen(&syncd->server, syncd->loop, path, &server_ops, syncd);
	if (err) {
		log_error("%s: %s", path,
			  err == -EADDRINUSE ? "another syncd is running" : strerror(-err));
		return err;
	}
	if (!daemon_path(path, sizeof(path), syncd->options.run_dir, "lbd.sock"))
		return -ENAMETOOLONG;
	err = ctl_link(&syncd->lbd, syncd->loop, path, &lbd_ops, syncd);
	if (err)
		log_error("%s: %s", path, strerror(-err));
	return err;
}

void relay_stop(struct syncd *syncd)
{
	ev_timer_stop(syncd->loop, &syncd->yield.again);
	ctl_link_free(syncd->lbd);
	ctl_server_free(syncd->server);
	syncd->lbd = NULL;
	syncd->server = NULL;
}
