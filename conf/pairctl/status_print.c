// SPDX-License-Identifier: BSD-2-Clause
/*
 * The status as text.  It adds no judgement: what is wrong was found by status_build().
 */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>

static const char UNKNOWN[] = "unknown";

static const char *const titles[] = { "node",     "role", "since",   "why",    "sessions",
				      "affinity", "sync", "members", "config", "told" };
enum { COLUMNS = sizeof(titles) / sizeof(titles[0]), RIGHT = 1 << 4 | 1 << 5 };

static void add_role(struct table *table, const Answer__Node *node)
{
	static const struct {
		const char *word;
		enum text_colour colour;
	} roles[] = {
		[CAS__ROLE__NONE] = { "none yet", TEXT_DOUBT },
		[CAS__ROLE__STANDBY] = { "standby", TEXT_PLAIN },
		[CAS__ROLE__ACTIVE] = { "ACTIVE", TEXT_GOOD },
		[CAS__ROLE__FAULT] = { "FAULT", TEXT_BAD },
	};
	size_t index = (size_t)node->role;

	if (!node->has_role || index >= sizeof(roles) / sizeof(roles[0]))
		table_add(table, UNKNOWN, TEXT_DOUBT);
	else
		table_add(table, roles[index].word, roles[index].colour);
}

static void add_seconds(struct table *table, bool known, double seconds)
{
	char text[TEXT_SIZE];

	table_add(table, known ? text_duration(text, (uint64_t)(seconds * 1000 + 0.5)) : UNKNOWN,
		  TEXT_PLAIN);
}

static void add_count(struct table *table, bool known, uint64_t count)
{
	char text[TEXT_SIZE];

	table_add(table, known ? text_count(text, count) : UNKNOWN, TEXT_PLAIN);
}

/* Anything but in sync deserves a second look, also when it is on its way there. */
static void add_sync(struct table *table, const Answer__Replication *sync)
{
	bool good = sync && sync->has_state && sync->state == CAS__SYNC_STATE__IN_SYNC;
	char lag[TEXT_SIZE], *text;

	if (!sync || !sync->has_state) {
		table_add(table, UNKNOWN, TEXT_DOUBT);
		return;
	}
	if (sync->has_lag_seconds)
		text = text_format("%s, lag %s", status_sync_word(sync->state),
				   text_ms(lag, sync->lag_seconds * 1000));
	else
		text = text_format("%s", status_sync_word(sync->state));
	table_add(table, text, good ? TEXT_GOOD : TEXT_DOUBT);
	free(text);
}

static void add_up(struct table *table, bool known, uint32_t up, uint32_t all)
{
	char text[TEXT_SIZE];

	if (!known) {
		table_add(table, UNKNOWN, TEXT_PLAIN);
		return;
	}
	snprintf(text, sizeof(text), "%u/%u", up, all);
	table_add(table, text, up == all ? TEXT_PLAIN : up == 0 ? TEXT_BAD : TEXT_DOUBT);
}

/* How old the facts of the row are; what is too old stands there as unknown. */
static void add_age(struct table *table, const Answer__Node *node)
{
	char age[TEXT_SIZE], text[TEXT_SIZE + 8];

	if (node->local || !node->has_age_seconds) {
		table_add(table, node->local && node->known ? "now" : "never", TEXT_PLAIN);
		return;
	}
	text_duration(age, (uint64_t)(node->age_seconds * 1000 + 0.5));
	snprintf(text, sizeof(text), "%s ago", age);
	table_add(table, text, TEXT_PLAIN);
}

static void add_node(struct table *table, const Answer__Node *node)
{
	table_add(table, node->name, TEXT_PLAIN);
	add_role(table, node);
	add_seconds(table, node->has_since_seconds, node->since_seconds);
	table_add(table,
		  node->reason && *node->reason ? node->reason
		  : node->has_role              ? "-"
						: UNKNOWN,
		  TEXT_PLAIN);
	add_count(table, node->has_sessions, node->sessions);
	add_count(table, node->has_affinity, node->affinity);
	add_sync(table, node->sync);
	add_up(table, node->has_members_up && node->has_members, node->members_up, node->members);
	table_add(table, node->config_digest ? node->config_digest : UNKNOWN, TEXT_PLAIN);
	add_age(table, node);
}

static void add_name(struct table *table, const Cas__NameStatus *name)
{
	char *addresses = text_join(name->address, name->n_address);

	table_add(table, name->name, TEXT_PLAIN);
	table_add(table, name->outside ? "outside" : "inside", TEXT_PLAIN);
	table_add(table, name->resolver, TEXT_PLAIN);
	table_add(table, name->n_address ? addresses : "-", TEXT_PLAIN);
	free(addresses);
	if (name->verdict == CAS__NAME_STATUS__VERDICT__OK)
		table_add(table, "ok", TEXT_GOOD);
	else if (name->verdict == CAS__NAME_STATUS__VERDICT__WRONG)
		table_add(table, "WRONG", TEXT_BAD);
	else
		table_add(table, UNKNOWN, TEXT_DOUBT);
}

/* What became of the array's name at each resolver; nothing where none is configured. */
static void print_names(const Cas__LbdStatus *lbd, const Cas__ArrayStatus *array, bool colour,
			FILE *out)
{
	static const char *const name_titles[] = { "name", "asked", "resolver", "leads to", "" };
	struct table *table = NULL;

	for (size_t i = 0; i < lbd->n_fqdn; i++) {
		const Cas__NameStatus *name = lbd->fqdn[i];

		if (!name->array || !name->name || !name->resolver ||
		    strcmp(name->array, array->name) != 0)
			continue;
		if (!table)
			table = table_new(name_titles, 5, 0);
		add_name(table, name);
	}
	if (table)
		table_print(table, 2, colour, out);
}

static void print_array(const Cas__ArrayStatus *array, bool colour, FILE *out)
{
	static const char *const service_titles[] = { "service", "ports", "up" };
	struct table *table = table_new(service_titles, 3, 0);
	char *vips = text_join(array->vip, array->n_vip);

	for (size_t i = 0; i < array->n_service; i++) {
		const Cas__ServiceStatus *service = array->service[i];

		table_add(table, service->name, TEXT_PLAIN);
		table_add(table, service->ports, TEXT_PLAIN);
		add_up(table, service->has_members_up && service->has_members, service->members_up,
		       service->members);
	}
	fputs("\narray ", out);
	text_clean(array->name, out);
	fputs("  ", out);
	text_clean(vips, out);
	free(vips);
	if (array->fqdn) {
		fputs("  ", out);
		text_clean(array->fqdn, out);
	}
	fputc('\n', out);
	table_print(table, 2, colour, out);
}

static void print_ways(const Cas__VrrpStatus *vrrp, FILE *out)
{
	for (size_t i = 0; i < vrrp->n_way; i++) {
		const Cas__AdvertWay *way = vrrp->way[i];

		fputs(i ? ", " : "adverts: ", out);
		text_clean(way->source ? way->source : UNKNOWN, out);
		fputs(" to ", out);
		text_clean(way->destination ? way->destination : UNKNOWN, out);
	}
	if (vrrp->n_way)
		fputc('\n', out);
}

/* Only what is worth a line: most of the time nothing is. */
static void print_switches(const Cas__LbdStatus *lbd, FILE *out)
{
	if (!lbd->switching && !lbd->given_up)
		return;
	fprintf(out, "changes of members: %u under way", lbd->switching);
	if (lbd->has_switching_ms)
		fprintf(out, " for %.1f s", (double)lbd->switching_ms / 1000);
	fprintf(out, ", %llu given up\n", (unsigned long long)lbd->given_up);
}

/* What held connections up, or let them be begun unfollowed. */
static void print_strict(const Cas__StrictStatus *strict, FILE *out)
{
	if (strict && strict->limited)
		fprintf(out,
			"strict services: %llu connection requests came faster than 4,096 a second "
			"and processor\n",
			(unsigned long long)strict->limited);
	if (!strict || !(strict->timed_out | strict->overflow | strict->unsent | strict->waiting))
		return;
	fprintf(out,
		"strict services: %llu of %llu new connections waited too long for the standby, "
		"%llu were too many, %llu wait\n",
		(unsigned long long)strict->timed_out, (unsigned long long)strict->taken,
		(unsigned long long)strict->overflow, (unsigned long long)strict->waiting);
}

static void print_drill(const Answer__LastDrill *drill, FILE *out)
{
	char age[TEXT_SIZE], success[TEXT_SIZE];

	fprintf(out, "last drill %s ago, %s", text_duration(age, (uint64_t)(drill->age_seconds * 1e3)),
		drill->passed ? "passed" : "failed");
	if (!drill->passed && drill->has_last_success_seconds)
		fprintf(out, "; the last that passed was %s ago",
			text_duration(success, (uint64_t)(drill->last_success_seconds * 1e3)));
	fputc('\n', out);
}

static void print_list(const char *word, char *const *list, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s: ", word);
		text_clean(list[i], out);
		fputc('\n', out);
	}
}

void status_print(const Answer__Status *status, bool colour, FILE *out)
{
	struct table *table = table_new(titles, COLUMNS, RIGHT);

	fputs("pair ", out);
	text_clean(status->pair ? status->pair : UNKNOWN, out);
	fputc('\n', out);
	for (size_t i = 0; i < status->n_nodes; i++)
		add_node(table, status->nodes[i]);
	table_print(table, 0, colour, out);
	if (status->vrrp)
		print_ways(status->vrrp, out);
	if (status->lbd) {
		print_switches(status->lbd, out);
		print_strict(status->lbd->strict, out);
	}
	if (status->drill)
		print_drill(status->drill, out);
	for (size_t i = 0; status->lbd && i < status->lbd->n_array; i++) {
		print_array(status->lbd->array[i], colour, out);
		print_names(status->lbd, status->lbd->array[i], colour, out);
	}
	if (status->n_problems + status->n_notes > 0)
		fputc('\n', out);
	print_list("problem", status->problems, status->n_problems, out);
	print_list("note", status->notes, status->n_notes, out);
}
