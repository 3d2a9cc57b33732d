// SPDX-License-Identifier: BSD-2-Clause
/* The verb: its options, and the list of steps as text and as JSON. */
#include "conf/pairctl/runbook.h"

#include <stdlib.h>
#include <string.h>

#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

enum runbook_version runbook_version(const char *word)
{
	static const char *const words[] = {
		[RUNBOOK_2010_RTM] = "2010-rtm",
		[RUNBOOK_2010_SP1] = "2010-sp1",
		[RUNBOOK_2010_SP2] = "2010-sp2",
		[RUNBOOK_2010_SP3] = "2010-sp3",
	};

	for (enum runbook_version i = RUNBOOK_2010_RTM; i < RUNBOOK_UNKNOWN; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return RUNBOOK_UNKNOWN;
}

static void free_lines(struct runbook_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	free(lines->line);
}

void runbook_free(struct runbook *book)
{
	for (size_t i = 0; i < book->count; i++) {
		free(book->step[i].title);
		free(book->step[i].where);
		free(book->step[i].why);
		free_lines(&book->step[i].run);
		free_lines(&book->step[i].undo);
	}
	free(book->step);
	*book = (struct runbook){ 0 };
}

/* --- text ----------------------------------------------------------------------------------- */

static void print_comment(const char *text, FILE *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		fprintf(out, "# %.*s\n", (int)length, text);
		text += length;
		text += *text == '\n';
	}
}

static void print_step(const struct runbook_step *step, size_t number, bool undo, FILE *out)
{
	const struct runbook_lines *lines = undo ? &step->undo : &step->run;

	fprintf(out, "\n# --- %zu. %s%s\n# On: %s\n", number, undo ? "Take back: " : "",
		step->title, step->where);
	if (!undo)
		print_comment(step->why, out);
	for (size_t i = 0; i < lines->count; i++)
		fprintf(out, "%s\n", lines->line[i]);
}

void runbook_print(const struct runbook *book, bool undo, FILE *out)
{
	size_t number = 0;

	for (size_t i = 0; i < book->count; i++) {
		const struct runbook_step *step = &book->step[undo ? book->count - 1 - i : i];

		if (!undo || step->undo.count > 0)
			print_step(step, ++number, undo, out);
	}
}

/* --- JSON ----------------------------------------------------------------------------------- */

static void print_json(const struct runbook *book)
{
	Answer__Runbook answer = ANSWER__RUNBOOK__INIT;
	Answer__Runbook__Step *step = text_alloc(book->count + 1, sizeof(*step));
	Answer__Runbook__Step **steps = text_alloc(book->count + 1, sizeof(*steps));

	for (size_t i = 0; i < book->count; i++) {
		answer__runbook__step__init(&step[i]);
		step[i].title = book->step[i].title;
		step[i].where = book->step[i].where;
		step[i].why = book->step[i].why;
		step[i].run = book->step[i].run.line;
		step[i].n_run = book->step[i].run.count;
		step[i].undo = book->step[i].undo.line;
		step[i].n_undo = book->step[i].undo.count;
		steps[i] = &step[i];
	}
	answer.schema = ANSWER_SCHEMA;
	answer.step = steps;
	answer.n_step = book->count;
	answer_print(&answer.base, stdout);
	free(steps);
	free(step);
}

/* --- the verb ------------------------------------------------------------------------------- */

static int no_array(const struct pairctl *ctl, const char *file)
{
	char *text = ctl->array ? text_format("%s has no array \"%s\"", file, ctl->array)
				: text_format("%s has several arrays: name one with --array", file);
	int status = ask_fail(ctl, PAIRCTL_USAGE, text);

	free(text);
	return status;
}

static const Conf__Array *find_array(const struct pairctl *ctl, const struct conf *conf)
{
	if (!ctl->array)
		return conf->file->n_array == 1 ? conf->file->array[0] : NULL;
	for (size_t i = 0; i < conf->file->n_array; i++)
		if (strcmp(conf->file->array[i]->name, ctl->array) == 0)
			return conf->file->array[i];
	return NULL;
}

static int print_book(const struct pairctl *ctl, const struct conf *conf,
		      const struct runbook_site *site, const char *file)
{
	const Conf__Array *array = find_array(ctl, conf);
	struct runbook book = { 0 };

	if (!array)
		return no_array(ctl, file);
	if (!array->fqdn)
		return ask_fail(ctl, PAIRCTL_PROBLEM,
				"the array has no fqdn: clients would not find it");
	runbook_array(&book, conf, array, site);
	if (ctl->json)
		print_json(&book);
	else
		runbook_print(&book, ctl->undo, stdout);
	runbook_free(&book);
	return PAIRCTL_DONE;
}

/* They stand in command lines: no quotation mark, and a $ at the end alone. */
static bool quotable(const char *word)
{
	for (; word && *word; word++)
		if (strchr("'\"`;&|", *word) || (*word == '$' && word[1]) ||
		    (*word >= 0 && *word < ' '))
			return false;
	return true;
}

int runbook_run(const struct pairctl *ctl)
{
	const char *file = ctl->arguments == 2 ? ctl->argument[1]
			   : ctl->config       ? ctl->config
					       : "/etc/caspair/pair.conf";
	struct runbook_site site = { .name = ctl->site, .account = ctl->account };
	struct conf *conf;
	int status;

	if (strcmp(ctl->argument[0], "exchange") != 0)
		return pairctl_usage("there is a runbook for exchange only");
	if (ctl->arguments == 2 && ctl->config)
		return pairctl_usage("name the file once: FILE or --config FILE");
	if (!ctl->exchange)
		return pairctl_usage(
			"say --exchange 2010-rtm, 2010-sp1, 2010-sp2 or 2010-sp3: they "
			"keep the address book's port in different places");
	site.version = runbook_version(ctl->exchange);
	if (site.version == RUNBOOK_UNKNOWN)
		return pairctl_usage("--exchange %s: there are 2010-rtm, 2010-sp1, 2010-sp2 and "
				     "2010-sp3; later versions have no client access arrays",
				     ctl->exchange);
	if (!quotable(ctl->site) || !quotable(ctl->account))
		return pairctl_usage("--site and --account stand in command lines: no quotation "
				     "marks, and a $ at the end alone");
	conf = pairctl_read(ctl, file);
	if (!conf)
		return PAIRCTL_PROBLEM;
	status = print_book(ctl, conf, &site, file);
	conf_free(conf);
	return status;
}
