/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the operator's working copy still says what runs: edits by hand are to be seen. */
#ifndef CASPAIR_DRIFT_H
#define CASPAIR_DRIFT_H

#include "conf/conf.h"

enum { DRIFT_TEXT = 512 };

struct drift {
	uint64_t looked_ns;                /* 0: never yet */
	uint8_t digest[CONF_DIGEST_BYTES]; /* of what ran then */
	char text[DRIFT_TEXT];
};

/*
 * What is to be said about the working copy at `path`, NULL when it means the same as what runs.
 * The file is read again when five seconds have passed or something else runs.
 */
const char *drift_look(struct drift *drift, const struct conf *running, const char *path,
		       uint64_t now_ns);

#endif
