// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/truth.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/hops.h"
#include "lbd/neighbour.h"
#include "lbd/syn.h"

enum {
	SENDS = 4,       /* a SYN may be lost; evenly within the timeout */
	HEARD_MAX = 64,  /* answers taken in one go */
	ANSWER_MAX = 128 /* IPv4 options and all */
};

struct truth_probe {
	struct truth *truth;
	size_t target;
	uint32_t seq;
	unsigned int turns; /* of `again` that have passed */
	bool sent, faulty;
	uint64_t began_ns;
	ev_timer again; /* active: under way */
};

static const struct health_target *target_of(const struct truth_probe *probe)
{
	return &probe->truth->health->target[probe->target];
}

static void finish(struct truth_probe *probe, enum health_outcome outcome)
{
	struct truth *truth = probe->truth;
	struct check_report report = {
		.id = (uint32_t)probe->target,
		.outcome = outcome,
		.latency_us = (uint32_t)((daemon_now_ns() - probe->began_ns) / 1000),
	};

	ev_timer_stop(truth->loop, &probe->again);
	truth->report(truth->arg, &report);
}

/* The address that this node has on the way to a member. */
static bool own_address(struct flow_ip *own, const struct flow_ip *member)
{
	bool ipv4 = flow_ip_family(member) == FLOW_IPV4;
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = { member->word[3] } };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr *to = ipv4 ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t length = ipv4 ? sizeof(four) : sizeof(six);
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found;

	memcpy(&six.sin6_addr, member, sizeof(*member));
	four.sin_port = six.sin6_port = htons(IPPORT_DISCARD); /* nothing is sent there */
	found = fd >= 0 && !connect(fd, to, length) && !getsockname(fd, to, &length);
	if (fd >= 0)
		close(fd);
	if (ipv4)
		*own = flow_ip4(four.sin_addr.s_addr);
	else
		memcpy(own, &six.sin6_addr, sizeof(*own));
	return found;
}

static int send_to(const struct truth *truth, const struct syn *syn, struct sockaddr_ll *to)
{
	enum flow_family family = flow_ip_family(&syn->to);
	uint8_t packet[SYN_PACKET_MAX];
	size_t length = syn_write(packet, syn);

	to->sll_family = AF_PACKET;
	to->sll_protocol = htons(family == FLOW_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	if (sendto(truth->fd[family], packet, length, MSG_DONTWAIT, (struct sockaddr *)to,
		   sizeof(*to)) < 0)
		return -errno;
	return 0;
}

/* A SYN for the VIP by the member's hop; where its link address is not known, that is asked for. */
static void send_syn(struct truth_probe *probe)
{
	const struct health_target *target = target_of(probe);
	struct syn syn = {
		.to = target->vip,
		.from_port = probe->truth->port,
		.to_port = target->port,
		.seq = probe->seq,
		.flags = SYN_FLAGS_OPEN,
	};
	struct sockaddr_ll to = { .sll_halen = ETH_ALEN };
	struct neighbour *neighbour = probe->truth->neighbour;
	struct hop hop;

	if (!neighbour_route(neighbour, &target->addr, &hop) ||
	    !own_address(&syn.from, &target->addr))
		return;
	if (!neighbour_link(neighbour, &hop, to.sll_addr)) {
		neighbour_use(neighbour, &hop);
		return;
	}
	to.sll_ifindex = hop.ifindex;
	/* From the VIP itself there would be no answer; a link that is full is tried again. */
	if (flow_ip_equal(&syn.from, &syn.to) || send_to(probe->truth, &syn, &to))
		probe->faulty = true;
	else
		probe->sent = true;
}

static enum health_outcome outcome_of(const struct truth_probe *probe)
{
	if (probe->sent)
		return HEALTH_NO_VIP;
	return probe->faulty ? HEALTH_FAULT : HEALTH_UNREACHABLE;
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct truth_probe *probe = timer->data;

	(void)loop;
	(void)events;
	if (++probe->turns < SENDS)
		send_syn(probe);
	else
		finish(probe, outcome_of(probe));
}

void truth_ask(struct truth *truth, size_t id)
{
	size_t target = truth->health ? truth->health->target[id].vip_target : 0;
	struct truth_probe *probe;
	double turn;

	if (!target || target - truth->health->probed >= truth->probes)
		return;
	probe = &truth->probe[target - truth->health->probed];
	if (ev_is_active(&probe->again))
		return;
	probe->began_ns = daemon_now_ns();
	probe->turns = 0;
	probe->sent = probe->faulty = false;
	if (truth->fd[flow_ip_family(&target_of(probe)->vip)] < 0 ||
	    getrandom(&probe->seq, sizeof(probe->seq), 0) != sizeof(probe->seq)) {
		finish(probe, HEALTH_FAULT);
		return;
	}
	turn = target_of(probe)->rule.timeout_ms / 1000.0 / SENDS;
	ev_timer_set(&probe->again, turn, turn);
	ev_timer_start(truth->loop, &probe->again);
	send_syn(probe);
}

/* Which probe an answer is for: the number is its own, chosen at random. */
static struct truth_probe *find(struct truth *truth, const struct syn *answer)
{
	for (size_t i = 0; i < truth->probes; i++) {
		struct truth_probe *probe = &truth->probe[i];

		if (ev_is_active(&probe->again) && answer->ack == probe->seq + 1 &&
		    answer->from_port == target_of(probe)->port &&
		    flow_ip_equal(&answer->from, &target_of(probe)->vip))
			return probe;
	}
	return NULL;
}

/*
 * Every SYN-ACK is answered with a RST, also one that comes late or again, or the member would keep
 * a half-open connection and have no ear for the next SYN.
 */
static void hear(struct truth *truth, const struct syn *answer, struct sockaddr_ll *from)
{
	bool opens = answer->flags & SYN_FLAGS_OPEN;
	struct truth_probe *probe = find(truth, answer);
	struct syn reset = {
		.from = answer->to,
		.to = answer->from,
		.from_port = answer->to_port,
		.to_port = answer->from_port,
		.seq = answer->ack,
		.flags = SYN_FLAGS_RESET,
	};
	int error = opens ? send_to(truth, &reset, from) : 0;

	if (error)
		log_debug("a member's half-open connection stays: %s", strerror(-error));
	if (!probe)
		return;
	if (answer->flags & SYN_FLAGS_RESET)
		finish(probe, HEALTH_REFUSED);
	else if (opens)
		finish(probe, HEALTH_OK);
}

static void on_answers(struct ev_loop *loop, ev_io *io, int events)
{
	struct truth *truth = io->data;
	uint8_t packet[ANSWER_MAX];
	struct syn answer;

	(void)loop;
	(void)events;
	for (int i = 0; i < HEARD_MAX; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(io->fd, packet, sizeof(packet), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &length);

		/* Also when the link went down: then nothing comes, which says enough. */
		if (got < 0)
			return;
		if (from.sll_pkttype == PACKET_HOST && syn_read(&answer, packet, (size_t)got) &&
		    answer.to_port == truth->port && answer.flags & SYN_FLAGS_ACK)
			hear(truth, &answer, &from);
	}
}

/* TCP to our port, whole: no fragments, no extension headers. */
static int filter(int fd, enum flow_family family, uint16_t port)
{
	struct sock_filter ipv4[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ANSWER_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter ipv6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 42),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ANSWER_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(ipv4) / sizeof(ipv4[0]), .filter = ipv4 };

	if (family == FLOW_IPV6)
		program = (struct sock_fprog){ .len = sizeof(ipv6) / sizeof(ipv6[0]),
					       .filter = ipv6 };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* A port of TCP for both families, so that no connection of the kernel's gets it; or -errno. */
static int take_port(uint16_t *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 && errno == EAFNOSUPPORT) {
		any.sin6_family = AF_INET; /* whose port is at the same place */
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&any, sizeof(any)) &&
	    !getsockname(fd, (struct sockaddr *)&any, &length)) {
		*port = ntohs(any.sin6_port);
		return fd;
	}
	error = -errno;
	close(fd);
	return error;
}

/* It hears nothing before it has its filter.  A descriptor, or a negative errno. */
static int open_link(enum flow_family family, uint16_t port)
{
	struct sockaddr_ll all = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	all.sll_protocol = htons(family == FLOW_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	if (fd < 0)
		return -errno;
	if (!filter(fd, family, port) && !bind(fd, (struct sockaddr *)&all, sizeof(all)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void watch(struct truth *truth, enum flow_family family)
{
	ev_io *io = &truth->io[family];

	truth->fd[family] = open_link(family, truth->port);
	if (truth->fd[family] < 0) {
		log_warning("no member can be asked for its %s VIP (mode dsr): %s%s",
			    family == FLOW_IPV4 ? "IPv4" : "IPv6", strerror(-truth->fd[family]),
			    truth->fd[family] == -EPERM ? "; lbd needs CAP_NET_RAW" : "");
		return;
	}
	ev_io_init(io, on_answers, truth->fd[family], EV_READ);
	io->data = truth;
	ev_io_start(truth->loop, io);
}

/* There is something to ask; what cannot be had stays closed. */
static void open_links(struct truth *truth)
{
	truth->port_socket = take_port(&truth->port);
	if (truth->port_socket < 0)
		log_warning("no port for asking members for their VIP (mode dsr): %s",
			    strerror(-truth->port_socket));
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES && truth->port_socket >= 0; f++)
		watch(truth, f);
}

static void close_links(struct truth *truth)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		if (truth->fd[f] < 0)
			continue;
		ev_io_stop(truth->loop, &truth->io[f]);
		close(truth->fd[f]);
		truth->fd[f] = -1;
	}
	if (truth->port_socket >= 0)
		close(truth->port_socket);
	truth->port_socket = -1;
}

static void forget(struct truth *truth)
{
	for (size_t i = 0; i < truth->probes; i++)
		ev_timer_stop(truth->loop, &truth->probe[i].again);
	free(truth->probe);
	truth->probe = NULL;
	truth->probes = 0;
}

void truth_start(struct truth *truth, struct ev_loop *loop, struct neighbour *neighbour,
		 const struct health *health)
{
	truth->loop = loop;
	truth->neighbour = neighbour;
	truth->health = health;
	truth->fd[FLOW_IPV4] = truth->fd[FLOW_IPV6] = truth->port_socket = -1;
	truth_replan(truth);
}

void truth_stop(struct truth *truth)
{
	if (!truth->loop)
		return;
	forget(truth);
	close_links(truth);
	truth->loop = NULL;
}

static int make_probes(struct truth *truth, size_t count)
{
	truth->probe = calloc(count, sizeof(*truth->probe));
	if (!truth->probe)
		return -ENOMEM;
	truth->probes = count;
	for (size_t i = 0; i < count; i++) {
		struct truth_probe *probe = &truth->probe[i];

		probe->truth = truth;
		probe->target = truth->health->probed + i;
		ev_init(&probe->again, on_again);
		probe->again.data = probe;
	}
	return 0;
}

void truth_replan(struct truth *truth)
{
	size_t count;

	if (!truth->loop)
		return;
	count = truth->health->count - truth->health->probed;
	forget(truth);
	if (!count)
		close_links(truth); /* no array is of mode dsr now */
	else if (make_probes(truth, count))
		log_error("no memory for asking members for their VIP");
	else if (truth->port_socket < 0)
		open_links(truth);
}
