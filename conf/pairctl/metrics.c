// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an alert should watch: the drills of this node, which no daemon knows, the arrays' names and
 * the services' counters, as Prometheus reads text files.  Times are of the wall clock and not
 * ages: a file that is no longer written must not look fresh.
 */
#include "conf/pairctl/drill.h"

#include <stdlib.h>
#include <time.h>

static void print_gauge(const char *name, const char *help, double value, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.0f\n", name, help, name, name, value);
}

/* Never is 0: then an alert on the age of the last success needs no second rule. */
void metrics_print(const Answer__LastDrill *last, uint64_t now_ms, FILE *out)
{
	double now = (double)now_ms / 1000;
	bool success = last && last->has_last_success_seconds;

	print_gauge("caspair_drill_last_success_timestamp_seconds",
		    "When the last drill that passed began on this node, in Unix time; 0: never.",
		    success ? now - last->last_success_seconds : 0, out);
	if (!last)
		return;
	print_gauge("caspair_drill_last_timestamp_seconds",
		    "When the last drill began on this node, in Unix time.",
		    now - last->age_seconds, out);
	print_gauge("caspair_drill_last_passed", "Whether the last drill of this node passed.",
		    last->passed, out);
}

/* NULL: lbd does not run.  Such a node has drilled nonetheless. */
static Cas__Message *ask_lbd(const struct pairctl *ctl, const Cas__Message *message)
{
	struct question question = { "lbd", message, PAIRCTL_WAIT_MS };
	Cas__Message *answer = NULL;

	return ask_daemon(ctl, &question, &answer) < 0 ? NULL : answer;
}

static void print_names(const struct pairctl *ctl)
{
	Cas__StatusRequest request = CAS__STATUS_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;

	message.status = &request;
	answer = ask_lbd(ctl, &message);
	if (answer && answer->status_reply && answer->status_reply->lbd)
		metrics_print_names(answer->status_reply->lbd, stdout);
	cas__message__free_unpacked(answer, NULL);
}

static void print_services(const struct pairctl *ctl)
{
	Cas__ServicesRequest request = CAS__SERVICES_REQUEST__INIT;
	Cas__Message message = CAS__MESSAGE__INIT, *answer;

	message.services = &request;
	answer = ask_lbd(ctl, &message);
	if (answer && answer->services_reply)
		metrics_print_services(answer->services_reply, stdout);
	cas__message__free_unpacked(answer, NULL);
}

int metrics_run(const struct pairctl *ctl)
{
	Answer__LastDrill *last;
	struct timespec now;
	uint64_t now_ms;
	int error;

	if (ctl->json)
		return pairctl_usage("metrics are text; status -j has the same as JSON");
	clock_gettime(CLOCK_REALTIME, &now);
	now_ms = (uint64_t)now.tv_sec * 1000;
	error = drill_last(ctl->state_dir, now_ms, &last);
	if (error < 0)
		drill_unreadable(ctl, error);
	else
		metrics_print(last, now_ms, stdout);
	free(last);
	print_names(ctl);
	print_services(ctl);
	return error < 0 ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}
