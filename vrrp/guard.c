// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/guard.h"

#include "conf/log.h"
#include "vrrp/ifaddr.h"
#include "vrrp/vrrp.h"

/*
 * So many a minute are put back at once.  Beyond that somebody means it, or a program that manages
 * the network does: the role goes to the peer where there is one, and here they are put back once a
 * second as long as nobody else has them.
 */
enum { LIMIT = 20 };

static const double fade_s = 3.0; /* one is forgotten: LIMIT a minute */

static void tell_fault(struct vrrpd *vrrpd, bool failed)
{
	struct fsm_event event = { .kind = failed ? FSM_FAILED : FSM_RECOVERED };

	if (failed == !!(vrrpd->fsm.faults & FSM_FAULT_ROBBED))
		return;
	event.fault.bit = FSM_FAULT_ROBBED;
	if (failed)
		log_error("floating addresses were deleted by somebody else %u times in a minute: "
			  "find out who manages these interfaces besides vrrpd",
			  vrrpd->guard.lately);
	role_event(vrrpd, &event,
		   failed ? "somebody else keeps deleting addresses" : "addresses are left alone");
}

static void on_restore(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct vrrpd *vrrpd = timer->data;

	(void)loop;
	(void)events;
	if (vrrpd->fsm.state != FSM_ACTIVE)
		return;
	/* Interfaces of virtual MAC addresses may have gone with them. */
	vip_plan(&vrrpd->vips, vrrpd->conf);
	vip_take(&vrrpd->vips);
	role_reannounce(vrrpd);
}

static void on_fade(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct vrrpd *vrrpd = timer->data;

	(void)loop;
	(void)events;
	if (vrrpd->guard.lately)
		vrrpd->guard.lately--;
	if (!vrrpd->guard.lately)
		tell_fault(vrrpd, false);
}

static bool is_missing(struct vrrpd *vrrpd, const struct vip *vip)
{
	return !ifaddr_present(vrrpd->vips.sock, &vip->addr, vip->ifindex);
}

static void restore(struct vrrpd *vrrpd, const struct vip *vip)
{
	struct guard *guard = &vrrpd->guard;
	char text[ADDR_TEXT];

	log_warning("%s was deleted from %s by somebody else: put back",
		    addr_print(text, &vip->addr), vip->ifname);
	ev_timer_set(&guard->restore, guard->lately < LIMIT ? 0.0 : 1.0, 0.0);
	ev_timer_start(vrrpd->loop, &guard->restore);
	guard->lately++;
	guard->total++;
	if (guard->lately > LIMIT)
		tell_fault(vrrpd, true);
}

/* Our own deletions come here too, but not as active. */
void guard_address_gone(struct vrrpd *vrrpd, const struct addr *addr, int ifindex)
{
	const struct vip *vip = vip_find(&vrrpd->vips, addr);

	if (vrrpd->fsm.state != FSM_ACTIVE || ev_is_active(&vrrpd->guard.restore) || !vip ||
	    vip->ifindex != ifindex || !is_missing(vrrpd, vip))
		return;
	restore(vrrpd, vip);
}

void guard_look(struct vrrpd *vrrpd)
{
	const struct vips *vips = &vrrpd->vips;

	for (size_t i = 0; i < vips->count; i++)
		guard_address_gone(vrrpd, &vips->addr[i], vips->vip[i].ifindex);
}

void guard_start(struct vrrpd *vrrpd)
{
	ev_timer_init(&vrrpd->guard.restore, on_restore, 0.0, 0.0);
	ev_timer_init(&vrrpd->guard.fade, on_fade, fade_s, fade_s);
	vrrpd->guard.restore.data = vrrpd->guard.fade.data = vrrpd;
	ev_timer_start(vrrpd->loop, &vrrpd->guard.fade);
}

void guard_end(struct vrrpd *vrrpd)
{
	ev_timer_stop(vrrpd->loop, &vrrpd->guard.restore);
	ev_timer_stop(vrrpd->loop, &vrrpd->guard.fade);
}
