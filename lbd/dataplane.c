// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/dataplane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "caspair.skel.h"
#include "caspair_tc.skel.h"
#include "conf/log.h"
#include "lbd/convert.h"
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
	[MAP_SERVICE_STATS] = "service_stats",
	[MAP_SOURCES] = "sources",
	[MAP_SOURCE_STATS] = "source_stats",
	[MAP_HOPS] = "hops",
	[MAP_ROUND_TRIPS] = "round_trips",
	[MAP_ANSWER_TIMES] = "answer_times",
	[MAP_CLIENT_NETS] = "client_nets",
	[MAP_CENSUS] = "census",
	[MAP_CENSUS_TOTALS] = "census_totals",
	[MAP_FLOWS] = "flows",
	[MAP_BUCKETS] = "flow_buckets",
	[MAP_FORM] = "flow_form",
	[MAP_HANDSHAKES] = "handshakes",
	[MAP_PINS] = "pins",
	[MAP_GAUGES] = "gauges",
	[MAP_LOST] = "lost",
	[MAP_LEASE] = "lease",
	[MAP_EVENTS] = "events",
	[MAP_NOTICES] = "notices",
	[MAP_HELD] = "held",
	[MAP_ACKED] = "acked",
	[MAP_COUNTERS] = "counters",
	[MAP_APPLY_INBOX] = "apply_inbox",
	[MAP_SWEEP_INBOX] = "sweep_inbox",
	[MAP_CARRIED] = "carried",
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

/* A former run was on its way to other tables: packets may go by those, or nothing has happened. */
static int look_for_move(struct dataplane *plane, const char *dir)
{
	plane->move = (struct move){ .dir = dir };
	if (!pins_exists(dir, PINS_COMMIT)) {
		pins_forget(dir);
		return 0;
	}
	log_warning("the tables under %s were being moved when lbd was stopped: going on", dir);
	plane->move.on = plane->move.again = true;
	return 0;
}

/* Whether there is something to adopt.  Leftovers of a start that never got anywhere are cleared.
 */
static int look_for_pins(struct dataplane *plane, const char *dir)
{
	uint32_t layout = 0;
	int error = look_for_move(plane, dir);

	if (!error)
		error = pins_layout(dir, plane->move.again ? PINS_NEXT "control" : "control",
				    &layout);
	if (error == -ENOENT && plane->move.again)
		error = pins_layout(dir, "control", &layout);
	if (error == -ENOENT)
		return 0;
	if (error) {
		log_error("%s/control cannot be read: %s", dir, strerror(-error));
		return error;
	}
	if (!layout)
		return dataplane_remove(dir);
	plane->adopted = true;
	if (layout == FLOW_LAYOUT)
		return 0;
	plane->move.from = plane->move.again ? NULL : convert_from(layout);
	if (plane->move.from) {
		log_info("pinned tables have layout %u, this lbd has %u: they are moved", layout,
			 FLOW_LAYOUT);
		return 0;
	}
	log_error(
		"pinned tables have layout %u, this lbd has %u and cannot move them: %s, or finish "
		"the old sessions and run lbd --detach-data-plane",
		layout, FLOW_LAYOUT,
		layout > FLOW_LAYOUT ? "install the newer release again"
				     : "install a release in between first");
	return -EPROTO;
}

static struct pins_form form_of(const struct bpf_map *map)
{
	return (struct pins_form){ bpf_map__type(map), bpf_map__key_size(map),
				   bpf_map__value_size(map), bpf_map__max_entries(map),
				   bpf_map__map_flags(map) };
}

/* The form in which a map is pinned; false: it is not. */
static bool pinned_form(const char *dir, const char *name, struct pins_form *form)
{
	int fd = pins_open(dir, name, form);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Sizes that the configuration sets, and that of what follows from them. */
static int set_size(const struct dataplane *plane, struct bpf_map *map, const char *dir,
		    uint32_t wanted)
{
	char next[MOVE_NAME + sizeof(PINS_NEXT)];
	struct pins_form form;

	snprintf(next, sizeof(next), PINS_NEXT "%s", bpf_map__name(map));
	/* What was begun is ended first. */
	if (plane->move.again &&
	    (pinned_form(dir, next, &form) || pinned_form(dir, bpf_map__name(map), &form)))
		wanted = form.entries;
	return bpf_map__set_max_entries(map, wanted);
}

static int set_sizes(const struct dataplane *plane, const char *dir)
{
	uint32_t flows = plane->flows_max, buckets = flow_buckets_of(flows);
	int error = set_size(plane, plane->skeleton->maps.flow_buckets, dir, buckets);

	if (!error)
		error = set_size(plane, plane->skeleton->maps.flows, dir, buckets * FLOW_PLACES);
	if (!error)
		error = set_size(plane, plane->skeleton->maps.reverse, dir,
				 flows < FLOW_REVERSE ? flows : FLOW_REVERSE);
	if (!error)
		error = set_size(plane, plane->skeleton->maps.pins, dir, plane->pins_max);
	if (error)
		log_error("tables cannot be set up: %s", strerror(-error));
	return error;
}

/* Whether the old map of this name cannot be used any longer. */
static bool must_move(const struct dataplane *plane, const struct bpf_map *map, const char *dir)
{
	const struct convert_map *how = convert_find(plane->move.from, bpf_map__name(map));
	struct pins_form old, fresh = form_of(map);

	if (how)
		return true;
	return move_is_state(bpf_map__name(map)) && pinned_form(dir, bpf_map__name(map), &old) &&
	       memcmp(&old, &fresh, sizeof(old)) != 0;
}

/* What moves: the flows and all that counts them together, and what the old layout names. */
static void plan_move(struct dataplane *plane, const char *dir)
{
	struct bpf_map *map = NULL;

	while (plane->adopted && !plane->move.again &&
	       (map = bpf_object__next_map(plane->skeleton->obj, map))) {
		if (bpf_map__is_internal(map) || !must_move(plane, map, dir))
			continue;
		plane->move.on = true;
		plane->move.state |= move_is_state(bpf_map__name(map));
	}
	if (plane->move.again)
		plane->move.state = pins_exists(dir, PINS_NEXT "flows");
}

static bool moves(const struct dataplane *plane, const char *dir, const char *name)
{
	char next[MOVE_NAME + sizeof(PINS_NEXT)];

	if (!plane->move.on)
		return false;
	snprintf(next, sizeof(next), PINS_NEXT "%s", name);
	if (plane->move.again)
		return pins_exists(dir, next);
	return convert_find(plane->move.from, name) || (plane->move.state && move_is_state(name));
}

static int name_pin(struct dataplane *plane, struct bpf_map *map, const char *dir)
{
	struct move *move = &plane->move;
	const char *name = bpf_map__name(map);
	char path[PINS_PATH], next[MOVE_NAME + sizeof(PINS_NEXT)];
	int error;

	snprintf(next, sizeof(next), PINS_NEXT "%s", name);
	if (moves(plane, dir, name)) {
		if (move->maps == MOVE_MAPS)
			return -E2BIG;
		snprintf(move->map[move->maps++].name, MOVE_NAME, "%s", name);
		name = next;
	}
	error = pins_path(path, dir, name) ? bpf_map__set_pin_path(map, path) : -ENAMETOOLONG;
	if (error)
		log_error("table %s cannot be set up: %s", bpf_map__name(map), strerror(-error));
	return error;
}

/* Pins also what serves the data plane alone: a restart must not cost it what it has learned. */
static int name_pins(struct dataplane *plane, const char *dir)
{
	struct bpf_map *map = NULL;
	int error = set_sizes(plane, dir);

	if (!error)
		plan_move(plane, dir);
	while (!error && (map = bpf_object__next_map(plane->skeleton->obj, map)))
		if (!bpf_map__is_internal(map))
			error = name_pin(plane, map, dir);
	return error;
}

/* A table that is made now gets its form; one that was there may be filled as wished now. */
static int form_table(struct dataplane *plane)
{
	struct bpf_map_info info = { 0 };
	uint32_t length = sizeof(info), zero = 0;
	struct flow_form form;

	if (bpf_obj_get_info_by_fd(plane->map[MAP_BUCKETS], &info, &length) ||
	    bpf_map_lookup_elem(plane->map[MAP_FORM], &zero, &form))
		return -errno;
	if (!form.buckets && getrandom(form.key, sizeof(form.key), 0) != sizeof(form.key))
		return -errno;
	if (!form.buckets || !plane->move.again)
		form.limit = plane->flows_max;
	form.buckets = info.max_entries;
	if (bpf_map_update_elem(plane->map[MAP_FORM], &zero, &form, BPF_ANY))
		return -errno;
	plane->flows_max = form.limit;
	return places_open(&plane->places, plane->map[MAP_FLOWS], plane->map[MAP_BUCKETS],
			   plane->map[MAP_FORM]);
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
	plane->carry = bpf_program__fd(plane->skeleton->progs.caspair_carry);
	plane->emit = bpf_program__fd(plane->skeleton->progs.caspair_emit);
	plane->reset = bpf_program__fd(plane->skeleton->progs.caspair_reset);
	plane->release = bpf_program__fd(plane->skeleton->progs.caspair_release);

	/* The kernel numbers maps: another number means other, and therefore empty, tables. */
	if (bpf_obj_get_info_by_fd(plane->map[MAP_FLOWS], &info, &length))
		return -errno;
	plane->generation = info.id;
	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(plane->map[MAP_PINS], &info, &length))
		return -errno;
	plane->generation = plane->generation << 32 | info.id;
	plane->pins_max = info.max_entries;

	plane->lease = map_memory(plane->map[MAP_LEASE], sizeof(*plane->lease));
	plane->inbox = map_memory(plane->map[MAP_SWEEP_INBOX], FLOW_BATCH * sizeof(*plane->inbox));
	plane->acked = map_memory(plane->map[MAP_ACKED], sizeof(*plane->acked));
	return plane->lease && plane->inbox && plane->acked ? form_table(plane) : -ENOMEM;
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

/* From what is pinned, or from nothing, to tables that are whole. */
static int open_tables(struct dataplane *plane, const char *dir)
{
	int error = look_for_pins(plane, dir);

	if (error)
		return error;
	plane->skeleton = caspair__open();
	if (!plane->skeleton) {
		log_error("data plane cannot be opened: %s", strerror(errno));
		return -errno;
	}
	error = name_pins(plane, dir);
	if (!error && plane->move.state && !plane->move.again)
		error = move_room(plane);
	if (!error)
		error = load(plane, dir);
	if (!error && (error = take_descriptors(plane)))
		log_error("tables cannot be used: %s", strerror(-error));
	if (!error)
		error = move_fill(plane);
	return error;
}

/* How many flows the pinned table may hold, 0: there is none. */
static uint32_t pinned_flows(const char *dir)
{
	struct flow_form form = { { 0 }, 0, 0 };
	struct pins_form of_flows, of_form;
	uint32_t zero = 0;
	int fd;

	if (!pinned_form(dir, "flows", &of_flows))
		return 0;
	if (of_flows.type == BPF_MAP_TYPE_HASH) /* of a former layout */
		return of_flows.entries;
	fd = pins_open(dir, "flow_form", &of_form);
	if (fd >= 0 && of_form.value == sizeof(form))
		bpf_map_lookup_elem(fd, &zero, &form);
	if (fd >= 0)
		close(fd);
	return form.limit;
}

/* The sizes that the pinned tables have; false: they are as wished, or there are none. */
static bool keep_sizes(const char *dir, uint32_t *flows, uint32_t *pins)
{
	uint32_t held = pinned_flows(dir);
	struct pins_form of_pins;
	bool other;

	if (!held || !pinned_form(dir, "pins", &of_pins))
		return false;
	other = *flows != held || *pins != of_pins.entries;
	*flows = held;
	*pins = of_pins.entries;
	return other;
}

int dataplane_open(struct dataplane *plane, const char *dir, uint32_t flows, uint32_t pins)
{
	int error;

	libbpf_set_print(to_log);
	error = pins_directory(dir);
	for (bool again = !error; again;) {
		*plane = (struct dataplane){ .flows_max = flows, .pins_max = pins }; /* as wished */
		plane->cpus = libbpf_num_possible_cpus();
		error = open_tables(plane, dir);
		if (error) {
			bool fresh = !plane->adopted, committed = plane->move.again;

			dataplane_close(plane);
			if (fresh)
				dataplane_remove(dir);
			else if (!committed)
				pins_forget(dir);
		}
		again = (error == -ENOSPC || error == -ENOMEM) && keep_sizes(dir, &flows, &pins);
		if (again)
			log_error(
				"the tables keep their sizes: what they hold does not fit others");
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
	if (plane->acked)
		munmap(plane->acked, sizeof(*plane->acked));
	ring_buffer__free(plane->notices);
	ring_buffer__free(plane->held);
	caspair_tc__destroy(plane->for_tc);
	caspair__destroy(plane->skeleton);
	memset(plane, 0, sizeof(*plane));
}

static int on_notice(void *arg, void *data, size_t size)
{
	const struct dataplane *plane = arg;

	const struct flow_open_bind *bind = data;

	if (size >= sizeof(*bind) && bind->kind == NOTICE_OPEN_BIND && plane->bound)
		plane->bound(plane->bound_arg, &bind->key);
	else if (size >= sizeof(struct flow_notice))
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

static int on_held(void *arg, void *data, size_t size)
{
	const struct dataplane *plane = arg;
	struct flow_held packet;

	if (size < sizeof(packet))
		return 0;
	memcpy(&packet, data, sizeof(packet));
	plane->waits(plane->waits_arg, &packet);
	return 0;
}

int dataplane_hold(struct dataplane *plane, void (*waits)(void *arg, struct flow_held *packet),
		   void *arg)
{
	plane->waits = waits;
	plane->waits_arg = arg;
	plane->held = ring_buffer__new(plane->map[MAP_HELD], on_held, plane, NULL);
	return plane->held ? ring_buffer__epoll_fd(plane->held) : -errno;
}

void dataplane_held(struct dataplane *plane)
{
	ring_buffer__consume(plane->held);
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
