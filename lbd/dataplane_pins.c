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

int pins_open(const char *dir, const char *name, struct pins_form *form)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	char path[PINS_PATH];
	int fd;

	if (!pins_path(path, dir, name))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length)) {
		int error = -errno;

		close(fd);
		return error;
	}
	*form = (struct pins_form){ info.type, info.key_size, info.value_size, info.max_entries,
				    info.map_flags };
	return fd;
}

bool pins_exists(const char *dir, const char *name)
{
	char path[PINS_PATH];

	return pins_path(path, dir, name) && access(path, F_OK) == 0;
}

int pins_layout(const char *dir, const char *name, uint32_t *layout)
{
	struct pins_form form;
	int fd = pins_open(dir, name, &form), error = 0;
	uint32_t zero = 0;
	void *value;

	if (fd < 0)
		return fd;
	/* The first word is the layout in every layout; the rest may have another size. */
	value = calloc(1, form.value > 4 ? form.value : 4);
	if (!value || bpf_map_lookup_elem(fd, &zero, value))
		error = -EIO;
	else
		memcpy(layout, value, sizeof(*layout));
	free(value);
	close(fd);
	return error;
}

int pins_mark(const char *dir, const char *name, int map)
{
	char path[PINS_PATH];

	if (!pins_path(path, dir, name))
		return -ENAMETOOLONG;
	return bpf_obj_pin(map, path) && errno != EEXIST ? -errno : 0;
}

int pins_replace(const char *dir, const char *name)
{
	char from[PINS_PATH], to[PINS_PATH];

	if (!pins_path(to, dir, name) ||
	    snprintf(from, PINS_PATH, "%s/" PINS_NEXT "%s", dir, name) >= PINS_PATH)
		return -ENAMETOOLONG;
	return rename(from, to) ? -errno : 0;
}

void pins_forget(const char *dir)
{
	DIR *pins = opendir(dir);
	const struct dirent *entry;
	char path[PINS_PATH];

	if (pins_path(path, dir, PINS_COMMIT))
		unlink(path);
	while (pins && (entry = readdir(pins)))
		if (!strncmp(entry->d_name, PINS_NEXT, strlen(PINS_NEXT)) &&
		    pins_path(path, dir, entry->d_name))
			unlink(path);
	if (pins)
		closedir(pins);
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
