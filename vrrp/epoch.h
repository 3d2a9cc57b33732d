/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The epochs of this node on disk: one number, below which every epoch may have been used.  It is
 * kept a block ahead, so that a takeover waits for no disk.
 */
#ifndef CASPAIR_EPOCH_H
#define CASPAIR_EPOCH_H

#include <limits.h>
#include <stdint.h>

enum { EPOCH_BLOCK = 1024 };

struct epoch_store {
	char path[PATH_MAX], fresh[PATH_MAX], dir[PATH_MAX];
	uint64_t used;     /* this node has used none above it */
	uint64_t reserved; /* up to here an epoch may be used; on disk */
};

/*
 * Reads `dir`/epoch.  No file is a new node: used = 0.  0, or -errno: -EBADMSG for a file that is
 * none of ours (a node that guessed its epoch could rule with an old one), -ENAMETOOLONG.
 */
int epoch_open(struct epoch_store *store, const char *dir);

/*
 * Sees to it that at least half a block lies above `highest`; writes, and waits for the disk, only
 * when that is not so.  0, or -errno with `reserved` as it was.
 */
int epoch_reserve(struct epoch_store *store, uint64_t highest);

#endif
