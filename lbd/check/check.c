// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/check/check.h"

#include <stdio.h>

const char *check_build(char text[CHECK_BUILD_TEXT])
{
	snprintf(text, CHECK_BUILD_TEXT, "%s-%zu-%zu-%zu", CASPAIR_VERSION,
		 sizeof(struct check_order), sizeof(struct check_web), sizeof(struct check_report));
	return text;
}

bool check_report_valid(const struct check_report *report, uint32_t generation, size_t targets)
{
	return report->generation == generation && report->id < targets &&
	       report->outcome > HEALTH_UNKNOWN && report->outcome < HEALTH_OUTCOMES &&
	       report->trace.interface <= RPCIF_MAX && report->trace.path < HEALTH_PATHS &&
	       report->trace.step < HEALTH_STEPS;
}
