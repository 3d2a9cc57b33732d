// SPDX-License-Identifier: BSD-2-Clause
/* The session's hands: what the pure machine wants done is done to sockets and maps here. */
#include <errno.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/syncd.h"

static bool op_room(void *arg)
{
	const struct syncd *syncd = arg;

	return channel_room(&syncd->channel);
}

static void op_send(void *arg, const Sync__Frame *frame)
{
	struct syncd *syncd = arg;
	size_t size = sync__frame__get_packed_size(frame);

	if (size > sizeof(syncd->frame)) {
		log_error("a message of %zu bytes does not fit a frame", size);
		return;
	}
	sync__frame__pack(frame, syncd->frame);
	channel_send(&syncd->channel, syncd->frame, size);
}

static void op_send_records(void *arg, const struct record_batch *batch)
{
	struct syncd *syncd = arg;
	int size = record_pack(batch, syncd->frame, sizeof(syncd->frame));

	if (size < 0) {
		/* The follower would wait for these positions for ever. */
		log_error("%u records cannot be packed: %s", batch->count, strerror(-size));
		channel_drop(&syncd->channel, "records that cannot be packed");
		return;
	}
	channel_send(&syncd->channel, syncd->frame, (size_t)size);
}

static int op_apply(void *arg, const struct flow_event *event, size_t count,
		    struct session_applied *applied)
{
	struct syncd *syncd = arg;
	struct flow_call call;
	int err = table_is_open(&syncd->table) ? table_apply(&syncd->table, event, count, &call)
					       : -ENODEV;

	if (err) {
		log_error("records cannot be applied: %s", strerror(-err));
		return err;
	}
	applied->refused = call.refused;
	applied->full = call.full;
	return 0;
}

static void op_verdict(void *arg, const struct flow_event *event)
{
	relay_verdict(arg, event);
}

static void op_passed(void *arg, uint32_t pool_id, uint32_t number)
{
	relay_passed(arg, pool_id, number);
}

static void op_heed(void *arg, uint64_t history, uint64_t seq)
{
	relay_heed(arg, history, seq);
}

static void op_lookup(void *arg, struct flow_event *event)
{
	struct syncd *syncd = arg;

	if (table_is_open(&syncd->table))
		table_lookup(&syncd->table, event);
}

static void op_walk(void *arg, enum session_walk what)
{
	struct syncd *syncd = arg;

	if (table_is_open(&syncd->table))
		table_walk(&syncd->table,
			   what == SESSION_PINS ? TABLE_WALK_PINS : TABLE_WALK_FLOWS);
}

static int op_step(void *arg, struct flow_event *event, size_t max)
{
	struct syncd *syncd = arg;

	return table_is_open(&syncd->table) ? table_step(&syncd->table, event, max) : -ENODEV;
}

static void op_word(void *arg, const Cas__PeerWord *word)
{
	struct syncd *syncd = arg;

	if (word->word == CAS__PEER_WORD__WORD__TAKEN)
		ev_timer_stop(syncd->loop, &syncd->yield.again);
	relay_word(syncd, word);
}

/* Strings are borrowed for the time of the call: they outlive the packing. */
static void op_facts(void *arg, Cas__NodeFacts *facts)
{
	struct syncd *syncd = arg;
	static char version[] = CASPAIR_VERSION;

	facts->name = (char *)(uintptr_t)syncd_name(syncd, syncd->node);
	facts->version = version;
	facts->config_digest = syncd->conf->digest_text;
	facts->has_lbd = facts->has_vrrpd = true;
	facts->lbd = syncd->lbd_linked;
	facts->vrrpd = syncd->vrrpd != NULL;
	facts->has_flows = facts->has_pins = table_is_open(&syncd->table);
	facts->flows = syncd->gauges.flows;
	facts->pins = syncd->gauges.pins;
	facts->has_members = facts->has_members_up = facts->has_fenced = syncd->facts.known;
	facts->fenced = syncd->facts.fenced;
	facts->members = syncd->facts.members;
	facts->members_up = syncd->facts.members_up;
	if (!syncd->role.known)
		return;
	facts->reason = syncd->role.reason;
	facts->has_since_ms = facts->has_priority = facts->has_carrier = true;
	facts->since_ms = (daemon_now_ns() - syncd->role.since_ns) / 1000000;
	facts->priority = syncd->role.priority;
	facts->carrier = syncd->role.carrier;
	facts->has_vrrpd_age_ms = facts->has_held = true;
	facts->vrrpd_age_ms = (daemon_now_ns() - syncd->role.heard_ns) / 1000000;
	facts->held = syncd->role.held;
	facts->has_pending = syncd->role.pending;
	facts->pending = syncd->role.pending;
	facts->has_lan = syncd->role.lan_known;
	facts->lan = syncd->role.lan;
	facts->has_lan_whole = syncd->role.lan_known;
	facts->lan_whole = syncd->role.lan_whole;
	if (syncd->role.digest[0])
		facts->vrrpd_digest = syncd->role.digest;
	if (syncd->role.link_local[0])
		facts->link_local = syncd->role.link_local;
}

static void op_handed(void *arg, uint64_t id, const char *why)
{
	relay_handed(arg, id, why);
}

static void op_changed(void *arg)
{
	struct syncd *syncd = arg;
	const struct session *session = &syncd->session;
	const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
		&cas__sync_state__descriptor, (int)session->state);

	if (syncd->shown != session->state)
		log_info("replication: %s%s%s", name ? name->name : "?",
			 session->why[0] ? ": " : "", session->why);
	/* Words are in no snapshot: they go behind it, or stand in the log that is continued. */
	if (syncd->shown != session->state && session->leading &&
	    (session->state == CAS__SYNC_STATE__SENDING ||
	     session->state == CAS__SYNC_STATE__IN_SYNC))
		relay_announce(syncd);
	syncd->shown = session->state;
	relay_report(syncd);
	relay_standby(syncd);
}

static void op_broken(void *arg, const char *why)
{
	struct syncd *syncd = arg;

	log_warning("channel dropped: %s", why);
	channel_drop(&syncd->channel, why);
}

static void op_verified(void *arg, const struct verify_result *result, const char *why)
{
	compare_ended(arg, result, why);
}

const struct session_ops machine_ops = {
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

/* --- the channel ------------------------------------------------------------------------------ */

/* That the nodes differ is no fault while they are upgraded, and good to know afterwards. */
static void tell_wire(const struct syncd *syncd)
{
	const struct wire *wire = &syncd->session.wire;

	if (!wire->version)
		log_warning("%s", syncd->session.wire_why);
	else if (wire_is_less(wire))
		log_info("the stream is of version %u with features %#llx, as %s knows no more",
			 wire->version, (unsigned long long)wire->features,
			 syncd_name(syncd, 3 - syncd->node));
}

static void on_up(void *arg)
{
	struct syncd *syncd = arg;

	syncd->beat_ns = syncd->beat_max_ns = 0;
	log_info("channel to %s is up", syncd_name(syncd, 3 - syncd->node));
	session_up(&syncd->session, &syncd->channel.current->greet.wire, daemon_now_ns());
	tell_wire(syncd);
	revise_up(syncd);
	syncd_work(syncd);
}

static void on_down(void *arg, const char *why)
{
	struct syncd *syncd = arg;

	log_warning("channel to %s is down: %s", syncd_name(syncd, 3 - syncd->node), why);
	session_down(&syncd->session, daemon_now_ns());
	revise_down(syncd);
	acked_update(syncd);
}

/* Our clock comes back with the peer's heartbeat, and how long it lay there. */
static void time_beat(struct syncd *syncd, const Sync__Heartbeat *beat, uint64_t now)
{
	if (!beat->has_echo_ns || !beat->has_echo_held_ns || beat->echo_ns > now ||
	    beat->echo_held_ns > now - beat->echo_ns)
		return;
	syncd->beat_ns = now - beat->echo_ns - beat->echo_held_ns;
	if (syncd->beat_ns > syncd->beat_max_ns)
		syncd->beat_max_ns = syncd->beat_ns;
}

static void on_frame(void *arg, const uint8_t *bytes, size_t length)
{
	struct syncd *syncd = arg;
	const Sync__Frame *frame = record_frame(&syncd->arena, bytes, length);

	if (!frame) {
		syncd->session.refused[SESSION_MALFORMED]++;
		op_broken(syncd, "a frame that is not one");
		return;
	}
	session_unknown(&syncd->session, syncd->arena.unknown);
	if (frame->heartbeat)
		time_beat(syncd, frame->heartbeat, daemon_now_ns());
	if (frame->counts)
		relay_counts(syncd, frame->counts);
	else if (!revise_frame(syncd, frame))
		session_frame(&syncd->session, frame, daemon_now_ns());
	acked_update(syncd);
	syncd_work(syncd);
}

static void on_drained(void *arg)
{
	syncd_work(arg);
}

const struct channel_ops machine_channel_ops = {
	.up = on_up,
	.down = on_down,
	.frame = on_frame,
	.drained = on_drained,
};
