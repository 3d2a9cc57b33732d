// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shell around the session.  Mirrors syncd/machine.c (the session's hands), syncd/relay.c
 * (relay_report, heard_role, send_word, heard_shared, heard_fenced, on_yield_again) and
 * syncd/main.c (syncd_work, check_lost, syncd_drain, on_events and on_batch, on_tick).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { REPORT_MS = 100, TICK_MS = 10, ROOM = 1 << 16, TURNS = 8 };

/* --- the session's hands ---------------------------------------------------------------------- */

static bool op_room(void *arg)
{
	const struct node *node = arg;

	return world_peer((struct node *)arg)->syncd->inbound < ROOM && node->syncd->conn;
}

static void op_send(void *arg, const Sync__Frame *frame)
{
	struct node *node = arg;
	uint8_t *bytes = node->world->frame;

	/* Planted: whatever is compared is found equal. */
	if (frame->verify_sums && node->world->options.plant == PLANT_VERIFY_BLIND)
		memcpy(frame->verify_sums->sum, world_peer(node)->syncd->session.verify.sum,
		       frame->verify_sums->n_sum * sizeof(uint64_t));
	wire_send(node, bytes, sync__frame__pack(frame, bytes));
}

static void op_send_records(void *arg, const struct record_batch *batch)
{
	struct node *node = arg;
	int length = record_pack(batch, node->world->frame, sizeof(node->world->frame));

	if (length < 0)
		trace_fail(node->world, "node %u: records that cannot be packed", node->number + 1);
	else
		wire_send(node, node->world->frame, (size_t)length);
}

/* What a record may never do, whatever the tables make of it. */
static void apply_one(struct node *node, const struct flow_event *record)
{
	int number = record->kind <= EVENT_FLOW_DEL ? plane_flow_number(&record->key) : NOBODY;
	struct plane_flow before = { 0 }, *entry;
	struct plane_pin pin = { 0 };
	int pin_number = record->kind >= EVENT_PIN_PUT ? plane_pin_number(record) : NOBODY;

	if (number >= 0)
		before = node->plane.flow[number];
	if (pin_number >= 0)
		pin = node->plane.pin[pin_number];
	plane_apply(node, record);
	entry = number >= 0 ? &node->plane.flow[number] : &before;
	if (before.used && record->apply == APPLY_IF_ABSENT &&
	    (!entry->used || entry->member != before.member || entry->epoch != before.epoch))
		trace_fail(node->world, "I5 node %u: an offer changed flow %d", node->number + 1,
			   number);
	if (before.used && (int32_t)(before.epoch - record->epoch) > 0 &&
	    (!entry->used || entry->member != before.member))
		trace_fail(node->world, "I5 node %u: flow %d of epoch %u overwritten from epoch %u",
			   node->number + 1, number, before.epoch, record->epoch);
	if (pin.used && record->apply == APPLY_IF_ABSENT &&
	    (!node->plane.pin[pin_number].used || node->plane.pin[pin_number].member != pin.member))
		trace_fail(node->world, "I5 node %u: an offer changed pin %d", node->number + 1,
			   pin_number);
}

static int op_apply(void *arg, const struct flow_event *event, size_t count,
		    struct session_applied *applied)
{
	struct node *node = arg;
	struct syncd *syncd = node->syncd;

	(void)applied;
	if (!syncd->shared)
		return -1;
	for (size_t i = 0; i < syncd->lates; i++)
		apply_one(node, &syncd->late[i]);
	syncd->lates = 0;
	if (node->world->options.plant == PLANT_ACK_EARLY) {
		memcpy(syncd->late, event, count * sizeof(*event));
		syncd->lates = count;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		apply_one(node, &event[i]);
	return 0;
}

static void op_verdict(void *arg, const struct flow_event *event)
{
	struct node *node = arg;

	if (event->kind == EVENT_REVISION)
		hands_logged(node, event);
	else if (node->syncd->lbd && node->world->options.plant != PLANT_NO_VERDICTS)
		world_post(node, LBD, &(struct letter){ .kind = L_VERDICT, .verdict = *event });
}

static void op_passed(void *arg, uint32_t pool_id, uint32_t number)
{
	struct node *node = arg;

	if (node->syncd->lbd)
		world_post(node, LBD,
			   &(struct letter){ .kind = L_PASSED,
					     .id = pool_id - plane_pool_id(0),
					     .epoch = number });
}

static void op_heed(void *arg, uint64_t history, uint64_t seq)
{
	struct node *node = arg;

	if (node->syncd->lbd)
		world_post(node, LBD,
			   &(struct letter){ .kind = L_HEED, .id = seq, .epoch = history });
}

static void relay_standby(struct node *node)
{
	bool attached = session_standby(&node->syncd->session);

	if (!node->syncd->lbd || attached == node->syncd->standby)
		return;
	node->syncd->standby = attached;
	world_post(node, LBD, &(struct letter){ .kind = L_STANDBY, .complete = attached });
}

static void op_lookup(void *arg, struct flow_event *event)
{
	struct node *node = arg;
	bool pin = event->kind == EVENT_PIN_PUT || event->kind == EVENT_PIN_DEL;
	int number = pin ? plane_pin_number(event) : plane_flow_number(&event->key);

	if (number < 0 || !node->syncd->shared)
		return;
	*event = pin ? plane_pin_event(node, (unsigned int)number)
		     : plane_flow_event(node, (unsigned int)number);
}

static void op_walk(void *arg, enum session_walk what)
{
	struct node *node = arg;

	node->syncd->walking = what;
	node->syncd->walk_at = 0;
	node->syncd->walk_slice = (unsigned int)chance_between(&node->world->chance, 4, 64);
}

static int op_step(void *arg, struct flow_event *event, size_t max)
{
	struct node *node = arg;
	struct syncd *syncd = node->syncd;
	unsigned int end = syncd->walking == SESSION_PINS ? PINS : FLOWS, most = syncd->walk_slice;
	unsigned int n = 0;

	if (!syncd->shared)
		return -1;
	if (!syncd->session.leading && syncd->session.follower.phase >= FOLLOWER_LOADING &&
	    syncd->session.follower.phase < FOLLOWING &&
	    node->world->options.plant == PLANT_NO_SWEEP)
		return 0;
	for (; syncd->walk_at < end && n < most && n < max; syncd->walk_at++) {
		if (syncd->walking == SESSION_PINS && node->plane.pin[syncd->walk_at].used)
			event[n++] = plane_pin_event(node, syncd->walk_at);
		else if (syncd->walking == SESSION_FLOWS && node->plane.flow[syncd->walk_at].used)
			event[n++] = plane_flow_event(node, syncd->walk_at);
	}
	return (int)n;
}

static void op_word(void *arg, const Cas__PeerWord *word)
{
	struct node *node = arg;
	static const char *const words[] = { "?",     "YIELD",  "TAKEN", "CLAIM",
					     "GRANT", "REFUSE", "CALM" };

	trace_say(node->world, "node %u: the peer says %s, epoch %llu", node->number + 1,
		  words[word->word], (unsigned long long)word->epoch);
	if (word->word == CAS__PEER_WORD__WORD__TAKEN)
		node->syncd->yield_until = 0;
	if (node->syncd->vrrpd)
		world_post(node, VRRPD,
			   &(struct letter){ .kind = L_WORD,
					     .word = word->word,
					     .sent = node_now(node),
					     .said = { .epoch = word->epoch,
						       .id = word->id,
						       .preempt = word->preempt,
						       .lame = word->lame,
						       .counts = word->counts } });
}

static void op_facts(void *arg, Cas__NodeFacts *facts)
{
	static char name[] = "node";
	struct node *node = arg;

	facts->name = name;
	facts->has_vrrpd = facts->has_vrrpd_age_ms = true;
	facts->vrrpd = node->syncd->vrrpd;
	facts->vrrpd_age_ms = (node_now(node) - node->syncd->role_ns) / MS;
	facts->has_lan_whole = true;
	facts->lan_whole = node->syncd->lan_whole;
}

static void op_handed(void *arg, uint64_t id, const char *why)
{
	struct node *node = arg;

	if (node->syncd->vrrpd)
		world_post(node, VRRPD,
			   &(struct letter){ .kind = L_READY, .id = id, .complete = !why });
}

/* vrrp/hear.c (note_gate): three pulses of the peer's vrrpd. */
static void look_at_facts(struct letter *letter, const struct session_peer *peer)
{
	Cas__NodeFacts *facts = cas__node_facts__unpack(NULL, peer->facts_length, peer->facts);

	letter->peer_vrrpd = facts && facts->vrrpd && facts->vrrpd_age_ms < 1500;
	letter->vrrpd_age = facts ? facts->vrrpd_age_ms * MS : 0;
	letter->whole = facts && facts->lan_whole;
	cas__node_facts__free_unpacked(facts, NULL);
}

static void relay_report(struct node *node)
{
	const struct session *s = &node->syncd->session;
	struct letter letter = { .kind = L_REPORT, .sync = s->state, .sent = node_now(node) };

	if (!node->syncd->vrrpd)
		return;
	node->syncd->reported_ns = node_now(node);
	if (s->peer.heard)
		look_at_facts(&letter, &s->peer);
	letter.report.age_ns = node_now(node) - s->peer.heard_ns;
	letter.peer_role = s->peer.heard ? s->peer.role : CAS__ROLE__NONE;
	letter.report.channel = s->up && s->peer.heard;
	letter.report.ready = session_ready(s);
	letter.report.highest = s->highest;
	if (s->peer.heard) {
		letter.report.peer_lives = letter.peer_vrrpd;
		letter.report.peer_active = letter.peer_vrrpd && s->peer.role == CAS__ROLE__ACTIVE;
		letter.report.peer_standby = letter.peer_vrrpd &&
					     s->peer.role == CAS__ROLE__STANDBY;
		letter.report.peer_epoch = s->peer.epoch;
		letter.report.priority = (uint8_t)(254 - (1 - node->number));
	}
	world_post(node, VRRPD, &letter);
}

static void op_changed(void *arg)
{
	static const char *const words[] = { "detached", "attaching", "loading", "catching up",
					     "in sync",  "stale",     "alone",   "sending",
					     "lagging",  "degraded" };
	struct node *node = arg;
	const struct session *s = &node->syncd->session;

	trace_say(node->world, "node %u: replication: %s %.60s", node->number + 1, words[s->state],
		  s->why);
	relay_report(node);
	relay_standby(node);
	if (node->syncd->lbd && s->leading &&
	    (s->state == CAS__SYNC_STATE__SENDING || s->state == CAS__SYNC_STATE__IN_SYNC))
		world_post(node, LBD, &(struct letter){ .kind = L_SHARE }); /* relay_announce */
}

static void op_broken(void *arg, const char *why)
{
	struct node *node = arg;

	trace_say(node->world, "node %u: channel dropped: %s", node->number + 1, why);
	node->syncd->torn = true;
}

static void op_verified(void *arg, const struct verify_result *result, const char *why)
{
	struct node *node = arg;

	if (result->differing || result->left || result->busy || why)
		trace_say(node->world,
			  "node %u: compared %u of %u slices: %u differed, %llu keys mended %s",
			  node->number + 1, result->compared, result->slices, result->differing,
			  (unsigned long long)result->repaired, why ? why : "");
	oracle_verified(node, result);
}

const struct session_ops syncd_ops = {
	.room = op_room,
	.send = op_send,
	.send_records = op_send_records,
	.apply = op_apply,
	.verdict = op_verdict,
	.passed = op_passed,
	.heed = op_heed,
	.lookup = op_lookup,
	.walk = op_walk,
	.step = op_step,
	.word = op_word,
	.facts = op_facts,
	.handed = op_handed,
	.changed = op_changed,
	.broken = op_broken,
	.verified = op_verified,
};

/* --- work ------------------------------------------------------------------------------------- */

void syncd_work(struct node *node)
{
	for (int i = 0; i < TURNS && session_work(&node->syncd->session, node_now(node)); i++)
		;
	if (node->syncd->torn)
		wire_drop(node);
}

static void check_lost(struct node *node)
{
	uint64_t lost = node->plane.lost - node->syncd->lost;

	node->plane.lost_seen = false;
	if (!lost)
		return;
	trace_say(node->world, "node %u: %llu events were lost", node->number + 1,
		  (unsigned long long)lost);
	session_lost(&node->syncd->session, lost, node_now(node));
	node->syncd->lost = node->trail->lost = node->plane.lost;
}

/* They leave the ring a moment later. */
static void remember(struct node *node, size_t n)
{
	if (!n)
		return;
	memcpy(node->reread, node->plane.ring, n * sizeof(node->reread[0]));
	node->rereads = n;
	node->read_at = node->world->now;
}

/*
 * Who reads next finds what this one had not let go yet: the last event for some ms, all of the last
 * batch when it was just being read.
 */
void syncd_killed(struct node *node)
{
	struct plane *plane = &node->plane;
	size_t n = chance_of(&node->world->chance, 500) ? node->rereads : 1, skipped;

	if (!node->rereads || node->world->now - node->read_at > 4 * MS ||
	    plane->ringed + n > RING)
		return;
	skipped = node->rereads - n;
	memmove(&plane->ring[n], plane->ring, plane->ringed * sizeof(plane->ring[0]));
	memcpy(plane->ring, &node->reread[skipped], n * sizeof(plane->ring[0]));
	plane->ringed += n;
	node->rereads = 0;
}

void syncd_drain(struct node *node)
{
	size_t n = node->plane.ringed;

	if (!node->syncd->shared || !node->syncd->session.told)
		return;
	node->plane.ringed = 0;
	remember(node, n);
	if (n)
		session_events(&node->syncd->session, node->plane.ring, n, node_now(node));
	check_lost(node);
	session_urge(&node->syncd->session);
	strict_acked(node);
	session_drained(&node->syncd->session, true, node_now(node));
}

/* The first event of a burst is read at once, the others a batch later. */
void syncd_ring(struct node *node)
{
	if (!node->process[SYNCD].alive || node->syncd->ring_armed || !node->syncd->shared)
		return;
	node->syncd->ring_armed = true;
	world_wake(node, SYNCD, EV_RING,
		   node->world->now + chance_between(&node->world->chance, 20 * US, 2 * MS));
}

static void on_tick(struct node *node)
{
	struct syncd *syncd = node->syncd;
	uint64_t now = node_now(node);
	unsigned int flows = 0;

	if (syncd->shared) {
		syncd_drain(node);
		for (unsigned int f = 0; f < FLOWS; f++)
			flows += node->plane.flow[f].used;
		syncd->session.flows = flows;
	}
	wire_timeout(node);
	session_tick(&syncd->session, now);
	hands_tick(node);
	strict_acked(node);
	if (now - syncd->reported_ns >= REPORT_MS * MS)
		relay_report(node);
	syncd_work(node);
	world_wake(node, SYNCD, EV_TICK, node->world->now + TICK_MS * MS);
}

static void send_word(struct node *node, Cas__PeerWord__Word which, const struct fsm_word *said)
{
	Cas__PeerWord word = CAS__PEER_WORD__INIT;

	word.word = which;
	word.epoch = said->epoch;
	word.has_id = word.has_preempt = word.has_lame = word.has_counts = true;
	word.counts = said->counts;
	word.id = said->id;
	word.preempt = said->preempt;
	word.lame = said->lame;
	syncd_drain(node);
	session_word(&node->syncd->session, &word, node_now(node));
	syncd_work(node);
}

static void yield(struct node *node)
{
	send_word(node, CAS__PEER_WORD__WORD__YIELD,
		  &(struct fsm_word){ .epoch = node->syncd->session.epoch });
}

static void heard_fenced(struct node *node)
{
	struct syncd *syncd = node->syncd;

	syncd->yield_until = node_now(node) + SECOND;
	yield(node);
	world_wake(node, SYNCD, EV_YIELD_AGAIN, node->world->now + 100 * MS);
	session_role(&syncd->session, CAS__ROLE__STANDBY, syncd->session.epoch, node_now(node));
}

void syncd_digest(const struct node *node, uint8_t digest[SESSION_DIGEST])
{
	memset(digest, 0, SESSION_DIGEST);
	if (node->world->options.plant != PLANT_CONFIG_UNHEARD)
		memcpy(digest, &node->revision, sizeof(node->revision));
}

static void heard_config(struct node *node)
{
	uint8_t digest[SESSION_DIGEST];

	syncd_digest(node, digest);
	session_digest(&node->syncd->session, digest, node_now(node));
	syncd_work(node);
}

static void heard_shared(struct node *node)
{
	struct syncd *syncd = node->syncd;
	bool same;

	if (!syncd->generation) {
		syncd->generation = node->trail->generation;
		syncd->lost = node->trail->lost;
	}
	same = syncd->generation && syncd->generation == node->plane.generation;
	if (syncd->shared)
		syncd_drain(node);
	if (!same)
		syncd->lost = node->plane.lost;
	marks_reset(&syncd->marks);
	syncd->shared = true;
	syncd->generation = node->plane.generation;
	session_tables(&syncd->session, FLOW_LAYOUT, FLOWS + PINS, same, node_now(node));
	node->trail->lost = syncd->lost;
	node->trail->generation = syncd->generation;
	session_verdicts(&syncd->session);
	relay_standby(node);
	if (node->plane.ringed)
		syncd_ring(node);
	syncd_work(node);
}

static void link_up(struct node *node)
{
	if (!node->syncd->lbd && node->process[LBD].alive) {
		node->syncd->lbd = true;
		node->syncd->standby = false;
		world_post(node, LBD, &(struct letter){ .kind = L_SHARE });
		world_post(node, SYNCD, &(struct letter){ .kind = L_SHARED });
		hands_linked(node, LBD);
	}
	world_wake(node, SYNCD, EV_LINKS, node->world->now + 100 * MS);
}

void syncd_event(struct node *node, const struct event *event)
{
	struct syncd *syncd = node->syncd;

	switch (event->kind) {
	case EV_TICK:
		on_tick(node);
		break;
	case EV_RING:
		syncd->ring_armed = false;
		syncd_drain(node);
		syncd_work(node);
		break;
	case EV_CHANNEL:
		wire_read(node);
		break;
	case EV_LINKS:
		link_up(node);
		break;
	case EV_YIELD_AGAIN:
		if (node_now(node) >= syncd->yield_until)
			break;
		yield(node);
		world_wake(node, SYNCD, EV_YIELD_AGAIN, node->world->now + 100 * MS);
		break;
	default:
		break;
	}
}

void syncd_letter(struct node *node, const struct letter *letter)
{
	struct syncd *syncd = node->syncd;

	switch (letter->kind) {
	case L_ATTACH:
		syncd->vrrpd = true;
		relay_report(node);
		hands_linked(node, VRRPD);
		break;
	case L_ROLE:
		syncd->role_ns = node_now(node);
		syncd->lan_whole = letter->whole;
		if (letter->role == syncd->session.role && letter->epoch == syncd->session.epoch)
			break;
		session_told(&syncd->session, node_now(node));
		syncd_drain(node);
		session_role(&syncd->session, letter->role, letter->epoch, node_now(node));
		hands_role(node);
		strict_acked(node);
		relay_report(node);
		syncd_work(node);
		break;
	case L_SEND_WORD:
		send_word(node, letter->word, &letter->said);
		break;
	case L_HAND_OVER:
		syncd_drain(node);
		session_hand_over(&syncd->session, letter->id, node_now(node));
		syncd_work(node);
		break;
	case L_VRRPD_CLOSED:
		syncd->vrrpd = false;
		hands_gone(node, VRRPD);
		break;
	case L_SHARED:
		heard_shared(node);
		break;
	case L_FENCED:
		heard_fenced(node);
		break;
	case L_CONFIG:
		heard_config(node);
		break;
	case L_FOLLOWED:
		hands_followed(node, (unsigned int)letter->epoch, letter->id, !letter->complete);
		break;
	case L_SWITCHED:
		session_switched(&syncd->session, plane_pool_id((unsigned int)letter->id),
				 (uint32_t)letter->epoch);
		syncd_work(node);
		break;
	case L_HEEDED:
		session_heeded(&syncd->session, letter->epoch, letter->id);
		syncd_work(node);
		break;
	default:
		break;
	}
}

/* --- start and end ---------------------------------------------------------------------------- */

/* Planted: the position is of before the last records that were lost; the log lacks its end. */
static void plant_kept(struct node *node)
{
	struct trail_facts facts;

	trail_read(node->trail, &facts);
	if (node->world->options.plant == PLANT_KEPT_STALE && facts.have.node)
		facts.have.seq += 2;
	else if (node->world->options.plant == PLANT_KEPT_SHORT && node->trail->head > 2)
		node->trail->head -= 2;
	else
		return;
	trail_write(node->trail, &facts);
}

void syncd_start(struct node *node)
{
	uint8_t digest[SESSION_DIGEST];
	struct syncd *syncd = node->syncd;
	const struct session_config config = { .node = node->number + 1,
					       .random = chance_next(&node->world->chance),
					       .digest = digest,
					       .journal = JOURNAL,
					       .trail = node->trail };
	struct flow_event *late = syncd->late;

	plant_kept(node);
	if (node->world->pushing)
		node->revision = vault_current(node)->files;
	syncd_digest(node, digest);
	if (syncd->open)
		session_close(&syncd->session);
	hands_end(node);
	memset(syncd, 0, offsetof(struct syncd, session));
	syncd->late = late;
	syncd->last = &syncd->first;
	if (!late)
		syncd->late = malloc(FLOW_BATCH * sizeof(*late));
	if (!syncd->late || session_open(&syncd->session, &config, &syncd_ops, node) != 0)
		abort();
	syncd->open = true;
	hands_start(node);
	session_verify_every(&syncd->session, node->world->verify_every);
	world_wake(node, SYNCD, EV_TICK, node->world->now);
	world_wake(node, SYNCD, EV_LINKS, node->world->now);
}

void syncd_end(struct node *node)
{
	if (node->syncd->open)
		session_close(&node->syncd->session);
	hands_end(node);
	wire_forget(node);
	free(node->syncd->late);
}
