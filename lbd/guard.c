// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/guard.h"

#include "conf/daemon.h"
#include "conf/log.h"
#include "proto/addr.h"

static void say(const struct fqdn_question *question, const struct fqdn_view *view)
{
	const char *side = question->outside ? "outside" : "inside";

	if (view->verdict == FQDN_OK)
		log_info("%s, the name of array %s, %s (%s, says %s)", question->name,
			 question->array,
			 question->outside ? "does not resolve" : "leads to the VIP", side,
			 question->resolver_text);
	else
		log_warning("%s, the name of array %s, %s%s (%s, %s %s)", question->name,
			    question->array,
			    view->verdict == FQDN_WRONG ? "" : "cannot be judged: ", view->why,
			    side, view->verdict == FQDN_WRONG ? "says" : "by",
			    question->resolver_text);
}

static void on_report(void *arg, const struct check_name_report *report)
{
	struct guard *guard = arg;
	struct fqdn_question *question = &guard->fqdn.question[report->id];
	uint64_t now_ns = daemon_now_ns();
	struct fqdn_view view;

	fqdn_hear(question, report->answer, now_ns);
	view = fqdn_judge(&guard->fqdn, question, now_ns);
	if (fqdn_news(question, &view))
		say(question, &view);
}

int guard_start(struct guard *guard, struct checker *checker, const Conf__Config *file)
{
	int error = fqdn_plan(&guard->fqdn, file);

	if (!error)
		checker_names(checker, &guard->fqdn, on_report, guard);
	return error;
}

void guard_stop(struct guard *guard)
{
	fqdn_free(&guard->fqdn);
}

void guard_replan(struct guard *guard, const struct fqdn *fqdn)
{
	struct fqdn next = *fqdn;

	fqdn_carry(&next, &guard->fqdn);
	fqdn_free(&guard->fqdn);
	guard->fqdn = next;
}

/* --- told ------------------------------------------------------------------------------------- */

static bool add_addresses(const struct fqdn_question *question, struct arena *arena,
			  Cas__NameStatus *status)
{
	char text[ADDR_TEXT];

	status->address = arena_take(arena,
				     (size_t)FLOW_FAMILIES * FQDN_SHOWN * sizeof(*status->address));
	if (!status->address)
		return false;
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		const struct fqdn_answer *answer = &question->answer[f];

		for (size_t i = 0; i < answer->count && i < FQDN_SHOWN; i++) {
			char *copy = arena_print(arena, "%s",
						 addr_print_flow(text, &answer->addr[i]));

			if (!copy)
				return false;
			status->address[status->n_address++] = copy;
		}
	}
	return true;
}

static Cas__NameStatus *name_status(const struct fqdn_question *question,
				    const struct fqdn_view *view, uint64_t now_ns,
				    struct arena *arena)
{
	static const Cas__NameStatus__Verdict verdicts[] = {
		[FQDN_UNKNOWN] = CAS__NAME_STATUS__VERDICT__UNKNOWN,
		[FQDN_OK] = CAS__NAME_STATUS__VERDICT__OK,
		[FQDN_WRONG] = CAS__NAME_STATUS__VERDICT__WRONG,
	};
	Cas__NameStatus *status = arena_take(arena, sizeof(*status));

	if (!status)
		return NULL;
	cas__name_status__init(status);
	status->array = arena_print(arena, "%s", question->array);
	status->name = arena_print(arena, "%s", question->name);
	status->resolver = arena_print(arena, "%s", question->resolver_text);
	status->has_outside = status->has_verdict = 1;
	status->outside = question->outside;
	status->verdict = verdicts[view->verdict];
	status->has_age_ms = question->heard_ns != 0;
	status->age_ms = (now_ns - question->heard_ns) / 1000000;
	status->why = view->why[0] ? arena_print(arena, "%s", view->why) : NULL;
	if (!status->array || !status->name || !status->resolver || (view->why[0] && !status->why))
		return NULL;
	return add_addresses(question, arena, status) ? status : NULL;
}

static bool add_verdicts(const struct fqdn *fqdn, enum fqdn_verdict verdict, struct arena *arena,
			 Cas__LbdStatus *status)
{
	uint64_t now_ns = daemon_now_ns();

	for (size_t i = 0; i < fqdn->count && status->n_fqdn < GUARD_TOLD; i++) {
		struct fqdn_view view = fqdn_judge(fqdn, &fqdn->question[i], now_ns);
		Cas__NameStatus *name;

		if (view.verdict != verdict)
			continue;
		name = name_status(&fqdn->question[i], &view, now_ns, arena);
		if (!name)
			return false;
		status->fqdn[status->n_fqdn++] = name;
	}
	return true;
}

bool guard_status(const struct guard *guard, struct arena *arena, Cas__LbdStatus *status)
{
	status->fqdn = arena_take(arena, GUARD_TOLD * sizeof(*status->fqdn));
	return status->fqdn && add_verdicts(&guard->fqdn, FQDN_WRONG, arena, status) &&
	       add_verdicts(&guard->fqdn, FQDN_UNKNOWN, arena, status) &&
	       add_verdicts(&guard->fqdn, FQDN_OK, arena, status);
}
