/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading and writing the fields of a message through its descriptor.  The schema's types only. */
#ifndef CASPAIR_STORE_H
#define CASPAIR_STORE_H

#include "conf/value.h"

/* The address of a field, and of the count or has_ flag that goes with it. */
const void *store_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
size_t store_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Does the field hold anything?  For an optional string with a default: also when it is that one.
 */
bool store_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Is it the schema's default?  False for fields without one. */
bool store_is_default(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Sets the field, or appends to it.  False: no memory. */
bool store_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		 const union value *value, const char *word);

/* Is the value in this list already? */
bool store_has(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
	       const union value *value, const char *word);

/* An empty block put into its field; NULL: no memory, or an optional one that is there already. */
ProtobufCMessage *store_block(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* The same, not put anywhere. */
ProtobufCMessage *store_new(const ProtobufCFieldDescriptor *field);
/* Appends a message that exists. */
bool store_append(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		  ProtobufCMessage *item);

const char *store_string(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
const char *store_choice(char word[RULE_KEYWORD], const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field);

#endif
