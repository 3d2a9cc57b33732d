// SPDX-License-Identifier: BSD-2-Clause
#include "conf/keyword.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/store.h"
#include "schema.pb-c.h"

/* The first field of a titled block is written behind its keyword, never as a statement. */
static bool is_title(const ProtobufCMessageDescriptor *type, unsigned int i)
{
	return i == 0 &&
	       (type == &conf__check__descriptor || strcmp(type->fields[i].name, "name") == 0);
}

const ProtobufCFieldDescriptor *keyword_find(const ProtobufCMessageDescriptor *type,
					     const char *word)
{
	char keyword[RULE_KEYWORD];

	for (unsigned int i = 0; i < type->n_fields; i++) {
		if (!is_title(type, i) &&
		    strcmp(rule_keyword(keyword, &type->fields[i]), word) == 0)
			return &type->fields[i];
	}
	return NULL;
}

void keyword_near(struct near *near, const ProtobufCMessageDescriptor *type)
{
	char keyword[RULE_KEYWORD];

	for (unsigned int i = 0; i < type->n_fields; i++) {
		if (!is_title(type, i))
			near_try(near, rule_keyword(keyword, &type->fields[i]));
	}
}

/* "Vrrp" of the schema is "vrrp" in the file. */
static const char *block_name(char name[RULE_KEYWORD], const ProtobufCMessageDescriptor *type)
{
	snprintf(name, RULE_KEYWORD, "%s", type->short_name);
	name[0] = (char)tolower((unsigned char)name[0]);
	return name;
}

bool keyword_home(char home[RULE_KEYWORD], const char *word)
{
	/* Where several know the word, the one that a lost statement most likely came from is
	 * first. */
	static const ProtobufCMessageDescriptor *const types[] = {
		&conf__node__descriptor,       &conf__vrrp__descriptor,  &conf__sync__descriptor,
		&conf__forwarding__descriptor, &conf__web__descriptor,   &conf__array__descriptor,
		&conf__service__descriptor,    &conf__check__descriptor, &conf__member__descriptor,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!keyword_find(types[i], word))
			continue;
		block_name(home, types[i]);
		return true;
	}
	return false;
}

const char *keyword_label(char label[KEYWORD_LABEL], const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const ProtobufCFieldDescriptor *first = &type->fields[0];
	char name[RULE_KEYWORD], word[RULE_KEYWORD];
	bool titled = is_title(type, 0) && store_present(message, first);

	block_name(name, type);
	if (type == &conf__config__descriptor)
		snprintf(label, KEYWORD_LABEL, "the file");
	else if (!titled)
		snprintf(label, KEYWORD_LABEL, "%s", name);
	else if (type == &conf__check__descriptor)
		snprintf(label, KEYWORD_LABEL, "%s %s", name, store_choice(word, message, first));
	else
		snprintf(label, KEYWORD_LABEL, "%s \"%s\"", name, store_string(message, first));
	return label;
}
