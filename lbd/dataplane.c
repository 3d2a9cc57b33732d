// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "caspair.skel.h"
#include "caspair_tc.skel.h"
#include "conf/log.h"
#include "lbd/dataplane_pins.h"

const char *const dataplane_map_names[DATAPLANE_MAPS] = {
	[MAP_CONTROL] = "control",
	[MAP_ROLES] = "roles",
	[MAP_PORTS] = "ports",
	[MAP_SERVICES] = "services",
	[MAP_POOLS] = "pools",
	[MAP_MAGLEV] = "maglev",
	[MAP_MEMBERS] = "members",
	[MAP_MEMBER_STATS] = "member_stats",
	[MAP_MEMBER_BYTES] = "member_bytes",
	[MAP_SOURCES] = "sources",
	[MAP_SOURCE_STATS] = "source_stats",
	[MAP_HOPS] = "hops",
	[MAP_ROUND_TRIPS] = "round_trips",
	[MAP_ANSWER_TIMES] = "answer_times",
	[MAP_CENSUS] = "census",
	[MAP_CENSUS_TOTALS] = "census_totals",
	[MAP_FLOWS] = "flows",
	[MAP_HANDSHAKES] = "handshakes",
	[MAP_PINS] = "pins",
	[MAP_GAUGES] = "gauges",
	[MAP_LOST] = "lost",
	[MAP_LEASE] = "lease",
	[MAP_EVENTS] = "events",
	[MAP_NOTICES] = "notices",
	[MAP_COUNTERS] = "counters",
	[MAP_APPLY_INBOX] = "apply_inbox",
	[MAP_SWEEP_INBOX] = "sweep_inbox",
};

static int to_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	/* libbpf warns about things that are then explained better by us. */
	log_debug("libbpf%s: %s", level == LIBBPF_WARN ? " warning" : "", line);
	return 0;
}

/* Whether there is something to adopt.  Leftovers of a start that never got anywhere are cleared.
 */
static int look_for_pins(struct dataplane *plane, const char *dir)
{
	uint32_t layout = 0;
	int error = pins_layout(dir, &layout);

	if (error == -ENOENT)
		return 0;
	if (error) {
		log_error("%s/control cannot be read: %s", dir, strerror(-error));
		return error;
	}
	if (!layout)
		return dataplane_remove(dir);
	if (layout != FLOW_LAYOUT) {
		log_error("pinned tables have layout %u, this lbd has %u: finish the old sessions, "
			  "then run lbd --detach-data-plane",
			  layout, FLOW_LAYOUT);
		return -EPROTO;
	}
	plane->adopted = true;
	return 0;
}

static int choose_size(const struct dataplane *plane, struct bpf_map *map, const char *dir,
		       uint32_t wanted)
{
	uint32_t pinned = plane->adopted ? pins_entries(dir, bpf_map__name(map)) : 0;

	if (pinned && pinned != wanted)
		log_warning("table %s keeps its %u entries, the configuration says %u; a new size "
			    "needs lbd --detach-data-plane and a new start",
			    bpf_map__name(map), pinned, wanted);
	return bpf_map__set_max_entries(map, pinned ? pinned : wanted);
}

static int name_pin(const struct dataplane *plane, struct bpf_map *map, const char *dir)
{
	char path[PINS_PATH];
	int error = pins_path(path, dir, bpf_map__name(map)) ? bpf_map__set_pin_path(map, path)
							     : -ENAMETOOLONG;

	if (!error && map == plane->skeleton->maps.flows)
		error = choose_size(plane, map, dir, plane->flows_max);
	if (!error && map == plane->skeleton->maps.reverse)
		error = choose_size(plane, map, dir,
				    plane->flows_max < FLOW_REVERSE ? plane->flows_max
								    : FLOW_REVERSE);
	if (!error && map == plane->skeleton->maps.pins)
		error = choose_size(plane, map, dir, plane->pins_max);
	if (error)
		log_error("table %s cannot be set up: %s", bpf_map__name(map), strerror(-error));
	return error;
}

/* Pins also what serves the data plane alone: a restart must not cost it what it has learned. */
static int name_pins(const struct dataplane *plane, const char *dir)
{
	struct bpf_map *map = NULL;
	int error = 0;

	while (!error && (map = bpf_object__next_map(plane->skeleton->obj, map)))
		if (!bpf_map__is_internal(map))
			error = name_pin(plane, map, dir);
	return error;
}

static void *map_memory(int fd, size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static int take_descriptors(struct dataplane *plane)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);

	for (int i = 0; i < DATAPLANE_MAPS; i++)
		plane->map[i] = bpf_object__find_map_fd_by_name(plane->skeleton->obj,
								dataplane_map_names[i]);
	plane->xdp = bpf_program__fd(plane->skeleton->progs.caspair_xdp);
	plane->apply = bpf_program__fd(plane->skeleton->progs.caspair_apply);
	plane->sweep = bpf_program__fd(plane->skeleton->progs.caspair_sweep);
	plane->emit = bpf_program__fd(plane->skeleton->progs.caspair_emit);
	plane->reset = bpf_program__fd(plane->skeleton->progs.caspair_reset);

	/* The kernel numbers maps: another number means other, and therefore empty, tables. */
	if (bpf_obj_get_info_by_fd(plane->map[MAP_FLOWS], &info, &length))
		return -errno;
	plane->generation = info.id;
	plane->flows_max = info.max_entries;
	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(plane->map[MAP_PINS], &info, &length))
		return -errno;
	plane->generation = plane->generation << 32 | info.id;
	plane->pins_max = info.max_entries;

	plane->lease = map_memory(plane->map[MAP_LEASE], sizeof(*plane->lease));
	plane->inbox = map_memory(plane->map[MAP_SWEEP_INBOX], FLOW_BATCH * sizeof(*plane->inbox));
	return plane->lease && plane->inbox ? 0 : -ENOMEM;
}

static int load(struct dataplane *plane, const char *dir)
{
	int error = caspair__load(plane->skeleton);

	if (error == -EPERM)
		log_error("data plane is not permitted: lbd needs CAP_BPF, CAP_NET_ADMIN and "
			  "CAP_PERFMON");
	else if (error && plane->adopted)
		log_error("pinned tables under %s do not fit this lbd (%s): run lbd "
			  "--detach-data-plane when no session needs them",
			  dir, strerror(-error));
	else if (error)
		log_error("data plane cannot be loaded: %s (--log-level debug says more)",
			  strerror(-error));
	return error;
}

int dataplane_open(struct dataplane *plane, const char *dir, uint32_t flows, uint32_t pins)
{
	int error;

	*plane = (struct dataplane){ .flows_max = flows, .pins_max = pins }; /* as wished */
	libbpf_set_print(to_log);
	plane->cpus = libbpf_num_possible_cpus();
	error = pins_directory(dir);
	if (error)
		return error;
	error = look_for_pins(plane, dir);
	if (error)
		return error;
	plane->skeleton = caspair__open();
	if (!plane->skeleton) {
		log_error("data plane cannot be opened: %s", strerror(errno));
		return -errno;
	}
	error = name_pins(plane, dir);
	if (!error)
		error = load(plane, dir);
	if (!error && (error = take_descriptors(plane)))
		log_error("tables cannot be used: %s", strerror(-error));
	if (error) {
		bool fresh = !plane->adopted;

		dataplane_close(plane);
		if (fresh)
			dataplane_remove(dir);
	}
	return error;
}

static int load_for_tc(struct caspair_tc *skeleton, const struct bpf_object *owner)
{
	struct bpf_map *map = NULL;

	while ((map = bpf_object__next_map(skeleton->obj, map))) {
		const char *name = bpf_map__name(map);
		int error = bpf_map__is_internal(map)
				    ? 0
				    : bpf_map__reuse_fd(
					      map, bpf_object__find_map_fd_by_name(owner, name));

		if (error)
			return error;
	}
	return caspair_tc__load(skeleton);
}

int dataplane_tc(struct dataplane *plane)
{
	int error;

	if (!plane->for_tc) {
		plane->for_tc = caspair_tc__open();
		error = plane->for_tc ? load_for_tc(plane->for_tc, plane->skeleton->obj) : -errno;
		if (error) {
			log_error("data plane for tc cannot be loaded: %s", strerror(-error));
			caspair_tc__destroy(plane->for_tc);
			plane->for_tc = NULL;
			return error;
		}
	}
	return bpf_program__fd(plane->for_tc->progs.caspair_tc);
}

void dataplane_close(struct dataplane *plane)
{
	if (plane->lease)
		munmap(plane->lease, sizeof(*plane->lease));
	if (plane->inbox)
		munmap(plane->inbox, FLOW_BATCH * sizeof(*plane->inbox));
	ring_buffer__free(plane->notices);
	caspair_tc__destroy(plane->for_tc);
	caspair__destroy(plane->skeleton);
	memset(plane, 0, sizeof(*plane));
}

static int on_notice(void *arg, void *data, size_t size)
{
	const struct dataplane *plane = arg;

	if (size >= sizeof(struct flow_notice))
		plane->seen(plane->seen_arg, data);
	return 0;
}

int dataplane_watch(struct dataplane *plane,
		    void (*seen)(void *arg, const struct flow_notice *notice), void *arg)
{
	plane->seen = seen;
	plane->seen_arg = arg;
	plane->notices = ring_buffer__new(plane->map[MAP_NOTICES], on_notice, plane, NULL);
	return plane->notices ? ring_buffer__epoll_fd(plane->notices) : -errno;
}

void dataplane_notices(struct dataplane *plane)
{
	ring_buffer__consume(plane->notices);
}

enum dataplane_xdp dataplane_xdp(int ifindex)
{
	struct bpf_xdp_query_opts query = { .sz = sizeof(query) };

	if (bpf_xdp_query(ifindex, 0, &query))
		return XDP_UNKNOWN;
	switch (query.attach_mode) {
	case XDP_ATTACHED_NONE:
		return XDP_NONE;
	case XDP_ATTACHED_SKB:
		return XDP_GENERIC;
	case XDP_ATTACHED_DRV:
	case XDP_ATTACHED_HW:
		return XDP_NATIVE;
	default:
		return XDP_UNKNOWN;
	}
}
