/* SPDX-License-Identifier: BSD-2-Clause */
/* The standby's half of the session: attach, load, follow, and offer what only this node has. */
#ifndef CASPAIR_SYNCD_FOLLOWER_H
#define CASPAIR_SYNCD_FOLLOWER_H

#include "syncd/session.h"

/* Stops following, tables stay.  `again_ns` is the earliest time of the next attempt. */
void follower_detach(struct session *s, uint64_t again_ns);
/* The position is not to be trusted any more: back to a snapshot, with back-off. */
void follower_restart(struct session *s, uint64_t now);

/* Up to where this position may be acknowledged: lbd has followed all that was said to it. */
uint64_t follower_limit(const struct follower *f, uint64_t seq);

/* The leader's log has a hole: it sends all it has once more, beside the log. */
void follower_doubt(struct session *s, uint32_t snapshot, uint64_t now);

/* Forgets our own packets' records when the leader has settled them. */
void follower_settle_own(struct follower *f);

/* While a snapshot is loaded: this entry is not to be swept. */
void follower_spare(struct session *s, const struct flow_event *event);
void follower_reply(struct session *s, const Sync__AttachReply *reply, uint64_t now);
void follower_records(struct session *s, const struct record_batch *batch, uint64_t now);
void follower_snapshot_end(struct session *s, const Sync__SnapshotEnd *end, uint64_t now);
/* The leader's heartbeat: end of its log, and which of ours it had heard by then. */
void follower_head(struct session *s, uint64_t head, uint64_t echo_ns, uint64_t now);

bool follower_work(struct session *s, uint64_t now);
void follower_tick(struct session *s, uint64_t now);
Cas__SyncState follower_state(struct session *s, uint64_t now);

#endif
