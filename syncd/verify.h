/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether both tables are equal: the leader compares its digests (tally.h) with the follower's,
 * slice by slice, at a common position of the log, and mends what differs.  Its own table is the
 * truth.
 *
 *	leader                               follower
 *	flushes the log, VerifyBegin ------> walks its table, 4 steps a tick
 *	walks its table                      has read its ring: what its own packets changed
 *	has read its ring                    is offered, and so in the leader's log
 *	                        <----------- WALKED
 *	flushes the log, END --------------> has left out what the log has named since the begin
 *	compares                <----------- VerifySums
 *	equal: done
 *	VerifyList ------------------------> walks again
 *	looks at each key       <----------- what it has in these slices; LISTED
 *	walks, for keys that were not named
 *
 * A key that differs is settled: the log gets what the leader's table says of it, and an exact log
 * makes exact tables.  Then the part is compared again, three times at most.  Where too much
 * differs for that, all is sent once more beside the log (snapshot.h).
 *
 * It runs beside everything else, and gives way: whatever else needs a walk, or ends the following,
 * ends the comparison too.
 */
#ifndef CASPAIR_SYNCD_VERIFY_H
#define CASPAIR_SYNCD_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "syncd/keyset.h"
#include "syncd/tally.h"
#include "sync.pb-c.h"

struct record_batch;
struct session;

enum {
	VERIFY_PASSES = 3,
	VERIFY_ACCUSED = 2048, /* keys that are mended one by one */
};

enum verify_phase {
	VERIFY_IDLE,
	VERIFY_PINS, /* walks, and counts */
	VERIFY_FLOWS,
	VERIFY_READ, /* for what happened meanwhile, and may still lie in the ring */
	VERIFY_WAIT, /* leader: for WALKED; follower: for END, or what comes then */
	VERIFY_SUMS,
	VERIFY_KEYS,
	VERIFY_LIST_PINS, /* leader: for keys that were not named; follower: tells its keys */
	VERIFY_LIST_FLOWS,
	VERIFY_LIST_READ,
	VERIFY_SETTLED, /* for the follower to have applied what was settled */
	VERIFY_RESENT,  /* for the follower to have everything again */
};

/* What a run came to, so far or at its end. */
struct verify_result {
	uint32_t slices, compared; /* of these, so far */
	uint32_t differing;        /* in which some key differed at any time */
	uint32_t left;             /* that still differ */
	uint32_t busy;             /* whose sums differ again and again, and no key does */
	uint64_t entries;          /* compared */
	uint64_t changing;         /* left out: changed in the meantime */
	uint64_t repaired;         /* entries */
	uint64_t walked, to_walk;  /* for who wants to see it move */
	uint64_t begun_ns, took_ns;
	bool resent; /* everything was sent once more */
};

struct verify {
	enum verify_phase phase;
	uint8_t secret[SEAL_DIGEST_KEY];
	uint32_t number; /* of the last begin */
	bool counting;   /* what the log names is left out */
	bool peer_walked;
	struct tally tally;
	uint64_t sum[TALLY_SLICES]; /* at the common position */
	/* whose sums differ; in which a key does; in which one ever did */
	bool suspect[TALLY_SLICES], guilty[TALLY_SLICES], convicted[TALLY_SLICES];
	struct keyset named; /* by the standby */
	struct flow_event accused[VERIFY_ACCUSED];
	size_t accusations; /* more than fit: too many */
	unsigned int pass;
	uint64_t mark, now_ns, heard_ns, told_ns;
	uint64_t walked, peer_walks; /* in this walk, here and there */
	uint64_t entries;            /* the most that a walk found */
	uint64_t every_ns, ended_ns;
	struct verify_result result;
	uint64_t runs, broken, differing, repaired; /* ever: completed, ended early, and found */
};

/* --- for everybody, through session.h: session_verify() --------------------------------------- */

/* Starts a run on the leader.  NULL, or why that is not possible.  One that runs goes on. */
const char *verify_start(struct session *s, uint64_t now);

/* --- for the other parts of the session ------------------------------------------------------- */

void verify_init(struct verify *v, const uint8_t secret[SEAL_DIGEST_KEY]);
void verify_close(struct verify *v);
/* Ends whatever is under way; `why` is for the one who asked. */
void verify_stop(struct session *s, const char *why);
/* The same, and the other node hears of it at once. */
void verify_fail(struct session *s, const char *why);
/* The leader sends everything once more: only a run that asked for it goes on. */
void verify_resending(struct session *s);
/* The log says something about this key. */
void verify_logged(struct session *s, const struct flow_event *event);
/* All events so far were handed in. */
void verify_drained(struct session *s, uint64_t now);
void verify_tick(struct session *s, uint64_t now);

void verify_word(struct session *s, const Sync__VerifyWord *word, uint64_t now);
/* On the leader. */
void verify_sums(struct session *s, const Sync__VerifySums *sums, uint64_t now);
void verify_keys(struct session *s, const struct record_batch *batch, uint64_t now);
/* On the follower. */
void verify_begin(struct session *s, const Sync__VerifyBegin *begin, uint64_t now);
void verify_list(struct session *s, const Sync__VerifyList *list, uint64_t now);

/* --- between verify.c, verify_mend.c and verify_follow.c -------------------------------------- */

/* One slice of a counting walk. */
void verify_walk(struct session *s);
void verify_say(struct session *s, Sync__VerifyWord__Word which, const char *reason);
/* About how many entries there are, pins too: as many as a walk ever found. */
uint64_t verify_expects(const struct session *s);
uint32_t verify_part_slices(const struct tally_scope *scope);
/* So many slices had other sums, in so many a key did differ: once more, or it stays like this. */
void verify_next_pass(struct session *s, uint32_t suspects, uint32_t guilty);

/* Begins to mend the slices that are marked as suspect. */
void verify_mend(struct session *s, uint32_t suspects, uint64_t now);
/* One slice of a walk: what is here and was not named. */
void verify_missing(struct session *s);
/* All that had happened by the end of that walk is in the log: mends what differs still. */
void verify_judge(struct session *s, uint64_t now);

void verify_follow_step(struct session *s);
void verify_follow_drained(struct session *s);
void verify_follow_word(struct session *s, const Sync__VerifyWord *word);

#endif
