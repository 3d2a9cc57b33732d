/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text to a schema message and its places: syntax, types and ranges, one value at a time.  The
 * first file may include others at its top level; they include nothing themselves.
 */
#ifndef CASPAIR_READ_H
#define CASPAIR_READ_H

#include "conf/source.h"
#include "conf/texts.h"

/*
 * Returns what could be read, as it was written (no defaults filled in): bad values and second ones
 * are left out, but have a place.  `faults` tells whether it is whole.  NULL: no memory.  Freed by
 * conf__config__free_unpacked().
 */
Conf__Config *read_text(struct texts *texts, struct conf_source *source,
			struct conf_faults *faults);

#endif
