// SPDX-License-Identifier: BSD-2-Clause
#include "conf/diff.h"

#include <stdlib.h>
#include <string.h>

#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

/* --- text ----------------------------------------------------------------------------------- */

/* Blocks have no value. */
static char *change_text(const struct diff_change *change)
{
	if (!change->before)
		return text_format("+ %s", *change->after ? change->after : "new");
	if (!change->after)
		return text_format("- %s", *change->before ? change->before : "gone");
	return text_format("%s -> %s", change->before, change->after);
}

static void print_changes(const struct diff *diff, bool colour)
{
	static const char *const titles[] = { "statement", "change", "needs" };
	struct table *table = table_new(titles, sizeof(titles) / sizeof(titles[0]), 0);

	for (size_t i = 0; i < diff->changes; i++) {
		const struct diff_change *change = &diff->change[i];
		char *what = change_text(change);

		table_add(table, change->where, TEXT_PLAIN);
		table_add(table, what,
			  !change->before  ? TEXT_GOOD
			  : !change->after ? TEXT_BAD
					   : TEXT_PLAIN);
		table_add(table, diff_need_text(change->need), TEXT_DOUBT);
		free(what);
	}
	table_print(table, 2, colour, stdout);
}

static void print_effects(const struct diff *diff)
{
	if (!diff->effects && !diff->shares)
		puts("effect: no session ends, and new ones go where they would have gone");
	for (size_t i = 0; i < diff->effects; i++)
		printf("effect: %s\n", diff->effect[i]);
	for (size_t i = 0; i < diff->shares; i++) {
		const struct diff_share *share = &diff->share[i];

		printf("effect: array %s: new clients of %s: %.1f%% -> %.1f%%\n", share->array,
		       share->member, share->before / 10.0, share->after / 10.0);
	}
}

static void print_needs(const struct diff *diff)
{
	bool told[DIFF_ALL + 1] = { false };

	for (size_t i = 0; i < diff->changes; i++) {
		enum diff_need need = diff->change[i].need;

		if (need != DIFF_LIVE && !told[need])
			printf("needs: %s, on both nodes\n", diff_need_text(need));
		told[need] = true;
	}
}

static void print_name(const struct conf *conf)
{
	fputs(conf->digest_text, stdout);
	if (!revision_none(&conf->revision))
		printf(" (revision %llu)", (unsigned long long)conf->revision.number);
}

static void print_text(const struct pairctl *ctl, const struct diff *diff,
		       const struct conf *before, const struct conf *after)
{
	print_name(before);
	fputs(" -> ", stdout);
	print_name(after);
	fputc('\n', stdout);
	if (!diff->changes) {
		puts(strcmp(before->digest_text, after->digest_text) == 0
			     ? "no difference"
			     : "the same statements in another order; both nodes need the same "
			       "one");
		return;
	}
	print_changes(diff, ctl->colour);
	print_effects(diff);
	print_needs(diff);
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Borrows the texts, as the next. */
static void fill_change(Answer__Diff__Change *answer, const struct diff_change *change)
{
	answer__diff__change__init(answer);
	answer->where = change->where;
	answer->before = change->before;
	answer->after = change->after;
	if (change->need != DIFF_LIVE)
		answer->needs = text_format("%s", diff_need_text(change->need));
}

static void fill_share(Answer__Diff__Share *answer, const struct diff_share *share)
{
	answer__diff__share__init(answer);
	answer->array = text_format("%s", share->array);
	answer->member = text_format("%s", share->member);
	answer->before = share->before / 1000.0;
	answer->after = share->after / 1000.0;
}

static void print_json(const struct diff *diff, const struct conf *before, const struct conf *after)
{
	Answer__Diff answer = ANSWER__DIFF__INIT;
	Answer__Diff__Change *change = text_alloc(diff->changes + 1, sizeof(*change));
	Answer__Diff__Change **changes = text_alloc(diff->changes + 1, sizeof(*changes));
	Answer__Diff__Share *share = text_alloc(diff->shares + 1, sizeof(*share));
	Answer__Diff__Share **shares = text_alloc(diff->shares + 1, sizeof(*shares));

	for (size_t i = 0; i < diff->changes; i++) {
		fill_change(&change[i], &diff->change[i]);
		changes[i] = &change[i];
	}
	for (size_t i = 0; i < diff->shares; i++) {
		fill_share(&share[i], &diff->share[i]);
		shares[i] = &share[i];
	}
	answer.schema = ANSWER_SCHEMA;
	answer.before = text_format("%s", before->digest_text);
	answer.after = text_format("%s", after->digest_text);
	answer.changed = diff->changes > 0;
	answer.change = changes;
	answer.n_change = diff->changes;
	answer.share = shares;
	answer.n_share = diff->shares;
	answer.effect = diff->effect;
	answer.n_effect = diff->effects;
	answer_print(&answer.base, stdout);
	for (size_t i = 0; i < diff->changes; i++)
		free(change[i].needs);
	for (size_t i = 0; i < diff->shares; i++) {
		free(share[i].array);
		free(share[i].member);
	}
	free(answer.before);
	free(answer.after);
	free(shares);
	free(share);
	free(changes);
	free(change);
}

static int compare(const struct pairctl *ctl, const struct conf *before, const struct conf *after)
{
	struct diff diff;
	int error = diff_make(&diff, before, after);

	if (error)
		error = ask_fail(ctl, PAIRCTL_PROBLEM, "no memory");
	else if (ctl->json)
		print_json(&diff, before, after);
	else
		print_text(ctl, &diff, before, after);
	diff_free(&diff);
	return error;
}

/* Against what runs, unless a file is named that something is to be compared with. */
int diff_run(const struct pairctl *ctl)
{
	const char *old = "running", *new = revision_working_copy(ctl);
	struct conf *before, *after;
	int status = PAIRCTL_PROBLEM;

	if (ctl->arguments == 2 && ctl->config)
		return pairctl_usage("name the old file once: OLD or --config FILE");
	if (ctl->arguments > 0)
		new = ctl->argument[ctl->arguments - 1];
	if (ctl->arguments == 2)
		old = ctl->argument[0];
	else if (ctl->arguments == 1 && ctl->config)
		old = ctl->config;
	before = revision_conf(ctl, old);
	after = before ? revision_conf(ctl, new) : NULL;
	if (after)
		status = compare(ctl, before, after);
	conf_free(after);
	conf_free(before);
	return status;
}
