// SPDX-License-Identifier: BSD-2-Clause
/*
 * A hash table, since the reader asks for each statement whether its field was set before: a list
 * makes a file of 8,000 lines take a second.  Keys are addresses of messages, which is why a
 * message must live as long as the places do, even one that found no room in the tree.
 */
#include "conf/source.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Padded by hand: the whole struct is the hash key. */
struct key {
	const ProtobufCMessage *message;
	uint64_t field;
	uint64_t index;
};

struct entry {
	struct key key;
	struct place place;
	UT_hash_handle hh;
};

struct kept {
	ProtobufCMessage *message;
	struct kept *next;
};

struct conf_source {
	struct entry *entries;
	struct kept *kept;
};

struct conf_source *source_new(void)
{
	return calloc(1, sizeof(struct conf_source));
}

void source_free(struct conf_source *source)
{
	struct entry *entry, *next;

	if (!source)
		return;
	HASH_ITER(hh, source->entries, entry, next)
	{
		HASH_DEL(source->entries, entry);
		free(entry);
	}
	while (source->kept) {
		struct kept *kept = source->kept;

		source->kept = kept->next;
		protobuf_c_message_free_unpacked(kept->message, NULL);
		free(kept);
	}
	free(source);
}

static struct entry *find(const struct conf_source *source, const struct key *key)
{
	struct entry *entry = NULL;

	HASH_FIND(hh, source->entries, key, sizeof(*key), entry);
	return entry;
}

bool source_add(struct conf_source *source, const ProtobufCMessage *message, unsigned int field,
		size_t index, struct place place)
{
	struct key key = { message, field, index };
	struct entry *entry;

	if (find(source, &key))
		return true;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return false;
	entry->key = key;
	entry->place = place;
	HASH_ADD(hh, source->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) { /* uthash's sign that it found no memory */
		free(entry);
		return false;
	}
	return true;
}

bool source_find(const struct conf_source *source, const ProtobufCMessage *message,
		 unsigned int field, size_t index, struct place *place)
{
	struct key key = { message, field, index };
	const struct entry *entry = find(source, &key);

	if (entry && place)
		*place = entry->place;
	return entry;
}

bool source_keep(struct conf_source *source, ProtobufCMessage *message)
{
	struct kept *kept = malloc(sizeof(*kept));

	if (!kept)
		return false;
	*kept = (struct kept){ message, source->kept };
	source->kept = kept;
	return true;
}

struct place source_block(const struct conf_source *source, const void *message)
{
	struct place place = { 0 };

	source_find(source, message, 0, 0, &place);
	return place;
}

struct place source_item(const struct conf_source *source, const void *message, const char *field,
			 size_t index)
{
	const ProtobufCMessage *base = message;
	const ProtobufCFieldDescriptor *descriptor =
		protobuf_c_message_descriptor_get_field_by_name(base->descriptor, field);
	struct place place = { 0 };

	if (!descriptor || !source_find(source, base, descriptor->id, index, &place))
		return source_block(source, message);
	return place;
}

struct place source_at(const struct conf_source *source, const void *message, const char *field)
{
	return source_item(source, message, field, 0);
}

bool source_written(const struct conf_source *source, const void *message, const char *field)
{
	const ProtobufCMessage *base = message;
	const ProtobufCFieldDescriptor *descriptor =
		protobuf_c_message_descriptor_get_field_by_name(base->descriptor, field);

	return descriptor && source_find(source, base, descriptor->id, 0, NULL);
}
