// SPDX-License-Identifier: BSD-2-Clause
/* What the machine wants done: the only place where this node changes the world. */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "proto/flow_lease.h"
#include "vrrp/vrrp.h"

enum { CLAIMS_SETTLE = 1000000000 }; /* ns */

Cas__Role deed_role(const struct vrrpd *vrrpd)
{
	static const Cas__Role words[] = {
		[FSM_INIT] = CAS__ROLE__NONE,
		[FSM_BACKUP] = CAS__ROLE__STANDBY,
		[FSM_ACTIVE] = CAS__ROLE__ACTIVE,
		[FSM_FAULT] = CAS__ROLE__FAULT,
	};

	_Static_assert(sizeof(words) / sizeof(*words) == FSM_STATES, "roles");
	return words[vrrpd->fsm.state];
}

static void do_lease_standby(struct vrrpd *vrrpd)
{
	/* That runs out by itself.  Not when the peer has confirmed: clients may hear later. */
	if (vrrpd->fsm.yield_until)
		lease_leave(&vrrpd->lease, vrrpd->fsm.yield_until);
	else
		lease_standby(&vrrpd->lease);
}

/* `answered`: the claim that it is, or answers; NULL: it has to do with none. */
static void send_word(struct vrrpd *vrrpd, Cas__PeerWord__Word which,
		      const struct fsm_word *answered)
{
	Cas__PeerWord word = CAS__PEER_WORD__INIT;

	word.word = which;
	word.epoch = vrrpd->fsm.epoch;
	word.has_id = answered != NULL;
	word.id = answered ? answered->id : 0;
	if (which == CAS__PEER_WORD__WORD__CLAIM) {
		word.has_preempt = word.has_lame = word.has_counts = true;
		word.counts = answered->counts;
		word.preempt = answered->preempt;
		word.lame = answered->lame;
	}
	word.reason = vrrpd->fsm.reason;
	word.has_flows = true;
	word.flows = vrrpd->flows;
	track_send_word(&vrrpd->track, &word);
}

static void do_send_yield(struct vrrpd *vrrpd)
{
	send_word(vrrpd, CAS__PEER_WORD__WORD__YIELD, NULL);
}

static void do_send_grant(struct vrrpd *vrrpd)
{
	send_word(vrrpd, CAS__PEER_WORD__WORD__GRANT, &vrrpd->fsm.asked);
}

static void send_advert(struct vrrpd *vrrpd, uint8_t priority)
{
	const struct link_advert advert = {
		.priority = priority,
		.interval_ns = vrrpd->fsm.config.advert_ns,
		.addresses = vrrpd->vips.addr,
		.count = vrrpd->vips.count,
	};

	link_send(&vrrpd->link, &advert, lease_now());
	if (link_is_open(&vrrpd->former))
		link_send(&vrrpd->former, &advert, lease_now());
}

static void do_send_release(struct vrrpd *vrrpd)
{
	send_advert(vrrpd, ADVERT_RELEASE);
}

static void do_drop_addresses(struct vrrpd *vrrpd)
{
	announce_stop(&vrrpd->telling);
	announce_stop(&vrrpd->asking);
	dispute_forget(&vrrpd->disputes);
	vip_drop(&vrrpd->vips);
}

static void do_lease_active(struct vrrpd *vrrpd)
{
	lease_activate(&vrrpd->lease, vrrpd->fsm.epoch, vrrpd->fsm.lease_until);
}

static void do_lease_bound(struct vrrpd *vrrpd)
{
	lease_tell(&vrrpd->lease);
	lease_extend(&vrrpd->lease, vrrpd->fsm.lease_until);
}

/* The lease first: a stall between the two must not leave a voice without a lease. */
static void do_send_advert(struct vrrpd *vrrpd)
{
	lease_extend(&vrrpd->lease, vrrpd->fsm.lease_until);
	send_advert(vrrpd, vrrpd->fsm.config.priority);
}

static void do_take_addresses(struct vrrpd *vrrpd)
{
	vip_take(&vrrpd->vips);
}

static bool speaks(const struct vrrpd *vrrpd, uint64_t now)
{
	return fsm_speaks(&vrrpd->fsm, now) && lease_fenced(&vrrpd->lease) == FENCE_NONE;
}

/* Of each address, as far as one of the two rounds is due. */
static void go_round(struct vrrpd *vrrpd, struct announce_schedule *schedule,
		     int (*speak)(int fd, int ifindex, const struct addr *addr), uint64_t now)
{
	const size_t count = vrrpd->vips.count;
	const struct vip *vip = vrrpd->vips.vip;
	unsigned int failed = 0;
	size_t i, end;
	int err;

	if (!speaks(vrrpd, now) || !announce_due(schedule, now))
		return;
	i = schedule->told;
	end = i + ANNOUNCE_SLICE < count ? i + ANNOUNCE_SLICE : count;
	for (; i < end; i++) {
		err = speak(vrrpd->announcer, vip[i].ifindex, &vip[i].addr);
		if (err && !failed++)
			log_warning("cannot announce on %s: %s", vip[i].ifname, strerror(-err));
	}
	announce_told(schedule, now, end, count);
}

void deed_announce_round(struct vrrpd *vrrpd, uint64_t now)
{
	go_round(vrrpd, &vrrpd->telling, announce_send, now);
	go_round(vrrpd, &vrrpd->asking, announce_ask, now);
}

/* What is on other wires is not known from the adverts. */
void deed_announce_rival(void *arg, const uint8_t mac[6])
{
	struct vrrpd *vrrpd = arg;
	const struct vip *vip = vrrpd->vips.vip;

	for (size_t i = 0; i < vrrpd->vips.count; i++) {
		if (vip[i].ifindex == vrrpd->link.config.ifindex)
			announce_other(vrrpd->announcer, vip[i].ifindex, &vip[i].addr, mac);
	}
}

/*
 * Who is known by his adverts is no stranger: which of two nodes leads is theirs to settle.  On
 * wires without adverts the former owner may have spoken just before this node took over.
 */
static bool is_stranger(const struct vrrpd *vrrpd, const struct claim *claim)
{
	const struct fsm *fsm = &vrrpd->fsm;

	if (lease_now() - fsm->since < CLAIMS_SETTLE ||
	    announce_is_own(vrrpd->announcer, claim->ifindex, claim->mac))
		return false;
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		if (fsm->config.peer[i].family &&
		    rival_is_at(&vrrpd->rival, &fsm->config.peer[i], claim->mac))
			return false;
	}
	return true;
}

void deed_defend(void *arg, const struct claim *claim)
{
	struct vrrpd *vrrpd = arg;
	const struct vip *vip = vip_find(&vrrpd->vips, &claim->addr);
	char addr[ADDR_TEXT], mac[MAC_TEXT];
	unsigned int follows;

	if (!vip || vip->ifindex != claim->ifindex || !speaks(vrrpd, lease_now()) ||
	    !is_stranger(vrrpd, claim))
		return;
	follows = dispute_note(&vrrpd->disputes, claim, lease_now());
	if (follows & DISPUTE_DEFEND)
		announce_send(vrrpd->announcer, vip->ifindex, &vip->addr);
	if (follows & DISPUTE_BEGINS)
		log_warning("%s is claimed by %s too, on %s: it is announced again whenever that "
			    "happens, once a second at most.  Look for that station",
			    addr_print(addr, &vip->addr), lan_print_mac(mac, claim->mac),
			    vip->ifname);
}

bool deed_defend_rest(void *arg)
{
	struct vrrpd *vrrpd = arg;
	const struct addr *addr;
	const struct vip *vip;

	while (speaks(vrrpd, lease_now()) &&
	       (addr = dispute_due(&vrrpd->disputes, lease_now())) != NULL) {
		vip = vip_find(&vrrpd->vips, addr);
		if (vip)
			announce_send(vrrpd->announcer, vip->ifindex, addr);
	}
	return dispute_owes(&vrrpd->disputes);
}

/* Who answers hosts alone is to be heard, and announced against, as often as one who tells all. */
static void ask_claimants(const struct vrrpd *vrrpd)
{
	for (size_t i = 0; i < vrrpd->disputes.count; i++) {
		const struct claim *claim = &vrrpd->disputes.list[i].claim;

		announce_ask(vrrpd->announcer, claim->ifindex, &claim->addr);
	}
}

void deed_mind_disputes(struct vrrpd *vrrpd, uint64_t now)
{
	struct dispute over;
	char addr[ADDR_TEXT], mac[MAC_TEXT];

	ask_claimants(vrrpd);
	while (dispute_over(&vrrpd->disputes, now, &over))
		log_info("%s has not been claimed by %s for a minute",
			 addr_print(addr, &over.claim.addr), lan_print_mac(mac, over.claim.mac));
}

static void do_announce(struct vrrpd *vrrpd)
{
	uint64_t now = lease_now();

	announce_start(&vrrpd->telling, now, ANNOUNCE_EVERY);
	announce_start(&vrrpd->asking, now, ANNOUNCE_ASK_EVERY);
	deed_announce_round(vrrpd, now);
}

static void do_reannounce(struct vrrpd *vrrpd)
{
	announce_again(&vrrpd->telling, lease_now());
}

void deed_report_role(struct vrrpd *vrrpd)
{
	const struct fsm *fsm = &vrrpd->fsm;
	Cas__RoleChange change = CAS__ROLE_CHANGE__INIT;
	const struct addr *own6 = &fsm->config.own[FSM_V6];
	char reason[FSM_REASON], text[ADDR_TEXT];

	snprintf(reason, sizeof(reason), "%s", fsm->reason);
	change.role = deed_role(vrrpd);
	change.epoch = fsm->epoch;
	change.reason = reason;
	change.has_since_ms = true;
	change.since_ms = (lease_now() - fsm->since) / 1000000;
	change.has_priority = true;
	change.priority = fsm->config.priority;
	change.has_carrier = true;
	change.carrier = !(fsm->faults & FSM_FAULT_LINK);
	change.has_lan = vrrpd->witnesses.known != 0;
	change.lan = !(fsm->faults & FSM_FAULT_LAN);
	change.has_lan_whole = change.has_lan;
	change.lan_whole = lookout_whole(&vrrpd->lookout);
	change.has_held = true;
	change.held = fsm->held;
	change.config_digest = vrrpd->conf->digest_text;
	change.has_pending = change.pending = vrrpd->pending.count > 0;
	if (own6->family)
		change.link_local = (char *)(uintptr_t)addr_print(text, own6);
	track_send_role(&vrrpd->track, &change);
}

static void do_send_taken(struct vrrpd *vrrpd)
{
	send_word(vrrpd, CAS__PEER_WORD__WORD__TAKEN, NULL);
}

static void do_send_claim(struct vrrpd *vrrpd)
{
	struct fsm_word claim = vrrpd->fsm.claim;

	/* What was found silent just now is no fault yet, but nobody should let go for it. */
	claim.lame |= !lookout_whole(&vrrpd->lookout);
	send_word(vrrpd, CAS__PEER_WORD__WORD__CLAIM, &claim);
}

static void do_send_refuse(struct vrrpd *vrrpd)
{
	send_word(vrrpd, CAS__PEER_WORD__WORD__REFUSE, &vrrpd->fsm.asked);
}

static void do_send_calm(struct vrrpd *vrrpd)
{
	send_word(vrrpd, CAS__PEER_WORD__WORD__CALM, &vrrpd->fsm.claim);
}

static void do_probe(struct vrrpd *vrrpd)
{
	hear_asked(vrrpd);
}

static void do_fence(struct vrrpd *vrrpd)
{
	fence_run(&vrrpd->fence, vrrpd->fsm.fence_id);
}

static void do_confirmed(struct vrrpd *vrrpd)
{
	control_result(vrrpd, true);
}

static void do_unconfirmed(struct vrrpd *vrrpd)
{
	log_warning("%s has not confirmed that it took over", vrrpd_peer_name(vrrpd));
	control_result(vrrpd, false);
}

static void do_stopped(struct vrrpd *vrrpd)
{
	ev_break(vrrpd->loop, EVBREAK_ALL);
}

/* In the order of enum fsm_action, which is the order they are done in. */
static void (*const deeds[])(struct vrrpd *vrrpd) = {
	do_lease_standby, do_send_yield,    do_send_grant,  do_send_release,   do_drop_addresses,
	do_lease_active,  do_lease_bound,   do_send_advert, do_take_addresses, do_announce,
	do_reannounce,    deed_report_role, do_send_taken,  do_send_claim,     do_send_refuse,
	do_send_calm,     do_probe,         do_fence,       do_confirmed,      do_unconfirmed,
	do_stopped,
};
_Static_assert(FSM_STOPPED == 1 << (sizeof(deeds) / sizeof(*deeds) - 1), "one deed an action");

void deed_carry_out(struct vrrpd *vrrpd, unsigned int actions)
{
	vrrpd->lease.bound = vrrpd->fsm.asked_until != 0;
	for (unsigned int i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		if (actions & 1u << i)
			deeds[i](vrrpd);
	}
}
