/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian fields, read from and written to a buffer by a cursor that never leaves it.  What
 * was too short, or did not fit, is remembered: one question at the end answers for all fields.
 */
#ifndef CASMOCK_WIRE_H
#define CASMOCK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *start, *at, *end;
	bool cut; /* more was asked for than there is; everything since then is 0 */
};

struct reader reader_over(const uint8_t *data, size_t length);
/* NULL when there are not so many. */
const uint8_t *read_bytes(struct reader *r, size_t count);
uint8_t read8(struct reader *r);
uint16_t read16(struct reader *r);
uint32_t read32(struct reader *r);
/* Up to a multiple of `unit` from the start, a power of two. */
void read_align(struct reader *r, size_t unit);
/* A part of its own; what follows it cannot be reached from it. */
struct reader read_part(struct reader *r, size_t count);

struct writer {
	uint8_t *start, *at, *end;
	bool full;
};

struct writer writer_over(uint8_t *data, size_t size);
void write_bytes(struct writer *w, const void *bytes, size_t count);
void write_zeros(struct writer *w, size_t count);
void write8(struct writer *w, uint8_t value);
void write16(struct writer *w, uint16_t value);
void write32(struct writer *w, uint32_t value);
void write_align(struct writer *w, size_t unit);
/* Overwrites what was written before. */
void write16_at(struct writer *w, size_t offset, uint16_t value);
void write32_at(struct writer *w, size_t offset, uint32_t value);
size_t written(const struct writer *w);

/*
 * NDR's string with its NUL, conformant and varying (C706, 14.3.4.2): counts, then the bytes.  The
 * text that is read ends in NUL whatever came, and is cut to its buffer.
 */
void write_string(struct writer *w, const char *text);
void read_string(struct reader *r, char *text, size_t size);

#endif
