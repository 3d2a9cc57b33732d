// SPDX-License-Identifier: BSD-2-Clause
#include "proto/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_FIRST_SIZE = 4096 };

/* Consumed bytes go first: they make room for nothing but a copy of what is left. */
static void compact(struct frame_buffer *buffer)
{
	if (!buffer->start)
		return;
	memmove(buffer->data, buffer->data + buffer->start, buffer->used - buffer->start);
	buffer->used -= buffer->start;
	buffer->start = 0;
}

/*
 * Whoever drains the buffer with frame_next() before he asks for more holds less than one frame, so
 * the buffer never grows beyond twice the cap and `want`.
 */
uint8_t *frame_room(struct frame_buffer *buffer, size_t want)
{
	size_t size = buffer->size ? buffer->size : FRAME_FIRST_SIZE;
	uint8_t *data;

	if (want <= buffer->size - buffer->used && buffer->data)
		return buffer->data + buffer->used;
	compact(buffer);
	if (want > SIZE_MAX / 2 - buffer->used)
		return NULL;
	while (size < buffer->used + want)
		size *= 2;
	if (size != buffer->size) {
		data = realloc(buffer->data, size);
		if (!data)
			return NULL;
		buffer->data = data;
		buffer->size = size;
	}
	return buffer->data + buffer->used;
}

void frame_added(struct frame_buffer *buffer, size_t bytes)
{
	buffer->used += bytes;
}

static size_t header_length(const uint8_t header[FRAME_HEADER])
{
	return (size_t)header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 |
	       (size_t)header[3] << 24;
}

int frame_next(struct frame_buffer *buffer, const uint8_t **payload, size_t *length)
{
	const size_t waiting = buffer->used - buffer->start;
	size_t announced;

	if (waiting < FRAME_HEADER)
		return 0;
	announced = header_length(buffer->data + buffer->start);
	if (announced == 0 || announced > buffer->cap)
		return -EMSGSIZE; /* nothing is consumed: it stays refused */
	if (announced > waiting - FRAME_HEADER)
		return 0;
	*payload = buffer->data + buffer->start + FRAME_HEADER;
	*length = announced;
	buffer->start += FRAME_HEADER + announced;
	if (buffer->start == buffer->used)
		buffer->start = buffer->used = 0;
	return 1;
}

void frame_free(struct frame_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct frame_buffer){ .cap = buffer->cap };
}

void frame_header(uint8_t header[FRAME_HEADER], size_t length)
{
	for (unsigned int i = 0; i < FRAME_HEADER; i++)
		header[i] = (uint8_t)(length >> (8 * i));
}
