// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/pairctl.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/pairctl/text.h"

/* Of a file that has one. */
static const struct conf_fault *first_error(const struct conf_faults *faults)
{
	const struct conf_fault *fault = faults->fault;

	while (fault->severity != CONF_ERROR)
		fault++;
	return fault;
}

static void say_first(const struct pairctl *ctl, const char *file, const struct conf_faults *faults)
{
	const struct conf_fault *fault = first_error(faults);
	char *more = faults->errors > 1
			     ? text_format("; and %zu more, see pairctl check", faults->errors - 1)
			     : text_format("%s", "");
	char place[CONF_PLACE], *text;

	conf_fault_place(faults, fault, file, place);
	text = text_format("%s: %s%s", place, fault->text, more);

	ask_fail(ctl, PAIRCTL_PROBLEM, text);
	free(text);
	free(more);
}

struct conf *pairctl_read(const struct pairctl *ctl, const char *file)
{
	struct conf_faults faults = { 0 };
	struct conf *conf = conf_read_file(file, &faults);

	if (!conf)
		say_first(ctl, file, &faults);
	conf_faults_free(&faults);
	return conf;
}
