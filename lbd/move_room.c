// SPDX-License-Identifier: BSD-2-Clause
/* Whether there is room for a move: for a while both sets of tables are there. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "conf/log.h"
#include "conf/memory.h"
#include "lbd/dataplane.h"
#include "lbd/dataplane_pins.h"

/* What the kernel could give without swapping, 0: it does not say. */
static uint64_t available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

/* What the old tables hold. */
static struct flow_gauges held(const char *dir)
{
	struct flow_gauges gauges = { 0 };
	struct pins_form form;
	uint32_t zero = 0;
	int fd = pins_open(dir, "gauges", &form);

	if (fd >= 0 && form.value == sizeof(gauges))
		bpf_map_lookup_elem(fd, &zero, &gauges);
	if (fd >= 0)
		close(fd);
	return gauges;
}

int move_room(const struct dataplane *plane)
{
	struct memory memory = memory_plan(plane->flows_max, plane->pins_max, 0);
	uint64_t needed = memory.flows + memory.pins, free = available();
	struct flow_gauges gauges = held(plane->move.dir);

	if (gauges.flows > plane->flows_max || gauges.pins > plane->pins_max) {
		log_error("%llu flows and %llu pins do not fit into tables of %u and %u",
			  (unsigned long long)gauges.flows, (unsigned long long)gauges.pins,
			  plane->flows_max, plane->pins_max);
		return -ENOSPC;
	}
	if (free && needed > free) {
		log_error("the new tables take %llu MiB beside the old ones, and %llu are free",
			  (unsigned long long)(needed >> 20), (unsigned long long)(free >> 20));
		return -ENOMEM;
	}
	log_info("moving %llu flows and %llu pins to tables of %u and %u, %llu MiB beside the old "
		 "ones for as long as it takes",
		 (unsigned long long)gauges.flows, (unsigned long long)gauges.pins,
		 plane->flows_max, plane->pins_max, (unsigned long long)(needed >> 20));
	return 0;
}
