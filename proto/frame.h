/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Length-prefixed records over a byte stream:
 *
 *	 0      1      2      3      4
 *	+------+------+------+------+----------- ... -+
 *	| length of what follows, LE | payload         |
 *	+------+------+------+------+----------- ... -+
 *
 * Pure: bytes in, records out.  A length of 0 or above the cap is an error from which the stream
 * does not recover.
 */
#ifndef CASPAIR_FRAME_H
#define CASPAIR_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER = 4 };

/* Bytes received and not yet consumed.  Zero-initialise, then set `cap`. */
struct frame_buffer {
	uint8_t *data;
	size_t used, size, cap; /* cap: largest payload accepted */
	size_t start;           /* consumed bytes at the front */
};

/* Room for at least `want` more bytes at the end, or NULL (-ENOMEM). Follow with frame_added(). */
uint8_t *frame_room(struct frame_buffer *buffer, size_t want);
void frame_added(struct frame_buffer *buffer, size_t bytes);

/*
 * The next whole record: 1 with payload and length (valid until the next call on this buffer), 0
 * for "not yet", -EMSGSIZE for a length that is refused.
 */
int frame_next(struct frame_buffer *buffer, const uint8_t **payload, size_t *length);
void frame_free(struct frame_buffer *buffer);

/* Writes the header for a payload of `length` bytes. */
void frame_header(uint8_t header[FRAME_HEADER], size_t length);

#endif
