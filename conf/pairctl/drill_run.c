// SPDX-License-Identifier: BSD-2-Clause
/* One kind after the other: done, watched, judged; at the first bad sign it ends and restores. */
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LOOK_MS = 100,   /* between looks at both nodes */
	ANSWER_MS = 300, /* a daemon that does not answer by then is taken for silent */
	WELL_MS = 1000,  /* a pair that is well stays so */
	CALM_MS = 15000, /* for a pair to be well before the next kind */
	BACK_MS = 15000, /* for the role to come back */
	EVENTS = 400,
	SAME_PROBLEM = 24, /* first bytes: behind them come ages */
};

static volatile sig_atomic_t interrupted; /* so many times */

static void on_signal(int number)
{
	(void)number;
	interrupted++;
}

void drill_catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

struct run {
	const struct pairctl *ctl;
	const struct drill_plan *plan;
	struct drill_client *client;
	Answer__Drill *drill;
	Answer__DrillPart *part; /* under way, or NULL */
	struct drill_act act;
	uint64_t began_ms, part_ms;
	char *state; /* as last told */
	struct drill_texts problems;
	uint64_t well_ms; /* since then; 0: it is not */
	bool ailed;       /* it was not, in this part */
	bool active;      /* this node is */
	bool led;         /* it was, before the drill */
	bool has_sessions;
	uint64_t sessions;
};

/* --- the timeline ----------------------------------------------------------------------------- */

static double seconds_since(uint64_t ms)
{
	return (double)(drill_now_ms() - ms) / 1000;
}

__attribute__((format(printf, 2, 3))) static void event(struct run *run, const char *format, ...)
{
	Answer__Drill *drill = run->drill;
	Answer__DrillEvent *entry;
	va_list arguments;

	if (drill->n_event == EVENTS)
		return;
	entry = text_alloc(1, sizeof(*entry));
	answer__drill_event__init(entry);
	entry->at_seconds = seconds_since(run->began_ms);
	va_start(arguments, format);
	if (vasprintf(&entry->text, format, arguments) < 0)
		entry->text = text_alloc(1, 1);
	va_end(arguments);
	drill->event[drill->n_event++] = entry;
	if (!run->ctl->json)
		drill_print_event(entry, stdout);
	fflush(stdout);
}

__attribute__((format(printf, 2, 3))) static void blame(struct run *run, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_append(&run->part->why, &run->part->n_why, format, arguments);
	va_end(arguments);
	event(run, "%s: %s", run->part->kind, run->part->why[run->part->n_why - 1]);
}

/* --- looks at both nodes ---------------------------------------------------------------------- */

static bool had_problem(const struct run *run, const char *text)
{
	for (size_t i = 0; i < run->problems.count; i++)
		if (strncmp(run->problems.text[i], text, SAME_PROBLEM) == 0)
			return true;
	return false;
}

static void note_problems(struct run *run, const Answer__Status *status)
{
	struct drill_texts now = { 0 };

	for (size_t i = 0; i < status->n_problems; i++) {
		if (!had_problem(run, status->problems[i]))
			event(run, "problem: %s", status->problems[i]);
		drill_say(&now, "%s", status->problems[i]);
	}
	drill_texts_free(&run->problems);
	run->problems = now;
}

static void note_state(struct run *run, const Answer__Status *status)
{
	char *state = drill_state_text(status);

	if (run->state && strcmp(run->state, state) == 0) {
		free(state);
		return;
	}
	event(run, "%s", state);
	free(run->state);
	run->state = state;
}

static void look(struct run *run)
{
	const Answer__Node *here;
	struct status_asked asked;

	status_ask(run->ctl, ANSWER_MS, &asked);
	note_state(run, asked.status);
	note_problems(run, asked.status);
	if (!drill_is_well(asked.status)) {
		run->well_ms = 0;
		run->ailed = true;
	} else if (!run->well_ms) {
		run->well_ms = drill_now_ms();
	}
	here = drill_node(asked.status, true);
	run->active = here->has_role && here->role == CAS__ROLE__ACTIVE;
	run->has_sessions = here->has_sessions;
	run->sessions = here->sessions;
	status_asked_free(&asked);
}

static bool is_well(const struct run *run)
{
	return run->well_ms && drill_now_ms() - run->well_ms >= WELL_MS;
}

/* Time passes, in which canaries tell. */
static void look_on(struct run *run)
{
	drill_client_wait(run->client, LOOK_MS);
	look(run);
}

/* A second ^C: let go of everything, also of what would be put back. */
static bool hurried(const struct run *run)
{
	return run->part ? interrupted > 1 : interrupted;
}

static bool await_well(struct run *run, uint64_t limit_ms)
{
	uint64_t until = drill_now_ms() + limit_ms;

	run->well_ms = 0;
	do
		look_on(run);
	while (!is_well(run) && !hurried(run) && drill_now_ms() < until);
	return is_well(run);
}

static bool await_lead(struct run *run)
{
	uint64_t until = drill_now_ms() + BACK_MS;

	while (!run->active && !hurried(run) && drill_now_ms() < until)
		look_on(run);
	return run->active && await_well(run, BACK_MS);
}

/* --- one kind --------------------------------------------------------------------------------- */

static void begin_part(struct run *run, enum drill_kind kind)
{
	Answer__DrillPart *part = text_alloc(1, sizeof(*part));
	uint32_t advert_ms = run->plan->advert_ms;

	answer__drill_part__init(part);
	part->kind = text_format("%s", drill_kinds[kind].name);
	part->at_seconds = seconds_since(run->began_ms);
	part->heal_limit_seconds = drill_heal_limit(kind, &run->plan->limits) / 1e3;
	part->blackout_limit_ms = drill_blackout_limit(kind, &run->plan->limits, advert_ms);
	part->has_sessions_before = run->has_sessions;
	part->sessions_before = run->sessions;
	run->drill->part[run->drill->n_part++] = part;
	run->part = part;
	run->part_ms = drill_now_ms();
	run->well_ms = 0;
	run->ailed = false;
	drill_client_mark(run->client);
	event(run, "%s begins: %s", part->kind, drill_kinds[kind].what);
}

/* What the canaries have seen since the part began. */
static void note_canaries(struct run *run)
{
	const struct drill_client *client = run->client;
	Answer__DrillPart *part = run->part;

	if (!client->pid)
		return;
	part->has_canaries = part->has_canaries_lost = true;
	part->has_blackout_ms = part->has_stall_ms = true;
	part->canaries = client->wanted - client->lost;
	part->canaries_lost = client->last.lost - client->lost;
	part->blackout_ms = client->gap_ms;
	part->stall_ms = client->stall_ms;
}

/* True: it is not worth going on. */
static bool bad_sign(struct run *run)
{
	note_canaries(run);
	if (interrupted)
		blame(run, "broken off by a signal");
	else if (run->client->ended)
		blame(run, "the canaries have ended");
	return run->part->n_why || run->part->canaries_lost ||
	       run->part->blackout_ms > run->part->blackout_limit_ms;
}

static bool is_over(const struct run *run)
{
	if (run->act.kind == DRILL_BY_HAND && !run->ailed)
		return false;
	return drill_act_over(&run->act);
}

/* Until it has healed, a limit is broken or time is up. */
static void watch_part(struct run *run)
{
	uint64_t until = run->part_ms + (uint64_t)(run->part->heal_limit_seconds * 1e3);

	while (!bad_sign(run) && drill_now_ms() < until) {
		look_on(run);
		if (!is_over(run)) {
			run->well_ms = 0;
		} else if (is_well(run)) {
			run->part->has_healed_seconds = true;
			run->part->healed_seconds = (double)(run->well_ms - run->part_ms) / 1e3;
			note_canaries(run);
			return;
		}
	}
}

/* Whoever led before leads again, so that the next kind meets it, and so that nothing is changed.
 */
static void give_back(struct run *run)
{
	char *why;

	if (!run->led || run->active || (!is_well(run) && !await_well(run, BACK_MS)))
		return;
	why = drill_hand_over(run->ctl, true, NULL);
	if (!why && await_lead(run))
		event(run, "this node leads again");
	else
		event(run, "this node does not lead again%s%s: run pairctl failover on the peer",
		      why ? ": " : "", why ? why : "");
	free(why);
}

/* Whoever leads without a daemon is told to let go: the peer has all of them. */
static void restore(struct run *run)
{
	struct drill_texts missing = { 0 };
	char *why;

	drill_act_restore(&run->act, &missing);
	for (size_t i = 0; i < missing.count; i++)
		blame(run, "%s", missing.text[i]);
	if (missing.count && run->active) {
		why = drill_hand_over(run->ctl, false, NULL);
		event(run, "the peer was asked to lead: %s", why ? why : "it does");
		free(why);
	}
	if (!missing.count)
		give_back(run);
	drill_texts_free(&missing);
}

static bool run_kind(struct run *run, enum drill_kind kind)
{
	Answer__DrillPart *part;
	char *why;

	begin_part(run, kind);
	part = run->part;
	why = drill_act_begin(&run->act, run->ctl, kind);
	if (why)
		blame(run, "%s", why);
	free(why);
	part->has_handover_ms = run->act.handed;
	part->handover_ms = run->act.handover_ms;
	watch_part(run);
	restore(run);
	note_canaries(run);
	part->has_sessions_after = run->has_sessions;
	part->sessions_after = run->sessions;
	drill_judge(part);
	if (!run->ctl->json)
		drill_print_part(part, stdout);
	run->part = NULL;
	return part->passed;
}

/* --- all -------------------------------------------------------------------------------------- */

static void end(struct run *run, const char *why)
{
	if (why && !run->drill->ended)
		run->drill->ended = text_format("%s", why);
}

static void run_kinds(struct run *run)
{
	for (size_t i = 0; i < DRILL_KINDS; i++) {
		if (!(run->plan->kinds >> i & 1))
			continue;
		if (!is_well(run) && !await_well(run, CALM_MS)) {
			end(run, interrupted ? "by a signal"
					     : "the pair was not well before the next kind");
			return;
		}
		if (!run_kind(run, (enum drill_kind)i)) {
			end(run, interrupted ? "by a signal" : "at the first bad sign");
			return;
		}
	}
	run->drill->passed = true;
}

void drill_perform(const struct pairctl *ctl, const struct drill_plan *plan,
		   struct drill_client *client, Answer__Drill *drill)
{
	struct run run = { .ctl = ctl, .plan = plan, .client = client, .drill = drill };

	run.began_ms = drill_now_ms();
	drill->event = text_alloc(EVENTS, sizeof(*drill->event));
	drill->part = text_alloc(DRILL_KINDS, sizeof(*drill->part));
	look(&run);
	run.led = run.active;
	run_kinds(&run);
	drill->seconds = seconds_since(run.began_ms);
	free(run.state);
	drill_texts_free(&run.problems);
}
