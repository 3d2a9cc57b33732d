// SPDX-License-Identifier: BSD-2-Clause
/* What lbd knows of former layouts (lbd/convert.h). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "lbd/convert.h"
#include "proto/flow.h"
#include "proto/flow_limits.h"

/* Who raises FLOW_LAYOUT says how the tables of before are taken over. */
static void the_one_before(void **state)
{
	(void)state;
	assert_non_null(convert_from(FLOW_LAYOUT - 1));
	assert_null(convert_from(FLOW_LAYOUT));
	assert_null(convert_from(FLOW_LAYOUT + 1));
	assert_null(convert_from(0));
}

/* A layout that is left behind takes its mark along, and keys stay as they are. */
static void control_and_keys(void **state)
{
	(void)state;
	for (uint32_t layout = 1; layout < FLOW_LAYOUT; layout++) {
		const struct convert_layout *from = convert_from(layout);

		if (!from)
			continue;
		assert_int_equal(from->layout, layout);
		assert_non_null(convert_find(from, "control"));
		for (size_t i = 0; i < from->maps; i++) {
			if (!strcmp(from->map[i].name, "flows"))
				assert_int_equal(from->map[i].key, sizeof(struct flow_key));
			if (!strcmp(from->map[i].name, "pins"))
				assert_int_equal(from->map[i].key, sizeof(struct pin_key));
		}
	}
	assert_null(convert_find(NULL, "control"));
	assert_null(convert_find(convert_from(FLOW_LAYOUT - 1), "no such map"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_before),
		cmocka_unit_test(control_and_keys),
	};

	return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
