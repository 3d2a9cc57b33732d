// SPDX-License-Identifier: BSD-2-Clause
/* Every address of the file has one use, but for gateways, which arrays may share. */
#include "conf/check.h"

#include <stdlib.h>
#include <string.h>

#include "proto/addr.h"

enum use_kind { USE_NODE, USE_SYNC, USE_VIP, USE_GATEWAY, USE_MEMBER };

struct use {
	uint32_t addr;
	enum use_kind kind;
	struct place place;
	const char *name;  /* of the node, array or member */
	const char *array; /* of a member */
};

struct uses {
	struct use *use;
	size_t count;
	const struct check *check;
};

static void add(struct uses *uses, enum use_kind kind, const char *text, const char *name,
		struct place place)
{
	struct use use = { .kind = kind, .name = name ? name : "", .place = place };

	if (text && addr_parse4(&use.addr, text))
		uses->use[uses->count++] = use;
}

static void collect(struct uses *uses)
{
	const Conf__Config *file = uses->check->file;
	const struct conf_source *source = uses->check->source;

	for (size_t i = 0; i < file->n_node; i++) {
		const Conf__Node *node = file->node[i];

		add(uses, USE_NODE, node->address, node->name, source_at(source, node, "address"));
		add(uses, USE_SYNC, node->sync, node->name, source_at(source, node, "sync"));
	}
	for (size_t i = 0; i < check_array_count(file); i++) {
		const Conf__Array *array = file->array[i];

		add(uses, USE_VIP, array->vip, array->name, source_at(source, array, "vip"));
		add(uses, USE_GATEWAY, array->gateway, array->name,
		    source_at(source, array, "gateway"));
		for (size_t j = 0; j < array->n_member; j++) {
			const Conf__Member *member = array->member[j];
			size_t before = uses->count;

			add(uses, USE_MEMBER, member->address, member->name,
			    source_at(source, member, "address"));
			if (uses->count > before)
				uses->use[before].array = array->name;
		}
	}
}

/* Equal addresses become neighbours, in the order of the file: the later one gets the blame. */
static int by_address(const void *left, const void *right)
{
	const struct use *a = left, *b = right;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	return a->place.column < b->place.column ? -1 : a->place.column > b->place.column;
}

static bool may_share(const struct use *a, const struct use *b)
{
	if (a->kind == USE_GATEWAY && b->kind == USE_GATEWAY)
		return true;
	/* A node without a cable of its own to the peer replicates over the LAN. */
	return a->kind != b->kind && a->kind <= USE_SYNC && b->kind <= USE_SYNC &&
	       strcmp(a->name, b->name) == 0;
}

static void complain(const struct check *c, const struct use *earlier, const struct use *use)
{
	static const struct {
		const char *keyword, *is;
	} words[] = {
		[USE_NODE] = { "address", "the address of node" },
		[USE_SYNC] = { "sync", "the sync address of node" },
		[USE_VIP] = { "vip", "the vip of array" },
		[USE_GATEWAY] = { "gateway", "the gateway of array" },
		[USE_MEMBER] = { "address", "the address of member" },
	};
	bool twice = earlier->kind == USE_MEMBER && use->kind == USE_MEMBER;
	char text[ADDR_TEXT];

	/* Replies are turned back by (member, port): two arrays could not be told apart. */
	fault_error(c->faults, use->place, "%s %s is already %s \"%s\" (line %u)%s",
		    words[use->kind].keyword, addr_print4(text, use->addr), words[earlier->kind].is,
		    earlier->name, earlier->place.line,
		    twice && !check_equal(earlier->array, use->array)
			    ? "; a server can be in one array only"
			    : "");
}

bool check_addresses(const struct check *check)
{
	struct uses uses = { .check = check };
	size_t room = 2 * check->file->n_node + 2 * check_array_count(check->file);
	size_t first = 0;

	for (size_t i = 0; i < check_array_count(check->file); i++)
		room += check->file->array[i]->n_member;
	uses.use = calloc(room + 1, sizeof(*uses.use));
	if (!uses.use)
		return false;
	collect(&uses);
	qsort(uses.use, uses.count, sizeof(*uses.use), by_address);
	for (size_t i = 1; i < uses.count; i++) {
		if (uses.use[i].addr != uses.use[first].addr)
			first = i;
		for (size_t j = first; j < i; j++) {
			if (may_share(&uses.use[j], &uses.use[i]))
				continue;
			complain(check, &uses.use[j], &uses.use[i]);
			break;
		}
	}
	free(uses.use);
	return true;
}
