/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the machine of a push (syncd/push.h) speaks on the channel.  Pure.  Nothing is copied: what
 * is written points into its arguments, what is read into the frame.
 */
#ifndef CASPAIR_PUSH_WIRE_H
#define CASPAIR_PUSH_WIRE_H

#include "sync.pb-c.h"
#include "syncd/push.h"

ProtobufCBinaryData push_wire_id(const struct revision *revision);

/* False: that names no revision. */
bool push_wire_revision(struct revision *revision, uint64_t number, const ProtobufCBinaryData *id);

/* For PUSH_STATE, the one word that has a frame of its own. */
void push_wire_state(Sync__RevisionState *state, const struct lineage *line, bool unconfirmed);
bool push_wire_read_state(struct lineage *line, const Sync__RevisionState *state);

/* For any other word.  What is read: `note` points to `about`; PUSH_WORDS when it is none. */
void push_wire_word(Sync__RevisionWord *say, enum push_word word, const struct push_note *note);
enum push_word push_wire_read_word(struct push_note *note, struct revision *about,
				   const Sync__RevisionWord *word);

#endif
