/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the machine of a push to each other: for push.c, push_lead.c, push_follow.c only. */
#ifndef CASPAIR_SYNCD_PUSH_PARTS_H
#define CASPAIR_SYNCD_PUSH_PARTS_H

#include "syncd/push.h"

#define PUSH_TWO_HISTORIES                                                                         \
	"the nodes have two histories of the configuration: pairctl adopt NODE says whose holds"
#define PUSH_ASTRAY_NS UINT64_C(5000000000) /* then the daemons are asked again */

/* --- push.c ----------------------------------------------------------------------------------- */

void push_say(struct push *push, enum push_word word, const struct revision *about,
	      const char *why);
void push_say_state(struct push *push);
void push_set_why(struct push *push, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum relation push_relation(const struct push *push);

/* --- push_lead.c ------------------------------------------------------------------------------ */

/* Before it was decided: both nodes stay where they are. */
void push_give_up(struct push *push, enum push_end how, const char *why, uint64_t now);
void push_end_with(struct push *push, enum push_end how, const char *why, uint64_t now);
/* Decided, and a daemon does not follow. */
void push_undone(struct push *push, const char *why, uint64_t now);
void push_apply_here(struct push *push, uint64_t now);
void push_standby_switched(struct push *push, uint64_t now);
/* What the standby says while this node pushes. */
void push_answer(struct push *push, enum push_word word, const struct push_note *note,
		 uint64_t now);
void push_roll_back(struct push *push, uint64_t now);
/* The current one stays; whoever asked for that is told. */
void push_confirmed(struct push *push);

/* --- push_follow.c ---------------------------------------------------------------------------- */

void push_follow(struct push *push, bool tell, uint64_t now);
void push_offered(struct push *push, const struct push_note *note);
bool push_is_offered(const struct push *push, const struct revision *about);
void push_stage(struct push *push, const struct push_note *note);
void push_forget(struct push *push);
/* Ends what push_adopt() began, where it did. */
void push_adopted(struct push *push, enum push_end how, const char *why);
/* It has the same revision, and knows that this stays. */
bool push_is_confirmed_there(const struct push *push);
/* Takes the peer's revision where it is the newer one. */
void push_reconsider(struct push *push, uint64_t now);

#endif
