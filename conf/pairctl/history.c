// SPDX-License-Identifier: BSD-2-Clause
#include "conf/history.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- history: what is known of each ----------------------------------------------------------- */

static const char *state_of(const struct standing *standing, const struct revision *revision)
{
	if (revision_equal(revision, &standing->current))
		return "current";
	if (revision_equal(revision, &standing->staged))
		return "staged";
	return revision_equal(revision, &standing->previous) ? "previous" : "kept";
}

static char *id_text(const struct revision *revision)
{
	char text[2 * REVISION_ID + 1];

	for (size_t i = 0; i < REVISION_ID; i++)
		snprintf(text + 2 * i, 3, "%02x", revision->id[i]);
	return text_format("%s", text);
}

/* By name where the configuration in force knows the key, else by the key. */
static char *signer_text(const struct bundle *bundle, const struct conf *running)
{
	char who[SIGN_WHO], key[SIGN_TEXT];

	if (running && sign_whose(running->file, bundle->signer, who))
		return text_format("%s", who);
	sign_public_print(key, bundle->signer);
	return text_format("%s", key);
}

static void fill_bundle(Answer__Revision *answer, const struct bundle *bundle,
			const struct conf *running)
{
	struct conf_faults faults = { 0 };
	struct conf *conf = bundle_conf(bundle, &faults);

	if (conf)
		answer->config_digest = text_format("%s", conf->digest_text);
	conf_free(conf);
	conf_faults_free(&faults);
	if (!bundle->is_signed)
		return;
	answer->signed_by = signer_text(bundle, running);
	answer->who = *bundle->who ? text_format("%s", bundle->who) : NULL;
	answer->message = *bundle->message ? text_format("%s", bundle->message) : NULL;
	answer->has_time_ms = bundle->when_ms > 0;
	answer->time_ms = bundle->when_ms;
	answer->has_rolls_back = bundle->rolls_back > 0;
	answer->rolls_back = bundle->rolls_back;
}

static void fill_revision(Answer__Revision *answer, const struct history *history,
			  const struct revision *revision, const struct conf *running)
{
	struct bundle *bundle;

	answer__revision__init(answer);
	answer->number = revision->number;
	answer->id = id_text(revision);
	answer->state = text_format("%s", state_of(history_standing(history), revision));
	if (history_load(history, revision, &bundle) < 0) {
		free(answer->state);
		answer->state = text_format("damaged");
		return;
	}
	fill_bundle(answer, bundle, running);
	bundle_free(bundle);
}

static void free_revision(Answer__Revision *answer)
{
	free(answer->id);
	free(answer->state);
	free(answer->config_digest);
	free(answer->signed_by);
	free(answer->who);
	free(answer->message);
}

/* --- history: printed ------------------------------------------------------------------------- */

static char *time_text(const Answer__Revision *revision)
{
	time_t seconds = (time_t)(revision->time_ms / 1000);
	struct tm tm;
	char text[32];

	if (!revision->has_time_ms || !localtime_r(&seconds, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return text_format("-");
	return text_format("%s", text);
}

static void add_row(struct table *table, const Answer__Revision *revision)
{
	char *number = text_format("%llu", (unsigned long long)revision->number);
	char *time = time_text(revision);
	char *why = revision->has_rolls_back
			    ? text_format("back to %llu%s%s",
					  (unsigned long long)revision->rolls_back,
					  revision->message ? ": " : "",
					  revision->message ? revision->message : "")
			    : text_format("%s", revision->message     ? revision->message
						: revision->signed_by ? "-"
								      : "from the working copy");

	table_add(table, number, TEXT_PLAIN);
	table_add(table, revision->config_digest ? revision->config_digest : "-", TEXT_PLAIN);
	table_add(table, revision->state,
		  strcmp(revision->state, "current") == 0   ? TEXT_GOOD
		  : strcmp(revision->state, "damaged") == 0 ? TEXT_BAD
							    : TEXT_PLAIN);
	table_add(table, time, TEXT_PLAIN);
	table_add(table, revision->who ? revision->who : "-", TEXT_PLAIN);
	table_add(table, revision->signed_by ? revision->signed_by : "-", TEXT_PLAIN);
	table_add(table, why, TEXT_PLAIN);
	free(why);
	free(time);
	free(number);
}

static void print_text(const struct pairctl *ctl, const Answer__History *answer)
{
	static const char *const titles[] = { "revision", "config", "state", "pushed",
					      "by",       "signed", "why" };
	struct table *table;

	if (!answer->pushed)
		puts("nothing was pushed yet: the working copy runs");
	if (answer->damage)
		printf("problem: %s\n", answer->damage);
	if (answer->n_revision) {
		table = table_new(titles, sizeof(titles) / sizeof(titles[0]), 0);
		for (size_t i = 0; i < answer->n_revision; i++)
			add_row(table, answer->revision[i]);
		table_print(table, 0, ctl->colour, stdout);
	}
	if (answer->has_confirm_left_seconds)
		printf("the current one is taken back in %.0f s unless you run: pairctl confirm\n",
		       answer->confirm_left_seconds);
}

static double left(uint64_t by_ms)
{
	struct timespec now;
	double seconds;

	clock_gettime(CLOCK_REALTIME, &now);
	seconds = (double)by_ms / 1000.0 - (double)now.tv_sec;
	return seconds > 0 ? seconds : 0;
}

static int print_history(const struct pairctl *ctl, const struct history *history,
			 const struct conf *running)
{
	const struct standing *standing = history_standing(history);
	Answer__History answer = ANSWER__HISTORY__INIT;
	const struct revision *kept;
	size_t count = history_list(history, &kept), n = 0;
	Answer__Revision *one = text_alloc(count + 2, sizeof(*one));
	Answer__Revision **list = text_alloc(count + 2, sizeof(*list));

	if (!revision_none(&standing->staged))
		fill_revision(&one[n++], history, &standing->staged, running);
	for (size_t i = 0; i < count; i++)
		fill_revision(&one[n++], history, &kept[i], running);
	for (size_t i = 0; i < n; i++)
		list[i] = &one[i];
	answer.schema = ANSWER_SCHEMA;
	answer.pushed = standing->pushed;
	answer.revision = list;
	answer.n_revision = n;
	answer.has_confirm_left_seconds = standing->confirm_by_ms > 0;
	answer.confirm_left_seconds = left(standing->confirm_by_ms);
	answer.damage = standing->damaged ? text_format("%s", standing->why) : NULL;
	if (ctl->json)
		answer_print(&answer.base, stdout);
	else
		print_text(ctl, &answer);
	free(answer.damage);
	for (size_t i = 0; i < n; i++)
		free_revision(&one[i]);
	free(list);
	free(one);
	return standing->damaged ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}

/* Only for the names of signers: without it their keys are printed. */
static struct conf *what_runs(const struct history *history)
{
	struct conf_faults faults = { 0 };
	struct conf *conf = NULL;
	struct bundle *bundle;

	if (history_load(history, &history_standing(history)->running, &bundle) < 0)
		return NULL;
	conf = bundle_conf(bundle, &faults);
	conf_faults_free(&faults);
	bundle_free(bundle);
	return conf;
}

int history_run(const struct pairctl *ctl)
{
	struct history *history = revision_store(ctl);
	struct conf *running;
	int status;

	if (!history)
		return PAIRCTL_PROBLEM;
	running = what_runs(history);
	status = print_history(ctl, history, running);
	conf_free(running);
	history_close(history);
	return status;
}
