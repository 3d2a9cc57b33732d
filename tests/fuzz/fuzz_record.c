// SPDX-License-Identifier: BSD-2-Clause
/* sources: proto/record.c proto/record_check.c proto/record_message.c */
/* sources: gen/request.pb-c.c gen/sync.pb-c.c */
/*
 * An opened frame of the peer's (first byte 0), his handshake payload (1), or rows of columns, so
 * that their checks are reached without guessing an encoding (2 and above).  A batch that is
 * accepted can be packed, and unpacks to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { COLUMNS = 10, ROW = 23 };

static _Alignas(16) uint8_t memory[RECORD_ARENA];
static struct record_batch batch, again;
static uint8_t wire[RECORD_BYTES];

static void check_identity(void)
{
	struct record_arena arena;
	const Sync__Frame *frame;
	int length;

	batch.full = true;
	length = record_pack(&batch, wire, sizeof(wire));
	if (length <= 0)
		abort();
	record_arena_init(&arena, memory, sizeof(memory));
	frame = record_frame(&arena, wire, (size_t)length);
	if (!frame || record_unpack(&again, frame->records) != RECORD_OK)
		abort();
	if (again.count != batch.count || again.epoch != batch.epoch ||
	    again.first_seq != batch.first_seq || again.snapshot != batch.snapshot ||
	    memcmp(again.event, batch.event, batch.count * sizeof(batch.event[0])))
		abort();
}

static void try_records(const Sync__Records *records)
{
	/* What was ignored is not said again. */
	if (record_unpack(&batch, records) == RECORD_OK && !batch.unknown)
		check_identity();
}

struct column {
	uint32_t word[5 * RECORD_MAX];
	size_t count;
};

static void put(struct column *column, const uint32_t *word, size_t words)
{
	memcpy(column->word + column->count, word, words * sizeof(*word));
	column->count += words;
}

/* One record's words in the order of the columns, as many of each as sync.proto says. */
static void put_row(struct column column[COLUMNS], const uint32_t word[ROW])
{
	const uint8_t kind = (uint8_t)word[0], form = (uint8_t)(word[0] >> 24);
	const size_t key = form & 0x80 ? 4 : 1;

	put(&column[0], word, 1);
	put(&column[1], word + 1, record_is_verdict(kind) ? 1 : key);
	put(&column[2], word + 5, kind == EVENT_PIN_PUT || kind == EVENT_PIN_DEL ? 1 : key);
	put(&column[3], word + 9, 1);
	put(&column[4], word + 10, form & 0x40 ? 4 : 1);
	for (size_t c = 5; c < 9; c++)
		put(&column[c], word + 9 + c, 1);
	put(&column[9], word + 18, form & 0x20 ? 1 + key : 0);
}

static void try_rows(const uint8_t *data, size_t length)
{
	static struct column column[COLUMNS];
	const size_t count = length / sizeof(uint32_t) / ROW;
	Sync__Records records = SYNC__RECORDS__INIT;
	uint32_t word[ROW];

	if (count > RECORD_MAX)
		return;
	for (size_t c = 0; c < COLUMNS; c++)
		column[c].count = 0;
	for (size_t i = 0; i < count; i++) {
		memcpy(word, data + i * sizeof(word), sizeof(word));
		put_row(column, word);
	}
	records.has_epoch = true;
	records.first_seq = 1;
	records.n_kind = column[0].count;
	records.n_client = column[1].count;
	records.n_vip = column[2].count;
	records.n_ports = column[3].count;
	records.n_member = column[4].count;
	records.n_idle = column[5].count;
	records.n_client_ack = column[6].count;
	records.n_client_seq = column[7].count;
	records.n_age = column[8].count;
	records.n_source = column[9].count;
	records.kind = column[0].word;
	records.client = column[1].word;
	records.vip = column[2].word;
	records.ports = column[3].word;
	records.member = column[4].word;
	records.idle = column[5].word;
	records.client_ack = column[6].word;
	records.client_seq = column[7].word;
	records.age = column[8].word;
	records.source = column[9].word;
	if (count && record_unpack(&batch, &records) == RECORD_UNEVEN)
		abort();
	try_records(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	const Sync__Frame *frame;
	struct record_arena arena;

	if (!length)
		return 0;
	record_arena_init(&arena, memory, sizeof(memory));
	switch (data[0]) {
	case 0:
		frame = record_frame(&arena, data + 1, length - 1);
		if (frame && frame->records)
			try_records(frame->records);
		break;
	case 1:
		record_hello(&arena, data + 1, length - 1);
		break;
	default:
		try_rows(data + 1, length - 1);
	}
	return 0;
}
