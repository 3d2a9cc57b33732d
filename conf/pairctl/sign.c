// SPDX-License-Identifier: BSD-2-Clause
/* An operator's key never leaves this process: syncd is given what it has signed. */
#include "conf/bundle.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool take_parent(struct lineage *line, const Cas__ParentReply *reply)
{
	size_t length = reply->ancestors.len;

	*line = (struct lineage){ .tip.number = reply->number, .ancestors = length / REVISION_ID };
	if (reply->id.len != REVISION_ID || length % REVISION_ID ||
	    line->ancestors > REVISION_ANCESTORS)
		return false;
	memcpy(line->tip.id, reply->id.data, REVISION_ID);
	if (length)
		memcpy(line->ancestor, reply->ancestors.data, length);
	return true;
}

static int fail(const struct pairctl *ctl, int error)
{
	return ask_fail(ctl, PAIRCTL_PROBLEM,
			error == -EINVAL
				? "the text of -m has what cannot be printed, or is too long"
			: error == -EMSGSIZE ? "the files are more than a push can have"
					     : strerror(-error));
}

static int make(const struct pairctl *ctl, struct bundle_plan *plan, const Cas__ParentReply *parent,
		struct bundle **bundle)
{
	char why[KEY_WHY];
	struct sign_key *key;
	struct lineage line;
	struct timespec now;
	int error;

	if (!take_parent(&line, parent))
		return ask_fail(ctl, PAIRCTL_PROBLEM, "syncd named no revision to start from");
	if (sign_key_read(&key, ctl->sign_key, why) < 0)
		return ask_fail(ctl, PAIRCTL_PROBLEM, why);
	clock_gettime(CLOCK_REALTIME, &now);
	plan->parent = &line;
	plan->pair = parent->pair;
	plan->when_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	plan->approve = true;
	error = bundle_make(bundle, plan, key);
	sign_key_free(key);
	return error ? fail(ctl, error) : PAIRCTL_DONE;
}

int sign_revision(const struct pairctl *ctl, const struct conf_text *file, size_t files,
		  struct bundle **bundle)
{
	Cas__ParentRequest request = CAS__PARENT_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	const struct question question = { "syncd", &message, PAIRCTL_WAIT_MS };
	char *who = text_format("%s", ask_who());
	struct bundle_plan plan = {
		.file = file, .files = files, .who = who, .message = ctl->reason
	};
	Cas__Message *answer;
	int status;

	*bundle = NULL;
	message.parent = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = answer->parent_reply
				 ? make(ctl, &plan, answer->parent_reply, bundle)
				 : ask_fail(ctl, PAIRCTL_PROBLEM, "syncd did not say what runs");
		cas__message__free_unpacked(answer, NULL);
	}
	free(who);
	return status;
}
