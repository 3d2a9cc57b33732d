// SPDX-License-Identifier: BSD-2-Clause
/*
 * The RPC codec and the walk of a check, against a conversation recorded from Samba's endpoint
 * mapper, and against all that can be made of it by cutting and bending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "lbd/check/dce.h"
#include "lbd/check/rpc_walk.h"

enum { EMSMDB, NSPI, RFR, MAPPER_PORT = 135 };

static const uint8_t bind_mapper[] = {
	0x05, 0x00, 0x0b, 0x03, 0x10, 0x00, 0x00, 0x00, 0x48, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
	0x00, 0xd0, 0x16, 0xd0, 0x16, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b,
	0x14, 0xa0, 0xfa, 0x03, 0x00, 0x00, 0x00, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
	0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};
static const uint8_t bind_ack[] = {
	0x05, 0x00, 0x0c, 0x03, 0x10, 0x00, 0x00, 0x00, 0x3c, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
	0x00, 0xd0, 0x16, 0xd0, 0x16, 0xd5, 0xe6, 0x00, 0x00, 0x04, 0x00, 0x31, 0x33, 0x35, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x5d, 0x88, 0x8a, 0xeb,
	0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};
static const uint8_t map_emsmdb[] = {
	0x05, 0x00, 0x00, 0x03, 0x10, 0x00, 0x00, 0x00, 0x9c, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
	0x00, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,
	0x00, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x05, 0x00, 0x13, 0x00,
	0x0d, 0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67, 0x10, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06,
	0x62, 0xda, 0x00, 0x00, 0x02, 0x00, 0x51, 0x00, 0x13, 0x00, 0x0d, 0x04, 0x5d, 0x88, 0x8a,
	0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x02,
	0x00, 0x00, 0x00, 0x01, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x07, 0x02, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x09, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
};
/* One tower; Samba names minor version 0. */
static const uint8_t map_answer[] = {
	0x05, 0x00, 0x02, 0x03, 0x10, 0x00, 0x00, 0x00, 0x98, 0x00, 0x00, 0x00, 0x02, 0x00,
	0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x4b, 0x00,
	0x00, 0x00, 0x05, 0x00, 0x13, 0x00, 0x0d, 0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67,
	0x10, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda, 0x00, 0x00, 0x02, 0x00, 0x00,
	0x00, 0x13, 0x00, 0x0d, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
	0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x0b, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x07, 0x02, 0x00, 0xea, 0x60, 0x01, 0x00,
	0x09, 0x04, 0x00, 0x0a, 0x4d, 0x00, 0x15, 0x00, 0x00, 0x00, 0x00, 0x00,
};
/* The interface is not served on this port. */
static const uint8_t bind_reject[] = {
	0x05, 0x00, 0x0c, 0x03, 0x10, 0x00, 0x00, 0x00, 0x38, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x00, 0x00, 0xd0, 0x16, 0xd0, 0x16, 0x6e, 0xe5, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};
static const uint8_t bind_nak[] = {
	0x05, 0x00, 0x0d, 0x03, 0x10, 0x00, 0x00, 0x00, 0x18, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x05, 0x00, 0x00, 0x00, 0x00,
};
static const uint8_t not_registered[] = {
	0x05, 0x00, 0x02, 0x03, 0x10, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x02,
	0x00, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xd6, 0xa0, 0xc9, 0x16,
};
static const uint8_t fault[] = {
	0x05, 0x00, 0x03, 0x03, 0x10, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00,
	0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

struct message {
	const uint8_t *bytes;
	size_t length;
};
#define MESSAGE(array)                                                                             \
	{                                                                                          \
		array, sizeof(array)                                                               \
	}
static const struct message answers[] = {
	MESSAGE(bind_ack), MESSAGE(map_answer), MESSAGE(bind_reject),
	MESSAGE(bind_nak), MESSAGE(fault),      MESSAGE(not_registered),
};
enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

static struct rpcif interface_of(int which)
{
	struct rpcif found[RPCIF_PER_WORD];

	if (which == EMSMDB) {
		assert_int_equal(rpcif_parse(found, "rpc-client-access"), 1);
		return found[0];
	}
	assert_int_equal(rpcif_parse(found, "address-book"), 2);
	return found[which == RFR];
}

static void test_requests(void **state)
{
	struct rpcif emsmdb = interface_of(EMSMDB);
	uint8_t out[DCE_REQUEST_MAX];

	(void)state;
	assert_int_equal(dce_write_bind(out, DCE_BIND, 1, 0, &dce_mapper), sizeof(bind_mapper));
	assert_memory_equal(out, bind_mapper, sizeof(bind_mapper));
	assert_int_equal(dce_write_map(out, 2, &emsmdb), sizeof(map_emsmdb));
	assert_memory_equal(out, map_emsmdb, sizeof(map_emsmdb));
	dce_write_bind(out, DCE_ALTER, 9, 2, &emsmdb);
	assert_int_equal(out[2], DCE_ALTER);
	assert_int_equal(out[28], 2); /* context */
	assert_memory_equal(out + 0x30, ((uint8_t[]){ 0, 0, 0x51, 0 }), 4);
}

/* A copy of the exact size, so that a read beyond it is seen. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

struct bend {
	const uint8_t *bytes;
	size_t length, at;
	uint8_t value;
	enum dce_answer answer;
};

static void test_bind_answers(void **state)
{
	static const struct bend cases[] = {
		{ bind_ack, sizeof(bind_ack), 0, 5, DCE_YES },
		{ bind_reject, sizeof(bind_reject), 0, 5, DCE_NO_SUCH_INTERFACE },
		{ bind_reject, sizeof(bind_reject), 34, 3, DCE_BUSY },     /* local limit */
		{ bind_reject, sizeof(bind_reject), 34, 2, DCE_NONSENSE }, /* transfer syntax */
		{ bind_reject, sizeof(bind_reject), 32, 1, DCE_NONSENSE }, /* user */
		{ bind_nak, sizeof(bind_nak), 0, 5, DCE_NONSENSE },
		{ bind_nak, sizeof(bind_nak), 16, 1, DCE_BUSY },
		{ bind_nak, sizeof(bind_nak), 16, 2, DCE_BUSY },
		{ bind_nak, sizeof(bind_nak), 16, 4, DCE_NONSENSE },
		{ bind_ack, sizeof(bind_ack), 0, 4, DCE_NONSENSE },    /* version */
		{ bind_ack, sizeof(bind_ack), 2, 15, DCE_NONSENSE },   /* to another question */
		{ bind_ack, sizeof(bind_ack), 3, 1, DCE_NONSENSE },    /* not the last fragment */
		{ bind_ack, sizeof(bind_ack), 4, 0, DCE_NONSENSE },    /* big-endian */
		{ bind_ack, sizeof(bind_ack), 8, 61, DCE_NONSENSE },   /* longer than it is */
		{ bind_ack, sizeof(bind_ack), 10, 4, DCE_NONSENSE },   /* signed */
		{ bind_ack, sizeof(bind_ack), 12, 2, DCE_NONSENSE },   /* another call */
		{ bind_ack, sizeof(bind_ack), 24, 255, DCE_NONSENSE }, /* address beyond the end */
		{ bind_ack, sizeof(bind_ack), 32, 2, DCE_NONSENSE },   /* two results to one */
		{ bind_ack, sizeof(bind_ack), 32, 0, DCE_NONSENSE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *bytes = copy_of(cases[i].bytes, cases[i].length);

		bytes[cases[i].at] = cases[i].value;
		if (dce_read_bind(bytes, cases[i].length, DCE_BIND, 1) != cases[i].answer)
			fail_msg("case %zu", i);
		free(bytes);
	}
}

static void test_map_answers(void **state)
{
	static const struct bend cases[] = {
		{ map_answer, sizeof(map_answer), 0, 5, DCE_YES },
		{ not_registered, sizeof(not_registered), 0, 5, DCE_NOT_REGISTERED },
		{ not_registered, sizeof(not_registered), 60, 5, DCE_NONSENSE },
		{ fault, sizeof(fault), 0, 5, DCE_DENIED },
		{ fault, sizeof(fault), 24, 6, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 12, 3, DCE_NONSENSE },   /* another call */
		{ map_answer, sizeof(map_answer), 0x2c, 2, DCE_NONSENSE }, /* count, actual */
		{ map_answer, sizeof(map_answer), 0x30, 0, DCE_NONSENSE }, /* more than most */
		{ map_answer, sizeof(map_answer), 0x34, 1, DCE_NONSENSE }, /* offset */
		{ map_answer, sizeof(map_answer), 0x38, 255, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 0x40, 0x4a, DCE_NONSENSE }, /* two lengths */
		{ map_answer, sizeof(map_answer), 0x48, 3, DCE_NONSENSE },    /* floors */
		{ map_answer, sizeof(map_answer), 0x4a, 0xff, DCE_NONSENSE }, /* left side */
		{ map_answer, sizeof(map_answer), 0x4a, 10, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 0x4d, 9, DCE_NOT_REGISTERED }, /* UUID */
		{ map_answer, sizeof(map_answer), 0x5d, 7, DCE_NOT_REGISTERED }, /* major */
		{ map_answer, sizeof(map_answer), 0x61, 7, DCE_YES },            /* minor */
		{ map_answer, sizeof(map_answer), 0x85, 8, DCE_NOT_REGISTERED }, /* UDP */
		{ map_answer, sizeof(map_answer), 0x86, 1, DCE_NOT_REGISTERED },
		{ map_answer, sizeof(map_answer), 0x88, 3, DCE_BAD_PORT }, /* 0x0360 */
		{ map_answer, sizeof(map_answer), 0x88, 4, DCE_YES },      /* 0x0460 */
		{ map_answer, sizeof(map_answer), 0x94, 5, DCE_DENIED },   /* status */
		{ map_answer, sizeof(map_answer), 0x94, 6, DCE_NONSENSE },
	};
	struct rpcif emsmdb = interface_of(EMSMDB);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *bytes = copy_of(cases[i].bytes, cases[i].length);
		uint16_t port = 0;

		bytes[cases[i].at] = cases[i].value;
		if (dce_read_map(bytes, cases[i].length, 2, &emsmdb, &port) != cases[i].answer)
			fail_msg("case %zu", i);
		if (cases[i].answer == DCE_YES && cases[i].at != 0x88)
			assert_int_equal(port, 60000);
		free(bytes);
	}
}

/* Each answer cut at each length, with its length field as it was and as it is now. */
static void test_cut(void **state)
{
	struct rpcif emsmdb = interface_of(EMSMDB);
	uint16_t port;

	(void)state;
	for (size_t a = 0; a < ANSWERS; a++) {
		for (size_t length = 0; length < answers[a].length; length++) {
			uint8_t *bytes = copy_of(answers[a].bytes, length);
			size_t call = answers[a].bytes[12];

			assert_true(dce_length(bytes, length) >= 0);
			assert_int_equal(dce_read_bind(bytes, length, DCE_BIND, 1), DCE_NONSENSE);
			assert_int_equal(dce_read_map(bytes, length, 2, &emsmdb, &port),
					 DCE_NONSENSE);
			if (length > 9)
				bytes[8] = (uint8_t)length;
			/* A reject says all in its first fields, a nak too. */
			if (call == 2)
				dce_read_map(bytes, length, 2, &emsmdb, &port);
			else if (a == 0)
				assert_int_equal(dce_read_bind(bytes, length, DCE_BIND, 1),
						 DCE_NONSENSE);
			free(bytes);
		}
	}
}

static void test_length(void **state)
{
	static const struct {
		uint8_t bytes[10];
		size_t length;
		int expected;
	} cases[] = {
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0 }, 10, 60 },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0 }, 9, 0 },
		{ { 5 }, 1, 0 },
		{ { 0 }, 0, 0 },
		{ { 4 }, 1, -EPROTO },
		{ { 5, 2 }, 2, -EPROTO },
		{ { 5, 0, 12, 3, 0 }, 5, -EPROTO },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 15, 0 }, 10, -EPROTO },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 0, 8 }, 10, 2048 },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 1, 8 }, 10, -EPROTO },
		{ { 'H', 'T', 'T', 'P' }, 4, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (dce_length(cases[i].bytes, cases[i].length) != cases[i].expected)
			fail_msg("case %zu", i);
}

/* --- the walk --------------------------------------------------------------------------------- */

struct far_end {
	struct rpc_walk walk;
	struct rpcif interface[RPCIF_MAX];
	uint64_t now;
};

static enum rpc_action begin(struct far_end *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		f->interface[i] = interface_of((int)i);
	f->now = 1000;
	return rpc_walk_begin(&f->walk, MAPPER_PORT, f->interface, count, f->now);
}

static enum rpc_action connected(struct far_end *f)
{
	return rpc_walk_connected(&f->walk, f->now += 10);
}

/* What the server says, in pieces of `step` bytes, with the call's number and type put in. */
static enum rpc_action answer_in(struct far_end *f, const struct message *message, size_t step)
{
	uint8_t *bytes = copy_of(message->bytes, message->length);
	enum rpc_action action = RPC_WAIT;

	memcpy(bytes + 12, f->walk.out + 12, 4);
	if (bytes[2] == DCE_BIND_ACK && f->walk.out[2] == DCE_ALTER)
		bytes[2] = DCE_ALTER_ACK;
	f->now += 100;
	for (size_t at = 0; at < message->length; at += step) {
		size_t length = message->length - at < step ? message->length - at : step;

		assert_int_equal(action, RPC_WAIT);
		action = rpc_walk_input(&f->walk, bytes + at, length, f->now);
	}
	free(bytes);
	return action;
}

static enum rpc_action answer(struct far_end *f, const struct message *message)
{
	return answer_in(f, message, message->length);
}

static const struct message yes = MESSAGE(bind_ack);

/* The mapper's answer to whatever interface is asked for. */
static enum rpc_action mapped(struct far_end *f, uint16_t port)
{
	uint8_t bytes[sizeof(map_answer)];
	struct message message = MESSAGE(bytes);

	memcpy(bytes, map_answer, sizeof(bytes));
	memcpy(bytes + 0x4d, f->walk.out + 61, 18); /* UUID and major */
	bytes[0x88] = (uint8_t)(port >> 8);
	bytes[0x89] = (uint8_t)port;
	return answer(f, &message);
}

static void to_map(struct far_end *f, size_t count)
{
	assert_int_equal(begin(f, count), RPC_CONNECT);
	assert_int_equal(f->walk.to_port, MAPPER_PORT);
	assert_int_equal(connected(f), RPC_SEND);
	assert_memory_equal(f->walk.out, bind_mapper, sizeof(bind_mapper));
	assert_int_equal(answer(f, &yes), RPC_SEND);
}

static void to_bind(struct far_end *f)
{
	to_map(f, 1);
	assert_int_equal(mapped(f, 60000), RPC_CONNECT);
	assert_int_equal(f->walk.to_port, 60000);
	assert_int_equal(connected(f), RPC_SEND);
	assert_int_equal(f->walk.out[2], DCE_BIND);
	assert_memory_equal(f->walk.out + 32, f->interface[0].uuid, 16);
}

/* EMSMDB has a port, NSPI and RFR share one: three connections in all. */
static void test_whole_way(void **state)
{
	struct far_end f;

	(void)state;
	to_map(&f, 3);
	assert_memory_equal(f.walk.out, map_emsmdb, sizeof(map_emsmdb));
	assert_int_equal(mapped(&f, 59531), RPC_SEND);
	assert_int_equal(mapped(&f, 59532), RPC_SEND);
	assert_int_equal(mapped(&f, 59532), RPC_CONNECT);
	assert_int_equal(f.walk.to_port, 59531);
	assert_int_equal(connected(&f), RPC_SEND);
	assert_int_equal(answer(&f, &yes), RPC_CONNECT);
	assert_int_equal(f.walk.to_port, 59532);
	assert_int_equal(connected(&f), RPC_SEND);
	assert_int_equal(f.walk.out[2], DCE_BIND);
	assert_memory_equal(f.walk.out + 32, f.interface[NSPI].uuid, 16);
	assert_int_equal(answer(&f, &yes), RPC_SEND);
	assert_int_equal(f.walk.out[2], DCE_ALTER);
	assert_memory_equal(f.walk.out + 32, f.interface[RFR].uuid, 16);
	assert_int_equal(answer(&f, &yes), RPC_END);
	assert_int_equal(f.walk.outcome, HEALTH_OK);
	assert_int_equal(f.walk.trace.mapped[EMSMDB], 59531);
	assert_int_equal(f.walk.trace.mapped[RFR], 59532);
	assert_int_equal(f.walk.trace.step_us[HEALTH_STEP_CONNECT_MAPPER], 10);
	assert_int_equal(f.walk.trace.step_us[HEALTH_STEP_MAP], 100);
	assert_int_equal(f.walk.trace.step_us[HEALTH_STEP_BIND], 100);
}

static void test_mapper_only(void **state)
{
	struct far_end f;

	(void)state;
	begin(&f, 0);
	connected(&f);
	assert_int_equal(answer(&f, &yes), RPC_END);
	assert_int_equal(f.walk.outcome, HEALTH_OK);
}

/* Byte by byte, and each other way to cut it. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t step = 1; step <= sizeof(bind_ack); step++) {
		struct far_end f;

		begin(&f, 1);
		connected(&f);
		assert_int_equal(answer_in(&f, &yes, step), RPC_SEND);
	}
}

static void ends_with(const struct far_end *f, enum rpc_action action, enum health_outcome outcome,
		      uint16_t port)
{
	assert_int_equal(action, RPC_END);
	assert_int_equal(f->walk.outcome, outcome);
	assert_int_equal(f->walk.trace.port, port);
}

static void test_verdicts_of_mapper(void **state)
{
	static const struct {
		struct message says;
		enum health_outcome outcome;
	} cases[] = {
		{ MESSAGE(not_registered), HEALTH_NOT_REGISTERED },
		{ MESSAGE(fault), HEALTH_REFUSES_ANONYMOUS },
		{ MESSAGE(bind_ack), HEALTH_NO_RPC },
	};
	struct far_end f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		to_map(&f, 1);
		ends_with(&f, answer(&f, &cases[i].says), cases[i].outcome, MAPPER_PORT);
	}
	to_map(&f, 1);
	ends_with(&f, mapped(&f, 1023), HEALTH_PORT_DRIFT, MAPPER_PORT);
	assert_int_equal(f.walk.trace.mapped[0], 1023);
	to_map(&f, 1);
	ends_with(&f, rpc_walk_late(&f.walk), HEALTH_HUNG, MAPPER_PORT);
	begin(&f, 1);
	ends_with(&f, rpc_walk_late(&f.walk), HEALTH_TIMEOUT, MAPPER_PORT);
	begin(&f, 1);
	ends_with(&f, rpc_walk_failed(&f.walk, HEALTH_UNREACHABLE), HEALTH_UNREACHABLE,
		  MAPPER_PORT);
}

static void test_verdicts_of_service(void **state)
{
	static const struct {
		struct message says;
		enum health_outcome outcome;
	} cases[] = {
		{ MESSAGE(bind_reject), HEALTH_WRONG_SERVICE },
		{ MESSAGE(bind_nak), HEALTH_NO_RPC },
		{ MESSAGE(fault), HEALTH_NO_RPC }, /* only a mapper refuses strangers */
		{ MESSAGE(map_answer), HEALTH_NO_RPC },
	};
	uint8_t nak[sizeof(bind_nak)];
	struct message busy = MESSAGE(nak);
	struct far_end f;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		to_bind(&f);
		ends_with(&f, answer(&f, &cases[i].says), cases[i].outcome, 60000);
	}
	memcpy(nak, bind_nak, sizeof(nak));
	nak[16] = 1;
	to_bind(&f);
	ends_with(&f, answer(&f, &busy), HEALTH_CONGESTED, 60000);
	to_bind(&f);
	ends_with(&f, rpc_walk_late(&f.walk), HEALTH_HUNG, 60000);
	to_bind(&f);
	ends_with(&f, rpc_walk_input(&f.walk, NULL, 0, 0), HEALTH_REFUSED, 60000);
}

/* More than was asked for, before the question, and what never becomes an answer. */
static void test_flood(void **state)
{
	static const uint8_t zeros[DCE_ANSWER_MAX + 1];
	uint8_t twice[sizeof(bind_ack) + 1] = { 0 };
	struct message message = MESSAGE(twice);
	struct far_end f;

	(void)state;
	begin(&f, 1);
	connected(&f);
	memcpy(twice, bind_ack, sizeof(bind_ack));
	ends_with(&f, answer(&f, &message), HEALTH_NO_RPC, MAPPER_PORT);
	begin(&f, 1);
	connected(&f);
	ends_with(&f, rpc_walk_input(&f.walk, zeros, sizeof(zeros), 1), HEALTH_NO_RPC, MAPPER_PORT);
	begin(&f, 1);
	ends_with(&f, rpc_walk_input(&f.walk, bind_ack, sizeof(bind_ack), 1), HEALTH_NO_RPC,
		  MAPPER_PORT);
}

static void test_names(void **state)
{
	static const struct {
		const char *word;
		size_t count;
		const char *printed;
	} cases[] = {
		{ "rpc-client-access", 1, "emsmdb" },
		{ "address-book", 2, "nspi" },
		{ "12345778-1234-abcd-ef00-0123456789ac", 1,
		  "12345778-1234-abcd-ef00-0123456789ac/1.0" },
		{ "12345778-1234-ABCD-EF00-0123456789AC/7.65535", 1,
		  "12345778-1234-abcd-ef00-0123456789ac/7.65535" },
		{ "a4f1db00-ca47-1067-b31f-00dd010662da/0.81", 1, "emsmdb" },
		{ "a4f1db00-ca47-1067-b31f-00dd010662da/1", 1,
		  "a4f1db00-ca47-1067-b31f-00dd010662da/1.0" },
		{ "12345778-1234-abcd-ef00-0123456789ac/", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/65536", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/1.", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/1.0.0", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789acd", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789a", 0, "" },
		{ "12345778+1234-abcd-ef00-0123456789ac", 0, "" },
		{ "rpc", 0, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rpcif found[RPCIF_PER_WORD];
		char text[RPCIF_TEXT];

		if (rpcif_parse(found, cases[i].word) != cases[i].count)
			fail_msg("case %zu", i);
		if (cases[i].count)
			assert_string_equal(rpcif_print(text, &found[0]), cases[i].printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_bind_answers),
		cmocka_unit_test(test_map_answers),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_whole_way),
		cmocka_unit_test(test_mapper_only),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_verdicts_of_mapper),
		cmocka_unit_test(test_verdicts_of_service),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
