/* SPDX-License-Identifier: BSD-2-Clause */
/* What the schema cannot say about a field: its range, what kind of word it takes, if it must be.
 */
#ifndef CASPAIR_RULES_H
#define CASPAIR_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum rule_kind {
	RULE_CHOICE,   /* yes or no, or a word of the field's enum */
	RULE_NUMBER,   /* min to max, a multiple of step */
	RULE_DURATION, /* the same in ms, written with a unit */
	RULE_SIZE,     /* the same in KiB, written with K, M or G */
	RULE_PORTS,    /* 135 or 6005-59530 */
	RULE_NAME,     /* letter or digit, then those and . _ - ; at most 63 */
	RULE_ADDRESS,  /* unicast, routed: of what clients or members use */
	RULE_POOL,     /* such an address, or a range with at most `max` of them */
	RULE_NODE,     /* unicast, of one link perhaps: of a node itself */
	RULE_LOCAL,    /* the same, loopback included */
	RULE_DEVICE,   /* interface name */
	RULE_HOST,     /* DNS name */
	RULE_KEY,      /* cpk1_... */
	RULE_VERIFIER, /* cvk1_... */
	RULE_LISTEN,   /* ADDRESS:PORT */
	RULE_PATH,     /* begins with / */
	RULE_RPC,      /* interface of an endpoint-mapper check */
};

struct rule {
	const ProtobufCMessageDescriptor *message;
	const char *field;
	enum rule_kind kind;
	bool required;
	uint32_t min, max, step;
	uint32_t items; /* of a list, at most */
};

enum { RULE_KEYWORD = 40 };

/* Never NULL: a field without a line of its own gets the rule that fits its type. */
const struct rule *rule_find(const ProtobufCMessageDescriptor *message,
			     const ProtobufCFieldDescriptor *field);

/* The field's word in the file: `_` becomes `-`, a final _ms or _kib is dropped. */
const char *rule_keyword(char keyword[RULE_KEYWORD], const ProtobufCFieldDescriptor *field);

/* The same for an enum's word: lower case, `_` becomes `-`. */
const char *rule_choice(char word[RULE_KEYWORD], const ProtobufCEnumValue *value);

/* A block of its own, unlike the port ranges, which are messages but written as values. */
bool rule_is_block(const ProtobufCFieldDescriptor *field);

/* A block that is written with a title, its first field. */
bool rule_has_title(const ProtobufCFieldDescriptor *field);

#endif
