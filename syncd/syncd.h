/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's one struct: the pure machine and the sockets, maps and timers around it. */
#ifndef CASPAIR_SYNCD_SYNCD_H
#define CASPAIR_SYNCD_SYNCD_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/daemon.h"
#include "conf/drift.h"
#include "proto/addr.h"
#include "proto/record.h"
#include "syncd/channel.h"
#include "syncd/trail_file.h"
#include "syncd/keys.h"
#include "syncd/revise.h"
#include "syncd/marks.h"
#include "syncd/session.h"
#include "syncd/table.h"

enum { SYNCD_TEXT = 256, SYNCD_DIGEST = 16 };

/* vrrpd's last word about this node. */
struct syncd_role {
	char reason[SYNCD_TEXT];
	uint64_t since_ns; /* before the boot wraps, and differences are right again */
	uint64_t heard_ns; /* its last word: it speaks twice a second */
	uint32_t priority;
	bool carrier, known;
	bool held, lan, lan_known, lan_whole, pending;
	char link_local[ADDR_TEXT];
	char digest[SYNCD_DIGEST]; /* of its configuration; empty: it does not say */
};

/* lbd's last word. */
struct syncd_facts {
	uint32_t members_up, members;
	bool fenced;
	bool known;
};

/* This node was fenced: the peer is asked to take over until it says that it has. */
struct syncd_yield {
	ev_timer again;
	uint64_t until_ns;
	char reason[SYNCD_TEXT];
};

enum { SYNCD_ASKERS = 8 };

/* Comparisons of the tables: who waits for the one under way, and what the last one came to. */
struct syncd_verify {
	struct ctl_conn *asker[SYNCD_ASKERS];
	size_t askers;
	uint64_t told_ns;
	struct verify_result last;
	char why[SYNCD_TEXT]; /* it was broken off; empty: it was not */
	uint64_t ended_ns;    /* 0: there was none */
};

struct syncd {
	struct ev_loop *loop;
	struct daemon daemon;
	struct daemon_options options;
	struct conf *conf;
	struct drift drift; /* of the working copy from it */
	unsigned int node;
	struct keys keys;
	struct channel channel;
	struct session session;
	struct trail_file trail;
	struct table table;
	uint64_t generation; /* of the tables; 0: none yet */
	uint64_t lost;       /* events, as last read */
	uint64_t beat_ns, beat_max_ns; /* heartbeats: there and back; 0: not known */
	struct flow_gauges gauges;
	struct ctl_server *server;
	struct ctl_link *lbd;
	bool lbd_linked;
	bool standby; /* attached, as lbd was told */
	struct ctl_conn *vrrpd; /* NULL: not attached */
	struct syncd_role role;
	struct syncd_facts facts;
	struct syncd_yield yield;
	struct syncd_verify verify;
	struct revise revise;
	ev_io events;
	ev_timer batch, tick;
	unsigned int quiet; /* batches in a row without an event */
	uint64_t urgent_ns; /* when a client last waited for the peer to have an event */
	struct marks marks;
	ev_idle idle;
	Cas__SyncState shown; /* state that was logged last */
	uint64_t started_ns, reported_ns;
	struct record_arena arena;
	_Alignas(16) uint8_t memory[RECORD_ARENA];
	uint8_t frame[RECORD_BYTES];
};

/* --- main.c ----------------------------------------------------------------------------------- */

/* Reads what the data plane has reported so far, up to 65,536 events; or the whole ring. */
void syncd_drain(struct syncd *syncd);
void syncd_drain_all(struct syncd *syncd);
/* Lets the session do what it has to do, now and later. */
void syncd_work(struct syncd *syncd);
const char *syncd_name(const struct syncd *syncd, unsigned int node);
/*
 * Takes over the configuration that is in force now; `together`: both nodes do, at one record of
 * the log.  False, logged: the old one stays.
 */
bool syncd_follow(struct syncd *syncd, bool together);

/* --- machine.c: the session's hands ----------------------------------------------------------- */

extern const struct session_ops machine_ops;
extern const struct channel_ops machine_channel_ops;

/* --- relay.c: the links to lbd and vrrpd ------------------------------------------------------ */

/* 0, or a negative errno, logged. */
int relay_start(struct syncd *syncd);
void relay_stop(struct syncd *syncd);
void relay_report(struct syncd *syncd);
void relay_word(struct syncd *syncd, const Cas__PeerWord *word);
void relay_verdict(struct syncd *syncd, const struct flow_event *event);
/* A standby is here that may not know what this node's lbd has said. */
void relay_announce(struct syncd *syncd);
void relay_passed(struct syncd *syncd, uint32_t pool_id, uint32_t number);
/* From the peer's lbd, as it stands. */
void relay_counts(struct syncd *syncd, Cas__Counts *counts);
void relay_heed(struct syncd *syncd, uint64_t history, uint64_t seq);
/* Tells lbd whether a standby is attached, if that is news. */
void relay_standby(struct syncd *syncd);
void relay_handed(struct syncd *syncd, uint64_t id, const char *why);

/* --- acked.c: what the standby has followed, for the data plane and lbd ----------------------- */

/* After each thing that may have moved it, and often. */
void acked_update(struct syncd *syncd);

/* --- compare.c: comparisons of the tables, for who asks --------------------------------------- */

/* Starts one, or joins the one under way: answers each second, and at its end. */
void compare_asked(struct syncd *syncd, struct ctl_conn *conn);
void compare_closed(struct syncd *syncd, const struct ctl_conn *conn);
void compare_progress(struct syncd *syncd, uint64_t now);
void compare_ended(struct syncd *syncd, const struct verify_result *result, const char *why);
/* Borrows `reply` and the session. */
void compare_status(struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
		    Cas__VerifyReply *reply);

/* --- status.c --------------------------------------------------------------------------------- */

void status_answer(struct syncd *syncd, struct ctl_conn *conn);
/* The peer's facts as last heard, or NULL; freed by cas__node_facts__free_unpacked(). */
Cas__NodeFacts *status_peer(const struct syncd *syncd);

#endif
