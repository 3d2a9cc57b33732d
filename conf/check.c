// SPDX-License-Identifier: BSD-2-Clause
#include "conf/check.h"
bool check_config(const Conf__Config *file, const struct conf_source *source,
		  struct conf_faults *faults)
{
	(void)file;
	(void)source;
	(void)faults;
	return true;
}
