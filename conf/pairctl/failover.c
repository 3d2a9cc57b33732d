// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>

/* vrrpd waits for the peer's word, and itself gives up long before. */
enum { WAIT_MS = 30000 };

/* The two counts are of one moment, the hand-over; a difference is shown, not hidden. */
void failover_print(const Cas__FailoverReply *reply, FILE *out)
{
	char took[TEXT_SIZE], here[TEXT_SIZE], there[TEXT_SIZE];

	text_clean(reply->new_active ? reply->new_active : "the peer", out);
	fputs(" is active", out);
	if (reply->has_took_ms)
		fprintf(out, " after %s",
			reply->took_ms ? text_duration(took, reply->took_ms) : "less than 1 ms");
	if (reply->has_flows && reply->has_peer_flows)
		fprintf(out, "; %s of %s sessions present", text_count(there, reply->peer_flows),
			text_count(here, reply->flows));
	else
		fputs("; how many sessions it holds is unknown", out);
	fputc('\n', out);
	if (reply->has_blackout_ms)
		fprintf(out, "nobody led for %.1f ms at most\n", reply->blackout_ms);
	for (size_t i = 0; i < reply->n_told; i++) {
		fputs(i ? ", " : "told: ", out);
		text_clean(reply->told[i], out);
	}
	if (reply->n_told)
		fputc('\n', out);
}

static int print(const struct pairctl *ctl, Cas__FailoverReply *reply)
{
	Answer__Failover answer = ANSWER__FAILOVER__INIT;

	if (!reply)
		return ask_fail(ctl, PAIRCTL_PROBLEM, "vrrpd did not say what happened");
	if (!ctl->json) {
		failover_print(reply, stdout);
		return PAIRCTL_DONE;
	}
	answer.schema = ANSWER_SCHEMA;
	answer.answer = reply;
	answer_print(&answer.base, stdout);
	return PAIRCTL_DONE;
}

int failover_run(const struct pairctl *ctl)
{
	Cas__FailoverRequest request = CAS__FAILOVER_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;
	struct question question = { "vrrpd", &message, WAIT_MS };
	char *anyway = ctl->anyway ? text_format("%s", ctl->anyway) : NULL;
	int status;

	if (anyway && !*anyway) {
		free(anyway);
		return pairctl_usage("--anyway wants the reason, it is logged");
	}
	request.anyway = anyway;
	message.failover = &request;
	status = ask_or_fail(ctl, &question, &answer);
	if (status == PAIRCTL_DONE) {
		status = print(ctl, answer->failover_reply);
		cas__message__free_unpacked(answer, NULL);
	}
	free(anyway);
	return status;
}
