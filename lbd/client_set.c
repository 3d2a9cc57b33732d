// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/client_set.h"

#include <stdlib.h>
#include <string.h>

#include "lbd/bpf/choice.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct client_entry {
	struct client_use use;
	UT_hash_handle hh;
};

/* Clients choose their addresses: without a key they could make one long chain. */
static unsigned int hash_of(const struct flow_ip *client, uint64_t key)
{
	return (unsigned int)choice_hash(client, key);
}

void client_set_free(struct client_set *set)
{
	struct client_entry *entry, *next;

	HASH_ITER(hh, set->entries, entry, next)
	{
		HASH_DEL(set->entries, entry);
		free(entry);
	}
	*set = (struct client_set){ 0 };
}

static struct client_entry *make(struct client_set *set, struct client_room *room,
				 const struct flow_ip *client, unsigned int hash)
{
	struct client_entry *entry = room->left ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry)
		return NULL;
	entry->use.client = *client;
	entry->use.member = entry->use.other = FLOW_NO_MEMBER;
	HASH_ADD_BYHASHVALUE(hh, set->entries, use.client, sizeof(*client), hash, entry);
	if (!entry->hh.tbl) { /* uthash's sign that it found no memory */
		free(entry);
		return NULL;
	}
	room->left--;
	set->clients++;
	return entry;
}

void client_set_add(struct client_set *set, struct client_room *room, const struct flow_ip *client,
		    uint16_t member)
{
	unsigned int hash = hash_of(client, room->key);
	struct client_entry *entry;

	HASH_FIND_BYHASHVALUE(hh, set->entries, client, sizeof(*client), hash, entry);
	if (!entry)
		entry = make(set, room, client, hash);
	if (!entry) {
		room->missed++;
		return;
	}
	set->sessions++;
	entry->use.sessions++;
	if (entry->use.sessions == 1)
		entry->use.member = member;
	else if (entry->use.member != member)
		entry->use.other = member;
}

/* Into its place; the last one of a full list falls out. */
static void insert(struct client_list *list, size_t most, const struct client_use *use)
{
	size_t at = list->count;

	while (at > 0 && list->use[at - 1].sessions < use->sessions)
		at--;
	if (at == most)
		return;
	if (list->count < most)
		list->count++;
	memmove(&list->use[at + 1], &list->use[at], (list->count - at - 1) * sizeof(*use));
	list->use[at] = *use;
}

void client_set_list(const struct client_set *set, const struct client_wanted *wanted,
		     struct client_list *list)
{
	size_t most = wanted->most < CLIENT_SET_LISTED ? wanted->most : CLIENT_SET_LISTED;

	list->count = 0;
	list->found = list->held = 0;
	for (const struct client_entry *entry = set->entries; entry; entry = entry->hh.next) {
		if (entry->use.sessions < wanted->least)
			continue;
		if (wanted->split && entry->use.other == FLOW_NO_MEMBER)
			continue;
		list->found++;
		insert(list, most, &entry->use);
	}
	for (size_t i = 0; i < list->count; i++)
		list->held += list->use[i].sessions;
}
