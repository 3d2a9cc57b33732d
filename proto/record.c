/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* Order of the columns in sync.Records; the last three may be absent. */
enum column {
	COLUMN_KIND,
	COLUMN_CLIENT,
	COLUMN_VIP,
	COLUMN_PORTS,
	COLUMN_MEMBER,
	COLUMN_IDLE,
	COLUMN_REQUIRED,
	COLUMN_CLIENT_ACK = COLUMN_REQUIRED,
	COLUMN_CLIENT_SEQ,
	COLUMN_AGE,
	COLUMNS
};

enum {
	WIRE_FLAGS = FLOW_OUTBOUND | FLOW_PICKED_UP, /* what means something to the peer */
	ARENA_ALIGN = _Alignof(max_align_t),
};

_Static_assert(RECORD_MAX * 4 * COLUMN_REQUIRED + 128 <= RECORD_BYTES, "a batch fits a frame");
_Static_assert(RECORD_MAX_FULL * 4 * COLUMNS + 128 <= RECORD_BYTES, "a full batch fits a frame");

const char *const record_verdict_names[RECORD_VERDICTS] = {
	[RECORD_OK] = "ok",
	[RECORD_EMPTY] = "empty",
	[RECORD_TOO_MANY] = "too_many",
	[RECORD_UNEVEN] = "uneven",
	[RECORD_BAD_POSITION] = "bad_position",
	[RECORD_BAD_KIND] = "bad_kind",
	[RECORD_BAD_STATE] = "bad_state",
	[RECORD_BAD_FLAGS] = "bad_flags",
	[RECORD_BAD_KEY] = "bad_key",
	[RECORD_BAD_MEMBER] = "bad_member",
};

/* --- one record ------------------------------------------------------------------------------- */

/*
 * Only what cannot mean anything is refused.  A client's address and port are whatever his packets
 * said, port 0 included: a stranger must not be able to make a record that stops the stream.
 */
static enum record_verdict check_flow(const struct flow_event *event)
{
	const bool put = event->kind == EVENT_FLOW_PUT;

	if (event->state > FLOW_RESET || (put && event->state < FLOW_ESTABLISHED))
		return RECORD_BAD_STATE;
	if (event->key.proto != IPPROTO_TCP || !event->key.vip || !event->key.vip_port)
		return RECORD_BAD_KEY;
	if (put && !event->member && !(event->flags & FLOW_OUTBOUND))
		return RECORD_BAD_MEMBER;
	return RECORD_OK;
}

static enum record_verdict check_pin(const struct flow_event *event)
{
	if (!event->pool_id)
		return RECORD_BAD_KEY;
	if (event->kind == EVENT_PIN_PUT && !event->member)
		return RECORD_BAD_MEMBER;
	return RECORD_OK;
}

static enum record_verdict check_member(const struct flow_event *event)
{
	if (event->state > 1)
		return RECORD_BAD_STATE;
	if (!event->key.vip || !event->pool_id)
		return RECORD_BAD_KEY;
	return event->member ? RECORD_OK : RECORD_BAD_MEMBER;
}

enum record_verdict record_check(const struct flow_event *event)
{
	switch (event->kind) {
	case EVENT_FLOW_PUT:
	case EVENT_FLOW_DEL:
		return check_flow(event);
	case EVENT_PIN_PUT:
	case EVENT_PIN_DEL:
		return check_pin(event);
	case EVENT_MEMBER:
		return check_member(event);
	default:
		return RECORD_BAD_KIND;
	}
}

static bool is_flow(uint8_t kind)
{
	return kind == EVENT_FLOW_PUT || kind == EVENT_FLOW_DEL;
}

/* Addresses travel as numbers, so that the wire does not depend on anybody's byte order. */
static void write_row(uint32_t row[COLUMNS], const struct flow_event *event)
{
	memset(row, 0, COLUMNS * sizeof(row[0]));
	row[COLUMN_KIND] = event->kind;
	row[COLUMN_MEMBER] = ntohl(event->member);
	if (event->kind == EVENT_MEMBER) {
		row[COLUMN_KIND] |= (uint32_t)event->state << 8;
		row[COLUMN_VIP] = ntohl(event->key.vip);
		row[COLUMN_PORTS] = event->pool_id;
		row[COLUMN_IDLE] = event->client_ack; /* weight */
		return;
	}
	row[COLUMN_CLIENT] = ntohl(event->key.client);
	row[COLUMN_IDLE] = event->idle;
	row[COLUMN_AGE] = event->age;
	if (!is_flow(event->kind)) {
		row[COLUMN_VIP] = event->pool_id;
		return;
	}
	row[COLUMN_KIND] |= (uint32_t)event->state << 8 |
			    (uint32_t)(event->flags & WIRE_FLAGS) << 16 |
			    (uint32_t)event->key.proto << 24;
	row[COLUMN_VIP] = ntohl(event->key.vip);
	row[COLUMN_PORTS] = (uint32_t)ntohs(event->key.client_port) << 16 |
			    ntohs(event->key.vip_port);
	row[COLUMN_CLIENT_ACK] = event->client_ack;
	row[COLUMN_CLIENT_SEQ] = event->client_seq;
}

static void read_row(struct flow_event *event, const uint32_t row[COLUMNS])
{
	*event = (struct flow_event){
		.kind = (uint8_t)row[COLUMN_KIND],
		.state = (uint8_t)(row[COLUMN_KIND] >> 8),
		.flags = (uint8_t)(row[COLUMN_KIND] >> 16),
		.member = htonl(row[COLUMN_MEMBER]),
	};
	if (event->kind == EVENT_MEMBER) {
		event->key.vip = htonl(row[COLUMN_VIP]);
		event->pool_id = row[COLUMN_PORTS];
		event->client_ack = row[COLUMN_IDLE];
		return;
	}
	event->key.client = htonl(row[COLUMN_CLIENT]);
	event->idle = row[COLUMN_IDLE];
	event->age = row[COLUMN_AGE];
	if (!is_flow(event->kind)) {
		event->pool_id = row[COLUMN_VIP];
		return;
	}
	event->key.proto = (uint8_t)(row[COLUMN_KIND] >> 24);
	event->key.vip = htonl(row[COLUMN_VIP]);
	event->key.client_port = htons((uint16_t)(row[COLUMN_PORTS] >> 16));
	event->key.vip_port = htons((uint16_t)row[COLUMN_PORTS]);
	event->client_ack = row[COLUMN_CLIENT_ACK];
	event->client_seq = row[COLUMN_CLIENT_SEQ];
}

/* What a row says beyond its event (a pin's ports, say) has no meaning, so such a row is refused.
 */
static enum record_verdict check_row(const struct flow_event *event, const uint32_t row[COLUMNS])
{
	const enum record_verdict verdict = record_check(event);
	uint32_t again[COLUMNS];

	if (verdict != RECORD_OK)
		return verdict;
	if (event->flags & (is_flow(event->kind) ? ~WIRE_FLAGS : ~0))
		return RECORD_BAD_FLAGS;
	write_row(again, event);
	return memcmp(again, row, sizeof(again)) ? RECORD_BAD_KEY : RECORD_OK;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static enum record_verdict check_batch(const struct record_batch *batch)
{
	if (batch->count == 0)
		return RECORD_EMPTY;
	if (batch->count > RECORD_MAX)
		return RECORD_TOO_MANY;
	if (batch->snapshot)
		return batch->first_seq ? RECORD_BAD_POSITION : RECORD_OK;
	if (!batch->first_seq || batch->first_seq > UINT64_MAX - batch->count)
		return RECORD_BAD_POSITION;
	return RECORD_OK;
}

static int pack_frame(const struct record_batch *batch, Sync__Records *records, uint8_t *out,
		      size_t size)
{
	Sync__Frame frame = SYNC__FRAME__INIT;

	records->has_epoch = true;
	records->epoch = batch->epoch;
	records->has_first_seq = batch->snapshot == 0;
	records->first_seq = batch->first_seq;
	records->has_snapshot = batch->snapshot != 0;
	records->snapshot = batch->snapshot;
	records->has_only_if_absent = batch->only_if_absent;
	records->only_if_absent = batch->only_if_absent;
	frame.records = records;
	if (sync__frame__get_packed_size(&frame) > size)
		return -EMSGSIZE;
	return (int)sync__frame__pack(&frame, out);
}

/* 72 KiB of stack for the columns: a daemon's only thread has megabytes, and nothing is shared. */
int record_pack(const struct record_batch *batch, uint8_t *out, size_t size)
{
	uint32_t column[COLUMNS][RECORD_MAX];
	Sync__Records records = SYNC__RECORDS__INIT;
	const bool full = batch->full || batch->snapshot;
	const size_t count = batch->count;

	if (check_batch(batch) != RECORD_OK || (full && count > RECORD_MAX_FULL))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		uint32_t row[COLUMNS];

		if (record_check(&batch->event[i]) != RECORD_OK)
			return -EINVAL;
		write_row(row, &batch->event[i]);
		for (unsigned int c = 0; c < COLUMNS; c++)
			column[c][i] = row[c];
	}
	records.n_kind = records.n_client = records.n_vip = count;
	records.n_ports = records.n_member = records.n_idle = count;
	records.n_client_ack = records.n_client_seq = records.n_age = full ? count : 0;
	records.kind = column[COLUMN_KIND];
	records.client = column[COLUMN_CLIENT];
	records.vip = column[COLUMN_VIP];
	records.ports = column[COLUMN_PORTS];
	records.member = column[COLUMN_MEMBER];
	records.idle = column[COLUMN_IDLE];
	records.client_ack = column[COLUMN_CLIENT_ACK];
	records.client_seq = column[COLUMN_CLIENT_SEQ];
	records.age = column[COLUMN_AGE];
	return pack_frame(batch, &records, out, size);
}

struct view {
	size_t count;
	const uint32_t *value;
};

static bool view_columns(struct view view[COLUMNS], const Sync__Records *records)
{
	const struct view found[COLUMNS] = {
		[COLUMN_KIND] = { records->n_kind, records->kind },
		[COLUMN_CLIENT] = { records->n_client, records->client },
		[COLUMN_VIP] = { records->n_vip, records->vip },
		[COLUMN_PORTS] = { records->n_ports, records->ports },
		[COLUMN_MEMBER] = { records->n_member, records->member },
		[COLUMN_IDLE] = { records->n_idle, records->idle },
		[COLUMN_CLIENT_ACK] = { records->n_client_ack, records->client_ack },
		[COLUMN_CLIENT_SEQ] = { records->n_client_seq, records->client_seq },
		[COLUMN_AGE] = { records->n_age, records->age },
	};

	memcpy(view, found, sizeof(found));
	for (unsigned int c = 0; c < COLUMNS; c++) {
		const bool absent = c >= COLUMN_REQUIRED && view[c].count == 0;

		if (!absent && view[c].count != records->n_kind)
			return false;
	}
	return true;
}

enum record_verdict record_unpack(struct record_batch *batch, const Sync__Records *records)
{
	struct view view[COLUMNS];
	enum record_verdict verdict;

	if (records->n_kind > RECORD_MAX)
		return RECORD_TOO_MANY;
	if (!view_columns(view, records))
		return RECORD_UNEVEN;
	batch->epoch = records->epoch;
	batch->first_seq = records->first_seq;
	batch->snapshot = records->snapshot;
	batch->only_if_absent = records->only_if_absent;
	batch->full = records->n_client_ack && records->n_client_seq && records->n_age;
	batch->count = (uint32_t)records->n_kind;
	verdict = records->has_epoch ? check_batch(batch) : RECORD_BAD_POSITION;

	for (uint32_t i = 0; verdict == RECORD_OK && i < batch->count; i++) {
		struct flow_event *event = &batch->event[i];
		uint32_t row[COLUMNS];

		for (unsigned int c = 0; c < COLUMNS; c++)
			row[c] = view[c].count ? view[c].value[i] : 0;
		read_row(event, row);
		verdict = check_row(event, row);
		event->epoch = (uint32_t)batch->epoch;
		event->apply = batch->only_if_absent ? APPLY_IF_ABSENT : APPLY_UPSERT;
	}
	return verdict;
}

/* --- unpacking within fixed memory ------------------------------------------------------------ */

static void *arena_alloc(void *data, size_t size)
{
	struct record_arena *arena = data;
	const uintptr_t top = (uintptr_t)(arena->buffer + arena->used);
	const size_t gap = -top % ARENA_ALIGN;
	void *room;

	if (gap > arena->size - arena->used || size > arena->size - arena->used - gap)
		return NULL;
	room = arena->buffer + arena->used + gap;
	arena->used += gap + size;
	return room;
}

/* The next message takes it all back at once. */
static void arena_free(void *data, void *room)
{
	(void)data;
	(void)room;
}

void record_arena_init(struct record_arena *arena, void *buffer, size_t size)
{
	*arena = (struct record_arena){
		.allocator = { arena_alloc, arena_free, arena },
		.buffer = buffer,
		.size = size,
	};
}

/* Texts end on an operator's terminal: no control characters (C0, DEL, and C1 in UTF-8), no end. */
static void clean_text(char *text)
{
	const size_t length = strnlen(text, RECORD_MAX_TEXT);

	text[length] = '\0';
	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)text[i];
		const unsigned char next = (unsigned char)text[i + 1];

		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			text[i] = text[i + 1] = '?';
	}
}

static bool check_message(ProtobufCMessage *message);

static bool check_value(const ProtobufCFieldDescriptor *field, void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM:
		return protobuf_c_enum_descriptor_get_value(field->descriptor, *(int *)value);
	case PROTOBUF_C_TYPE_STRING:
		/* A default is the schema's own constant: nothing to clean, and not ours to write.
		 */
		if (*(char **)value && *(const char **)value != field->default_value)
			clean_text(*(char **)value);
		return true;
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(ProtobufCMessage **)value || check_message(*(ProtobufCMessage **)value);
	default:
		return true;
	}
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_ENUM ? sizeof(int) : sizeof(void *);
}

static bool check_repeated(const ProtobufCFieldDescriptor *field, const uint8_t *base)
{
	const size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
	uint8_t *element = *(uint8_t *const *)(const void *)(base + field->offset);

	if (field->type != PROTOBUF_C_TYPE_ENUM && field->type != PROTOBUF_C_TYPE_STRING &&
	    field->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	for (size_t i = 0; i < count; i++, element += element_size(field))
		if (!check_value(field, element))
			return false;
	return true;
}

/*
 * protobuf-c lets any number stand for an enum.  The depth is the schema's: no message type refers
 * to itself, and none has a oneof, whose members would have to be told apart here.
 */
static bool check_message(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	uint8_t *base = (uint8_t *)message;

	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const bool good = field->label == PROTOBUF_C_LABEL_REPEATED
					  ? check_repeated(field, base)
					  : check_value(field, base + field->offset);

		if (!good || field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			return false;
	}
	return true;
}

const ProtobufCMessage *record_message(struct record_arena *arena,
				       const ProtobufCMessageDescriptor *descriptor,
				       const uint8_t *bytes, size_t length)
{
	ProtobufCMessage *message;

	arena->used = 0;
	message = protobuf_c_message_unpack(descriptor, &arena->allocator, length, bytes);
	return message && check_message(message) ? message : NULL;
}

static int count_parts(const Sync__Frame *frame)
{
	return !!frame->heartbeat + !!frame->attach + !!frame->attach_reply + !!frame->records +
	       !!frame->ack + !!frame->snapshot_end + !!frame->gap + !!frame->word;
}

const Sync__Frame *record_frame(struct record_arena *arena, const uint8_t *bytes, size_t length)
{
	const void *frame = record_message(arena, &sync__frame__descriptor, bytes, length);

	return frame && count_parts(frame) == 1 ? frame : NULL;
}

const Sync__Hello *record_hello(struct record_arena *arena, const uint8_t *bytes, size_t length)
{
	return (const void *)record_message(arena, &sync__hello__descriptor, bytes, length);
}
