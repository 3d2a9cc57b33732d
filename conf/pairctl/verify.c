// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <unistd.h>

/* syncd says each second how far it is, and itself gives up when its peer is silent. */
enum { WAIT_MS = 20000 };

/* What was mended was wrong until then, and somebody should ask why. */
int verify_exit(const Cas__VerifyReply *reply)
{
	if (reply->left > 0)
		return PAIRCTL_DISAGREES;
	return reply->why || reply->differing > 0 || reply->busy > 0 ? PAIRCTL_PROBLEM
								     : PAIRCTL_DONE;
}

static void print_mended(const Cas__VerifyReply *reply, FILE *out)
{
	char count[TEXT_SIZE];

	if (reply->differing > 0)
		fprintf(out, "%u of %u slices differed; %s entries were sent again%s\n",
			reply->differing, reply->slices, text_count(count, reply->repaired),
			reply->resent ? ", and once everything" : "");
	if (reply->left > 0)
		fprintf(out, "%u slices still differ: look at the log of syncd on the standby\n",
			reply->left);
	if (reply->busy > 0)
		fprintf(out, "%u slices did not stand still for long enough: ask again\n",
			reply->busy);
}

void verify_print(const Cas__VerifyReply *reply, FILE *out)
{
	char entries[TEXT_SIZE], changing[TEXT_SIZE], took[TEXT_SIZE];

	if (reply->why) {
		fprintf(out, "broken off after %u of %u slices: ", reply->compared, reply->slices);
		text_clean(reply->why, out);
		fputc('\n', out);
	} else {
		fprintf(out, "%s: %s entries in %u slices, %s left out as they changed, %s\n",
			verify_exit(reply) == PAIRCTL_DONE ? "equal"
			: reply->left + reply->busy == 0   ? "mended, equal now"
							   : "not equal",
			text_count(entries, reply->entries), reply->slices,
			text_count(changing, reply->changing),
			reply->duration_ms ? text_duration(took, reply->duration_ms)
					   : "less than 1 ms");
	}
	print_mended(reply, out);
}

static void show_progress(const struct pairctl *ctl, const Cas__Message *answer)
{
	const Cas__VerifyReply *reply = answer->verify_reply;
	char walked[TEXT_SIZE], all[TEXT_SIZE];

	if (ctl->json || !reply || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%u of %u slices, %s of about %s entries looked at\n", reply->compared,
		reply->slices, text_count(walked, reply->walked),
		text_count(all, reply->to_walk > reply->walked ? reply->to_walk : reply->walked));
}

static int print(const struct pairctl *ctl, Cas__VerifyReply *reply)
{
	Answer__Verify answer = ANSWER__VERIFY__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "syncd did not say what it found");
	if (!ctl->json) {
		verify_print(reply, stdout);
		return verify_exit(reply);
	}
	answer.schema = ANSWER_SCHEMA;
	answer.equal = verify_exit(reply) == PAIRCTL_DONE;
	answer.answer = reply;
	answer_print(&answer.base, stdout);
	return verify_exit(reply);
}

int verify_run(const struct pairctl *ctl)
{
	Cas__VerifyRequest request = CAS__VERIFY_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "syncd", &message, WAIT_MS };
	int status;

	message.verify = &request;
	status = ask_long(ctl, &question, show_progress, &answer);
	if (status != PAIRCTL_DONE)
		return status;
	status = print(ctl, answer->verify_reply);
	cas__message__free_unpacked(answer, NULL);
	return status;
}
