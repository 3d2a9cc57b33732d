/* SPDX-License-Identifier: BSD-2-Clause */
/* One word of the file to one value, and back.  Pure. */
#ifndef CASPAIR_VALUE_H
#define CASPAIR_VALUE_H

#include <stdio.h>

#include "conf/rules.h"

/* Strings have no member here: a good word is its own value. */
union value {
	uint32_t number; /* RULE_NUMBER, RULE_DURATION in ms, RULE_SIZE in KiB */
	int choice;      /* 0 and 1 for a bool */
	struct {
		uint32_t first, last;
	} ports;
};

enum { VALUE_PROBLEM = 256, VALUE_DURATION = 24, VALUE_AMOUNT = 16 };

/* False: `problem` says why in one line and begins with the keyword. */
bool value_read(union value *value, const struct rule *rule, const ProtobufCFieldDescriptor *field,
		const char *word, char problem[VALUE_PROBLEM]);

/* 125min, 24h, 1500ms: the largest unit that leaves no rest. */
const char *value_duration(char text[VALUE_DURATION], uint32_t ms);

/* 2G, 1536M: likewise. */
const char *value_size(char text[VALUE_AMOUNT], uint32_t kib);

#endif
