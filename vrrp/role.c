// SPDX-License-Identifier: BSD-2-Clause
/* The shell around the machine: sockets and timers become events. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "proto/addr.h"
#include "proto/flow_lease.h"
#include "vrrp/vrrp.h"

enum {
	FENCE_SLACK_MS = 500, /* for the helper to say that the time is over */
	BACKLOG = 32,         /* times that: more than a socket holds */
	ADVERTS_AT_ONCE = 64, /* good ones in one go: somebody's flood must not stop the timers */
};

/* Of two times, 0 is none. */
static uint64_t sooner(uint64_t one, uint64_t other)
{
	return other && (!one || other < one) ? other : one;
}

static void arm_timer(struct vrrpd *vrrpd)
{
	/* Without a lease no round begins: the advert that renews it comes here too. */
	uint64_t round = fsm_speaks(&vrrpd->fsm, lease_now())
				 ? sooner(vrrpd->telling.next, vrrpd->asking.next)
				 : 0;
	uint64_t deadline = sooner(fsm_deadline(&vrrpd->fsm), round);
	struct itimerspec when = { 0 };

	when.it_value.tv_sec = (time_t)(deadline / 1000000000);
	when.it_value.tv_nsec = (long)(deadline % 1000000000);
	if (timerfd_settime(vrrpd->timer, TFD_TIMER_ABSTIME, &when, NULL))
		log_error("cannot set the timer: %s", strerror(errno));
}

/* What is told of a step. */
struct before {
	enum fsm_state state;
	bool held;
	uint64_t forged;
};

static void log_change(const struct vrrpd *vrrpd, struct before before)
{
	const struct fsm *fsm = &vrrpd->fsm;

	if (fsm->state != before.state)
		log_info("%s -> %s: %s (epoch %" PRIu64 ")", fsm_state_names[before.state],
			 fsm_state_names[fsm->state], fsm->reason, fsm->epoch);
	if (fsm->held && !before.held)
		log_warning("%s leads over the channel (epoch %" PRIu64 "), but its adverts do not "
			    "come through: no takeover.  Look at the LAN between the nodes",
			    vrrpd_peer_name(vrrpd), fsm->report.peer_epoch);
	else if (before.held && !fsm->held && fsm->state == before.state)
		log_info("adverts of %s are heard again", vrrpd_peer_name(vrrpd));
	if (fsm->forged > before.forged && !before.forged)
		log_warning("an advert in the name of the pair contradicts what %s says over the "
			    "channel: ignored as forged, and counted from now on",
			    vrrpd_peer_name(vrrpd));
}

static void take(struct vrrpd *vrrpd, struct fsm_event *event, const char *reason)
{
	struct fsm *fsm = &vrrpd->fsm;
	const struct before before = { fsm->state, fsm->held, fsm->forged };
	unsigned int actions;

	event->now = lease_now();
	event->reason = reason;
	if (!fsm_expects(before.state, event->kind))
		log_debug("event %s in state %s", fsm_event_names[event->kind],
			  fsm_state_names[before.state]);
	actions = fsm_step(fsm, event);
	deed_carry_out(vrrpd, actions);
	if (fsm->state == FSM_ACTIVE && before.state != FSM_ACTIVE)
		rival_forget(&vrrpd->rival);
	if (fsm->state != FSM_ACTIVE && before.state == FSM_ACTIVE && event->kind == FSM_ADVERT)
		rival_leads(&vrrpd->rival, &event->advert.source);
	if (!fsm->fence_at)
		fence_cancel(&vrrpd->fence);
	log_change(vrrpd, before);
	arm_timer(vrrpd);
}

/* A node that could not lead says so before it is to. */
static void not_reserved(struct vrrpd *vrrpd, int err)
{
	struct fsm_event event = { .kind = FSM_FAILED };

	log_error("cannot store the epoch in %s: %s", vrrpd->epochs.path, strerror(-err));
	vrrpd->epoch_logged = lease_now();
	if (vrrpd->fsm.state == FSM_ACTIVE || vrrpd->fsm.faults & FSM_FAULT_EPOCH ||
	    fsm_epoch_left(&vrrpd->fsm))
		return;
	event.fault.bit = FSM_FAULT_EPOCH;
	take(vrrpd, &event, NULL);
}

/* Keeps a stock of epochs on disk ahead of need; what fails is tried again by the chores. */
static void reserve(struct vrrpd *vrrpd)
{
	struct fsm_event event = { .kind = FSM_RESERVED };
	uint64_t highest = vrrpd->fsm.epoch > vrrpd->fsm.heard ? vrrpd->fsm.epoch
							       : vrrpd->fsm.heard;
	uint64_t now = lease_now();
	int err;

	if (vrrpd->epoch_logged && now - vrrpd->epoch_logged < 1000000000)
		return;
	err = epoch_reserve(&vrrpd->epochs, highest);
	if (err) {
		not_reserved(vrrpd, err);
		return;
	}
	vrrpd->epoch_logged = 0;
	if (vrrpd->epochs.reserved == vrrpd->fsm.reserved)
		return;
	event.epoch = vrrpd->epochs.reserved;
	take(vrrpd, &event, NULL);
}

void role_event(struct vrrpd *vrrpd, struct fsm_event *event, const char *reason)
{
	take(vrrpd, event, reason);
	/* These bring news of epochs. */
	if (event->kind == FSM_PEER_REPORT ||
	    (event->kind >= FSM_PEER_YIELD && event->kind <= FSM_PEER_REFUSE))
		reserve(vrrpd);
}

/* --- sockets and timers ----------------------------------------------------------------------- */

/* Before anything that lay in a socket is believed: has the role been taken away while we slept? */
static void look_at_fence(struct vrrpd *vrrpd)
{
	struct fsm_event event = { .kind = FSM_FENCED };
	uint32_t by = lease_fenced(&vrrpd->lease);

	if (vrrpd->fsm.state != FSM_ACTIVE || by == FENCE_NONE)
		return;
	role_event(vrrpd, &event,
		   by == FENCE_ADVERT ? "fenced: asleep while another node took over"
				      : "fenced by lbd: it believed vrrpd dead");
}

/* A peer that has not followed yet is known by its former address. */
static struct addr source_now(const struct vrrpd *vrrpd, const struct addr *source)
{
	const size_t family = source->family == 6 ? LINK_V6 : LINK_V4;
	const struct addr *now = &vrrpd->link.config.peer[family];

	if (link_is_open(&vrrpd->former) && now->family &&
	    addr_compare(source, &vrrpd->former.config.peer[family]) == 0)
		return *now;
	return *source;
}

static bool receive(struct vrrpd *vrrpd)
{
	const uint64_t now = lease_now();

	return link_receive(&vrrpd->link, &vrrpd->heard, now) ||
	       link_receive(&vrrpd->former, &vrrpd->heard, now);
}

/* True: there may be more. */
static bool drain(struct vrrpd *vrrpd)
{
	const struct advert *advert = &vrrpd->heard.advert;
	struct fsm_event event;

	look_at_fence(vrrpd);
	for (int i = 0; i < ADVERTS_AT_ONCE; i++) {
		if (!receive(vrrpd))
			return false;
		event = (struct fsm_event){
			.kind = advert->priority == ADVERT_RELEASE ? FSM_RELEASE : FSM_ADVERT,
			.advert = { .source = source_now(vrrpd, &advert->source),
				    .priority = advert->priority,
				    .interval_ns = advert->interval_cs * UINT64_C(10000000),
				    .at = vrrpd->heard.at },
		};
		role_event(vrrpd, &event, NULL);
	}
	return true;
}

static void on_advert(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	drain(io->data);
}

static void listen_to(struct vrrpd *vrrpd, ev_io *io, const struct port *port)
{
	ev_io_init(io, on_advert, port->fd, EV_READ);
	io->data = vrrpd;
	if (port->fd >= 0)
		ev_io_start(vrrpd->loop, io);
}

static void listen_to_adverts(struct vrrpd *vrrpd)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		listen_to(vrrpd, &vrrpd->link_io[i], &vrrpd->link.port[i]);
		listen_to(vrrpd, &vrrpd->former_io[i], &vrrpd->former.port[i]);
	}
}

static void stop_listening(struct vrrpd *vrrpd)
{
	for (size_t i = 0; i < LINK_FAMILIES; i++) {
		ev_io_stop(vrrpd->loop, &vrrpd->link_io[i]);
		ev_io_stop(vrrpd->loop, &vrrpd->former_io[i]);
	}
}

static void watch_rivals(struct vrrpd *vrrpd)
{
	int err;

	vrrpd->rival.tell = deed_announce_rival;
	vrrpd->rival.arg = vrrpd;
	err = rival_open(&vrrpd->rival, vrrpd->loop, vrrpd->link.config.ifindex,
			 vrrpd->link.config.vrid);
	if (err)
		log_warning("no packet socket on %s (%s): hosts are not told of a node that this "
			    "one stepped down to",
			    vrrpd->link.config.ifname, strerror(-err));
}

static void watch_claims(struct vrrpd *vrrpd)
{
	int err;

	vrrpd->defend.claimed = deed_defend;
	vrrpd->defend.rested = deed_defend_rest;
	vrrpd->defend.arg = vrrpd;
	err = defend_open(&vrrpd->defend, vrrpd->loop, &vrrpd->vips);
	if (err)
		log_warning("no packet socket (%s): floating addresses that others use too are not "
			    "defended",
			    strerror(-err));
}

/* On error all is as it was. */
static int open_lan(struct vrrpd *vrrpd, int ifindex)
{
	int err;

	stop_listening(vrrpd);
	err = lan_open(vrrpd, ifindex);
	listen_to_adverts(vrrpd);
	if (err)
		return err;
	rival_close(&vrrpd->rival);
	watch_rivals(vrrpd);
	defend_close(&vrrpd->defend);
	watch_claims(vrrpd);
	return 0;
}

static void on_timer(struct ev_loop *loop, ev_io *io, int events)
{
	struct vrrpd *vrrpd = io->data;
	struct fsm_event event = { 0 };
	uint64_t expirations;

	(void)loop;
	(void)events;
	if (read(vrrpd->timer, &expirations, sizeof(expirations)) < 0)
		return;
	/* A timer that fires late proves nothing: what should have stopped it may lie unread, and
	 * the newest of it last. */
	for (int i = 0; i < BACKLOG && drain(vrrpd); i++)
		;
	for (;;) {
		event.kind = fsm_due(&vrrpd->fsm, lease_now());
		if (event.kind == FSM_EVENTS)
			break;
		role_event(vrrpd, &event, NULL);
	}
	deed_announce_round(vrrpd, lease_now());
	arm_timer(vrrpd);
}

static void on_chores(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct vrrpd *vrrpd = timer->data;

	(void)loop;
	(void)events;
	reserve(vrrpd);
	deed_mind_disputes(vrrpd, lease_now());
}

void role_reannounce(struct vrrpd *vrrpd)
{
	announce_again(&vrrpd->telling, lease_now());
	arm_timer(vrrpd);
}

/* --- start, reload, end ----------------------------------------------------------------------- */

/*
 * A peer that has not followed goes by the interval that version 2 has fixed: it must not wait
 * longer for an advert, or it would lead beside us.
 */
static uint32_t advert_ms(const struct vrrpd *vrrpd, uint32_t configured)
{
	const struct link_config *former = &vrrpd->former.config;

	if (!link_is_open(&vrrpd->former) || former->version != 2 ||
	    former->advert_cs * 10u > configured)
		return configured;
	return former->advert_cs * 10u;
}

void role_config(const struct vrrpd *vrrpd, const struct conf *conf, struct fsm_config *config)
{
	const Conf__Vrrp *vrrp = conf->file->vrrp;
	const Conf__Vrrp *first = vrrpd->first->file->vrrp;
	const Conf__Node *own = conf->file->node[vrrpd->node - 1];

	*config = (struct fsm_config){
		.priority = (uint8_t)own->priority,
		.preempt = vrrp->preempt,
		.strict = vrrp->strict_rfc,
		.fence = first->fence_command != NULL,
		.consistency = vrrp->policy == CONF__VRRP__POLICY__CONSISTENCY,
		.preempt_delay_ns = vrrp->preempt_delay_ms * UINT64_C(1000000),
		.report_ns = conf->file->sync->peer_timeout_ms * UINT64_C(1500000),
		.fence_ns = (first->fence_timeout_ms + FENCE_SLACK_MS) * UINT64_C(1000000),
		.advert_ns = advert_ms(vrrpd, vrrp->advert_ms) * UINT64_C(1000000),
		.hold_ns = vrrp->hold_after_boot_ms * UINT64_C(1000000),
	};
	/* Addresses are the link's: see lan.c. */
	memcpy(config->own, vrrpd->fsm.config.own, sizeof(config->own));
	memcpy(config->peer, vrrpd->fsm.config.peer, sizeof(config->peer));
}

/* The sockets, and where the addresses belong.  On error all is as it was. */
static int move_lan(struct vrrpd *vrrpd, struct conf *conf)
{
	const bool moves = lan_moves(vrrpd, conf);
	struct conf *old = vrrpd->conf;
	int err = moves ? lan_check(vrrpd, conf) : 0;

	if (!err)
		err = vip_plan(&vrrpd->vips, conf);
	if (err)
		return err;
	vrrpd->conf = conf;
	err = open_lan(vrrpd, moves ? (int)if_nametoindex(conf->file->vrrp->interface)
				    : vrrpd->link.config.ifindex);
	if (!err)
		return 0;
	vrrpd->conf = old;
	vip_plan(&vrrpd->vips, old);
	return err;
}

void role_followed(struct vrrpd *vrrpd)
{
	struct fsm_config config;
	char former[LINK_TEXT];

	if (!lan_former(vrrpd, former))
		return;
	stop_listening(vrrpd);
	link_close(&vrrpd->former);
	listen_to_adverts(vrrpd);
	role_config(vrrpd, vrrpd->conf, &config);
	vrrpd->fsm.config = config;
	log_info("%s has followed: no more adverts of %s", vrrpd_peer_name(vrrpd), former);
}

static void note_pending(struct vrrpd *vrrpd)
{
	pending_find(&vrrpd->pending, vrrpd->first, vrrpd->conf, vrrpd->node);
	for (size_t i = 0; i < vrrpd->pending.count; i++)
		log_warning("%s waits for a restart of vrrpd", vrrpd->pending.text[i]);
}

static void forget(struct vrrpd *vrrpd, struct conf *conf)
{
	if (conf != vrrpd->first)
		conf_free(conf);
}

int role_reload(struct vrrpd *vrrpd, struct conf *conf)
{
	struct vips before = vrrpd->vips;
	struct conf *old = vrrpd->conf;
	struct fsm_config config;

	if (move_lan(vrrpd, conf)) {
		log_error("the new configuration is not used");
		conf_free(conf);
		return -EINVAL;
	}
	role_config(vrrpd, conf, &config);
	vrrpd->fsm.config = config;
	forget(vrrpd, old);
	witness_plan(&vrrpd->witnesses, conf);
	if (vrrpd->fsm.state == FSM_ACTIVE) {
		vip_retire(&before, &vrrpd->vips);
		vip_take(&vrrpd->vips);
		/* Also tells backups the new interval before it is used. */
		deed_carry_out(vrrpd, FSM_SEND_ADVERT | FSM_ANNOUNCE);
	}
	hear_look(vrrpd);
	deed_report_role(vrrpd);
	arm_timer(vrrpd);
	note_pending(vrrpd);
	log_info("configuration %s in use", conf->digest_text);
	return 0;
}

static void start_watchers(struct vrrpd *vrrpd)
{
	ev_io_init(&vrrpd->timer_io, on_timer, vrrpd->timer, EV_READ);
	ev_timer_init(&vrrpd->chores, on_chores, 1.0, 1.0);
	vrrpd->timer_io.data = vrrpd;
	vrrpd->chores.data = vrrpd;
	/* After all sockets: what lies in them is older than this, and may make it needless. */
	ev_set_priority(&vrrpd->timer_io, EV_MINPRI);
	ev_io_start(vrrpd->loop, &vrrpd->timer_io);
	listen_to_adverts(vrrpd);
	watch_rivals(vrrpd);
	watch_claims(vrrpd);
	ev_timer_start(vrrpd->loop, &vrrpd->chores);
	guard_start(vrrpd);
}

static void on_fence_result(void *arg, uint64_t id, bool done)
{
	struct fsm_event event = { .kind = FSM_FENCE_RESULT };

	event.fence.id = id;
	event.fence.done = done;
	role_event(arg, &event, NULL);
}

int role_start(struct vrrpd *vrrpd)
{
	struct fsm_event event = { .kind = FSM_START };
	uint64_t hold = vrrpd->fsm.config.hold_ns;

	/* The clock of the machine, which also counts the time a virtual machine was suspended. */
	vrrpd->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (vrrpd->timer < 0) {
		log_error("timerfd: %s", strerror(errno));
		return -errno;
	}
	start_watchers(vrrpd);
	reserve(vrrpd);
	/* A machine that has just booted may have a port that does not forward yet.  That clock
	 * starts at zero with the boot. */
	event.start.hold_until = lease_now() < hold ? hold : 0;
	event.start.faults = FSM_FAULT_PLANE | hear_faults(vrrpd);
	fence_start(&vrrpd->fence, vrrpd->loop, on_fence_result, vrrpd);
	role_event(vrrpd, &event, NULL);
	return 0;
}

void role_end(struct vrrpd *vrrpd)
{
	guard_end(vrrpd);
	ev_timer_stop(vrrpd->loop, &vrrpd->chores);
	defend_close(&vrrpd->defend);
	rival_close(&vrrpd->rival);
	stop_listening(vrrpd);
	ev_io_stop(vrrpd->loop, &vrrpd->timer_io);
	close(vrrpd->timer);
}

/* An interface made anew has lost our group membership: the sockets are opened again. */
void role_link_renewed(struct vrrpd *vrrpd, int ifindex)
{
	vip_plan(&vrrpd->vips, vrrpd->conf);
	open_lan(vrrpd, ifindex);
}
