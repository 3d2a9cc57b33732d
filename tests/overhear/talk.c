// SPDX-License-Identifier: BSD-2-Clause
#include "tests/overhear/talk.h"

#include <string.h>

#include "syncd/greet.h"

enum { LENGTH_BYTES = 2 };

/* --- frames ----------------------------------------------------------------------------------- */

static void enter(struct framing *framing, enum framing_part part, size_t left)
{
	framing->part = part;
	framing->left = left;
	framing->got = 0;
}

void framing_begin(struct framing *framing, bool connects)
{
	*framing = (struct framing){ .connects = connects };
	if (connects)
		enter(framing, PART_HEADER, GREET_HEADER);
	else
		enter(framing, PART_HELLO, GREET_HELLO);
}

static size_t little_endian(const uint8_t bytes[2])
{
	return (size_t)(bytes[0] | bytes[1] << 8);
}

static void enter_next(struct framing *framing)
{
	switch (framing->part) {
	case PART_HELLO:
		enter(framing, PART_HEADER, GREET_HEADER);
		return;
	case PART_HEADER:
		enter(framing, PART_NOISE,
		      little_endian(framing->head + 2) + (framing->connects ? SEAL_PRETAG : 0));
		return;
	case PART_LENGTH:
		enter(framing, PART_BODY, little_endian(framing->head));
		return;
	case PART_BODY:
		framing->frames++;
		/* fallthrough */
	case PART_NOISE:
		enter(framing, PART_LENGTH, LENGTH_BYTES);
		return;
	}
}

void framing_take(struct framing *framing, const uint8_t *bytes, size_t count)
{
	while (count) {
		size_t n = framing->left < count ? framing->left : count;

		if (framing->part == PART_HEADER || framing->part == PART_LENGTH)
			memcpy(framing->head + framing->got, bytes, n);
		framing->got += n;
		framing->left -= n;
		bytes += n;
		count -= n;
		if (!framing->left)
			enter_next(framing);
	}
}

/* --- both ends -------------------------------------------------------------------------------- */

int talk_begin(struct talk *talk, uint32_t first, bool connects)
{
	int err = stream_begin(&talk->said, first);

	if (!err)
		err = stream_begin(&talk->heard, first);
	framing_begin(&talk->sent, connects);
	framing_begin(&talk->arrived, connects);
	framing_begin(&talk->taken, connects);
	talk->altered = -1;
	return err;
}

void talk_free(struct talk *talk)
{
	stream_end(&talk->said);
	stream_end(&talk->heard);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Frames in the bytes that were said from one offset to another. */
static void take(const struct talk *talk, struct framing *framing, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t run;
		const uint8_t *bytes = stream_at(&talk->said, from, &run);

		run = least(run, to - from);
		framing_take(framing, bytes, run);
		from += run;
	}
}

static uint64_t first_difference(const struct talk *talk, uint64_t from, uint64_t to)
{
	size_t run;

	while (from < to &&
	       *stream_at(&talk->said, from, &run) == *stream_at(&talk->heard, from, &run))
		from++;
	return from;
}

/* Compares what has come at both ends, and forgets what nobody needs any more. */
static void compare(struct talk *talk)
{
	uint64_t both = least(talk->said.next, talk->heard.next), same = talk->compared, seen;

	if (talk->altered < 0) {
		same = first_difference(talk, talk->compared, both);
		take(talk, &talk->arrived, talk->compared, same);
	}
	if (talk->altered < 0 && same < both) {
		talk->altered = (int64_t)same;
		talk->altered_part = talk->arrived.part;
	}
	talk->compared = both;
	seen = least(talk->acked, both);
	if (seen > talk->counted) {
		take(talk, &talk->taken, talk->counted, seen);
		talk->counted = seen;
	}
	stream_forget(&talk->said, talk->counted);
	stream_forget(&talk->heard, talk->counted);
}

static bool closed(const struct talk *talk)
{
	return talk->end == TALK_CLOSED || talk->end == TALK_UNREAD;
}

void talk_said(struct talk *talk, uint32_t number, const uint8_t *bytes, size_t length)
{
	uint64_t before = talk->said.next;

	stream_put(&talk->said, number, bytes, length);
	take(talk, &talk->sent, before, talk->said.next);
	compare(talk);
}

void talk_heard(struct talk *talk, uint32_t number, const uint8_t *bytes, size_t length)
{
	/* To a socket that is closed it is nothing, also when it is another one than before. */
	if (closed(talk))
		return;
	stream_put(&talk->heard, number, bytes, length);
	compare(talk);
}

void talk_acked(struct talk *talk, uint32_t number)
{
	int64_t offset = stream_offset(&talk->heard, number);

	/* A socket that is closed takes nothing more, but for the other side's FIN. */
	if (closed(talk) || offset <= (int64_t)talk->acked)
		return;
	talk->acked = (uint64_t)offset;
	talk->heard.settled = talk->acked;
	compare(talk);
}

void talk_ended(struct talk *talk, enum talk_end end)
{
	if (!closed(talk))
		talk->end = end;
}

bool talk_unclear(const struct talk *talk)
{
	return talk->said.overrun || talk->said.twofold || talk->heard.overrun ||
	       talk->heard.twofold;
}
