// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/neighbour.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "proto/addr.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/plan.h"

static const double warm_every = 5.;

static struct nl_addr *address(__be32 addr)
{
	return nl_addr_build(AF_INET, &addr, sizeof(addr));
}

/*
 * NTF_USE: as if a packet had been sent there.  The kernel answers within the call, so waiting for
 * its acknowledgement does not block.
 */
static int resolve(struct neighbour *neighbour, struct nl_addr *addr, int ifindex)
{
	struct rtnl_neigh *entry = rtnl_neigh_alloc();
	int error = -NLE_NOMEM;

	neighbour->asked++;
	if (entry && !(error = rtnl_neigh_set_dst(entry, addr))) {
		rtnl_neigh_set_ifindex(entry, ifindex);
		rtnl_neigh_set_flags(entry, NTF_USE);
		rtnl_neigh_set_state(entry, NUD_NONE);
		error = rtnl_neigh_add(neighbour->ask, entry, NLM_F_CREATE);
	}
	rtnl_neigh_put(entry);
	if (error) {
		neighbour->refused++;
		log_debug("neighbour cannot be resolved: %s", nl_geterror(error));
	}
	return error;
}

static void on_notice(void *arg, const struct flow_notice *notice)
{
	struct neighbour *neighbour = arg;
	char text[ADDR_TEXT];
	struct nl_addr *addr;

	addr_print4(text, notice->addr);
	if (notice->kind == NOTICE_FENCED) {
		log_warning("fenced: the lease had run out and %s advertises; nothing new is "
			    "admitted here",
			    text);
		return;
	}
	if (notice->kind != NOTICE_NEIGHBOUR)
		return;
	log_debug("data plane asks for the neighbour %s", text);
	addr = address(notice->addr);
	if (addr)
		resolve(neighbour, addr, (int)notice->ifindex);
	nl_addr_put(addr);
}

static void on_notices(struct ev_loop *loop, ev_io *io, int events)
{
	struct neighbour *neighbour = io->data;

	(void)loop;
	(void)events;
	dataplane_notices(neighbour->plane);
}

/* Asks the kernel's own route for the next hop; no route is for the data plane to count. */
static void warm_one(struct neighbour *neighbour, __be32 member)
{
	struct nl_addr *to = address(member), *hop;
	struct rtnl_route *route = NULL;
	struct rtnl_nexthop *via;

	if (!to || rtnl_route_lookup(neighbour->ask, to, &route))
		goto out;
	via = rtnl_route_get_nnexthops(route) > 0 ? rtnl_route_nexthop_n(route, 0) : NULL;
	if (!via || rtnl_route_get_type(route) != RTN_UNICAST)
		goto out;
	hop = rtnl_route_nh_get_gateway(via);
	resolve(neighbour, hop ? hop : to, rtnl_route_nh_get_ifindex(via));
out:
	rtnl_route_put(route);
	nl_addr_put(to);
}

static void on_warm(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct neighbour *neighbour = timer->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (neighbour->plan->members[i].flags)
			warm_one(neighbour, neighbour->plan->members[i].addr);
}

static void on_links(struct ev_loop *loop, ev_io *io, int events)
{
	struct neighbour *neighbour = io->data;

	(void)loop;
	(void)events;
	/* What happened is looked up afresh: an overrun of the socket loses nothing. */
	nl_recvmsgs_default(neighbour->hear);
	neighbour->links_changed(neighbour->arg);
}

static int ignore_sequence(struct nl_msg *message, void *arg)
{
	(void)message;
	(void)arg;
	return NL_OK;
}

static int open_sockets(struct neighbour *neighbour)
{
	int error;

	neighbour->ask = nl_socket_alloc();
	neighbour->hear = nl_socket_alloc();
	if (!neighbour->ask || !neighbour->hear)
		return -ENOMEM;
	error = nl_connect(neighbour->ask, NETLINK_ROUTE);
	if (!error)
		error = nl_connect(neighbour->hear, NETLINK_ROUTE);
	if (!error)
		error = nl_socket_set_nonblocking(neighbour->hear);
	if (!error)
		error = nl_socket_add_membership(neighbour->hear, RTNLGRP_LINK);
	if (error) {
		log_error("netlink cannot be used: %s", nl_geterror(error));
		return -EIO;
	}
	nl_socket_modify_cb(neighbour->hear, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, ignore_sequence, NULL);
	return 0;
}

int neighbour_start(struct neighbour *neighbour, struct ev_loop *loop, struct dataplane *plane,
		    const struct plan *plan, void (*links_changed)(void *arg), void *arg)
{
	int error, ring;

	*neighbour = (struct neighbour){
		.plane = plane, .plan = plan, .links_changed = links_changed, .arg = arg
	};
	error = open_sockets(neighbour);
	ring = error ? error : dataplane_watch(plane, on_notice, neighbour);
	if (ring < 0) {
		nl_socket_free(neighbour->ask);
		nl_socket_free(neighbour->hear);
		return ring;
	}
	neighbour->loop = loop;
	ev_io_init(&neighbour->notices, on_notices, ring, EV_READ);
	ev_io_init(&neighbour->links, on_links, nl_socket_get_fd(neighbour->hear), EV_READ);
	ev_timer_init(&neighbour->warm, on_warm, 0., warm_every);
	neighbour->notices.data = neighbour->links.data = neighbour->warm.data = neighbour;
	ev_io_start(loop, &neighbour->notices);
	ev_io_start(loop, &neighbour->links);
	ev_timer_start(loop, &neighbour->warm);
	return 0;
}

void neighbour_stop(struct neighbour *neighbour)
{
	if (!neighbour->loop)
		return;
	ev_timer_stop(neighbour->loop, &neighbour->warm);
	ev_io_stop(neighbour->loop, &neighbour->links);
	ev_io_stop(neighbour->loop, &neighbour->notices);
	nl_socket_free(neighbour->hear);
	nl_socket_free(neighbour->ask);
}

void neighbour_replan(struct neighbour *neighbour, const struct plan *plan)
{
	neighbour->plan = plan;
}
