// SPDX-License-Identifier: BSD-2-Clause
/*
 * A round has a channel of c-ares of its own: nothing that a resolver sent in one is left in the
 * next, which asks from other ports.
 */
#include "lbd/check/name.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	RESOLVERS = 2 * FQDN_RESOLVERS,
	SOCKETS = 8,  /* of a round; c-ares has one of UDP and one of TCP for a server */
	READS = 16,   /* packets read before others have their turn */
	TRY_MS = 500, /* c-ares doubles it from try to try: 3.5 s in all */
	TRIES = 3,
	FIRST_MS = 50,
	RECORDS = 64, /* of an answer that are looked at */
};

struct resolver;

struct question;

/* What c-ares hands back with an answer. */
struct asked {
	struct question *question;
	enum flow_family family;
};

struct question {
	struct resolver *resolver;
	struct question *next;
	uint32_t id;
	char name[HEALTH_WORD];
	struct asked asked[FLOW_FAMILIES];
	struct fqdn_answer answer[FLOW_FAMILIES]; /* of this round */
	unsigned int awaited;
};

struct resolver {
	struct names *names;
	struct flow_ip addr;
	double interval;
	struct question *first;
	ares_channel channel; /* NULL between rounds */
	unsigned int open;    /* answers that are still awaited */
	unsigned int reads;   /* of this turn */
	ev_io io[SOCKETS];
	ev_timer due, patience, deadline;
	bool ending; /* what is answered now was cut off */
};

struct names {
	struct ev_loop *loop;
	void (*heard)(void *arg, uint32_t id, const struct fqdn_answer answer[FLOW_FAMILIES]);
	void *arg;
	struct resolver resolver[RESOLVERS];
	size_t resolvers;
};

/* --- answers ---------------------------------------------------------------------------------- */

static enum fqdn_said said(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return FQDN_ADDRESSES;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		return FQDN_NONE;
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
		return FQDN_REFUSED;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return FQDN_SILENT;
	case ARES_ENOMEM:
	case ARES_EBADNAME:
		return FQDN_FAULT;
	default:
		return FQDN_GARBLED;
	}
}

static int read4(const unsigned char *packet, int length, struct fqdn_answer *answer)
{
	struct ares_addrttl record[RECORDS];
	int count = RECORDS, status = ares_parse_a_reply(packet, length, NULL, record, &count);
	struct flow_ip ip;

	for (int i = 0; !status && i < count; i++) {
		ip = flow_ip4(record[i].ipaddr.s_addr);
		fqdn_add(answer, &ip);
	}
	return status;
}

static int read6(const unsigned char *packet, int length, struct fqdn_answer *answer)
{
	struct ares_addr6ttl record[RECORDS];
	int count = RECORDS, status = ares_parse_aaaa_reply(packet, length, NULL, record, &count);
	struct flow_ip ip;

	for (int i = 0; !status && i < count; i++) {
		memcpy(&ip, &record[i].ip6addr, sizeof(ip));
		fqdn_add(answer, &ip);
	}
	return status;
}

/* A name is told when both families are known: a change of the one is no change of the other. */
static void answered(struct question *question)
{
	const struct names *names = question->resolver->names;

	if (--question->awaited == 0)
		names->heard(names->arg, question->id, question->answer);
}

/* Aliases that lead to no address are as good as no name. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *packet, int length)
{
	static int (*const reads[])(const unsigned char *, int, struct fqdn_answer *) = {
		[FLOW_IPV4] = read4, [FLOW_IPV6] = read6
	};
	const struct asked *asked = arg;
	struct resolver *resolver = asked->question->resolver;
	struct fqdn_answer *answer = &asked->question->answer[asked->family];

	(void)timeouts;
	resolver->open--;
	if (resolver->ending)
		return;
	*answer = (struct fqdn_answer){ 0 };
	if (status == ARES_SUCCESS)
		status = reads[asked->family](packet, length, answer);
	answer->said = said(status);
	if (answer->said == FQDN_ADDRESSES && !answer->count)
		answer->said = FQDN_NONE;
	answered(asked->question);
}

/* --- sockets ---------------------------------------------------------------------------------- */

/*
 * c-ares reads until nothing is left, which somebody who sends without end would never let be; and
 * a write to a connection that was closed must not be a signal.
 */
static ares_socket_t make_socket(int family, int type, int protocol, void *arg)
{
	(void)arg;
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t length,
			  void *arg)
{
	(void)arg;
	return connect(fd, to, length);
}

static ares_ssize_t receive(ares_socket_t fd, void *data, size_t size, int flags,
			    struct sockaddr *from, ares_socklen_t *length, void *arg)
{
	struct resolver *resolver = arg;

	if (resolver->reads++ < READS)
		return recvfrom(fd, data, size, flags, from, length);
	errno = EAGAIN;
	return -1;
}

static ares_ssize_t send_parts(ares_socket_t fd, const struct iovec *part, int parts, void *arg)
{
	struct iovec copy[16];
	struct msghdr message = { .msg_iov = copy, .msg_iovlen = (size_t)parts };

	(void)arg;
	if ((size_t)parts > sizeof(copy) / sizeof(*copy))
		message.msg_iovlen = sizeof(copy) / sizeof(*copy); /* the rest is sent next */
	memcpy(copy, part, message.msg_iovlen * sizeof(*copy));
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	make_socket, close_socket, connect_socket, receive, send_parts,
};

/* c-ares says what it awaits on a socket: nothing when it closes it. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = arg;
	ev_io *io = NULL;

	for (size_t i = 0; i < SOCKETS; i++)
		if (ev_is_active(&resolver->io[i]) && resolver->io[i].fd == fd)
			io = &resolver->io[i];
	for (size_t i = 0; i < SOCKETS && !io; i++)
		if (!ev_is_active(&resolver->io[i]))
			io = &resolver->io[i];
	if (!io)
		return; /* more than a round has: its end comes by time */
	ev_io_stop(resolver->names->loop, io);
	if (!readable && !writable)
		return;
	ev_io_set(io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(resolver->names->loop, io);
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* c-ares answers what it has open when its channel goes: `cut` says not to believe that. */
static void end_round(struct resolver *resolver, bool cut)
{
	ares_channel channel = resolver->channel;

	resolver->channel = NULL;
	resolver->ending = cut;
	if (channel)
		ares_destroy(channel);
	resolver->ending = false;
	resolver->open = 0;
	for (size_t i = 0; i < SOCKETS; i++)
		ev_io_stop(resolver->names->loop, &resolver->io[i]);
	ev_timer_stop(resolver->names->loop, &resolver->patience);
	ev_timer_stop(resolver->names->loop, &resolver->deadline);
}

/* After each turn of c-ares: it is done, or says how long it waits for more. */
static void go_on(struct resolver *resolver)
{
	struct timeval left;

	if (!resolver->open) {
		end_round(resolver, false);
		return;
	}
	ev_timer_stop(resolver->names->loop, &resolver->patience);
	if (!ares_timeout(resolver->channel, NULL, &left))
		return;
	ev_timer_set(&resolver->patience, (double)left.tv_sec + (double)left.tv_usec / 1e6 + 0.001,
		     0.);
	ev_timer_start(resolver->names->loop, &resolver->patience);
}

static void process(struct resolver *resolver, ares_socket_t readable, ares_socket_t writable)
{
	resolver->reads = 0;
	ares_process_fd(resolver->channel, readable, writable);
	go_on(resolver);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	process(io->data, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
		events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	process(timer->data, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	end_round(timer->data, false);
}

static bool set_server(ares_channel channel, const struct flow_ip *ip)
{
	struct ares_addr_node server = { .family = AF_INET };

	if (flow_ip_family(ip) == FLOW_IPV6) {
		server.family = AF_INET6;
		memcpy(&server.addr.addr6, ip, sizeof(*ip));
	} else {
		server.addr.addr4.s_addr = ip->word[3];
	}
	return ares_set_servers(channel, &server) == ARES_SUCCESS;
}

/* Nothing of the machine's own resolver has part in this: no file of hosts, no search list. */
static bool open_channel(struct resolver *resolver)
{
	char lookups[] = "b", nowhere[] = "/dev/null";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
		.timeout = TRY_MS,
		.tries = TRIES,
		.lookups = lookups,
		.resolvconf_path = nowhere,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = resolver,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
		   ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB;

	if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS) {
		resolver->channel = NULL;
		return false;
	}
	ares_set_socket_functions(resolver->channel, &socket_functions, resolver);
	return set_server(resolver->channel, &resolver->addr);
}

/* An answer may come at once: all are counted before the first is asked. */
static void prepare(struct resolver *resolver)
{
	resolver->open = 0;
	for (struct question *q = resolver->first; q; q = q->next) {
		q->awaited = FLOW_FAMILIES;
		resolver->open += FLOW_FAMILIES;
	}
}

static void ask(struct resolver *resolver)
{
	for (struct question *q = resolver->first; q; q = q->next)
		for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
			ares_query(resolver->channel, q->name, ns_c_in,
				   f == FLOW_IPV4 ? ns_t_a : ns_t_aaaa, on_answer, &q->asked[f]);
}

static void fail(struct resolver *resolver)
{
	const struct fqdn_answer fault[FLOW_FAMILIES] = { { .said = FQDN_FAULT },
							  { .said = FQDN_FAULT } };

	end_round(resolver, true);
	for (struct question *q = resolver->first; q; q = q->next)
		resolver->names->heard(resolver->names->arg, q->id, fault);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct resolver *resolver = timer->data;

	(void)events;
	end_round(resolver, false); /* one that has lasted an interval is over */
	/* By chance a little earlier, so that nodes and resolvers do not fall into step. */
	ev_timer_set(timer, resolver->interval * (1 - 0.1 * drand48()), 0.);
	ev_timer_start(loop, timer);
	if (!open_channel(resolver)) {
		fail(resolver);
		return;
	}
	prepare(resolver);
	ask(resolver);
	ev_timer_set(&resolver->deadline, NAME_ROUND_MS / 1000.0, 0.);
	ev_timer_start(loop, &resolver->deadline);
	go_on(resolver);
}

/* --- what is asked ---------------------------------------------------------------------------- */

struct names *names_open(struct ev_loop *loop,
			 void (*heard)(void *arg, uint32_t id,
				       const struct fqdn_answer answer[FLOW_FAMILIES]),
			 void *arg)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names || ares_library_init(ARES_LIB_INIT_ALL)) {
		free(names);
		return NULL;
	}
	names->loop = loop;
	names->heard = heard;
	names->arg = arg;
	return names;
}

void names_close(struct names *names)
{
	if (!names)
		return;
	names_forget(names);
	ares_library_cleanup();
	free(names);
}

static struct resolver *begin(struct names *names, const struct check_name *order)
{
	struct resolver *resolver = &names->resolver[names->resolvers++];

	*resolver = (struct resolver){ .names = names,
				       .addr = order->resolver,
				       .interval = (double)order->interval_ms / 1000.0 };
	ev_init(&resolver->due, on_due);
	ev_init(&resolver->patience, on_patience);
	ev_init(&resolver->deadline, on_deadline);
	resolver->due.data = resolver->patience.data = resolver->deadline.data = resolver;
	for (size_t i = 0; i < SOCKETS; i++) {
		ev_init(&resolver->io[i], on_ready);
		resolver->io[i].data = resolver;
	}
	return resolver;
}

static struct resolver *find(struct names *names, const struct check_name *order)
{
	for (size_t i = 0; i < names->resolvers; i++)
		if (flow_ip_equal(&names->resolver[i].addr, &order->resolver))
			return &names->resolver[i];
	return names->resolvers < RESOLVERS ? begin(names, order) : NULL;
}

void names_add(struct names *names, const struct check_name *order)
{
	struct resolver *resolver = find(names, order);
	struct question *question = resolver ? calloc(1, sizeof(*question)) : NULL;

	if (!question)
		return;
	question->resolver = resolver;
	question->id = order->id;
	memcpy(question->name, order->name, sizeof(question->name));
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		question->asked[f] = (struct asked){ question, f };
	question->next = resolver->first;
	resolver->first = question;
	/* The first round waits for the rest of the names. */
	ev_timer_stop(names->loop, &resolver->due);
	ev_timer_set(&resolver->due, FIRST_MS / 1000.0, 0.);
	ev_timer_start(names->loop, &resolver->due);
}

static void forget(struct resolver *resolver)
{
	struct question *question;

	end_round(resolver, true);
	ev_timer_stop(resolver->names->loop, &resolver->due);
	while ((question = resolver->first)) {
		resolver->first = question->next;
		free(question);
	}
}

void names_forget(struct names *names)
{
	for (size_t i = 0; names && i < names->resolvers; i++)
		forget(&names->resolver[i]);
	if (names)
		names->resolvers = 0;
}
