// SPDX-License-Identifier: BSD-2-Clause
#include "conf/fill.h"

#include <stdlib.h>
#include <string.h>

#include "conf/store.h"
#include "proto/addr.h"

const Conf__Profile *fill_profile(const Conf__Config *file, const Conf__Array *array)
{
	for (size_t i = 0; array->use && i < file->n_profile; i++) {
		if (file->profile[i]->name && strcmp(file->profile[i]->name, array->use) == 0)
			return file->profile[i];
	}
	return NULL;
}

bool fill_is_copy(const Conf__Config *file, const Conf__Array *array, const Conf__Service *service)
{
	const Conf__Profile *profile = fill_profile(file, array);

	for (size_t i = 0; profile && service->name && i < profile->n_service; i++) {
		const char *name = profile->service[i]->name;

		if (name && strcmp(name, service->name) == 0)
			return true;
	}
	return false;
}

/* By way of the wire format: the library has no other deep copy, and this one cannot forget a
 * field. */
static ProtobufCMessage *copy(const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(length ? length : 1);
	ProtobufCMessage *twin = NULL;

	if (bytes) {
		protobuf_c_message_pack(message, bytes);
		twin = protobuf_c_message_unpack(message->descriptor, NULL, length, bytes);
	}
	free(bytes);
	return twin;
}

/* Grown at once to its final size: from here on nothing is appended to the list. */
static bool copy_services(Conf__Array *array, const Conf__Profile *profile)
{
	size_t total = array->n_service + profile->n_service;
	Conf__Service **list = realloc(array->service, (total ? total : 1) * sizeof(*list));

	if (!list)
		return false;
	array->service = list;
	for (size_t i = 0; i < profile->n_service; i++) {
		ProtobufCMessage *twin = copy(&profile->service[i]->base);

		if (!twin)
			return false;
		list[array->n_service++] = (Conf__Service *)twin;
	}
	return true;
}

static bool same_group(const Conf__Service *a, const Conf__Service *b)
{
	return a->affinity_group && b->affinity_group &&
	       strcmp(a->affinity_group, b->affinity_group) == 0;
}

/* An affinity-timeout given once serves its group; the checks have refused different ones. */
static void share_timeouts(Conf__Service **service, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count && !service[i]->has_affinity_timeout_ms; j++) {
			if (!service[j]->has_affinity_timeout_ms ||
			    !same_group(service[i], service[j]))
				continue;
			service[i]->has_affinity_timeout_ms = true;
			service[i]->affinity_timeout_ms = service[j]->affinity_timeout_ms;
		}
	}
}

static bool is_six(const char *text)
{
	return strchr(text, ':');
}

/* One spelling and one order: equal meaning has equal text, and so an equal digest. */
static bool spell(char **text, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char canonical[ADDR_TEXT], *twin;
		struct addr addr;

		if (!addr_parse(&addr, text[i]))
			continue;
		twin = strdup(addr_print(canonical, &addr));
		if (!twin)
			return false;
		free(text[i]);
		text[i] = twin;
	}
	if (count == 2 && is_six(text[0]) && !is_six(text[1])) {
		char *first = text[0];

		text[0] = text[1];
		text[1] = first;
	}
	return true;
}

static bool spell_nodes(const Conf__Config *file)
{
	for (size_t i = 0; i < file->n_node; i++) {
		Conf__Node *node = file->node[i];

		if (!spell(node->address, node->n_address))
			return false;
		/* One by one: their order is that of the paths. */
		for (size_t j = 0; j < node->n_sync; j++)
			if (!spell(&node->sync[j], 1))
				return false;
	}
	return true;
}

static bool spell_addresses(const Conf__Array *array)
{
	for (size_t i = 0; i < array->n_member; i++)
		if (!spell(array->member[i]->address, array->member[i]->n_address))
			return false;
	return spell(array->vip, array->n_vip) && spell(array->gateway, array->n_gateway);
}

/* Defaults that depend on something else. */
static void derive(Conf__Config *file)
{
	/* 255 is left free: it means the owner of the address, which neither node is (RFC
	 * 9568, 5.2.4). */
	for (size_t i = 0; i < file->n_node; i++) {
		Conf__Node *node = file->node[i];

		if (!node->has_priority)
			node->priority = 254 - (uint32_t)i;
		node->has_priority = true;
	}
	for (size_t i = 0; i < file->n_profile; i++)
		share_timeouts(file->profile[i]->service, file->profile[i]->n_service);
	for (size_t i = 0; i < file->n_array; i++)
		share_timeouts(file->array[i]->service, file->array[i]->n_service);
}

/* A probe that may last longer than its interval would overtake itself. */
static void derive_check(ProtobufCMessage *message)
{
	Conf__Check *check = (Conf__Check *)message;

	if (message->descriptor != &conf__check__descriptor || check->has_timeout_ms ||
	    check->interval_ms >= check->timeout_ms)
		return;
	check->timeout_ms = check->interval_ms;
	check->has_timeout_ms = true;
}

/* The generated init has set the values already; what is missing is that they count as set. */
static void set_defaults(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const protobuf_c_boolean has = 1;

	derive_check(message);
	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		bool list = field->label == PROTOBUF_C_LABEL_REPEATED;

		if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
			if (field->default_value && field->type != PROTOBUF_C_TYPE_STRING)
				memcpy((char *)message + field->quantifier_offset, &has,
				       sizeof(has));
			continue;
		}
		ProtobufCMessage *const *item = store_at(message, field);
		size_t count = list ? store_count(message, field) : *item != NULL;

		if (list)
			item = *(ProtobufCMessage *const *const *)store_at(message, field);
		for (size_t j = 0; j < count; j++)
			set_defaults(item[j]);
	}
}

/* Blocks that may be left out, but always exist for those who use them. */
static bool add_block(Conf__Config *file, const char *name)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		&conf__config__descriptor, name);

	return store_present(&file->base, field) || store_block(&file->base, field);
}

bool fill_config(Conf__Config *file)
{
	for (size_t i = 0; i < file->n_array; i++) {
		const Conf__Profile *profile = fill_profile(file, file->array[i]);

		if (profile && !copy_services(file->array[i], profile))
			return false;
		if (!spell_addresses(file->array[i]))
			return false;
	}
	if (!spell_nodes(file))
		return false;
	/* The web block stays away where it is not written: its presence is what turns it on. */
	if (!add_block(file, "sync") || !add_block(file, "forwarding"))
		return false;
	derive(file);
	set_defaults(&file->base);
	return true;
}
