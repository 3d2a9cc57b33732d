/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command: its options, its exit statuses, its verbs (a file each) and how they ask a daemon.
 */
#ifndef CASPAIR_PAIRCTL_H
#define CASPAIR_PAIRCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "request.pb-c.h"
#include "answer.pb-c.h"

struct bundle;
struct conf;
struct conf_text;
struct history;

enum pairctl_exit {
	PAIRCTL_DONE = 0,
	PAIRCTL_PROBLEM = 1,
	PAIRCTL_USAGE = 2,
	PAIRCTL_UNREACHABLE = 3,
	PAIRCTL_REFUSED = 4,
	PAIRCTL_DISAGREES = 5,
};

enum { ANSWER_SCHEMA = 1, PAIRCTL_WAIT_MS = 1000, PAIRCTL_PATH = 256 };

/* The command line.  Strings are NULL when not given, except run_dir. */
struct pairctl {
	const char *run_dir;
	bool json;
	bool colour;
	bool show, next, promote, psk; /* keygen */
	const char *config, *key;
	const char *operator_name; /* keygen --operator */
	const char *state_dir;     /* where the revisions are */
	bool undo; /* runbook --undo */
	const char *member, *client, *array, *anyway;
	const char *exchange, *site, *account; /* runbook */
	const char *deadline, *spread, *reason;
	bool dry_run, no_confirm; /* push */
	const char *alone, *within, *sign_key;
	const char *to, *kind; /* canary; drill has kinds of its own */
	const char *canary_from, *canary_kind, *blackout, *heal; /* drill */
	bool list, yes;
	uint32_t number; /* of canary sessions; 0: not given */
	uint32_t top; /* 0: no limit */
	char **argument;
	int arguments;
};

/* The verbs: each returns the exit status and has printed everything. */
int check_run(const struct pairctl *ctl);
int diff_run(const struct pairctl *ctl);
int history_run(const struct pairctl *ctl);
int show_run(const struct pairctl *ctl);
int keygen_run(const struct pairctl *ctl);
int status_run(const struct pairctl *ctl);
int members_run(const struct pairctl *ctl);
int services_run(const struct pairctl *ctl);
int sessions_run(const struct pairctl *ctl);
int where_run(const struct pairctl *ctl);
int report_run(const struct pairctl *ctl);
int usage_sessions(const struct pairctl *ctl); /* report sessions */
int usage_affinity(const struct pairctl *ctl); /* report affinity */
int usage_keepalive(const struct pairctl *ctl); /* report keepalive */
int distance_run(const struct pairctl *ctl);   /* report latency */
int drain_run(const struct pairctl *ctl);
int undrain_run(const struct pairctl *ctl);
int maintenance_run(const struct pairctl *ctl);
int failover_run(const struct pairctl *ctl);
int runbook_run(const struct pairctl *ctl);
int verify_run(const struct pairctl *ctl);
int canary_run(const struct pairctl *ctl);
int drill_run(const struct pairctl *ctl);
int metrics_run(const struct pairctl *ctl);
int push_run(const struct pairctl *ctl);
int confirm_run(const struct pairctl *ctl);
int rollback_run(const struct pairctl *ctl);
int adopt_run(const struct pairctl *ctl);
int version_run(const struct pairctl *ctl);

/* Prints a usage mistake of the verb and returns PAIRCTL_USAGE. */
int pairctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A checked configuration; NULL after the first error in it was printed. */
struct conf *pairctl_read(const struct pairctl *ctl, const char *file);

/* --- revisions in the store (revision.c) ------------------------------------------------------ */

/* NULL after it was said why; an empty one where nothing was ever stored. */
struct history *revision_store(const struct pairctl *ctl);
/* A number; else it is "running", or the name of a file. */
bool revision_number(const char *word, uint64_t *number);
/* A kept revision, or with 0 the one that runs; NULL after it was said that there is none. */
struct bundle *revision_bundle(const struct pairctl *ctl, const struct history *history,
			       uint64_t number);
/*
 * What a word of the command line stands for, checked: a revision's number, "running" or a file.
 * As long as nothing was pushed, what runs is the working copy.  NULL after it was said what is
 * wrong; else conf_free().
 */
struct conf *revision_conf(const struct pairctl *ctl, const char *word);
/* Does a revision run? */
bool revision_runs(const struct history *history);
/* --config, or where it is by default. */
const char *revision_working_copy(const struct pairctl *ctl);

/*
 * A revision of these files with the key of --sign-key, made from the one that syncd names as the
 * current one (sign.c).  PAIRCTL_DONE and bundle_free(), or the exit status after it was said why.
 */
int sign_revision(const struct pairctl *ctl, const struct conf_text *file, size_t files,
		  struct bundle **bundle);

/* --- asking (ask.c) --------------------------------------------------------------------------- */

struct question {
	const char *daemon; /* "lbd": its socket is RUN/lbd.sock */
	const Cas__Message *message;
	unsigned int timeout_ms;
};

/* One answer, owned by the caller (cas__message__free_unpacked). 0, or negative errno of ctl_ask().
 */
int ask_daemon(const struct pairctl *ctl, const struct question *question, Cas__Message **answer);

/* "lbd does not answer at PATH: REASON". */
void ask_explain(const struct pairctl *ctl, const char *daemon, int error, char *text, size_t size);

/*
 * The usual way of a verb with one answer: PAIRCTL_DONE and the answer, or the exit status after
 * the error was printed (as JSON with -j).
 */
int ask_or_fail(const struct pairctl *ctl, const struct question *question, Cas__Message **answer);

/* The same where it takes long: `more` hears each answer that others will follow. */
typedef void ask_more(const struct pairctl *ctl, const Cas__Message *answer);
int ask_long(const struct pairctl *ctl, const struct question *question, ask_more *more,
	     Cas__Message **answer);

/*
 * The same where the question takes several messages, and an error among the answers is the
 * caller's to print.  `question` names the daemon and the time.
 */
int ask_parts(const struct pairctl *ctl, const struct question *question,
	      const Cas__Message *const *list, size_t count, ask_more *more, Cas__Message **answer);

/* Who asks, for others to read; daemons know the uid by themselves.  Behind sudo: who called that. */
const char *ask_who(void);

/* Prints an error as the verb's only output; returns `status`. */
int ask_fail(const struct pairctl *ctl, int status, const char *text);

/* Exit status for a refusal by a daemon: its own, where it is one of ours. */
int ask_refusal(const Cas__Message *answer);

/* Prints one JSON object and a newline. */
void answer_print(const ProtobufCMessage *message, FILE *out);

/* --- what the verbs print, apart from the asking: for the tests ------------------------------- */

/* The replies that came, NULL for daemons that did not answer; `silent` tells why. */
struct status_replies {
	Cas__LbdStatus *lbd;
	Cas__VrrpStatus *vrrp;
	Cas__SyncStatus *sync;
	char silent[3][PAIRCTL_PATH + 128]; /* lbd, vrrpd, syncd; empty: answered */
};

/* All three, asked one after the other for so long, and what is made of it: status_asked_free(). */
struct status_asked {
	struct status_replies replies;
	Cas__Message *answer[3];
	Answer__Status *status;
};
void status_ask(const struct pairctl *ctl, unsigned int timeout_ms, struct status_asked *asked);
void status_asked_free(struct status_asked *asked);

/* Both nodes, problems and notes out of the replies; borrows from them.  Free with status_free().
 */
Answer__Status *status_build(const struct status_replies *replies);
void status_free(Answer__Status *status);
int status_exit(const Answer__Status *status);
/* "in sync" and so on; "unknown" for a word of a newer version. */
const char *status_sync_word(Cas__SyncState state);
void status_print(const Answer__Status *status, bool colour, FILE *out);
/* Gauges of the arrays' names, as Prometheus reads them; none for what is unknown. */
void metrics_print_names(const Cas__LbdStatus *lbd, FILE *out);

/* Counters of the services, likewise: what this node has counted. */
void metrics_print_services(const Cas__ServicesReply *reply, FILE *out);

/* Why packets for a service are not let through: its name in metrics, in words, where it is counted. */
enum { SERVICE_REASONS = 7 };
struct service_reason {
	const char *name, *text;
	size_t value;
};
extern const struct service_reason service_reasons[SERVICE_REASONS];
uint64_t service_refused(const Cas__ServiceCounts *counts, const struct service_reason *reason);

void services_print(const Cas__ServicesReply *reply, bool colour, FILE *out);
void members_print(const Cas__MembersReply *reply, bool colour, FILE *out);
void sessions_print(const Cas__Session *session, FILE *out);
void where_print(const Cas__WhereReply *reply, FILE *out);
void report_print(const Cas__EncryptionReply *reply, bool colour, FILE *out);
void usage_print_sessions(const Cas__UsageReply *reply, bool colour, FILE *out);
void usage_print_affinity(const Cas__UsageReply *reply, bool colour, FILE *out);
void usage_print_keepalive(const Cas__UsageReply *reply, bool colour, FILE *out);
void distance_print(const Cas__LatencyReply *reply, bool colour, FILE *out);
void admin_print(const Cas__AdminReply *reply, FILE *out);
void failover_print(const Cas__FailoverReply *reply, FILE *out);
void push_print(const Cas__PushReply *reply, FILE *out);
void verify_print(const Cas__VerifyReply *reply, FILE *out);
int verify_exit(const Cas__VerifyReply *reply);

#endif
