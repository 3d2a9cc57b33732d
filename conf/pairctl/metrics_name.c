// SPDX-License-Identifier: BSD-2-Clause
/* The arrays' names as resolvers have them.  What is unknown is absent: neither right nor wrong. */
#include "conf/pairctl/pairctl.h"

static bool is_told(const Cas__NameStatus *name, bool outside)
{
	return name->array && name->resolver && name->outside == outside &&
	       name->verdict != CAS__NAME_STATUS__VERDICT__UNKNOWN;
}

/* Words of the configuration, which have nothing that a label would have to escape. */
static void print_side(const Cas__LbdStatus *lbd, bool outside, const char *metric,
		       const char *help, FILE *out)
{
	bool begun = false;

	for (size_t i = 0; i < lbd->n_fqdn; i++) {
		const Cas__NameStatus *name = lbd->fqdn[i];
		bool right = name->verdict == CAS__NAME_STATUS__VERDICT__OK;

		if (!is_told(name, outside))
			continue;
		if (!begun)
			fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", metric, help, metric);
		begun = true;
		fprintf(out, "%s{array=\"%s\",resolver=\"%s\"} %d\n", metric, name->array,
			name->resolver, right != outside);
	}
}

void metrics_print_names(const Cas__LbdStatus *lbd, FILE *out)
{
	print_side(
		lbd, false, "caspair_fqdn_matches_vip",
		"Whether a resolver inside leads the name of an array to its VIP and nowhere else.",
		out);
	print_side(lbd, true, "caspair_fqdn_known_outside",
		   "Whether a resolver outside knows the name of an array, which it should not.",
		   out);
}
