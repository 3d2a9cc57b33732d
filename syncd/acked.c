// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strict services: what the standby has followed is written where the data plane and lbd read it
 * (struct flow_acked).
 */
#include "syncd/syncd.h"

/* Without a standby that follows closely nobody is to wait, and who does is let go at once. */
static void let_go(struct table *table)
{
	if (!table->acked->synced_ns)
		return;
	__atomic_store_n(&table->acked->synced_ns, 0, __ATOMIC_SEQ_CST);
	table_wake_reader(table);
}

void acked_update(struct syncd *syncd)
{
	struct table *table = &syncd->table;
	uint64_t history, seq;
	bool follows = session_follows(&syncd->session, &history, &seq), moved;

	if (!table_is_open(table))
		return;
	marks_note(&syncd->marks, history, table->at, syncd->session.journal.head);
	if (!follows) {
		let_go(table);
		return;
	}
	moved = marks_reach(&syncd->marks, seq);
	if (!syncd->marks.reached)
		return;
	/* Which events are missing goes before what is not: the other way round, one that was lost
	   would look as if it had been followed. */
	__atomic_store_n(&table->acked->lost, syncd->lost, __ATOMIC_RELEASE);
	__atomic_store_n(&table->acked->position, syncd->marks.at, __ATOMIC_SEQ_CST);
	__atomic_store_n(&table->acked->synced_ns, daemon_now_ns(), __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (moved)
		table_wake_reader(table);
}
