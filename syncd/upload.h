/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of a push as pairctl sends them, part after part.  Pure. */
#ifndef CASPAIR_SYNCD_UPLOAD_H
#define CASPAIR_SYNCD_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/bundle.h"

/* Zero-initialise. */
struct upload {
	const void *whose; /* connection; NULL: none is under way */
	struct conf_text file[BUNDLE_FILES];
	size_t files, bytes;
	bool is_bundle; /* in place of files: file[0] is a whole revision */
	bool failed; /* too many files, too much, or no memory */
};

/* A part of a file; the next one begins where the name changes.  Another one's upload is dropped.
 */
void upload_add(struct upload *upload, const void *whose, const char *name, const uint8_t *part,
		size_t length);
/* A part of a revision that is signed already. */
void upload_add_bundle(struct upload *upload, const void *whose, const uint8_t *part,
		       size_t length);
void upload_end(struct upload *upload);

#endif
