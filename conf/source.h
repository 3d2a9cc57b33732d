/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each block and each value of a configuration stood in its file. */
#ifndef CASPAIR_SOURCE_H
#define CASPAIR_SOURCE_H

#include "conf/fault.h"

struct conf_source;

struct conf_source *source_new(void);
void source_free(struct conf_source *source);

/*
 * Notes the place of the index-th value of a field, or with field 0 of the block itself.  A field
 * with a place has been written, be its value good or bad.  The first note stays.  False: no
 * memory.
 */
bool source_add(struct conf_source *source, const ProtobufCMessage *message, unsigned int field,
		size_t index, struct place place);
bool source_find(const struct conf_source *source, const ProtobufCMessage *message,
		 unsigned int field, size_t index, struct place *place);

/* Takes a block that found no room in the tree: it lives as long as the places do. */
bool source_keep(struct conf_source *source, ProtobufCMessage *message);

/* For messages of the checks, by name of the field; where it was not written, the block's place. */
struct place source_at(const struct conf_source *source, const void *message, const char *field);
struct place source_item(const struct conf_source *source, const void *message, const char *field,
			 size_t index);
struct place source_block(const struct conf_source *source, const void *message);
/* Has the field been written, be its value good or bad? */
bool source_written(const struct conf_source *source, const void *message, const char *field);

#endif
