// SPDX-License-Identifier: BSD-2-Clause
/* What the tables take, as foretold (conf/memory.h) and as the kernel says (fdinfo). */
#include "tests/bpf/harness.h"

#include <sys/utsname.h>

#include "conf/memory.h"

enum { FLOWS = 100000, PINS = 30000, TOLERANCE = 20 /* a twentieth */ };

/* In fdinfo: what the table's map_mem_usage() says, since Linux 6.4. */
static uint64_t kernel_says(const struct bpf_map *map)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
	info = fopen(path, "re");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	fclose(info);
	return bytes;
}

static void assert_near(const char *what, uint64_t ours, uint64_t kernels)
{
	uint64_t apart = ours > kernels ? ours - kernels : kernels - ours;

	print_message("%s: %llu foretold, %llu taken\n", what, (unsigned long long)ours,
		      (unsigned long long)kernels);
	assert_true(apart <= kernels / TOLERANCE);
}

static void foretold(void **state UNUSED)
{
	struct memory memory = memory_plan(FLOWS, PINS, (unsigned int)libbpf_num_possible_cpus());
	struct bpf_map *map;
	uint64_t flows, total = 0;

	bpf_object__for_each_map(map, box.bpf->obj) if (!bpf_map__is_internal(map))
		total += kernel_says(map);
	flows = kernel_says(box.bpf->maps.flows) + kernel_says(box.bpf->maps.flow_buckets) +
		kernel_says(box.bpf->maps.reverse);
	assert_near("flows", memory.flows, flows);
	assert_near("pins", memory.pins, kernel_says(box.bpf->maps.pins));
	assert_near("the rest", memory.rest,
		    total - flows - kernel_says(box.bpf->maps.pins));
}

static void sums_up(void **state UNUSED)
{
	struct memory one = memory_plan(16, 16, 1), large = memory_plan(10000000, 16, 1);
	char text[MEMORY_TEXT];

	assert_int_equal(one.total, one.flows + one.pins + one.rest);
	/* 128 bytes a place and 64 for 15 of them, of which three quarters are filled; and a link
	 * of `reverse` for some. */
	assert_int_equal(large.flows / 10000000, 183);
	assert_non_null(strstr(memory_print(text, &one), "M: flows 0.0M, pins 0.0M, the rest "));
}

static int set_up(void **state UNUSED)
{
	return harness_open(FLOWS, PINS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foretold),
		cmocka_unit_test(sums_up),
	};
	unsigned int major, minor;
	struct utsname kernel;

	if (!harness_may_run("memory"))
		return 77;
	uname(&kernel);
	if (sscanf(kernel.release, "%u.%u", &major, &minor) == 2 && major * 100 + minor < 604) {
		puts("skipped: before 6.4 the kernel does not tell what a table takes");
		return 77;
	}
	return cmocka_run_group_tests_name("memory", tests, set_up, harness_close);
}
