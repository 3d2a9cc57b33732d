// SPDX-License-Identifier: BSD-2-Clause
/* The verb: may there be a drill now, what will it do, is that wanted; and the records of others.
 */
#include "conf/pairctl/canary.h"
#include "conf/pairctl/canary_talk.h"
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"
#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MOST_MS (3600u * 1000)

static uint64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- --list and --show ------------------------------------------------------------------------ */

int drill_unreadable(const struct pairctl *ctl, int error)
{
	char *text = text_format("the records in %s/drills cannot be read: %s", ctl->state_dir,
				 strerror(-error));

	error = ask_fail(ctl, PAIRCTL_PROBLEM, text);
	free(text);
	return error;
}

/* Of a node that never had a drill the directory is missing. */
static int list_drills(const struct pairctl *ctl)
{
	Answer__Drills answer = ANSWER__DRILLS__INIT;
	Answer__Drill *drill[DRILL_KEEP];
	uint64_t number[DRILL_KEEP];
	struct drill_store store;
	size_t count = 0;
	int error = drill_store_open(&store, ctl->state_dir, false);

	if (error == 0)
		error = drill_numbers(&store, number, &count);
	if (error < 0 && error != -ENOENT)
		return drill_unreadable(ctl, error);
	answer.schema = ANSWER_SCHEMA;
	answer.drill = drill;
	for (size_t i = 0; i < count; i++) {
		drill[answer.n_drill] = drill_load(&store, number[i]);
		answer.n_drill += drill[answer.n_drill] != NULL;
	}
	if (ctl->json)
		answer_print(&answer.base, stdout);
	else
		drill_print_list(&answer, ctl->colour, stdout);
	for (size_t i = 0; i < answer.n_drill; i++)
		answer__drill__free_unpacked(drill[i], NULL);
	drill_store_close(&store);
	return PAIRCTL_DONE;
}

static int show_drill(const struct pairctl *ctl)
{
	struct drill_store store;
	Answer__Drill *drill = NULL;
	char *end, *text;
	uint64_t number = strtoull(ctl->argument[0], &end, 10);
	int error;

	if (*end || !number)
		return pairctl_usage("%s is not the number of a drill", ctl->argument[0]);
	error = drill_store_open(&store, ctl->state_dir, false);
	if (error < 0 && error != -ENOENT)
		return drill_unreadable(ctl, error);
	if (error == 0)
		drill = drill_load(&store, number);
	drill_store_close(&store);
	if (!drill) {
		text = text_format("there is no whole record of drill %s", ctl->argument[0]);
		error = ask_fail(ctl, PAIRCTL_PROBLEM, text);
		free(text);
		return error;
	}
	if (ctl->json)
		answer_print(&drill->base, stdout);
	else
		drill_print(drill, stdout);
	answer__drill__free_unpacked(drill, NULL);
	return PAIRCTL_DONE;
}

/* --- what is wanted --------------------------------------------------------------------------- */

static bool read_limit(const char *text, const char *field, uint32_t *ms)
{
	static const struct rule rule = { .kind = RULE_DURATION, .min = 10, .max = LIMIT_MOST_MS };
	char problem[VALUE_PROBLEM];
	union value value;

	if (!text)
		return true;
	if (!value_read(&value, &rule,
			protobuf_c_message_descriptor_get_field_by_name(
				&answer__drill_limits__descriptor, field),
			text, problem)) {
		pairctl_usage("--%s", problem);
		return false;
	}
	*ms = value.number;
	return true;
}

static int read_canaries(const struct pairctl *ctl)
{
	struct canary_target target;
	enum canary_kind kind;

	if (ctl->number > CANARY_MOST)
		return pairctl_usage("at most %d canary sessions", CANARY_MOST);
	if (ctl->number && !ctl->canary_from)
		return pairctl_usage("--canary wants --canary-from: what this node itself sends to "
				     "its VIP does not take a client's way");
	if (!ctl->number && (ctl->canary_from || ctl->to || ctl->canary_kind))
		return pairctl_usage("--canary-from, --canary-kind and --to want --canary N");
	if (ctl->to && !canary_target_read(ctl->to, &target))
		return pairctl_usage("--to %s is not HOST:PORT", ctl->to);
	if (ctl->canary_kind && !canary_kind_read(ctl->canary_kind, &kind))
		return pairctl_usage("--canary-kind %s is none of tcp, rpc, smtp, imap, pop3",
				     ctl->canary_kind);
	return PAIRCTL_DONE;
}

static int read_plan(const struct pairctl *ctl, struct drill_plan *plan)
{
	const char *wrong = ctl->kind ? drill_read_kinds(ctl->kind, &plan->kinds) : NULL;

	if (ctl->arguments)
		return pairctl_usage("drill takes an argument with --show only");
	if (wrong)
		return pairctl_usage("there is no drill \"%s\"; pairctl drill --dry-run tells "
				     "which there are",
				     wrong);
	if (!read_limit(ctl->blackout, "blackout_ms", &plan->limits.blackout_ms) ||
	    !read_limit(ctl->heal, "heal_ms", &plan->limits.heal_ms))
		return PAIRCTL_USAGE;
	return read_canaries(ctl);
}

/* The first VIP and the first port of its first service: "10.20.0.10:135"; NULL: there is none. */
static char *first_service(const Cas__LbdStatus *lbd)
{
	const Cas__ArrayStatus *array = lbd && lbd->n_array ? lbd->array[0] : NULL;
	const char *vip;

	if (!array || !array->n_vip || !array->n_service)
		return NULL;
	vip = array->vip[0];
	return text_format(strchr(vip, ':') ? "[%s]:%lu" : "%s:%lu", vip,
			   strtoul(array->service[0]->ports, NULL, 10));
}

/* --- may it be -------------------------------------------------------------------------------- */

static double since_last(const struct drill_store *store)
{
	uint64_t number[DRILL_KEEP], now = wall_ms();
	Answer__Drill *last;
	double seconds;
	size_t count;

	if (drill_numbers(store, number, &count) < 0 || !count ||
	    !(last = drill_load(store, number[0])))
		return -1;
	seconds = ((double)now - (double)last->began_ms) / 1000;
	answer__drill__free_unpacked(last, NULL);
	return seconds;
}

static void refuse_all(const struct pairctl *ctl, const struct drill_texts *reasons)
{
	char *text = text_format("%s", reasons->text[0]);

	for (size_t i = 1; i < reasons->count; i++) {
		char *longer = text_format("%s; %s", text, reasons->text[i]);

		free(text);
		text = longer;
	}
	if (ctl->json)
		ask_fail(ctl, PAIRCTL_REFUSED, text);
	free(text);
	for (size_t i = 0; i < reasons->count && !ctl->json; i++)
		ask_fail(ctl, PAIRCTL_REFUSED, reasons->text[i]);
}

/* The lock is taken first: nobody else begins in the meantime. */
static int permit(const struct pairctl *ctl, struct drill_plan *plan, struct drill_store *store,
		  const Answer__Status *status)
{
	struct drill_texts reasons = { 0 };
	const Answer__Node *here = drill_node(status, true);
	int error = drill_store_open(store, ctl->state_dir, true);
	char *why = drill_may_signal(ctl);

	if (!plan->kinds)
		plan->kinds = drill_usual_kinds(here->has_role && here->role == CAS__ROLE__ACTIVE);
	drill_refusals(status, plan->kinds, error == 0 ? since_last(store) : -1, &reasons);
	if (error == -EBUSY)
		drill_say(&reasons, "another drill is under way");
	else if (error < 0)
		drill_say(&reasons, "no record could be kept in %s: %s", ctl->state_dir,
			  strerror(-error));
	if (why)
		drill_say(&reasons, "%s", why);
	free(why);
	if (!reasons.count)
		return PAIRCTL_DONE;
	refuse_all(ctl, &reasons);
	drill_texts_free(&reasons);
	return PAIRCTL_REFUSED;
}

/* --- is it wanted ----------------------------------------------------------------------------- */

static void tell_plan(const struct pairctl *ctl, const struct drill_plan *plan)
{
	Answer__DrillPlan answer = ANSWER__DRILL_PLAN__INIT;
	Answer__DrillPlan__Kind kind[DRILL_KINDS], *list[DRILL_KINDS];

	answer.schema = ANSWER_SCHEMA;
	answer.kind = list;
	for (size_t i = 0; i < DRILL_KINDS; i++) {
		Answer__DrillPlan__Kind *entry = &kind[answer.n_kind];

		if (!(plan->kinds >> i & 1))
			continue;
		answer__drill_plan__kind__init(entry);
		entry->kind = (char *)(uintptr_t)drill_kinds[i].name;
		entry->what = (char *)(uintptr_t)drill_kinds[i].what;
		entry->blackout_limit_ms = drill_blackout_limit((enum drill_kind)i, &plan->limits,
								plan->advert_ms);
		entry->heal_limit_seconds = drill_heal_limit((enum drill_kind)i, &plan->limits) /
					    1e3;
		list[answer.n_kind++] = entry;
	}
	if (!ctl->json)
		drill_print_plan(&answer, stdout);
	else if (ctl->dry_run)
		answer_print(&answer.base, stdout);
	if (!ctl->json && ctl->number)
		printf("%u canary sessions from: %s; limit: none is lost\n", ctl->number,
		       ctl->canary_from);
	else if (!ctl->json)
		puts("no client is asked: only what the nodes say of themselves is judged");
}

static bool agreed(const struct pairctl *ctl)
{
	char line[16];

	if (ctl->yes)
		return true;
	if (!isatty(STDIN_FILENO) || ctl->json) {
		ask_fail(ctl, PAIRCTL_REFUSED, "there is nobody to ask: say --yes");
		return false;
	}
	fputs("Run it on this pair? [y/N] ", stdout);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return true;
	ask_fail(ctl, PAIRCTL_REFUSED, "not wanted");
	return false;
}

/* --- run and record --------------------------------------------------------------------------- */

static Answer__Drill *new_drill(const struct drill_plan *plan, const struct drill_client *client,
				const Answer__Status *status)
{
	Answer__Drill *drill = text_alloc(1, sizeof(*drill));
	const Answer__Node *here = drill_node(status, true);

	answer__drill__init(drill);
	drill->schema = ANSWER_SCHEMA;
	drill->pair = status->pair ? text_format("%s", status->pair) : NULL;
	drill->node = text_format("%s", here->name);
	drill->who = text_format("%s", ask_who());
	drill->began_ms = wall_ms();
	drill->asked = client->pid ? text_format("%s", client->asked) : NULL;
	drill->planned = text_alloc(DRILL_KINDS, sizeof(*drill->planned));
	for (size_t i = 0; i < DRILL_KINDS; i++)
		if (plan->kinds >> i & 1)
			drill->planned[drill->n_planned++] = text_format("%s", drill_kinds[i].name);
	return drill;
}

static int save(const struct pairctl *ctl, const struct drill_store *store,
		const Answer__Drill *drill)
{
	int error = drill_save(store, drill);
	char *text;

	if (error == 0)
		return PAIRCTL_DONE;
	text = text_format("the record of the drill cannot be kept: %s", strerror(-error));
	error = ask_fail(ctl, PAIRCTL_PROBLEM, text);
	free(text);
	return error;
}

/* What is found of a drill whose pairctl died says just that. */
static int save_begun(const struct pairctl *ctl, const struct drill_store *store,
		      Answer__Drill *drill)
{
	uint64_t number[DRILL_KEEP];
	size_t count = 0;
	int status;

	drill_numbers(store, number, &count);
	drill->number = count ? number[0] + 1 : 1;
	drill->ended = text_format("it did not come to its end");
	status = save(ctl, store, drill);
	free(drill->ended);
	drill->ended = NULL;
	return status;
}

static int run_and_record(const struct pairctl *ctl, const struct drill_plan *plan,
			  struct drill_client *client, const struct drill_store *store,
			  Answer__Drill *drill)
{
	int status = save_begun(ctl, store, drill);

	if (status != PAIRCTL_DONE)
		return status;
	drill_perform(ctl, plan, client, drill);
	status = save(ctl, store, drill);
	if (ctl->json && status == PAIRCTL_DONE)
		answer_print(&drill->base, stdout);
	else if (!ctl->json)
		printf("drill %llu %s%s%s%s\n", (unsigned long long)drill->number,
		       drill->passed ? "passed" : "FAILED", drill->ended ? ", ended " : "",
		       drill->ended ? drill->ended : "",
		       drill->asked ? "" : "; no client was asked");
	return drill->passed ? status : PAIRCTL_PROBLEM;
}

static int begin(const struct pairctl *ctl, const struct drill_plan *plan,
		 const struct drill_store *store, const Answer__Status *status)
{
	struct drill_client client = { .fd = -1 };
	char *vip = first_service(status->lbd), *why = NULL;
	Answer__Drill *drill;
	int result;

	drill_catch_signals();
	if (ctl->number && !ctl->to && !vip)
		why = text_format("there is no service to ask; name one by --to");
	else if (ctl->number)
		why = drill_client_start(&client, ctl, vip, ctl->number);
	free(vip);
	if (why) {
		result = ask_fail(ctl, PAIRCTL_REFUSED, why);
		free(why);
		return result;
	}
	drill = new_drill(plan, &client, status);
	result = run_and_record(ctl, plan, &client, store, drill);
	drill_client_stop(&client);
	answer__drill__free_unpacked(drill, NULL);
	return result;
}

int drill_run(const struct pairctl *ctl)
{
	struct drill_plan plan = { .kinds = 0 };
	struct drill_store store = { .disk = { -1, -1 } };
	struct status_asked asked;
	int result;

	if (ctl->show)
		return ctl->arguments ? show_drill(ctl)
				      : pairctl_usage("drill --show wants the number of a drill");
	if (ctl->list && !ctl->arguments)
		return list_drills(ctl);
	result = read_plan(ctl, &plan);
	if (result != PAIRCTL_DONE)
		return result;
	status_ask(ctl, PAIRCTL_WAIT_MS, &asked);
	plan.advert_ms = asked.replies.vrrp ? asked.replies.vrrp->advert_ms : 0;
	if (status_exit(asked.status) == PAIRCTL_UNREACHABLE)
		result = ask_fail(ctl, PAIRCTL_UNREACHABLE, asked.status->problems[0]);
	else
		result = permit(ctl, &plan, &store, asked.status);
	if (result == PAIRCTL_DONE)
		tell_plan(ctl, &plan);
	if (result == PAIRCTL_DONE && !ctl->dry_run)
		result = agreed(ctl) ? begin(ctl, &plan, &store, asked.status) : PAIRCTL_REFUSED;
	drill_store_close(&store);
	status_asked_free(&asked);
	return result;
}
