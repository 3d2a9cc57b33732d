/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which configuration runs on a node: the current revision of the store, or as long as nothing was
 * ever pushed the operator's working copy.
 */
#ifndef CASPAIR_RUNNING_H
#define CASPAIR_RUNNING_H

#include "conf/history.h"

enum { RUNNING_NAME = 4096 + 128 };

struct running {
	struct conf *conf;         /* NULL: it has errors; else the caller's, conf_free() */
	char name[RUNNING_NAME];   /* for places of faults */
	char note[HISTORY_WHY];    /* the store is not whole; empty: it is */
	struct conf_faults faults; /* conf_faults_free() */
};

/* Never fails but by conf == NULL with a fault that says why. */
void running_read(struct running *running, const char *state_dir, const char *working_copy);

#endif
