// SPDX-License-Identifier: BSD-2-Clause
#include "conf/drift.h"

#include <stdio.h>
#include <string.h>

static const uint64_t fresh_ns = 5000000000;

static void say(struct drift *drift, const struct conf *running, const char *path, size_t errors)
{
	if (errors)
		snprintf(drift->text, DRIFT_TEXT, "%.300s has %zu error%s: see pairctl check", path,
			 errors, errors == 1 ? "" : "s");
	else if (revision_none(&running->revision))
		snprintf(drift->text, DRIFT_TEXT, "%.300s differs from what runs: SIGHUP reads it",
			 path);
	else
		snprintf(drift->text, DRIFT_TEXT,
			 "%.300s differs from revision %llu, which runs: see pairctl diff", path,
			 (unsigned long long)running->revision.number);
}

static void look(struct drift *drift, const struct conf *running, const char *path)
{
	struct conf_faults faults;
	struct conf *conf = conf_read_file(path, &faults);

	drift->text[0] = '\0';
	if (!conf || memcmp(conf->digest, running->digest, CONF_DIGEST_BYTES) != 0)
		say(drift, running, path, faults.errors);
	conf_free(conf);
	conf_faults_free(&faults);
}

const char *drift_look(struct drift *drift, const struct conf *running, const char *path,
		       uint64_t now_ns)
{
	if (!drift->looked_ns || now_ns - drift->looked_ns >= fresh_ns ||
	    memcmp(drift->digest, running->digest, CONF_DIGEST_BYTES) != 0) {
		look(drift, running, path);
		drift->looked_ns = now_ns;
		memcpy(drift->digest, running->digest, CONF_DIGEST_BYTES);
	}
	return drift->text[0] ? drift->text : NULL;
}
