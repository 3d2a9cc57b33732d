// SPDX-License-Identifier: BSD-2-Clause
/* How far away clients are, and how fast members answer RPC: pairctl report latency. */
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>

/* All in one unit: they are there to be compared. */
static char *text_us(char text[TEXT_SIZE], uint64_t us)
{
	snprintf(text, TEXT_SIZE, "%.1f ms", (double)us / 1000);
	return text;
}

/* The median is beyond the limit; a single lost packet is not worth a word. */
static bool is_slow(uint64_t slow, uint64_t count)
{
	return count && slow * 2 >= count;
}

/* --- networks --------------------------------------------------------------------------------- */

static void add_net(struct table *table, const Cas__LatencyNet *net)
{
	enum text_colour colour = is_slow(net->slow, net->handshakes) ? TEXT_BAD : TEXT_PLAIN;
	char text[TEXT_SIZE];

	table_add(table, net->array, TEXT_PLAIN);
	table_add(table, net->net, TEXT_PLAIN);
	table_add(table, text_count(text, net->handshakes), TEXT_PLAIN);
	table_add(table, text_us(text, net->mean_us), colour);
	table_add(table, text_us(text, net->max_us), TEXT_PLAIN);
	table_add(table, text_count(text, net->slow), colour);
	table_add(table, text_duration(text, net->age_ms), TEXT_PLAIN);
	table_add(table, colour == TEXT_BAD ? "too far" : "", colour);
}

static void print_nets(const Cas__LatencyReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array",   "network", "handshakes", "mean",
					      "longest", "slow",    "last",       "" };
	struct table *table = table_new(titles, 8, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < reply->n_net; i++)
		add_net(table, reply->net[i]);
	table_print(table, 0, colour, out);
	if (reply->nets > reply->n_net)
		fprintf(out, "%s networks that are nearer are not listed: ask for one --array\n",
			text_count(text, reply->nets - reply->n_net));
}

static void print_array(const Cas__LatencyArray *array, FILE *out)
{
	char median[TEXT_SIZE], most[TEXT_SIZE], count[TEXT_SIZE];

	text_clean(array->array, out);
	fputs(": ", out);
	if (array->client_rtt)
		fprintf(out, "half of %s round trips to clients below %s, 99%% below %s",
			text_count(count, array->client_rtt->count),
			text_us(median, array->client_rtt->p50_us),
			text_us(most, array->client_rtt->p99_us));
	if (array->unseen) {
		fputs(array->client_rtt ? "; now they are not seen, " : "clients are not seen, ",
		      out);
		text_clean(array->unseen, out);
	}
	fputc('\n', out);
}

/* --- members ---------------------------------------------------------------------------------- */

static void add_times(struct table *table, const Cas__Latency *times)
{
	char text[TEXT_SIZE];

	table_add(table, times ? text_us(text, times->mean_us) : "unknown", TEXT_PLAIN);
	table_add(table, times ? text_us(text, times->p99_us) : "unknown", TEXT_PLAIN);
}

static void add_member(struct table *table, const Cas__LatencyMember *member)
{
	uint64_t count = member->bind ? member->bind->count : 0;
	bool slow = is_slow(member->slow, count);
	char text[TEXT_SIZE];

	table_add(table, member->array, TEXT_PLAIN);
	table_add(table, member->member, TEXT_PLAIN);
	table_add(table, text_count(text, count), TEXT_PLAIN);
	add_times(table, member->connect);
	add_times(table, member->bind);
	table_add(table, member->bind ? text_count(text, member->slow) : "unknown",
		  slow ? TEXT_BAD : TEXT_PLAIN);
	table_add(table,
		  slow    ? "too slow"
		  : count ? ""
			  : "no check rpc-epm has asked it",
		  slow ? TEXT_BAD : TEXT_DOUBT);
}

static void print_members(const Cas__LatencyReply *reply, bool colour, FILE *out)
{
	static const char *const titles[] = { "array",  "member", "RPC checks", "connect", "99%",
					      "answer", "99%",    "slow",       "" };
	struct table *table = table_new(titles, 9, 0xfc);

	for (size_t i = 0; i < reply->n_member; i++)
		add_member(table, reply->member[i]);
	table_print(table, 0, colour, out);
}

void distance_print(const Cas__LatencyReply *reply, bool colour, FILE *out)
{
	char limit[TEXT_SIZE];

	if (reply->n_net)
		print_nets(reply, colour, out);
	for (size_t i = 0; i < reply->n_array; i++)
		print_array(reply->array[i], out);
	fprintf(out, "Clients: from the SYN-ACK to its ACK, at this node; slow is %s or more.\n\n",
		text_us(limit, reply->client_limit_us));
	if (reply->n_member)
		print_members(reply, colour, out);
	fprintf(out,
		"Members: this node's own RPC checks; slow is an answer after %s or more.\n"
		"Not seen from here: calls inside the clients' sessions, and how long a member "
		"waits for\nits mailbox servers.\n",
		text_us(limit, reply->rpc_limit_us));
}

/* --- asking ----------------------------------------------------------------------------------- */

static int conclude(const Cas__LatencyReply *reply)
{
	bool slow = false;

	for (size_t i = 0; i < reply->n_net; i++)
		slow |= is_slow(reply->net[i]->slow, reply->net[i]->handshakes);
	for (size_t i = 0; i < reply->n_member; i++)
		slow |= reply->member[i]->bind &&
			is_slow(reply->member[i]->slow, reply->member[i]->bind->count);
	return slow ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}

static int print(const struct pairctl *ctl, Cas__LatencyReply *reply)
{
	Answer__Distance answer = ANSWER__DISTANCE__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "lbd gave no report");
	answer.schema = ANSWER_SCHEMA;
	answer.answer = reply;
	if (ctl->json)
		answer_print(&answer.base, stdout);
	else
		distance_print(reply, ctl->colour, stdout);
	return conclude(reply);
}

int distance_run(const struct pairctl *ctl)
{
	Cas__LatencyRequest request = CAS__LATENCY_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "lbd", &message, PAIRCTL_WAIT_MS };
	char *array = ctl->array ? text_format("%s", ctl->array) : NULL;
	int status;

	request.array = array;
	message.latency = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = print(ctl, answer->latency_reply);
		cas__message__free_unpacked(answer, NULL);
	}
	free(array);
	return status;
}
