// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

enum { CAP = 1000, STREAM = 1 << 20 };

static void feed(struct frame_buffer *buffer, const void *bytes, size_t length)
{
	uint8_t *room = frame_room(buffer, length);

	assert_non_null(room);
	memcpy(room, bytes, length);
	frame_added(buffer, length);
}

static void header_is_little_endian(void **state)
{
	uint8_t header[FRAME_HEADER];

	(void)state;
	frame_header(header, 0x01020304);
	assert_memory_equal(header, "\x04\x03\x02\x01", FRAME_HEADER);
}

static const struct {
	const char *name;
	uint8_t header[FRAME_HEADER];
	int result; /* with no payload behind the header */
} lengths[] = {
	{ "zero", { 0, 0, 0, 0 }, -EMSGSIZE },
	{ "one", { 1, 0, 0, 0 }, 0 },
	{ "the cap", { CAP & 0xff, CAP >> 8, 0, 0 }, 0 },
	{ "above the cap", { (CAP & 0xff) + 1, CAP >> 8, 0, 0 }, -EMSGSIZE },
	{ "third byte", { 1, 0, 1, 0 }, -EMSGSIZE },
	{ "fourth byte", { 1, 0, 0, 1 }, -EMSGSIZE },
	{ "largest", { 255, 255, 255, 255 }, -EMSGSIZE },
};

static void lengths_are_checked_before_the_payload(void **state)
{
	const uint8_t *payload = NULL;
	size_t length = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct frame_buffer buffer = { .cap = CAP };

		feed(&buffer, lengths[i].header, FRAME_HEADER);
		assert_int_equal(frame_next(&buffer, &payload, &length), lengths[i].result);
		/* A stream that is broken stays broken. */
		feed(&buffer, "\1\0\0\0x", 5);
		if (lengths[i].result)
			assert_int_equal(frame_next(&buffer, &payload, &length), -EMSGSIZE);
		frame_free(&buffer);
	}
}

static void nothing_there_is_not_yet(void **state)
{
	struct frame_buffer buffer = { .cap = CAP };
	const uint8_t *payload;
	size_t length;

	(void)state;
	assert_int_equal(frame_next(&buffer, &payload, &length), 0);
	frame_free(&buffer);
	assert_int_equal(buffer.cap, CAP);
	assert_null(buffer.data);
}

static void one_byte_at_a_time(void **state)
{
	static const uint8_t stream[] = { 3, 0, 0, 0, 'a', 'b', 'c', 1, 0, 0, 0, 'd' };
	struct frame_buffer buffer = { .cap = CAP };
	const uint8_t *payload;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(stream); i++) {
		const bool whole = i == 6 || i == 11;

		feed(&buffer, &stream[i], 1);
		assert_int_equal(frame_next(&buffer, &payload, &length), whole);
		if (whole) {
			assert_int_equal(length, i == 6 ? 3 : 1);
			assert_memory_equal(payload, i == 6 ? "abc" : "d", length);
		}
	}
	frame_free(&buffer);
}

/* The stream of the next test: payload k has a length from its number and bytes that name it. */
static size_t length_of(unsigned int k)
{
	return 1 + k * 7919u % CAP;
}

static size_t write_stream(uint8_t *stream, unsigned int *frames)
{
	size_t used = 0;
	unsigned int k;

	for (k = 0; used + FRAME_HEADER + CAP <= STREAM; k++) {
		frame_header(stream + used, length_of(k));
		memset(stream + used + FRAME_HEADER, (int)(k & 0xff), length_of(k));
		used += FRAME_HEADER + length_of(k);
	}
	*frames = k;
	return used;
}

static void check_frame(unsigned int k, const uint8_t *payload, size_t length)
{
	assert_int_equal(length, length_of(k));
	for (size_t i = 0; i < length; i++)
		if (payload[i] != (k & 0xff))
			fail_msg("frame %u, byte %zu", k, i);
}

/* However the stream is cut, the same frames come out, and the buffer stays small. */
static void cuts_do_not_matter(void **state)
{
	static const size_t pieces[] = { 1, 3, 4, 5, 997, 4096, 65536, STREAM };
	uint8_t *stream = malloc(STREAM);
	const uint8_t *payload;
	size_t length, used;
	unsigned int frames;

	(void)state;
	assert_non_null(stream);
	used = write_stream(stream, &frames);
	for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
		struct frame_buffer buffer = { .cap = CAP };
		unsigned int k = 0;

		for (size_t at = 0, piece; at < used; at += piece) {
			piece = pieces[p] < used - at ? pieces[p] : used - at;
			feed(&buffer, stream + at, piece);
			while (frame_next(&buffer, &payload, &length) == 1)
				check_frame(k++, payload, length);
		}
		assert_int_equal(k, frames);
		assert_true(buffer.size <= 4096 + 2 * (CAP + FRAME_HEADER + pieces[p]));
		frame_free(&buffer);
	}
	free(stream);
}

static void impossible_room_is_refused(void **state)
{
	struct frame_buffer buffer = { .cap = CAP };

	(void)state;
	feed(&buffer, "\1\0", 2);
	assert_null(frame_room(&buffer, SIZE_MAX));
	assert_null(frame_room(&buffer, SIZE_MAX / 2));
	/* What was there still is. */
	assert_int_equal(buffer.used, 2);
	assert_memory_equal(buffer.data, "\1\0", 2);
	frame_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_little_endian),
		cmocka_unit_test(lengths_are_checked_before_the_payload),
		cmocka_unit_test(nothing_there_is_not_yet),
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(cuts_do_not_matter),
		cmocka_unit_test(impossible_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
