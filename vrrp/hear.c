// SPDX-License-Identifier: BSD-2-Clause
/* What lbd, syncd and the kernel say, as events of the machine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "proto/flow_lease.h"
#include "vrrp/vrrp.h"

enum { PEER_SILENT_MS = 1500 }; /* three pulses of its vrrpd */

static const uint64_t LBD_SILENT_NS = 5000000000; /* five of its facts */
static const uint64_t HAND_BACK_NS = 2000000000;
static const double PULSE_S = 0.5;

static void fault(struct vrrpd *vrrpd, unsigned int bit, bool failed, const char *reason)
{
	struct fsm_event event = { .kind = failed ? FSM_FAILED : FSM_RECOVERED };

	if (failed == !!(vrrpd->fsm.faults & bit))
		return;
	event.fault.bit = bit;
	role_event(vrrpd, &event, reason);
}

/* --- lbd -------------------------------------------------------------------------------------- */

static void on_lease(void *arg, int fd)
{
	struct vrrpd *vrrpd = arg;
	struct fsm *fsm = &vrrpd->fsm;
	struct fsm_event event = { .kind = FSM_RECOVERED };
	int err = lease_map(&vrrpd->lease, fd);

	if (err) {
		log_error("cannot map the lease: %s", strerror(-err));
		return;
	}
	/* New tables, or an lbd that came back: the lease says what we say.  A fence stays. */
	if (fsm->state == FSM_ACTIVE) {
		if (lease_fenced(&vrrpd->lease) == FENCE_NONE)
			lease_activate(&vrrpd->lease, fsm->epoch, fsm->lease_until);
		return;
	}
	event.fault.bit = FSM_FAULT_PLANE;
	event.fault.epoch = lease_epoch(&vrrpd->lease);
	lease_standby(&vrrpd->lease);
	if (fsm->faults & FSM_FAULT_PLANE)
		role_event(vrrpd, &event, "lbd is there");
}

static void on_facts(void *arg, const Cas__LbdFacts *facts)
{
	struct vrrpd *vrrpd = arg;
	char reason[FSM_REASON];

	vrrpd->lbd_at = lease_now();
	fault(vrrpd, FSM_FAULT_LBD, false, "lbd answers again");
	if (facts->has_flows)
		vrrpd->flows = facts->flows;
	if (!facts->has_healthy)
		return;
	snprintf(reason, sizeof(reason), "lbd: %s", facts->why ? facts->why : "data plane unwell");
	fault(vrrpd, FSM_FAULT_HEALTH, !facts->healthy, facts->healthy ? "lbd is well" : reason);
}

/*
 * Unknown is not failed: the kernel forwards without lbd, so that its end moves no role.  But when
 * it stays away or hangs, nobody checks the members, and the peer had better lead.
 */
static void on_lbd(void *arg, bool linked)
{
	struct vrrpd *vrrpd = arg;

	vrrpd->lbd_at = lease_now();
	if (linked)
		log_info("linked to lbd");
	else
		log_warning("lbd is gone; the data plane goes on in the kernel (role %s)",
			    fsm_state_names[vrrpd->fsm.state]);
}

/* --- syncd and, through it, the peer ---------------------------------------------------------- */

static void on_syncd(void *arg, bool linked)
{
	struct vrrpd *vrrpd = arg;
	struct fsm_event event = { .kind = FSM_PEER_REPORT };

	if (linked) {
		log_info("linked to syncd");
		deed_report_role(vrrpd);
		return;
	}
	log_warning("syncd is gone: nothing is known of %s but its adverts",
		    vrrpd_peer_name(vrrpd));
	snprintf(vrrpd->gate, sizeof(vrrpd->gate), "syncd is not running");
	vrrpd->reported_at = 0;
	role_event(vrrpd, &event, NULL);
}

static void note_gate(struct vrrpd *vrrpd, const Cas__PeerReport *report)
{
	vrrpd->reported_at = lease_now();
	vrrpd->sync = report->has_sync ? report->sync : CAS__SYNC_STATE__DETACHED;
	vrrpd->peer_role = report->peer && report->peer->has_role ? report->peer->role
								  : CAS__ROLE__NONE;
	vrrpd->peer_lbd = report->peer && (!report->peer->has_lbd || report->peer->lbd);
	vrrpd->peer_held = report->peer && report->peer->held;
	vrrpd->peer_vrrpd = report->peer && (!report->peer->has_vrrpd || report->peer->vrrpd) &&
			    report->peer->vrrpd_age_ms < PEER_SILENT_MS;
	if (report->has_ready && report->ready)
		vrrpd->gate[0] = '\0';
	else
		snprintf(vrrpd->gate, sizeof(vrrpd->gate), "%s",
			 report->why ? report->why : "this node is not in sync");
}

/* How long something has lain in our socket, perhaps while we slept. */
static uint64_t lain_ns(bool known, uint64_t sent_ns)
{
	uint64_t now = lease_now();

	return known && sent_ns < now ? now - sent_ns : 0;
}

/* Of what the peer says. */
static uint64_t report_age(const Cas__PeerReport *report)
{
	uint64_t now = lease_now(), age = report->age_ms * UINT64_C(1000000);

	age += lain_ns(report->has_sent_ns, report->sent_ns);
	return age < now ? age : now;
}

/* A peer that no witness has ever answered cannot be better off; one of an older release says less.
 */
static bool peer_whole(const Cas__NodeFacts *peer)
{
	return peer->has_lan && (peer->has_lan_whole ? peer->lan_whole : peer->lan);
}

/* A peer of an older release tells of its syncd only, which follows at about the same time. */
static bool runs_ours(const struct vrrpd *vrrpd, const Cas__NodeFacts *peer)
{
	const char *digest = peer->vrrpd_digest ? peer->vrrpd_digest : peer->config_digest;

	return digest && strcmp(digest, vrrpd->conf->digest_text) == 0;
}

static void learn_link_local(struct vrrpd *vrrpd, const Cas__NodeFacts *peer)
{
	struct addr addr = { 0 };

	/* Where the file names it, both nodes know it. */
	if (vrrpd->link.config.peer[LINK_V6].family)
		return;
	if (peer->link_local && (!addr_parse(&addr, peer->link_local) || addr.family != 6))
		return;
	vrrpd->fsm.config.peer[FSM_V6] = addr;
}

static void on_report(void *arg, const Cas__PeerReport *report)
{
	struct vrrpd *vrrpd = arg;
	const Cas__NodeFacts *peer = report->peer;
	struct fsm_event event = { .kind = FSM_PEER_REPORT };

	note_gate(vrrpd, report);
	event.report.channel = report->channel_up && peer;
	event.report.age_ns = report_age(report);
	event.report.ready = report->has_ready && report->ready;
	event.report.highest = report->has_highest_epoch ? report->highest_epoch : 0;
	if (peer) {
		/* A role that a dead or hung vrrpd has left behind is no role. */
		event.report.peer_lives = vrrpd->peer_vrrpd;
		event.report.peer_active = vrrpd->peer_vrrpd &&
					   vrrpd->peer_role == CAS__ROLE__ACTIVE;
		event.report.peer_standby = vrrpd->peer_vrrpd &&
					    vrrpd->peer_role == CAS__ROLE__STANDBY;
		vrrpd->peer_whole = peer_whole(peer);
		vrrpd->peer_spoke = lease_now() - event.report.age_ns -
				    peer->vrrpd_age_ms * UINT64_C(1000000);
		learn_link_local(vrrpd, peer);
		if (runs_ours(vrrpd, peer))
			role_followed(vrrpd);
		event.report.peer_epoch = peer->has_epoch ? peer->epoch : 0;
		event.report.priority = (uint8_t)(peer->has_priority ? peer->priority : 0);
	}
	role_event(vrrpd, &event, NULL);
}

static void on_word(void *arg, const Cas__PeerWord *word)
{
	struct vrrpd *vrrpd = arg;
	static const enum fsm_kind kinds[] = {
		[CAS__PEER_WORD__WORD__YIELD] = FSM_PEER_YIELD,
		[CAS__PEER_WORD__WORD__TAKEN] = FSM_PEER_TAKEN,
		[CAS__PEER_WORD__WORD__CLAIM] = FSM_PEER_CLAIM,
		[CAS__PEER_WORD__WORD__GRANT] = FSM_PEER_GRANT,
		[CAS__PEER_WORD__WORD__REFUSE] = FSM_PEER_REFUSE,
		[CAS__PEER_WORD__WORD__CALM] = FSM_PEER_CALM,
	};
	struct fsm_event event = { 0 };
	char reason[FSM_REASON];
	bool lets_go;

	/* Not one that lay unread: by now the operator has seen that nothing came of it. */
	if (word->word == CAS__PEER_WORD__WORD__HAND_BACK &&
	    lain_ns(word->has_heard_ns, word->heard_ns) < HAND_BACK_NS)
		control_hand_back(vrrpd);
	/* A later release may know more of them. */
	if (word->word < CAS__PEER_WORD__WORD__YIELD || word->word > CAS__PEER_WORD__WORD__CALM)
		return;
	event.kind = kinds[word->word];
	event.word.epoch = word->epoch;
	event.word.id = word->has_id ? word->id : 0;
	event.word.preempt = word->has_preempt && word->preempt;
	event.word.lame = word->has_lame && word->lame;
	event.word.counts = word->has_counts && word->counts;
	event.word.age_ns = lain_ns(word->has_heard_ns, word->heard_ns);
	lets_go = event.kind == FSM_PEER_YIELD || event.kind == FSM_PEER_GRANT;
	snprintf(reason, sizeof(reason), "%s let go: %s", vrrpd_peer_name(vrrpd),
		 word->reason ? word->reason : "no reason given");
	role_event(vrrpd, &event, lets_go ? reason : NULL);
}

static void on_ready(void *arg, const Cas__HandOverReady *ready)
{
	control_ready(arg, ready);
}

static int on_follow(void *arg, const struct revision *which)
{
	return vrrpd_follow(arg, which);
}

static const struct track_ops track_ops = {
	.lease = on_lease,
	.facts = on_facts,
	.lbd = on_lbd,
	.syncd = on_syncd,
	.report = on_report,
	.word = on_word,
	.hand_over_ready = on_ready,
	.follow = on_follow,
};

/* --- the kernel ------------------------------------------------------------------------------- */

static bool tracked(const struct vrrpd *vrrpd, const char *ifname)
{
	const Conf__Vrrp *vrrp = vrrpd->conf->file->vrrp;

	for (size_t i = 0; i < vrrp->n_track_interface; i++) {
		if (strcmp(vrrp->track_interface[i], ifname) == 0)
			return true;
	}
	return false;
}

/* The first tracked interface without carrier, or NULL. */
static const char *tracked_down(const struct vrrpd *vrrpd)
{
	const Conf__Vrrp *vrrp = vrrpd->conf->file->vrrp;

	for (size_t i = 0; i < vrrp->n_track_interface; i++) {
		if (!watch_up(vrrp->track_interface[i]))
			return vrrp->track_interface[i];
	}
	return NULL;
}

unsigned int hear_faults(const struct vrrpd *vrrpd)
{
	unsigned int faults = 0;

	if (!watch_up(vrrpd->conf->file->vrrp->interface))
		faults |= FSM_FAULT_LINK;
	if (tracked_down(vrrpd))
		faults |= FSM_FAULT_TRACK;
	return faults;
}

static void tell_track(struct vrrpd *vrrpd)
{
	const char *down = tracked_down(vrrpd);
	char reason[FSM_REASON];

	snprintf(reason, sizeof(reason), "%s has no carrier", down ? down : "");
	fault(vrrpd, FSM_FAULT_TRACK, down, down ? reason : "all tracked interfaces are up");
}

static void on_link(void *arg, const char *ifname, int ifindex, bool up)
{
	struct vrrpd *vrrpd = arg;
	char reason[FSM_REASON];

	if (tracked(vrrpd, ifname))
		tell_track(vrrpd);
	if (strcmp(ifname, vrrpd->link.config.ifname) != 0)
		return;
	if (ifindex && ifindex != vrrpd->link.config.ifindex)
		role_link_renewed(vrrpd, ifindex);
	snprintf(reason, sizeof(reason), "%s has %s", ifname, up ? "carrier again" : "no carrier");
	fault(vrrpd, FSM_FAULT_LINK, !up, reason);
}

static void on_address(void *arg, const struct addr *addr, int ifindex, bool gone)
{
	if (gone)
		guard_address_gone(arg, addr, ifindex);
	lan_address_changed(arg, addr, ifindex);
}

void hear_look(struct vrrpd *vrrpd)
{
	const char *lan = vrrpd->link.config.ifname;

	on_link(vrrpd, lan, (int)if_nametoindex(lan), watch_up(lan));
	tell_track(vrrpd);
	lan_address_changed(vrrpd, NULL, vrrpd->link.config.ifindex);
	guard_look(vrrpd);
}

static void on_lost(void *arg)
{
	hear_look(arg);
}

static const struct watch_ops watch_ops = {
	.link = on_link,
	.address = on_address,
	.lost = on_lost,
};

/* --- silence ---------------------------------------------------------------------------------- */

static void hear_lbd(struct vrrpd *vrrpd)
{
	if (!(vrrpd->fsm.faults & FSM_FAULT_PLANE) && lease_now() - vrrpd->lbd_at > LBD_SILENT_NS)
		fault(vrrpd, FSM_FAULT_LBD, true, "lbd has said nothing for 5 s");
}

static void tell_side(struct vrrpd *vrrpd, bool failed)
{
	char reason[FSM_REASON], name[IF_NAMESIZE] = "one interface";

	if_indextoname((unsigned int)vrrpd->witnesses.dark, name);
	snprintf(reason, sizeof(reason), "no witness answers on %s", name);
	fault(vrrpd, FSM_FAULT_SIDE, failed, failed ? reason : "witnesses answer everywhere");
}

/* From a time when what silences our witnesses must have silenced its own. */
static bool peer_better_off(const struct vrrpd *vrrpd)
{
	return vrrpd->fsm.report.channel && vrrpd->peer_whole &&
	       lease_now() - vrrpd->peer_spoke < LOOKOUT_FRESH_MS * UINT64_C(1000000);
}

static void judge(struct vrrpd *vrrpd, enum lookout_round round)
{
	const struct fsm *fsm = &vrrpd->fsm;
	const struct lookout_view view = { fsm->state == FSM_ACTIVE, fsm->report.channel,
					   peer_better_off(vrrpd) };
	struct lookout_verdict verdict = lookout_round(&vrrpd->lookout, round, &view);

	if (verdict.lan || round != LOOKOUT_SILENT)
		fault(vrrpd, FSM_FAULT_LAN, verdict.lan,
		      verdict.lan ? "no witness answers" : "a witness answers");
	if (verdict.side || lookout_whole(&vrrpd->lookout))
		tell_side(vrrpd, verdict.side);
	if (verdict.again)
		witness_ask(&vrrpd->witnesses, true);
}

static void on_round(void *arg, enum lookout_round round)
{
	struct vrrpd *vrrpd = arg;
	bool whole = lookout_whole(&vrrpd->lookout), lan = !(vrrpd->fsm.faults & FSM_FAULT_LAN);

	judge(vrrpd, round);
	/* The peer knows a LAN from the facts, which travel with the role. */
	if (whole != lookout_whole(&vrrpd->lookout) || lan != !(vrrpd->fsm.faults & FSM_FAULT_LAN))
		deed_report_role(vrrpd);
}

void hear_asked(struct vrrpd *vrrpd)
{
	lookout_asked(&vrrpd->lookout);
	witness_ask(&vrrpd->witnesses, false);
}

/* Who was stopped, or stood still with its machine, has heard nobody: that is not their silence. */
static void note_sleep(struct vrrpd *vrrpd)
{
	const uint64_t pulse = (uint64_t)(PULSE_S * 1e9), now = lease_now();
	uint64_t since = now - vrrpd->pulsed;

	vrrpd->pulsed = now;
	if (since < 2 * pulse)
		return;
	vrrpd->lbd_at = vrrpd->lbd_at + since - pulse;
	if (vrrpd->lbd_at > now)
		vrrpd->lbd_at = now;
	lookout_overslept(&vrrpd->lookout);
	witness_overslept(&vrrpd->witnesses);
}

/* Without it, syncd's memory of a hung vrrpd would pass for a living one. */
static void on_pulse(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct vrrpd *vrrpd = timer->data;

	(void)loop;
	(void)events;
	note_sleep(vrrpd);
	deed_report_role(vrrpd);
	hear_lbd(vrrpd);
	witness_ask(&vrrpd->witnesses, false);
}

int hear_start(struct vrrpd *vrrpd)
{
	int err = watch_open(&vrrpd->watch, vrrpd->loop, &watch_ops, vrrpd);

	if (err)
		return err;
	snprintf(vrrpd->gate, sizeof(vrrpd->gate), "syncd is not running");
	err = track_open(&vrrpd->track, vrrpd->loop, vrrpd->options.run_dir, &track_ops, vrrpd);
	if (err)
		goto no_track;
	err = witness_open(&vrrpd->witnesses, vrrpd->loop, on_round, vrrpd);
	if (err)
		goto no_witness;
	vrrpd->lbd_at = vrrpd->pulsed = lease_now();
	vrrpd->peer_whole = true;
	ev_timer_init(&vrrpd->pulse, on_pulse, PULSE_S, PULSE_S);
	vrrpd->pulse.data = vrrpd;
	/* Whatever has been said is heard before anybody is found silent. */
	ev_set_priority(&vrrpd->pulse, EV_MINPRI);
	ev_timer_start(vrrpd->loop, &vrrpd->pulse);
	/* Whoever leads soon should know by then who answers as a rule. */
	witness_ask(&vrrpd->witnesses, false);
	return 0;

no_witness:
	track_close(&vrrpd->track);
no_track:
	watch_close(&vrrpd->watch);
	return err;
}

void hear_end(struct vrrpd *vrrpd)
{
	ev_timer_stop(vrrpd->loop, &vrrpd->pulse);
	witness_close(&vrrpd->witnesses);
	track_close(&vrrpd->track);
	watch_close(&vrrpd->watch);
}
