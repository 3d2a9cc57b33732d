/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A drill: faults that an operator's pair should survive, made on purpose one after the other, with
 * what clients and both nodes saw of each.  What decides is pure (kinds, judgement, record); what
 * does and looks is apart from it.
 */
#ifndef CASPAIR_DRILL_H
#define CASPAIR_DRILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "conf/disk.h"
#include "conf/pairctl/canary_tally.h"
#include "conf/pairctl/pairctl.h"

/* The harmless ones first: that is the order in which they are run. */
enum drill_kind {
	DRILL_KILL_SYNCD,
	DRILL_CUT_SYNC,
	DRILL_STOP_SYNCD,
	DRILL_KILL_LBD,
	DRILL_FAILOVER,
	DRILL_KILL_VRRPD,
	DRILL_STOP_VRRPD,
	DRILL_KILL_ALL,
	DRILL_BY_HAND,
	DRILL_KINDS
};

enum {
	DRILL_PAUSE_MS = 3000, /* daemons are stopped, and the channel is cut, for so long */
	DRILL_APART_S = 60,    /* between the beginnings of two drills */
	DRILL_KEEP = 100,      /* records */
};

/* --- drill_kind.c: what there is, and its limits.  Pure. -------------------------------------- */

struct drill_kind_info {
	const char *name, *what;
	/* New connections may fail for so long: time and adverts of the pair. */
	uint32_t blackout_ms, adverts;
	uint32_t heal_ms;
	bool usual;      /* without --kind */
	uint8_t victims; /* bit of each daemon of drill_daemons[] that is killed */
};
enum drill_daemon { DRILL_LBD, DRILL_VRRPD, DRILL_SYNCD, DRILL_DAEMONS };
extern const char *const drill_daemons[DRILL_DAEMONS];
extern const struct drill_kind_info drill_kinds[DRILL_KINDS];

struct drill_limits {
	uint32_t blackout_ms, heal_ms; /* in place of the kinds' own; 0: theirs */
};

/* Sets of kinds are bits.  From names with commas; NULL, or the word that is none. */
const char *drill_read_kinds(const char *list, uint32_t *kinds);
/* What is run without --kind: a standby has nothing to hand over. */
uint32_t drill_usual_kinds(bool active);
uint32_t drill_blackout_limit(enum drill_kind kind, const struct drill_limits *limits,
			      uint32_t advert_ms);
uint32_t drill_heal_limit(enum drill_kind kind, const struct drill_limits *limits);

/* --- drill_judge.c: when it is safe, when it is healed, what failed.  Pure. ------------------- */

struct drill_texts {
	char **text;
	size_t count;
};
void drill_say(struct drill_texts *texts, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void drill_texts_free(struct drill_texts *texts);

/* All that speaks against a drill now; `since_s`: the last one began then, < 0: there was none. */
void drill_refusals(const Answer__Status *status, uint32_t kinds, double since_s,
		    struct drill_texts *reasons);
/* One node leads, the other holds everything, and nothing is wrong. */
bool drill_is_well(const Answer__Status *status);
/* Both roles and how far replication is, in one line; freed by the caller. */
char *drill_state_text(const Answer__Status *status);
/* This node, or the other; NULL when the answer has none. */
const Answer__Node *drill_node(const Answer__Status *status, bool local);
/* Adds to part->why what breaks a limit, and sets part->passed when nothing does. */
void drill_judge(Answer__DrillPart *part);

/* --- drill_record.c: what is kept ------------------------------------------------------------- */

struct drill_store {
	struct disk disk;
	const struct disk_ops *ops;
	void *arg;
};
/* For one drill at a time: -EBUSY while another one has it. */
int drill_store_open(struct drill_store *store, const char *state_dir, bool write);
void drill_store_close(struct drill_store *store);
/* The number after the last, and the numbers that are there, the latest first. */
int drill_numbers(const struct drill_store *store, uint64_t number[DRILL_KEEP], size_t *count);
/* As a whole or not at all, also when the power goes; older ones make room. */
int drill_save(const struct drill_store *store, const Answer__Drill *drill);
/* NULL: there is none, or it is damaged. */
Answer__Drill *drill_load(const struct drill_store *store, uint64_t number);
/* What status tells of the last one, for free(); NULL: there is none, or that cannot be known. */
int drill_last(const char *state_dir, uint64_t now_ms, Answer__LastDrill **last);
/* "the records in DIR cannot be read", as the verb's only output; returns its exit status. */
int drill_unreadable(const struct pairctl *ctl, int error);

/* --- metrics.c: for a collector of text files ------------------------------------------------- */

/* `last` is NULL as long as there was no drill. */
void metrics_print(const Answer__LastDrill *last, uint64_t now_ms, FILE *out);

/* --- drill_print.c ---------------------------------------------------------------------------- */

void drill_print_event(const Answer__DrillEvent *event, FILE *out);
void drill_print_part(const Answer__DrillPart *part, FILE *out);
void drill_print(const Answer__Drill *drill, FILE *out);
void drill_print_list(const Answer__Drills *drills, bool colour, FILE *out);
void drill_print_plan(const Answer__DrillPlan *plan, FILE *out);

/* --- drill_act.c: what is done to this node --------------------------------------------------- */

struct drill_act {
	const struct pairctl *ctl;
	enum drill_kind kind;
	pid_t before[DRILL_DAEMONS]; /* who was killed; 0: nobody */
	int guard;                   /* -1: nobody is stopped; closed, its guardian lets go */
	pid_t guardian;
	uint64_t until_ms; /* of a pause, monotonic */
	double handover_ms;
	bool handed; /* and so long nobody led */
};

/* NULL when it is done, or why it could not be; the caller frees that. */
char *drill_act_begin(struct drill_act *act, const struct pairctl *ctl, enum drill_kind kind);
/* Whether what was done is over: who was killed is back, who was stopped goes on. */
bool drill_act_over(const struct drill_act *act);
/* Ends what is under way.  Who is not back is named, with the command that starts it. */
void drill_act_restore(struct drill_act *act, struct drill_texts *missing);
/* Hands over to the peer, or asks the peer to hand back: NULL, or why not. */
char *drill_hand_over(const struct pairctl *ctl, bool back, double *blackout_ms);
/* Whether we may end and stop the daemons: NULL, or why not. */
char *drill_may_signal(const struct pairctl *ctl);

uint64_t drill_now_ms(void); /* monotonic */

/* --- drill_client.c: canaries of another host ------------------------------------------------- */

struct drill_client {
	pid_t pid; /* 0: there are none */
	int fd;
	char text[1024]; /* a line that has begun */
	size_t filled;
	bool heard, ended;
	struct canary_line last;
	double gap_ms, stall_ms; /* the worst since drill_client_mark() */
	uint32_t lost;           /* before that */
	uint32_t wanted;
	char *asked;
};

/* Starts `pairctl canary` behind the words of --canary-from: NULL, or why not. */
char *drill_client_start(struct drill_client *client, const struct pairctl *ctl, const char *vip,
			 uint32_t number);
/* Reads what there is, for at most so long.  False: they have ended by themselves. */
bool drill_client_wait(struct drill_client *client, int ms);
void drill_client_mark(struct drill_client *client);
void drill_client_stop(struct drill_client *client);

/* --- drill_run.c ------------------------------------------------------------------------------ */

struct drill_plan {
	uint32_t kinds;
	struct drill_limits limits;
	uint32_t advert_ms; /* of the pair */
};
/* Runs it, fills in `drill` and tells as it goes. */
void drill_perform(const struct pairctl *ctl, const struct drill_plan *plan,
		   struct drill_client *client, Answer__Drill *drill);
/* Signals end a drill in order from here on. */
void drill_catch_signals(void);

#endif
