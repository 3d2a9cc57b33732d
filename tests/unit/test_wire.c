// SPDX-License-Identifier: BSD-2-Clause
/* Two versions in one pair: what they have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/wire.h"

static const struct {
	const char *who;
	struct wire_terms ours, theirs;
	uint32_t version;
	uint64_t features;
} meetings[] = {
	{ "alike", { 2, 1, 6 }, { 2, 1, 6 }, 2, 6 },
	{ "an older one", { 3, 2, 7 }, { 2, 1, 2 }, 2, 2 },
	{ "one that says nothing", { 2, 1, 7 }, { 1, 1, 0 }, 1, 0 },
	{ "a newer one", { 2, 1, 1 }, { 7, 2, 0xff }, 2, 1 },
	{ "no feature in common", { 2, 1, 1 }, { 2, 1, 2 }, 2, 0 },
	{ "the highest bit",
	  { 2, 1, UINT64_MAX },
	  { 2, 1, UINT64_C(1) << 63 },
	  2,
	  UINT64_C(1) << 63 },
	{ "too old", { 5, 4, 1 }, { 3, 1, 1 }, 0, 0 },
	{ "too new", { 3, 1, 1 }, { 5, 4, 1 }, 0, 0 },
	{ "just old enough", { 5, 3, 1 }, { 3, 1, 1 }, 3, 1 },
};

static void both_come_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(meetings) / sizeof(meetings[0]); i++) {
		struct wire here = wire_between(&meetings[i].ours, &meetings[i].theirs);
		struct wire there = wire_between(&meetings[i].theirs, &meetings[i].ours);

		if (here.version != meetings[i].version || here.features != meetings[i].features ||
		    there.version != here.version || there.features != here.features)
			fail_msg("%s: version %u, features %#llx", meetings[i].who, here.version,
				 (unsigned long long)here.features);
	}
}

static void both_say_whom_to_upgrade(void **state)
{
	const struct wire_terms old = { 2, 1, 0 }, new = { 4, 3, 0 };
	struct wire here = wire_between(&old, &new), there = wire_between(&new, &old);
	char why[160], same[160];

	(void)state;
	wire_why(&here, true, why, sizeof(why));
	wire_why(&there, false, same, sizeof(same));
	assert_string_equal(why, same);
	assert_string_equal(why, "no common version: the active node speaks 1 to 2, the standby "
				 "3 to 4: upgrade the active node");
	wire_why(&here, false, why, sizeof(why));
	assert_non_null(strstr(why, "upgrade the standby"));
}

static void who_could_more_is_known(void **state)
{
	const struct wire_terms old = { 2, 1, 1 }, featured = { 2, 1, 3 }, later = { 3, 1, 1 };
	struct wire wire = wire_between(&old, &featured);

	(void)state;
	assert_false(wire_is_less(&wire));
	wire = wire_between(&featured, &old);
	assert_true(wire_is_less(&wire));
	wire = wire_between(&later, &old);
	assert_true(wire_is_less(&wire));
	wire = wire_between(&old, &later);
	assert_false(wire_is_less(&wire));
}

static void our_own_terms_are_sound(void **state)
{
	const struct wire_terms ours = wire_terms(), none = { 0, 0, 0 }, wrong = { 2, 3, 0 };
	const struct wire_terms silent = { 1, 1, 0 };

	(void)state;
	assert_true(wire_terms_valid(&ours));
	assert_true(wire_terms_valid(&silent));
	assert_false(wire_terms_valid(&none));
	assert_false(wire_terms_valid(&wrong));
	/* The release before this one says nothing of its version. */
	assert_int_equal(wire_between(&ours, &silent).version, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_come_to_the_same),
		cmocka_unit_test(both_say_whom_to_upgrade),
		cmocka_unit_test(who_could_more_is_known),
		cmocka_unit_test(our_own_terms_are_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
