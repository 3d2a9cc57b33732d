// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/dataplane.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/magic.h>
#include <linux/tcp.h>

#include "caspair.skel.h"
#include "caspair_tc.skel.h"
#include "conf/log.h"
#include "lbd/hook.h"

enum { PATH = 512 };

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

static bool pin_path(char path[PATH], const char *dir, const char *name)
{
	return snprintf(path, PATH, "%s/%s", dir, name) < PATH;
}

static int ensure_dir(const char *dir)
{
	struct statfs fs;

	if (mkdir(dir, 0700) && errno != EEXIST) {
		int error = -errno;

		log_error("%s cannot be made: %s", dir, strerror(errno));
		return error;
	}
	if (statfs(dir, &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		log_error("%s is not on a BPF file system; mount -t bpf bpf DIR and name a "
			  "directory in it with --bpf-dir",
			  dir);
		return -EINVAL;
	}
	return 0;
}

/* What the pinned `control` says: its layout, 0 when never completed, -ENOENT without one. */
static int pinned_layout(const char *dir, uint32_t *layout)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info), zero = 0;
	char path[PATH];
	void *value;
	int fd, error = 0;

	if (!pin_path(path, dir, dataplane_map_names[MAP_CONTROL]))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length)) {
		error = -errno;
		goto out;
	}
	/* The first word is the layout in every layout; the rest may have another size. */
	value = calloc(1, info.value_size > 4 ? info.value_size : 4);
	if (!value || bpf_map_lookup_elem(fd, &zero, value))
		error = -EIO;
	else
		memcpy(layout, value, sizeof(*layout));
	free(value);
out:
	close(fd);
	return error;
}

static uint32_t pinned_entries(const char *dir, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info);
	char path[PATH];
	int fd;

	if (!pin_path(path, dir, name))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		info.max_entries = 0;
	close(fd);
	return info.max_entries;
}

/* Whether there is something to adopt.  Leftovers of a start that never got anywhere are cleared.
 */
static int look_for_pins(struct dataplane *plane, const char *dir)
{
	uint32_t layout = 0;
	int error = pinned_layout(dir, &layout);

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
	uint32_t pinned = plane->adopted ? pinned_entries(dir, bpf_map__name(map)) : 0;

	if (pinned && pinned != wanted)
		log_warning("table %s keeps its %u entries, the configuration says %u; a new size "
			    "needs lbd --detach-data-plane and a new start",
			    bpf_map__name(map), pinned, wanted);
	return bpf_map__set_max_entries(map, pinned ? pinned : wanted);
}

static int name_pin(const struct dataplane *plane, struct bpf_map *map, const char *dir)
{
	char path[PATH];
	int error = pin_path(path, dir, bpf_map__name(map)) ? bpf_map__set_pin_path(map, path)
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
	error = ensure_dir(dir);
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
				    : bpf_map__reuse_fd(map, bpf_object__find_map_fd_by_name(
								     owner, name));

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

int dataplane_remove(const char *dir)
{
	DIR *pins = opendir(dir);
	const struct dirent *entry;
	struct statfs fs;
	unsigned int links = 0, others = 0;
	int error = 0, failed;
	const char *name;

	if (!pins && errno == ENOENT)
		return 0;
	if (!pins || fstatfs(dirfd(pins), &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		log_error("%s is not a directory on a BPF file system", dir);
		if (pins)
			closedir(pins);
		return -EINVAL;
	}
	while ((entry = readdir(pins))) {
		if (entry->d_name[0] == '.')
			continue;
		name = hook_of_pin(entry->d_name);
		failed = hook_unpin(dir, entry->d_name);
		if (failed) {
			error = failed;
			log_error("%s/%s cannot be removed: %s", dir, entry->d_name,
				  strerror(-failed));
			continue;
		}
		if (name) {
			links++;
			log_info("detached from %s", name);
		} else {
			others++;
		}
	}
	closedir(pins);
	log_info("removed %u link%s and %u table%s under %s", links, links == 1 ? "" : "s", others,
		 others == 1 ? "" : "s", dir);
	if (!error && rmdir(dir) && errno != EBUSY)
		log_debug("%s stays: %s", dir, strerror(errno));
	return error;
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

/* The kernel takes a context for a program of this type in and out by ctx_in alone. */
static int run(int program, struct flow_call *call)
{
	struct bpf_test_run_opts options = { .sz = sizeof(options),
					     .ctx_in = call,
					     .ctx_size_in = sizeof(*call) };

	if (bpf_prog_test_run_opts(program, &options))
		return -errno;
	return (int)options.retval;
}

int dataplane_emit(struct dataplane *plane, const struct flow_event *event)
{
	struct flow_call call = { .count = 1 };

	plane->inbox[0] = *event;
	return run(plane->emit, &call);
}

int dataplane_sweep(struct dataplane *plane, uint32_t count, struct flow_call *call)
{
	*call = (struct flow_call){ .count = count };
	return run(plane->sweep, call);
}

/* A run of orders of one family; the headers of IPv4 are 20 bytes shorter. */
static int reset_run(struct dataplane *plane, uint32_t first, uint32_t count, int device)
{
	bool ipv6 = flow_ip_family(&plane->inbox[first].key.client) == FLOW_IPV6;
	uint8_t paper[ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr)] = { 0 };
	struct ethhdr *eth = (struct ethhdr *)paper;
	struct __sk_buff context = { .cb = { first }, .ifindex = (uint32_t)device };
	struct bpf_test_run_opts options = { .sz = sizeof(options),
					     .data_in = paper,
					     .data_size_in = ipv6 ? sizeof(paper)
								  : sizeof(paper) - 20,
					     .ctx_in = &context,
					     .ctx_size_in = sizeof(context),
					     .repeat = (int)count };

	eth->h_proto = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	return bpf_prog_test_run_opts(plane->reset, &options) ? -errno : 0;
}

int dataplane_reset(struct dataplane *plane, uint32_t count, int device, uint32_t *done)
{
	int error = 0;

	*done = 0;
	for (uint32_t first = 0, next; !error && first < count; first = next) {
		enum flow_family family = flow_ip_family(&plane->inbox[first].key.client);

		for (next = first + 1; next < count; next++)
			if (flow_ip_family(&plane->inbox[next].key.client) != family)
				break;
		error = reset_run(plane, first, next - first, device);
	}
	for (uint32_t i = 0; i < count; i++)
		*done += plane->inbox[i].state;
	return error;
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

uint64_t dataplane_counter(const struct dataplane *plane, enum flow_counter counter)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = counter;
	uint64_t *value, sum = 0;

	if (cpus <= 0)
		return 0;
	value = calloc((size_t)cpus, sizeof(*value));
	if (value && !bpf_map_lookup_elem(plane->map[MAP_COUNTERS], &key, value))
		for (int i = 0; i < cpus; i++)
			sum += value[i];
	free(value);
	return sum;
}

void dataplane_member_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_MEMBERS])
{
	struct flow_member_stats stats;

	for (uint32_t i = 0; i < FLOW_MAX_MEMBERS; i++)
		flows[i] = bpf_map_lookup_elem(plane->map[MAP_MEMBER_STATS], &i, &stats)
				   ? 0
				   : stats.flows;
}

struct flow_member_stats dataplane_member_stats(const struct dataplane *plane, uint32_t slot)
{
	struct flow_member_stats stats;

	if (bpf_map_lookup_elem(plane->map[MAP_MEMBER_STATS], &slot, &stats))
		return (struct flow_member_stats){ 0 };
	return stats;
}

struct flow_member_bytes dataplane_member_bytes(const struct dataplane *plane, uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	struct flow_member_bytes sum = { 0 }, *each;

	if (cpus <= 0)
		return sum;
	each = calloc((size_t)cpus, sizeof(*each));
	if (each && !bpf_map_lookup_elem(plane->map[MAP_MEMBER_BYTES], &slot, each))
		for (int i = 0; i < cpus; i++) {
			sum.in += each[i].in;
			sum.out += each[i].out;
		}
	free(each);
	return sum;
}

void dataplane_source_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_SOURCES])
{
	struct flow_source_stats stats;

	for (uint32_t i = 0; i < FLOW_MAX_SOURCES; i++)
		flows[i] = bpf_map_lookup_elem(plane->map[MAP_SOURCE_STATS], &i, &stats)
				   ? 0
				   : stats.flows;
}
