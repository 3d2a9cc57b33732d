/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pair's totals (lbd/ledger.h): reads this node's tables, tells the peer by way of syncd every
 * few seconds, beside the log, and keeps all of it on disk.
 */
#ifndef CASPAIR_METER_H
#define CASPAIR_METER_H

#include <ev.h>

#include "lbd/arena.h"
#include "lbd/ledger.h"

struct lbd;

enum meter_kind { METER_MEMBERS, METER_SERVICES, METER_KINDS };

struct meter {
	struct ledger ledger[METER_KINDS];
	ev_timer tell;
	unsigned int unsaved; /* times that it was told since it was on disk */
};

/* After the tables are what they will be: reads what was counted before the restart. */
void meter_start(struct meter *meter, struct lbd *lbd);
void meter_stop(struct lbd *lbd);

/* Before and after another plan comes into force. */
void meter_read(struct lbd *lbd);
void meter_replan(struct lbd *lbd);

/* Tells the peer all of it; syncd has come. */
void meter_tell(struct lbd *lbd);

/* From the peer's. */
void meter_obey(struct lbd *lbd, const Cas__Counts *counts);

/* Fills in a member's totals. */
void meter_member(struct lbd *lbd, unsigned int member, Cas__MemberStatus *status);

/* A service's row, read just now; NULL: there is none. */
const struct ledger_row *meter_service(struct lbd *lbd, unsigned int service);

/* Fills in the pair's, from the arena; false: no room. */
bool meter_pair(struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status);

#endif
