// SPDX-License-Identifier: BSD-2-Clause
/* Drills as people read them: the plan, the timeline, the verdicts, the list. */
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <time.h>

static char *time_text(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[32];

	if (!localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return text_format("-");
	return text_format("%s", text);
}

void drill_print_event(const Answer__DrillEvent *event, FILE *out)
{
	fprintf(out, "%8.1f s  ", event->at_seconds);
	text_clean(event->text, out);
	fputc('\n', out);
}

static void print_seen(const Answer__DrillPart *part, FILE *out)
{
	if (part->has_canaries)
		fprintf(out, "  canary sessions %u/%u", part->canaries - part->canaries_lost,
			part->canaries);
	if (part->has_blackout_ms)
		fprintf(out, "  gap %.0f ms (limit %.0f)", part->blackout_ms,
			part->blackout_limit_ms);
	if (part->has_stall_ms)
		fprintf(out, "  longest answer %.0f ms", part->stall_ms);
	if (part->has_handover_ms)
		fprintf(out, "  nobody led for %.1f ms", part->handover_ms);
	if (part->has_healed_seconds)
		fprintf(out, "  well after %.1f s (limit %.0f)", part->healed_seconds,
			part->heal_limit_seconds);
}

void drill_print_part(const Answer__DrillPart *part, FILE *out)
{
	fprintf(out, "%-10s  %s", part->kind, part->passed ? "pass" : "FAIL");
	print_seen(part, out);
	fputc('\n', out);
	for (size_t i = 0; i < part->n_why; i++) {
		fprintf(out, "%-10s  ", "");
		text_clean(part->why[i], out);
		fputc('\n', out);
	}
}

static void print_asked(const Answer__Drill *drill, FILE *out)
{
	if (!drill->asked) {
		fputs("no client was asked: judged by what the nodes say of themselves\n", out);
		return;
	}
	fputs("canaries asked ", out);
	text_clean(drill->asked, out);
	fputc('\n', out);
}

void drill_print(const Answer__Drill *drill, FILE *out)
{
	char *when = time_text(drill->began_ms);

	fprintf(out, "drill %llu of %s, on ", (unsigned long long)drill->number, when);
	text_clean(drill->node ? drill->node : "a node", out);
	fputs(" by ", out);
	text_clean(drill->who ? drill->who : "somebody", out);
	fprintf(out, ", %.0f s: %s\n", drill->seconds, drill->passed ? "passed" : "FAILED");
	if (drill->ended) {
		fputs("ended before its end: ", out);
		text_clean(drill->ended, out);
		fputc('\n', out);
	}
	print_asked(drill, out);
	for (size_t i = 0; i < drill->n_event; i++)
		drill_print_event(drill->event[i], out);
	for (size_t i = 0; i < drill->n_part; i++)
		drill_print_part(drill->part[i], out);
	free(when);
}

static char *first_reason(const Answer__Drill *drill)
{
	for (size_t i = 0; i < drill->n_part; i++)
		if (drill->part[i]->n_why)
			return text_format("%s: %s", drill->part[i]->kind, drill->part[i]->why[0]);
	return text_format("%s", drill->ended ? drill->ended : "");
}

void drill_print_list(const Answer__Drills *drills, bool colour, FILE *out)
{
	static const char *const titles[] = { "drill", "begun", "by", "verdict", "kinds", "" };
	struct table *table;

	if (!drills->n_drill) {
		fputs("no drill was run here yet\n", out);
		return;
	}
	table = table_new(titles, 6, 1);
	for (size_t i = 0; i < drills->n_drill; i++) {
		const Answer__Drill *drill = drills->drill[i];
		char *number = text_format("%llu", (unsigned long long)drill->number);
		char *when = time_text(drill->began_ms), *why = first_reason(drill);
		char *kinds = text_join(drill->planned, drill->n_planned);

		table_add(table, number, TEXT_PLAIN);
		table_add(table, when, TEXT_PLAIN);
		table_add(table, drill->who ? drill->who : "-", TEXT_PLAIN);
		table_add(table, drill->passed ? "passed" : "failed",
			  drill->passed ? TEXT_GOOD : TEXT_BAD);
		table_add(table, kinds, TEXT_PLAIN);
		table_add(table, drill->passed ? "" : why, TEXT_PLAIN);
		free(number);
		free(when);
		free(why);
		free(kinds);
	}
	table_print(table, 0, colour, out);
}

void drill_print_plan(const Answer__DrillPlan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->n_kind; i++)
		fprintf(out,
			"%-10s  %s\n%-10s  limits: new connections fail for %.0f ms at most, well "
			"again within %.0f s\n",
			plan->kind[i]->kind, plan->kind[i]->what, "",
			plan->kind[i]->blackout_limit_ms, plan->kind[i]->heal_limit_seconds);
}
