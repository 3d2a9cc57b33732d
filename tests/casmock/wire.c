// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/wire.h"

#include <string.h>

struct reader reader_over(const uint8_t *data, size_t length)
{
	return (struct reader){ data, data, data + length, false };
}

const uint8_t *read_bytes(struct reader *r, size_t count)
{
	const uint8_t *bytes = r->at;

	if (r->cut || count > (size_t)(r->end - r->at)) {
		r->cut = true;
		return NULL;
	}
	r->at += count;
	return bytes;
}

uint8_t read8(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 1);

	return b ? *b : 0;
}

uint16_t read16(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 2);

	return b ? (uint16_t)(b[0] | b[1] << 8) : 0;
}

uint32_t read32(struct reader *r)
{
	uint32_t low = read16(r);

	return low | (uint32_t)read16(r) << 16;
}

void read_align(struct reader *r, size_t unit)
{
	read_bytes(r, -(size_t)(r->at - r->start) & (unit - 1));
}

struct reader read_part(struct reader *r, size_t count)
{
	const uint8_t *bytes = read_bytes(r, count);

	return bytes ? reader_over(bytes, count) : (struct reader){ .cut = true };
}

struct writer writer_over(uint8_t *data, size_t size)
{
	return (struct writer){ data, data, data + size, false };
}

static uint8_t *room(struct writer *w, size_t count)
{
	uint8_t *at = w->at;

	if (w->full || count > (size_t)(w->end - w->at)) {
		w->full = true;
		return NULL;
	}
	w->at += count;
	return at;
}

void write_bytes(struct writer *w, const void *bytes, size_t count)
{
	uint8_t *at = room(w, count);

	if (at && count)
		memcpy(at, bytes, count);
}

void write_zeros(struct writer *w, size_t count)
{
	uint8_t *at = room(w, count);

	if (at)
		memset(at, 0, count);
}

void write8(struct writer *w, uint8_t value)
{
	write_bytes(w, &value, 1);
}

void write16(struct writer *w, uint16_t value)
{
	write8(w, (uint8_t)value);
	write8(w, (uint8_t)(value >> 8));
}

void write32(struct writer *w, uint32_t value)
{
	write16(w, (uint16_t)value);
	write16(w, (uint16_t)(value >> 16));
}

void write_align(struct writer *w, size_t unit)
{
	write_zeros(w, -written(w) & (unit - 1));
}

void write16_at(struct writer *w, size_t offset, uint16_t value)
{
	struct writer there = writer_over(w->start + offset, 2);

	if (offset + 2 <= written(w))
		write16(&there, value);
}

void write32_at(struct writer *w, size_t offset, uint32_t value)
{
	write16_at(w, offset, (uint16_t)value);
	write16_at(w, offset + 2, (uint16_t)(value >> 16));
}

size_t written(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

void write_string(struct writer *w, const char *text)
{
	size_t bytes = strlen(text) + 1;

	write_align(w, 4);
	write32(w, (uint32_t)bytes); /* room */
	write32(w, 0);               /* offset */
	write32(w, (uint32_t)bytes); /* in use */
	write_bytes(w, text, bytes);
}

void read_string(struct reader *r, char *text, size_t size)
{
	uint32_t offset, count;
	const uint8_t *bytes;

	read_align(r, 4);
	read32(r); /* room */
	offset = read32(r);
	count = read32(r);
	if (offset)
		r->cut = true;
	bytes = read_bytes(r, count);
	if (!bytes)
		count = 0;
	if (count >= size)
		count = (uint32_t)size - 1;
	if (count)
		memcpy(text, bytes, count);
	text[count] = '\0';
}
