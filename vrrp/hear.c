// SPDX-License-Identifier: BSD-2-Clause
/* What lbd, syncd and the kernel say, as events of the machine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/flow.h"
#include "vrrp/vrrp.h"

static void fault(struct vrrpd *vrrpd, unsigned int bit, bool failed, const char *reason)
{
	struct fsm_event event = { .kind = failed ? FSM_FAILED : FSM_RECOVERED };

	if (failed == !!(vrrpd->fsm.faults & bit))
		return;
	event.fault.bit = bit;
	role_event(vrrpd, &event, reason);
}

/* --- lbd -----------------------------------------------------------------------------------------
 */

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

	if (facts->has_flows)
		vrrpd->flows = facts->flows;
	if (!facts->has_healthy)
		return;
	snprintf(reason, sizeof(reason), "lbd: %s", facts->why ? facts->why : "data plane unwell");
	fault(vrrpd, FSM_FAULT_HEALTH, !facts->healthy, facts->healthy ? "lbd is well" : reason);
}

/* Unknown is not failed: the kernel forwards without lbd, so its end moves no role. */
static void on_lbd(void *arg, bool linked)
{
	struct vrrpd *vrrpd = arg;

	if (linked)
		log_info("linked to lbd");
	else
		log_warning("lbd is gone; the data plane goes on in the kernel (role %s)",
			    fsm_state_names[vrrpd->fsm.state]);
}

/* --- syncd and, through it, the peer
 * -------------------------------------------------------------- */

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
	if (report->has_ready && report->ready)
		vrrpd->gate[0] = '\0';
	else
		snprintf(vrrpd->gate, sizeof(vrrpd->gate), "%s",
			 report->why ? report->why : "this node is not in sync");
}

static void on_report(void *arg, const Cas__PeerReport *report)
{
	struct vrrpd *vrrpd = arg;
	const Cas__NodeFacts *peer = report->peer;
	struct fsm_event event = { .kind = FSM_PEER_REPORT };

	note_gate(vrrpd, report);
	event.report.channel = report->channel_up && peer;
	event.report.ready = report->has_ready && report->ready;
	event.report.highest = report->has_highest_epoch ? report->highest_epoch : 0;
	if (peer) {
		event.report.peer_active = vrrpd->peer_role == CAS__ROLE__ACTIVE;
		event.report.peer_standby = vrrpd->peer_role == CAS__ROLE__STANDBY;
		event.report.peer_epoch = peer->has_epoch ? peer->epoch : 0;
		event.report.priority = (uint8_t)(peer->has_priority ? peer->priority : 0);
	}
	role_event(vrrpd, &event, NULL);
}

static void on_word(void *arg, const Cas__PeerWord *word)
{
	struct vrrpd *vrrpd = arg;
	bool yield = word->word == CAS__PEER_WORD__WORD__YIELD;
	struct fsm_event event = { .kind = yield ? FSM_PEER_YIELD : FSM_PEER_TAKEN };
	char reason[FSM_REASON];

	event.epoch = word->epoch;
	snprintf(reason, sizeof(reason), "%s let go: %s", vrrpd_peer_name(vrrpd),
		 word->reason ? word->reason : "no reason given");
	role_event(vrrpd, &event, yield ? reason : NULL);
}

static void on_ready(void *arg, const Cas__HandOverReady *ready)
{
	control_ready(arg, ready);
}

static const struct track_ops track_ops = {
	.lease = on_lease,
	.facts = on_facts,
	.lbd = on_lbd,
	.syncd = on_syncd,
	.report = on_report,
	.word = on_word,
	.hand_over_ready = on_ready,
};

/* --- the kernel ----------------------------------------------------------------------------------
 */

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
	if (addr->family == 6)
		lan_address_changed(arg, ifindex);
}

static void on_lost(void *arg)
{
	struct vrrpd *vrrpd = arg;
	const char *lan = vrrpd->link.config.ifname;

	on_link(vrrpd, lan, (int)if_nametoindex(lan), watch_up(lan));
	tell_track(vrrpd);
	lan_address_changed(vrrpd, vrrpd->link.config.ifindex);
	guard_look(vrrpd);
}

static const struct watch_ops watch_ops = {
	.link = on_link,
	.address = on_address,
	.lost = on_lost,
};

int hear_start(struct vrrpd *vrrpd)
{
	int err = watch_open(&vrrpd->watch, vrrpd->loop, &watch_ops, vrrpd);

	if (err)
		return err;
	snprintf(vrrpd->gate, sizeof(vrrpd->gate), "syncd is not running");
	err = track_open(&vrrpd->track, vrrpd->loop, vrrpd->options.run_dir, &track_ops, vrrpd);
	if (err)
		watch_close(&vrrpd->watch);
	return err;
}

void hear_end(struct vrrpd *vrrpd)
{
	track_close(&vrrpd->track);
	watch_close(&vrrpd->watch);
}
