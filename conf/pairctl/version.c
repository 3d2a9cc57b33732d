// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/pairctl.h"

int version_run(const struct pairctl *ctl)
{
	Answer__Version answer = ANSWER__VERSION__INIT;
	char version[] = CASPAIR_VERSION;

	answer.schema = ANSWER_SCHEMA;
	answer.version = version;
	if (ctl->json)
		answer_print(&answer.base, stdout);
	else
		printf("caspair pairctl %s\n", version);
	return PAIRCTL_DONE;
}
