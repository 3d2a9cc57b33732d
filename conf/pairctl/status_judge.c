// SPDX-License-Identifier: BSD-2-Clause
/* What is wrong with the pair, and what is worth a note, out of the replies and the two nodes. */
#include "conf/pairctl/status_parts.h"
#include "conf/pairctl/text.h"

#include <stdarg.h>
#include <string.h>

enum { PATIENT_ADVERTS = 5, WAY_SLACK_S = 1 };

static const char *const sync_words[] = {
	[CAS__SYNC_STATE__DETACHED] = "detached", [CAS__SYNC_STATE__ATTACHING] = "attaching",
	[CAS__SYNC_STATE__LOADING] = "loading",   [CAS__SYNC_STATE__CATCHING_UP] = "catching up",
	[CAS__SYNC_STATE__IN_SYNC] = "in sync",   [CAS__SYNC_STATE__STALE] = "stale",
	[CAS__SYNC_STATE__ALONE] = "alone",       [CAS__SYNC_STATE__SENDING] = "sending",
	[CAS__SYNC_STATE__LAGGING] = "lagging",   [CAS__SYNC_STATE__DEGRADED] = "degraded",
};

const char *status_sync_word(Cas__SyncState state)
{
	size_t index = (size_t)state;

	return index < sizeof(sync_words) / sizeof(sync_words[0]) ? sync_words[index] : "unknown";
}

__attribute__((format(printf, 2, 3))) static void problem(struct status_parts *b,
							  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_append(&b->status->problems, &b->status->n_problems, format, arguments);
	va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void note(struct status_parts *b, const char *format,
						       ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_append(&b->status->notes, &b->status->n_notes, format, arguments);
	va_end(arguments);
}

/* An unknown role is no role: nothing is concluded from it. */
static bool is(const Answer__Node *node, Cas__Role role)
{
	return node->has_role && node->role == role;
}

/* Without a channel the peer's last word is of another moment: no sum is made of the two. */
static void judge_both_roles(struct status_parts *b)
{
	const Cas__SyncStatus *sync = b->replies->sync;

	if (!sync || (sync->has_channel_up && !sync->channel_up))
		return;
	if (is(b->here, CAS__ROLE__ACTIVE) && is(b->peer, CAS__ROLE__ACTIVE)) {
		if (sync->peer && sync->peer->fenced)
			problem(b, "vrrpd of %s is stuck: it claims to be active, but is fenced",
				b->peer->name);
		else
			problem(b, "both nodes are active");
	}
	if (b->here->has_role && b->peer->has_role && !is(b->here, CAS__ROLE__ACTIVE) &&
	    !is(b->peer, CAS__ROLE__ACTIVE))
		problem(b, "no node is active");
}

static void judge_roles(struct status_parts *b)
{
	judge_both_roles(b);
	if (is(b->here, CAS__ROLE__FAULT))
		problem(b, "%s is in fault: %s", b->here->name,
			b->here->reason ? b->here->reason : "no reason given");
	if (is(b->peer, CAS__ROLE__FAULT))
		problem(b, "%s is in fault: %s", b->peer->name,
			b->peer->reason ? b->peer->reason : "no reason given");
}

static void judge_peer(struct status_parts *b, const Cas__SyncStatus *sync)
{
	const Cas__NodeFacts *facts = sync->peer;
	char age[TEXT_SIZE];

	if (sync->has_channel_up && !sync->channel_up)
		problem(b, "the channel to %s is down: %s", b->peer->name,
			sync->reason ? sync->reason : "no reason given");
	if (facts && sync->has_peer_age_ms && !b->peer->known)
		note(b, "%s was last heard %s ago", b->peer->name,
		     text_duration(age, sync->peer_age_ms));
	if (!b->peer->known)
		problem(b, "%s is unknown: it is not heard", b->peer->name);
	if (!b->peer->known || !facts)
		return;
	if (facts->has_lbd && !facts->lbd)
		problem(b, "lbd does not run on %s", b->peer->name);
	if (facts->has_vrrpd && !facts->vrrpd)
		problem(b, "vrrpd does not run on %s", b->peer->name);
	if (facts->has_carrier && !facts->carrier)
		problem(b, "%s has no carrier on its interface", b->peer->name);
	if (facts->pending)
		note(b, "vrrpd of %s runs with older settings: restart it there", b->peer->name);
}

/* What the last comparison of both tables found, as long as this node leads. */
static void judge_tables(struct status_parts *b, const Cas__SyncStatus *sync)
{
	const Cas__VerifyReply *verify = sync->verify;
	char age[TEXT_SIZE];

	if (!verify || !is(b->here, CAS__ROLE__ACTIVE) || verify->why)
		return;
	text_duration(age, sync->verify_age_ms);
	if (verify->left > 0)
		problem(b, "the tables of both nodes differ in %u of %u slices, as compared %s ago",
			verify->left, verify->slices, age);
	else if (verify->differing > 0)
		note(b,
		     "the tables of both nodes differed in %u of %u slices and were mended %s ago",
		     verify->differing, verify->slices, age);
}

/* The channel works over the other one, and would be gone with it. */
static void judge_paths(struct status_parts *b, const Cas__SyncStatus *sync)
{
	for (size_t i = 0; sync->channel_up && i < sync->n_path; i++) {
		const Cas__SyncPath *path = sync->path[i];

		if (strcmp(path->state, "down") == 0 || strcmp(path->state, "silent") == 0)
			problem(b, "the sync path %s (%s to %s) is %s%s%s", path->name,
				path->address, path->peer, path->state, path->why ? ": " : "",
				path->why ? path->why : "");
	}
}

/* Whoever is active, one side must hold everything, or the promise does not hold now. */
static void judge_sync(struct status_parts *b, const Cas__SyncStatus *sync)
{
	const char *word = sync->has_state ? status_sync_word(sync->state) : "unknown";
	bool in_sync = sync->has_state && sync->state == CAS__SYNC_STATE__IN_SYNC;
	const char *why = sync->reason ? sync->reason : "";

	if (is(b->here, CAS__ROLE__ACTIVE) && !in_sync)
		problem(b, "no standby is in sync (%s%s%s): a failover now may lose sessions", word,
			*why ? ": " : "", why);
	if (is(b->here, CAS__ROLE__STANDBY) && !in_sync)
		problem(b, "%s is not in sync (%s%s%s): a failover now may lose sessions",
			b->here->name, word, *why ? ": " : "", why);
	judge_paths(b, sync);
	if (sync->events_lost > 0)
		note(b, "%llu events were lost and made good by a snapshot or sweep",
		     (unsigned long long)sync->events_lost);
	judge_tables(b, sync);
	if (sync->has_lbd_link && !sync->lbd_link)
		problem(b, "syncd has no link to lbd");
	if (sync->has_vrrpd_link && !sync->vrrpd_link)
		problem(b, "syncd has no link to vrrpd");
}

static bool heard(const Cas__AdvertWay *way, double limit)
{
	return way->has_heard_ms && (double)way->heard_ms / 1000 <= limit + WAY_SLACK_S;
}

/* One family is enough for the roles, and nobody would see that the other is shut. */
static void judge_ways(struct status_parts *b, const Cas__VrrpStatus *vrrp, double limit)
{
	for (size_t i = 0; vrrp->n_way == 2 && i < 2; i++) {
		const Cas__AdvertWay *way = vrrp->way[i];

		if (heard(way, limit) || !heard(vrrp->way[1 - i], limit) || !way->destination)
			continue;
		problem(b, "adverts of %s come over IPv%c only: look at the LAN", b->peer->name,
			strchr(way->destination, ':') ? '4' : '6');
	}
}

/*
 * A standby must hear what the active node sends each advert interval.  With a channel both stay
 * where they are, and nobody would see that the way back is shut.
 */
static void judge_adverts(struct status_parts *b, const Cas__VrrpStatus *vrrp)
{
	double limit = (double)vrrp->advert_ms * PATIENT_ADVERTS / 1000;
	char age[TEXT_SIZE];

	if (!is(b->here, CAS__ROLE__STANDBY) || !is(b->peer, CAS__ROLE__ACTIVE) ||
	    !vrrp->has_advert_ms || b->here->since_seconds < limit ||
	    b->peer->since_seconds < limit)
		return;
	if (!vrrp->has_last_advert_age_ms)
		problem(b, "%s is active, but no advert was ever heard: look at the LAN",
			b->peer->name);
	else if ((double)vrrp->last_advert_age_ms / 1000 > limit)
		problem(b, "%s is active, but the last advert was heard %s ago: look at the LAN",
			b->peer->name, text_duration(age, vrrp->last_advert_age_ms));
	else
		judge_ways(b, vrrp, limit);
}

/* What was pushed, and is not in force everywhere yet. */
static void judge_settings(struct status_parts *b, const Cas__VrrpStatus *vrrp)
{
	if (vrrp->former && *vrrp->former)
		note(b, "%s is not known to have followed: adverts go as before, too (%s)",
		     b->peer->name, vrrp->former);
	for (size_t i = 0; i < vrrp->n_pending; i++)
		note(b, "vrrpd of %s runs with older settings: restart it there (%s)",
		     b->here->name, vrrp->pending[i]);
}

static void judge_vrrp(struct status_parts *b, const Cas__VrrpStatus *vrrp)
{
	if (vrrp->alarm && *vrrp->alarm)
		problem(b, "%s", vrrp->alarm);
	else
		judge_adverts(b, vrrp);
	if (vrrp->has_lbd_link && !vrrp->lbd_link)
		problem(b, "vrrpd has no link to lbd");
	if (vrrp->has_syncd_link && !vrrp->syncd_link)
		problem(b, "vrrpd has no link to syncd");
	if (vrrp->has_carrier && !vrrp->carrier)
		problem(b, "%s has no carrier on its interface", b->here->name);
	judge_settings(b, vrrp);
	if (vrrp->gate && *vrrp->gate && !is(b->here, CAS__ROLE__ACTIVE))
		note(b, "%s would not take over from a living peer: %s", b->here->name, vrrp->gate);
}

/* Some members down is the daily bread of a balancer; all of them down is an outage. */
static void judge_service(struct status_parts *b, const Cas__ArrayStatus *array,
			  const Cas__ServiceStatus *service)
{
	if (!service->has_members_up || !service->has_members)
		return;
	if (service->members_up == 0 && service->members > 0)
		problem(b, "%s/%s has no member up", array->name, service->name);
	else if (service->members_up < service->members)
		note(b, "%s/%s: %u of %u members are up", array->name, service->name,
		     service->members_up, service->members);
}

static void judge_size(struct status_parts *b, const char *what, bool differs, uint64_t wanted,
		       uint64_t pinned)
{
	if (differs)
		note(b,
		     "the tables of %s have room for %llu %s, the configuration says %llu: restart "
		     "lbd there",
		     b->here->name, (unsigned long long)pinned, what, (unsigned long long)wanted);
}

/* From 80 % on: early enough to raise the limit before sessions go without a record. */
static void judge_fill(struct status_parts *b, const Cas__LbdStatus *lbd)
{
	if (!lbd->has_flows || !lbd->has_flows_max)
		return;
	if (lbd->flows >= lbd->flows_max)
		problem(b, "the flow table is full: new sessions are not recorded and not "
			   "replicated; raise forwarding flows");
	else if (lbd->flows_max - lbd->flows <= lbd->flows_max / 5)
		problem(b,
			"the flow table is nearly full: %llu of %llu flows; raise forwarding flows",
			(unsigned long long)lbd->flows, (unsigned long long)lbd->flows_max);
}

static void judge_pins(struct status_parts *b, const Cas__LbdStatus *lbd)
{
	if (!lbd->has_pins || !lbd->has_pins_max)
		return;
	if (lbd->pins >= lbd->pins_max)
		problem(b, "the table of pins is full: new clients keep no affinity; raise "
			   "forwarding pins");
	else if (lbd->pins_max - lbd->pins <= lbd->pins_max / 5)
		problem(b, "the table of pins is nearly full: %llu of %llu; raise forwarding pins",
			(unsigned long long)lbd->pins, (unsigned long long)lbd->pins_max);
}

/* What cannot be asked from here says nothing about the name. */
static void judge_name(struct status_parts *b, const Cas__NameStatus *name)
{
	const char *side = name->outside ? "outside" : "inside";

	if (!name->array || !name->name || !name->resolver || !name->why)
		return;
	if (name->verdict == CAS__NAME_STATUS__VERDICT__WRONG)
		problem(b, "%s, the name of array %s, %s (%s, says %s)", name->name, name->array,
			name->why, side, name->resolver);
	else if (name->verdict == CAS__NAME_STATUS__VERDICT__UNKNOWN)
		note(b, "%s, the name of array %s, cannot be judged: %s (%s, by %s)", name->name,
		     name->array, name->why, side, name->resolver);
}

static void judge_lbd(struct status_parts *b, const Cas__LbdStatus *lbd)
{
	/* A standby's fence is the mark of its last reign: it goes when the node leads again. */
	if (lbd->fenced && !is(b->here, CAS__ROLE__STANDBY))
		problem(b, "%s is fenced: it admits nothing new and does not answer ARP",
			b->here->name);
	if (lbd->has_check_child && !lbd->check_child)
		problem(b, "the health checker does not run");
	judge_fill(b, lbd);
	judge_pins(b, lbd);
	judge_size(b, "flows", lbd->has_flows_wanted, lbd->flows_wanted, lbd->flows_max);
	judge_size(b, "pins", lbd->has_pins_wanted, lbd->pins_wanted, lbd->pins_max);
	for (size_t i = 0; i < lbd->n_interface; i++)
		if (!lbd->interface[i]->up)
			problem(b, "interface %s is down", lbd->interface[i]->name);
	for (size_t i = 0; i < lbd->n_array; i++)
		for (size_t s = 0; s < lbd->array[i]->n_service; s++)
			judge_service(b, lbd->array[i], lbd->array[i]->service[s]);
	for (size_t i = 0; i < lbd->n_objection; i++)
		note(b, "%s", lbd->objection[i]);
	for (size_t i = 0; i < lbd->n_fqdn; i++)
		judge_name(b, lbd->fqdn[i]);
}

static bool differ(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

/* As while a pair is upgraded.  That they do not replicate at all is the state of replication. */
static void judge_versions(struct status_parts *b, const Cas__SyncStatus *sync)
{
	const bool less = sync && sync->wire && sync->wire_less;

	if (differ(b->here->version, b->peer->version))
		note(b, "the nodes run different versions: %s %s, %s %s%s", b->here->name,
		     b->here->version, b->peer->name, b->peer->version,
		     less ? "; what the older one does not know is not used" : "");
}

/* A reload that one daemon or one node missed. */
static void judge_config(struct status_parts *b)
{
	const struct status_replies *r = b->replies;
	const char *lbd = r->lbd ? r->lbd->config_digest : NULL;
	const char *vrrp = r->vrrp ? r->vrrp->config_digest : NULL;
	const char *sync = r->sync ? r->sync->config_digest : NULL;

	if (differ(lbd, vrrp) || differ(vrrp, sync) || differ(lbd, sync))
		problem(b, "the daemons run different configurations: lbd %s, vrrpd %s, syncd %s",
			lbd ? lbd : "unknown", vrrp ? vrrp : "unknown", sync ? sync : "unknown");
	/* What is known of the peer is its syncd's, so like is compared with like. */
	if (differ(sync, b->peer->config_digest))
		problem(b, "the nodes run different configurations: %s %s, %s %s", b->here->name,
			sync, b->peer->name, b->peer->config_digest);
	judge_versions(b, r->sync);
}

static void judge_revision(struct status_parts *b, const Cas__SyncStatus *sync)
{
	char left[TEXT_SIZE];

	if (sync->revision_why)
		problem(b, "%s: %s", b->here->name, sync->revision_why);
	else if (sync->store_damage && sync->store_whole)
		note(b, "%s: %s; it is whole now", b->here->name, sync->store_damage);
	if (sync->has_confirm_left_ms)
		note(b,
		     "revision %llu of the configuration is rolled back in %s, unless you run: "
		     "pairctl confirm",
		     (unsigned long long)sync->revision,
		     text_duration(left, sync->confirm_left_ms));
}

void status_judge(struct status_parts *b)
{
	const struct status_replies *r = b->replies;

	for (size_t i = 0; i < 3; i++)
		if (r->silent[i][0])
			problem(b, "%s", r->silent[i]);
	judge_roles(b);
	if (r->lbd)
		judge_lbd(b, r->lbd);
	if (r->vrrp)
		judge_vrrp(b, r->vrrp);
	if (r->sync) {
		judge_peer(b, r->sync);
		judge_sync(b, r->sync);
	}
	judge_config(b);
	if (r->sync)
		judge_revision(b, r->sync);
	if (r->sync && r->sync->working_copy)
		note(b, "%s: %s", b->here->name, r->sync->working_copy);
}
