// SPDX-License-Identifier: BSD-2-Clause
/*
 * Records of drills, in STATE/drills: a file each, packed as it is printed as JSON.  One drill at a
 * time has the directory locked.
 */
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MOST = 1 << 20, NAME = 32 };

static const char temporary[] = "new";

int drill_store_open(struct drill_store *store, const char *state_dir, bool write)
{
	store->ops = &disk_ops;
	store->arg = &store->disk;
	return disk_open(&store->disk, state_dir, "drills", write);
}

void drill_store_close(struct drill_store *store)
{
	disk_close(&store->disk);
}

static const char *file_name(char name[NAME], uint64_t number)
{
	snprintf(name, NAME, "%04llu.drill", (unsigned long long)number);
	return name;
}

/* 0: it is no record of ours. */
static uint64_t number_of(const char *name)
{
	char own[NAME];
	uint64_t number = strtoull(name, NULL, 10);

	return strcmp(file_name(own, number), name) == 0 ? number : 0;
}

/* --- which there are -------------------------------------------------------------------------- */

struct found {
	uint64_t *number;
	size_t count;
};

/* Sorted, the latest first; of too many the latest stay. */
static void note_number(void *to, const char *name)
{
	struct found *found = to;
	uint64_t number = number_of(name);
	size_t at = found->count;

	if (number == 0)
		return;
	while (at > 0 && found->number[at - 1] < number)
		at--;
	if (at == DRILL_KEEP)
		return;
	if (found->count < DRILL_KEEP)
		found->count++;
	memmove(&found->number[at + 1], &found->number[at],
		(found->count - at - 1) * sizeof(found->number[0]));
	found->number[at] = number;
}

int drill_numbers(const struct drill_store *store, uint64_t number[DRILL_KEEP], size_t *count)
{
	struct found found = { .number = number };
	int error = store->ops->list(store->arg, note_number, &found);

	*count = found.count;
	return error;
}

/* --- save and load ---------------------------------------------------------------------------- */

struct old {
	const struct drill_store *store;
	uint64_t until;
	char name[DRILL_KEEP][NAME];
	size_t count;
};

static void note_old(void *to, const char *name)
{
	struct old *old = to;
	uint64_t number = number_of(name);

	if (number > 0 && number <= old->until && old->count < DRILL_KEEP)
		snprintf(old->name[old->count++], NAME, "%s", name);
}

/* What cannot be removed now is tried again the next time. */
static void make_room(const struct drill_store *store, uint64_t latest)
{
	struct old *old = text_alloc(1, sizeof(*old));

	old->until = latest > DRILL_KEEP ? latest - DRILL_KEEP : 0;
	store->ops->list(store->arg, note_old, old);
	for (size_t i = 0; i < old->count; i++)
		store->ops->remove(store->arg, old->name[i]);
	free(old);
}

int drill_save(const struct drill_store *store, const Answer__Drill *drill)
{
	size_t length = answer__drill__get_packed_size(drill);
	uint8_t *bytes = text_alloc(1, length + 1);
	char name[NAME];
	int error;

	answer__drill__pack(drill, bytes);
	error = store->ops->write(store->arg, temporary, bytes, length);
	if (error == 0)
		error = store->ops->sync(store->arg, temporary);
	if (error == 0)
		error = store->ops->rename(store->arg, temporary, file_name(name, drill->number));
	if (error == 0)
		error = store->ops->sync_names(store->arg);
	free(bytes);
	if (error == 0)
		make_room(store, drill->number);
	return error;
}

Answer__Drill *drill_load(const struct drill_store *store, uint64_t number)
{
	Answer__Drill *drill;
	uint8_t *bytes;
	char name[NAME];
	size_t length;

	if (store->ops->read(store->arg, file_name(name, number), RECORD_MOST, &bytes, &length) < 0)
		return NULL;
	drill = answer__drill__unpack(NULL, length, bytes);
	free(bytes);
	if (drill && drill->number != number) {
		answer__drill__free_unpacked(drill, NULL);
		drill = NULL;
	}
	return drill;
}

/* --- for status and metrics ------------------------------------------------------------------- */

static double since(const Answer__Drill *drill, uint64_t now_ms)
{
	return now_ms > drill->began_ms ? (double)(now_ms - drill->began_ms) / 1000 : 0;
}

/* True: no older one is needed. */
static bool note_last(Answer__LastDrill **last, const Answer__Drill *drill, uint64_t now_ms)
{
	if (!*last) {
		*last = text_alloc(1, sizeof(**last));
		answer__last_drill__init(*last);
		(*last)->number = drill->number;
		(*last)->age_seconds = since(drill, now_ms);
		(*last)->passed = drill->passed;
	}
	(*last)->has_last_success_seconds = drill->passed;
	(*last)->last_success_seconds = since(drill, now_ms);
	return drill->passed;
}

int drill_last(const char *state_dir, uint64_t now_ms, Answer__LastDrill **last)
{
	struct drill_store store;
	uint64_t number[DRILL_KEEP];
	size_t count = 0;
	bool enough = false;
	int error = drill_store_open(&store, state_dir, false);

	*last = NULL;
	if (error < 0)
		return error == -ENOENT ? 0 : error;
	error = drill_numbers(&store, number, &count);
	for (size_t i = 0; i < count && !enough; i++) {
		Answer__Drill *drill = drill_load(&store, number[i]);

		if (!drill)
			continue;
		enough = note_last(last, drill, now_ms);
		answer__drill__free_unpacked(drill, NULL);
	}
	drill_store_close(&store);
	return error;
}
