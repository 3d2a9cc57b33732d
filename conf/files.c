// SPDX-License-Identifier: BSD-2-Clause
#include "conf/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/disk.h"

static int read_one(struct bundle_file *file, const char *path)
{
	char copy[PATH_MAX];
	struct disk disk;
	char *slash;
	int error;

	if (snprintf(copy, sizeof(copy), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	error = disk_open(&disk, slash ? slash == copy ? "/" : copy : ".", ".", false);
	if (error == 0)
		error = disk_ops.read(&disk, slash ? slash + 1 : copy, CONF_MAX_BYTES, &file->bytes,
				      &file->length);
	disk_close(&disk);
	return error;
}

int bundle_files_load(struct bundle_file **file, size_t *files, const char *path, char why[KEY_WHY])
{
	int error = -ENOMEM;

	*files = 0;
	*file = calloc(1, sizeof(**file));
	if (*file) {
		*files = 1;
		(*file)->name = strdup("pair.conf");
		error = (*file)->name ? read_one(*file, path) : -ENOMEM;
	}
	if (error == 0)
		return 0;
	bundle_files_free(*file, *files);
	*file = NULL;
	*files = 0;
	snprintf(why, KEY_WHY, "%s: %s", path, strerror(-error));
	return error;
}

void bundle_files_free(struct bundle_file *file, size_t files)
{
	for (size_t i = 0; i < files; i++) {
		free(file[i].name);
		free(file[i].bytes);
	}
	free(file);
}
