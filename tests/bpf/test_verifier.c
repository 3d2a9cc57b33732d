// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the running kernel's verifier says of each program.  Its limit is a million instructions
 * walked; a program that comes near it is one small change away from being refused.
 */
#include "tests/bpf/harness.h"

enum { VERIFIER_LIMIT = 1000000, WALKED_MAX = VERIFIER_LIMIT / 10 * 7 };

static struct bpf_prog_info info_of(const struct bpf_program *program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t length = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length), 0);
	return info;
}

static void test_walk_is_short(void **state UNUSED)
{
	const struct bpf_object *object = box.hook == HOOK_TC ? box.tc->obj : box.bpf->obj;
	struct bpf_program *program = NULL;
	unsigned int programs = 0;

	while ((program = bpf_object__next_program(object, program))) {
		struct bpf_prog_info info = info_of(program);

		print_message("%s: %u instructions walked, %u bytes of machine code\n",
			      bpf_program__name(program), info.verified_insns, info.jited_prog_len);
		assert_in_range(info.verified_insns, 1, WALKED_MAX);
		programs++;
	}
	assert_true(programs > 0);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("verifier"))
		return 77;
	plan_case(&plan, "the verifier's walk through each program is short", test_walk_is_short,
		  NULL);
	return plan_run("verifier", &plan, set_up);
}
