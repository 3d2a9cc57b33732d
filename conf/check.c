// SPDX-License-Identifier: BSD-2-Clause
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "conf/fill.h"
#include "conf/keyword.h"
#include "conf/memory.h"
#include "conf/store.h"
#include "conf/value.h"
#include "proto/flow_limits.h"
#include "proto/seal.h"

static const struct place whole_file = { 0 };

bool check_equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

size_t check_array_count(const Conf__Config *file)
{
	return file->n_array < FLOW_MAX_ARRAYS ? file->n_array : FLOW_MAX_ARRAYS;
}

size_t check_service_count(size_t count)
{
	return count < FLOW_MAX_SERVICES ? count : FLOW_MAX_SERVICES;
}

void check_gather(const struct check *check, const Conf__Array *array,
		  struct check_services *services)
{
	const Conf__Profile *profile = fill_profile(check->file, array);
	size_t own = check_service_count(array->n_service);

	_Static_assert(sizeof(services->list) / sizeof(services->list[0]) >= 2 * FLOW_MAX_SERVICES,
		       "room for a profile's and an array's own");
	services->copies = profile ? check_service_count(profile->n_service) : 0;
	services->count = services->copies + own;
	for (size_t i = 0; i < services->copies; i++)
		services->list[i] = profile->service[i];
	for (size_t i = 0; i < own; i++)
		services->list[services->copies + i] = array->service[i];
}

/* --- names ------------------------------------------------------------------------------------ */

struct named {
	const char *name;
	const ProtobufCMessage *message;
	size_t order;
};

static int by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : a->order < b->order ? -1 : 1;
}

/* Sorting keeps this fast for a file of any size; each twin is measured against the first. */
static bool check_names(const struct check *c, ProtobufCMessage *const *item, size_t count)
{
	struct named *named = calloc(count + 1, sizeof(*named));
	size_t n = 0, first = 0;
	char label[KEYWORD_LABEL];

	if (!named)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *name = store_string(item[i], &item[i]->descriptor->fields[0]);

		if (name)
			named[n++] = (struct named){ name, item[i], i };
	}
	qsort(named, n, sizeof(*named), by_name);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(named[i].name, named[first].name) != 0) {
			first = i;
			continue;
		}
		fault_error(
			c->faults, source_at(c->source, named[i].message, "name"),
			"%s is already defined in %s", keyword_label(label, named[i].message),
			fault_line(c->faults, source_at(c->source, named[first].message, "name"))
				.text);
	}
	free(named);
	return true;
}

/* Every list of named blocks under a message, whatever the schema calls them. */
static bool check_all_names(const struct check *c, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const ProtobufCMessageDescriptor *inner = field->descriptor;

		if (!rule_has_title(field) || strcmp(inner->fields[0].name, "name") != 0)
			continue;
		ProtobufCMessage *const *item = *(ProtobufCMessage *const *const *)store_at(message,
											    field);
		size_t count = store_count(message, field);

		if (!check_names(c, item, count))
			return false;
		for (size_t j = 0; j < count; j++) {
			/* Even after faults of syntax: the operator wants all of them in one run.
			 */
			if (!check_all_names(c, item[j]))
				return false;
		}
	}
	return true;
}

/* --- the pair --------------------------------------------------------------------------------- */

/* As keys, not as text: how many texts a key has is the business of proto/seal.c. */
static bool same_key(const char *a, const char *b)
{
	uint8_t one[SEAL_KEY], two[SEAL_KEY];

	return a && b && seal_public_parse(one, a) && seal_public_parse(two, b) &&
	       memcmp(one, two, sizeof(one)) == 0;
}

/* Up to four keys, in the order of the file: the later of two equal ones gets the blame. */
static void check_keys(const struct check *c, const Conf__Node *a, const Conf__Node *b)
{
	const struct {
		const Conf__Node *node;
		const char *field, *keyword, *text;
	} keys[] = {
		{ a, "public_key", "public-key", a->public_key },
		{ a, "next_public_key", "next-public-key", a->next_public_key },
		{ b, "public_key", "public-key", b->public_key },
		{ b, "next_public_key", "next-public-key", b->next_public_key },
	};

	for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t j = 0;

		while (j < i && !same_key(keys[j].text, keys[i].text))
			j++;
		if (j == i)
			continue;
		fault_error(c->faults, source_at(c->source, keys[i].node, keys[i].field),
			    "%s is the same as %s %s (%s)", keys[i].keyword,
			    keys[i].node == keys[j].node ? "this node's" : "the other node's",
			    keys[j].keyword,
			    fault_line(c->faults, source_at(c->source, keys[j].node, keys[j].field))
				    .text);
	}
}

static void check_nodes(const struct check *c)
{
	const Conf__Config *file = c->file;
	const Conf__Node *a, *b;

	if (file->n_node < 2)
		fault_error(c->faults, whole_file, "a pair needs two node blocks; there %s",
			    file->n_node ? "is one" : "is none");
	if (file->n_node > 2)
		fault_error(c->faults, source_at(c->source, file->node[2], "name"),
			    "a pair has two nodes; this is one too many");
	if (file->n_node != 2)
		return;
	a = file->node[0];
	b = file->node[1];
	/* Addresses are compared with all the others of the file, in check_address.c. */
	check_keys(c, a, b);

	uint32_t priority_a = a->has_priority ? a->priority : 254;
	uint32_t priority_b = b->has_priority ? b->priority : 253;
	if (priority_a == priority_b)
		fault_error(c->faults, source_at(c->source, b->has_priority ? b : a, "priority"),
			    "priority %u is the same as the other node's%s", priority_a,
			    a->has_priority && b->has_priority ? "" : " default");
}

/* Each path has an address at both ends, and all interfaces are named or none. */
static void check_paths(const struct check *c)
{
	const Conf__Sync *sync = c->file->sync;
	const Conf__Node *a, *b;

	if (c->file->n_node != 2)
		return;
	a = c->file->node[0];
	b = c->file->node[1];
	if (a->n_sync != b->n_sync && a->n_sync && b->n_sync)
		fault_error(c->faults, source_at(c->source, b, "sync"),
			    "sync: %zu of this node and %zu of the other (%s): each path "
			    "needs an address at both ends",
			    b->n_sync, a->n_sync,
			    fault_line(c->faults, source_at(c->source, a, "sync")).text);
	if (sync && sync->n_path && a->n_sync > 1 && sync->n_path != a->n_sync)
		fault_error(c->faults, source_at(c->source, sync, "path"),
			    "path: %zu for %zu sync addresses of each node", sync->n_path,
			    a->n_sync);
}

static void check_blocks(const struct check *c)
{
	const Conf__Config *file = c->file;

	if (!file->vrrp)
		fault_error(c->faults, whole_file, "the file needs a vrrp block");
	if (file->n_array == 0)
		fault_error(c->faults, whole_file, "the file needs at least one array");
	/* The data plane's tables have fixed sizes; profiles only cost time to check. */
	if (file->n_array > FLOW_MAX_ARRAYS)
		fault_error(c->faults, source_at(c->source, file->array[FLOW_MAX_ARRAYS], "name"),
			    "more than %d arrays", FLOW_MAX_ARRAYS);
	if (file->n_profile > FLOW_MAX_ARRAYS)
		fault_error(c->faults, source_at(c->source, file->profile[FLOW_MAX_ARRAYS], "name"),
			    "more than %d profiles", FLOW_MAX_ARRAYS);
}

static void check_memory(const struct check *c)
{
	const Conf__Forwarding *forwarding = c->file->forwarding;
	char text[MEMORY_TEXT], bound[VALUE_AMOUNT];
	struct memory memory;

	if (!forwarding || !forwarding->has_memory_kib)
		return;
	memory = memory_plan(forwarding->flows, forwarding->pins, 0);
	if (memory.total > (uint64_t)forwarding->memory_kib * 1024)
		fault_error(c->faults, source_at(c->source, forwarding, "memory_kib"),
			    "memory %s is not enough: the tables take %s",
			    value_size(bound, forwarding->memory_kib), memory_print(text, &memory));
}

/* Two words about the data plane's place that do not go together. */
static void check_forwarding(const struct check *c)
{
	const Conf__Forwarding *forwarding = c->file->forwarding;

	if (forwarding && forwarding->hook == CONF__FORWARDING__PLACE__HOOK__TC &&
	    forwarding->xdp != CONF__FORWARDING__XDP__AUTO)
		fault_error(c->faults, source_at(c->source, forwarding, "xdp"),
			    "hook tc runs no XDP: leave one of the two out");
}

bool check_config(const Conf__Config *file, const struct conf_source *source,
		  struct conf_faults *faults)
{
	struct check check = { file, source, faults };

	if (!check_all_names(&check, &file->base))
		return false;
	check_nodes(&check);
	check_blocks(&check);
	check_paths(&check);
	check_forwarding(&check);
	check_vrrp(&check);
	check_memory(&check);
	check_modes(&check);
	check_resolvers(&check);
	check_signers(&check);
	if (!check_addresses(&check) || !check_arrays(&check) || !check_web(&check))
		return false;
	check_advice(&check);
	return true;
}
