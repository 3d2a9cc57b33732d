// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/neighbour.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "proto/addr.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/hops.h"
#include "lbd/plan.h"
#include "lbd/tables.h"

static const double warm_every = 5.;

static struct nl_addr *address(const struct flow_ip *ip)
{
	if (flow_ip_family(ip) == FLOW_IPV4)
		return nl_addr_build(AF_INET, &ip->word[3], sizeof(ip->word[3]));
	return nl_addr_build(AF_INET6, ip, sizeof(*ip));
}

/*
 * NTF_USE: as if a packet had been sent there.  The kernel answers within the call, so waiting for
 * its acknowledgement does not block.
 */
void neighbour_use(struct neighbour *neighbour, const struct hop *hop)
{
	struct rtnl_neigh *entry = rtnl_neigh_alloc();
	struct nl_addr *addr = address(&hop->addr);
	int error = -NLE_NOMEM;

	neighbour->asked++;
	if (entry && addr && !(error = rtnl_neigh_set_dst(entry, addr))) {
		rtnl_neigh_set_ifindex(entry, hop->ifindex);
		rtnl_neigh_set_flags(entry, NTF_USE);
		rtnl_neigh_set_state(entry, NUD_NONE);
		error = rtnl_neigh_add(neighbour->ask, entry, NLM_F_CREATE);
	}
	nl_addr_put(addr);
	rtnl_neigh_put(entry);
	if (error) {
		neighbour->refused++;
		log_debug("neighbour cannot be resolved: %s", nl_geterror(error));
	}
}

/* What the kernel may send to without asking first. */
enum { LINK_VALID = NUD_PERMANENT | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY };

struct link_answer {
	uint8_t *link;
	bool found;
};

static int on_link(struct nl_msg *message, void *arg)
{
	struct link_answer *answer = arg;
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct ndmsg *entry = nlmsg_data(header);
	const struct nlattr *address;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*entry)))
		return NL_OK;
	address = nlmsg_find_attr(header, sizeof(*entry), NDA_LLADDR);
	if (!(entry->ndm_state & LINK_VALID) || !address || nla_len(address) != ETH_ALEN)
		return NL_OK;
	memcpy(answer->link, nla_data(address), ETH_ALEN);
	answer->found = true;
	return NL_OK;
}

/* One entry, not a copy of the table.  The kernel answers within the call here too. */
static int ask_link(struct neighbour *neighbour, struct nl_msg *message, const struct hop *hop,
		    struct link_answer *answer)
{
	struct ndmsg entry = { .ndm_family = AF_INET6, .ndm_ifindex = hop->ifindex };
	const void *bytes = &hop->addr;
	int error, length = sizeof(hop->addr);
	struct nl_cb *calls;

	if (flow_ip_family(&hop->addr) == FLOW_IPV4) {
		entry.ndm_family = AF_INET;
		bytes = &hop->addr.word[3];
		length = sizeof(hop->addr.word[3]);
	}
	if (nlmsg_append(message, &entry, sizeof(entry), NLMSG_ALIGNTO) ||
	    nla_put(message, NDA_DST, length, bytes))
		return -NLE_NOMEM;
	calls = nl_cb_alloc(NL_CB_DEFAULT);
	if (!calls)
		return -NLE_NOMEM;
	nl_cb_set(calls, NL_CB_VALID, NL_CB_CUSTOM, on_link, answer);
	error = nl_send_auto(neighbour->ask, message);
	if (error >= 0)
		error = nl_recvmsgs(neighbour->ask, calls);
	if (error >= 0)
		error = nl_wait_for_ack(neighbour->ask);
	nl_cb_put(calls);
	return error;
}

bool neighbour_link(struct neighbour *neighbour, const struct hop *hop, uint8_t link[ETH_ALEN])
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, 0);
	struct link_answer answer = { .link = link };
	int error = message ? ask_link(neighbour, message, hop, &answer) : -NLE_NOMEM;

	nlmsg_free(message);
	if (error < 0 && error != -NLE_OBJ_NOTFOUND)
		log_debug("link address cannot be looked up: %s", nl_geterror(error));
	return answer.found;
}

static void on_notice(void *arg, const struct flow_notice *notice)
{
	struct neighbour *neighbour = arg;
	char text[ADDR_TEXT];

	addr_print_flow(text, &notice->addr);
	if (notice->kind == NOTICE_FENCED) {
		log_warning("fenced: the lease had run out and %s advertises; nothing new is "
			    "admitted here",
			    text);
		return;
	}
	if (notice->kind != NOTICE_NEIGHBOUR)
		return;
	log_debug("data plane asks for the neighbour %s", text);
	neighbour_use(neighbour,
		      &(struct hop){ .addr = notice->addr, .ifindex = (int)notice->ifindex });
}

static void on_notices(struct ev_loop *loop, ev_io *io, int events)
{
	struct neighbour *neighbour = io->data;

	(void)loop;
	(void)events;
	dataplane_notices(neighbour->plane);
}

static bool take_address(struct flow_ip *ip, const struct nl_addr *addr)
{
	const void *bytes = nl_addr_get_binary_addr(addr);

	if (nl_addr_get_family(addr) == AF_INET && nl_addr_get_len(addr) == sizeof(ip->word[3])) {
		*ip = flow_ip4(0);
		memcpy(&ip->word[3], bytes, sizeof(ip->word[3]));
		return true;
	}
	if (nl_addr_get_family(addr) != AF_INET6 || nl_addr_get_len(addr) != sizeof(*ip))
		return false;
	memcpy(ip, bytes, sizeof(*ip));
	return true;
}

/* The gateway of an IPv4 route may have an IPv6 address (RFC 8950). */
static bool take_hop(struct rtnl_nexthop *via, const struct flow_ip *to, struct hop *hop)
{
	struct nl_addr *gateway = rtnl_route_nh_get_gateway(via);

	if (!gateway)
		gateway = rtnl_route_nh_get_via(via);
	*hop = (struct hop){ .addr = *to, .ifindex = rtnl_route_nh_get_ifindex(via) };
	if (!gateway)
		return true;
	return take_address(&hop->addr, gateway);
}

bool neighbour_route(struct neighbour *neighbour, const struct flow_ip *to, struct hop *hop)
{
	struct nl_addr *addr = address(to);
	struct rtnl_route *route = NULL;
	struct rtnl_nexthop *via = NULL;
	bool found = false;

	if (addr && !rtnl_route_lookup(neighbour->ask, addr, &route) &&
	    rtnl_route_get_type(route) == RTN_UNICAST && rtnl_route_get_nnexthops(route) > 0)
		via = rtnl_route_nexthop_n(route, 0);
	if (via)
		found = take_hop(via, to, hop);
	rtnl_route_put(route);
	nl_addr_put(addr);
	return found;
}

/* No route is for the data plane to count. */
static void warm_member(struct neighbour *neighbour, const struct flow_member *member)
{
	struct hop hop;

	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (!flow_ip_is_none(&member->addr[f]) &&
		    neighbour_route(neighbour, &member->addr[f], &hop))
			neighbour_use(neighbour, &hop);
}

static void on_warm(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct neighbour *neighbour = timer->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (neighbour->plan->members[i].flags)
			warm_member(neighbour, &neighbour->plan->members[i]);
}

static int on_event(struct nl_msg *message, void *arg)
{
	struct neighbour *neighbour = arg;
	int type = nlmsg_hdr(message)->nlmsg_type;

	neighbour->links_seen |= type == RTM_NEWLINK || type == RTM_DELLINK;
	return NL_OK;
}

static void on_events(struct ev_loop *loop, ev_io *io, int events)
{
	struct neighbour *neighbour = io->data;
	int error;

	(void)loop;
	(void)events;
	/* What happened is looked up afresh: an overrun of the socket loses nothing. */
	neighbour->links_seen = false;
	if (nl_recvmsgs_default(neighbour->hear) < 0)
		neighbour->links_seen = true;
	error = tables_outdate_hops(neighbour->plane);
	if (error)
		log_warning("routes have changed, and the data plane cannot be told: %s",
			    strerror(-error));
	if (neighbour->links_seen)
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
		error = nl_socket_add_memberships(neighbour->hear, RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE,
						  RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
						  RTNLGRP_IPV6_RULE, 0);
	if (error) {
		log_error("netlink cannot be used: %s", nl_geterror(error));
		return -EIO;
	}
	nl_socket_modify_cb(neighbour->hear, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, ignore_sequence, NULL);
	nl_socket_modify_cb(neighbour->hear, NL_CB_VALID, NL_CB_CUSTOM, on_event, neighbour);
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
	ev_io_init(&neighbour->events, on_events, nl_socket_get_fd(neighbour->hear), EV_READ);
	ev_timer_init(&neighbour->warm, on_warm, 0., warm_every);
	neighbour->notices.data = neighbour->events.data = neighbour->warm.data = neighbour;
	ev_io_start(loop, &neighbour->notices);
	ev_io_start(loop, &neighbour->events);
	ev_timer_start(loop, &neighbour->warm);
	return 0;
}

void neighbour_stop(struct neighbour *neighbour)
{
	if (!neighbour->loop)
		return;
	ev_timer_stop(neighbour->loop, &neighbour->warm);
	ev_io_stop(neighbour->loop, &neighbour->events);
	ev_io_stop(neighbour->loop, &neighbour->notices);
	nl_socket_free(neighbour->hear);
	nl_socket_free(neighbour->ask);
}

void neighbour_replan(struct neighbour *neighbour, const struct plan *plan)
{
	neighbour->plan = plan;
}
