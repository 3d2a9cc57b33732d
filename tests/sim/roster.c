// SPDX-License-Identifier: BSD-2-Clause
/*
 * What operators want of members, and the ports that members are found at: lbd's own lists and
 * words (lbd/admin.c, lbd/learned.c, proto/memo.c) between two lbds that are modelled.  Mirrors
 * lbd/roster.c, lbd/pinhole.c and lbd/tell.c.  Both lists are on disk before anybody is told, so
 * they outlive the process and the boot; a disk that is slow or full is not modelled here.
 *
 * What one fault at a time may not undo: what the active node said, once the standby held it.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/memo.h"
#include "tests/sim/sim.h"

static struct admin_time clocks(const struct node *node)
{
	return (struct admin_time){ .now_ns = node_now(node),
				    .unix_ms = node->world->now / MS + 1000000 };
}

static void name(char *to, size_t size, unsigned int member)
{
	snprintf(to, size, "m%u", member);
}

static void tell(struct node *node, uint8_t kind, bool news, const ProtobufCMessage *message)
{
	struct flow_event part[MEMO_PARTS];
	uint8_t bytes[MEMO_BYTES];
	size_t parts = memo_cut(part, kind, news, bytes, protobuf_c_message_pack(message, bytes));

	for (size_t i = 0; i < parts; i++) {
		part[i].epoch = (uint32_t)node->plane.epoch;
		plane_emit(node, &part[i]);
	}
}

static void tell_wish(struct node *node, const struct admin_wish *wish, bool news)
{
	const struct admin_time time = clocks(node);
	Cas__AdminState state;

	admin_write(&state, wish, &time, false);
	tell(node, EVENT_ADMIN, news, &state.base);
}

static void tell_ports(struct node *node, const struct learned_ports *ports, bool news)
{
	uint32_t number[LEARNED_PORTS];
	Cas__LearnedPorts message;

	learned_write(&message, ports, number);
	tell(node, EVENT_LEARNED, news, &message.base);
}

void roster_announce(struct node *node, bool news)
{
	if (!node->lbd.active)
		return;
	for (unsigned int m = 0; m < MEMBERS; m++) {
		struct admin_wish up = { .array = "a", .word = CAS__ADMIN_STATE__WORD__UP };
		const struct admin_wish *wish;

		name(up.member, sizeof(up.member), m);
		wish = admin_find(&node->admin, up.array, up.member);
		tell_wish(node, wish ? wish : &up, news);
	}
	for (size_t i = 0; i < node->learned.count; i++)
		tell_ports(node, &node->learned.list[i], news);
}

/* --- the other node's word -------------------------------------------------------------------- */

static void obey_wish(struct node *node, const struct memo *memo)
{
	const struct admin_time time = clocks(node);
	Cas__AdminState *state = cas__admin_state__unpack(NULL, memo->size, memo->bytes);
	struct admin_wish wish;

	if (!state || !admin_read(&wish, state, &time))
		trace_fail(node->world, "I6 node %u: a word about a member that is none",
			   node->number + 1);
	else if (admin_put(&node->admin, &wish))
		abort();
	cas__admin_state__free_unpacked(state, NULL);
}

static void obey_ports(struct node *node, const struct memo *memo)
{
	Cas__LearnedPorts *message = cas__learned_ports__unpack(NULL, memo->size, memo->bytes);
	struct learned_ports ports;

	if (!message || !learned_read(&ports, message))
		trace_fail(node->world, "I6 node %u: learned ports that are none",
			   node->number + 1);
	else if (learned_put(&node->learned, &ports) < 0)
		abort();
	cas__learned_ports__free_unpacked(message, NULL);
}

void roster_obey(struct node *node, const struct flow_event *part)
{
	const enum plant plant = node->world->options.plant;
	struct memo *memo = &node->lbd.memo;

	if (!memo_take(memo, part) || node->lbd.active)
		return;
	if (memo->kind == EVENT_ADMIN && plant != PLANT_WISH_UNHEARD)
		obey_wish(node, memo);
	else if (memo->kind == EVENT_LEARNED && plant != PLANT_PORTS_UNHEARD)
		obey_ports(node, memo);
}

/* --- operators and members -------------------------------------------------------------------- */

static bool takes_commands(const struct node *node)
{
	const struct process *process = &node->process[LBD];

	return node_runs(node) && process->alive && process->stalled_until <= node->world->now &&
	       node->lbd.active && plane_admits(node);
}

/* An operator says something to whoever leads, and hears that it is done. */
void roster_command(struct world *world)
{
	unsigned int m = (unsigned int)chance_below(&world->chance, MEMBERS);
	struct admin_wish wish = { .array = "a", .owner = "sim", .since_ms = world->now / MS };

	wish.word = (Cas__AdminState__Word)chance_between(
		&world->chance, CAS__ADMIN_STATE__WORD__UP, CAS__ADMIN_STATE__WORD__MAINTENANCE);
	wish.ends = wish.word == CAS__ADMIN_STATE__WORD__MAINTENANCE;
	name(wish.member, sizeof(wish.member), m);
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world->node[n];

		if (!takes_commands(node))
			continue;
		trace_say(world, "node %u: member %u is to be %u", n + 1, m, wish.word);
		if (admin_put(&node->admin, &wish))
			abort();
		world->said[m] = (struct said){ .wish = wish, .to = n };
		tell_wish(node, &wish, true);
		return;
	}
}

/* A service is found at another port. */
void roster_move(struct world *world)
{
	world->port[chance_below(&world->chance, MEMBERS)] = (uint16_t)chance_between(
		&world->chance, 6001, 6999);
}

/* The active node's probes. */
void roster_probe(struct node *node)
{
	struct world *world = node->world;

	for (unsigned int m = 0; m < MEMBERS && node->lbd.active; m++) {
		struct learned_ports ports = { .array = "a" };

		name(ports.member, sizeof(ports.member), m);
		if (!world->port[m])
			continue;
		learned_add(&ports, world->port[m]);
		if (learned_put(&node->learned, &ports) <= 0)
			continue;
		world->found[m] = (struct found){ .port = world->port[m], .by = node->number };
		tell_ports(node, &ports, true);
	}
}

/* --- judgement -------------------------------------------------------------------------------- */

static bool has_wish(const struct node *node, const struct admin_wish *said)
{
	const struct admin_wish *has = admin_find(&node->admin, said->array, said->member);

	if (said->word == CAS__ADMIN_STATE__WORD__UP)
		return !has;
	return has && admin_same(has, said);
}

static uint16_t port_at(const struct node *node, unsigned int member)
{
	const struct learned_ports *ports;
	char text[LEARNED_NAME];

	name(text, sizeof(text), member);
	ports = learned_find(&node->learned, "a", text);
	return ports && ports->ports == 1 ? ports->port[0] : 0;
}

/*
 * From when on the standby has it, too: it is so there, and what was said is acknowledged.  Either
 * alone proves nothing.  What was said before may be on its way and undo it; and a standby that
 * joins is told behind its snapshot.
 */
void roster_look(struct world *world, const struct node *standby)
{
	const struct node *leader = &world->node[1 - standby->number];
	const struct session *s = &leader->syncd->session;

	if (leader->plane.ringed || leader->plane.lost_seen || s->leader.acked != s->journal.head)
		return;
	for (unsigned int m = 0; m < MEMBERS; m++) {
		struct said *said = &world->said[m];
		struct found *found = &world->found[m];

		if (said->wish.member[0] && said->to != standby->number)
			said->held |= has_wish(standby, &said->wish);
		if (found->port && found->by != standby->number)
			found->held |= port_at(standby, m) == found->port;
	}
}

void roster_inherited(const struct node *node)
{
	struct world *world = node->world;

	if (!world->single)
		return;
	for (unsigned int m = 0; m < MEMBERS; m++) {
		const struct said *said = &world->said[m];
		const struct found *found = &world->found[m];

		if (said->held && !has_wish(node, &said->wish))
			trace_fail(world, "I4 node %u leads, and member %u is not to be %u",
				   node->number + 1, m, said->wish.word);
		if (found->held && port_at(node, m) != found->port)
			trace_fail(world, "I4 node %u leads, and member %u is at %u, not %u",
				   node->number + 1, m, port_at(node, m), found->port);
	}
}

/* The pair is whole: both lists are the same, and what the standby once had is in them. */
bool roster_equal(const struct node *one, const struct node *other)
{
	for (unsigned int m = 0; m < MEMBERS; m++) {
		struct admin_wish up = { .array = "a", .word = CAS__ADMIN_STATE__WORD__UP };
		const struct admin_wish *wish;

		name(up.member, sizeof(up.member), m);
		wish = admin_find(&one->admin, up.array, up.member);
		if (!has_wish(other, wish ? wish : &up) || port_at(one, m) != port_at(other, m))
			return false;
	}
	return true;
}

void roster_end(struct node *node)
{
	admin_free(&node->admin);
	learned_free(&node->learned);
}
