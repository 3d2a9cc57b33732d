// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "conf/conf.h"
#include "conf/memory.h"
#include "lbd/arena.h"
#include "lbd/lbd.h"
#include "lbd/members.h"
#include "lbd/pool.h"

enum { ARENA = 1 << 20, PORTS_TEXT = 256 };

static const char *const counter_names[COUNT_MAX] = {
	[COUNT_FORWARDED_IN] = "forwarded_in",
	[COUNT_FORWARDED_OUT] = "forwarded_out",
	[COUNT_PASSED] = "passed",
	[COUNT_ADMITTED] = "admitted",
	[COUNT_PROMOTED] = "promoted",
	[COUNT_PICKED_UP] = "picked_up",
	[COUNT_DERIVED] = "derived",
	[COUNT_STATELESS_OUT] = "stateless_out",
	[COUNT_DROP_MALFORMED] = "drop_malformed",
	[COUNT_DROP_FRAGMENT] = "drop_fragment",
	[COUNT_DROP_TTL] = "drop_ttl",
	[COUNT_DROP_NOT_OWNER] = "drop_not_owner",
	[COUNT_DROP_NO_MEMBER] = "drop_no_member",
	[COUNT_DROP_NO_ROUTE] = "drop_no_route",
	[COUNT_DROP_NEIGHBOUR] = "drop_neighbour",
	[COUNT_DROP_TOO_BIG] = "drop_too_big",
	[COUNT_DROP_ARP] = "drop_arp",
	[COUNT_FLOWS_FULL] = "flows_full",
	[COUNT_PINS_FULL] = "pins_full",
	[COUNT_EVENT_LOST] = "event_lost",
	[COUNT_EXPIRED_IDLE] = "expired_idle",
	[COUNT_EXPIRED_CLOSED] = "expired_closed",
	[COUNT_ADVERT_FENCED] = "advert_fenced",
	[COUNT_DROP_STRAY_RESET] = "drop_stray_reset",
	[COUNT_DROP_ND] = "drop_nd",
	[COUNT_DROP_EXTENSION] = "drop_extension",
	[COUNT_ANSWERED] = "answered",
	[COUNT_ICMP_IN] = "icmp_in",
	[COUNT_ICMP_OUT] = "icmp_out",
	[COUNT_DROP_NOT_ACCEPTED] = "drop_not_accepted",
	[COUNT_RESET_FLOWS] = "reset_flows",
	[COUNT_RESET_UNSENT] = "reset_unsent",
	[COUNT_ANSWERED_DOOMED] = "answered_doomed",
	[COUNT_ANSWERED_UNKNOWN] = "answered_unknown",
	[COUNT_ANSWERED_CLOSED] = "answered_closed",
	[COUNT_DROP_UNKNOWN] = "drop_unknown",
	[COUNT_DROP_ANSWER_RATE] = "drop_answer_rate",
	[COUNT_DROP_NO_ANSWER] = "drop_no_answer",
	[COUNT_ANSWERED_SOURCE_FLOWS] = "answered_source_flows",
	[COUNT_DROP_SOURCE_RATE] = "drop_source_rate",
	[COUNT_EXACT] = "exact",
	[COUNT_EXACT_KEPT] = "exact_kept",
	[COUNT_EXPIRED_BEGUN] = "expired_begun",
	[COUNT_DROP_INDIRECT] = "drop_indirect",
	[COUNT_DROP_NO_SOURCE] = "drop_no_source",
	[COUNT_DROP_UNSOURCED] = "drop_unsourced",
	[COUNT_CLAIMS_LIMITED] = "claims_limited",
	[COUNT_SOURCES_GIVEN] = "sources_given",
	[COUNT_SOURCES_STOLEN] = "sources_stolen",
	[COUNT_STRICT] = "strict",
	[COUNT_STRICT_HELD] = "strict_held",
	[COUNT_STRICT_AT_ONCE] = "strict_at_once",
	[COUNT_STRICT_ALONE] = "strict_alone",
	[COUNT_STRICT_AGAIN] = "strict_again",
	[COUNT_STRICT_FULL] = "strict_full",
	[COUNT_STRICT_UNREAD] = "strict_unread",
	[COUNT_STRICT_LIMITED] = "strict_limited",
	[COUNT_LISTENED] = "listened",
};

/* Also lbd's own: what the check child or neighbour requests came to. */
static bool add_counters(struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	const struct {
		const char *name;
		uint64_t value;
	} own[] = {
		{ "neighbour_asked", lbd->neighbour.asked },
		{ "neighbour_refused", lbd->neighbour.refused },
		{ "control_refused", ctl_server_refused(lbd->share.server) },
		{ "daemon_fenced", lbd->share.fenced },
		{ "reset_open_binds", lbd->reset.open_binds },
	};
	const size_t owns = sizeof(own) / sizeof(*own), total = COUNT_MAX + owns;
	Cas__Counter *counter = arena_take(arena, total * sizeof(*counter));

	status->counter = arena_take(arena, total * sizeof(*status->counter));
	if (!counter || !status->counter)
		return false;
	for (size_t i = 0; i < total; i++) {
		bool ours = i >= COUNT_MAX;

		cas__counter__init(&counter[i]);
		counter[i].name = arena_print(arena, "%s",
					      ours ? own[i - COUNT_MAX].name : counter_names[i]);
		counter[i].value = ours ? own[i - COUNT_MAX].value
					: dataplane_counter(&lbd->plane, (enum flow_counter)i);
		if (!counter[i].name)
			return false;
		status->counter[status->n_counter++] = &counter[i];
	}
	return true;
}

static const char *xdp_text(enum hook_kind kind)
{
	if (kind == HOOK_NATIVE)
		return "native";
	return kind == HOOK_GENERIC ? "generic" : "none";
}

static bool add_interfaces(const struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	size_t count = lbd->attach.count;
	Cas__Interface *interface = arena_take(arena, count * sizeof(*interface));

	status->interface = arena_take(arena, count * sizeof(*status->interface));
	if (!interface || !status->interface)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct attach_port *port = &lbd->attach.port[i];
		const char *xdp = xdp_text(port->hook.kind);

		cas__interface__init(&interface[i]);
		interface[i].name = arena_print(arena, "%s", port->name);
		interface[i].xdp = arena_print(arena, "%s", xdp);
		interface[i].hook = arena_print(arena, "%s", hook_text(port->hook.kind));
		interface[i].why = arena_print(arena, "%s", lbd->attach.why);
		interface[i].up = attach_running(port);
		if (!interface[i].name || !interface[i].xdp || !interface[i].hook ||
		    !interface[i].why)
			return false;
		status->interface[status->n_interface++] = &interface[i];
	}
	return true;
}

static char *ports_text(struct arena *arena, const Conf__Service *service)
{
	char text[PORTS_TEXT] = "";
	size_t used = 0;

	for (size_t i = 0; i < service->n_ports && used < sizeof(text) - 16; i++) {
		const Conf__PortRange *range = service->ports[i];
		const char *comma = i ? "," : "";
		int wrote = range->first == range->last
				    ? snprintf(text + used, sizeof(text) - used, "%s%u", comma,
					       range->first)
				    : snprintf(text + used, sizeof(text) - used, "%s%u-%u", comma,
					       range->first, range->last);

		used += wrote > 0 ? (size_t)wrote : 0;
	}
	return arena_print(arena, "%s", text);
}

static Cas__ServiceStatus *service_status(const struct plan *plan, struct arena *arena,
					  const Conf__Array *array, const Conf__Service *service)
{
	Cas__ServiceStatus *status = arena_take(arena, sizeof(*status));
	int pool = plan_pool(plan, conf_pool_id(array, service));

	if (!status)
		return NULL;
	cas__service_status__init(status);
	status->name = service->name;
	status->ports = ports_text(arena, service);
	status->has_members = status->has_members_up = pool >= 0;
	for (unsigned int m = 0; pool >= 0 && m < FLOW_MAX_MEMBERS; m++) {
		if (!pool_has(plan, (unsigned int)pool, m))
			continue;
		status->members++;
		status->members_up += plan->standing[pool][m].up;
	}
	return status->ports ? status : NULL;
}

static Cas__ArrayStatus *array_status(const struct lbd *lbd, struct arena *arena,
				      const Conf__Array *array)
{
	int number = plan_array(lbd->plan, array);
	Cas__ArrayStatus *status = arena_take(arena, sizeof(*status));

	if (!status)
		return NULL;
	cas__array_status__init(status);
	status->name = array->name;
	status->vip = array->vip;
	status->n_vip = array->n_vip;
	status->fqdn = array->fqdn;
	if (number >= 0)
		status->client_rtt = members_latency(lbd, arena, MAP_ROUND_TRIPS, (uint32_t)number);
	status->service = arena_take(arena, array->n_service * sizeof(*status->service));
	for (size_t i = 0; status->service && i < array->n_service; i++) {
		status->service[i] = service_status(lbd->plan, arena, array, array->service[i]);
		if (!status->service[i])
			return NULL;
		status->n_service++;
	}
	return status->service ? status : NULL;
}

static bool add_arrays(const struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	const Conf__Config *file = lbd->conf->file;

	status->array = arena_take(arena, file->n_array * sizeof(*status->array));
	for (size_t i = 0; status->array && i < file->n_array; i++) {
		status->array[i] = array_status(lbd, arena, file->array[i]);
		if (!status->array[i])
			return false;
		status->n_array++;
	}
	return status->array;
}

/* Sizes, and those that the configuration calls for where others are pinned. */
static void fill_sizes(const struct lbd *lbd, Cas__LbdStatus *status)
{
	const Conf__Forwarding *wanted = lbd->conf->file->forwarding;

	status->has_flows_max = status->has_pins_max = 1;
	status->flows_max = lbd->plane.flows_max;
	status->pins_max = lbd->plane.pins_max;
	status->has_flows_wanted = wanted->flows != lbd->plane.flows_max;
	status->flows_wanted = wanted->flows;
	status->has_pins_wanted = wanted->pins != lbd->plane.pins_max;
	status->pins_wanted = wanted->pins;
	status->has_tables_bytes = 1;
	status->tables_bytes = memory_plan(lbd->plane.flows_max, lbd->plane.pins_max, 0).total;
}

static void fill_switches(const struct lbd *lbd, Cas__LbdStatus *status)
{
	const struct generation *generation = &lbd->judge.generation;
	uint64_t oldest_ns;

	status->has_switching = status->has_switched = status->has_given_up = 1;
	status->switching = generation_open(generation, &oldest_ns);
	status->has_switching_ms = status->switching > 0;
	status->switching_ms = oldest_ns / 1000000;
	status->switched = generation->switched;
	status->given_up = generation->given_up;
}

static void fill_numbers(const struct lbd *lbd, Cas__LbdStatus *status)
{
	struct flow_gauges gauges;
	uint32_t zero = 0;

	if (!bpf_map_lookup_elem(lbd->plane.map[MAP_GAUGES], &zero, &gauges)) {
		status->has_flows = status->has_pins = 1;
		status->flows = gauges.flows;
		status->pins = gauges.pins;
	}
	status->has_up_ms = 1;
	status->up_ms = (daemon_now_ns() - lbd->started_ns) / 1000000;
	fill_sizes(lbd, status);
	status->has_members_up = status->has_members = 1;
	judge_count(&lbd->judge, &status->members_up, &status->members);
	status->has_adopted = status->has_check_child = status->has_fenced = 1;
	status->adopted = lbd->plane.adopted;
	status->check_child = checker_alive(&lbd->judge.checker);
	status->fenced = lbd->plane.lease->fenced != FENCE_NONE;
	fill_switches(lbd, status);
}

static bool has_strict(const struct plan *plan)
{
	for (unsigned int i = 0; i < FLOW_MAX_SERVICES; i++)
		if (plan->services[i].flags & SERVICE_STRICT)
			return true;
	return false;
}

static void fill_strict(const struct lbd *lbd, Cas__LbdStatus *status, Cas__StrictStatus *strict)
{
	const struct hold_counts *counts = &lbd->release.hold.counts;

	if (!counts->taken && !has_strict(lbd->plan))
		return;
	*strict = (Cas__StrictStatus)CAS__STRICT_STATUS__INIT;
	strict->has_standby = strict->has_waiting = strict->has_taken = strict->has_released = 1;
	strict->has_alone = strict->has_timed_out = strict->has_overflow = 1;
	strict->has_dropped = strict->has_unsent = 1;
	strict->standby = release_standby(&lbd->release);
	strict->waiting = lbd->release.hold.waiting;
	strict->taken = counts->taken;
	strict->released = counts->released;
	strict->alone = counts->alone;
	strict->timed_out = counts->timed_out;
	strict->overflow = counts->overflow;
	strict->dropped = counts->dropped;
	strict->unsent = lbd->release.unsent;
	strict->has_limited = 1;
	strict->limited = dataplane_counter(&lbd->plane, COUNT_STRICT_LIMITED);
	status->strict = strict;
}

void status_answer(struct lbd *lbd, struct ctl_conn *conn)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__StatusReply reply = CAS__STATUS_REPLY__INIT;
	Cas__LbdStatus status = CAS__LBD_STATUS__INIT;
	Cas__StrictStatus strict;
	char version[] = CASPAIR_VERSION;
	struct arena arena;

	if (arena_open(&arena, ARENA)) {
		ctl_refuse(conn, 1, "out of memory");
		return;
	}
	fill_numbers(lbd, &status);
	fill_strict(lbd, &status, &strict);
	status.version = version;
	status.config_digest = lbd->conf->digest_text;
	status.pair = lbd->conf->file->pair;
	status.node = lbd->conf->file->node[lbd->node - 1]->name;
	message.status_reply = &reply;
	reply.lbd = &status;
	if (!add_interfaces(lbd, &arena, &status) || !add_arrays(lbd, &arena, &status) ||
	    !add_counters(lbd, &arena, &status) || !meter_pair(lbd, &arena, &status) ||
	    !opinion_status(lbd, &arena, &status) ||
	    !guard_status(&lbd->guard, &arena, &status) ||
	    ctl_send(conn, &message, NULL, 0) == -EMSGSIZE)
		ctl_refuse(conn, 1, "the answer is too large");
	arena_close(&arena);
}
