/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one node says to the other on a connection of the channel, and what the other hears: the
 * same bytes, as long as nobody sits in the cable.  Pure.  The bytes are sealed, but where a frame
 * ends can be told (syncd/greet.h, syncd/conn.h).
 */
#ifndef CASPAIR_OVERHEAR_TALK_H
#define CASPAIR_OVERHEAR_TALK_H

#include "tests/overhear/stream.h"

enum framing_part { PART_HELLO, PART_HEADER, PART_NOISE, PART_LENGTH, PART_BODY };

/* Where in the greeting or in a frame a stream has come to. */
struct framing {
	enum framing_part part;
	bool connects; /* spoken by the node that connects */
	uint8_t head[4];
	size_t got, left;
	uint64_t frames; /* that are whole; the greeting is none */
};

void framing_begin(struct framing *framing, bool connects);
void framing_take(struct framing *framing, const uint8_t *bytes, size_t count);

/* How the hearing node's socket came to its end. */
enum talk_end {
	TALK_OPEN,
	TALK_CLOSED,        /* FIN: its process has read all that the kernel acknowledged */
	TALK_UNREAD,        /* RST: it was closed with bytes in it */
	TALK_RESET_BY_PEER, /* perhaps: a RST that came from too far is not obeyed */
};

struct talk {
	struct stream said, heard;
	struct framing sent; /* whole frames that were said */
	struct framing
		arrived; /* those heard unaltered, in order, before the first byte that was not */
	struct framing taken; /* where bytes end that the hearing kernel has acknowledged */
	uint64_t compared, counted, acked;
	int64_t altered; /* offset of the first byte that was heard as another one; -1: none */
	enum framing_part altered_part;
	enum talk_end end;
};

/* The first byte's number is known.  0 or -ENOMEM. */
int talk_begin(struct talk *talk, uint32_t first, bool connects);
void talk_free(struct talk *talk);

void talk_said(struct talk *talk, uint32_t number, const uint8_t *bytes, size_t length);
void talk_heard(struct talk *talk, uint32_t number, const uint8_t *bytes, size_t length);
/* The hearing kernel has everything before this number. */
void talk_acked(struct talk *talk, uint32_t number);
/* Its socket has come to its end; what ends one that is closed says nothing. */
void talk_ended(struct talk *talk, enum talk_end end);

/* What was heard is not known for sure. */
bool talk_unclear(const struct talk *talk);

#endif
