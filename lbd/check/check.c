// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/check/check.h"

#include <stdio.h>

const char *check_build(char text[CHECK_BUILD_TEXT])
{
	snprintf(text, CHECK_BUILD_TEXT, "%s-%zu-%zu-%zu-%zu-%zu", CASPAIR_VERSION,
		 sizeof(struct check_order), sizeof(struct check_web), sizeof(struct check_name),
		 sizeof(struct check_report), sizeof(struct check_name_report));
	return text;
}

bool check_report_valid(const struct check_report *report, uint32_t generation, size_t targets)
{
	return report->generation == generation && report->id < targets &&
	       report->outcome > HEALTH_UNKNOWN && report->outcome < HEALTH_OUTCOMES &&
	       report->trace.interface <= RPCIF_MAX && report->trace.path < HEALTH_PATHS &&
	       report->trace.step < HEALTH_STEPS;
}

bool check_name_report_valid(const struct check_name_report *report, uint32_t generation,
			     size_t questions)
{
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
		if (report->answer[f].said <= FQDN_NOT_YET || report->answer[f].said >= FQDN_SAIDS)
			return false;
	return report->generation == generation && report->id < questions;
}
