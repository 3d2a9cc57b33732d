// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/drill.h"
#include "conf/pairctl/text.h"

#include <stdlib.h>

void drill_say(struct drill_texts *texts, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_append(&texts->text, &texts->count, format, arguments);
	va_end(arguments);
}

void drill_texts_free(struct drill_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->text[i]);
	free(texts->text);
	*texts = (struct drill_texts){ 0 };
}

const Answer__Node *drill_node(const Answer__Status *status, bool local)
{
	for (size_t i = 0; i < status->n_nodes; i++)
		if (status->nodes[i]->local == local)
			return status->nodes[i];
	return NULL;
}

static bool is(const Answer__Node *node, Cas__Role role)
{
	return node && node->known && node->has_role && node->role == role;
}

static bool in_sync(const Answer__Node *node)
{
	return node->sync && node->sync->has_state && node->sync->state == CAS__SYNC_STATE__IN_SYNC;
}

static bool have_roles(const Answer__Node *here, const Answer__Node *peer)
{
	return (is(here, CAS__ROLE__ACTIVE) && is(peer, CAS__ROLE__STANDBY)) ||
	       (is(here, CAS__ROLE__STANDBY) && is(peer, CAS__ROLE__ACTIVE));
}

bool drill_is_well(const Answer__Status *status)
{
	const Answer__Node *here = drill_node(status, true), *peer = drill_node(status, false);

	return status->n_problems == 0 && have_roles(here, peer) && in_sync(here) && in_sync(peer);
}

static const char *role_word(const Answer__Node *node)
{
	static const char *const words[] = { "without a role", "standby", "active", "in fault" };

	if (!node->known || !node->has_role)
		return "unknown";
	return (size_t)node->role < sizeof(words) / sizeof(words[0]) ? words[node->role]
								     : "unknown";
}

static const char *sync_word(const Answer__Node *node)
{
	return node->sync && node->sync->has_state ? status_sync_word(node->sync->state)
						   : "sync unknown";
}

char *drill_state_text(const Answer__Status *status)
{
	const Answer__Node *a = status->nodes[0], *b = status->nodes[1];

	return text_format("%s %s, %s; %s %s, %s", a->name, role_word(a), sync_word(a), b->name,
			   role_word(b), sync_word(b));
}

static void refuse_roles(const Answer__Status *status, uint32_t kinds, struct drill_texts *reasons)
{
	const Answer__Node *here = drill_node(status, true), *peer = drill_node(status, false);

	if (!have_roles(here, peer))
		drill_say(reasons, "there is not one active node and one standby: %s is %s, %s %s",
			  here->name, role_word(here), peer->name, role_word(peer));
	else if (!in_sync(here) || !in_sync(peer))
		drill_say(reasons, "the standby does not hold everything: %s is %s, %s %s",
			  here->name, sync_word(here), peer->name, sync_word(peer));
	if ((kinds >> DRILL_FAILOVER & 1) && is(here, CAS__ROLE__STANDBY))
		drill_say(reasons, "failover is for the active node: run that drill on %s",
			  peer->name);
}

static void refuse_changes(const Answer__Status *status, struct drill_texts *reasons)
{
	const Cas__SyncStatus *sync = status->sync;

	if (sync && sync->push_phase)
		drill_say(reasons, "a push is under way (%s)", sync->push_phase);
	if (sync && sync->has_confirm_left_ms)
		drill_say(reasons, "a pushed configuration waits for its confirmation: pairctl "
				   "confirm, or pairctl rollback");
	if (status->lbd && status->lbd->switching)
		drill_say(reasons, "changes of members are under way");
	if (sync && sync->has_hold_left_ms)
		drill_say(reasons, "the channel is still held closed by a drill");
}

void drill_refusals(const Answer__Status *status, uint32_t kinds, double since_s,
		    struct drill_texts *reasons)
{
	const Answer__Node *here = drill_node(status, true);

	for (size_t i = 0; i < status->n_problems; i++)
		drill_say(reasons, "%s", status->problems[i]);
	refuse_roles(status, kinds, reasons);
	if (is(here, CAS__ROLE__STANDBY) && status->vrrp && status->vrrp->gate &&
	    *status->vrrp->gate)
		drill_say(reasons, "%s would not take over: %s", here->name, status->vrrp->gate);
	refuse_changes(status, reasons);
	if (since_s >= 0 && since_s < DRILL_APART_S)
		drill_say(reasons, "a drill was begun %.0f s ago: leave %d s between them", since_s,
			  DRILL_APART_S);
}

/* --- verdict ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void blame(Answer__DrillPart *part, const char *format,
							...)
{
	va_list arguments;

	va_start(arguments, format);
	text_append(&part->why, &part->n_why, format, arguments);
	va_end(arguments);
}

void drill_judge(Answer__DrillPart *part)
{
	if (part->has_canaries_lost && part->canaries_lost > 0)
		blame(part, "%u of %u canary sessions were lost", part->canaries_lost,
		      part->canaries);
	if (part->has_blackout_ms && part->blackout_ms > part->blackout_limit_ms)
		blame(part, "no new connection came to be for %.0f ms, over the limit of %.0f ms",
		      part->blackout_ms, part->blackout_limit_ms);
	if (part->has_handover_ms && part->handover_ms > part->blackout_limit_ms)
		blame(part, "nobody led for %.0f ms, over the limit of %.0f ms", part->handover_ms,
		      part->blackout_limit_ms);
	if (!part->has_healed_seconds && part->n_why == 0)
		blame(part, "the pair was not well again within %.0f s", part->heal_limit_seconds);
	part->passed = part->n_why == 0;
}
