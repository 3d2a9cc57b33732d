// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the replies of this node's daemons say about the pair: both nodes.  A fact that nobody told
 * just now is absent, never guessed.
 */
#include "conf/pairctl/status_parts.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>
#include <string.h>

/* A peer is heard several times a second; older words are not the present. */
enum { PEER_FRESH_MS = 3000 };

static char *copy(const char *text)
{
	return text ? text_format("%s", text) : NULL;
}

/* The first that is known, or NULL. */
static const char *first(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

/* --- the two nodes ---------------------------------------------------------------------------- */

static void fill_from_lbd(Answer__Node *node, const Cas__LbdStatus *lbd)
{
	node->has_sessions = lbd->has_flows;
	node->sessions = lbd->flows;
	node->has_affinity = lbd->has_pins;
	node->affinity = lbd->pins;
	node->has_members_up = lbd->has_members_up;
	node->members_up = lbd->members_up;
	node->has_members = lbd->has_members;
	node->members = lbd->members;
}

static void fill_from_vrrp(Answer__Node *node, const Cas__VrrpStatus *vrrp)
{
	node->has_role = vrrp->has_role;
	node->role = vrrp->role;
	node->has_since_seconds = vrrp->has_since_ms;
	node->since_seconds = (double)vrrp->since_ms / 1000;
	node->reason = copy(vrrp->reason);
	node->has_epoch = vrrp->has_epoch;
	node->epoch = vrrp->epoch;
}

static Answer__Replication *replication(bool has_state, Cas__SyncState state)
{
	Answer__Replication *sync = text_alloc(1, sizeof(*sync));

	answer__replication__init(sync);
	sync->has_state = has_state;
	sync->state = state;
	return sync;
}

static void fill_from_sync(Answer__Node *node, const Cas__SyncStatus *sync)
{
	node->sync = replication(sync->has_state, sync->state);
	node->sync->has_lag_seconds = sync->has_lag_ms;
	node->sync->lag_seconds = sync->lag_ms / 1000;
	node->sync->has_lag_records = sync->has_lag_records;
	node->sync->lag_records = sync->lag_records;
	node->sync->has_gaps_total = sync->has_gaps;
	node->sync->gaps_total = sync->gaps;
}

/* Each daemon tells its part; a part whose daemon is silent stays absent. */
static Answer__Node *build_here(const struct status_replies *r)
{
	Answer__Node *node = text_alloc(1, sizeof(*node));
	const char *name = first(r->lbd ? r->lbd->node : NULL, r->vrrp ? r->vrrp->node : NULL,
				 r->sync ? r->sync->node : NULL);

	answer__node__init(node);
	node->name = copy(name ? name : "this node");
	node->local = true;
	node->known = r->lbd || r->vrrp || r->sync;
	node->has_age_seconds = node->known;
	if (r->lbd)
		fill_from_lbd(node, r->lbd);
	if (r->vrrp)
		fill_from_vrrp(node, r->vrrp);
	if (r->sync)
		fill_from_sync(node, r->sync);
	node->config_digest = copy(first(r->lbd ? r->lbd->config_digest : NULL,
					 r->vrrp ? r->vrrp->config_digest : NULL,
					 r->sync ? r->sync->config_digest : NULL));
	node->version = copy(first(r->lbd ? r->lbd->version : NULL,
				   r->vrrp ? r->vrrp->version : NULL,
				   r->sync ? r->sync->version : NULL));
	return node;
}

static void fill_from_facts(Answer__Node *node, const Cas__NodeFacts *facts)
{
	/* A syncd that has not met its vrrpd yet knows of no role. */
	node->has_role = facts->has_role && (facts->vrrpd || facts->role != CAS__ROLE__NONE);
	node->role = facts->role;
	node->has_since_seconds = facts->has_since_ms;
	node->since_seconds = (double)facts->since_ms / 1000;
	node->reason = copy(facts->reason);
	node->has_sessions = facts->has_flows;
	node->sessions = facts->flows;
	node->has_affinity = facts->has_pins;
	node->affinity = facts->pins;
	node->has_members_up = facts->has_members_up;
	node->members_up = facts->members_up;
	node->has_members = facts->has_members;
	node->members = facts->members;
	node->has_epoch = facts->has_epoch;
	node->epoch = facts->epoch;
	node->config_digest = copy(facts->config_digest);
	node->version = copy(facts->version);
	node->sync = replication(facts->has_sync, facts->sync);
}

/* Only syncd hears the peer.  Of old news only the age is kept. */
static Answer__Node *build_peer(const Cas__SyncStatus *sync, const Cas__VrrpStatus *vrrp)
{
	Answer__Node *node = text_alloc(1, sizeof(*node));
	const Cas__NodeFacts *facts = sync ? sync->peer : NULL;
	const char *name = first(sync ? sync->peer_name : NULL, vrrp ? vrrp->peer_name : NULL,
				 facts && facts->name ? facts->name : "peer");

	answer__node__init(node);
	node->name = copy(name);
	if (!facts || !sync->has_peer_age_ms)
		return node;
	node->has_age_seconds = true;
	node->age_seconds = (double)sync->peer_age_ms / 1000;
	node->known = sync->peer_age_ms <= PEER_FRESH_MS;
	if (node->known)
		fill_from_facts(node, facts);
	return node;
}

Answer__Status *status_build(const struct status_replies *r)
{
	struct status_parts b = { .replies = r, .status = text_alloc(1, sizeof(*b.status)) };
	bool swapped;

	answer__status__init(b.status);
	b.here = build_here(r);
	b.peer = build_peer(r->sync, r->vrrp);
	/* The same order on both nodes, whoever is asked. */
	swapped = strcmp(b.here->name, b.peer->name) > 0;
	b.status->schema = ANSWER_SCHEMA;
	b.status->pair = copy(first(r->lbd ? r->lbd->pair : NULL, r->vrrp ? r->vrrp->pair : NULL,
				    r->sync ? r->sync->pair : NULL));
	b.status->n_nodes = 2;
	b.status->nodes = text_alloc(2, sizeof(*b.status->nodes));
	b.status->nodes[swapped] = b.here;
	b.status->nodes[!swapped] = b.peer;
	b.status->lbd = r->lbd;
	b.status->vrrp = r->vrrp;
	b.status->sync = r->sync;
	status_judge(&b);
	return b.status;
}

void status_free(Answer__Status *status)
{
	status->lbd = NULL; /* borrowed */
	status->vrrp = NULL;
	status->sync = NULL;
	answer__status__free_unpacked(status, NULL);
}

int status_exit(const Answer__Status *status)
{
	if (!status->lbd && !status->vrrp && !status->sync)
		return PAIRCTL_UNREACHABLE;
	return status->n_problems > 0 ? PAIRCTL_PROBLEM : PAIRCTL_DONE;
}
