/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that make up a configuration: the one that was named, and those that it includes.  They
 * come from a directory as they are asked for, or lie in a revision all together.
 */
#ifndef CASPAIR_TEXTS_H
#define CASPAIR_TEXTS_H

#include "conf/fault.h"

enum { TEXTS_WHY = 320, TEXTS_FILES = 64, TEXTS_NAME = 128 /* with NUL */ };

struct texts {
	struct conf_text *list; /* owned, as are names and bytes */
	size_t count;
	size_t bytes; /* of all */
	int dir;      /* where more can be had from; -1: nowhere */
};

void texts_init(struct texts *texts);
void texts_free(struct texts *texts);

/* Copies a file in, as the last one.  False, with the reason, when it is too much. */
bool texts_add(struct texts *texts, const char *name, const void *bytes, size_t length,
	       char why[TEXTS_WHY]);

/* The file at `path` becomes the first one, pair.conf, and its directory is where others are. */
bool texts_open(struct texts *texts, const char *path, char why[TEXTS_WHY]);

/*
 * Makes sure that the files are there that a pattern names: NAME or FOLDER/NAME, with * and ? in
 * NAME.  texts_match() says which they are.  False with the reason for a pattern that is none, and
 * for files that cannot be had.
 */
bool texts_gather(struct texts *texts, const char *pattern, char why[TEXTS_WHY]);
bool texts_match(const struct texts *texts, size_t i, const char *pattern);

#endif
