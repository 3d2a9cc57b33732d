// SPDX-License-Identifier: BSD-2-Clause
/* The greeting, byte by byte, and the connection over real sockets on the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "syncd/channel.h"
#include "syncd/greet.h"

static struct seal_keypair key_a, key_b, key_other;
static struct greet_self self_a, self_b; /* a is node 1 and listens */

static int self_init(struct greet_self *self, const struct seal_keypair *own,
		     const uint8_t remote[SEAL_KEY], const char *pair, unsigned int node)
{
	int err = greet_self_init(self, pair, node);

	return err ? err : greet_self_add(self, own, remote);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(seal_init(), 0);
	seal_keypair_new(&key_a);
	seal_keypair_new(&key_b);
	seal_keypair_new(&key_other);
	assert_int_equal(self_init(&self_a, &key_a, key_b.public, "lab", 1), 0);
	assert_int_equal(self_init(&self_b, &key_b, key_a.public, "lab", 2), 0);
	return 0;
}

/* --- the greeting ----------------------------------------------------------------------------- */

struct bytes {
	uint8_t data[GREET_OUT];
	size_t length;
};

static struct bytes give(struct greet *greet, const struct greet_self *self, const struct bytes *in)
{
	struct bytes out;

	greet_input(greet, self, in->data, in->length, out.data, &out.length);
	return out;
}

struct dialogue {
	struct greet r, i;
	struct bytes hello, init, resp;
};

static void speak(struct dialogue *d, const struct greet_self *r, const struct greet_self *i)
{
	uint8_t none[GREET_OUT];

	memset(d, 0, sizeof(*d));
	d->hello.length = greet_begin(&d->r, false, d->hello.data);
	assert_int_equal(greet_begin(&d->i, true, none), 0);
	d->init = give(&d->i, i, &d->hello);
	d->resp = give(&d->r, r, &d->init);
	if (d->resp.length)
		give(&d->i, i, &d->resp);
}

static void two_nodes_agree(void **state)
{
	struct dialogue d;
	uint8_t sealed[64], text[64];

	(void)state;
	speak(&d, &self_a, &self_b);
	assert_true(d.i.done && d.r.done);
	assert_int_equal(d.hello.length, GREET_HELLO);
	assert_int_equal(seal_encrypt(&d.i.send, sealed, (const uint8_t *)"word", 4), 0);
	assert_int_equal(seal_decrypt(&d.r.receive, text, sealed, 4 + SEAL_TAG), 0);
	assert_memory_equal(text, "word", 4);
	assert_int_equal(seal_encrypt(&d.r.send, sealed, (const uint8_t *)"echo", 4), 0);
	/* What one sends is not what it receives: nothing can be sent back to its author. */
	assert_int_not_equal(seal_decrypt(&d.r.receive, text, sealed, 4 + SEAL_TAG), 0);
	assert_int_equal(seal_decrypt(&d.i.receive, text, sealed, 4 + SEAL_TAG), 0);
}

/* Both reckon the same, whoever of them is the newer one, and greet each other in any case. */
static void two_versions_agree(void **state)
{
	struct greet_self newer = self_b;
	struct dialogue d;

	(void)state;
	speak(&d, &self_a, &self_b);
	assert_int_equal(d.r.wire.version, WIRE_VERSION);
	assert_int_equal(d.i.wire.version, WIRE_VERSION);
	newer.terms = (struct wire_terms){ WIRE_VERSION + 5, WIRE_VERSION, UINT64_MAX };
	speak(&d, &self_a, &newer);
	assert_true(d.i.done && d.r.done);
	assert_int_equal(d.r.wire.version, WIRE_VERSION);
	assert_int_equal(d.i.wire.version, WIRE_VERSION);
	assert_int_equal(d.r.wire.features, WIRE_FEATURES);
	assert_int_equal(d.i.wire.features, WIRE_FEATURES);
	newer.terms.least = WIRE_VERSION + 1;
	speak(&d, &self_a, &newer);
	assert_true(d.i.done && d.r.done);
	assert_int_equal(d.r.wire.version, 0);
	assert_int_equal(d.i.wire.version, 0);
	newer.terms.least = 0;
	speak(&d, &self_a, &newer);
	assert_int_equal(d.r.refused, GREET_BAD_HELLO);
}

static void bytes_may_come_one_by_one(void **state)
{
	struct greet r, i;
	uint8_t hello[GREET_OUT], out[GREET_OUT], answer[GREET_OUT];
	size_t n, length = 0, answered = 0;

	(void)state;
	n = greet_begin(&r, false, hello);
	greet_begin(&i, true, out);
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(length, 0);
		assert_int_equal(greet_input(&i, &self_b, &hello[k], 1, out, &length), 1);
	}
	n = length;
	for (size_t k = 0; k < n; k++) {
		assert_false(r.done);
		assert_int_equal(greet_input(&r, &self_a, &out[k], 1, answer, &answered), 1);
	}
	assert_true(r.done);
	/* What follows the last byte is not the greeting's to take. */
	memcpy(hello, "frame", 5);
	memmove(answer + answered, hello, 5);
	assert_int_equal(greet_input(&i, &self_b, answer, answered + 5, out, &length), answered);
	assert_true(i.done);
}

static void every_flipped_bit_is_refused(void **state)
{
	struct dialogue d;
	unsigned int tags = 0, seals = 0;

	(void)state;
	speak(&d, &self_a, &self_b);
	for (size_t bit = 0; bit < d.init.length * 8; bit++) {
		struct dialogue try;
		struct bytes bad;

		memset(&try, 0, sizeof(try));
		try.hello.length = greet_begin(&try.r, false, try.hello.data);
		greet_begin(&try.i, true, bad.data);
		bad = give(&try.i, &self_b, &try.hello);
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		try.resp = give(&try.r, &self_a, &bad);
		assert_int_equal(try.resp.length, 0);
		assert_false(try.r.done);
		tags += try.r.refused == GREET_BAD_TAG;
		/* A greater length than was sent: it waits for the rest, until it is too slow. */
		assert_true(try.r.refused || bit / 8 == 2);
	}
	/* Everything but the header is caught by the tag, before any key agreement. */
	assert_true(tags >= (d.init.length - GREET_HEADER) * 8);
	for (size_t bit = 0; bit < d.resp.length * 8; bit++) {
		struct dialogue try;

		memset(&try, 0, sizeof(try));
		try.hello.length = greet_begin(&try.r, false, try.hello.data);
		greet_begin(&try.i, true, try.init.data);
		try.init = give(&try.i, &self_b, &try.hello);
		try.resp = give(&try.r, &self_a, &try.init);
		try.resp.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		give(&try.i, &self_b, &try.resp);
		assert_false(try.i.done);
		seals += try.i.refused == GREET_BAD_SEAL;
		assert_true(try.i.refused || bit / 8 == 2);
	}
	assert_true(seals >= (d.resp.length - GREET_HEADER) * 8);
}

static void a_flipped_hello_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < (size_t)GREET_HELLO * 8; bit++) {
		struct dialogue d;
		struct bytes bad;

		memset(&d, 0, sizeof(d));
		d.hello.length = greet_begin(&d.r, false, d.hello.data);
		greet_begin(&d.i, true, d.init.data);
		bad = d.hello;
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		d.init = give(&d.i, &self_b, &bad);
		if (bit / 8 < 4) {
			assert_int_equal(d.i.refused, GREET_BAD_VERSION);
			continue;
		}
		give(&d.r, &self_a, &d.init);
		assert_int_equal(d.r.refused, GREET_BAD_TAG);
	}
}

static void strangers_and_relatives_are_refused(void **state)
{
	struct greet_self wrong;
	struct dialogue d;

	(void)state;
	/* an initiator with another key */
	assert_int_equal(self_init(&wrong, &key_other, key_a.public, "lab", 2), 0);
	speak(&d, &self_a, &wrong);
	assert_int_equal(d.r.refused, GREET_BAD_TAG);
	/* one that expects another key at the other end */
	assert_int_equal(self_init(&wrong, &key_b, key_other.public, "lab", 2), 0);
	speak(&d, &self_a, &wrong);
	assert_int_equal(d.r.refused, GREET_BAD_TAG);
	/* the right keys, another pair: the prologue differs */
	assert_int_equal(self_init(&wrong, &key_b, key_a.public, "other", 2), 0);
	speak(&d, &self_a, &wrong);
	assert_int_equal(d.r.refused, GREET_BAD_SEAL);
	/* the right keys, the wrong node */
	assert_int_equal(self_init(&wrong, &key_b, key_a.public, "lab", 1), 0);
	speak(&d, &self_a, &wrong);
	assert_int_equal(d.r.refused, GREET_BAD_SEAL);
	/* our own key as the peer's, and a name without end */
	assert_int_equal(self_init(&wrong, &key_a, key_a.public, "lab", 1), -EINVAL);
	assert_int_equal(self_init(&wrong, &key_a, key_b.public,
				   "a-name-of-a-pair-that-is-far-longer-than-any-name-of-a-"
				   "pair-should-ever-be",
				   1),
			 -ENAMETOOLONG);
}

static void a_psk_is_shared_or_it_fails(void **state)
{
	struct greet_self a = self_a, b = self_b;
	struct dialogue d;

	(void)state;
	a.has_psk = b.has_psk = true;
	memset(a.psk, 7, sizeof(a.psk));
	memset(b.psk, 7, sizeof(b.psk));
	speak(&d, &a, &b);
	assert_true(d.r.done && d.i.done);
	/* another one: it is the initiator who sees that */
	b.psk[31] ^= 0x80;
	speak(&d, &a, &b);
	assert_false(d.i.done);
	assert_int_equal(d.i.refused, GREET_BAD_PSK);
	/* on one side only: the listener sees it */
	speak(&d, &a, &self_b);
	assert_int_equal(d.r.refused, GREET_BAD_PSK);
	assert_int_equal(d.resp.length, 0);
	speak(&d, &self_a, &b);
	assert_int_equal(d.r.refused, GREET_BAD_PSK);
	/* and a stranger learns nothing about it */
	assert_int_equal(self_init(&b, &key_other, key_a.public, "lab", 2), 0);
	speak(&d, &a, &b);
	assert_int_equal(d.r.refused, GREET_BAD_TAG);
}

/* The same as without a psk: no byte of a message with one can be changed. */
static void every_flipped_byte_is_refused_with_a_psk(void **state)
{
	struct greet_self a = self_a, b = self_b;

	(void)state;
	a.has_psk = b.has_psk = true;
	for (size_t byte = 0; byte < 2 * sizeof(((struct bytes *)0)->data); byte++) {
		struct dialogue d;
		struct bytes *bad;

		memset(&d, 0, sizeof(d));
		d.hello.length = greet_begin(&d.r, false, d.hello.data);
		greet_begin(&d.i, true, d.init.data);
		d.init = give(&d.i, &b, &d.hello);
		bad = byte % 2 ? &d.init : &d.resp;
		if (bad == &d.resp)
			d.resp = give(&d.r, &a, &d.init);
		if (byte / 2 >= bad->length)
			continue;
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct bytes twisted = *bad;
			struct greet r = d.r, i = d.i;

			twisted.data[byte / 2] ^= (uint8_t)(1u << bit);
			if (bad == &d.init)
				give(&r, &a, &twisted);
			else
				give(&i, &b, &twisted);
			assert_false(bad == &d.init ? r.done : i.done);
		}
	}
}

static void an_old_init_is_worth_nothing(void **state)
{
	struct dialogue old, now;
	struct bytes answer;

	(void)state;
	speak(&old, &self_a, &self_b);
	memset(&now, 0, sizeof(now));
	now.hello.length = greet_begin(&now.r, false, now.hello.data);
	answer = give(&now.r, &self_a, &old.init);
	assert_int_equal(answer.length, 0);
	assert_int_equal(now.r.refused, GREET_BAD_TAG);
	/* nor is an old RESP */
	greet_begin(&now.i, true, now.init.data);
	now.init = give(&now.i, &self_b, &now.hello);
	give(&now.i, &self_b, &old.resp);
	assert_int_equal(now.i.refused, GREET_BAD_SEAL);
}

static void nothing_is_reflected(void **state)
{
	struct dialogue d;
	struct greet again;
	struct bytes out;

	(void)state;
	speak(&d, &self_a, &self_b);
	/* R's own words come back to it, and I's to I. */
	memset(&again, 0, sizeof(again));
	greet_begin(&again, false, out.data);
	give(&again, &self_a, &d.resp);
	assert_true(again.refused);
	greet_begin(&again, true, out.data);
	give(&again, &self_b, &d.hello);
	give(&again, &self_b, &d.init);
	assert_int_equal(again.refused, GREET_BAD_VERSION);
	/* Two initiators, two responders: nobody gets anywhere. */
	greet_begin(&again, false, out.data);
	give(&again, &self_a, &d.hello);
	assert_int_equal(again.refused, GREET_BAD_VERSION);
}

static void garbage_is_refused(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		struct greet greet;
		struct bytes in, out;

		greet_begin(&greet, round % 2, out.data);
		seal_random(in.data, sizeof(in.data));
		in.length = in.data[0] % sizeof(in.data);
		if (round % 3 == 0)
			memcpy(in.data, "\1\2\x50\0", 4);
		if (round % 3 == 1)
			memcpy(in.data, "CPS1", 4);
		out = give(&greet, round % 2 ? &self_b : &self_a, &in);
		assert_false(greet.done);
		assert_true(out.length == 0 || (round % 2 && greet.hello_seen));
	}
}

/* --- the wall clock --------------------------------------------------------------------------- */

static time_t clock_step; /* in s; libev reads the time through these two */

int clock_gettime(clockid_t id, struct timespec *at)
{
	int err = (int)syscall(SYS_clock_gettime, id, at);

	if (!err && id == CLOCK_REALTIME)
		at->tv_sec += clock_step;
	return err;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

/* --- connections ------------------------------------------------------------------------------ */

struct end {
	struct channel channel;
	struct ev_loop *loop;
	unsigned int ups, downs, frames;
	size_t bytes;
	uint8_t last;
	char why[CHANNEL_WHY];
};

static void end_up(void *arg)
{
	struct end *end = arg;

	end->ups++;
	channel_send(&end->channel, (const uint8_t *)"hello", 5);
}

static void end_down(void *arg, const char *why)
{
	struct end *end = arg;

	end->downs++;
	snprintf(end->why, sizeof(end->why), "%s", why);
}

static void end_frame(void *arg, const uint8_t *bytes, size_t length)
{
	struct end *end = arg;

	end->frames++;
	end->bytes += length;
	end->last = bytes[length - 1];
}

static void end_drained(void *arg)
{
	(void)arg;
}

static const struct channel_ops end_ops = {
	.up = end_up,
	.down = end_down,
	.frame = end_frame,
	.drained = end_drained,
};

struct cable {
	struct ev_loop *loop;
	struct end a, b;
	struct channel_config config_a, config_b;
};

static void alarm_rang(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	*(bool *)timer->data = true;
	ev_break(loop, EVBREAK_ONE);
}

/* Runs the loop until the condition holds; fails after 20 s. */
#define RUN_UNTIL(loop, condition)                                                                 \
	do {                                                                                       \
		bool late = false;                                                                 \
		ev_timer limit;                                                                    \
                                                                                                   \
		ev_now_update(loop);                                                               \
		ev_timer_init(&limit, alarm_rang, 20.0, 0);                                        \
		limit.data = &late;                                                                \
		ev_timer_start(loop, &limit);                                                      \
		while (!(condition) && !late)                                                      \
			ev_run(loop, EVRUN_ONCE);                                                  \
		ev_timer_stop(loop, &limit);                                                       \
		assert_true(condition);                                                            \
	} while (0)

static uint16_t free_port(const char *address)
{
	union endpoint at;
	socklen_t length = sizeof(at);
	int fd;

	assert_true(endpoint_parse(&at, address, 0, ""));
	fd = socket(at.any.sa_family, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, &at.any, endpoint_length(&at)), 0);
	assert_int_equal(getsockname(fd, &at.any, &length), 0);
	close(fd);
	return endpoint_port(&at);
}

static void wire_configure_at(struct cable *wire, const char *address)
{
	union endpoint at, out;

	assert_true(endpoint_parse(&at, address, free_port(address), ""));
	assert_true(endpoint_parse(&out, address, 0, ""));
	memset(wire, 0, sizeof(*wire));
	wire->loop = ev_loop_new(0);
	wire->config_a.paths = wire->config_b.paths = 1;
	wire->config_a.path[0] = (struct path_config){
		.local = at, .listens = true, .timeout_ms = 4000, .rekey_ms = 900000
	};
	wire->config_b.path[0] = wire->config_a.path[0];
	wire->config_b.path[0].listens = false;
	wire->config_b.path[0].local = wire->config_a.path[0].remote = out;
	wire->config_b.path[0].remote = at;
	wire->a.loop = wire->b.loop = wire->loop;
}

static void wire_configure(struct cable *wire)
{
	wire_configure_at(wire, "127.0.0.1");
}

static void wire_open_as(struct cable *wire, const struct greet_self *of_a,
			 const struct greet_self *of_b)
{
	wire->config_a.self = of_a;
	wire->config_b.self = of_b;
	assert_int_equal(
		channel_open(&wire->a.channel, wire->loop, &wire->config_a, &end_ops, &wire->a), 0);
	assert_int_equal(
		channel_open(&wire->b.channel, wire->b.loop, &wire->config_b, &end_ops, &wire->b),
		0);
}

static void wire_open(struct cable *wire, const struct greet_self *of_b)
{
	wire_open_as(wire, &self_a, of_b);
}

static void wire_listen(struct cable *wire)
{
	wire->config_a.self = &self_a;
	assert_int_equal(
		channel_open(&wire->a.channel, wire->loop, &wire->config_a, &end_ops, &wire->a), 0);
}

static void wire_close(struct cable *wire)
{
	channel_close(&wire->b.channel);
	channel_close(&wire->a.channel);
	ev_loop_destroy(wire->loop);
}

static void frames_pass_both_ways(void **state)
{
	static uint8_t big[CONN_FRAME];
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.frames == 1 && wire.b.frames == 1);
	assert_int_equal(wire.a.ups, 1);
	for (int i = 0; i < 100; i++) {
		big[sizeof(big) - 1] = (uint8_t)i;
		channel_send(&wire.a.channel, big, sizeof(big));
	}
	/* More than a socket takes: bulk data has to wait now. */
	assert_false(channel_room(&wire.a.channel));
	RUN_UNTIL(wire.loop, wire.b.frames == 101);
	assert_int_equal(wire.b.last, 99);
	assert_int_equal(wire.b.bytes, 5 + 100 * sizeof(big));
	/* With those that keep silence away, all that is sealed is opened, and nothing else. */
	assert_true(wire.b.channel.current->frames_received >= 101);
	RUN_UNTIL(wire.loop, wire.b.channel.current->frames_received ==
				     wire.a.channel.current->frames_sent);
	RUN_UNTIL(wire.loop, wire.a.channel.current->frames_received ==
				     wire.b.channel.current->frames_sent);
	wire_close(&wire);
}

static void a_dropped_connection_comes_back(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	channel_drop(&wire.a.channel, "a test");
	assert_int_equal(wire.a.downs, 0); /* told from the loop, not from within */
	RUN_UNTIL(wire.loop, wire.a.downs == 1 && wire.b.downs == 1);
	assert_string_equal(wire.a.why, "a test");
	RUN_UNTIL(wire.loop, wire.a.ups == 2 && wire.b.ups == 2);
	wire_close(&wire);
}

/* By either node: the one that listens, and the one that connects. */
static void held(struct end *holder, struct end *other, struct cable *wire)
{
	unsigned int ups = holder->ups;
	char why[CHANNEL_WHY];

	channel_hold(&holder->channel, 300);
	assert_int_equal(holder->downs, other->downs); /* told from the loop */
	RUN_UNTIL(wire->loop,
		  holder->downs == other->downs && holder->downs > 0 && !other->channel.current);
	assert_string_equal(holder->why, "closed for a drill");
	assert_string_equal(channel_why(&holder->channel, why), "closed for a drill");
	assert_true(channel_held_ms(&holder->channel) > 0);
	channel_keys(&holder->channel); /* does not open it */
	channel_times(&holder->channel, 2000, 60000);
	assert_int_equal(holder->ups, ups);
	RUN_UNTIL(wire->loop, holder->ups == ups + 1 && other->ups == ups + 1);
	assert_int_equal(channel_held_ms(&holder->channel), 0);
}

static void a_held_channel_opens_by_itself(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	held(&wire.a, &wire.b, &wire);
	held(&wire.b, &wire.a, &wire);
	/* Let go before its time; closed while it is held. */
	channel_hold(&wire.a.channel, 30000);
	RUN_UNTIL(wire.loop, !wire.b.channel.current);
	channel_hold(&wire.a.channel, 0);
	RUN_UNTIL(wire.loop, wire.a.ups == 4 && wire.b.ups == 4);
	channel_hold(&wire.b.channel, 30000);
	wire_close(&wire);
}

static void a_wrong_key_never_gets_up(void **state)
{
	struct greet_self wrong;
	struct cable wire;

	(void)state;
	assert_int_equal(self_init(&wrong, &key_other, key_a.public, "lab", 2), 0);
	wire_configure(&wire);
	wire_open(&wire, &wrong);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CONN_ENDS + GREET_BAD_TAG] >= 2);
	assert_int_equal(wire.a.ups + wire.b.ups, 0);
	assert_string_equal(path_counter_name(CONN_ENDS + GREET_BAD_TAG), "bad-tag");
	assert_non_null(strstr(wire.a.channel.path[0]->why, "bad-tag"));
	wire_close(&wire);
}

static int stranger_from_afar(const struct cable *wire)
{
	const union endpoint *to = &wire->config_b.path[0].remote;
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(connect(fd, &to->any, endpoint_length(to)) == 0 || errno == EINPROGRESS);
	return fd;
}

static int stranger(const struct cable *wire)
{
	const union endpoint *to = &wire->config_b.path[0].remote;
	int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(endpoint_one_hop(to, fd), 0);
	assert_true(connect(fd, &to->any, endpoint_length(to)) == 0 || errno == EINPROGRESS);
	return fd;
}

static uint16_t port_of(int fd)
{
	union endpoint own;
	socklen_t length = sizeof(own);

	assert_int_equal(getsockname(fd, &own.any, &length), 0);
	return endpoint_port(&own);
}

/* What came first and is not there has gone through a router (its packets have fewer hops left). */
static void check_one_hop(const char *address)
{
	struct cable wire;
	int afar, near;

	wire_configure_at(&wire, address);
	wire.config_a.self = &self_a;
	assert_int_equal(
		channel_open(&wire.a.channel, wire.loop, &wire.config_a, &end_ops, &wire.a), 0);
	afar = stranger_from_afar(&wire);
	near = stranger(&wire);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->half[0]);
	assert_int_equal(endpoint_port(&wire.a.channel.path[0]->half[0]->from), port_of(near));
	assert_int_equal(wire.a.channel.path[0]->counter[CHANNEL_COUNTERS - 1], 0);
	close(afar);
	close(near);
	channel_close(&wire.a.channel);
	ev_loop_destroy(wire.loop);
}

static bool have_ipv6(void)
{
	union endpoint at;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool have;

	assert_true(endpoint_parse(&at, "::1", 0, ""));
	have = fd >= 0 && bind(fd, &at.any, endpoint_length(&at)) == 0;
	if (fd >= 0)
		close(fd);
	return have;
}

static void who_is_farther_than_one_hop_is_not_heard(void **state)
{
	(void)state;
	check_one_hop("127.0.0.1");
	if (!have_ipv6())
		skip();
	check_one_hop("::1");
}

static uint64_t not_admitted(const struct path *path)
{
	for (unsigned int i = 0; i < PATH_COUNTERS; i++)
		if (path_counter_name(i) && strcmp(path_counter_name(i), "not-admitted") == 0)
			return path_counter(path, i);
	fail_msg("not counted");
	return 0;
}

/* Whoever dials from `address` where the peer is expected at `other`. */
static void check_only_from(const char *address, const char *other)
{
	struct cable wire;
	const struct path *path;
	uint64_t told;
	int fd;

	wire_configure_at(&wire, address);
	assert_true(endpoint_parse(&wire.config_a.path[0].remote, other, 0, ""));
	wire_listen(&wire);
	path = wire.a.channel.path[0];
	assert_int_equal(not_admitted(path), 0);
	fd = stranger(&wire);
	RUN_UNTIL(wire.loop, not_admitted(path) > 0);
	assert_null(path->half[0]);
	told = not_admitted(path);
	channel_close(&wire.a.channel);
	assert_true(not_admitted(path) >= told);
	close(fd);
	ev_loop_destroy(wire.loop);
}

static void only_the_peers_address_is_heard(void **state)
{
	(void)state;
	check_only_from("127.0.0.1", "127.0.0.2");
	if (!have_ipv6())
		skip();
	check_only_from("::1", "::2");
	check_only_from("::1", "1::1");
	check_only_from("::1", "0:0:1::1");
	check_only_from("::1", "::1:0:1");
}

static void either_family_will_do(void **state)
{
	struct cable wire;
	struct end second = { 0 };

	(void)state;
	if (!have_ipv6())
		skip();
	wire_configure_at(&wire, "::1");
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.frames == 1 && wire.b.frames == 1);
	assert_true(
		endpoint_same_host(&wire.a.channel.current->from, &wire.config_a.path[0].remote));
	assert_true(endpoint_parse(&wire.config_a.path[0].local, "2001:db8::1", 7790, ""));
	assert_int_equal(
		channel_open(&second.channel, wire.loop, &wire.config_a, &end_ops, &second),
		-EADDRNOTAVAIL);
	assert_non_null(strstr(second.channel.why, "2001:db8::1 is not an address"));
	wire_close(&wire);
}

static void endpoints_are_addresses(void **state)
{
	static const struct {
		const char *text, *interface;
		bool good;
	} rows[] = {
		{ "192.0.2.1", "", true },     { "2001:db8::1", "", true },
		{ "fe80::1", "lo", true },     { "fe80::1", "", false },
		{ "fe80::1", "nil0", false },  { "::ffff:192.0.2.1", "", false },
		{ "fe80::1%lo", "lo", false }, { "192.0.2", "", false },
	};
	union endpoint end, other;
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (endpoint_parse(&end, rows[i].text, 0x1234, rows[i].interface) != rows[i].good)
			fail_msg("%s", rows[i].text);
		if (!rows[i].good)
			continue;
		assert_int_equal(endpoint_port(&end), 0x1234);
		assert_string_equal(endpoint_print(text, &end), rows[i].text);
		assert_true(endpoint_parse(&other, rows[i].text, 9, rows[i].interface));
		assert_true(endpoint_same_host(&end, &other));
		assert_true(endpoint_parse(&other, "192.0.2.2", 0x1234, ""));
		assert_false(endpoint_same_host(&end, &other));
		assert_true(endpoint_parse(&other, "2001:db8::2", 0x1234, ""));
		assert_false(endpoint_same_host(&end, &other));
	}
}

/* Strangers come and go, say nothing or nonsense: the channel does not notice. */
static void strangers_do_not_disturb(void **state)
{
	struct cable wire;
	int fd[20];

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.frames == 1 && wire.b.frames == 1);
	for (size_t i = 0; i < 20; i++) {
		fd[i] = stranger(&wire);
		ev_run(wire.loop, EVRUN_NOWAIT);
	}
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CHANNEL_COUNTERS - 1] == 4);
	assert_int_equal(send(fd[19],
			      "\1\2\x40\0 and so on, and so on, and so on, and on and on "
			      "and on, until there are enough bytes for it to be refused",
			      100, MSG_NOSIGNAL),
			 100);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CONN_REFUSED] == 1);
	for (unsigned int i = 0; i < 100; i++) {
		channel_send(&wire.b.channel, (const uint8_t *)"x", 1);
		channel_send(&wire.a.channel, (const uint8_t *)"x", 1);
	}
	RUN_UNTIL(wire.loop, wire.a.frames == 101 && wire.b.frames == 101);
	assert_int_equal(wire.a.ups, 1);
	assert_int_equal(wire.a.downs, 0);
	for (size_t i = 0; i < 20; i++)
		close(fd[i]);
	wire_close(&wire);
}

/* Somebody at the peer's address connects in each turn of the loop: the peer greets in between. */
static void a_crowd_in_the_peers_name_does_not_lock_it_out(void **state)
{
	struct cable wire;
	int fd[400];
	size_t n = 0;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	while (n < 400 && !(wire.a.ups && wire.b.ups)) {
		fd[n++] = stranger(&wire);
		ev_run(wire.loop, EVRUN_NOWAIT);
	}
	assert_true(wire.a.ups && wire.b.ups);
	while (n > 0)
		close(fd[--n]);
	wire_close(&wire);
}

/* A peer by hand: nothing is sent that a test does not send. */
struct peer {
	int fd;
	struct greet greet;
};

static void peer_greet(const struct cable *wire, struct peer *peer)
{
	uint8_t in[GREET_IN], out[GREET_OUT];
	size_t length;

	memset(peer, 0, sizeof(*peer));
	peer->fd = stranger(wire);
	greet_begin(&peer->greet, true, out);
	for (int i = 0; i < 5000 && !peer->greet.done; i++) {
		ssize_t n;

		ev_run(wire->loop, EVRUN_NOWAIT);
		n = recv(peer->fd, in, sizeof(in), MSG_DONTWAIT);
		if (n <= 0) {
			usleep(1000);
			continue;
		}
		greet_input(&peer->greet, &self_b, in, (size_t)n, out, &length);
		assert_int_equal(send(peer->fd, out, length, MSG_NOSIGNAL), length);
	}
	assert_true(peer->greet.done);
}

static void peer_send(struct peer *peer, const uint8_t *text, size_t length)
{
	uint8_t out[64 + SEAL_TAG] = { (uint8_t)(length + SEAL_TAG) };

	assert_int_equal(seal_encrypt(&peer->greet.send, out + 2, text, length), 0);
	assert_int_equal(send(peer->fd, out, length + SEAL_TAG + 2, MSG_NOSIGNAL),
			 length + SEAL_TAG + 2);
}

static void peer_use(struct peer *peer, uint8_t number)
{
	const uint8_t use[] = { 0xa2, 0x01, 2, 8, number };

	peer_send(peer, use, sizeof(use));
}

/* The greeting is over, the first frame is on its way: such a connection keeps its place. */
static void who_has_shown_the_key_keeps_his_place(void **state)
{
	struct cable wire;
	struct peer peer;
	int fd[40];

	(void)state;
	wire_configure(&wire);
	wire_listen(&wire);
	peer_greet(&wire, &peer);
	for (size_t i = 0; i < 40; i++) {
		fd[i] = stranger(&wire);
		ev_run(wire.loop, EVRUN_NOWAIT);
	}
	assert_null(wire.a.channel.path[0]->live);
	peer_send(&peer, NULL, 0);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->live);
	/* It is there, but not in use before it says so. */
	assert_int_equal(wire.a.ups, 0);
	peer_use(&peer, 1);
	RUN_UNTIL(wire.loop, wire.a.ups == 1);
	for (size_t i = 0; i < 40; i++)
		close(fd[i]);
	close(peer.fd);
	wire_close(&wire);
}

/* What was sent on the connection before arrives later than what was sent on the next. */
static void an_overtaken_word_is_not_obeyed(void **state)
{
	static const uint8_t nonsense[] = { 0xa2, 0x01, 2, 8 };
	struct cable wire;
	struct peer one, two;

	(void)state;
	wire_configure(&wire);
	wire_listen(&wire);
	peer_greet(&wire, &one);
	peer_use(&one, 1);
	RUN_UNTIL(wire.loop, wire.a.ups == 1);
	peer_greet(&wire, &two);
	peer_send(&two, NULL, 0);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->live != wire.a.channel.current);
	peer_send(&two, (const uint8_t *)"early", 5);
	peer_use(&two, 3);
	RUN_UNTIL(wire.loop, wire.a.ups == 2);
	assert_int_equal(wire.a.frames, 0); /* "early" came on what was not in use */
	peer_use(&two, 2);
	peer_send(&two, (const uint8_t *)"word", 4);
	RUN_UNTIL(wire.loop, wire.a.frames == 1);
	assert_int_equal(wire.a.ups, 2);
	assert_int_equal(wire.a.downs, 0);
	peer_send(&two, nonsense, sizeof(nonsense));
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CONN_BAD_FRAME] == 1);
	close(one.fd);
	close(two.fd);
	wire_close(&wire);
}

static void silence_ends_it(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire.config_a.path[0].timeout_ms = 200;
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CONN_SILENT] == 1);
	RUN_UNTIL(wire.loop, wire.a.downs == 1 && wire.a.ups == 2);
	wire_close(&wire);
}

/* Somebody sets the date: nobody was silent for an hour. */
static void a_step_of_the_clock_is_not_silence(void **state)
{
	struct cable wire;
	ev_tstamp before;

	(void)state;
	wire_configure(&wire);
	wire.config_a.path[0].timeout_ms = wire.config_b.path[0].timeout_ms = 4000;
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	before = ev_now(wire.loop);
	clock_step = 3600;
	/* The loop looks at the date twice in a second; the timers are twice as fast. */
	RUN_UNTIL(wire.loop, ev_now(wire.loop) > before + 3600);
	before = ev_now(wire.loop);
	RUN_UNTIL(wire.loop, ev_now(wire.loop) > before + 1);
	clock_step = 0;
	assert_int_equal(wire.a.downs, 0);
	assert_int_equal(wire.b.downs, 0);
	wire_close(&wire);
}

static void a_renewal_takes_over_without_a_gap(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire.config_b.path[0].rekey_ms = 100;
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups >= 4 && wire.b.ups >= 4);
	assert_int_equal(wire.a.downs, 0);
	assert_int_equal(wire.b.downs, 0);
	wire_close(&wire);
}

/* Until it has heard of the new connection the listener keeps the old one, and finds it open. */
static void a_renewal_is_never_a_loss(void **state)
{
	struct ev_loop *second = ev_loop_new(0);
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire.config_b.path[0].rekey_ms = 100;
	wire.b.loop = second;
	wire_open(&wire, &self_b);
	while (wire.b.ups < 2) {
		assert_int_equal(wire.a.downs, 0);
		ev_run(wire.loop, EVRUN_NOWAIT);
		ev_run(second, EVRUN_NOWAIT);
	}
	/* b is on its second connection, and a has not read a word of that. */
	for (int i = 0; i < 10; i++)
		ev_run(second, EVRUN_NOWAIT);
	assert_int_equal(wire.a.ups, 1);
	assert_non_null(wire.b.channel.path[0]->leaving);
	RUN_UNTIL(wire.loop, wire.a.ups == 2);
	/* Now it is the listener who closes. */
	RUN_UNTIL(second, !wire.b.channel.path[0]->leaving);
	assert_int_equal(wire.a.downs, 0);
	assert_int_equal(wire.b.downs, 0);
	wire_close(&wire);
	ev_loop_destroy(second);
}

/* One attempt that comes to nothing is followed by others, while the old connection serves. */
static void a_failed_renewal_is_tried_again(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire.config_b.path[0].rekey_ms = 100;
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	RUN_UNTIL(wire.loop, wire.b.channel.path[0]->half[0]);
	conn_close(wire.b.channel.path[0]->half[0], CONN_LOST);
	RUN_UNTIL(wire.loop, wire.a.ups >= 3 && wire.b.ups >= 3);
	assert_int_equal(wire.a.downs, 0);
	assert_int_equal(wire.b.downs, 0);
	wire_close(&wire);
}

/* --- the exchange of keys --------------------------------------------------------------------- */

/* Node b gets a second key, first on one side, then on both; then the old one is taken out. */
static void keys_are_exchanged_without_a_gap(void **state)
{
	struct greet_self a = self_a, b = self_b;
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open_as(&wire, &a, &b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	/* b would rather use its new key, which a does not know: the old one is tried next. */
	b.count = 0;
	assert_int_equal(greet_self_add(&b, &key_other, key_a.public), 0);
	assert_int_equal(greet_self_add(&b, &key_b, key_a.public), 0);
	channel_keys(&wire.b.channel);
	RUN_UNTIL(wire.loop, wire.a.ups == 2 && wire.b.ups == 2);
	assert_int_equal(wire.a.channel.path[0]->counter[CONN_ENDS + GREET_BAD_TAG], 1);
	assert_memory_equal(wire.a.channel.current->greet.remote, key_b.public, SEAL_KEY);
	/* Now a knows both, in the other order. */
	assert_int_equal(greet_self_add(&a, &key_a, key_other.public), 0);
	channel_keys(&wire.a.channel);
	channel_keys(&wire.b.channel);
	RUN_UNTIL(wire.loop, wire.a.ups == 3 && wire.b.ups == 3);
	assert_memory_equal(wire.a.channel.current->greet.remote, key_other.public, SEAL_KEY);
	assert_memory_equal(wire.b.channel.current->greet.own, key_other.public, SEAL_KEY);
	/* The old one goes on both sides: nothing is ended by that. */
	a.count = b.count = 0;
	assert_int_equal(greet_self_add(&a, &key_a, key_other.public), 0);
	assert_int_equal(greet_self_add(&b, &key_other, key_a.public), 0);
	channel_keys(&wire.a.channel);
	channel_keys(&wire.b.channel);
	RUN_UNTIL(wire.loop, wire.a.ups == 4 && wire.b.ups == 4);
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	wire_close(&wire);
}

static void a_key_that_is_taken_out_ends_its_connection(void **state)
{
	struct greet_self a = self_a, b = self_b;
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open_as(&wire, &a, &b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	a.count = 0;
	assert_int_equal(greet_self_add(&a, &key_a, key_other.public), 0);
	channel_keys(&wire.a.channel);
	assert_null(wire.a.channel.current);
	assert_int_equal(wire.a.channel.path[0]->counter[CONN_REVOKED], 1);
	assert_string_equal(path_counter_name(CONN_REVOKED), "key-removed");
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->counter[CONN_ENDS + GREET_BAD_TAG] >= 2);
	assert_int_equal(wire.a.ups, 1);
	assert_int_equal(wire.a.downs, 1);
	wire_close(&wire);
}

static void any_of_four_keys_will_do(void **state)
{
	struct seal_keypair one, two;
	struct greet_self a = self_a, b;

	(void)state;
	seal_keypair_new(&one);
	seal_keypair_new(&two);
	a.count = 0;
	assert_int_equal(greet_self_add(&a, &one, key_other.public), 0);
	assert_int_equal(greet_self_add(&a, &one, key_b.public), 0);
	assert_int_equal(greet_self_add(&a, &two, key_other.public), 0);
	assert_int_equal(greet_self_add(&a, &two, key_b.public), 0);
	assert_int_equal(greet_self_add(&a, &key_a, key_b.public), -ENOSPC);
	for (unsigned int i = 0; i < GREET_KEYS; i++) {
		const struct seal_keypair *theirs = i % 2 ? &key_b : &key_other;
		struct dialogue d;

		assert_int_equal(self_init(&b, theirs, i < 2 ? one.public : two.public, "lab", 2),
				 0);
		speak(&d, &a, &b);
		assert_true(d.r.done && d.i.done);
		assert_int_equal(d.r.keys, i);
		assert_true(greet_still_good(&d.r, &a));
		assert_false(greet_still_good(&d.r, &self_a));
		if (i < 3)
			continue;
		a.count = 3;
		assert_false(greet_still_good(&d.r, &a));
		speak(&d, &a, &b);
		assert_int_equal(d.r.refused, GREET_BAD_TAG);
	}
}

static void times_change_on_the_way(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	channel_times(&wire.a.channel, 3000, 50);
	channel_times(&wire.b.channel, 3000, 50);
	RUN_UNTIL(wire.loop, wire.a.ups >= 4 && wire.b.ups >= 4);
	assert_int_equal(wire.b.channel.current->timeout_ms, 3000);
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	wire_close(&wire);
}

/* --- two paths -------------------------------------------------------------------------------- */

static void wire_configure_two(struct cable *wire)
{
	struct cable other;

	wire_configure(wire);
	wire_configure_at(&other, "127.0.0.2");
	ev_loop_destroy(other.loop);
	wire->config_a.path[1] = other.config_a.path[0];
	wire->config_b.path[1] = other.config_b.path[0];
	wire->config_a.paths = wire->config_b.paths = 2;
	for (size_t i = 0; i < 2; i++)
		wire->config_a.path[i].timeout_ms = wire->config_b.path[i].timeout_ms = 6000;
}

static void wire_open_two(struct cable *wire)
{
	wire_open(wire, &self_b);
	RUN_UNTIL(wire->loop, wire->a.ups == 1 && wire->b.ups == 1 &&
				      wire->a.channel.path[0]->live &&
				      wire->a.channel.path[1]->live);
	wire->b.channel.return_ns = 300000000;
	RUN_UNTIL(wire->loop, wire->a.channel.current == wire->a.channel.path[0]->live &&
				      wire->b.channel.current == wire->b.channel.path[0]->live);
	wire->a.ups = wire->b.ups = 0;
	wire->a.channel.switches = wire->b.channel.switches = 0;
}

/* The cable is out: nothing comes or goes, and nobody is told. */
static void unplug(struct conn *conn)
{
	ev_io_stop(conn->loop, &conn->reader);
	ev_io_stop(conn->loop, &conn->writer);
	ev_timer_stop(conn->loop, &conn->timer);
}

static void plug(struct conn *conn)
{
	ev_io_start(conn->loop, &conn->reader);
	ev_timer_again(conn->loop, &conn->timer);
}

static void a_silent_path_is_left_and_found_again(void **state)
{
	struct conn *of_a, *of_b;
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	of_a = wire.a.channel.path[0]->live;
	of_b = wire.b.channel.path[0]->live;
	unplug(of_a);
	unplug(of_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	assert_ptr_equal(wire.a.channel.current, wire.a.channel.path[1]->live);
	assert_ptr_equal(wire.b.channel.current, wire.b.channel.path[1]->live);
	assert_int_equal(wire.b.channel.switches, 1);
	channel_send(&wire.a.channel, (const uint8_t *)"x", 1);
	RUN_UNTIL(wire.loop, wire.b.last == 'x');
	/* It speaks again, and is the better one. */
	plug(of_a);
	plug(of_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 2 && wire.b.ups == 2);
	assert_ptr_equal(wire.a.channel.current, wire.a.channel.path[0]->live);
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	wire_close(&wire);
}

/* The end of one connection is not the end of the channel, whoever sees it first. */
static void a_lost_path_is_not_a_lost_channel(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	conn_close(wire.a.channel.current, CONN_LOST);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	assert_ptr_equal(wire.b.channel.current, wire.b.channel.path[1]->live);
	RUN_UNTIL(wire.loop, wire.a.ups == 2 && wire.b.ups == 2);
	assert_ptr_equal(wire.b.channel.current, wire.b.channel.path[0]->live);
	conn_close(wire.b.channel.current, CONN_LOST);
	RUN_UNTIL(wire.loop, wire.a.ups == 4 && wire.b.ups == 4);
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	/* A fault that the session has named is one, with two paths as well. */
	channel_drop(&wire.a.channel, "a test");
	RUN_UNTIL(wire.loop, wire.a.downs == 1 && wire.a.ups == 5);
	assert_string_equal(wire.a.why, "a test");
	wire_close(&wire);
}

static void an_idle_path_is_renewed_and_stays_idle(void **state)
{
	const struct conn *first[2];
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	first[0] = wire.a.channel.path[0]->live;
	first[1] = wire.a.channel.path[1]->live;
	path_times(wire.b.channel.path[1], 6000, 100);
	RUN_UNTIL(wire.loop, wire.a.channel.path[1]->counter[CONN_DROPPED] >= 3);
	assert_ptr_equal(wire.a.channel.current, first[0]);
	assert_ptr_not_equal(wire.a.channel.path[1]->live, first[1]);
	assert_int_equal(wire.a.ups + wire.b.ups, 0);
	wire_close(&wire);
}

/* The peer has started anew, and its old connections look well. */
static void a_new_process_is_heard_at_once(void **state)
{
	struct greet_self again = self_b;
	struct cable wire;
	struct end later = { 0 };

	(void)state;
	again.boot++;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	for (size_t i = 0; i < 2; i++)
		unplug(wire.b.channel.path[i]->live);
	ev_timer_stop(wire.loop, &wire.b.channel.watch);
	wire.config_b.self = &again;
	assert_int_equal(channel_open(&later.channel, wire.loop, &wire.config_b, &end_ops, &later),
			 0);
	RUN_UNTIL(wire.loop, wire.a.ups >= 1 && later.frames >= 1);
	assert_int_equal(wire.a.channel.boot, again.boot);
	RUN_UNTIL(wire.loop, wire.a.channel.path[0]->live && wire.a.channel.path[1]->live &&
				     wire.a.channel.path[0]->live->greet.boot == again.boot &&
				     wire.a.channel.path[1]->live->greet.boot == again.boot);
	channel_close(&later.channel);
	wire_close(&wire);
}

static void one_path_is_enough_to_begin(void **state)
{
	char why[CHANNEL_WHY];
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	assert_true(endpoint_parse(&wire.config_b.path[0].local, "1.2.3.4", 0, ""));
	wire_open(&wire, &self_b);
	channel_why(&wire.b.channel, why);
	assert_non_null(strstr(why, "1.2.3.4: 1.2.3.4 is not an address of this machine"));
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	assert_ptr_equal(wire.b.channel.current, wire.b.channel.path[1]->live);
	wire_close(&wire);
}

/* --- other paths ------------------------------------------------------------------------------ */

static size_t places(const struct channel *channel)
{
	size_t used = 0;

	for (size_t i = 0; i < CHANNEL_PLACES; i++)
		used += channel->place[i].loop != NULL;
	return used;
}

/* The only path of `wire` is at this address from now on, at a port of its own. */
static void configure_other(struct cable *wire, const char *address)
{
	struct cable other;

	wire_configure_at(&other, address);
	ev_loop_destroy(other.loop);
	wire->config_a.path[0] = other.config_a.path[0];
	wire->config_b.path[0] = other.config_b.path[0];
	wire->config_a.paths = wire->config_b.paths = 1;
}

static bool moved(const struct channel *channel)
{
	return channel->current && channel->current == channel->path[0]->live &&
	       places(channel) == channel->paths;
}

/* Whoever follows first waits on the old path for the other one; the port may be all that changes.
 */
static void another_path_takes_over(const char *address, bool listener_first)
{
	uint64_t before, after, sent;
	struct cable wire;

	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	channel_bytes(&wire.b.channel, &sent, &before);
	configure_other(&wire, address);
	if (listener_first)
		channel_reroute(&wire.a.channel, &wire.config_a);
	else
		channel_reroute(&wire.b.channel, &wire.config_b);
	channel_send(&wire.a.channel, (const uint8_t *)"x", 1);
	RUN_UNTIL(wire.loop, wire.b.last == 'x');
	assert_true(channel_path(&wire.a.channel, 1) || channel_path(&wire.b.channel, 1));
	channel_reroute(&wire.a.channel, &wire.config_a);
	channel_reroute(&wire.b.channel, &wire.config_b);
	RUN_UNTIL(wire.loop, moved(&wire.a.channel) && moved(&wire.b.channel));
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	assert_int_equal(wire.a.ups, 2);
	assert_null(channel_path(&wire.a.channel, 1));
	channel_send(&wire.a.channel, (const uint8_t *)"y", 1);
	RUN_UNTIL(wire.loop, wire.b.last == 'y');
	channel_bytes(&wire.b.channel, &sent, &after);
	assert_true(after > before);
	wire_close(&wire);
}

static void other_addresses_take_over(void **state)
{
	(void)state;
	another_path_takes_over("127.0.0.2", true);
	another_path_takes_over("127.0.0.2", false);
	another_path_takes_over("127.0.0.1", true);
	another_path_takes_over("::1", true);
}

/* Nobody is there: the channel stays where it is, and what was tried is forgotten on the way back.
 */
static void a_path_to_nowhere_moves_nothing(void **state)
{
	struct channel_config old_a, old_b;
	struct cable wire;

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1 && wire.b.ups == 1);
	old_a = wire.config_a;
	old_b = wire.config_b;
	for (int i = 0; i < 5; i++) {
		configure_other(&wire, "127.0.0.2");
		assert_true(endpoint_parse(&wire.config_a.path[0].local, "1.2.3.4", 1, ""));
		channel_reroute(&wire.a.channel, &wire.config_a);
		channel_reroute(&wire.b.channel, &wire.config_b);
		RUN_UNTIL(wire.loop, wire.b.channel.path[0]->half[0]);
		assert_true(wire.a.channel.current && wire.b.channel.current);
	}
	channel_reroute(&wire.a.channel, &old_a);
	channel_reroute(&wire.b.channel, &old_b);
	RUN_UNTIL(wire.loop, moved(&wire.a.channel) && moved(&wire.b.channel));
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	wire_close(&wire);
}

/* Of two paths the one in use is taken out: the other one was ready. */
static void a_path_is_taken_out_and_comes_back(void **state)
{
	struct channel_config both_a, both_b;
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	both_a = wire.config_a;
	both_b = wire.config_b;
	wire.config_a.path[0] = wire.config_a.path[1];
	wire.config_b.path[0] = wire.config_b.path[1];
	wire.config_a.paths = wire.config_b.paths = 1;
	channel_reroute(&wire.b.channel, &wire.config_b);
	channel_reroute(&wire.a.channel, &wire.config_a);
	RUN_UNTIL(wire.loop, moved(&wire.a.channel) && moved(&wire.b.channel));
	channel_reroute(&wire.a.channel, &both_a);
	channel_reroute(&wire.b.channel, &both_b);
	RUN_UNTIL(wire.loop, moved(&wire.a.channel) && moved(&wire.b.channel));
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	wire_close(&wire);
}

/* Twice in a row: what was left the first time is not gone back to, for it is about to be closed.
 */
static void a_path_that_was_left_is_left(void **state)
{
	struct cable wire;

	(void)state;
	wire_configure_two(&wire);
	wire_open_two(&wire);
	wire.config_a.path[0] = wire.config_a.path[1];
	wire.config_b.path[0] = wire.config_b.path[1];
	wire.config_a.paths = wire.config_b.paths = 1;
	channel_reroute(&wire.b.channel, &wire.config_b);
	RUN_UNTIL(wire.loop, wire.a.ups == 1);
	channel_reroute(&wire.a.channel, &wire.config_a);
	configure_other(&wire, "127.0.0.1");
	channel_reroute(&wire.b.channel, &wire.config_b);
	channel_send(&wire.b.channel, (const uint8_t *)"x", 1);
	RUN_UNTIL(wire.loop, wire.a.last == 'x');
	channel_reroute(&wire.a.channel, &wire.config_a);
	RUN_UNTIL(wire.loop, moved(&wire.a.channel) && moved(&wire.b.channel));
	assert_int_equal(wire.a.downs + wire.b.downs, 0);
	assert_int_equal(wire.a.ups, 2);
	assert_int_equal(wire.b.ups, 2);
	wire_close(&wire);
}

static void a_port_in_use_is_said(void **state)
{
	struct cable wire;
	struct end second = { 0 };

	(void)state;
	wire_configure(&wire);
	wire_open(&wire, &self_b);
	assert_int_equal(
		channel_open(&second.channel, wire.loop, &wire.config_a, &end_ops, &second),
		-EADDRINUSE);
	assert_non_null(strstr(second.channel.why, "in use"));
	assert_true(endpoint_parse(&wire.config_a.path[0].local, "1.2.3.4", 1, ""));
	assert_int_equal(
		channel_open(&second.channel, wire.loop, &wire.config_a, &end_ops, &second),
		-EADDRNOTAVAIL);
	assert_non_null(strstr(second.channel.why, "1.2.3.4 is not an address"));
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nodes_agree),
		cmocka_unit_test(two_versions_agree),
		cmocka_unit_test(bytes_may_come_one_by_one),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(a_flipped_hello_is_refused),
		cmocka_unit_test(strangers_and_relatives_are_refused),
		cmocka_unit_test(a_psk_is_shared_or_it_fails),
		cmocka_unit_test(every_flipped_byte_is_refused_with_a_psk),
		cmocka_unit_test(an_old_init_is_worth_nothing),
		cmocka_unit_test(nothing_is_reflected),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(frames_pass_both_ways),
		cmocka_unit_test(a_dropped_connection_comes_back),
		cmocka_unit_test(a_held_channel_opens_by_itself),
		cmocka_unit_test(a_wrong_key_never_gets_up),
		cmocka_unit_test(strangers_do_not_disturb),
		cmocka_unit_test(a_crowd_in_the_peers_name_does_not_lock_it_out),
		cmocka_unit_test(who_has_shown_the_key_keeps_his_place),
		cmocka_unit_test(an_overtaken_word_is_not_obeyed),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(a_step_of_the_clock_is_not_silence),
		cmocka_unit_test(a_renewal_takes_over_without_a_gap),
		cmocka_unit_test(a_renewal_is_never_a_loss),
		cmocka_unit_test(a_failed_renewal_is_tried_again),
		cmocka_unit_test(keys_are_exchanged_without_a_gap),
		cmocka_unit_test(a_key_that_is_taken_out_ends_its_connection),
		cmocka_unit_test(any_of_four_keys_will_do),
		cmocka_unit_test(times_change_on_the_way),
		cmocka_unit_test(a_silent_path_is_left_and_found_again),
		cmocka_unit_test(a_lost_path_is_not_a_lost_channel),
		cmocka_unit_test(an_idle_path_is_renewed_and_stays_idle),
		cmocka_unit_test(a_new_process_is_heard_at_once),
		cmocka_unit_test(one_path_is_enough_to_begin),
		cmocka_unit_test(other_addresses_take_over),
		cmocka_unit_test(a_path_to_nowhere_moves_nothing),
		cmocka_unit_test(a_path_is_taken_out_and_comes_back),
		cmocka_unit_test(a_path_that_was_left_is_left),
		cmocka_unit_test(a_port_in_use_is_said),
		cmocka_unit_test(who_is_farther_than_one_hop_is_not_heard),
		cmocka_unit_test(only_the_peers_address_is_heard),
		cmocka_unit_test(either_family_will_do),
		cmocka_unit_test(endpoints_are_addresses),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
