/* SPDX-License-Identifier: BSD-2-Clause */
/* A status in the making: status_build.c has the nodes, status_judge.c what is wrong with them. */
#ifndef CASPAIR_PAIRCTL_STATUS_PARTS_H
#define CASPAIR_PAIRCTL_STATUS_PARTS_H

#include "conf/pairctl/pairctl.h"

struct status_parts {
	const struct status_replies *replies;
	Answer__Status *status;
	Answer__Node *here, *peer;
};

/* Adds problems and notes to the status. */
void status_judge(struct status_parts *b);

#endif
