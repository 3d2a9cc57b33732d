// SPDX-License-Identifier: BSD-2-Clause
/* What a record may say. */
#include "proto/record.h"

#include "proto/flow_tables.h"
#include "proto/memo.h"

const char *const record_verdict_names[RECORD_VERDICTS] = {
	[RECORD_OK] = "ok",
	[RECORD_EMPTY] = "empty",
	[RECORD_TOO_MANY] = "too_many",
	[RECORD_UNEVEN] = "uneven",
	[RECORD_BAD_POSITION] = "bad_position",
	[RECORD_BAD_KIND] = "bad_kind",
	[RECORD_BAD_STATE] = "bad_state",
	[RECORD_BAD_FLAGS] = "bad_flags",
	[RECORD_BAD_KEY] = "bad_key",
	[RECORD_BAD_MEMBER] = "bad_member",
	[RECORD_BAD_MODE] = "bad_mode",
	[RECORD_BAD_WEIGHT] = "bad_weight",
	[RECORD_BAD_SOURCE] = "bad_source",
};

/* An address that packets can go to: neither none nor 0.0.0.0. */
static bool is_address(const struct flow_ip *ip)
{
	const struct flow_ip any4 = flow_ip4(0);

	return !flow_ip_is_none(ip) && !flow_ip_equal(ip, &any4);
}

static bool same_family(const struct flow_ip *a, const struct flow_ip *b)
{
	return flow_ip_family(a) == flow_ip_family(b);
}

/* There is a source where the mode has one, but for a DEL, whose flow may be gone. */
static enum record_verdict check_source(const struct flow_event *event)
{
	if (event->mode > MODE_SNAT)
		return RECORD_BAD_MODE;
	if (event->source_port)
		return event->mode == MODE_SNAT && is_address(&event->source) &&
				       same_family(&event->source, &event->key.vip)
			       ? RECORD_OK
			       : RECORD_BAD_SOURCE;
	return event->kind == EVENT_FLOW_PUT && event->mode == MODE_SNAT ? RECORD_BAD_SOURCE
									 : RECORD_OK;
}

/*
 * Only what cannot mean anything is refused.  A client's address and port are whatever his packets
 * said, port 0 and :: included: a stranger must not be able to make a record that stops the stream.
 */
static enum record_verdict check_flow(const struct flow_event *event)
{
	const bool put = event->kind == EVENT_FLOW_PUT;
	const bool member = !flow_ip_is_none(&event->member);

	if (event->state > FLOW_CLAIMED || (put && event->state < FLOW_ESTABLISHED))
		return RECORD_BAD_STATE;
	if (!is_address(&event->key.vip) || !event->key.vip_port ||
	    !same_family(&event->key.client, &event->key.vip))
		return RECORD_BAD_KEY;
	if (member &&
	    (!is_address(&event->member) || !same_family(&event->member, &event->key.vip)))
		return RECORD_BAD_MEMBER;
	if (put && !member && !(event->flags & FLOW_OUTBOUND))
		return RECORD_BAD_MEMBER;
	return check_source(event);
}

static enum record_verdict check_pin(const struct flow_event *event)
{
	const bool member = !flow_ip_is_none(&event->member);

	if (!event->pool_id)
		return RECORD_BAD_KEY;
	if (member ? !is_address(&event->member) || !same_family(&event->member, &event->key.client)
		   : event->kind == EVENT_PIN_PUT)
		return RECORD_BAD_MEMBER;
	return RECORD_OK;
}

/* The VIP and the member stand for their array and slot, each by the first address it has. */
static enum record_verdict check_member(const struct flow_event *event)
{
	if (event->state > (VERDICT_UP | VERDICT_BASE_UP))
		return RECORD_BAD_STATE;
	if (!is_address(&event->key.vip) || !event->pool_id)
		return RECORD_BAD_KEY;
	if (event->client_ack > RECORD_MAX_WEIGHT || event->client_seq > RECORD_MAX_WEIGHT)
		return RECORD_BAD_WEIGHT;
	return is_address(&event->member) ? RECORD_OK : RECORD_BAD_MEMBER;
}

/* The VIP stands for its array, as above. */
static enum record_verdict check_gen(const struct flow_event *event)
{
	if (event->state > GEN_SWITCH)
		return RECORD_BAD_STATE;
	if (!is_address(&event->key.vip) || !event->pool_id)
		return RECORD_BAD_KEY;
	return flow_ip_is_none(&event->member) ? RECORD_OK : RECORD_BAD_MEMBER;
}

/* What it says is for those who read it. */
static enum record_verdict check_memo(const struct flow_event *event)
{
	if (!event->pool_id || event->pool_id > MEMO_BYTES)
		return RECORD_BAD_KEY;
	return memo_part(event) < memo_parts(event->pool_id) ? RECORD_OK : RECORD_BAD_STATE;
}

enum record_verdict record_check(const struct flow_event *event)
{
	if (record_is_flow(event->kind))
		return check_flow(event);
	if (record_is_pin(event->kind))
		return check_pin(event);
	if (event->kind == EVENT_GEN)
		return check_gen(event);
	if (record_is_memo(event->kind))
		return check_memo(event);
	return event->kind == EVENT_MEMBER ? check_member(event) : RECORD_BAD_KIND;
}
