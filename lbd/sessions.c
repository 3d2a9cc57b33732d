// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/sessions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/addr.h"
#include "conf/ctl.h"
#include "lbd/answer.h"
#include "lbd/arena.h"
#include "lbd/lbd.h"
#include "lbd/walk.h"

enum { SLICE = 256, ARENA = 256 << 10 };

/* An answer under way; it hangs on its connection. */
struct stream {
	struct answering answering;
	struct lbd *lbd;
	struct ctl_conn *conn;
	struct walk walk;
	struct arena arena;
	ev_timer next;         /* a slice without a match sends nothing that could drain */
	char *member;          /* filters: name, or array/name; NULL: all */
	struct flow_ip client; /* none: all */
	uint64_t limit, total;
};

static const char *const state_names[] = {
	[FLOW_ESTABLISHED] = "established",
	[FLOW_CLIENT_FIN] = "client closed",
	[FLOW_MEMBER_FIN] = "member closed",
	[FLOW_CLOSING] = "closing",
	[FLOW_RESET] = "reset",
	[FLOW_CLAIMED] = "claimed",
};

static void close_stream(struct stream *stream)
{
	ev_timer_stop(stream->lbd->loop, &stream->next);
	ctl_set_data(stream->conn, NULL);
	walk_close(&stream->walk);
	arena_close(&stream->arena);
	free(stream->member);
	free(stream);
}

static bool named(const struct stream *stream, uint16_t slot)
{
	const struct plan *plan = stream->lbd->plan;
	const char *slash = strchr(stream->member, '/');
	const char *name = slash ? slash + 1 : stream->member;

	if (slot >= FLOW_MAX_MEMBERS || !plan->member[slot])
		return false;
	if (slash) {
		const char *array = plan->array_of_member[slot]->name;
		size_t length = (size_t)(slash - stream->member);

		if (strlen(array) != length || memcmp(array, stream->member, length))
			return false;
	}
	return !strcmp(plan->member[slot]->name, name);
}

static bool wanted(const struct stream *stream, const struct flow_key *key, const struct flow *flow)
{
	if (!flow_ip_is_none(&stream->client) && !flow_ip_equal(&stream->client, &key->client))
		return false;
	return !stream->member || named(stream, flow->member);
}

static uint64_t ms_since(uint32_t ticks)
{
	uint32_t age = (uint32_t)(daemon_now_ns() >> FLOW_TICK_SHIFT) - ticks;

	if (age > UINT32_MAX - 65536) /* stamped an instant ahead of us */
		age = 0;
	return ((uint64_t)age << FLOW_TICK_SHIFT) / 1000000;
}

static char *member_text(struct stream *stream, const struct flow_key *key, uint16_t slot)
{
	enum flow_family family = flow_ip_family(&key->vip);
	const struct plan *plan = stream->lbd->plan;
	char text[ADDR_TEXT];

	if (slot >= FLOW_MAX_MEMBERS)
		return NULL;
	if (plan->member[slot])
		return arena_print(&stream->arena, "%s", plan->member[slot]->name);
	return arena_print(&stream->arena, "%s",
			   addr_print_flow(text, &plan->members[slot].addr[family]));
}

static Cas__Session *session(struct stream *stream, const struct flow_key *key,
			     const struct flow *flow)
{
	const struct plan *plan = stream->lbd->plan;
	Cas__Session *session = arena_take(&stream->arena, sizeof(*session));
	int service = plan_service(plan, &key->vip, ntohs(key->vip_port));
	char text[ADDR_PORT_TEXT];

	if (!session)
		return NULL;
	cas__session__init(session);
	session->client = arena_print(&stream->arena, "%s",
				      addr_print_flow_port(text, &key->client, key->client_port));
	session->vip = arena_print(&stream->arena, "%s",
				   addr_print_flow_port(text, &key->vip, key->vip_port));
	session->service = service >= 0 && plan->service[service] ? plan->service[service]->name
								  : NULL;
	session->member = member_text(stream, key, flow->member);
	if (flow->state >= FLOW_ESTABLISHED && flow->state <= FLOW_CLAIMED)
		session->state = arena_print(&stream->arena, "%s", state_names[flow->state]);
	session->has_age_ms = session->has_idle_ms = session->has_epoch = 1;
	session->has_bytes_in = session->has_bytes_out = session->has_replica = 1;
	session->age_ms = ms_since(flow->created);
	session->idle_ms = ms_since(flow->last_seen);
	session->bytes_in = flow->bytes_in;
	session->bytes_out = flow->bytes_out;
	session->epoch = flow->epoch;
	session->replica = !!(flow->flags & FLOW_REPLICA);
	return session->client && session->vip ? session : NULL;
}

/* One slice of the table; true when the answer goes on. */
static bool slice(struct stream *stream)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__SessionsReply reply = CAS__SESSIONS_REPLY__INIT;
	Cas__Session *list[SLICE];
	uint32_t count = walk_next(&stream->walk);

	arena_reset(&stream->arena);
	reply.session = list;
	for (uint32_t i = 0; i < count; i++) {
		const struct flow_key *key = (const struct flow_key *)stream->walk.keys + i;
		const struct flow *flow = (const struct flow *)stream->walk.values + i;

		if (!wanted(stream, key, flow) || stream->total++ >= stream->limit)
			continue;
		list[reply.n_session] = session(stream, key, flow);
		reply.n_session += list[reply.n_session] != NULL;
	}
	message.sessions_reply = &reply;
	message.has_more = message.more = !stream->walk.ended;
	reply.has_total = stream->walk.ended;
	reply.total = stream->total;
	if ((reply.n_session || stream->walk.ended) && ctl_send(stream->conn, &message, NULL, 0))
		return false;
	return !stream->walk.ended;
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct stream *stream = timer->data;

	(void)events;
	/* A reader who is slow is waited for: go_on() begins again. */
	if (ctl_queued(stream->conn))
		return;
	if (!slice(stream)) {
		close_stream(stream);
		return;
	}
	ev_timer_set(timer, 0.001, 0.);
	ev_timer_start(loop, timer);
}

static struct stream *stream_of(struct answering *answering)
{
	return (struct stream *)((char *)answering - offsetof(struct stream, answering));
}

static void go_on(struct answering *answering)
{
	struct stream *stream = stream_of(answering);

	if (ev_is_active(&stream->next))
		return;
	ev_timer_set(&stream->next, 0., 0.);
	ev_timer_start(stream->lbd->loop, &stream->next);
}

static void forget(struct answering *answering)
{
	close_stream(stream_of(answering));
}

static int open_stream(struct stream *stream, const Cas__SessionsRequest *request)
{
	int error = walk_open_flows(&stream->walk, &stream->lbd->plane.places, SLICE);

	if (!error)
		error = arena_open(&stream->arena, ARENA);
	if (!error && request->member && !(stream->member = strdup(request->member)))
		error = -ENOMEM;
	stream->limit = request->has_limit ? request->limit : UINT64_MAX;
	return error;
}

void sessions_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__SessionsRequest *request)
{
	struct stream *stream;
	struct flow_ip client = { 0 };

	if (request->client && !addr_parse_flow(&client, request->client)) {
		ctl_refuse(conn, 2, "%s is no address", request->client);
		return;
	}
	if (ctl_data(conn)) {
		ctl_refuse(conn, 1, "one long answer at a time");
		return;
	}
	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		ctl_refuse(conn, 1, "out of memory");
		return;
	}
	stream->answering = (struct answering){ .go_on = go_on, .forget = forget };
	stream->lbd = lbd;
	stream->conn = conn;
	stream->client = client;
	ev_timer_init(&stream->next, on_next, 0., 0.);
	stream->next.data = stream;
	ctl_set_data(conn, &stream->answering);
	if (open_stream(stream, request)) {
		ctl_refuse(conn, 1, "out of memory");
		close_stream(stream);
		return;
	}
	ev_timer_start(lbd->loop, &stream->next);
}
