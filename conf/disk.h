/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few things that the store of revisions asks of its directory, one system call or two each:
 * the order in which conf/history.c asks for them is what survives a power cut, and a test can
 * stand between.  All return 0 or a negative errno.
 */
#ifndef CASPAIR_DISK_H
#define CASPAIR_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_ops {
	/* Calls `found` for each file. */
	int (*list)(void *arg, void (*found)(void *to, const char *name), void *to);
	/* The whole file, to be freed by the caller; -EFBIG when it is longer than `most`. */
	int (*read)(void *arg, const char *name, size_t most, uint8_t **bytes, size_t *length);
	/* Makes the file or empties it, and writes.  Nothing of it is on disk before sync(). */
	int (*write)(void *arg, const char *name, const uint8_t *bytes, size_t length);
	int (*sync)(void *arg, const char *name); /* the file that was written last */
	int (*rename)(void *arg, const char *from, const char *to); /* over what was there */
	int (*remove)(void *arg, const char *name);
	int (*sync_names)(void *arg); /* what was made, renamed and removed */
};

/* The real one: a directory and the file that was written last. */
struct disk {
	int dir, file;
};
extern const struct disk_ops disk_ops;

/*
 * Opens PARENT/NAME.  `write` makes it where it is missing, durably, and locks it: -EBUSY when
 * another process has.  Without, -ENOENT says that there is none.
 */
int disk_open(struct disk *disk, const char *parent, const char *name, bool write);
void disk_close(struct disk *disk);

#endif
