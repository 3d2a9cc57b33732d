/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pair's configuration in the simulator: every revision that was ever made, the disks that they
 * lie on, and the shell around the machine of a push (syncd/push.h), which is the product's own.
 */
#ifndef CASPAIR_TESTS_SIM_REVISE_H
#define CASPAIR_TESTS_SIM_REVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/revision.h"
#include "proto/memo.h"
#include "sync.pb-c.h"
#include "syncd/fetch.h"
#include "syncd/push.h"

struct node;
struct world;

/* conf/standing.h, struct standing_record: what is written down in one piece. */
struct vault_record {
	struct revision current, staged, previous;
	uint64_t confirm_by_ms;
	bool pushed;
};

/* A revision, and what the oracle knows of it.  Sets of nodes are bits. */
struct made {
	struct lineage line;
	uint32_t files; /* what is in it: a roll-back brings back those of another one */
	uint32_t confirm_ms;
	bool alone;      /* decided without the peer */
	bool unasked;    /* a roll-back, for nobody had confirmed in time */
	bool asked;      /* somebody asked to confirm it ... */
	bool confirmed;  /* ... and was told that it stays */
	uint8_t stored;  /* its file is whole on these disks */
	uint8_t staged;  /* was, on these */
	uint8_t decided; /* by this node */
	uint8_t unfit;   /* these nodes' checks refuse it */
	uint8_t lame;    /* their lbd does not follow, as long as there are faults */
};

enum hands_asked { ASKED_NOTHING, ASKED_PUSH, ASKED_CONFIRM, ASKED_ROLLBACK };

/* In syncd's memory. */
struct hands {
	struct push push;
	struct fetch fetch;
	const struct made *given; /* fetched, or to be pushed */
	struct {
		bool any, follows[2], lame; /* vrrpd, lbd: has not answered yet */
	} wait;
	struct memo memo;
	struct revision logged;
	uint64_t logged_ns;
	enum hands_asked asked;
	bool open;
	bool dead; /* the power went, or syncd was killed, in the midst of what it does now */
};

/* --- vault.c: as conf/history.c writes it ----------------------------------------------------- */

/* Never NULL; `files` 0: other ones than ever before. */
struct made *made_child(struct world *world, const struct lineage *parent, uint32_t files);
/* NULL: nobody ever made it. */
struct made *made_find(const struct world *world, const struct revision *which);
void made_begin(struct world *world); /* the base of both nodes */
void made_end(struct world *world);

/* 0 or negative errno, with nothing changed. */
int vault_stage(struct node *node, struct made *made);
int vault_unstage(struct node *node);
int vault_switch(struct node *node, const struct revision *staged, uint64_t confirm_by_ms);
int vault_adopt(struct node *node, struct made *made, uint64_t confirm_by_ms);
int vault_confirm(struct node *node);
/* What a node finds when it boots, or syncd starts. */
const struct made *vault_current(const struct node *node);
bool vault_has(const struct node *node, const struct made *made);
uint64_t vault_unix_ms(const struct node *node);

/* --- hands.c, hands_wire.c: syncd/revise*.c
 * ------------------------------------------------------------------
 */

/* In push_ops. */
void hands_say(void *node, enum push_word word, const struct push_note *note);
void hands_fetch(void *node, const struct revision *which);
void hands_fetch_failed(struct node *node);

void hands_start(struct node *node);
void hands_end(struct node *node);
void hands_up(struct node *node);
void hands_down(struct node *node);
void hands_role(struct node *node);
void hands_tick(struct node *node);
void hands_logged(struct node *node, const struct flow_event *event);
/* True: the frame was about revisions. */
bool hands_frame(struct node *node, const Sync__Frame *frame);
/* A daemon is linked to syncd, answers, or is gone; `daemon` is VRRPD or LBD. */
void hands_linked(struct node *node, unsigned int daemon);
void hands_followed(struct node *node, unsigned int daemon, uint64_t number, bool lame);
void hands_gone(struct node *node, unsigned int daemon);
/* Of that daemon: it is to run what is current now. */
void hands_follow(struct node *node, unsigned int daemon, uint64_t number);

/* --- pusher.c: operators, and what must hold -------------------------------------------------- */

void pusher_step(struct world *world);
/* True: one has begun. */
bool pusher_push(struct node *node);
/* A push, in which the power goes, or syncd is killed, at a write to this node's store. */
void pusher_cut(struct node *node);

/* --- revisions.c: the oracle of revisions ----------------------------------------------------- */

void revisions_look(struct world *world);
/* NULL: both nodes are on one revision, and run it. */
const char *revisions_unsettled(const struct world *world);
/* What a node is about to write down. */
void revisions_written(struct node *node, const struct vault_record *next);
void revisions_decided(struct node *node, struct made *made);
bool revisions_split(const struct world *world);

#endif
