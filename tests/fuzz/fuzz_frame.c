// SPDX-License-Identifier: BSD-2-Clause
/* sources: proto/frame.c */
/* A stream cut into pieces (their size is the first byte) against a reader that has it whole. */
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { CAP = 300 };

/* The next frame of the whole stream: 1, 0 or -1 as frame_next(). */
static int twin_next(const uint8_t *data, size_t length, size_t *at, size_t *payload)
{
	uint32_t announced;

	if (length - *at < FRAME_HEADER)
		return 0;
	announced = (uint32_t)data[*at] | (uint32_t)data[*at + 1] << 8 |
		    (uint32_t)data[*at + 2] << 16 | (uint32_t)data[*at + 3] << 24;
	if (announced == 0 || announced > CAP)
		return -1;
	if (length - *at - FRAME_HEADER < announced)
		return 0;
	*payload = announced;
	*at += FRAME_HEADER + announced;
	return 1;
}

/* Everything that is complete now; 0, or negative when the stream is broken. */
static int drain(struct frame_buffer *buffer, const uint8_t *data, size_t received, size_t *at)
{
	size_t length, expected;
	const uint8_t *payload;
	int result;

	for (;;) {
		const int twin = twin_next(data, received, at, &expected);

		result = frame_next(buffer, &payload, &length);
		if ((result > 0) - (result < 0) != twin)
			abort();
		if (result <= 0)
			return result;
		if (length != expected || memcmp(payload, data + *at - expected, expected))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct frame_buffer buffer = { .cap = CAP };
	const size_t piece = length && data[0] ? data[0] : 1;
	size_t received = 0, at = 0;

	if (length) {
		data++;
		length--;
	}
	while (received < length) {
		const size_t bytes = piece < length - received ? piece : length - received;
		uint8_t *room = frame_room(&buffer, bytes);

		if (!room)
			abort();
		memcpy(room, data + received, bytes);
		frame_added(&buffer, bytes);
		received += bytes;
		if (drain(&buffer, data, received, &at) < 0)
			break;
	}
	frame_free(&buffer);
	return 0;
}
