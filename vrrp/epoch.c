// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char magic[] = "caspair-epoch 1 ";

/* Exactly the magic, a decimal number and the end of the line. */
static int parse(uint64_t *reserved, const char *text)
{
	const char *digits = text + sizeof(magic) - 1;
	char *end;

	if (strncmp(text, magic, sizeof(magic) - 1) != 0 || *digits < '0' || *digits > '9')
		return -EBADMSG;
	errno = 0;
	*reserved = strtoull(digits, &end, 10);
	if (errno || strcmp(end, "\n") != 0 || *reserved > UINT64_MAX / 2)
		return -EBADMSG;
	return 0;
}

static int read_file(uint64_t *reserved, const char *path)
{
	char text[64];
	ssize_t length;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	if (strlen(text) != (size_t)length)
		return -EBADMSG;
	return parse(reserved, text);
}

int epoch_open(struct epoch_store *store, const char *dir)
{
	size_t room = sizeof(store->path);
	int err;

	*store = (struct epoch_store){ 0 };
	if ((size_t)snprintf(store->dir, room, "%s", dir) >= room ||
	    (size_t)snprintf(store->path, room, "%s/epoch", dir) >= room ||
	    (size_t)snprintf(store->fresh, room, "%s/epoch.new", dir) >= room)
		return -ENAMETOOLONG;
	err = read_file(&store->reserved, store->path);
	if (err && err != -ENOENT)
		return err;
	/* Which of the reserved ones were used is not known: all of them. */
	store->used = store->reserved;
	return 0;
}

static int write_file(const char *path, uint64_t reserved)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%s%" PRIu64 "\n", magic, reserved);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* what a short write means here */
	if (write(fd, text, (size_t)length) != length || fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static int sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int epoch_reserve(struct epoch_store *store, uint64_t highest)
{
	uint64_t wanted;
	int err;

	if (highest < store->used)
		highest = store->used;
	if (highest + EPOCH_BLOCK / 2 <= store->reserved)
		return 0;
	wanted = highest + EPOCH_BLOCK;
	err = write_file(store->fresh, wanted);
	if (!err && rename(store->fresh, store->path))
		err = -errno;
	/* Until the name is on disk too, a crash could bring the old number back. */
	if (!err)
		err = sync_directory(store->dir);
	if (err)
		return err;
	store->reserved = wanted;
	return 0;
}
