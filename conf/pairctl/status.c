/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/pairctl/pairctl.h"

/* Asks all three: whoever answers contributes, whoever does not is named. */
static Cas__StatusReply *ask(const struct pairctl *ctl, const char *daemon, Cas__Message **answer,
			     char *silent, size_t size)
{
	Cas__StatusRequest request = CAS__STATUS_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	struct question question = { daemon, &message, PAIRCTL_WAIT_MS };
	int error;

	message.status = &request;
	error = ask_daemon(ctl, &question, answer);
	if (error < 0)
		ask_explain(ctl, daemon, error, silent, size);
	else if (!(*answer)->status_reply)
		snprintf(silent, size, "%s tells no status: %s", daemon,
			 (*answer)->error ? (*answer)->error : "an empty answer");
	return error < 0 ? NULL : (*answer)->status_reply;
}

int status_run(const struct pairctl *ctl)
{
	static const char *const daemons[] = { "lbd", "vrrpd", "syncd" };
	struct status_replies replies = { 0 };
	Cas__Message *answer[3] = { NULL };
	Cas__StatusReply *reply[3];
	Answer__Status *status;
	int result;

	for (size_t i = 0; i < 3; i++)
		reply[i] = ask(ctl, daemons[i], &answer[i], replies.silent[i],
			       sizeof(replies.silent[i]));
	replies.lbd = reply[0] ? reply[0]->lbd : NULL;
	replies.vrrp = reply[1] ? reply[1]->vrrp : NULL;
	replies.sync = reply[2] ? reply[2]->sync : NULL;
	status = status_build(&replies);
	if (ctl->json)
		answer_print(&status->base, stdout);
	else
		status_print(status, ctl->colour, stdout);
	result = status_exit(status);
	status_free(status);
	for (size_t i = 0; i < 3; i++)
		cas__message__free_unpacked(answer[i], NULL);
	return result;
}
