/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a session outlives its process (trail.h), and how the next one takes it up. */
#ifndef CASPAIR_SYNCD_RESUME_H
#define CASPAIR_SYNCD_RESUME_H

#include "syncd/session.h"

/* vrrpd is about to speak for the first time: until then this node is what it was before. */
void resume_told(struct session *s, uint64_t now);
/* The tables are others than those that were left. */
void resume_refuse(struct session *s);

/* Writes down where this node stands.  Before it is told, what was left stays as it is. */
void resume_note(struct session *s);
/* Nothing that is written down will hold any more. */
void resume_void(struct session *s);
/* Writes down a record of this node's own packets, at this place of struct follower's list. */
void resume_own(struct session *s, size_t place, const struct flow_event *event);

#endif
