// SPDX-License-Identifier: BSD-2-Clause
/*
 * A member has a line for each pool it is in, because weight and verdict belong to the pool.
 */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const titles[] = { "array/member", "address", "state", "sessions", "pool",
				      "weight",       "share",   "since", "check" };
enum { COLUMNS = sizeof(titles) / sizeof(titles[0]), RIGHT = 1 << 3 | 1 << 5 | 1 << 6 };

static enum text_colour state_colour(const char *state)
{
	if (strcmp(state, "up") == 0)
		return TEXT_GOOD;
	return strcmp(state, "down") == 0 ? TEXT_BAD : TEXT_DOUBT;
}

static void add_member(struct table *table, const Cas__MemberStatus *member)
{
	char *name = text_format("%s/%s", member->array, member->name);
	char *addresses = text_join(member->address, member->n_address);
	char text[TEXT_SIZE];

	table_add(table, name, TEXT_PLAIN);
	table_add(table, addresses, TEXT_PLAIN);
	table_add(table, member->state, state_colour(member->state));
	table_add(table, member->has_sessions ? text_count(text, member->sessions) : "unknown",
		  TEXT_PLAIN);
	free(name);
	free(addresses);
}

static void add_pool(struct table *table, const Cas__PoolVerdict *pool)
{
	char text[TEXT_SIZE];

	table_add(table, pool->pool, TEXT_PLAIN);
	snprintf(text, sizeof(text), "%u", pool->weight);
	table_add(table, text, TEXT_PLAIN);
	snprintf(text, sizeof(text), "%.0f%%", pool->share * 100);
	table_add(table, pool->has_share ? text : "unknown", TEXT_PLAIN);
	table_add(table, pool->has_since_ms ? text_duration(text, pool->since_ms) : "unknown",
		  TEXT_PLAIN);
	table_add(table, pool->check ? pool->check : "", pool->up ? TEXT_PLAIN : TEXT_BAD);
}

static void add_blanks(struct table *table, size_t count)
{
	while (count-- > 0)
		table_add(table, "", TEXT_PLAIN);
}

/* What the data plane has seen of a member in handshakes; silent while all is well and unmeasured.
 */
static void print_seen(const Cas__MemberStatus *member, FILE *out)
{
	if (!member->answer && !member->silent_syns && !member->refusals && !member->resets)
		return;
	fprintf(out, "%s/%s:", member->array, member->name);
	if (member->answer)
		fprintf(out, " answers within %.1f ms (half of %" PRIu64 "), %.1f ms (99%%);",
			(double)member->answer->p50_us / 1000, member->answer->count,
			(double)member->answer->p99_us / 1000);
	if (member->silent_syns)
		fprintf(out, " silent to the last %" PRIu64 " SYNs;", member->silent_syns);
	fprintf(out, " refused %" PRIu64 ", reset %" PRIu64 "\n", member->refusals, member->resets);
}

/* Through both nodes, since the pair began to count. */
static void print_totals(const Cas__MemberStatus *member, FILE *out)
{
	char text[TEXT_SIZE];

	if (!member->has_pair_connections)
		return;
	fprintf(out, "%s/%s: %s connections so far", member->array, member->name,
		text_count(text, member->pair_connections));
	fprintf(out, ", %s in", text_bytes(text, member->pair_bytes_in));
	fprintf(out, ", %s out\n", text_bytes(text, member->pair_bytes_out));
}

/* By whom, since when, why, and how long its sessions still have. */
static void print_admin(const Cas__MemberStatus *member, uint64_t unix_ms, FILE *out)
{
	char text[TEXT_SIZE];
	uint64_t since = member->admin_since_ms;

	if (!member->has_admin)
		return;
	fprintf(out, "%s/%s: %s by ", member->array, member->name, member->state);
	text_clean(member->admin_owner ? member->admin_owner : "unknown", out);
	fprintf(out, " (uid %" PRIu32 ")", member->admin_uid);
	if (member->has_admin_since_ms && since <= unix_ms)
		fprintf(out, " since %s", text_duration(text, unix_ms - since));
	if (member->admin_reason) {
		fputs(", \"", out);
		text_clean(member->admin_reason, out);
		fputc('"', out);
	}
	if (member->has_deadline_left_ms && member->deadline_left_ms)
		fprintf(out, ", sessions are ended in %s",
			text_duration(text, member->deadline_left_ms));
	else if (member->has_deadline_left_ms)
		fputs(", sessions are being ended", out);
	if (member->has_spread_ms)
		fprintf(out, " over %s", text_duration(text, member->spread_ms));
	fputc('\n', out);
}

/* The node that does not judge has checks of its own, and they say otherwise. */
static void print_objections(const Cas__MemberStatus *member, FILE *out)
{
	for (size_t i = 0; i < member->n_pool; i++) {
		const Cas__PoolVerdict *pool = member->pool[i];

		if (!pool->objector)
			continue;
		text_clean(pool->objector, out);
		fprintf(out, " sees %s/%s %s in %s: ", member->array, member->name,
			pool->up ? "down" : "up", pool->pool);
		text_clean(pool->objection ? pool->objection : "unknown", out);
		fputc('\n', out);
	}
}

static void print_learned(const Cas__MemberStatus *member, FILE *out)
{
	if (member->n_learned_port == 0)
		return;
	fprintf(out, "%s/%s: learned ports", member->array, member->name);
	for (size_t i = 0; i < member->n_learned_port; i++)
		fprintf(out, "%s %" PRIu32, i ? "," : "", member->learned_port[i]);
	fputc('\n', out);
}

static uint64_t date_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void members_print(const Cas__MembersReply *reply, bool colour, FILE *out)
{
	struct table *table = table_new(titles, COLUMNS, RIGHT);

	for (size_t i = 0; i < reply->n_member; i++) {
		const Cas__MemberStatus *member = reply->member[i];

		add_member(table, member);
		if (member->n_pool == 0)
			add_blanks(table, 5);
		for (size_t p = 0; p < member->n_pool; p++) {
			add_blanks(table, p > 0 ? 4 : 0);
			add_pool(table, member->pool[p]);
		}
	}
	table_print(table, 0, colour, out);
	for (size_t i = 0; i < reply->n_member; i++)
		print_admin(reply->member[i], date_ms(), out);
	for (size_t i = 0; i < reply->n_member; i++)
		print_objections(reply->member[i], out);
	for (size_t i = 0; i < reply->n_member; i++)
		print_learned(reply->member[i], out);
	for (size_t i = 0; i < reply->n_member; i++)
		print_seen(reply->member[i], out);
	for (size_t i = 0; i < reply->n_member; i++)
		print_totals(reply->member[i], out);
}

int members_run(const struct pairctl *ctl)
{
	Cas__MembersRequest request = CAS__MEMBERS_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, PAIRCTL_WAIT_MS };
	Answer__Members members = ANSWER__MEMBERS__INIT;
	int status;

	message.members = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status != PAIRCTL_DONE)
		return status;
	if (!answer->members_reply) {
		status = ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no list of members");
	} else if (ctl->json) {
		members.schema = ANSWER_SCHEMA;
		members.members = answer->members_reply->member;
		members.n_members = answer->members_reply->n_member;
		answer_print(&members.base, stdout);
	} else {
		members_print(answer->members_reply, ctl->colour, stdout);
	}
	cas__message__free_unpacked(answer, NULL);
	return status;
}
