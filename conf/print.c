// SPDX-License-Identifier: BSD-2-Clause
/*
 * The canonical text: fields in the schema's order, one statement a line, nothing that is the
 * default, services where they were written.  Reading it gives the same configuration again.  The
 * digest is taken of it: what a newer version adds has no part in it until somebody sets it, so
 * that nodes of two versions agree while the pair is upgraded.  In turn a default never changes.
 */
#include "conf/print.h"

#include <string.h>

#include "conf/fill.h"
#include "conf/store.h"

struct printer {
	const Conf__Config *file;
	FILE *out;
};

static void indent(const struct printer *p, unsigned int depth)
{
	fprintf(p->out, "%*s", (int)(4 * depth), "");
}

static void print_value(FILE *out, const ProtobufCMessage *message,
			const ProtobufCFieldDescriptor *field)
{
	const struct rule *rule = rule_find(message->descriptor, field);
	uint32_t number = *(const uint32_t *)store_at(message, field);
	char duration[VALUE_DURATION], size[VALUE_AMOUNT], word[RULE_KEYWORD];

	if (field->type == PROTOBUF_C_TYPE_STRING)
		fputs(store_string(message, field), out);
	else if (field->type == PROTOBUF_C_TYPE_BOOL)
		fputs(number ? "yes" : "no", out);
	else if (field->type == PROTOBUF_C_TYPE_ENUM)
		fputs(store_choice(word, message, field), out);
	else if (rule->kind == RULE_DURATION)
		fputs(value_duration(duration, number), out);
	else if (rule->kind == RULE_SIZE)
		fputs(value_size(size, number), out);
	else
		fprintf(out, "%u", number);
}

static void print_list(FILE *out, const ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field)
{
	size_t count = store_count(message, field);

	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		if (field->type == PROTOBUF_C_TYPE_STRING) {
			fputs((*(char **const *)store_at(message, field))[i], out);
			continue;
		}
		const Conf__PortRange *range = (*(Conf__PortRange * *const *)store_at(message,
										      field))[i];
		fprintf(out, range->first == range->last ? "%u" : "%u-%u", range->first,
			range->last);
	}
}

void print_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, FILE *out)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		print_list(out, message, field);
	else
		print_value(out, message, field);
}

static bool wanted(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return store_present(message, field) && !store_is_default(message, field);
}

static bool anything(const ProtobufCMessage *message)
{
	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		if (wanted(message, &message->descriptor->fields[i]))
			return true;
	}
	return false;
}

static void print_statements(const struct printer *p, const ProtobufCMessage *message,
			     unsigned int depth);

static void print_block(const struct printer *p, const ProtobufCMessage *message,
			const ProtobufCFieldDescriptor *field, unsigned int depth)
{
	const ProtobufCFieldDescriptor *first = &message->descriptor->fields[0];
	char keyword[RULE_KEYWORD];

	if (!rule_has_title(field) && !anything(message))
		return;
	if (depth == 0)
		fputc('\n', p->out);
	indent(p, depth);
	fprintf(p->out, "%s ", rule_keyword(keyword, field));
	if (rule_has_title(field) && store_present(message, first)) {
		print_value(p->out, message, first);
		fputc(' ', p->out);
	}
	fputs("{\n", p->out);
	print_statements(p, message, depth + 1);
	indent(p, depth);
	fputs("}\n", p->out);
}

/* A group's affinity-timeout is printed with the first service of the group alone. */
static bool said_before(const ProtobufCMessage *parent, size_t index)
{
	bool in_array = parent->descriptor == &conf__array__descriptor;
	Conf__Service **service = in_array ? ((const Conf__Array *)parent)->service
					   : ((const Conf__Profile *)parent)->service;
	const char *group = service[index]->affinity_group;

	for (size_t i = 0; group && i < index; i++) {
		if (service[i]->affinity_group && strcmp(service[i]->affinity_group, group) == 0)
			return true;
	}
	return false;
}

static void print_service(const struct printer *p, const ProtobufCMessage *parent,
			  const ProtobufCFieldDescriptor *field, size_t index, unsigned int depth)
{
	const ProtobufCMessage *const *list = *(const ProtobufCMessage *const *const *)store_at(
		parent, field);
	Conf__Service service;

	memcpy(&service, list[index], sizeof(service));
	if (parent->descriptor == &conf__array__descriptor &&
	    fill_is_copy(p->file, (const Conf__Array *)parent, &service))
		return;
	if (said_before(parent, index))
		service.has_affinity_timeout_ms = false;
	print_block(p, &service.base, field, depth);
}

static void print_blocks(const struct printer *p, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field, unsigned int depth)
{
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		print_block(p, *(ProtobufCMessage *const *)store_at(message, field), field, depth);
		return;
	}
	for (size_t i = 0; i < store_count(message, field); i++) {
		if (field->descriptor == &conf__service__descriptor)
			print_service(p, message, field, i, depth);
		else
			print_block(p, (*(ProtobufCMessage * *const *)store_at(message, field))[i],
				    field, depth);
	}
}

static void print_statements(const struct printer *p, const ProtobufCMessage *message,
			     unsigned int depth)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	char keyword[RULE_KEYWORD];
	/* The first field of everything that can be listed is its title. */
	unsigned int start = type == &conf__config__descriptor || type == &conf__vrrp__descriptor ||
					     type == &conf__sync__descriptor ||
					     type == &conf__forwarding__descriptor ||
					     type == &conf__web__descriptor
				     ? 0
				     : 1;

	for (unsigned int i = start; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];

		if (!wanted(message, field))
			continue;
		if (rule_is_block(field)) {
			print_blocks(p, message, field, depth);
			continue;
		}
		indent(p, depth);
		fprintf(p->out, "%s ", rule_keyword(keyword, field));
		print_field(message, field, p->out);
		fputc('\n', p->out);
	}
}

void conf_print(const Conf__Config *file, FILE *out)
{
	struct printer p = { file, out };

	print_statements(&p, &file->base, 0);
}
