/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The revisions of the configuration that this node keeps, in STATE/config: a file each, and a
 * record that names the one in force.  One writer, any number of readers.
 *
 * What changes something is on disk when it returns 0, as a whole.  After an error (negative errno)
 * history_standing() says what stands: what stood before, unless the disk would not even say
 * whether it has taken the change.
 */
#ifndef CASPAIR_HISTORY_H
#define CASPAIR_HISTORY_H

#include "conf/bundle.h"
#include "conf/disk.h"
#include "conf/standing.h"

enum {
	HISTORY_KEEP = REVISION_ANCESTORS, /* of the current line, itself included */
	HISTORY_FILES = 4 * HISTORY_KEEP,  /* looked at in the directory */
	HISTORY_WHY = 512,
};

struct history;

/*
 * As the writer the directory is made where it is missing, and what no longer belongs there is
 * removed; -EBUSY when there is a writer already.  As a reader a missing directory is an empty
 * history.  The reason of an error goes to `why`.
 */
int history_open(struct history **history, const char *state_dir, bool write,
		 char why[HISTORY_WHY]);
/* The same on any disk; `arg` is lent until history_close(). */
int history_open_on(struct history **history, const struct disk_ops *ops, void *arg, bool write);
void history_close(struct history *history); /* takes NULL */

/* Looks at the directory again. */
int history_reread(struct history *history);

const struct standing *history_standing(const struct history *history);
/* Of the revision that runs; without a tip where there is none. */
const struct lineage *history_line(const struct history *history);

/*
 * The kept ones, the newest first, without the staged one; valid until something changes.  Some may
 * prove damaged when they are loaded.
 */
size_t history_list(const struct history *history, const struct revision **list);
/* -ENOENT; -EBADMSG for a file that is not whole; -ENOMEM. */
int history_load(const struct history *history, const struct revision *which,
		 struct bundle **bundle);

/* A copy of the working copy, as long as nothing was pushed: -EPERM after that. */
int history_base(struct history *history, const struct bundle *base);
/* In place of what was staged. */
int history_stage(struct history *history, const struct bundle *bundle);
int history_unstage(struct history *history);
/*
 * The staged one becomes the current one, and that the previous one.  With a time (Unix, ms) it
 * waits for history_confirm().  -ESTALE when another one is staged.
 */
int history_switch(struct history *history, const struct revision *staged, uint64_t confirm_by_ms);
int history_confirm(struct history *history);
/* One that both were made aware of elsewhere: current at once.  What was staged is dropped. */
int history_adopt(struct history *history, const struct bundle *bundle, uint64_t confirm_by_ms);
/* The very revision that is needed: -EINVAL for another one. */
int history_mend(struct history *history, const struct bundle *bundle);

#endif
