// SPDX-License-Identifier: BSD-2-Clause
#include "conf/running.h"

#include <stdio.h>
#include <string.h>

#include "conf/fault.h"

static void read_working_copy(struct running *running, const char *path)
{
	snprintf(running->name, sizeof(running->name), "%s", path);
	running->conf = conf_read_file(path, &running->faults);
}

static void read_revision(struct running *running, const struct history *history,
			  const struct revision *which)
{
	struct bundle *bundle;
	char text[REVISION_TEXT];
	int error = history_load(history, which, &bundle);

	snprintf(running->name, sizeof(running->name), "revision %s: pair.conf",
		 revision_text(text, which));
	if (error < 0) {
		fault_error(&running->faults, (struct place){ 0 }, "cannot be read: %s",
			    strerror(-error));
		return;
	}
	running->conf = bundle_conf(bundle, &running->faults);
	if (running->conf)
		running->conf->revision = *which;
	bundle_free(bundle);
}

void running_read(struct running *running, const char *state_dir, const char *working_copy)
{
	const struct standing *standing;
	struct history *history;
	char why[HISTORY_WHY];

	*running = (struct running){ 0 };
	if (history_open(&history, state_dir, false, why) < 0) {
		snprintf(running->name, sizeof(running->name), "%s/config", state_dir);
		fault_error(&running->faults, (struct place){ 0 }, "%s", why);
		return;
	}
	standing = history_standing(history);
	if (standing->damaged)
		snprintf(running->note, sizeof(running->note), "%s", standing->why);
	/* Nothing whole was left of the store: the working copy is all there is. */
	if (standing->pushed && !revision_none(&standing->running))
		read_revision(running, history, &standing->running);
	else
		read_working_copy(running, working_copy);
	history_close(history);
}
