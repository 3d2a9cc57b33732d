// SPDX-License-Identifier: BSD-2-Clause
/*
 * What do the nodes say to each other on their channel, and is it that what the other hears?
 *
 *	overhear PORT MARK {NAMESPACE ADDRESS} {NAMESPACE ADDRESS}
 *
 * Listens in both nodes' network namespaces and lives in neither, so that it outlives a node.
 * What a node's own kernel sends is what it says, whatever happens to it afterwards in its
 * cable: frames with MARK are somebody else's.  Both directions of each connection to PORT
 * are put in order at both ends, from its SYN on.
 *
 * There is a line of JSON for each direction of a connection: `end` when it is over, and
 * `now` at SIGUSR1 for each that is known.  Counted are whole frames by then (talk.h):
 *
 *	sent      by its speaker
 *	arrived   unaltered and in order at the hearing node, before the first altered byte
 *	taken     of which the hearing kernel has acknowledged all bytes, altered or not
 *	altered   TCP's number of the first byte that was heard as another one, and `part`
 *	end       how the hearing node's socket ended
 *	unclear   one byte was heard as two, there were more than could be kept, or frames were
 *	          lost to this tap itself while it was there
 *
 * After the lines of SIGUSR1 comes `told`, with all that was ever lost to it in `unread`.  Of
 * connections in great numbers some are not told.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "tests/overhear/talk.h"
#include "tests/tcp_head.h"
#include "tests/overhear/tap.h"

enum {
	NODES = 2,
	CONNECTIONS = 256,
	LINGER_MS = 1000, /* segments that come late */
	DEAD_MS = 60000,  /* of a node that lost its power nobody hears an end */
	LOOK_MS = 200,
};

struct segment {
	size_t from; /* node; the other one is meant to hear it */
	uint16_t port;
	bool connects; /* spoken by the node that connects */
	uint32_t number, acked;
	bool syn, ack, fin, rst;
	const uint8_t *bytes;
	size_t length;
};

struct connection {
	bool known, blurred; /* blurred: frames were lost to a tap, perhaps its */
	uint16_t port;       /* of the node that connects */
	uint64_t begun_ms, heard_ms;
	struct talk to[NODES]; /* by who hears it */
};

struct overhear {
	struct tap_wish wish;
	struct tap tap[NODES];
	struct connection connection[CONNECTIONS];
	unsigned long unread;
	uint64_t now_ms;
};

static volatile sig_atomic_t ended, asked;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		asked = 1;
	else
		ended = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- telling ---------------------------------------------------------------------------------- */

static const char *const part_names[] = {
	[PART_HELLO] = "hello",   [PART_HEADER] = "header", [PART_NOISE] = "noise",
	[PART_LENGTH] = "length", [PART_BODY] = "body",
};
static const char *const end_names[] = {
	[TALK_OPEN] = "",
	[TALK_CLOSED] = "closed",
	[TALK_UNREAD] = "unread",
	[TALK_RESET_BY_PEER] = "reset",
};

static void tell_talk(const char *event, const struct connection *c, size_t to, uint64_t now)
{
	const struct talk *talk = &c->to[to];

	printf("{\"t\":%llu,\"event\":\"%s\",\"port\":%u,\"begun\":%llu,\"heard\":%llu,\"to\":%zu,"
	       "\"sent\":%llu,"
	       "\"arrived\":%llu,\"taken\":%llu,",
	       (unsigned long long)now, event, c->port, (unsigned long long)c->begun_ms,
	       (unsigned long long)c->heard_ms, to + 1, (unsigned long long)talk->sent.frames,
	       (unsigned long long)talk->arrived.frames, (unsigned long long)talk->taken.frames);
	if (talk->heard.begun && talk->altered >= 0)
		printf("\"altered\":%u,\"part\":\"%s\",",
		       talk->heard.first + (uint32_t)talk->altered, part_names[talk->altered_part]);
	printf("\"end\":\"%s\",\"unclear\":%s}\n", end_names[talk->end],
	       c->blurred || talk_unclear(talk) ? "true" : "false");
}

/* Of one that was refused there is nothing to tell. */
static void tell(const char *event, const struct connection *c, uint64_t now)
{
	if (!c->to[0].said.next && !c->to[1].said.next)
		return;
	for (size_t to = 0; to < NODES; to++)
		tell_talk(event, c, to, now);
}

static void tell_all(struct overhear *o)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (o->connection[i].known)
			tell("now", &o->connection[i], o->now_ms);
	printf("{\"t\":%llu,\"event\":\"told\",\"unread\":%lu}\n", (unsigned long long)o->now_ms,
	       o->unread);
	fflush(stdout);
}

/* --- connections ------------------------------------------------------------------------------ */

static void forget(struct connection *c)
{
	for (size_t i = 0; i < NODES; i++)
		talk_free(&c->to[i]);
	memset(c, 0, sizeof(*c));
}

static bool is_over(const struct connection *c)
{
	return c->to[0].end != TALK_OPEN && c->to[1].end != TALK_OPEN;
}

static void finish(struct overhear *o, struct connection *c)
{
	tell("end", c, o->now_ms);
	fflush(stdout);
	forget(c);
}

static void finish_what_is_over(struct overhear *o)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &o->connection[i];

		if (c->known && o->now_ms - c->heard_ms > (is_over(c) ? LINGER_MS : DEAD_MS))
			finish(o, c);
	}
}

static struct connection *find(struct overhear *o, uint16_t port)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (o->connection[i].known && o->connection[i].port == port)
			return &o->connection[i];
	return NULL;
}

/* Nobody knows whose they were. */
static void note_lost(struct overhear *o)
{
	unsigned int lost = tap_lost(&o->tap[0]) + tap_lost(&o->tap[1]);

	o->unread += lost;
	for (size_t i = 0; lost && i < CONNECTIONS; i++)
		o->connection[i].blurred = o->connection[i].known;
}

/*
 * A free place, if need be of one that was silent for longest.  While it has not come to its end
 * there is nothing to tell of it: what has come to it later would be missing.
 */
static struct connection *place_for(struct overhear *o)
{
	struct connection *eldest = &o->connection[0];

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &o->connection[i];

		if (!c->known)
			return c;
		if (is_over(c) > is_over(eldest) ||
		    (is_over(c) == is_over(eldest) && c->heard_ms < eldest->heard_ms))
			eldest = c;
	}
	if (is_over(eldest))
		finish(o, eldest);
	else
		forget(eldest);
	return eldest;
}

/* The first byte's number is in a SYN.  A port may be used again before its old connection is over.
 */
static struct connection *begin(struct overhear *o, const struct segment *segment)
{
	struct connection *c = find(o, segment->port);
	struct talk *talk;

	if (c && segment->connects && c->to[1 - segment->from].heard.begun &&
	    c->to[1 - segment->from].heard.first != segment->number + 1) {
		finish(o, c);
		c = NULL;
	}
	if (!c && !segment->connects)
		return NULL;
	if (!c) {
		c = place_for(o);
		c->known = true;
		c->port = segment->port;
		c->begun_ms = o->now_ms;
	}
	talk = &c->to[1 - segment->from];
	if (talk->heard.begun && talk->heard.first != segment->number + 1) {
		/* Answered once more, by a process that has come after the first. */
		talk_free(talk);
		memset(talk, 0, sizeof(*talk));
	}
	if (!talk->heard.begun && talk_begin(talk, segment->number + 1, segment->connects))
		die("overhear: no memory");
	return c;
}

/* What leaves a node's kernel: it says something, has heard something, or hears no more. */
static void note_said(struct connection *c, const struct segment *segment)
{
	struct talk *says = &c->to[1 - segment->from], *hears = &c->to[segment->from];

	talk_said(says, segment->number, segment->bytes, segment->length);
	if (segment->ack)
		talk_acked(hears, segment->acked);
	if (segment->rst)
		talk_ended(hears, TALK_UNREAD);
	else if (segment->fin)
		talk_ended(hears, TALK_CLOSED);
}

static void note_heard(struct connection *c, const struct segment *segment)
{
	struct talk *hears = &c->to[1 - segment->from];

	talk_heard(hears, segment->number, segment->bytes, segment->length);
	if (segment->rst)
		talk_ended(hears, TALK_RESET_BY_PEER);
}

/* `said`: it leaves the node at whose tap it was seen. */
static void note(struct overhear *o, const struct segment *segment, bool said)
{
	struct connection *c = segment->syn ? begin(o, segment) : find(o, segment->port);

	if (!c)
		return;
	c->heard_ms = o->now_ms;
	/* A SYN that was refused may come again: the peer's kernel heeds no RST but its process's.
	 */
	if (segment->syn || !c->to[0].heard.begun || !c->to[1].heard.begun)
		return;
	if (said)
		note_said(c, segment);
	else
		note_heard(c, segment);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* False: it is none of the channel's. */
static bool read_segment(const struct overhear *o, const uint8_t *frame, size_t size,
			 struct segment *segment)
{
	struct iphdr ip;
	struct tcphdr tcp;
	size_t head = tcp_head_read(frame, size, &ip, &tcp);

	if (!head)
		return false;
	segment->from = ip.saddr == o->wish.address[1].s_addr;
	if (ip.saddr != o->wish.address[segment->from].s_addr ||
	    ip.daddr != o->wish.address[1 - segment->from].s_addr || ntohs(ip.tot_len) < head ||
	    size < ntohs(ip.tot_len))
		return false;
	segment->connects = ntohs(tcp.dest) == o->wish.port;
	segment->port = ntohs(segment->connects ? tcp.source : tcp.dest);
	segment->number = ntohl(tcp.seq);
	segment->acked = ntohl(tcp.ack_seq);
	segment->syn = tcp.syn;
	segment->ack = tcp.ack;
	segment->fin = tcp.fin;
	segment->rst = tcp.rst;
	segment->bytes = frame + head;
	segment->length = ntohs(ip.tot_len) - head;
	return true;
}

/*
 * All that was seen until then, of both taps in the order in which it was seen: a port may be used
 * again soon.  What comes meanwhile waits, and so an answer does not wait for a flood to end.
 */
static void hear(struct overhear *o, uint64_t until_ns)
{
	for (;;) {
		bool first = tap_fetch(&o->tap[0]), second = tap_fetch(&o->tap[1]);
		size_t at = second && (!first || o->tap[1].at_ns < o->tap[0].at_ns);
		struct tap *tap = &o->tap[at];
		struct segment segment;

		if ((!first && !second) || tap->at_ns > until_ns)
			return;
		if (read_segment(o, tap->frame, tap->size, &segment) &&
		    tap->leaves == (segment.from == at))
			note(o, &segment, tap->leaves);
		tap->size = 0;
	}
}

/* --- beginning and end ------------------------------------------------------------------------ */

static void open_taps(struct overhear *o, char **argv)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < NODES; i++)
		if (inet_pton(AF_INET, argv[2 * i + 1], &o->wish.address[i]) != 1)
			die(argv[2 * i + 1]);
	for (size_t i = 0; i < NODES; i++)
		if (tap_open(&o->tap[i], argv[2 * i], &o->wish))
			die(argv[2 * i]);
	if (own < 0 || setns(own, CLONE_NEWNET))
		die("overhear: its own namespace");
	close(own);
}

static void run(struct overhear *o)
{
	struct pollfd readable[NODES];
	uint64_t now;

	for (size_t i = 0; i < NODES; i++)
		readable[i] = (struct pollfd){ .fd = o->tap[i].fd, .events = POLLIN };
	while (!ended) {
		bool tells;

		poll(readable, NODES, LOOK_MS);
		tells = asked;
		if (tells)
			asked = 0;
		now = now_ns();
		o->now_ms = now / 1000000;
		hear(o, now);
		note_lost(o);
		finish_what_is_over(o);
		if (tells)
			tell_all(o);
	}
}

int main(int argc, char **argv)
{
	static struct overhear overhear;
	struct sigaction action = { .sa_handler = on_signal };

	if (argc != 3 + 2 * NODES) {
		fprintf(stderr, "usage: overhear PORT MARK {NAMESPACE ADDRESS}...\n");
		return 2;
	}
	overhear.wish.port = (uint16_t)atoi(argv[1]);
	overhear.wish.mark = (uint32_t)atoi(argv[2]);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	open_taps(&overhear, argv + 3);
	puts("{\"event\":\"listens\"}");
	fflush(stdout);
	run(&overhear);
	return 0;
}
