// SPDX-License-Identifier: BSD-2-Clause
/* What a peer may send that record_pack() never would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"

enum { MANY = RECORD_MAX + 1 };

static struct record_batch batch;
static _Alignas(16) uint8_t memory[RECORD_ARENA];
static uint8_t wire[1 << 18];

/* Columns of `n` good PUTs, for the tests to spoil. */
struct columns {
	Sync__Records records;
	uint32_t kind[MANY], client[MANY], vip[MANY], ports[MANY], member[MANY], idle[MANY];
	uint32_t client_ack[MANY], client_seq[MANY], age[MANY], source[MANY];
};
static struct columns columns;

static Sync__Records *good_columns(size_t n)
{
	Sync__Records *r = &columns.records;

	*r = (Sync__Records)SYNC__RECORDS__INIT;
	for (size_t i = 0; i < n; i++) {
		columns.kind[i] = EVENT_FLOW_PUT | FLOW_ESTABLISHED << 8;
		columns.client[i] = (uint32_t)i;
		columns.vip[i] = columns.member[i] = 0x0a000001;
		columns.ports[i] = 1024u << 16 | 80;
		columns.idle[i] = columns.age[i] = 7;
		columns.client_ack[i] = columns.client_seq[i] = 9;
	}
	r->has_epoch = r->has_first_seq = true;
	r->epoch = r->first_seq = 1;
	r->n_kind = r->n_client = r->n_vip = r->n_ports = r->n_member = r->n_idle = n;
	r->n_client_ack = r->n_client_seq = r->n_age = n;
	r->kind = columns.kind;
	r->client = columns.client;
	r->vip = columns.vip;
	r->ports = columns.ports;
	r->member = columns.member;
	r->idle = columns.idle;
	r->client_ack = columns.client_ack;
	r->client_seq = columns.client_seq;
	r->age = columns.age;
	r->source = columns.source;
	return r;
}

static void good_columns_are_good(void **state)
{
	(void)state;
	assert_int_equal(record_unpack(&batch, good_columns(RECORD_MAX)), RECORD_OK);
	assert_int_equal(batch.count, RECORD_MAX);
	assert_int_equal(batch.event[RECORD_MAX - 1].idle, 7);
}

static void columns_are_as_long_as_records_say(void **state)
{
	size_t *lengths[] = {
		&columns.records.n_kind,       &columns.records.n_client,
		&columns.records.n_vip,        &columns.records.n_ports,
		&columns.records.n_member,     &columns.records.n_idle,
		&columns.records.n_client_ack, &columns.records.n_client_seq,
		&columns.records.n_age,        &columns.records.n_source,
	};
	static const size_t wrong[] = { 0, 9, 11, RECORD_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]) * 4; i++) {
		const bool may_be_absent = i / 4 >= 6 && wrong[i % 4] == 0;
		const bool source = lengths[i / 4] == &columns.records.n_source;

		good_columns(10);
		*lengths[i / 4] = wrong[i % 4];
		assert_int_equal(record_unpack(&batch, &columns.records),
				 may_be_absent ? RECORD_OK : RECORD_UNEVEN);
		if (may_be_absent)
			assert_int_equal(batch.full, source);
	}
}

static void batches_are_bounded(void **state)
{
	Sync__Records *r = good_columns(MANY);

	(void)state;
	assert_int_equal(record_unpack(&batch, r), RECORD_TOO_MANY);
	r = good_columns(0);
	assert_int_equal(record_unpack(&batch, r), RECORD_EMPTY);
}

static void positions_are_checked(void **state)
{
	Sync__Records *r = good_columns(2);

	(void)state;
	r->has_epoch = false;
	assert_int_equal(record_unpack(&batch, r), RECORD_BAD_POSITION);
	r = good_columns(2);
	r->first_seq = 0;
	assert_int_equal(record_unpack(&batch, r), RECORD_BAD_POSITION);
	r->snapshot = 1;
	assert_int_equal(record_unpack(&batch, r), RECORD_OK);
	r->first_seq = 1;
	assert_int_equal(record_unpack(&batch, r), RECORD_BAD_POSITION);
	r->snapshot = 0;
	r->first_seq = UINT64_MAX - 1;
	assert_int_equal(record_unpack(&batch, r), RECORD_BAD_POSITION);
	r->first_seq--;
	assert_int_equal(record_unpack(&batch, r), RECORD_OK);
}

enum { PIN = EVENT_PIN_PUT, VERDICT = EVENT_MEMBER | 1 << 8, GEN = EVENT_GEN | 1 << 8 };

/* One row in the middle of good ones: kind, client, vip, ports, member, idle, ack, seq, age. */
static const struct {
	const char *name;
	uint32_t row[9];
	enum record_verdict verdict;
} rows[] = {
	{ "a pin", { PIN, 1, 2, 0, 3, 4, 0, 0, 5 }, RECORD_OK },
	{ "a verdict", { VERDICT, 0, 1, 2, 3, 100, 0, 0, 0 }, RECORD_OK },
	{ "no kind", { 0x00000100, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KIND },
	{ "unknown kind", { 0x00000106, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KIND },
	{ "unknown state", { 0x00000701, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_STATE },
	{ "flag 4 is local", { 0x00040101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_FLAGS },
	{ "flag 16 is local", { 0x00100101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_FLAGS },
	{ "flag 128", { 0x00800101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_FLAGS },
	{ "DSR", { 0x01000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_OK },
	{ "SNAT without a source", { 0x02000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_SOURCE },
	{ "no such mode", { 0x03000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_MODE },
	{ "form 4", { 0x04000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "form 8", { 0x08000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "form 16", { 0x10000101, 1, 1, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "no VIP", { 0x00000101, 1, 0, 80, 1, 0, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "client 0.0.0.0", { 0x00000101, 0, 1, 80, 1, 0, 0, 0, 0 }, RECORD_OK },
	{ "no service port", { 0x00000101, 1, 1, 0x10000, 1, 0, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "no member", { 0x00000101, 1, 1, 80, 0, 0, 0, 0, 0 }, RECORD_BAD_MEMBER },
	{ "pin with a state", { PIN | 1 << 8, 1, 2, 0, 3, 4, 0, 0, 5 }, RECORD_BAD_KEY },
	{ "pin with a flag", { PIN | 1 << 16, 1, 2, 0, 3, 4, 0, 0, 5 }, RECORD_BAD_FLAGS },
	{ "pin with a mode", { PIN | 1 << 24, 1, 2, 0, 3, 4, 0, 0, 5 }, RECORD_BAD_KEY },
	{ "pin with ports", { PIN, 1, 2, 80, 3, 4, 0, 0, 5 }, RECORD_BAD_KEY },
	{ "pin with an ack", { PIN, 1, 2, 0, 3, 4, 1, 0, 5 }, RECORD_BAD_KEY },
	{ "pin with a seq", { PIN, 1, 2, 0, 3, 4, 0, 1, 5 }, RECORD_BAD_KEY },
	{ "verdict of a client", { VERDICT, 1, 1, 2, 3, 100, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "verdict with an age", { VERDICT, 0, 1, 2, 3, 100, 0, 0, 1 }, RECORD_BAD_KEY },
	{ "verdict with a flag", { VERDICT | 2 << 16, 0, 1, 2, 3, 0, 0, 0, 0 }, RECORD_BAD_FLAGS },
	{ "verdict 4", { EVENT_MEMBER | 4 << 8, 0, 1, 2, 3, 0, 0, 0, 0 }, RECORD_BAD_STATE },
	{ "a verdict and a base", { VERDICT, 0, 1, 2, 3, 0xffff0001, 0, 0, 0 }, RECORD_OK },
	{ "a generation", { GEN, 0, 1, 2, 0, 100, 0, 0, 0 }, RECORD_OK },
	{ "generation of a client", { GEN, 1, 1, 2, 0, 100, 0, 0, 0 }, RECORD_BAD_KEY },
	{ "generation of a member", { GEN, 0, 1, 2, 3, 100, 0, 0, 0 }, RECORD_BAD_MEMBER },
	{ "generation with an ack", { GEN, 0, 1, 2, 0, 100, 1, 0, 0 }, RECORD_BAD_KEY },
	{ "generation with a flag", { GEN | 2 << 16, 0, 1, 2, 0, 1, 0, 0, 0 }, RECORD_BAD_FLAGS },
	{ "generation 2", { EVENT_GEN | 2 << 8, 0, 1, 2, 0, 1, 0, 0, 0 }, RECORD_BAD_STATE },
};

static void rows_are_checked(void **state)
{
	uint32_t *column[9] = { columns.kind,       columns.client,     columns.vip,
				columns.ports,      columns.member,     columns.idle,
				columns.client_ack, columns.client_seq, columns.age };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		Sync__Records *r = good_columns(3);

		for (size_t c = 0; c < 9; c++)
			column[c][1] = rows[i].row[c];
		if (record_unpack(&batch, r) != rows[i].verdict)
			fail_msg("%s", rows[i].name);
	}
}

/* --- addresses of several words --------------------------------------------------------------- */

/* All words of one record, as many in each column as it has. */
struct wide {
	uint32_t kind;
	unsigned int clients, vips, members, sources;
	uint32_t client[4], vip[4], ports, member[4], source[5];
};

static size_t append(uint32_t *column, size_t at, const uint32_t *word, size_t words)
{
	memmove(column + at + words, column + at + 1, sizeof(*column));
	memcpy(column + at, word, words * sizeof(*word));
	return words - 1;
}

/* One record between two good ones, without the optional columns. */
static Sync__Records *between(const struct wide *wide)
{
	Sync__Records *r = good_columns(3);

	r->n_client_ack = r->n_client_seq = r->n_age = 0;
	columns.kind[1] = wide->kind;
	columns.ports[1] = wide->ports;
	r->n_client += append(columns.client, 1, wide->client, wide->clients);
	r->n_vip += append(columns.vip, 1, wide->vip, wide->vips);
	r->n_member += append(columns.member, 1, wide->member, wide->members);
	memcpy(columns.source, wide->source, sizeof(wide->source));
	r->n_source = wide->sources;
	return r;
}

enum {
	PUT = EVENT_FLOW_PUT | FLOW_ESTABLISHED << 8,
	DEL = EVENT_FLOW_DEL,
	MAPPED = 0xffff,
	PORTS = 1024u << 16 | 80,
};
#define KEY6    0x80000000u
#define MEMBER6 0x40000000u
#define SOURCE  0x20000000u
#define SNAT    0x02000000u

static const struct {
	const char *name;
	struct wide wide;
	enum record_verdict verdict;
} wides[] = {
	{ "IPv6",
	  { PUT | KEY6 | MEMBER6, 4, 4, 4, 0, { 1, 2 }, { 1, 3 }, PORTS, { 1, 4 }, { 0 } },
	  RECORD_OK },
	{ "IPv6 of client ::",
	  { PUT | KEY6 | MEMBER6, 4, 4, 4, 0, { 0 }, { 1, 3 }, PORTS, { 1, 4 }, { 0 } },
	  RECORD_OK },
	{ "IPv6 with a source",
	  { PUT | KEY6 | MEMBER6 | SOURCE | SNAT,
	    4,
	    4,
	    4,
	    5,
	    { 1, 2 },
	    { 1, 3 },
	    PORTS,
	    { 1, 4 },
	    { 99, 1, 0, 0, 5 } },
	  RECORD_OK },
	{ "IPv4 with a source",
	  { PUT | SOURCE | SNAT, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 99, 5 } },
	  RECORD_OK },
	{ "IPv6 delete without member",
	  { DEL | KEY6, 4, 4, 1, 0, { 1, 2 }, { 1, 3 }, PORTS, { 0 }, { 0 } },
	  RECORD_OK },
	{ "IPv6 delete of no member in four words",
	  { DEL | KEY6 | MEMBER6, 4, 4, 4, 0, { 1, 2 }, { 1, 3 }, PORTS, { 0 }, { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv6 pin",
	  { EVENT_PIN_PUT | KEY6 | MEMBER6, 4, 1, 4, 0, { 1, 2 }, { 7 }, 0, { 1, 4 }, { 0 } },
	  RECORD_OK },
	{ "IPv6 verdict",
	  { VERDICT | KEY6 | MEMBER6, 1, 4, 4, 0, { 0 }, { 1, 3 }, 7, { 1, 4 }, { 0 } },
	  RECORD_OK },
	{ "IPv4 verdict of an IPv6 member",
	  { VERDICT | MEMBER6, 1, 1, 4, 0, { 0 }, { 1 }, 7, { 1, 4 }, { 0 } },
	  RECORD_OK },
	{ "IPv6 verdict of an IPv4 member",
	  { VERDICT | KEY6, 1, 4, 1, 0, { 0 }, { 1 }, 7, { 1 }, { 0 } },
	  RECORD_OK },
	{ "IPv4 flow of an IPv6 member",
	  { PUT | MEMBER6, 1, 1, 4, 0, { 1 }, { 1 }, PORTS, { 1, 4 }, { 0 } },
	  RECORD_BAD_MEMBER },
	{ "IPv6 flow of an IPv4 member",
	  { PUT | KEY6, 4, 4, 1, 0, { 1, 2 }, { 1, 3 }, PORTS, { 4 }, { 0 } },
	  RECORD_BAD_MEMBER },
	{ "IPv4 client in four words",
	  { PUT | KEY6 | MEMBER6,
	    4,
	    4,
	    4,
	    0,
	    { 0, 0, MAPPED, 1 },
	    { 1, 3 },
	    PORTS,
	    { 1, 4 },
	    { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 VIP in four words",
	  { PUT | KEY6 | MEMBER6,
	    4,
	    4,
	    4,
	    0,
	    { 1, 2 },
	    { 0, 0, MAPPED, 1 },
	    PORTS,
	    { 1, 4 },
	    { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 member in four words",
	  { PUT | KEY6 | MEMBER6,
	    4,
	    4,
	    4,
	    0,
	    { 1, 2 },
	    { 1, 3 },
	    PORTS,
	    { 0, 0, MAPPED, 1 },
	    { 0 } },
	  RECORD_BAD_MEMBER },
	{ "IPv4 flow all in four words",
	  { PUT | KEY6 | MEMBER6,
	    4,
	    4,
	    4,
	    0,
	    { 0, 0, MAPPED, 1 },
	    { 0, 0, MAPPED, 1 },
	    PORTS,
	    { 0, 0, MAPPED, 1 },
	    { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 member of an IPv4 flow in four words",
	  { PUT | MEMBER6, 1, 1, 4, 0, { 1 }, { 1 }, PORTS, { 0, 0, MAPPED, 1 }, { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 pin in four words",
	  { EVENT_PIN_PUT | KEY6, 4, 1, 1, 0, { 0, 0, MAPPED, 1 }, { 7 }, 0, { 1 }, { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 verdict in four words",
	  { VERDICT | KEY6, 1, 4, 1, 0, { 0 }, { 0, 0, MAPPED, 1 }, 7, { 1 }, { 0 } },
	  RECORD_BAD_KEY },
	{ "IPv4 source in four words",
	  { PUT | KEY6 | MEMBER6 | SOURCE | SNAT,
	    4,
	    4,
	    4,
	    5,
	    { 1, 2 },
	    { 1, 3 },
	    PORTS,
	    { 1, 4 },
	    { 99, 0, 0, MAPPED, 5 } },
	  RECORD_BAD_SOURCE },
	{ "source 0.0.0.0",
	  { PUT | SOURCE | SNAT, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 99, 0 } },
	  RECORD_BAD_SOURCE },
	{ "source port 0",
	  { PUT | SOURCE | SNAT, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 0, 5 } },
	  RECORD_BAD_SOURCE },
	{ "source port 0 of a delete",
	  { DEL | SOURCE | SNAT, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 0, 5 } },
	  RECORD_BAD_KEY },
	{ "source port 65536 + 99",
	  { PUT | SOURCE | SNAT, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 0x10063, 5 } },
	  RECORD_BAD_KEY },
	{ "source of NAT",
	  { PUT | SOURCE, 1, 1, 1, 2, { 1 }, { 1 }, PORTS, { 1 }, { 99, 5 } },
	  RECORD_BAD_SOURCE },
	{ "source of a pin",
	  { EVENT_PIN_PUT | SOURCE, 1, 1, 1, 2, { 1 }, { 7 }, 0, { 1 }, { 99, 5 } },
	  RECORD_BAD_KEY },
	{ "source of a verdict",
	  { VERDICT | SOURCE, 1, 1, 1, 2, { 0 }, { 1 }, 7, { 1 }, { 99, 5 } },
	  RECORD_BAD_KEY },
};

static void wide_rows_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wides) / sizeof(wides[0]); i++) {
		if (record_unpack(&batch, between(&wides[i].wide)) != wides[i].verdict)
			fail_msg("%s", wides[i].name);
		if (wides[i].verdict == RECORD_OK && batch.event[2].idle != 7)
			fail_msg("%s: what follows", wides[i].name);
	}
}

/* A word too few or too many in any column is seen before anything is read. */
static void wide_columns_are_counted(void **state)
{
	size_t *lengths[] = {
		&columns.records.n_kind,   &columns.records.n_client, &columns.records.n_vip,
		&columns.records.n_ports,  &columns.records.n_member, &columns.records.n_idle,
		&columns.records.n_source,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wides) / sizeof(wides[0]); i++) {
		for (size_t c = 0; c < sizeof(lengths) / sizeof(lengths[0]); c++) {
			between(&wides[i].wide);
			++*lengths[c];
			assert_int_equal(record_unpack(&batch, &columns.records), RECORD_UNEVEN);
			between(&wides[i].wide);
			if ((*lengths[c])-- == 0)
				continue;
			assert_int_equal(record_unpack(&batch, &columns.records), RECORD_UNEVEN);
		}
	}
}

/* --- messages --------------------------------------------------------------------------------- */

static struct record_arena arena;

static const Sync__Frame *unpack(const void *bytes, size_t length, size_t room)
{
	record_arena_init(&arena, memory, room);
	return record_frame(&arena, bytes, length);
}

static void a_frame_is_one_message(void **state)
{
	static const uint8_t ack[] = { 0x2a, 4, 0x08, 1, 0x10, 2 };
	static const uint8_t ack_and_gap[] = { 0x2a, 4, 0x08, 1, 0x10, 2, 0x3a, 2, 0x08, 1 };
	const Sync__Frame *frame = unpack(ack, sizeof(ack), sizeof(memory));

	(void)state;
	assert_non_null(frame);
	assert_int_equal(frame->ack->seq, 2);
	for (size_t length = 0; length < sizeof(ack); length++)
		assert_null(unpack(ack, length, sizeof(memory)));
	assert_null(unpack(ack_and_gap, sizeof(ack_and_gap), sizeof(memory)));
	assert_null(unpack("", 0, sizeof(memory)));
}

/* What a later version says beside what we know, or instead of it. */
static void unknown_fields_are_ignored(void **state)
{
	static const uint8_t alone[] = { 0xf8, 0x01, 1 };
	static const uint8_t beside[] = { 0x2a, 7, 0x08, 1, 0x10, 2, 0xf8, 0x01, 1, 0xf8, 0x02, 1 };
	const Sync__Frame *frame = unpack(alone, sizeof(alone), sizeof(memory));

	(void)state;
	assert_non_null(frame);
	assert_null(frame->ack);
	assert_int_equal(arena.unknown, 1);
	frame = unpack(beside, sizeof(beside), sizeof(memory));
	assert_non_null(frame);
	assert_int_equal(frame->ack->seq, 2);
	assert_int_equal(arena.unknown, 2);
	frame = unpack(beside, 6, sizeof(memory)); /* cut in the middle */
	assert_null(frame);
}

/* In a required field the message is nothing to us, in an optional one it has no value. */
static void unknown_enum_values_are_ignored(void **state)
{
	/* AttachReply.verdict, and NodeFacts.role two levels down. */
	uint8_t reply[] = { 0x1a, 2, 0x08, 3 };
	uint8_t heartbeat[] = { 0x0a, 4, 0x0a, 2, 0x10, 3 };
	const Sync__Frame *frame;

	(void)state;
	assert_non_null(unpack(reply, sizeof(reply), sizeof(memory))->attach_reply);
	for (uint8_t verdict = 0; verdict < 5; verdict += 4) {
		reply[3] = verdict;
		frame = unpack(reply, sizeof(reply), sizeof(memory));
		assert_non_null(frame);
		assert_null(frame->attach_reply);
		assert_int_equal(arena.unknown, 1);
	}
	frame = unpack(heartbeat, sizeof(heartbeat), sizeof(memory));
	assert_true(frame->heartbeat->facts->has_role);
	assert_int_equal(arena.unknown, 0);
	heartbeat[5] = 4;
	frame = unpack(heartbeat, sizeof(heartbeat), sizeof(memory));
	assert_non_null(frame->heartbeat);
	assert_false(frame->heartbeat->facts->has_role);
	assert_int_equal(frame->heartbeat->facts->role, CAS__ROLE__NONE);
	assert_int_equal(arena.unknown, 1);
}

/* --- records of a later version --------------------------------------------------------------- */

enum { LATER = 0x85 };

static void unknown_records_keep_their_places_in_a_log(void **state)
{
	Sync__Records *records = good_columns(5);

	(void)state;
	columns.kind[1] = columns.kind[3] = LATER | 9 << 8 | 0xff << 16;
	assert_int_equal(record_unpack(&batch, records), RECORD_OK);
	assert_int_equal(batch.count, 5);
	assert_int_equal(batch.unknown, 2);
	for (uint32_t i = 0; i < 5; i++) {
		bool later = i == 1 || i == 3;

		assert_int_equal(batch.event[i].kind, later ? RECORD_NOTHING : EVENT_FLOW_PUT);
		assert_int_equal(batch.event[i].client_ack, later ? 0 : 9);
	}
	/* By themselves they are nothing to send. */
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
}

static void elsewhere_unknown_records_are_left_out(void **state)
{
	for (int what = 0; what < 3; what++) {
		Sync__Records *records = good_columns(4);

		records->has_first_seq = what == 2;
		records->first_seq = what == 2;
		records->has_snapshot = what == 0;
		records->snapshot = what == 0;
		records->has_listed = what == 1;
		records->listed = what == 1;
		records->has_only_if_absent = records->only_if_absent = what == 2;
		columns.kind[0] = columns.kind[3] = LATER;
		assert_int_equal(record_unpack(&batch, records), RECORD_OK);
		assert_int_equal(batch.count, 2);
		assert_int_equal(batch.unknown, 2);
		assert_int_equal(ntohl(batch.event[0].key.client.word[3]), 1);
		assert_int_equal(ntohl(batch.event[1].key.client.word[3]), 2);
	}
	(void)state;
}

static void unknown_records_have_the_columns_of_a_flow(void **state)
{
	Sync__Records *records = good_columns(2);

	(void)state;
	columns.kind[0] = LATER | (0x80u | 0x40 | 0x20) << 24;
	assert_int_equal(record_unpack(&batch, records), RECORD_UNEVEN);
	records->n_client = records->n_vip = records->n_member = 5;
	records->n_source = 5;
	columns.vip[4] = columns.member[4] = 0x0a000001;
	columns.client[4] = 77;
	assert_int_equal(record_unpack(&batch, records), RECORD_OK);
	assert_int_equal(ntohl(batch.event[1].key.client.word[3]), 77);
}

/* What changes tables is not to be ignored. */
static void other_unknown_kinds_are_refused(void **state)
{
	(void)state;
	for (uint32_t kind = EVENT_REVISION + 1; kind < RECORD_NOTHING; kind++) {
		Sync__Records *records = good_columns(1);

		columns.kind[0] = kind;
		assert_int_equal(record_unpack(&batch, records), RECORD_BAD_KIND);
	}
}

static void texts_are_fit_for_a_terminal(void **state)
{
	static const char dirty[] = "a\x1b[2Jb\nc\x7f\xc2\x9bw\xc3\xa4r";
	Sync__AttachReply reply = SYNC__ATTACH_REPLY__INIT;
	Sync__Frame out = SYNC__FRAME__INIT;
	const Sync__Frame *frame;
	char *long_text = malloc(5000);
	size_t length;

	(void)state;
	assert_non_null(long_text);
	memset(long_text, 'x', 4999);
	long_text[4999] = '\0';
	out.attach_reply = &reply;
	reply.verdict = SYNC__ATTACH_REPLY__VERDICT__REFUSE;
	memcpy(long_text, dirty, sizeof(dirty));
	reply.reason = long_text;
	length = sync__frame__pack(&out, wire);
	frame = unpack(wire, length, sizeof(memory));
	assert_non_null(frame);
	assert_string_equal(frame->attach_reply->reason, "a?[2Jb?c???w\xc3\xa4r");
	memset(long_text, 'x', sizeof(dirty));
	length = sync__frame__pack(&out, wire);
	frame = unpack(wire, length, sizeof(memory));
	assert_non_null(frame);
	assert_int_equal(strlen(frame->attach_reply->reason), RECORD_MAX_TEXT);
	free(long_text);
}

/* However little room there is, the answer is NULL and nothing outside of it is touched. */
static void room_is_never_exceeded(void **state)
{
	Sync__Frame out = SYNC__FRAME__INIT;
	size_t length, need = 0;

	(void)state;
	out.records = good_columns(50);
	length = sync__frame__pack(&out, wire);
	for (size_t room = 0; room < 8192 && !need; room++) {
		uint8_t *exact = malloc(room ? room : 1);

		assert_non_null(exact);
		record_arena_init(&arena, exact, room);
		if (record_frame(&arena, wire, length))
			need = room;
		assert_true(arena.used <= room);
		free(exact);
	}
	assert_true(need >= 50 * 4 * 9);
	assert_true(need < 50 * 4 * 9 + 2048);
}

/* Many small fields are the dearest message for its length. */
static void a_flood_of_fields_is_refused(void **state)
{
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < 20000; i++) {
		wire[4 + used++] = 0x55; /* Records.kind, not packed */
		memset(wire + 4 + used, 0, 4);
		used += 4;
	}
	wire[0] = 0x22;
	wire[1] = (uint8_t)(used | 0x80);
	wire[2] = (uint8_t)(used >> 7 | 0x80);
	wire[3] = (uint8_t)(used >> 14);
	assert_null(unpack(wire, used + 4, sizeof(memory)));
}

static void hello_needs_all_its_fields(void **state)
{
	Sync__Hello hello = SYNC__HELLO__INIT;
	const Sync__Hello *read;
	char name[] = "pair";
	size_t length;

	(void)state;
	hello.pair = name;
	hello.node = 2;
	hello.boot = 0x0102030405060708;
	hello.version = 1;
	length = sync__hello__pack(&hello, wire);
	record_arena_init(&arena, memory + 1, 4096); /* an odd address will do */
	read = record_hello(&arena, wire, length);
	assert_non_null(read);
	assert_string_equal(read->pair, "pair");
	/* Who says nothing of its version speaks the first one. */
	assert_int_equal(read->wire, 1);
	assert_int_equal(read->wire_least, 1);
	assert_int_equal(read->features, 0);
	assert_int_equal(read->boot, hello.boot);
	for (size_t cut = 0; cut < length; cut++)
		assert_null(record_hello(&arena, wire, cut));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_columns_are_good),
		cmocka_unit_test(columns_are_as_long_as_records_say),
		cmocka_unit_test(batches_are_bounded),
		cmocka_unit_test(positions_are_checked),
		cmocka_unit_test(rows_are_checked),
		cmocka_unit_test(wide_rows_are_checked),
		cmocka_unit_test(wide_columns_are_counted),
		cmocka_unit_test(a_frame_is_one_message),
		cmocka_unit_test(unknown_fields_are_ignored),
		cmocka_unit_test(unknown_enum_values_are_ignored),
		cmocka_unit_test(unknown_records_keep_their_places_in_a_log),
		cmocka_unit_test(elsewhere_unknown_records_are_left_out),
		cmocka_unit_test(unknown_records_have_the_columns_of_a_flow),
		cmocka_unit_test(other_unknown_kinds_are_refused),
		cmocka_unit_test(texts_are_fit_for_a_terminal),
		cmocka_unit_test(room_is_never_exceeded),
		cmocka_unit_test(a_flood_of_fields_is_refused),
		cmocka_unit_test(hello_needs_all_its_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
