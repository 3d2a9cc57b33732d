// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "lbd/arena.h"
#include "lbd/lbd.h"
#include "lbd/walk.h"
#include "proto/addr.h"
#include "proto/flow_census.h"

/* As many sources as surely fit into one frame with the arrays. */
enum { SLICE = 1024, LISTED = 256, ARENA = 512 << 10 };

static const char *const level_names[CENSUS_LEVELS] = {
	"no authentication", "none", "connect", "call", "packet", "integrity", "privacy"
};
static const char *const type_names[CENSUS_TYPES] = { "none", "negotiate", "NTLM", "Kerberos",
						      "other" };

/* The strings of the generated structs are not const; they are only read. */
static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* A client that has bound below packet privacy. */
struct source {
	struct census_key key;
	struct census entry;
};

struct sources {
	struct source *list;
	size_t count, room;
};

struct report {
	const struct lbd *lbd;
	struct arena arena;
	uint64_t now_ns;
	bool wanted[FLOW_MAX_ARRAYS];
	const Conf__Array *array[FLOW_MAX_ARRAYS];
};

static bool is_inspected(const Conf__Array *array)
{
	for (size_t i = 0; i < array->n_service; i++)
		if (array->service[i]->inspect == CONF__SERVICE__INSPECT__WHAT__RPC)
			return true;
	return false;
}

/* Which arrays are asked for; false: refused. */
static bool choose_arrays(struct report *report, struct ctl_conn *conn, const char *name)
{
	const Conf__Config *file = report->lbd->conf->file;
	bool known = !name, any = false;

	for (size_t i = 0; i < file->n_array; i++) {
		int number = plan_array(report->lbd->plan, file->array[i]);

		if (name && strcmp(name, file->array[i]->name))
			continue;
		known = true;
		if (number < 0 || !is_inspected(file->array[i]))
			continue;
		report->wanted[number] = any = true;
		report->array[number] = file->array[i];
	}
	if (!known)
		ctl_refuse(conn, 2, "there is no array %s", name);
	else if (!any)
		ctl_refuse(conn, 1, "nothing is inspected: say \"inspect rpc\" in a service");
	return known && any;
}

static bool keep(struct sources *sources, const struct census_key *key, const struct census *entry)
{
	if (sources->count == sources->room) {
		size_t room = sources->room ? 2 * sources->room : SLICE;
		struct source *list = reallocarray(sources->list, room, sizeof(*list));

		if (!list)
			return false;
		sources->list = list;
		sources->room = room;
	}
	sources->list[sources->count++] = (struct source){ .key = *key, .entry = *entry };
	return true;
}

/* The table has FLOW_CENSUS entries at most: read in one go. */
static bool collect(const struct report *report, struct sources *sources)
{
	struct walk walk;
	bool ok = !walk_open(&walk, report->lbd->plane.map[MAP_CENSUS], sizeof(struct census_key),
			     sizeof(struct census), SLICE);

	while (ok && !walk.ended) {
		uint32_t count = walk_next(&walk);

		for (uint32_t i = 0; ok && i < count; i++) {
			const struct census_key *key = (const struct census_key *)walk.keys + i;
			const struct census *entry = (const struct census *)walk.values + i;

			if (key->array < FLOW_MAX_ARRAYS && report->wanted[key->array] &&
			    entry->open.seen_ns)
				ok = keep(sources, key, entry);
		}
	}
	walk_close(&walk);
	return ok;
}

static int latest_first(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return (x->entry.open.seen_ns < y->entry.open.seen_ns) -
	       (x->entry.open.seen_ns > y->entry.open.seen_ns);
}

/* Stamped an instant ahead of us at the most. */
static uint64_t ms_since(const struct report *report, uint64_t then_ns)
{
	return report->now_ns > then_ns ? (report->now_ns - then_ns) / 1000000 : 0;
}

static Cas__EncryptionSource *describe(struct report *report, const struct source *source)
{
	Cas__EncryptionSource *told = arena_take(&report->arena, sizeof(*told));
	const struct census *entry = &source->entry;
	char text[ADDR_TEXT];

	if (!told)
		return NULL;
	cas__encryption_source__init(told);
	told->array = report->array[source->key.array]->name;
	told->client = arena_print(&report->arena, "%s",
				   addr_print_flow(text, &source->key.client));
	told->level = word(level_names[entry->open.level % CENSUS_LEVELS]);
	told->authentication = word(type_names[entry->open.type % CENSUS_TYPES]);
	told->age_ms = ms_since(report, entry->open.seen_ns);
	for (int i = 0; i < CENSUS_PRIVACY; i++)
		told->binds += entry->level[i];
	told->has_private_binds = told->has_first_age_ms = 1;
	told->private_binds = entry->level[CENSUS_PRIVACY];
	told->first_age_ms = ms_since(report, entry->first_ns);
	return told->client ? told : NULL;
}

static size_t counters(struct arena *arena, Cas__Counter ***list, const char *const *names,
		       const __u64 *values, size_t count)
{
	Cas__Counter *counter = arena_take(arena, count * sizeof(*counter));

	*list = arena_take(arena, count * sizeof(**list));
	if (!counter || !*list)
		return 0;
	for (size_t i = 0; i < count; i++) {
		cas__counter__init(&counter[i]);
		counter[i].name = word(names[i]);
		counter[i].value = values[i];
		(*list)[i] = &counter[i];
	}
	return count;
}

static Cas__EncryptionArray *sum_up(struct report *report, uint32_t number)
{
	Cas__EncryptionArray *told = arena_take(&report->arena, sizeof(*told));
	struct census_total total;

	if (!told ||
	    bpf_map_lookup_elem(report->lbd->plane.map[MAP_CENSUS_TOTALS], &number, &total))
		return NULL;
	cas__encryption_array__init(told);
	told->array = report->array[number]->name;
	told->n_level = counters(&report->arena, &told->level, level_names, total.level,
				 CENSUS_LEVELS);
	told->n_authentication = counters(&report->arena, &told->authentication, type_names,
					  total.type, CENSUS_TYPES);
	told->unread = total.unread;
	return told->n_level && told->n_authentication ? told : NULL;
}

/* False: out of memory. */
static bool fill(struct report *report, const struct sources *sources, Cas__EncryptionReply *reply)
{
	size_t listed = sources->count < LISTED ? sources->count : LISTED;

	reply->sources = sources->count;
	reply->source = arena_take(&report->arena, (listed + 1) * sizeof(*reply->source));
	reply->array = arena_take(&report->arena, FLOW_MAX_ARRAYS * sizeof(*reply->array));
	if (!reply->source || !reply->array)
		return false;
	for (size_t i = 0; i < listed; i++, reply->n_source++)
		if (!(reply->source[i] = describe(report, &sources->list[i])))
			return false;
	for (uint32_t i = 0; i < FLOW_MAX_ARRAYS; i++) {
		if (!report->wanted[i])
			continue;
		if (!(reply->array[reply->n_array] = sum_up(report, i)))
			return false;
		reply->n_array++;
	}
	return true;
}

void census_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__EncryptionRequest *request)
{
	struct report report = { .lbd = lbd, .now_ns = daemon_now_ns() };
	Cas__EncryptionReply reply = CAS__ENCRYPTION_REPLY__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	struct sources sources = { 0 };

	if (!choose_arrays(&report, conn, request->array))
		return;
	if (arena_open(&report.arena, ARENA)) {
		ctl_refuse(conn, 1, "out of memory");
		return;
	}
	message.encryption_reply = &reply;
	if (!collect(&report, &sources)) {
		ctl_refuse(conn, 1, "out of memory");
	} else {
		if (sources.count)
			qsort(sources.list, sources.count, sizeof(*sources.list), latest_first);
		if (!fill(&report, &sources, &reply) ||
		    ctl_send(conn, &message, NULL, 0) == -EMSGSIZE)
			ctl_refuse(conn, 1, "the answer is too large");
	}
	free(sources.list);
	arena_close(&report.arena);
}
