// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/trail_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/daemon.h"
#include "conf/log.h"

static int read_boot(char *boot, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool read;

	if (!file)
		return -errno;
	read = fgets(boot, (int)size, file) != NULL;
	fclose(file);
	return read ? 0 : -EIO;
}

/* All of its room is taken at once: a page that finds none later would be a signal. */
static int make_room(int fd, size_t size)
{
	struct stat stat;

	if (fstat(fd, &stat) != 0)
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid() || stat.st_nlink != 1)
		return -EPERM;
	if ((size_t)stat.st_size > size && ftruncate(fd, (off_t)size) != 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)size);
}

static int map(struct trail_file *file, const char *path, unsigned int node)
{
	size_t size = trail_bytes(TRAIL_RECORDS);
	char boot[TRAIL_BOOT];
	void *memory;
	int err = read_boot(boot, sizeof(boot));

	if (err)
		return err;
	file->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->fd < 0 || flock(file->fd, LOCK_EX | LOCK_NB) != 0)
		return -errno;
	err = make_room(file->fd, size);
	if (err)
		return err;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	file->trail = memory;
	if (trail_open(file->trail, TRAIL_RECORDS, node, boot))
		log_debug("%s: what the process before this one left", path);
	return 0;
}

bool trail_file_open(struct trail_file *file, const char *run_dir, unsigned int node)
{
	char path[PATH_MAX];
	int err;

	*file = (struct trail_file){ .fd = -1 };
	err = daemon_path(path, sizeof(path), run_dir, "syncd.trail") ? map(file, path, node)
								      : -ENAMETOOLONG;
	if (!err)
		return true;
	log_warning("%s: %s; the next start of syncd will cost a snapshot", path, strerror(-err));
	trail_file_close(file);
	return false;
}

void trail_file_close(struct trail_file *file)
{
	if (file->trail)
		munmap(file->trail, trail_bytes(TRAIL_RECORDS));
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct trail_file){ .fd = -1 };
}
