// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/inquiry.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "conf/log.h"
#include "vrrp/lease.h"

enum { STACK_BYTES = 256 << 10 };

static const struct timespec time_to_answer = { 0, 100000000 };
static const uint64_t silent_ns = INQUIRY_SILENT_MS * UINT64_C(1000000);
static const uint64_t tick_ns = 10000000; /* USER_HZ */

/* Where a neighbour, or the router before it, is to be found on the LAN. */
struct hop {
	struct nl_addr *addr; /* owned */
	int ifindex;
};

/* What the kernel knows of it. */
struct entry {
	bool there;
	unsigned int state;
	uint64_t confirmed_ns; /* ago */
};

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

/* The kernel answers within the call, as soon as it has its lock. */
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

/* --- a question ------------------------------------------------------------------------------- */

static struct entry look(struct nl_sock *sock, struct inquiry_finding *finding, struct hop *hop)
{
	/* A static entry answers for nobody. */
	const unsigned int fixed = NUD_PERMANENT | NUD_NOARP;
	struct entry entry = { 0 };

	if (!find_hop(sock, &finding->addr, hop))
		return entry;
	finding->ifindex = hop->ifindex;
	entry = read_entry(sock, hop);
	if (entry.there && !(entry.state & fixed) && entry.confirmed_ns < silent_ns)
		finding->seen_ns = lease_now() - entry.confirmed_ns;
	return entry;
}

static void ask_one(struct nl_sock *sock, struct inquiry_finding *finding, bool again)
{
	unsigned int spared = NUD_PERMANENT | NUD_NOARP | NUD_INCOMPLETE;
	struct hop hop = { 0 };
	struct entry entry = look(sock, finding, &hop);

	if (!again)
		spared |= NUD_PROBE;
	if (hop.addr && !(entry.state & spared))
		ask(sock, &hop, &entry);
	nl_addr_put(hop.addr);
}

static void look_at_one(struct nl_sock *sock, struct inquiry_finding *finding)
{
	struct hop hop = { 0 };

	/* A question turns this off, and nothing but an answer turns it on. */
	finding->reachable = look(sock, finding, &hop).state & NUD_REACHABLE;
	nl_addr_put(hop.addr);
}

static void go_round(struct nl_sock *sock, const struct inquiry_question *question,
		     struct inquiry_answer *answer)
{
	*answer = (struct inquiry_answer){ .count = question->count };
	for (size_t i = 0; i < question->count; i++) {
		answer->finding[i].addr = question->addr[i];
		ask_one(sock, &answer->finding[i], question->again);
	}
	clock_nanosleep(CLOCK_MONOTONIC, 0, &time_to_answer, NULL);
	for (size_t i = 0; i < question->count; i++)
		look_at_one(sock, &answer->finding[i]);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* As punctual as the loop, but never before it. */
static void give_way(void)
{
	struct sched_param param;

	if (sched_getscheduler(0) != SCHED_FIFO || sched_getparam(0, &param))
		return;
	param.sched_priority--;
	sched_setscheduler(0, SCHED_FIFO, &param);
}

static void *serve(void *arg)
{
	const struct inquiry *inquiry = arg;
	struct inquiry_question question;
	struct inquiry_answer answer;

	give_way();
	while (recv(inquiry->theirs, &question, sizeof(question), 0) == sizeof(question)) {
		go_round(inquiry->sock, &question, &answer);
		send(inquiry->theirs, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
	return NULL;
}

/* The signals are for the loop. */
static int start_thread(struct inquiry *inquiry)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&inquiry->thread, &attr, serve, inquiry);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

static void close_ends(struct inquiry *inquiry)
{
	nl_socket_free(inquiry->sock);
	close(inquiry->fd);
	close(inquiry->theirs);
}

int inquiry_open(struct inquiry *inquiry)
{
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
		log_error("neighbours cannot be asked: %s", strerror(-err));
		return err;
	}
	inquiry->fd = pair[0];
	inquiry->theirs = pair[1];
	inquiry->sock = nl_socket_alloc();
	err = inquiry->sock ? nl_connect(inquiry->sock, NETLINK_ROUTE) : -NLE_NOMEM;
	if (err) {
		log_error("netlink cannot be used: %s", nl_geterror(err));
		close_ends(inquiry);
		return -EIO;
	}
	err = start_thread(inquiry);
	if (err) {
		log_error("no thread to ask neighbours: %s", strerror(-err));
		close_ends(inquiry);
	}
	return err;
}

void inquiry_close(struct inquiry *inquiry)
{
	shutdown(inquiry->fd, SHUT_RDWR);
	pthread_join(inquiry->thread, NULL);
	close_ends(inquiry);
}

/* --- the process ------------------------------------------------------------------------------ */

bool inquiry_ask(struct inquiry *inquiry, const struct inquiry_question *question)
{
	return send(inquiry->fd, question, sizeof(*question), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       sizeof(*question);
}

bool inquiry_take(struct inquiry *inquiry, struct inquiry_answer *answer)
{
	return recv(inquiry->fd, answer, sizeof(*answer), MSG_DONTWAIT) == sizeof(*answer);
}
