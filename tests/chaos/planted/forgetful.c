// SPDX-License-Identifier: BSD-2-Clause
/* syncd with a bug: of every tenth batch the last record is not applied, and called applied. */
#include "syncd/table.h"

int __real_table_apply(struct table *table, const struct flow_event *event, size_t count,
		       struct flow_call *call);
int __wrap_table_apply(struct table *table, const struct flow_event *event, size_t count,
		       struct flow_call *call);

int __wrap_table_apply(struct table *table, const struct flow_event *event, size_t count,
		       struct flow_call *call)
{
	static unsigned int batches;
	size_t lost = count > 0 && ++batches % 10 == 0;

	return __real_table_apply(table, event, count - lost, call);
}
