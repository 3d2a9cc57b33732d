// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/drill.h"
#include "conf/pairctl/pairctl.h"

#include <time.h>

/* Asks all three: whoever answers contributes, whoever does not is named. */
static Cas__StatusReply *ask(const struct pairctl *ctl, const struct question *question,
			     Cas__Message **answer, char *silent, size_t size)
{
	int error = ask_daemon(ctl, question, answer);

	if (error < 0)
		ask_explain(ctl, question->daemon, error, silent, size);
	else if (!(*answer)->status_reply)
		snprintf(silent, size, "%s tells no status: %s", question->daemon,
			 (*answer)->error ? (*answer)->error : "an empty answer");
	return error < 0 ? NULL : (*answer)->status_reply;
}

void status_ask(const struct pairctl *ctl, unsigned int timeout_ms, struct status_asked *asked)
{
	static const char *const daemons[] = { "lbd", "vrrpd", "syncd" };
	Cas__StatusRequest request = CAS__STATUS_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__StatusReply *reply[3];

	*asked = (struct status_asked){ .status = NULL };
	message.status = &request;
	for (size_t i = 0; i < 3; i++) {
		struct question question = { daemons[i], &message, timeout_ms };

		reply[i] = ask(ctl, &question, &asked->answer[i], asked->replies.silent[i],
			       sizeof(asked->replies.silent[i]));
	}
	asked->replies.lbd = reply[0] ? reply[0]->lbd : NULL;
	asked->replies.vrrp = reply[1] ? reply[1]->vrrp : NULL;
	asked->replies.sync = reply[2] ? reply[2]->sync : NULL;
	asked->status = status_build(&asked->replies);
}

void status_asked_free(struct status_asked *asked)
{
	status_free(asked->status);
	for (size_t i = 0; i < 3; i++)
		cas__message__free_unpacked(asked->answer[i], NULL);
}

int status_run(const struct pairctl *ctl)
{
	struct status_asked asked;
	struct timespec now;
	int result;

	clock_gettime(CLOCK_REALTIME, &now);
	status_ask(ctl, PAIRCTL_WAIT_MS, &asked);
	drill_last(ctl->state_dir, (uint64_t)now.tv_sec * 1000, &asked.status->drill);
	if (ctl->json)
		answer_print(&asked.status->base, stdout);
	else
		status_print(asked.status, ctl->colour, stdout);
	result = status_exit(asked.status);
	status_asked_free(&asked);
	return result;
}
