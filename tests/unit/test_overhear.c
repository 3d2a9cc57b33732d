// SPDX-License-Identifier: BSD-2-Clause
/* The tap that the judge of the channel believes: bytes in order, where frames end, what differs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "syncd/greet.h"
#include "tests/overhear/talk.h"

enum {
	NOISE = 60,
	BODY = 30,
	FRAMES = 4,
	INIT = GREET_HEADER + SEAL_PRETAG + NOISE,
	WHOLE = INIT + FRAMES * (2 + BODY)
};

static const uint32_t first = 0xfffffff0; /* it wraps */
static uint8_t speech[WHOLE];

/* What the node that connects says: INIT, then frames. */
static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLE; i++)
		speech[i] = (uint8_t)(i * 7);
	speech[0] = 1;
	speech[2] = NOISE;
	speech[3] = 0;
	for (size_t at = INIT; at < WHOLE; at += 2 + BODY) {
		speech[at] = BODY;
		speech[at + 1] = 0;
	}
	return 0;
}

static uint32_t number(size_t offset)
{
	return first + (uint32_t)offset;
}

static void say(struct talk *talk, size_t from, size_t to)
{
	talk_said(talk, number(from), speech + from, to - from);
}

static void hear(struct talk *talk, size_t from, size_t to)
{
	talk_heard(talk, number(from), speech + from, to - from);
}

static void begin(struct talk *talk)
{
	memset(talk, 0, sizeof(*talk));
	assert_int_equal(talk_begin(talk, first, true), 0);
}

static void order_and_repetition_do_not_matter(void **state)
{
	struct talk talk;

	(void)state;
	begin(&talk);
	hear(&talk, 90, WHOLE); /* the other end's tap may be read first */
	say(&talk, 50, 120);
	say(&talk, 0, 60);
	assert_int_equal(talk.sent.frames, 1);
	assert_int_equal(talk.arrived.frames, 0);
	hear(&talk, 0, 100);
	assert_int_equal(talk.arrived.frames, 1);
	say(&talk, 120, WHOLE);
	hear(&talk, 20, 80);
	assert_int_equal(talk.sent.frames, FRAMES);
	assert_int_equal(talk.arrived.frames, FRAMES);
	assert_int_equal(talk.taken.frames, 0);
	talk_acked(&talk, number(INIT + 2 * (2 + BODY) - 1));
	assert_int_equal(talk.taken.frames, 1);
	talk_acked(&talk, number(WHOLE) + 1); /* its FIN, too */
	assert_int_equal(talk.taken.frames, FRAMES);
	assert_true(talk.altered < 0 && !talk_unclear(&talk));
	talk_free(&talk);
}

static void one_byte_at_a_time(void **state)
{
	struct talk talk;

	(void)state;
	begin(&talk);
	for (size_t i = 0; i < WHOLE; i++) {
		say(&talk, i, i + 1);
		hear(&talk, i, i + 1);
		talk_acked(&talk, number(i + 1));
	}
	assert_int_equal(talk.arrived.frames, FRAMES);
	assert_int_equal(talk.taken.frames, FRAMES);
	talk_free(&talk);
}

static void the_listeners_hello_is_no_frame(void **state)
{
	static uint8_t bytes[GREET_HELLO + GREET_HEADER + NOISE + 2 + BODY];
	struct framing framing;

	(void)state;
	bytes[GREET_HELLO + 2] = NOISE;
	bytes[GREET_HELLO + GREET_HEADER + NOISE] = BODY;
	framing_begin(&framing, false);
	framing_take(&framing, bytes, sizeof(bytes) - 1);
	assert_int_equal(framing.frames, 0);
	framing_take(&framing, bytes, 1);
	assert_int_equal(framing.frames, 1);
	assert_int_equal(framing.part, PART_LENGTH);
}

/* Nothing after the first altered byte has arrived; what the kernel took is counted on. */
static void altered_at(size_t at, enum framing_part part, unsigned int arrived)
{
	struct talk talk;
	uint8_t other = speech[at] ^ 1;

	begin(&talk);
	say(&talk, 0, WHOLE);
	hear(&talk, 0, at);
	talk_heard(&talk, number(at), &other, 1);
	hear(&talk, at + 1, WHOLE);
	talk_acked(&talk, number(WHOLE));
	assert_int_equal(talk.altered, at);
	assert_int_equal(talk.altered_part, part);
	assert_int_equal(talk.arrived.frames, arrived);
	assert_int_equal(talk.taken.frames, FRAMES);
	assert_false(talk_unclear(&talk));
	/* The right byte comes too late: the kernel has the other one. */
	hear(&talk, at, at + 1);
	assert_false(talk_unclear(&talk));
	talk_free(&talk);
}

static void an_altered_byte_is_found_wherever_it_is(void **state)
{
	(void)state;
	altered_at(1, PART_HEADER, 0);
	altered_at(GREET_HEADER + 5, PART_NOISE, 0);
	altered_at(INIT, PART_LENGTH, 0);
	altered_at(INIT + 2, PART_BODY, 0);
	altered_at(INIT + 3 * (2 + BODY) + 1, PART_LENGTH, 3);
	altered_at(WHOLE - 1, PART_BODY, 3);
}

static void two_bytes_for_one_are_unclear(void **state)
{
	struct talk talk;
	uint8_t other = speech[70] ^ 1;

	(void)state;
	begin(&talk);
	say(&talk, 0, WHOLE);
	hear(&talk, 0, 80);
	talk_heard(&talk, number(70), &other, 1);
	assert_true(talk_unclear(&talk));
	talk_free(&talk);
	begin(&talk);
	say(&talk, 0, WHOLE);
	hear(&talk, 0, 80);
	talk_acked(&talk, number(71));
	talk_heard(&talk, number(70), &other, 1);
	assert_false(talk_unclear(&talk));
	talk_free(&talk);
}

static void who_has_closed_takes_nothing_more(void **state)
{
	struct talk talk;
	uint8_t other = speech[WHOLE - 2] ^ 1;

	(void)state;
	begin(&talk);
	say(&talk, 0, WHOLE);
	hear(&talk, 0, WHOLE - 1);
	talk_acked(&talk, number(INIT + 2 + BODY));
	talk_ended(&talk, TALK_CLOSED);
	hear(&talk, WHOLE - 1, WHOLE);
	talk_heard(&talk, number(WHOLE - 2), &other, 1);
	talk_acked(&talk, number(WHOLE));
	talk_ended(&talk, TALK_UNREAD);
	assert_int_equal(talk.end, TALK_CLOSED);
	assert_int_equal(talk.taken.frames, 1);
	assert_int_equal(talk.arrived.frames, FRAMES - 1);
	assert_false(talk_unclear(&talk));
	talk_free(&talk);
}

/* More bytes than are kept at a time, through numbers that wrap; and more than can be kept. */
static void what_is_kept_is_bounded(void **state)
{
	static uint8_t some[100000];
	struct stream stream = { .begun = false };

	(void)state;
	assert_int_equal(stream_begin(&stream, first), 0);
	for (uint32_t i = 0; i < 100; i++) {
		stream_put(&stream, first + i * (uint32_t)sizeof(some), some, sizeof(some));
		stream_forget(&stream, stream.next);
	}
	assert_int_equal(stream.next, 100 * sizeof(some));
	assert_false(stream.overrun);
	for (uint32_t i = 100; i < 142; i++)
		stream_put(&stream, first + i * (uint32_t)sizeof(some), some, sizeof(some));
	assert_true(stream.overrun);
	assert_int_equal(stream.next - stream.base, STREAM_WINDOW);
	stream_end(&stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_repetition_do_not_matter),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(the_listeners_hello_is_no_frame),
		cmocka_unit_test(an_altered_byte_is_found_wherever_it_is),
		cmocka_unit_test(two_bytes_for_one_are_unclear),
		cmocka_unit_test(who_has_closed_takes_nothing_more),
		cmocka_unit_test(what_is_kept_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
