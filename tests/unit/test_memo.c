// SPDX-License-Identifier: BSD-2-Clause
/* Memos: cut into records, carried by the log's codec, put together again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/memo.h"
#include "proto/record.h"

static struct flow_event part[MEMO_PARTS];
static struct memo memo;
static uint8_t text[MEMO_BYTES];

static int set_up(void **state)
{
	(void)state;
	memset(&memo, 0, sizeof(memo));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + 1);
	return 0;
}

/* Through the wire's columns and back, as the log does with all of a batch. */
static void carry(size_t parts)
{
	static struct record_batch out, in;
	static uint8_t wire[RECORD_BYTES], memory[RECORD_ARENA];
	struct record_arena arena;
	const Sync__Frame *frame;
	int length;

	out = (struct record_batch){ .epoch = 5, .first_seq = 1, .count = (uint32_t)parts };
	memcpy(out.event, part, parts * sizeof(*part));
	length = record_pack(&out, wire, sizeof(wire));
	assert_true(length > 0);
	record_arena_init(&arena, memory, sizeof(memory));
	frame = record_frame(&arena, wire, (size_t)length);
	assert_non_null(frame);
	assert_int_equal(record_unpack(&in, frame->records), RECORD_OK);
	memset(part, 0xa5, sizeof(part));
	memcpy(part, in.event, parts * sizeof(*part));
}

static void every_size_arrives(void **state)
{
	(void)state;
	for (size_t size = 1; size <= MEMO_BYTES; size++) {
		size_t parts = memo_cut(part, EVENT_ADMIN, false, text, size);

		assert_int_equal(parts, (size + MEMO_PART - 1) / MEMO_PART);
		carry(parts);
		for (size_t i = 0; i < parts; i++)
			if (memo_take(&memo, &part[i]) != (i + 1 == parts))
				fail_msg("size %zu, part %zu", size, i);
		assert_int_equal(memo.kind, EVENT_ADMIN);
		assert_int_equal(memo.size, size);
		assert_memory_equal(memo.bytes, text, size);
	}
}

static void too_much_or_nothing_is_not_cut(void **state)
{
	(void)state;
	assert_int_equal(memo_cut(part, EVENT_ADMIN, false, text, 0), 0);
	assert_int_equal(memo_cut(part, EVENT_ADMIN, false, text, MEMO_BYTES + 1), 0);
}

static void what_is_cut_short_is_forgotten(void **state)
{
	size_t parts = memo_cut(part, EVENT_ADMIN, false, text, 100);

	(void)state;
	assert_int_equal(parts, 3);
	assert_false(memo_take(&memo, &part[1])); /* no beginning */
	assert_false(memo_take(&memo, &part[0]));
	assert_false(memo_take(&memo, &part[2])); /* one is missing */
	assert_false(memo_take(&memo, &part[1]));
	assert_false(memo_take(&memo, &part[2]));
	for (size_t i = 0; i < parts; i++)
		assert_int_equal(memo_take(&memo, &part[i]), i == 2);
	assert_false(memo_take(&memo, &part[2])); /* once only */
}

/* The head of one and the tail of another, of the same length. */
static void two_are_not_mixed(void **state)
{
	struct flow_event first;

	(void)state;
	memo_cut(part, EVENT_ADMIN, false, text, 90);
	first = part[0];
	text[80]++;
	memo_cut(part, EVENT_ADMIN, false, text, 90);
	assert_false(memo_take(&memo, &first));
	assert_false(memo_take(&memo, &part[1]));
	memo_cut(part, EVENT_LEARNED, false, text, 90);
	assert_false(memo_take(&memo, &first));
	assert_false(memo_take(&memo, &part[1]));
}

static void damage_is_seen(void **state)
{
	(void)state;
	memo_cut(part, EVENT_ADMIN, false, text, 60);
	part[1].key.client.word[1] ^= 1;
	assert_false(memo_take(&memo, &part[0]));
	assert_false(memo_take(&memo, &part[1]));
}

/* A peer may say anything that passes record_check(), and more. */
static void sizes_are_bounded(void **state)
{
	struct flow_event huge = { .kind = EVENT_ADMIN, .pool_id = UINT32_MAX, .client_ack = 1 };

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		huge.state = (uint8_t)i;
		assert_false(memo_take(&memo, &huge));
	}
	assert_int_equal(record_check(&huge), RECORD_BAD_KEY);
	huge.pool_id = MEMO_BYTES;
	huge.state = MEMO_PARTS;
	assert_int_equal(record_check(&huge), RECORD_BAD_STATE);
	huge.state = MEMO_PARTS - 1;
	assert_int_equal(record_check(&huge), RECORD_OK);
	huge.pool_id = 0;
	huge.state = 0;
	assert_int_equal(record_check(&huge), RECORD_BAD_KEY);
	assert_false(memo_take(&memo, &huge));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_size_arrives, set_up),
		cmocka_unit_test_setup(too_much_or_nothing_is_not_cut, set_up),
		cmocka_unit_test_setup(what_is_cut_short_is_forgotten, set_up),
		cmocka_unit_test_setup(two_are_not_mixed, set_up),
		cmocka_unit_test_setup(damage_is_seen, set_up),
		cmocka_unit_test_setup(sizes_are_bounded, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
