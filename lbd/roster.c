// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/log.h"
#include "lbd/keep.h"
#include "lbd/lbd.h"
#include "lbd/pool.h"
#include "lbd/tell.h"

enum { REFUSED = 4, USAGE = 2, PROBLEM = 1, MS = 1000000 };

static const char file_name[] = "admin";
static const double announce_every = 5.;

static struct admin_time clocks(void)
{
	struct timespec date;

	clock_gettime(CLOCK_REALTIME, &date);
	return (struct admin_time){ .now_ns = daemon_now_ns(),
				    .unix_ms = (uint64_t)date.tv_sec * 1000 +
					       (uint64_t)date.tv_nsec / MS };
}

/* --- on disk ---------------------------------------------------------------------------------- */

void roster_load(struct roster *roster, const char *state_dir)
{
	const struct admin_time time = clocks();
	Cas__AdminStates *states = (Cas__AdminStates *)keep_load(state_dir, file_name,
								 &cas__admin_states__descriptor,
								 "no member is taken as drained");

	*roster = (struct roster){ 0 };
	for (size_t i = 0; states && i < states->n_state; i++) {
		struct admin_wish wish;

		if (admin_read(&wish, states->state[i], &time) && !admin_put(&roster->admin, &wish))
			log_info("%s/%s: %s since before the restart, by %s", wish.array,
				 wish.member,
				 wish.word == CAS__ADMIN_STATE__WORD__DRAIN ? "drained"
									    : "in maintenance",
				 wish.owner);
	}
	cas__admin_states__free_unpacked(states, NULL);
}

/* 0 or a negative errno, logged: then it is in force until a restart. */
static int save(const struct lbd *lbd)
{
	const struct admin *admin = &lbd->roster.admin;
	const struct admin_time time = clocks();
	Cas__AdminStates states = CAS__ADMIN_STATES__INIT;
	Cas__AdminState *state = calloc(admin->count + 1, sizeof(*state));
	int error = -ENOMEM;

	states.state = calloc(admin->count + 1, sizeof(*states.state));
	for (size_t i = 0; state && states.state && i < admin->count; i++) {
		admin_write(&state[i], &admin->wish[i], &time, true);
		states.state[states.n_state++] = &state[i];
	}
	if (state && states.state)
		error = keep_save(lbd->options.state_dir, file_name, &states.base);
	else
		log_error("no memory for %s/%s", lbd->options.state_dir, file_name);
	free(states.state);
	free(state);
	return error;
}

/* --- in force --------------------------------------------------------------------------------- */

static const struct admin_wish *wish_of(const struct admin *admin, const struct plan *plan,
					unsigned int member)
{
	if (!admin->count || !plan->member[member])
		return NULL;
	return admin_find(admin, plan->array_of_member[member]->name, plan->member[member]->name);
}

void roster_plan(const struct roster *roster, struct plan *plan)
{
	uint64_t now = daemon_now_ns();

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		plan->duty[m] = admin_duty(wish_of(&roster->admin, plan, m), now);
		for (unsigned int p = 0; plan->duty[m] != PLAN_SERVES && p < FLOW_MAX_POOLS; p++) {
			struct standing *standing = &plan->standing[p][m];

			if (!pool_has(plan, p, m))
				continue;
			*standing = pool_next(plan, p, m, POOL_UNDECIDED, now);
			standing->base_up = standing->up;
			standing->base_weight = standing->weight;
		}
	}
}

static uint64_t pools_of(const struct plan *plan, unsigned int member)
{
	uint64_t pools = 0;

	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		if (pool_has(plan, p, member))
			pools |= (uint64_t)1 << p;
	return pools;
}

/* One member's duty and resets; true when the duty has changed. */
static bool apply_to(struct lbd *lbd, unsigned int member, uint64_t now)
{
	const struct admin_wish *wish = wish_of(&lbd->roster.admin, lbd->plan, member);
	enum plan_duty duty = admin_duty(wish, now), before = lbd->plan->duty[member];
	uint32_t share = admin_share(wish, now);

	lbd->plan->duty[member] = duty;
	if (reset_member(&lbd->reset, member, share ? pools_of(lbd->plan, member) : 0, share) &&
	    lbd->roster.leads)
		sweep_hurry(&lbd->sweep);
	if (duty == PLAN_AWAY && before == PLAN_RESTS)
		log_info("%s/%s: the deadline of its drain has passed", wish->array, wish->member);
	return duty != before;
}

static void apply(struct lbd *lbd)
{
	uint64_t now = daemon_now_ns();
	bool changed = false;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		changed |= apply_to(lbd, m, now);
	if (changed)
		judge_reconsider(&lbd->judge);
}

/* --- to the peer ------------------------------------------------------------------------------ */

static void tell_wish(struct lbd *lbd, const struct admin_wish *wish, bool news)
{
	const struct admin_time time = clocks();
	Cas__AdminState state;

	admin_write(&state, wish, &time, false);
	tell(&lbd->plane, EVENT_ADMIN, news, &state.base);
}

void roster_announce(struct lbd *lbd, bool news)
{
	for (unsigned int m = 0; lbd->judge.role == JUDGE_ACTIVE && m < FLOW_MAX_MEMBERS; m++) {
		const struct admin_wish *wish = wish_of(&lbd->roster.admin, lbd->plan, m);
		struct admin_wish up = { .word = CAS__ADMIN_STATE__WORD__UP };

		if (!lbd->plan->member[m])
			continue;
		snprintf(up.array, sizeof(up.array), "%s", lbd->plan->array_of_member[m]->name);
		snprintf(up.member, sizeof(up.member), "%s", lbd->plan->member[m]->name);
		tell_wish(lbd, wish ? wish : &up, news);
	}
}

static void say(const struct admin_wish *wish, const char *by)
{
	static const char *const words[] = { "up", "drained", "in maintenance" };

	log_info("%s/%s is to be %s: %s%s%s%s%s", wish->array, wish->member, words[wish->word], by,
		 wish->owner[0] ? ", " : "", wish->owner, wish->reason[0] ? ": " : "",
		 wish->reason);
}

void roster_obey(struct lbd *lbd, const uint8_t *bytes, size_t size)
{
	const struct admin_time time = clocks();
	Cas__AdminState *state = cas__admin_state__unpack(NULL, size, bytes);
	const struct admin_wish *before;
	struct admin_wish wish;
	bool good = state && admin_read(&wish, state, &time);

	cas__admin_state__free_unpacked(state, NULL);
	if (!good || lbd->judge.role == JUDGE_ACTIVE) {
		log_debug("a word about a member that cannot be taken: ignored");
		return;
	}
	before = admin_find(&lbd->roster.admin, wish.array, wish.member);
	if (before ? admin_same(before, &wish) : wish.word == CAS__ADMIN_STATE__WORD__UP)
		return;
	if (admin_put(&lbd->roster.admin, &wish)) {
		log_error("%s/%s: no memory for what the active says of it", wish.array,
			  wish.member);
		return;
	}
	say(&wish, "so the active node says");
	save(lbd);
	apply(lbd);
}

/* --- questions -------------------------------------------------------------------------------- */

/* The member of a name, or of array/name; -1, and the asker is told. */
static int find_member(const struct plan *plan, struct ctl_conn *conn, const char *name)
{
	const char *slash = strchr(name, '/'), *last = slash ? slash + 1 : name;
	int found = -1;

	for (int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		const char *array = plan->member[m] ? plan->array_of_member[m]->name : "";

		if (!plan->member[m] || strcmp(plan->member[m]->name, last) != 0)
			continue;
		if (slash && (strncmp(array, name, (size_t)(slash - name)) != 0 ||
			      array[slash - name] != '\0'))
			continue;
		if (found >= 0) {
			ctl_refuse(conn, USAGE, "several arrays have a member %s: say ARRAY/%s",
				   name, name);
			return -1;
		}
		found = m;
	}
	if (found < 0)
		ctl_refuse(conn, USAGE, "there is no member %s", name);
	return found;
}

/* What speaks against it, and the asker is told. */
static bool refused(const struct lbd *lbd, struct ctl_conn *conn, unsigned int member,
		    const Cas__AdminRequest *request)
{
	const struct plan *plan = lbd->plan;
	const Conf__Array *array = plan->array_of_member[member];

	if (request->word == CAS__ADMIN_STATE__WORD__UP)
		return false;
	if (!array->reset_rate &&
	    (request->has_deadline_ms || request->word == CAS__ADMIN_STATE__WORD__MAINTENANCE)) {
		ctl_refuse(conn, REFUSED,
			   "array %s has reset-rate 0, so no session of %s can be ended; drain it "
			   "without a deadline",
			   array->name, plan->member[member]->name);
		return true;
	}
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++) {
		if (!pool_has(plan, p, member) || pool_spares(plan, p, member))
			continue;
		ctl_refuse(conn, REFUSED,
			   "no other member of %s/%s serves: its clients would have nowhere to go",
			   array->name, plan->name_of_pool[p]);
		return true;
	}
	return false;
}

/* The wish that a request asks for. */
static void make_wish(struct admin_wish *wish, const struct lbd *lbd, unsigned int member,
		      const Cas__AdminRequest *request, uid_t uid)
{
	const struct admin_time time = clocks();
	Cas__AdminState state = CAS__ADMIN_STATE__INIT;
	char nobody[] = "";

	state.array = lbd->plan->array_of_member[member]->name;
	state.member = lbd->plan->member[member]->name;
	state.word = request->word;
	state.owner = request->owner ? request->owner : nobody;
	state.reason = request->reason;
	state.uid = uid;
	state.since_ms = time.unix_ms;
	state.has_left_ms = request->has_deadline_ms;
	state.left_ms = request->deadline_ms < INT64_MAX ? (int64_t)request->deadline_ms
							 : INT64_MAX;
	state.spread_ms = request->spread_ms;
	admin_read(wish, &state, &time);
}

static void reply(const struct lbd *lbd, struct ctl_conn *conn, unsigned int member,
		  const struct admin_wish *wish, Cas__AdminReply *reply)
{
	const struct admin_time time = clocks();
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__AdminState state;
	struct flow_member_stats stats;
	uint32_t key = member;

	admin_write(&state, wish, &time, false);
	reply->state = &state;
	if (!bpf_map_lookup_elem(lbd->plane.map[MAP_MEMBER_STATS], &key, &stats)) {
		reply->has_sessions = 1;
		reply->sessions = stats.flows;
	}
	message.admin_reply = reply;
	ctl_send(conn, &message, NULL, 0);
}

void roster_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__AdminRequest *request)
{
	const char *peer = lbd->conf->file->node[2 - lbd->node]->name;
	Cas__AdminReply answer = CAS__ADMIN_REPLY__INIT;
	char unsaved[] = "it could not be written to disk: it will not outlive a restart of lbd";
	const struct admin_wish *before;
	struct admin_wish wish;
	int member;

	if (lbd->judge.role != JUDGE_ACTIVE) {
		ctl_refuse(conn, REFUSED, "this node is not active; ask %s", peer);
		return;
	}
	member = find_member(lbd->plan, conn, request->member);
	if (member < 0 || refused(lbd, conn, (unsigned int)member, request))
		return;
	make_wish(&wish, lbd, (unsigned int)member, request, ctl_uid(conn));
	before = admin_find(&lbd->roster.admin, wish.array, wish.member);
	answer.has_before = 1;
	answer.before = before ? before->word : CAS__ADMIN_STATE__WORD__UP;
	if (admin_put(&lbd->roster.admin, &wish)) {
		ctl_refuse(conn, PROBLEM, "out of memory");
		return;
	}
	say(&wish, "an operator says so");
	if (save(lbd))
		answer.note = unsaved;
	apply(lbd);
	tell_wish(lbd, &wish, true);
	reply(lbd, conn, (unsigned int)member, &wish, &answer);
}

void roster_status(const struct lbd *lbd, unsigned int member, Cas__MemberStatus *status)
{
	static char words[][12] = { "draining", "drained", "maintenance" };
	const struct admin_wish *wish = wish_of(&lbd->roster.admin, lbd->plan, member);
	int64_t left_ns, now = (int64_t)daemon_now_ns();

	if (!wish)
		return;
	status->has_admin = status->has_admin_uid = status->has_admin_since_ms = 1;
	status->admin = wish->word;
	status->admin_uid = wish->uid;
	status->admin_since_ms = wish->since_ms;
	status->admin_owner = (char *)(uintptr_t)wish->owner;
	status->admin_reason = wish->reason[0] ? (char *)(uintptr_t)wish->reason : NULL;
	status->state = words[2];
	if (wish->word != CAS__ADMIN_STATE__WORD__DRAIN)
		return;
	status->state = words[status->has_sessions && !status->sessions];
	if (!wish->ends)
		return;
	left_ns = wish->deadline_ns > now ? wish->deadline_ns - now : 0;
	status->has_deadline_left_ms = 1;
	status->deadline_left_ms = (uint64_t)left_ns / MS;
	status->has_spread_ms = wish->spread_ns != 0;
	status->spread_ms = (uint64_t)wish->spread_ns / MS;
}

/* --- the daemon ------------------------------------------------------------------------------- */

static void on_announce(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	roster_announce(timer->data, false);
	pinhole_announce(timer->data, false);
}

void roster_tick(struct lbd *lbd)
{
	bool leads = lbd->judge.role == JUDGE_ACTIVE;
	bool began = leads && !lbd->roster.leads;

	lbd->roster.leads = leads;
	apply(lbd);
	if (!began)
		return;
	roster_announce(lbd, true);
	pinhole_announce(lbd, true);
}

void roster_start(struct roster *roster, struct lbd *lbd)
{
	ev_timer_init(&roster->announce, on_announce, announce_every, announce_every);
	roster->announce.data = lbd;
	ev_timer_start(lbd->loop, &roster->announce);
}

void roster_stop(struct roster *roster)
{
	if (roster->announce.data)
		ev_timer_stop(((struct lbd *)roster->announce.data)->loop, &roster->announce);
	admin_free(&roster->admin);
}
