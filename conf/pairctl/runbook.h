/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has to be done outside the pair, in the order in which it is safe: a list of steps, each
 * with its commands and the commands that take it back.  Made from a configuration; runs nothing.
 */
#ifndef CASPAIR_RUNBOOK_H
#define CASPAIR_RUNBOOK_H

#include "conf/conf.h"

#include <stdio.h>

enum runbook_version {
	RUNBOOK_2010_RTM,
	RUNBOOK_2010_SP1,
	RUNBOOK_2010_SP2,
	RUNBOOK_2010_SP3,
	RUNBOOK_UNKNOWN,
};

/* What no configuration of the pair says; NULL: the commands have a place to be filled in. */
struct runbook_site {
	enum runbook_version version;
	const char *name;    /* of the Active Directory site */
	const char *account; /* DOMAIN\NAME$ of the alternate service account */
};

struct runbook_lines {
	char **line;
	size_t count;
};

struct runbook_step {
	char *title;
	char *where; /* "Exchange Management Shell", "mel-cas1, as administrator" */
	char *why;   /* lines, for comments */
	struct runbook_lines run, undo;
};

struct runbook {
	struct runbook_step *step;
	size_t count;
};

enum runbook_version runbook_version(const char *word);

/* Appends the steps of one array.  Without memory the program ends. */
void runbook_array(struct runbook *book, const struct conf *conf, const Conf__Array *array,
		   const struct runbook_site *site);
void runbook_free(struct runbook *book);

/* `undo`: the steps from the last to the first, with the commands that take them back. */
void runbook_print(const struct runbook *book, bool undo, FILE *out);

#endif
