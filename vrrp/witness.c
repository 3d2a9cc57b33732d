// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/witness.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "vrrp/lease.h"

/* For people: longer than three rounds. */
static const uint64_t silent_ns = 1500000000;
static const uint64_t tick_ns = 10000000; /* USER_HZ */

/* Where a witness, or the router before it, is to be found on the LAN. */
struct hop {
	struct nl_addr *addr; /* owned */
	int ifindex;
};

/* What the kernel knows of a neighbour. */
struct entry {
	bool there;
	unsigned int state;
	uint64_t confirmed_ns; /* ago */
};

int witness_open(struct witnesses *witnesses)
{
	int err;

	witnesses->sock = nl_socket_alloc();
	if (!witnesses->sock)
		return -ENOMEM;
	err = nl_connect(witnesses->sock, NETLINK_ROUTE);
	if (!err)
		return 0;
	log_error("netlink cannot be used: %s", nl_geterror(err));
	witness_close(witnesses);
	return -EIO;
}

void witness_close(struct witnesses *witnesses)
{
	if (witnesses->sock)
		nl_socket_free(witnesses->sock);
	witnesses->sock = NULL;
}

/* --- who they are ----------------------------------------------------------------------------- */

static const struct witness *find(const struct witnesses *witnesses, const struct addr *addr)
{
	for (size_t i = 0; i < witnesses->count; i++) {
		if (addr_compare(&witnesses->witness[i].addr, addr) == 0)
			return &witnesses->witness[i];
	}
	return NULL;
}

static void add(struct witnesses *witnesses, const struct witnesses *before, const char *text)
{
	struct witness witness = { 0 };
	const struct witness *old;

	if (witnesses->count == WITNESS_MAX || !addr_parse(&witness.addr, text) ||
	    find(witnesses, &witness.addr))
		return;
	old = find(before, &witness.addr);
	witnesses->witness[witnesses->count++] = old ? *old : witness;
}

static void add_member(struct witnesses *witnesses, const struct witnesses *before,
		       const Conf__Member *member)
{
	for (size_t i = 0; i < member->n_address; i++)
		add(witnesses, before, member->address[i]);
}

void witness_plan(struct witnesses *witnesses, const struct conf *conf)
{
	const struct witnesses before = *witnesses;
	const Conf__Config *file = conf->file;

	witnesses->count = 0;
	for (size_t i = 0; i < file->vrrp->n_witness; i++)
		add(witnesses, &before, file->vrrp->witness[i]);
	/* Any address that no interface has a network for leads to the default gateway. */
	add(witnesses, &before, "192.0.2.1");
	for (size_t i = 0; i < file->n_array; i++) {
		for (size_t j = 0; j < file->array[i]->n_member; j++)
			add_member(witnesses, &before, file->array[i]->member[j]);
	}
}

/* --- the kernel ------------------------------------------------------------------------------- */

static struct nl_addr *to_netlink(const struct addr *addr)
{
	return addr->family == 4 ? nl_addr_build(AF_INET, addr->bytes, 4)
				 : nl_addr_build(AF_INET6, addr->bytes, 16);
}

static bool find_hop(struct nl_sock *sock, const struct addr *addr, struct hop *hop)
{
	struct nl_addr *to = to_netlink(addr), *gateway = NULL;
	struct rtnl_route *route = NULL;
	struct rtnl_nexthop *via = NULL;

	if (to && !rtnl_route_lookup(sock, to, &route) && route &&
	    rtnl_route_get_type(route) == RTN_UNICAST && rtnl_route_get_nnexthops(route) > 0)
		via = rtnl_route_nexthop_n(route, 0);
	if (via) {
		gateway = rtnl_route_nh_get_gateway(via);
		hop->ifindex = rtnl_route_nh_get_ifindex(via);
		hop->addr = nl_addr_get(gateway ? gateway : to);
	}
	rtnl_route_put(route);
	nl_addr_put(to);
	return via;
}

static int note_entry(struct nl_msg *message, void *arg)
{
	struct entry *entry = arg;
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct ndmsg *neighbour = nlmsg_data(header);
	const struct nlattr *attr;
	const struct nda_cacheinfo *times;

	if (header->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(header, sizeof(*neighbour)))
		return NL_OK;
	attr = nlmsg_find_attr(header, sizeof(*neighbour), NDA_CACHEINFO);
	if (!attr || nla_len(attr) < (int)sizeof(*times))
		return NL_OK;
	times = nla_data(attr);
	*entry = (struct entry){ true, neighbour->ndm_state, times->ndm_confirmed * tick_ns };
	return NL_OK;
}

/* The kernel answers within the call: nothing waits. */
static struct entry read_entry(struct nl_sock *sock, const struct hop *hop)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_REQUEST);
	struct ndmsg neighbour = {
		.ndm_family = (unsigned char)nl_addr_get_family(hop->addr),
		.ndm_ifindex = hop->ifindex,
	};
	struct entry entry = { 0 };

	if (!message)
		return entry;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, note_entry, &entry);
	/* The entry and an acknowledgement come, or an error alone. */
	if (nlmsg_append(message, &neighbour, sizeof(neighbour), NLMSG_ALIGNTO) == 0 &&
	    nla_put_addr(message, NDA_DST, hop->addr) == 0 && nl_send_auto(sock, message) >= 0 &&
	    nl_recvmsgs_default(sock) == 0)
		nl_wait_for_ack(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	nlmsg_free(message);
	return entry;
}

static void set_state(struct nl_sock *sock, const struct hop *hop, int state)
{
	struct rtnl_neigh *neighbour = rtnl_neigh_alloc();

	if (neighbour && !rtnl_neigh_set_dst(neighbour, hop->addr)) {
		rtnl_neigh_set_ifindex(neighbour, hop->ifindex);
		rtnl_neigh_set_state(neighbour, state);
		if (state == NUD_NONE)
			rtnl_neigh_set_flags(neighbour, NTF_USE);
		rtnl_neigh_add(sock, neighbour, state == NUD_NONE ? NLM_F_CREATE : NLM_F_REPLACE);
	}
	rtnl_neigh_put(neighbour);
}

/* Has the kernel ask now: of a known neighbour a probe, of an unknown one as for a packet. */
static void ask(struct nl_sock *sock, const struct hop *hop, const struct entry *entry)
{
	const unsigned int valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

	/* It sends a probe when it begins to, and the next one only a second later. */
	if (entry->there && entry->state & NUD_PROBE)
		set_state(sock, hop, NUD_STALE);
	set_state(sock, hop, entry->there && entry->state & valid ? NUD_PROBE : NUD_NONE);
}

static struct entry look_at(struct witnesses *witnesses, struct witness *witness, struct hop *hop)
{
	/* A static entry answers for nobody. */
	const unsigned int fixed = NUD_PERMANENT | NUD_NOARP;
	struct entry entry = { 0 };

	if (!find_hop(witnesses->sock, &witness->addr, hop))
		return entry;
	witness->ifindex = hop->ifindex;
	entry = read_entry(witnesses->sock, hop);
	if (entry.there && !(entry.state & fixed) && entry.confirmed_ns < silent_ns) {
		witness->seen_ns = lease_now() - entry.confirmed_ns;
		witness->known = true;
	}
	return entry;
}

void witness_ask(struct witnesses *witnesses, bool again)
{
	unsigned int spared = NUD_PERMANENT | NUD_NOARP | NUD_INCOMPLETE;

	if (!again)
		spared |= NUD_PROBE;
	for (size_t i = 0; witnesses->sock && i < witnesses->count; i++) {
		struct hop hop = { 0 };
		struct entry entry = look_at(witnesses, &witnesses->witness[i], &hop);

		if (hop.addr && !(entry.state & spared))
			ask(witnesses->sock, &hop, &entry);
		nl_addr_put(hop.addr);
	}
}

bool witness_answers(const struct witness *witness)
{
	return witness->known && lease_now() - witness->seen_ns < silent_ns;
}

static bool answers_on(const struct witnesses *witnesses, int ifindex)
{
	for (size_t i = 0; i < witnesses->count; i++) {
		if (witnesses->witness[i].ifindex == ifindex && witnesses->witness[i].answered)
			return true;
	}
	return false;
}

static enum lookout_round judge(struct witnesses *witnesses)
{
	bool answer = false;

	witnesses->known = 0;
	witnesses->dark = 0;
	for (size_t i = 0; i < witnesses->count; i++) {
		const struct witness *witness = &witnesses->witness[i];

		witnesses->known += witness->known;
		answer = answer || witness->answered;
		if (witness->known && !answers_on(witnesses, witness->ifindex))
			witnesses->dark = witness->ifindex;
	}
	if (!witnesses->known)
		return LOOKOUT_UNKNOWN;
	if (!answer)
		return LOOKOUT_SILENT;
	return witnesses->dark ? LOOKOUT_PARTLY : LOOKOUT_ANSWERS;
}

enum lookout_round witness_look(struct witnesses *witnesses)
{
	for (size_t i = 0; witnesses->sock && i < witnesses->count; i++) {
		struct witness *witness = &witnesses->witness[i];
		struct hop hop = { 0 };
		struct entry entry = look_at(witnesses, witness, &hop);

		/* A question turns this off, and nothing but an answer turns it on. */
		witness->answered = witness->known && entry.state & NUD_REACHABLE;
		nl_addr_put(hop.addr);
	}
	return judge(witnesses);
}
