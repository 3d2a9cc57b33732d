// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "conf/log.h"
#include "lbd/answer.h"
#include "lbd/lbd.h"

enum { PATH = 108 };

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * vrrpd is gone without having stepped down.  The word that stops new connections goes first, and
 * never over one that the data plane has set in the same instant.  A vrrpd that comes back clears
 * it when it takes over in order.
 */
static bool fence(struct flow_lease *lease)
{
	uint32_t none = FENCE_NONE;

	if (lease->role != LEASE_ACTIVE)
		return false;
	if (!__atomic_compare_exchange_n(&lease->fenced, &none, FENCE_DAEMON, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	lease->fenced_ns = boottime_ns();
	return true;
}

static void vrrpd_died(struct lbd *lbd)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Fenced fenced = CAS__FENCED__INIT;
	char reason[] = "vrrpd died";

	if (!fence(lbd->plane.lease))
		return;
	fenced.reason = reason;
	message.fenced = &fenced;
	if (lbd->share.syncd)
		ctl_send(lbd->share.syncd, &message, NULL, 0);
	lbd->share.fenced++;
	log_error("vrrpd died while this node was active: fenced%s",
		  lbd->share.syncd ? ", the peer is told" : "; no syncd to tell the peer");
}

static void send_facts(struct lbd *lbd, struct ctl_conn *conn)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__LbdFacts facts = CAS__LBD_FACTS__INIT;
	struct flow_gauges gauges = { 0 };
	uint32_t zero = 0;

	if (!bpf_map_lookup_elem(lbd->plane.map[MAP_GAUGES], &zero, &gauges)) {
		facts.has_flows = facts.has_pins = 1;
		facts.flows = gauges.flows;
		facts.pins = gauges.pins;
	}
	facts.has_members_up = facts.has_members = facts.has_healthy = 1;
	judge_count(&lbd->judge, &facts.members_up, &facts.members);
	facts.has_fenced = 1;
	facts.fenced = lbd->plane.lease->role == LEASE_ACTIVE && lbd->plane.lease->fenced;
	facts.healthy = lbd->attached;
	facts.why = lbd->attached ? NULL : lbd->why;
	message.lbd_facts = &facts;
	ctl_send(conn, &message, NULL, 0);
}

void share_tell(struct lbd *lbd)
{
	if (lbd->share.syncd)
		send_facts(lbd, lbd->share.syncd);
	if (lbd->share.vrrpd)
		send_facts(lbd, lbd->share.vrrpd);
}

static void on_facts(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	share_tell(timer->data);
}

/* The order is the contract's: proto/request.proto, Shared. */
static size_t descriptors(const struct lbd *lbd, bool syncd, int fds[CTL_MAX_FDS])
{
	const int *map = lbd->plane.map;
	const int for_syncd[] = {
		map[MAP_FLOWS],   map[MAP_PINS],        map[MAP_EVENTS],  map[MAP_LOST],
		map[MAP_GAUGES],  map[MAP_APPLY_INBOX], lbd->plane.apply, map[MAP_CONTROL],
		map[MAP_MEMBERS], map[MAP_SOURCES],     map[MAP_ACKED],   lbd->release.wake,
		map[MAP_BUCKETS], map[MAP_FORM],
	};

	if (!syncd) {
		fds[0] = map[MAP_LEASE];
		return 1;
	}
	memcpy(fds, for_syncd, sizeof(for_syncd));
	return sizeof(for_syncd) / sizeof(*for_syncd);
}

/* What a standby may not have heard. */
static void announce(struct lbd *lbd)
{
	judge_announce(&lbd->judge);
	roster_announce(lbd, true);
	pinhole_announce(lbd, true);
}

static void on_share(struct lbd *lbd, struct ctl_conn *conn, const char *who)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Shared shared = CAS__SHARED__INIT;
	bool syncd = !strcmp(who, "syncd");
	int fds[CTL_MAX_FDS], error;
	size_t count;

	if (!syncd && strcmp(who, "vrrpd")) {
		ctl_refuse(conn, 1, "tables are shared with syncd and vrrpd only");
		return;
	}
	if (ctl_uid(conn) && ctl_uid(conn) != geteuid()) {
		log_warning("uid %u asked for the tables and was refused", ctl_uid(conn));
		ctl_refuse(conn, 4, "tables are shared with root and lbd's own user only");
		return;
	}
	count = descriptors(lbd, syncd, fds);
	shared.layout = FLOW_LAYOUT;
	shared.has_table_generation = 1;
	shared.table_generation = lbd->plane.generation;
	message.shared = &shared;
	error = ctl_send(conn, &message, fds, count);
	if (error) {
		log_warning("%s did not get the tables: %s", who, strerror(-error));
		return;
	}
	*(syncd ? &lbd->share.syncd : &lbd->share.vrrpd) = conn;
	log_info("%s is linked", who);
	send_facts(lbd, conn);
	if (syncd) {
		announce(lbd);
		meter_tell(lbd);
	}
}

static bool take_address(struct flow_ip *ip, const ProtobufCBinaryData *bytes)
{
	if (bytes->len != sizeof(*ip))
		return false;
	memcpy(ip, bytes->data, sizeof(*ip));
	return true;
}

static void on_verdict(struct lbd *lbd, const struct ctl_conn *conn,
		       const Cas__MemberVerdict *verdict)
{
	struct judge_word word = { .pool_id = verdict->pool_id,
				   .weight = verdict->weight,
				   .up = verdict->up,
				   .base_weight = verdict->base_weight,
				   .base_up = verdict->base_up };

	if (conn != lbd->share.syncd)
		log_warning("verdict from somebody who is not syncd: ignored");
	else if (!take_address(&word.vip, &verdict->vip) ||
		 !take_address(&word.addr, &verdict->address))
		log_warning("verdict with an address of a wrong length: ignored");
	else if (!judge_obey(&lbd->judge, &word))
		log_debug("verdict about a member or pool that is not configured here: ignored");
}

/* A part of what the active's lbd has said. */
static void on_memo(struct lbd *lbd, const struct ctl_conn *conn, const Cas__Memo *part)
{
	struct flow_event event = { .kind = (uint8_t)part->kind,
				    .state = (uint8_t)part->number,
				    .pool_id = part->size,
				    .client_ack = part->check };
	struct flow_ip text[3];

	if (conn != lbd->share.syncd || part->kind > UINT8_MAX || part->number > UINT8_MAX ||
	    part->part.len != sizeof(text)) {
		log_warning("a memo that is none, or from somebody who is not syncd: ignored");
		return;
	}
	memcpy(text, part->part.data, sizeof(text));
	event.key.client = text[0];
	event.key.vip = text[1];
	event.member = text[2];
	if (!memo_take(&lbd->share.memo, &event))
		return;
	if (event.kind == EVENT_ADMIN)
		roster_obey(lbd, lbd->share.memo.bytes, lbd->share.memo.size);
	else
		pinhole_obey(lbd, lbd->share.memo.bytes, lbd->share.memo.size);
}

/* The answer says that packets go by the new base; without it, nothing is acknowledged. */
static void on_generation(struct lbd *lbd, struct ctl_conn *conn, const Cas__Generation *generation)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Generation switched = *generation;
	int error = judge_switch(&lbd->judge, generation->pool_id);

	/* Nothing is derived from a pool that is not here: a new configuration came first here. */
	if (error && error != -ENOENT) {
		log_info("base %u of pool %u is not taken over: %s", generation->number,
			 generation->pool_id, strerror(-error));
		return;
	}
	message.switched = &switched;
	ctl_send(conn, &message, NULL, 0);
}

/* Everything before it was read, and is in force and on disk: that is how it is read. */
static void on_heed(struct ctl_conn *conn, const Cas__Heed *heed)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Heed heeded = *heed;

	message.heeded = &heeded;
	ctl_send(conn, &message, NULL, 0);
}

static void on_counts(struct lbd *lbd, const Cas__Counts *counts)
{
	meter_obey(lbd, counts);
	if (counts->opinions)
		opinions_hear(&lbd->opinions, counts->opinions, daemon_now_ns());
}

static void on_follow(struct lbd *lbd, struct ctl_conn *conn, const Cas__Follow *follow)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__Follow followed = CAS__FOLLOW__INIT;
	struct revision which = { .number = follow->number };
	char why[128];
	int error = -EINVAL;

	if (follow->id.len == sizeof(which.id)) {
		memcpy(which.id, follow->id.data, sizeof(which.id));
		error = lbd_follow(lbd, &which);
	}
	followed.number = follow->number;
	followed.id = follow->id;
	if (error) {
		snprintf(why, sizeof(why), "lbd does not take it over: %s; see its log",
			 error == -ESTALE ? "the state directory has another one"
					  : strerror(-error));
		followed.why = why;
	}
	message.followed = &followed;
	ctl_send(conn, &message, NULL, 0);
}

/* What syncd alone may say.  False: it was something else. */
static bool of_syncd(struct lbd *lbd, struct ctl_conn *conn, const Cas__Message *message)
{
	struct generation *generation = &lbd->judge.generation;

	if (conn != lbd->share.syncd)
		return false;
	if (message->standby)
		generation_standby(generation, message->standby->attached);
	else if (message->follow)
		on_follow(lbd, conn, message->follow);
	else if (message->generation)
		on_generation(lbd, conn, message->generation);
	else if (message->heed)
		on_heed(conn, message->heed);
	else if (message->counts)
		on_counts(lbd, message->counts);
	else if (message->passed)
		generation_passed(generation, message->passed->pool_id, message->passed->number);
	else
		return false;
	return true;
}

static void on_message(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
		       size_t nfds)
{
	struct lbd *lbd = arg;

	for (size_t i = 0; i < nfds; i++)
		close(fds[i]); /* nobody sends us any */
	if (message->share)
		on_share(lbd, conn, message->share->who);
	else if (message->member_verdict)
		on_verdict(lbd, conn, message->member_verdict);
	else if (message->memo)
		on_memo(lbd, conn, message->memo);
	else if (message->announce && conn == lbd->share.syncd)
		announce(lbd);
	else if (!of_syncd(lbd, conn, message))
		answer_question(lbd, conn, message);
}

static void on_closed(void *arg, struct ctl_conn *conn)
{
	struct lbd *lbd = arg;

	answer_forget(conn);
	if (conn == lbd->share.syncd) {
		lbd->share.syncd = NULL;
		generation_standby(&lbd->judge.generation, false);
		log_warning("syncd has gone: flows are not replicated until it is back");
	}
	if (conn == lbd->share.vrrpd) {
		lbd->share.vrrpd = NULL;
		log_warning("vrrpd has gone");
		vrrpd_died(lbd);
	}
}

static void on_drained(void *arg, struct ctl_conn *conn)
{
	(void)arg;
	answer_continue(conn);
}

int share_start(struct share *share, struct lbd *lbd)
{
	static const struct ctl_ops ops = { .message = on_message,
					    .closed = on_closed,
					    .drained = on_drained };
	char path[PATH];
	int error;

	*share = (struct share){ 0 };
	if (!daemon_path(path, sizeof(path), lbd->options.run_dir, "lbd.sock"))
		return -ENAMETOOLONG;
	error = ctl_listen(&share->server, lbd->loop, path, &ops, lbd);
	if (error) {
		log_error("%s: %s", path,
			  error == -EADDRINUSE ? "another lbd is running" : strerror(-error));
		return error;
	}
	share->loop = lbd->loop;
	ev_timer_init(&share->facts, on_facts, 1., 1.);
	share->facts.data = lbd;
	ev_timer_start(lbd->loop, &share->facts);
	return 0;
}

void share_stop(struct share *share)
{
	if (!share->loop)
		return;
	ev_timer_stop(share->loop, &share->facts);
	ctl_server_free(share->server);
}
