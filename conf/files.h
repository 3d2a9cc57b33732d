/* SPDX-License-Identifier: BSD-2-Clause */
/* The working copy as bytes: what a push takes along, comments and all. */
#ifndef CASPAIR_FILES_H
#define CASPAIR_FILES_H

#include "conf/bundle.h"

/*
 * All files of a configuration without errors, the first one always under the name pair.conf, so that nodes whose
 * copies lie in different places make the same of them.  Freed by bundle_files_free().  0, or a
 * negative errno with the reason in `why`.
 */
int bundle_files_load(struct conf_text **file, size_t *files, const char *path,
		      char why[KEY_WHY]);
void bundle_files_free(struct conf_text *file, size_t files);

#endif
