// SPDX-License-Identifier: BSD-2-Clause
#include "conf/files.h"
#include "conf/history.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>

/* A single file as it is, byte for byte; of several each under a comment with its name. */
static void print_files(const struct conf_text *file, size_t files)
{
	for (size_t i = 0; i < files; i++) {
		if (files > 1)
			printf("%s# %s\n", i ? "\n" : "", file[i].name);
		fwrite(file[i].bytes, 1, file[i].length, stdout);
	}
}

static void print_json(const struct conf *conf, const struct conf_text *file, size_t files)
{
	Answer__Show answer = ANSWER__SHOW__INIT;
	Answer__Show__File *one = text_alloc(files + 1, sizeof(*one));
	Answer__Show__File **list = text_alloc(files + 1, sizeof(*list));

	for (size_t i = 0; i < files; i++) {
		answer__show__file__init(&one[i]);
		one[i].name = file[i].name;
		one[i].text = text_format("%.*s", (int)file[i].length, (const char *)file[i].bytes);
		list[i] = &one[i];
	}
	answer.schema = ANSWER_SCHEMA;
	answer.has_revision = !revision_none(&conf->revision);
	answer.revision = conf->revision.number;
	answer.config_digest = text_format("%s", conf->digest_text);
	answer.file = list;
	answer.n_file = files;
	answer_print(&answer.base, stdout);
	for (size_t i = 0; i < files; i++)
		free(one[i].text);
	free(answer.config_digest);
	free(list);
	free(one);
}

static void print_either(const struct pairctl *ctl, const struct conf *conf,
			 const struct conf_text *file, size_t files)
{
	if (ctl->json)
		print_json(conf, file, files);
	else
		print_files(file, files);
}

/* Everything written out, defaults too, without the comments. */
static int show_canonical(const struct pairctl *ctl)
{
	struct conf *conf = revision_conf(ctl, "running");

	if (!conf)
		return PAIRCTL_PROBLEM;
	if (ctl->json)
		conf_print_json(&conf->file->base, stdout);
	else
		conf_print(conf->file, stdout);
	if (ctl->json)
		putchar('\n');
	conf_free(conf);
	return PAIRCTL_DONE;
}

static int show_working_copy(const struct pairctl *ctl)
{
	struct conf *conf = pairctl_read(ctl, revision_working_copy(ctl));
	struct conf_text *file;
	char why[KEY_WHY];
	size_t files;
	int status = PAIRCTL_DONE;

	if (!conf)
		return PAIRCTL_PROBLEM;
	if (bundle_files_load(&file, &files, revision_working_copy(ctl), why) < 0) {
		status = ask_fail(ctl, PAIRCTL_PROBLEM, why);
	} else {
		print_either(ctl, conf, file, files);
		bundle_files_free(file, files);
	}
	conf_free(conf);
	return status;
}

static int show_revision(const struct pairctl *ctl, const struct history *history, uint64_t number)
{
	struct bundle *bundle = revision_bundle(ctl, history, number);
	struct conf conf = { 0 }, *read;
	struct conf_faults faults = { 0 };

	if (!bundle)
		return PAIRCTL_PROBLEM;
	/* One that this version cannot read is shown all the same. */
	read = bundle_conf(bundle, &faults);
	if (read)
		memcpy(conf.digest_text, read->digest_text, sizeof(conf.digest_text));
	conf.revision = bundle->line.tip;
	print_either(ctl, &conf, bundle->file, bundle->files);
	conf_free(read);
	conf_faults_free(&faults);
	bundle_free(bundle);
	return PAIRCTL_DONE;
}

int show_run(const struct pairctl *ctl)
{
	const char *what = ctl->argument[0];
	bool running = strcmp(what, "running") == 0;
	struct history *history;
	uint64_t number = 0;
	int status;

	if (strcmp(what, "canonical") == 0)
		return show_canonical(ctl);
	if (!running && !revision_number(what, &number))
		return pairctl_usage("show %s: running, canonical or the number of a revision",
				     what);
	history = revision_store(ctl);
	if (!history)
		return PAIRCTL_PROBLEM;
	status = running && !revision_runs(history) ? show_working_copy(ctl)
						    : show_revision(ctl, history, number);
	history_close(history);
	return status;
}
