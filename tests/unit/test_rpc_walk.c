// SPDX-License-Identifier: BSD-2-Clause
/* The way of an RPC check: each verdict, whatever the pieces in which the answers come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/check/rpc_walk.h"
#include "tests/unit/dce_recorded.h"

enum { EMSMDB, NSPI, RFR, MAPPER_PORT = 135 };

struct message {
	const uint8_t *bytes;
	size_t length;
};
#define MESSAGE(array)                                                                             \
	{                                                                                          \
		array, sizeof(array)                                                               \
	}

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

/* A copy of the exact size, so that a read beyond it is seen. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

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
	ends_with(&f, rpc_walk_late(&f.walk, f.now), HEALTH_HUNG, MAPPER_PORT);
	begin(&f, 1);
	ends_with(&f, rpc_walk_late(&f.walk, f.now), HEALTH_TIMEOUT, MAPPER_PORT);
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
	ends_with(&f, rpc_walk_late(&f.walk, f.now), HEALTH_HUNG, 60000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_way),
		cmocka_unit_test(test_mapper_only),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_verdicts_of_mapper),
		cmocka_unit_test(test_verdicts_of_service),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
