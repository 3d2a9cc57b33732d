// SPDX-License-Identifier: BSD-2-Clause
#include "tests/overhear/stream.h"

#include <errno.h>
#include <stdlib.h>

enum { PLACE = STREAM_WINDOW - 1 };

int stream_begin(struct stream *stream, uint32_t first)
{
	stream_end(stream);
	/* Pages that no byte ever touches cost nothing. */
	stream->bytes = calloc(1, STREAM_WINDOW);
	stream->there = calloc(1, STREAM_WINDOW / 8);
	stream->first = first;
	stream->begun = stream->bytes && stream->there;
	return stream->begun ? 0 : -ENOMEM;
}

void stream_end(struct stream *stream)
{
	free(stream->bytes);
	free(stream->there);
	*stream = (struct stream){ .begun = false };
}

int64_t stream_offset(const struct stream *stream, uint32_t number)
{
	return (int64_t)stream->next + (int32_t)(number - (stream->first + (uint32_t)stream->next));
}

static bool is_there(const struct stream *stream, uint64_t offset)
{
	size_t place = offset & PLACE;

	return stream->there[place / 8] >> place % 8 & 1;
}

static void put_byte(struct stream *stream, uint64_t offset, uint8_t byte)
{
	size_t place = offset & PLACE;

	if (is_there(stream, offset)) {
		stream->twofold |= offset >= stream->settled && stream->bytes[place] != byte;
		return;
	}
	stream->bytes[place] = byte;
	stream->there[place / 8] |= (uint8_t)(1u << place % 8);
}

void stream_put(struct stream *stream, uint32_t number, const uint8_t *bytes, size_t length)
{
	int64_t offset = stream_offset(stream, number);

	for (; length; length--, bytes++, offset++) {
		if (offset < (int64_t)stream->base)
			continue;
		if ((uint64_t)offset - stream->base >= STREAM_WINDOW) {
			stream->overrun = true;
			break;
		}
		put_byte(stream, (uint64_t)offset, *bytes);
	}
	while (stream->next - stream->base < STREAM_WINDOW && is_there(stream, stream->next))
		stream->next++;
}

const uint8_t *stream_at(const struct stream *stream, uint64_t offset, size_t *run)
{
	size_t place = offset & PLACE;

	*run = STREAM_WINDOW - place;
	return stream->bytes + place;
}

void stream_forget(struct stream *stream, uint64_t before)
{
	for (; stream->base < before; stream->base++) {
		size_t place = stream->base & PLACE;

		stream->there[place / 8] &= (uint8_t) ~(1u << place % 8);
	}
}
