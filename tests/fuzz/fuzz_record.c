/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: proto/record.c gen/request.pb-c.c gen/sync.pb-c.c */
/*
 * An opened frame of the peer's (first byte 0), his handshake payload (1), or rows of columns, so
 * that their checks are reached without guessing an encoding (2 and above).  A batch that is
 * accepted can be packed, and unpacks to itself.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { COLUMNS = 9 };

static _Alignas(16) uint8_t memory[RECORD_ARENA];
static struct record_batch batch, again;
static uint8_t wire[RECORD_BYTES];

static void check_identity(void)
{
	struct record_arena arena;
	const Sync__Frame *frame;
	int length;

	if (batch.count > RECORD_MAX_FULL)
		return;
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
	if (record_unpack(&batch, records) == RECORD_OK)
		check_identity();
}

static void try_rows(const uint8_t *data, size_t length)
{
	static uint32_t column[COLUMNS][RECORD_MAX + 2];
	const size_t count = length / sizeof(column[0][0]) / COLUMNS;
	Sync__Records records = SYNC__RECORDS__INIT;

	if (count > RECORD_MAX + 1)
		return;
	for (size_t i = 0; i < count * COLUMNS; i++)
		memcpy(&column[i % COLUMNS][i / COLUMNS], data + 4 * i, 4);
	records.has_epoch = true;
	records.first_seq = 1;
	records.n_kind = records.n_client = records.n_vip = count;
	records.n_ports = records.n_member = records.n_idle = count;
	records.n_client_ack = records.n_client_seq = records.n_age = count;
	records.kind = column[0];
	records.client = column[1];
	records.vip = column[2];
	records.ports = column[3];
	records.member = column[4];
	records.idle = column[5];
	records.client_ack = column[6];
	records.client_seq = column[7];
	records.age = column[8];
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
