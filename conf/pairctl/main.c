// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line: which verbs there are, which options each of them knows.
 */
#include "conf/pairctl/pairctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id {
	OPTION_RUN_DIR = 1,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FOR_ALL = OPTION_VERSION,
	OPTION_CONFIG,
	OPTION_KEY,
	OPTION_SHOW,
	OPTION_NEXT,
	OPTION_PROMOTE,
	OPTION_PSK,
	OPTION_MEMBER,
	OPTION_CLIENT,
	OPTION_TOP,
	OPTION_ARRAY,
	OPTION_ANYWAY,
	OPTION_EXCHANGE,
	OPTION_SITE,
	OPTION_ACCOUNT,
	OPTION_UNDO,
	OPTION_DEADLINE,
	OPTION_SPREAD,
	OPTION_REASON,
	OPTION_OPERATOR,
	OPTION_STATE_DIR,
	OPTION_DRY_RUN,
	OPTION_NO_CONFIRM,
	OPTION_ALONE,
	OPTION_WITHIN,
	OPTION_SIGN_KEY,
	OPTION_TO,
	OPTION_KIND,
	OPTION_NUMBER,
	OPTION_CANARY,
	OPTION_CANARY_FROM,
	OPTION_CANARY_KIND,
	OPTION_BLACKOUT,
	OPTION_HEAL,
	OPTION_LIST,
	OPTION_YES,
	OPTION_END,
};
_Static_assert(OPTION_END <= 64, "a bit for each");

static const struct option options[] = {
	{ "run-dir", required_argument, NULL, OPTION_RUN_DIR },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "show", no_argument, NULL, OPTION_SHOW },
	{ "next", no_argument, NULL, OPTION_NEXT },
	{ "promote", no_argument, NULL, OPTION_PROMOTE },
	{ "psk", no_argument, NULL, OPTION_PSK },
	{ "member", required_argument, NULL, OPTION_MEMBER },
	{ "client", required_argument, NULL, OPTION_CLIENT },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ "array", required_argument, NULL, OPTION_ARRAY },
	{ "anyway", required_argument, NULL, OPTION_ANYWAY },
	{ "exchange", required_argument, NULL, OPTION_EXCHANGE },
	{ "site", required_argument, NULL, OPTION_SITE },
	{ "account", required_argument, NULL, OPTION_ACCOUNT },
	{ "undo", no_argument, NULL, OPTION_UNDO },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "spread", required_argument, NULL, OPTION_SPREAD },
	{ "reason", required_argument, NULL, OPTION_REASON },
	{ "operator", required_argument, NULL, OPTION_OPERATOR },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "no-confirm", no_argument, NULL, OPTION_NO_CONFIRM },
	{ "alone", required_argument, NULL, OPTION_ALONE },
	{ "confirm-within", required_argument, NULL, OPTION_WITHIN },
	{ "sign-key", required_argument, NULL, OPTION_SIGN_KEY },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "kind", required_argument, NULL, OPTION_KIND },
	{ "sessions", required_argument, NULL, OPTION_NUMBER },
	{ "canary", required_argument, NULL, OPTION_CANARY },
	{ "canary-from", required_argument, NULL, OPTION_CANARY_FROM },
	{ "canary-kind", required_argument, NULL, OPTION_CANARY_KIND },
	{ "blackout", required_argument, NULL, OPTION_BLACKOUT },
	{ "heal", required_argument, NULL, OPTION_HEAL },
	{ "list", no_argument, NULL, OPTION_LIST },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ NULL, 0, NULL, 0 },
};

static int help_run(const struct pairctl *ctl);

struct verb {
	const char *name, *arguments, *help;
	int (*run)(const struct pairctl *ctl);
	int least, most;      /* arguments */
	uint64_t options; /* bit of each option_id beyond OPTION_FOR_ALL */
};

static const struct verb verbs[] = {
	{ "status", "", "both nodes side by side, and what is wrong", status_run, 0, 0,
	  1u << OPTION_STATE_DIR },
	{ "members", "", "the members of every array: state, share, sessions", members_run, 0, 0,
	  0 },
	{ "services", "[--array A]", "what has become of those who wanted each service",
	  services_run, 0, 0, 1u << OPTION_ARRAY },
	{ "sessions", "[--member M] [--client A] [--top N]", "the flow table of this node",
	  sessions_run, 0, 0, 1u << OPTION_MEMBER | 1u << OPTION_CLIENT | 1u << OPTION_TOP },
	{ "where", "CLIENT PORT [--array A]", "where a new session would go, and why", where_run, 2,
	  2, 1u << OPTION_ARRAY },
	{ "report", "encryption|sessions|affinity|latency|keepalive [--array A] [--top N]",
	  "clients that do not encrypt, are many, at two members, far away, silent", report_run, 1,
	  1, 1u << OPTION_ARRAY | 1u << OPTION_TOP },
	{ "drain", "MEMBER [--deadline T] [--spread T] [-m REASON]",
	  "new clients elsewhere; at the deadline its sessions end", drain_run, 1, 1,
	  1u << OPTION_DEADLINE | 1u << OPTION_SPREAD | 1u << OPTION_REASON },
	{ "maintenance", "MEMBER [-m REASON]", "its sessions end now, its checks are not judged",
	  maintenance_run, 1, 1, 1u << OPTION_REASON },
	{ "undrain", "MEMBER [-m REASON]", "back from drain or maintenance; also: up", undrain_run,
	  1, 1, 1u << OPTION_REASON },
	{ "up", "MEMBER [-m REASON]", "the same as undrain", undrain_run, 1, 1,
	  1u << OPTION_REASON },
	{ "failover", "[--anyway REASON]",
	  "hand over to the peer; refused if sessions would be lost", failover_run, 0, 0,
	  1u << OPTION_ANYWAY },
	{ "verify", "", "compare the tables of both nodes, and mend what differs", verify_run, 0, 0,
	  0 },
	{ "push", "[FILE] [-m TEXT] [--sign-key FILE] [--dry-run] [--no-confirm] [--alone REASON]",
	  "change the configuration of both nodes", push_run, 0, 1,
	  1u << OPTION_CONFIG | 1u << OPTION_REASON | 1u << OPTION_DRY_RUN |
		  1u << OPTION_NO_CONFIRM | 1u << OPTION_ALONE | 1u << OPTION_WITHIN |
		  1u << OPTION_SIGN_KEY },
	{ "confirm", "", "what was pushed stays", confirm_run, 0, 0, 0 },
	{ "rollback", "[REV] [-m TEXT]", "back to the files of the revision before, or of REV",
	  rollback_run, 0, 1, 1u << OPTION_REASON },
	{ "adopt", "NODE", "of two histories of the configuration, that node's holds", adopt_run, 1,
	  1, 0 },
	{ "drill", "[--kind LIST] [--dry-run] [--yes] | --list | --show ID",
	  "make faults on purpose, and see that nobody notices", drill_run, 0, 1,
	  1u << OPTION_STATE_DIR | 1u << OPTION_DRY_RUN | 1u << OPTION_SHOW |
		  1ull << OPTION_KIND | 1ull << OPTION_LIST | 1ull << OPTION_YES |
		  1ull << OPTION_CANARY | 1ull << OPTION_CANARY_FROM | 1ull << OPTION_CANARY_KIND |
		  1ull << OPTION_TO | 1ull << OPTION_BLACKOUT | 1ull << OPTION_HEAL },
	{ "metrics", "", "drills, names and services of this node, for a collector of text files",
	  metrics_run, 0, 0, 1u << OPTION_STATE_DIR },
	{ "canary", "--to HOST:PORT [--kind K] [-n N]",
	  "sessions through the pair, from another host: what they see", canary_run, 0, 0,
	  1ull << OPTION_TO | 1ull << OPTION_KIND | 1ull << OPTION_NUMBER },
	{ "check", "[FILE]", "read a configuration and name every fault", check_run, 0, 1,
	  1u << OPTION_CONFIG },
	{ "diff", "[[OLD] NEW]", "what a configuration changes, and what that does", diff_run, 0, 2,
	  1u << OPTION_CONFIG | 1u << OPTION_STATE_DIR },
	{ "history", "", "the revisions that were pushed: who, when, why", history_run, 0, 0,
	  1u << OPTION_STATE_DIR },
	{ "show", "running|canonical|REVISION", "a configuration as it was pushed, or in full",
	  show_run, 1, 1, 1u << OPTION_CONFIG | 1u << OPTION_STATE_DIR },
	{ "keygen", "[NODE | --operator NAME FILE] [--next] [--show|--promote|--psk]",
	  "make a node's key, its next one or an operator's", keygen_run, 0, 1,
	  1u << OPTION_KEY | 1u << OPTION_SHOW | 1u << OPTION_NEXT | 1u << OPTION_PROMOTE |
		  1u << OPTION_PSK | 1u << OPTION_OPERATOR },
	{ "runbook", "exchange --exchange V [FILE]",
	  "what to do on the servers, in DNS and in the directory", runbook_run, 1, 2,
	  1u << OPTION_CONFIG | 1u << OPTION_ARRAY | 1u << OPTION_EXCHANGE | 1u << OPTION_SITE |
		  1u << OPTION_ACCOUNT | 1u << OPTION_UNDO },
	{ "version", "", "print the version", version_run, 0, 0, 0 },
	{ "help", "", "print this", help_run, 0, 0, 0 },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int help_run(const struct pairctl *ctl)
{
	(void)ctl;
	puts("usage: pairctl [--run-dir DIR] [-j] [VERB ...]     without a verb: status\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-11s %-36s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].help);
	puts("\n  --run-dir DIR   sockets of the daemons (/run/caspair)\n"
	     "  -j, --json      print one JSON object\n"
	     "  --config FILE   for check, diff, show and runbook (/etc/caspair/pair.conf)\n"
	     "  --state-dir DIR for diff, drill, history, metrics, show and status (/var/lib/caspair)\n"
	     "  --key FILE      for keygen (/etc/caspair/keys/node.key)\n"
	     "\n"
	     "exit: 0 done, 1 problem found, 2 usage, 3 daemon not reachable, 4 refused for "
	     "safety,\n"
	     "5 peer disagrees");
	return PAIRCTL_DONE;
}

/* 0 would mean no limit, or the default, which is not what was asked. */
static bool parse_count(const char *text, uint32_t *count)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*count = (uint32_t)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value >= 1 && value <= UINT32_MAX;
}

/* 0, or the exit status for a wrong value. */
static int take_option(struct pairctl *ctl, int id)
{
	const char **text[] = {
		[OPTION_RUN_DIR] = &ctl->run_dir,
		[OPTION_CONFIG] = &ctl->config,
		[OPTION_KEY] = &ctl->key,
		[OPTION_MEMBER] = &ctl->member,
		[OPTION_CLIENT] = &ctl->client,
		[OPTION_ARRAY] = &ctl->array,
		[OPTION_ANYWAY] = &ctl->anyway,
		[OPTION_EXCHANGE] = &ctl->exchange,
		[OPTION_SITE] = &ctl->site,
		[OPTION_ACCOUNT] = &ctl->account,
		[OPTION_DEADLINE] = &ctl->deadline,
		[OPTION_SPREAD] = &ctl->spread,
		[OPTION_REASON] = &ctl->reason,
		[OPTION_OPERATOR] = &ctl->operator_name,
		[OPTION_STATE_DIR] = &ctl->state_dir,
		[OPTION_ALONE] = &ctl->alone,
		[OPTION_WITHIN] = &ctl->within,
		[OPTION_SIGN_KEY] = &ctl->sign_key,
		[OPTION_TO] = &ctl->to,
		[OPTION_KIND] = &ctl->kind,
		[OPTION_CANARY_FROM] = &ctl->canary_from,
		[OPTION_CANARY_KIND] = &ctl->canary_kind,
		[OPTION_BLACKOUT] = &ctl->blackout,
		[OPTION_HEAL] = &ctl->heal,
		[OPTION_END] = NULL,
	};
	bool *flag[] = {
		[OPTION_JSON] = &ctl->json, [OPTION_SHOW] = &ctl->show,
		[OPTION_NEXT] = &ctl->next, [OPTION_PROMOTE] = &ctl->promote,
		[OPTION_PSK] = &ctl->psk,
		[OPTION_UNDO] = &ctl->undo,
		[OPTION_DRY_RUN] = &ctl->dry_run, [OPTION_NO_CONFIRM] = &ctl->no_confirm,
		[OPTION_LIST] = &ctl->list, [OPTION_YES] = &ctl->yes,
		[OPTION_END] = NULL,
	};

	if (id == 'j')
		id = OPTION_JSON;
	if (id < OPTION_END && flag[id])
		*flag[id] = true;
	else if (id == OPTION_TOP && !parse_count(optarg, &ctl->top))
		return pairctl_usage("--top %s is not a number of sessions", optarg);
	else if ((id == OPTION_NUMBER || id == OPTION_CANARY) && !parse_count(optarg, &ctl->number))
		return pairctl_usage("%s is not a number of sessions", optarg);
	else if (id < OPTION_END && text[id])
		*text[id] = optarg;
	return 0;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static const char *option_name(int id)
{
	const struct option *option = options;

	while (option->val != id)
		option++;
	return option->name;
}

/* An option that a verb does not know would be ignored in silence: refuse it. */
static int run_verb(struct pairctl *ctl, const char *name, uint64_t given)
{
	const struct verb *verb = find_verb(name);

	if (!verb)
		return pairctl_usage("there is no verb \"%s\"", name);
	for (int id = OPTION_FOR_ALL + 1; id < OPTION_END; id++)
		if ((given & ~verb->options) >> id & 1)
			return pairctl_usage("%s takes no --%s", name, option_name(id));
	if (ctl->arguments < verb->least || ctl->arguments > verb->most)
		return pairctl_usage("wrong arguments; usage: pairctl %s %s", name,
				     verb->arguments);
	return verb->run(ctl);
}

int main(int argc, char **argv)
{
	struct pairctl ctl = { .run_dir = "/run/caspair", .key = "/etc/caspair/keys/node.key",
			       .state_dir = "/var/lib/caspair" };
	uint64_t given = 0;
	int id, status = 0;

	ctl.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	while (status == 0 && (id = getopt_long(argc, argv, "jhm:n:", options, NULL)) != -1) {
		if (id == '?')
			return pairctl_usage("not understood");
		if (id == OPTION_HELP || id == 'h')
			return help_run(&ctl);
		if (id == OPTION_VERSION)
			return version_run(&ctl);
		if (id == 'm')
			id = OPTION_REASON;
		if (id == 'n')
			id = OPTION_NUMBER;
		given |= id < OPTION_END ? 1ull << id : 0;
		status = take_option(&ctl, id);
	}
	if (status != 0)
		return status;
	ctl.arguments = argc - optind > 0 ? argc - optind - 1 : 0;
	ctl.argument = argv + optind + 1;
	status = run_verb(&ctl, optind < argc ? argv[optind] : "status", given);
	/* A full disk or a closed pipe: what was not printed was not done. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return status != 0 ? status : PAIRCTL_PROBLEM;
	return status;
}
