// SPDX-License-Identifier: BSD-2-Clause
#include "conf/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int refuse(const struct conf_faults *faults, const char *path, char why[KEY_WHY])
{
	const struct conf_fault *fault = faults->fault;
	char place[CONF_PLACE];
	size_t i = 0;

	while (i < faults->count && fault[i].severity != CONF_ERROR)
		i++;
	if (i == faults->count) {
		snprintf(why, KEY_WHY, "%s has errors", path);
		return -EINVAL;
	}
	conf_fault_place(faults, &fault[i], path, place);
	snprintf(why, KEY_WHY, "%.200s: %.250s", place, fault[i].text);
	return -EINVAL;
}

int bundle_files_load(struct conf_text **file, size_t *files, const char *path, char why[KEY_WHY])
{
	struct conf_faults faults;
	struct conf *conf = conf_read_file(path, &faults);
	int error = 0;

	*file = NULL;
	*files = 0;
	if (conf) {
		*file = conf->text;
		*files = conf->texts;
		conf->text = NULL;
		conf->texts = 0;
	} else {
		error = refuse(&faults, path, why);
	}
	conf_free(conf);
	conf_faults_free(&faults);
	return error;
}

void bundle_files_free(struct conf_text *file, size_t files)
{
	for (size_t i = 0; i < files; i++) {
		free(file[i].name);
		free(file[i].bytes);
	}
	free(file);
}
