// SPDX-License-Identifier: BSD-2-Clause
/*
 * The one place that knows how protobuf-c lays a message out: `offset` is the member, and
 * `quantifier_offset` its has_ flag (optional scalars) or its count (repeated fields).  Optional
 * strings and messages have neither; they are there when they are not NULL.
 */
#include "conf/store.h"

#include <stdlib.h>
#include <string.h>

#include "schema.pb-c.h"

const void *store_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->offset;
}

static void *slot(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)message + field->offset;
}

size_t store_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count;

	memcpy(&count, (const char *)message + field->quantifier_offset, sizeof(count));
	return count;
}

static void set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		      size_t count)
{
	memcpy((char *)message + field->quantifier_offset, &count, sizeof(count));
}

static bool is_pointer(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

bool store_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	protobuf_c_boolean has;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return store_count(message, field) > 0;
	if (is_pointer(field))
		return *(void *const *)store_at(message, field) != NULL;
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return true;
	memcpy(&has, (const char *)message + field->quantifier_offset, sizeof(has));
	return has;
}

bool store_is_default(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED || !field->default_value)
		return false;
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = store_string(message, field);

		return text && strcmp(text, field->default_value) == 0;
	}
	/* The schema has no wider scalar than 32 bits; bool and enum are as wide as int. */
	return memcmp(store_at(message, field), field->default_value, sizeof(uint32_t)) == 0;
}

/*
 * Makes room for one more element.  Capacity is the next power of two above the count, so that it
 * need not be stored; true only for lists that were made here, not for unpacked ones.
 */
static void *room(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t size)
{
	size_t count = store_count(message, field);
	void **list = slot(message, field);

	if ((count & (count - 1)) == 0) {
		void *more = realloc(*list, (count ? 2 * count : 1) * size);

		if (!more)
			return NULL;
		*list = more;
	}
	return (char *)*list + count * size;
}

bool store_append(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		  ProtobufCMessage *item)
{
	ProtobufCMessage **place = room(message, field, sizeof(item));

	if (!place)
		return false;
	*place = item;
	set_count(message, field, store_count(message, field) + 1);
	return true;
}

ProtobufCMessage *store_new(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	ProtobufCMessage *message = malloc(type->sizeof_message);

	if (message)
		type->message_init(message);
	return message;
}

ProtobufCMessage *store_block(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
	ProtobufCMessage **place = slot(message, field), *item;

	if (!list && *place)
		return NULL;
	item = store_new(field);
	if (!item)
		return NULL;
	if (!list) {
		*place = item;
		return item;
	}
	if (store_append(message, field, item))
		return item;
	free(item);
	return NULL;
}

static bool store_ports(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			const union value *value)
{
	Conf__PortRange *range = (Conf__PortRange *)store_block(message, field);

	if (!range)
		return false;
	range->first = value->ports.first;
	range->last = value->ports.last;
	return true;
}

static bool store_text(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       const char *word)
{
	bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
	char *copy = strdup(word);
	char **place = copy && list ? room(message, field, sizeof(copy)) : slot(message, field);

	if (!copy || !place) {
		free(copy);
		return false;
	}
	*place = copy;
	if (list)
		set_count(message, field, store_count(message, field) + 1);
	return true;
}

bool store_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		 const union value *value, const char *word)
{
	protobuf_c_boolean has = 1;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return store_ports(message, field, value);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return store_text(message, field, word);
	if (field->type == PROTOBUF_C_TYPE_UINT32)
		memcpy(slot(message, field), &value->number, sizeof(value->number));
	else
		memcpy(slot(message, field), &value->choice, sizeof(value->choice));
	memcpy((char *)message + field->quantifier_offset, &has, sizeof(has));
	return true;
}

bool store_has(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	       const union value *value, const char *word)
{
	size_t count;

	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return false;
	count = store_count(message, field);
	for (size_t i = 0; i < count; i++) {
		if (field->type == PROTOBUF_C_TYPE_STRING) {
			if (strcmp((*(char **const *)store_at(message, field))[i], word) == 0)
				return true;
			continue;
		}
		const Conf__PortRange *range = (*(Conf__PortRange * *const *)store_at(message,
										      field))[i];
		if (range->first == value->ports.first && range->last == value->ports.last)
			return true;
	}
	return false;
}

const char *store_string(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return *(const char *const *)store_at(message, field);
}

const char *store_choice(char word[RULE_KEYWORD], const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		field->descriptor, *(const int *)store_at(message, field));

	word[0] = '\0';
	return value ? rule_choice(word, value) : word;
}
