/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong only in company: names, addresses, ports and numbers that do not go together. */
#ifndef CASPAIR_CHECK_H
#define CASPAIR_CHECK_H

#include "conf/source.h"

struct check {
	const Conf__Config *file; /* as written; parts may be missing */
	const struct conf_source *source;
	struct conf_faults *faults;
};

/* Works on what could be read of a file that may have faults already.  False: no memory. */
bool check_config(const Conf__Config *file, const struct conf_source *source,
		  struct conf_faults *faults);

#endif
