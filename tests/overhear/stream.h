/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of a TCP connection as a tap at one end sees it: its bytes, in order.  Pure.
 *
 * What comes first is what counts, as in the receiver's kernel.  Bytes are named by their offset
 * from the first one.
 */
#ifndef CASPAIR_OVERHEAR_STREAM_H
#define CASPAIR_OVERHEAR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_WINDOW = 4 << 20 }; /* a power of two; more than TCP has on its way here */

struct stream {
	bool begun;
	uint32_t first;   /* TCP's number of the first byte */
	uint64_t base;    /* bytes before it are not kept */
	uint64_t next;    /* all bytes before it have come */
	uint64_t settled; /* nothing before it can come to be another one */
	bool overrun;     /* more came ahead of its turn than there is room for */
	bool twofold;     /* a byte that was not settled came again as another one */
	uint8_t *bytes, *there;
};

/* 0 or -ENOMEM; what was there before is gone. */
int stream_begin(struct stream *stream, uint32_t first);
void stream_end(struct stream *stream);

/* The offset that a number of TCP's means, near the bytes that come next; negative: before all. */
int64_t stream_offset(const struct stream *stream, uint32_t number);
void stream_put(struct stream *stream, uint32_t number, const uint8_t *bytes, size_t length);

/* The byte at `offset`, which is kept; `*run` of them lie together. */
const uint8_t *stream_at(const struct stream *stream, uint64_t offset, size_t *run);
void stream_forget(struct stream *stream, uint64_t before);

#endif
