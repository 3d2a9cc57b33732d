// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/dataplane_pins.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/hook.h"

bool pins_path(char path[PINS_PATH], const char *dir, const char *name)
{
	return snprintf(path, PINS_PATH, "%s/%s", dir, name) < PINS_PATH;
}

int pins_directory(const char *dir)
{
	struct statfs fs;

	if (mkdir(dir, 0700) && errno != EEXIST) {
		int error = -errno;

		log_error("%s cannot be made: %s", dir, strerror(errno));
		return error;
	}
	if (statfs(dir, &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		log_error("%s is not on a BPF file system; mount -t bpf bpf DIR and name a "
			  "directory in it with --bpf-dir",
			  dir);
		return -EINVAL;
	}
	return 0;
}

int pins_layout(const char *dir, uint32_t *layout)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info), zero = 0;
	char path[PINS_PATH];
	void *value;
	int fd, error = 0;

	if (!pins_path(path, dir, dataplane_map_names[MAP_CONTROL]))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length)) {
		error = -errno;
		goto out;
	}
	/* The first word is the layout in every layout; the rest may have another size. */
	value = calloc(1, info.value_size > 4 ? info.value_size : 4);
	if (!value || bpf_map_lookup_elem(fd, &zero, value))
		error = -EIO;
	else
		memcpy(layout, value, sizeof(*layout));
	free(value);
out:
	close(fd);
	return error;
}

uint32_t pins_entries(const char *dir, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	char path[PINS_PATH];
	int fd;

	if (!pins_path(path, dir, name))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		info.max_entries = 0;
	close(fd);
	return info.max_entries;
}

int dataplane_remove(const char *dir)
{
	DIR *pins = opendir(dir);
	const struct dirent *entry;
	struct statfs fs;
	unsigned int links = 0, others = 0;
	int error = 0, failed;
	const char *name;

	if (!pins && errno == ENOENT)
		return 0;
	if (!pins || fstatfs(dirfd(pins), &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		log_error("%s is not a directory on a BPF file system", dir);
		if (pins)
			closedir(pins);
		return -EINVAL;
	}
	while ((entry = readdir(pins))) {
		if (entry->d_name[0] == '.')
			continue;
		name = hook_of_pin(entry->d_name);
		failed = hook_unpin(dir, entry->d_name);
		if (failed) {
			error = failed;
			log_error("%s/%s cannot be removed: %s", dir, entry->d_name,
				  strerror(-failed));
			continue;
		}
		if (name) {
			links++;
			log_info("detached from %s", name);
		} else {
			others++;
		}
	}
	closedir(pins);
	log_info("removed %u link%s and %u table%s under %s", links, links == 1 ? "" : "s", others,
		 others == 1 ? "" : "s", dir);
	if (!error && rmdir(dir) && errno != EBUSY)
		log_debug("%s stays: %s", dir, strerror(errno));
	return error;
}
