// SPDX-License-Identifier: BSD-2-Clause
/* vrrpd.sock: what pairctl asks, and the planned failover. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "vrrp/vrrp.h"

enum {
	EXIT_PROBLEM = 1, /* exit statuses of pairctl */
	EXIT_UNSAFE = 4,
	REPORT_FRESH_MS = 1500,
	ALARM_ROUNDS = 4, /* a lost packet is none */
};

static const double patience_s = 1.0;
static const char in_spite[] = "; --anyway REASON hands over in spite of it";

static uint64_t age_ms(uint64_t since)
{
	return (lease_now() - since) / 1000000;
}

/* --- status ----------------------------------------------------------------------------------- */

static void fill_plain(const struct vrrpd *vrrpd, Cas__VrrpStatus *status)
{
	const struct fsm *fsm = &vrrpd->fsm;

	status->has_up_ms = status->has_role = status->has_since_ms = true;
	status->up_ms = age_ms(vrrpd->started);
	status->role = deed_role(vrrpd);
	status->since_ms = age_ms(fsm->since);
	status->has_epoch = status->has_priority = status->has_vrid = true;
	status->epoch = fsm->epoch;
	status->priority = fsm->config.priority;
	status->vrid = vrrpd->link.config.vrid;
	status->has_advert_ms = status->has_adverts_sent = status->has_adverts_received = true;
	status->advert_ms = (uint32_t)(fsm->config.advert_ns / 1000000);
	status->adverts_sent = vrrpd->link.sent;
	status->adverts_received = vrrpd->link.received;
	status->has_last_advert_age_ms = fsm->heard_at != 0;
	if (fsm->heard_at)
		status->last_advert_age_ms = age_ms(fsm->heard_at);
	status->has_lbd_link = status->has_syncd_link = status->has_carrier = true;
	status->lbd_link = vrrpd->track.lbd_linked;
	status->syncd_link = vrrpd->track.syncd_linked;
	status->carrier = !(fsm->faults & FSM_FAULT_LINK);
	status->has_transitions = true;
	status->transitions = fsm->transitions;
	status->has_overruns = status->has_send_errors = status->has_put_back = true;
	status->put_back = vrrpd->guard.total;
	status->overruns = link_overruns(&vrrpd->link);
	status->send_errors = vrrpd->link.send_errors;
}

struct rejected {
	Cas__Counter counter[ADVERT_VERDICTS], *list[ADVERT_VERDICTS];
	char name[ADVERT_VERDICTS][24];
};

static size_t fill_rejected(const struct vrrpd *vrrpd, struct rejected *rejected)
{
	size_t count = 0;

	for (size_t i = 1; i < ADVERT_VERDICTS; i++) {
		if (!vrrpd->link.rejected[i])
			continue;
		snprintf(rejected->name[count], sizeof(*rejected->name), "%s",
			 advert_verdict_names[i]);
		cas__counter__init(&rejected->counter[count]);
		rejected->counter[count].name = rejected->name[count];
		rejected->counter[count].value = vrrpd->link.rejected[i];
		rejected->list[count] = &rejected->counter[count];
		count++;
	}
	return count;
}

struct sources {
	char text[LINK_FAMILIES][ADDR_TEXT], *list[LINK_FAMILIES];
};

static size_t fill_sources(const struct vrrpd *vrrpd, struct sources *sources)
{
	const struct link_config *config = &vrrpd->link.config;
	size_t count = 0;

	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (!config->speaks[i] || !config->own[i].family)
			continue;
		addr_print(sources->text[count], &config->own[i]);
		sources->list[count] = sources->text[count];
		count++;
	}
	return count;
}

struct shown_witnesses {
	Cas__Witness witness[WITNESS_MAX], *list[WITNESS_MAX];
	char text[WITNESS_MAX][ADDR_TEXT];
};

static size_t fill_witnesses(const struct witnesses *witnesses, struct shown_witnesses *shown)
{
	for (size_t i = 0; i < witnesses->count; i++) {
		const struct witness *witness = &witnesses->witness[i];

		cas__witness__init(&shown->witness[i]);
		addr_print(shown->text[i], &witness->addr);
		shown->witness[i].address = shown->text[i];
		shown->witness[i].has_answers = shown->witness[i].has_age_ms = witness->known;
		shown->witness[i].answers = witness_answers(witness);
		shown->witness[i].age_ms = witness->known ? age_ms(witness->seen_ns) : 0;
		shown->list[i] = &shown->witness[i];
	}
	return witnesses->count;
}

/* Of several the one that has lasted longest. */
static void say_dispute(const struct disputes *disputes, char *alarm, size_t size)
{
	const struct dispute *first = &disputes->list[0];
	char addr[ADDR_TEXT], mac[MAC_TEXT], name[IF_NAMESIZE], others[48] = "";

	if (!disputes->count || !if_indextoname((unsigned int)first->claim.ifindex, name))
		return;
	if (disputes->count > 1)
		snprintf(others, sizeof(others), "; more in dispute: %zu", disputes->count - 1);
	snprintf(alarm, size,
		 "%s is claimed by %s too, on %s, since %llu s ago (last %llu s ago): look for "
		 "that station%s",
		 addr_print(addr, &first->claim.addr), lan_print_mac(mac, first->claim.mac), name,
		 (unsigned long long)age_ms(first->since) / 1000,
		 (unsigned long long)age_ms(first->seen) / 1000, others);
}

/* What somebody should look at, though the role is where it should be; empty: nothing. */
static void say_alarm(const struct vrrpd *vrrpd, char *alarm, size_t size)
{
	const struct fsm *fsm = &vrrpd->fsm;
	const char *peer = vrrpd_peer_name(vrrpd);
	char name[IF_NAMESIZE];

	alarm[0] = '\0';
	if (fsm->held)
		snprintf(alarm, size,
			 "%s is active, but its adverts have not been heard for %llu ms; the role "
			 "is "
			 "left there: look at the LAN",
			 peer, (unsigned long long)age_ms(fsm->heard_at));
	else if (vrrpd->peer_held && fsm->state == FSM_ACTIVE)
		snprintf(alarm, size, "%s does not hear the adverts of this node: look at the LAN",
			 peer);
	else if (fsm->faults & FSM_FAULT_LAN || vrrpd->lookout.silent >= ALARM_ROUNDS)
		snprintf(alarm, size, "no witness answers: look at the LAN of this node");
	else if (vrrpd->lookout.last == LOOKOUT_PARTLY && vrrpd->lookout.partly >= ALARM_ROUNDS &&
		 if_indextoname((unsigned int)vrrpd->witnesses.dark, name))
		snprintf(alarm, size, "no witness answers on %s: look at that LAN", name);
	else if (strncmp(vrrpd->fence.last, "failed", strlen("failed")) == 0)
		snprintf(alarm, size, "the fence command has %s", vrrpd->fence.last);
	else
		say_dispute(&vrrpd->disputes, alarm, size);
}

static void fill_judgement(struct vrrpd *vrrpd, Cas__VrrpStatus *status)
{
	const struct fsm *fsm = &vrrpd->fsm;

	status->has_held = status->has_holds = status->has_claims = status->has_forged = true;
	status->held = fsm->held;
	status->holds = fsm->holds;
	status->claims = fsm->claims;
	status->forged = fsm->forged;
	status->has_disputed = status->has_defended = true;
	status->disputed = vrrpd->disputes.claims;
	status->defended = vrrpd->disputes.defences;
	status->has_late = status->has_latest_ms = status->has_strict_rfc = true;
	status->late = fsm->overrun;
	status->latest_ms = (double)fsm->latest_ns / 1e6;
	status->strict_rfc = fsm->config.strict;
	if (vrrpd->fence.last[0])
		status->fence = vrrpd->fence.last;
}

static size_t fill_pending(struct pending *pending, char *list[PENDING_MAX])
{
	for (size_t i = 0; i < pending->count; i++)
		list[i] = pending->text[i];
	return pending->count;
}

static void answer_status(struct vrrpd *vrrpd, struct ctl_conn *conn)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__StatusReply reply = CAS__STATUS_REPLY__INIT;
	Cas__VrrpStatus status = CAS__VRRP_STATUS__INIT;
	struct rejected rejected;
	char text[VIP_MAX][ADDR_TEXT], *addresses[VIP_MAX];
	char version[] = CASPAIR_VERSION, forms[][8] = { "rfc5798", "rfc9568" };
	struct sources sources;
	struct lan_ways ways;
	struct shown_witnesses witnesses;
	char alarm[256], former[LINK_TEXT], *pending[PENDING_MAX];

	fill_plain(vrrpd, &status);
	fill_judgement(vrrpd, &status);
	status.n_witness = fill_witnesses(&vrrpd->witnesses, &witnesses);
	status.witness = witnesses.list;
	say_alarm(vrrpd, alarm, sizeof(alarm));
	if (alarm[0])
		status.alarm = alarm;
	status.n_pending = fill_pending(&vrrpd->pending, pending);
	status.pending = pending;
	if (lan_former(vrrpd, former))
		status.former = former;
	status.version = version;
	status.pair = vrrpd->conf->file->pair;
	status.node = (char *)(uintptr_t)vrrpd_own_name(vrrpd);
	status.peer_name = (char *)(uintptr_t)vrrpd_peer_name(vrrpd);
	status.reason = vrrpd->fsm.reason;
	status.n_rejected = fill_rejected(vrrpd, &rejected);
	status.rejected = rejected.list;
	status.n_source = fill_sources(vrrpd, &sources);
	status.source = sources.list;
	status.n_way = lan_ways(vrrpd, &ways);
	status.way = ways.list;
	if (vrrpd->link.config.version == 3 && vrrpd->link.config.speaks[LINK_V4])
		status.checksum = forms[link_dialect(&vrrpd->link)];
	for (size_t i = 0; vrrpd->vips.held && i < vrrpd->vips.count; i++) {
		addr_print(text[i], &vrrpd->vips.addr[i]);
		addresses[i] = text[i];
		status.n_address++;
	}
	status.address = addresses;
	if (vrrpd->gate[0] && vrrpd->fsm.state != FSM_ACTIVE)
		status.gate = vrrpd->gate;
	status.config_digest = vrrpd->conf->digest_text;
	reply.vrrp = &status;
	message.status_reply = &reply;
	ctl_send(conn, &message, NULL, 0);
}

/* --- failover --------------------------------------------------------------------------------- */

static void end_failover(struct vrrpd *vrrpd)
{
	ev_timer_stop(vrrpd->loop, &vrrpd->failover.patience);
	vrrpd->failover.started = 0;
	vrrpd->failover.conn = NULL;
}

static void refuse_failover(struct vrrpd *vrrpd, unsigned int code, const char *why)
{
	log_warning("failover refused: %s", why);
	if (vrrpd->failover.conn)
		ctl_refuse(vrrpd->failover.conn, code, "%s%s", why,
			   code == EXIT_UNSAFE ? in_spite : "");
	end_failover(vrrpd);
}

static void hand_over(struct vrrpd *vrrpd)
{
	struct fsm_event event = { .kind = FSM_HANDOVER };

	vrrpd->failover.yielded = true;
	vrrpd->failover.let_go = lease_now();
	ev_timer_stop(vrrpd->loop, &vrrpd->failover.patience);
	role_event(vrrpd, &event, "handed over by the operator");
}

void control_ready(struct vrrpd *vrrpd, const Cas__HandOverReady *ready)
{
	struct failover *failover = &vrrpd->failover;

	if (!failover->started || failover->yielded || ready->id != failover->id)
		return;
	failover->counted = ready->has_flows && ready->has_peer_flows;
	failover->flows = ready->flows;
	failover->peer_flows = ready->peer_flows;
	/* The time it took may have brought another role. */
	if (vrrpd->fsm.state != FSM_ACTIVE)
		refuse_failover(vrrpd, EXIT_PROBLEM, "this node is not active any more");
	else if (!ready->complete && !failover->anyway)
		refuse_failover(vrrpd, EXIT_UNSAFE,
				ready->why ? ready->why : "the peer has not applied everything");
	else
		hand_over(vrrpd);
}

void control_result(struct vrrpd *vrrpd, bool confirmed)
{
	struct failover *failover = &vrrpd->failover;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__FailoverReply reply = CAS__FAILOVER_REPLY__INIT;
	char by_channel[300], by_advert[64], *told[2];
	char name[256];

	if (!failover->started || !failover->yielded)
		return;
	if (!confirmed) {
		refuse_failover(vrrpd, EXIT_PROBLEM,
				vrrpd->fsm.state == FSM_ACTIVE
					? "the peer did not take over, so this node leads again"
					: "the peer has not confirmed that it took over; this node "
					  "leads again when nobody advertises");
		return;
	}
	snprintf(name, sizeof(name), "%s", vrrpd_peer_name(vrrpd));
	snprintf(by_channel, sizeof(by_channel), "%s over the channel", name);
	snprintf(by_advert, sizeof(by_advert), "the LAN by priority 0");
	reply.new_active = name;
	reply.has_took_ms = true;
	reply.has_flows = reply.has_peer_flows = failover->counted;
	reply.took_ms = age_ms(failover->started);
	reply.flows = failover->flows;
	reply.peer_flows = failover->peer_flows;
	reply.has_blackout_ms = true;
	reply.blackout_ms = (double)(lease_now() - failover->let_go) / 1e6;
	if (vrrpd->fsm.report.channel)
		told[reply.n_told++] = by_channel;
	told[reply.n_told++] = by_advert;
	reply.told = told;
	message.failover_reply = &reply;
	log_info("failover to %s took %llu ms", name, (unsigned long long)reply.took_ms);
	if (failover->conn)
		ctl_send(failover->conn, &message, NULL, 0);
	end_failover(vrrpd);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct vrrpd *vrrpd = timer->data;

	(void)loop;
	(void)events;
	if (vrrpd->failover.anyway && vrrpd->fsm.state == FSM_ACTIVE)
		hand_over(vrrpd);
	else
		refuse_failover(vrrpd, EXIT_UNSAFE,
				"syncd did not bring the peer up to date within 1 s");
}

/* Why this active node should not let go now, or NULL. */
static const char *unsafe(const struct vrrpd *vrrpd)
{
	if (!vrrpd->track.syncd_linked)
		return "syncd is not running on this node, so nothing is known of the peer";
	if (!vrrpd->reported_at || age_ms(vrrpd->reported_at) > REPORT_FRESH_MS)
		return "syncd has not reported on the peer lately";
	if (!vrrpd->fsm.report.channel)
		return "the peer is not reachable over the replication channel";
	if (!vrrpd->peer_vrrpd)
		return "vrrpd on the peer does not run, or hangs";
	if (vrrpd->peer_role != CAS__ROLE__STANDBY)
		return "the peer is not standby; see pairctl status there";
	if (vrrpd->witnesses.known && lookout_whole(&vrrpd->lookout) && !vrrpd->peer_whole)
		return "no witness answers the peer on one of its interfaces: look at its LAN";
	if (!vrrpd->peer_lbd)
		return "lbd does not run on the peer, so nobody there would check the members";
	if (vrrpd->sync != CAS__SYNC_STATE__IN_SYNC)
		return vrrpd->gate[0] ? vrrpd->gate : "the peer is not in sync";
	return NULL;
}

static void begin_failover(struct vrrpd *vrrpd, struct ctl_conn *conn, bool anyway)
{
	struct failover *failover = &vrrpd->failover;

	failover->conn = conn;
	failover->id++;
	failover->started = lease_now();
	failover->anyway = anyway;
	failover->yielded = false;
	failover->counted = false;
	if (!track_send_hand_over(&vrrpd->track, failover->id)) {
		if (anyway)
			hand_over(vrrpd);
		else
			refuse_failover(vrrpd, EXIT_PROBLEM, "syncd does not answer");
		return;
	}
	ev_timer_set(&failover->patience, patience_s, 0.0);
	ev_timer_start(vrrpd->loop, &failover->patience);
}

void control_hand_back(struct vrrpd *vrrpd)
{
	const char *why = unsafe(vrrpd);

	if (vrrpd->fsm.state != FSM_ACTIVE)
		why = "this node is not active";
	else if (vrrpd->failover.started)
		why = "a failover is under way";
	if (why) {
		log_warning("%s asks to lead, which is refused: %s", vrrpd_peer_name(vrrpd), why);
		return;
	}
	log_info("%s asks to lead", vrrpd_peer_name(vrrpd));
	begin_failover(vrrpd, NULL, false);
}

/* Whether the peer does is its own decision, and seen by its role. */
static void ask_back(struct vrrpd *vrrpd, struct ctl_conn *conn)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__FailoverReply reply = CAS__FAILOVER_REPLY__INIT;
	Cas__PeerWord word = CAS__PEER_WORD__INIT;

	word.word = CAS__PEER_WORD__WORD__HAND_BACK;
	word.epoch = vrrpd->fsm.epoch;
	if (vrrpd->fsm.state != FSM_BACKUP) {
		ctl_refuse(conn, EXIT_UNSAFE, "this node is not standby");
	} else if (!track_send_word(&vrrpd->track, &word)) {
		ctl_refuse(conn, EXIT_PROBLEM, "syncd does not answer");
	} else {
		log_info("%s is asked to hand over", vrrpd_peer_name(vrrpd));
		message.failover_reply = &reply;
		ctl_send(conn, &message, NULL, 0);
	}
}

static void answer_failover(struct vrrpd *vrrpd, struct ctl_conn *conn,
			    const Cas__FailoverRequest *request)
{
	bool anyway = request->anyway;
	const char *why = unsafe(vrrpd);

	if (request->back) {
		ask_back(vrrpd, conn);
		return;
	}
	if (vrrpd->failover.started) {
		ctl_refuse(conn, EXIT_UNSAFE, "a failover is under way");
		return;
	}
	if (vrrpd->fsm.state == FSM_BACKUP) {
		ctl_refuse(conn, EXIT_UNSAFE, "this node is standby; run it on %s",
			   vrrpd_peer_name(vrrpd));
		return;
	}
	if (vrrpd->fsm.state != FSM_ACTIVE) {
		ctl_refuse(conn, EXIT_UNSAFE, "this node is not active: %s", vrrpd->fsm.reason);
		return;
	}
	if (why && !anyway) {
		ctl_refuse(conn, EXIT_UNSAFE, "%s%s", why, in_spite);
		return;
	}
	log_info("failover asked for by uid %u%s%s", (unsigned int)ctl_uid(conn),
		 anyway ? ", anyway: " : "", anyway ? request->anyway : "");
	if (why)
		log_warning("handing over although %s", why);
	begin_failover(vrrpd, conn, anyway);
}

/* --- the socket ------------------------------------------------------------------------------- */

static void on_message(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
		       size_t nfds)
{
	/* They are ours by now, wanted or not. */
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (nfds)
		ctl_refuse(conn, EXIT_PROBLEM, "vrrpd takes no descriptors");
	else if (message->status)
		answer_status(arg, conn);
	else if (message->failover)
		answer_failover(arg, conn, message->failover);
	else
		ctl_refuse(conn, EXIT_PROBLEM, "vrrpd does not answer that");
}

static void on_closed(void *arg, struct ctl_conn *conn)
{
	struct vrrpd *vrrpd = arg;

	/* The failover goes on; only nobody waits for its end any more. */
	if (vrrpd->failover.conn == conn)
		vrrpd->failover.conn = NULL;
}

static const struct ctl_ops ops = { .message = on_message, .closed = on_closed };

int control_start(struct vrrpd *vrrpd)
{
	char path[PATH_MAX];
	int err;

	ev_timer_init(&vrrpd->failover.patience, on_patience, patience_s, 0.0);
	vrrpd->failover.patience.data = vrrpd;
	if (!daemon_path(path, sizeof(path), vrrpd->options.run_dir, "vrrpd.sock"))
		return -ENAMETOOLONG;
	err = ctl_listen(&vrrpd->server, vrrpd->loop, path, &ops, vrrpd);
	if (err)
		log_error("%s: %s", path,
			  err == -EADDRINUSE ? "another vrrpd is running" : strerror(-err));
	return err;
}

void control_end(struct vrrpd *vrrpd)
{
	ev_timer_stop(vrrpd->loop, &vrrpd->failover.patience);
	ctl_server_free(vrrpd->server);
}
