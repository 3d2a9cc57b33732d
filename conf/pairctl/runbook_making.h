/* SPDX-License-Identifier: BSD-2-Clause */
/* How the steps of a runbook are made. */
#ifndef CASPAIR_RUNBOOK_MAKING_H
#define CASPAIR_RUNBOOK_MAKING_H

#include "conf/conf.h"
#include "conf/pairctl/runbook.h"

/* What every step needs. */
struct making {
	struct runbook *book;
	const struct conf *conf;
	const Conf__Array *array;
	const struct runbook_site *site;
};

/* The next step, good until there is another; takes the texts. */
struct runbook_step *runbook_add(const struct making *m, char *title, char *where, char *why);

/* Takes the line. */
void runbook_line(struct runbook_lines *lines, char *text);

/* "cas1, PowerShell as administrator" */
char *runbook_server(const Conf__Member *member);

/* How a member's answers find their way to the clients; nothing in mode snat. */
void runbook_way(const struct making *m, const Conf__Member *member);

#endif
