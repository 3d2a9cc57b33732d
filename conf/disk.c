// SPDX-License-Identifier: BSD-2-Clause
#include "conf/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int or_errno(int result)
{
	return result < 0 ? -errno : 0;
}

static int list(void *arg, void (*found)(void *to, const char *name), void *to)
{
	const struct disk *disk = arg;
	int fd = openat(disk->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int error;

	if (!dir) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	for (errno = 0; (entry = readdir(dir)); errno = 0)
		if (entry->d_name[0] != '.')
			found(to, entry->d_name);
	error = -errno;
	closedir(dir);
	return error;
}

static int read_all(int fd, uint8_t *bytes, size_t size, size_t *length)
{
	ssize_t n = 1;

	*length = 0;
	while (*length < size && n > 0) {
		n = read(fd, bytes + *length, size - *length);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return -errno;
		else
			*length += (size_t)n;
	}
	return 0;
}

static int read_file(void *arg, const char *name, size_t most, uint8_t **bytes, size_t *length)
{
	const struct disk *disk = arg;
	/* Nobody else writes here, but a FIFO must not hold a daemon up. */
	int fd = openat(disk->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int error = 0;

	*bytes = NULL;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	else if ((uint64_t)st.st_size > most)
		error = -EFBIG;
	else if (!(*bytes = malloc((size_t)st.st_size + 1)))
		error = -ENOMEM;
	else
		error = read_all(fd, *bytes, (size_t)st.st_size, length);
	close(fd);
	if (error) {
		free(*bytes);
		*bytes = NULL;
	}
	return error;
}

static int write_file(void *arg, const char *name, const uint8_t *bytes, size_t length)
{
	struct disk *disk = arg;

	if (disk->file >= 0)
		close(disk->file);
	disk->file = openat(disk->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	if (disk->file < 0)
		return -errno;
	while (length) {
		ssize_t n = write(disk->file, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int sync_file(void *arg, const char *name)
{
	struct disk *disk = arg;
	int error = disk->file < 0 ? -EBADF : or_errno(fsync(disk->file));

	(void)name; /* it is the one that is open: an error of its writing is told to this one */
	if (disk->file >= 0)
		close(disk->file);
	disk->file = -1;
	return error;
}

static int rename_file(void *arg, const char *from, const char *to)
{
	const struct disk *disk = arg;

	return or_errno(renameat(disk->dir, from, disk->dir, to));
}

static int remove_file(void *arg, const char *name)
{
	const struct disk *disk = arg;

	return or_errno(unlinkat(disk->dir, name, 0));
}

static int sync_names(void *arg)
{
	const struct disk *disk = arg;

	return or_errno(fsync(disk->dir));
}

const struct disk_ops disk_ops = {
	.list = list,
	.read = read_file,
	.write = write_file,
	.sync = sync_file,
	.rename = rename_file,
	.remove = remove_file,
	.sync_names = sync_names,
};

/* A new directory is on disk only when the one around it is. */
static int make(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) == 0)
		return or_errno(fsync(parent));
	return errno == EEXIST ? 0 : -errno;
}

int disk_open(struct disk *disk, const char *parent, const char *name, bool write)
{
	int around = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;

	*disk = (struct disk){ -1, -1 };
	if (around < 0)
		return -errno;
	if (write)
		error = make(around, name);
	if (error == 0) {
		disk->dir = openat(around, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		error = or_errno(disk->dir);
	}
	close(around);
	if (error == 0 && write && flock(disk->dir, LOCK_EX | LOCK_NB) < 0)
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (error)
		disk_close(disk);
	return error;
}

void disk_close(struct disk *disk)
{
	if (disk->file >= 0)
		close(disk->file);
	if (disk->dir >= 0)
		close(disk->dir);
	*disk = (struct disk){ -1, -1 };
}
