// SPDX-License-Identifier: BSD-2-Clause
/* Unpacking within fixed memory. */
#include "proto/record.h"

#include <string.h>

enum { ARENA_ALIGN = _Alignof(max_align_t) };

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

static bool check_message(ProtobufCMessage *message, unsigned int *unknown);

static bool check_value(const ProtobufCFieldDescriptor *field, void *value, unsigned int *unknown)
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
		return !*(ProtobufCMessage **)value ||
		       check_message(*(ProtobufCMessage **)value, unknown);
	default:
		return true;
	}
}

static size_t element_size(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_ENUM ? sizeof(int) : sizeof(void *);
}

static bool check_repeated(const ProtobufCFieldDescriptor *field, const uint8_t *base,
			   unsigned int *unknown)
{
	const size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
	uint8_t *element = *(uint8_t *const *)(const void *)(base + field->offset);

	if (field->type != PROTOBUF_C_TYPE_ENUM && field->type != PROTOBUF_C_TYPE_STRING &&
	    field->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	for (size_t i = 0; i < count; i++, element += element_size(field))
		if (!check_value(field, element, unknown))
			return false;
	return true;
}

/* As if it had not been sent.  The least value of an enum is the one that is named first. */
static void drop_value(const ProtobufCFieldDescriptor *field, uint8_t *base)
{
	const ProtobufCEnumDescriptor *values = field->descriptor;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		*(ProtobufCMessage **)(void *)(base + field->offset) = NULL;
		return;
	}
	*(protobuf_c_boolean *)(void *)(base + field->quantifier_offset) = 0;
	*(int *)(void *)(base + field->offset) = field->default_value
							 ? *(const int *)field->default_value
							 : values->values[0].value;
}

/*
 * protobuf-c lets any number stand for an enum; one that a later version has made is unknown here.
 * The depth is the schema's: no message type refers to itself, and none has a oneof, whose members
 * would have to be told apart here.
 */
static bool check_message(ProtobufCMessage *message, unsigned int *unknown)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	uint8_t *base = (uint8_t *)message;

	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const bool good = field->label == PROTOBUF_C_LABEL_REPEATED
					  ? check_repeated(field, base, unknown)
					  : check_value(field, base + field->offset, unknown);

		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			return false;
		if (good)
			continue;
		if (field->label != PROTOBUF_C_LABEL_OPTIONAL)
			return false;
		drop_value(field, base);
		(*unknown)++;
	}
	*unknown += message->n_unknown_fields;
	return true;
}

const ProtobufCMessage *record_message(struct record_arena *arena,
				       const ProtobufCMessageDescriptor *descriptor,
				       const uint8_t *bytes, size_t length)
{
	ProtobufCMessage *message;

	arena->used = arena->unknown = 0;
	message = protobuf_c_message_unpack(descriptor, &arena->allocator, length, bytes);
	return message && check_message(message, &arena->unknown) ? message : NULL;
}

static int count_parts(const Sync__Frame *frame)
{
	return !!frame->heartbeat + !!frame->attach + !!frame->attach_reply + !!frame->records +
	       !!frame->ack + !!frame->snapshot_end + !!frame->gap + !!frame->word + !!frame->use +
	       !!frame->verify_begin + !!frame->verify_word + !!frame->verify_sums +
	       !!frame->verify_list + !!frame->revision_state + !!frame->revision_word +
	       !!frame->revision_want + !!frame->revision_part + !!frame->revision_ask +
	       !!frame->revision_answer + !!frame->counts;
}

const Sync__Frame *record_frame(struct record_arena *arena, const uint8_t *bytes, size_t length)
{
	const Sync__Frame *frame = (const void *)record_message(arena, &sync__frame__descriptor,
								bytes, length);
	int parts = frame ? count_parts(frame) : 0;

	return parts == 1 || (frame && parts == 0 && arena->unknown) ? frame : NULL;
}

const Sync__Hello *record_hello(struct record_arena *arena, const uint8_t *bytes, size_t length)
{
	return (const void *)record_message(arena, &sync__hello__descriptor, bytes, length);
}
