/* SPDX-License-Identifier: BSD-2-Clause */
/* The file behind struct trail, in the run directory, which is memory and goes with the boot. */
#ifndef CASPAIR_SYNCD_TRAIL_FILE_H
#define CASPAIR_SYNCD_TRAIL_FILE_H

#include <stdbool.h>

#include "syncd/trail.h"

struct trail_file {
	struct trail *trail; /* NULL: not open */
	int fd;
};

/*
 * Maps the file of this run directory and locks it, so that no second process writes there.  False,
 * and logged: a start of syncd costs a snapshot then, and nothing else.
 */
bool trail_file_open(struct trail_file *file, const char *run_dir, unsigned int node);
void trail_file_close(struct trail_file *file);

#endif
