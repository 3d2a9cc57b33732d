// SPDX-License-Identifier: BSD-2-Clause
/* The store is read as it lies there: it can be asked when no daemon runs. */
#include "conf/history.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct history *revision_store(const struct pairctl *ctl)
{
	struct history *history;
	char why[HISTORY_WHY];

	if (history_open(&history, ctl->state_dir, false, why) < 0)
		ask_fail(ctl, PAIRCTL_PROBLEM, why);
	return history;
}

bool revision_runs(const struct history *history)
{
	const struct standing *standing = history_standing(history);

	return standing->pushed && !revision_none(&standing->running);
}

const char *revision_working_copy(const struct pairctl *ctl)
{
	return ctl->config ? ctl->config : "/etc/caspair/pair.conf";
}

bool revision_number(const char *word, uint64_t *number)
{
	size_t digits = strspn(word, "0123456789");

	if (digits == 0 || digits > 15 || word[digits])
		return false;
	*number = strtoull(word, NULL, 10);
	return *number > 0;
}

static const struct revision *find(const struct history *history, uint64_t number)
{
	const struct revision *list;
	size_t count = history_list(history, &list);

	if (number == 0)
		return &history_standing(history)->running;
	for (size_t i = 0; i < count; i++)
		if (list[i].number == number)
			return &list[i];
	return NULL;
}

struct bundle *revision_bundle(const struct pairctl *ctl, const struct history *history,
			       uint64_t number)
{
	const struct revision *which = find(history, number);
	struct bundle *bundle = NULL;
	int error = which ? history_load(history, which, &bundle) : -ENOENT;
	char *text;

	if (error == 0)
		return bundle;
	text = text_format("revision %llu %s", (unsigned long long)number,
			   error == -ENOENT    ? "is not kept here; see pairctl history"
			   : error == -EBADMSG ? "is damaged"
					       : strerror(-error));
	ask_fail(ctl, PAIRCTL_PROBLEM, text);
	free(text);
	return NULL;
}

static struct conf *read_stored(const struct pairctl *ctl, const struct history *history,
				uint64_t number)
{
	struct bundle *bundle = revision_bundle(ctl, history, number);
	struct conf_faults faults = { 0 };
	struct conf *conf = NULL;
	char *text;

	if (!bundle)
		return NULL;
	conf = bundle_conf(bundle, &faults);
	if (conf) {
		conf->revision = bundle->line.tip;
	} else {
		text = text_format("revision %llu has %zu errors in the eyes of this version",
				   (unsigned long long)bundle->line.tip.number, faults.errors);
		ask_fail(ctl, PAIRCTL_PROBLEM, text);
		free(text);
	}
	conf_faults_free(&faults);
	bundle_free(bundle);
	return conf;
}

struct conf *revision_conf(const struct pairctl *ctl, const char *word)
{
	bool running = strcmp(word, "running") == 0;
	struct history *history;
	struct conf *conf;
	uint64_t number = 0;

	if (!running && !revision_number(word, &number))
		return pairctl_read(ctl, word);
	history = revision_store(ctl);
	if (!history)
		return NULL;
	if (running && !revision_runs(history))
		conf = pairctl_read(ctl, revision_working_copy(ctl));
	else
		conf = read_stored(ctl, history, number);
	history_close(history);
	return conf;
}
