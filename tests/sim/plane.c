// SPDX-License-Identifier: BSD-2-Clause
/*
 * The data plane of a node, as lbd/bpf has it: inbound.bpf.h and outbound.bpf.h (packets),
 * record.bpf.h and pin.bpf.h (entries), gate.bpf.h (lease), sweep.bpf.h (ageing), and lbd/pool.c
 * (which members a table is made of).  A key is a number here.  Left out: what a packet looks like,
 * neighbours, connections that members begin, and tables without room.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/bpf/choice.h"
#include "lbd/maglev.h"
#include "tests/sim/sim.h"

enum { WEIGHTS = 4, TABLES = WEIGHTS * WEIGHTS * WEIGHTS * WEIGHTS };
enum { EXACT_A_SECOND = 6, STRICT_A_SECOND = 24, BEGUN_S = 10 };

static const uint64_t choice_seed = 0x5eed;
static const uint16_t service_port[SERVICES] = { 135, 443, 80 };

/* --- names ------------------------------------------------------------------------------------ */

static unsigned int client_of(unsigned int flow)
{
	return flow / (SERVICES * PORTS);
}

static unsigned int pool_of(unsigned int flow)
{
	return flow / PORTS % SERVICES < 2 ? 0 : 1;
}

unsigned int plane_pin_of(unsigned int flow)
{
	return client_of(flow) * POOLS + pool_of(flow);
}

/* Every fourth client speaks IPv6. */
static enum flow_family client_family(unsigned int client)
{
	return client % 4 == 3 ? FLOW_IPV6 : FLOW_IPV4;
}

/* An address ends with its number in either family. */
static struct flow_ip address(uint32_t number, enum flow_family family)
{
	const struct flow_ip ip6 = { { htonl(0x20010db8), 0, 0, htonl(number) } };

	return family == FLOW_IPV4 ? flow_ip4(htonl(number)) : ip6;
}

static struct flow_ip client_address(unsigned int client)
{
	return address(0x0a000001 + client * 37, client_family(client));
}

uint32_t plane_pool_id(unsigned int pool)
{
	return 700 + pool;
}

static struct flow_ip member_address(unsigned int member, enum flow_family family)
{
	return address(0x0a1e0015 + member, family);
}

int plane_member_number(const struct flow_ip *ip)
{
	uint32_t number = ntohl(ip->word[3]) - 0x0a1e0015;

	return number < MEMBERS ? (int)number : NOBODY;
}

struct flow_key plane_key(unsigned int flow)
{
	const struct flow_ip client = client_address(client_of(flow));

	return (struct flow_key){
		.client = client,
		.vip = address(0xc0000201, flow_ip_family(&client)),
		.client_port = htons((uint16_t)(40000 + flow % PORTS)),
		.vip_port = htons(service_port[flow / PORTS % SERVICES]),
	};
}

enum strict plane_strict_of(const struct world *world, unsigned int flow)
{
	return world->strict[flow / PORTS % SERVICES];
}

static int client_number(const struct flow_ip *ip)
{
	uint32_t number = ntohl(ip->word[3]) - 0x0a000001;

	if (number % 37 || number / 37 >= CLIENTS ||
	    flow_ip_family(ip) != client_family(number / 37))
		return NOBODY;
	return (int)(number / 37);
}

int plane_flow_number(const struct flow_key *key)
{
	int client = client_number(&key->client), port = ntohs(key->client_port) - 40000;

	for (int s = 0; s < SERVICES && client >= 0; s++)
		if (service_port[s] == ntohs(key->vip_port) && port >= 0 && port < PORTS)
			return (client * SERVICES + s) * PORTS + port;
	return NOBODY;
}

int plane_pin_number(const struct flow_event *event)
{
	int client = client_number(&event->key.client);
	uint32_t pool = event->pool_id - plane_pool_id(0);

	return client >= 0 && pool < POOLS ? client * POOLS + (int)pool : NOBODY;
}

/* --- choice ----------------------------------------------------------------------------------- */

/* A table depends on the weights alone, and filling one takes as long as the rest of a run. */
static const struct flow_maglev *table_for(const uint32_t weight[MEMBERS])
{
	static struct flow_maglev *cache[TABLES];
	struct maglev_member list[MEMBERS];
	unsigned int index = 0;

	for (unsigned int m = 0; m < MEMBERS; m++) {
		index = index * WEIGHTS + weight[m];
		list[m] = (struct maglev_member){ member_address(m, FLOW_IPV4), weight[m],
						  (uint16_t)m };
	}
	if (!cache[index]) {
		cache[index] = malloc(sizeof(*cache[index]));
		if (!cache[index])
			abort();
		maglev_fill(cache[index], list, MEMBERS);
	}
	return cache[index];
}

/* lbd/pool.c: the living; with none of them, who did last. */
static const struct flow_maglev *table_of(const struct plane_standing standing[MEMBERS],
					  unsigned int *bits)
{
	uint32_t weight[MEMBERS] = { 0 };
	unsigned int up = 0;
	bool living = false;

	for (unsigned int m = 0; m < MEMBERS; m++) {
		up |= standing[m].up << m;
		weight[m] = standing[m].up ? standing[m].weight : 0;
		living |= weight[m] > 0;
	}
	if (living)
		*bits = up;
	else
		for (unsigned int m = 0; m < MEMBERS; m++)
			weight[m] = *bits >> m & 1;
	return table_for(weight);
}

void plane_publish(struct plane *plane, unsigned int pool)
{
	plane->numbers[pool]++;
	plane->table[pool] = table_of(plane->standing[pool], &plane->bits[pool]);
}

bool plane_settled(const struct plane *plane, unsigned int pool)
{
	if (plane->base_kept >> pool & 1)
		return false;
	return memcmp(plane->standing[pool], plane->base_standing[pool],
		      sizeof(plane->standing[pool])) == 0;
}

void plane_settle(struct plane *plane, unsigned int pool)
{
	plane->numbers[pool]++;
	plane->base[pool] = table_of(plane->base_standing[pool], &plane->base_bits[pool]);
	if (!plane_settled(plane, pool))
		return;
	plane->table[pool] = plane->base[pool];
	plane->bits[pool] = plane->base_bits[pool];
}

void plane_rebase(struct plane *plane, unsigned int pool)
{
	memcpy(plane->base_standing[pool], plane->standing[pool], sizeof(plane->standing[pool]));
	plane->base_kept &= ~(1u << pool);
}

void plane_install(struct plane *plane, unsigned int pool)
{
	const struct flow_maglev *table = table_of(plane->standing[pool], &plane->bits[pool]);

	if (table == plane->base[pool]) {
		plane_settle(plane, pool);
		return;
	}
	plane->base_kept |= 1u << pool;
	plane_publish(plane, pool);
}

static int look_up(const struct flow_maglev *table, unsigned int flow)
{
	const struct flow_ip client = client_address(client_of(flow));
	uint16_t member = table->member[choice_index(choice_hash(&client, choice_seed))];

	return member == FLOW_NO_MEMBER ? NOBODY : member;
}

int plane_derived(const struct plane *plane, unsigned int flow)
{
	const struct plane_pin *pin = &plane->pin[plane_pin_of(flow)];

	if (pool_of(flow) == 0 && pin->used)
		return pin->member;
	return look_up(plane->base[pool_of(flow)], flow);
}

static int admitted(const struct plane *plane, unsigned int flow)
{
	const struct plane_pin *pin = &plane->pin[plane_pin_of(flow)];
	unsigned int pool = pool_of(flow);

	if (pool == 0 && pin->used && (plane->bits[pool] >> pin->member & 1 || !plane->bits[pool]))
		return pin->member;
	return look_up(plane->table[pool], flow);
}

/* --- events ----------------------------------------------------------------------------------- */

struct flow_event plane_flow_event(const struct node *node, unsigned int flow)
{
	const struct plane_flow *entry = &node->plane.flow[flow];

	if (!entry->used)
		return (struct flow_event){ .kind = EVENT_FLOW_DEL, .key = plane_key(flow) };
	return (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = entry->state,
		.flags = entry->flags & (FLOW_PICKED_UP | FLOW_REPLICA),
		.epoch = entry->epoch,
		.key = plane_key(flow),
		.member = member_address(entry->member, client_family(client_of(flow))),
		.idle = (uint32_t)((node_now(node) - entry->seen) >> FLOW_TICK_SHIFT),
		.client_ack = entry->acked,
	};
}

struct flow_event plane_pin_event(const struct node *node, unsigned int pin)
{
	const struct plane_pin *entry = &node->plane.pin[pin];
	struct flow_event event = {
		.kind = entry->used ? EVENT_PIN_PUT : EVENT_PIN_DEL,
		.epoch = (uint32_t)node->plane.epoch,
		.key.client = client_address(pin / POOLS),
		.pool_id = plane_pool_id(pin % POOLS),
	};

	if (entry->used) {
		event.member = member_address(entry->member, client_family(pin / POOLS));
		event.idle = (uint32_t)((node_now(node) - entry->seen) >> FLOW_TICK_SHIFT);
	}
	return event;
}

/* What happens to the flow that is watched (-f) and to its pin. */
static void watch(const struct node *node, unsigned int flow, const char *what)
{
	const struct plane_flow *entry = &node->plane.flow[flow];
	const struct plane_pin *pin = &node->plane.pin[plane_pin_of(flow)];

	if (node->world->options.watched != flow + 1)
		return;
	trace_say(node->world,
		  "  node %u: flow %u %s: %s, member %u, state %u, flags %u, epoch %u"
		  "; pin %s, member %u, %u flows",
		  node->number + 1, flow, what, entry->used ? "there" : "none", entry->member,
		  entry->state, entry->flags, entry->epoch, pin->used ? "there" : "none",
		  pin->member, pin->flows);
}

void plane_emit(struct node *node, const struct flow_event *event)
{
	struct plane *plane = &node->plane;

	if (plane->ringed < plane->room) {
		plane->ring[plane->ringed++] = *event;
		plane->written++;
		syncd_ring(node);
		return;
	}
	if (node->world->options.plant != PLANT_SILENT_LOSS) {
		plane->lost++;
		plane->lost_seen = true;
	}
}

void plane_emit_pool(struct node *node, unsigned int pool)
{
	for (unsigned int m = 0; m < MEMBERS; m++) {
		const struct plane_standing *standing = &node->plane.standing[pool][m];
		const struct plane_standing *base = &node->plane.base_standing[pool][m];
		struct flow_event event = {
			.kind = EVENT_MEMBER,
			.state = (uint8_t)(standing->up * VERDICT_UP + base->up * VERDICT_BASE_UP),
			.epoch = (uint32_t)node->plane.epoch,
			.key.vip = plane_key(0).vip,
			.member = member_address(m, FLOW_IPV4),
			.pool_id = plane_pool_id(pool),
			.client_ack = standing->weight,
			.client_seq = base->weight,
		};

		plane_emit(node, &event);
	}
}

void plane_emit_gen(struct node *node, unsigned int pool, enum flow_gen state, uint32_t number)
{
	struct flow_event event = {
		.kind = EVENT_GEN,
		.state = (uint8_t)state,
		.epoch = (uint32_t)node->plane.epoch,
		.key.vip = plane_key(0).vip,
		.pool_id = plane_pool_id(pool),
		.client_ack = number,
	};

	plane_emit(node, &event);
}

/* --- entries: record.bpf.h, pin.bpf.h --------------------------------------------------------- */

enum record_by { RECORD_OWN, RECORD_PEER, RECORD_OFFERED };

/* A SYN makes none, and neither does the peer's flow. */
static void hold_pin(struct node *node, unsigned int flow, enum record_by by)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	struct plane_pin *pin = &node->plane.pin[plane_pin_of(flow)];
	struct flow_event event;
	bool own = by == RECORD_OWN, fresh = !pin->used;

	if (pool_of(flow) != 0 || (fresh && (own ? entry->begun : by == RECORD_PEER)))
		return;
	if (fresh)
		*pin = (struct plane_pin){ .used = true, .member = entry->member };
	pin->flows++;
	pin->seen = node_now(node);
	entry->counted = true;
	if (own && pin->member != entry->member && !(node->plane.bits[0] >> pin->member & 1)) {
		pin->member = entry->member;
		fresh = true;
	}
	if (!fresh)
		return;
	event = plane_pin_event(node, plane_pin_of(flow));
	plane_emit(node, &event);
}

static void make_flow(struct node *node, unsigned int flow, const struct plane_flow *made,
		      enum record_by by)
{
	struct flow_event event;

	node->plane.flow[flow] = *made;
	node->plane.handshake[flow].used = false;
	hold_pin(node, flow, by);
	watch(node, flow, by == RECORD_OWN ? "made" : "copied");
	if (by != RECORD_OWN)
		return;
	event = plane_flow_event(node, flow);
	plane_emit(node, &event);
}

static void remove_flow(struct node *node, unsigned int flow, bool own)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	struct plane_pin *pin = &node->plane.pin[plane_pin_of(flow)];
	struct flow_event event = plane_flow_event(node, flow);

	event.kind = EVENT_FLOW_DEL;
	if (entry->counted && pin->used && pin->flows) {
		pin->flows--;
		pin->seen = node_now(node);
	}
	entry->used = false;
	watch(node, flow, own ? "removed" : "removed by the peer");
	if (own)
		plane_emit(node, &event);
}

/* --- packets ---------------------------------------------------------------------------------- */

bool plane_admits(const struct node *node)
{
	const struct plane *plane = &node->plane;

	if (plane->bound && node_now(node) > plane->until)
		return false;
	return plane->role == LEASE_ACTIVE && plane->fenced == FENCE_NONE;
}

static void track(struct node *node, struct plane_flow *entry, enum packet packet, uint8_t own)
{
	uint8_t other = own == FLOW_CLIENT_FIN ? FLOW_MEMBER_FIN : FLOW_CLIENT_FIN;
	bool ended = entry->state >= FLOW_CLOSING;
	struct flow_event event;

	entry->seen = node_now(node);
	if (packet == PACKET_RST)
		entry->state = FLOW_RESET;
	else if (entry->state == FLOW_RESET)
		entry->state = FLOW_ESTABLISHED;
	if (packet == PACKET_FIN && entry->state == FLOW_ESTABLISHED)
		entry->state = own;
	else if (packet == PACKET_FIN && entry->state == other)
		entry->state = FLOW_CLOSING;
	if (ended == (entry->state >= FLOW_CLOSING))
		return;
	/* The peer is told of an end, and by the sweep that it was none. */
	if (ended) {
		entry->flags |= FLOW_REVIVED;
		return;
	}
	if (entry->flags & FLOW_REVIVED) {
		entry->flags &= (uint8_t)~FLOW_REVIVED;
		return;
	}
	event = plane_flow_event(node, (unsigned int)(entry - node->plane.flow));
	plane_emit(node, &event);
}

static struct plane_flow fresh_flow(const struct node *node, unsigned int member, uint8_t flags)
{
	return (struct plane_flow){ .used = true,
				    .member = (uint8_t)member,
				    .state = FLOW_ESTABLISHED,
				    .flags = flags,
				    .epoch = (uint32_t)node->plane.epoch,
				    .seen = node_now(node) };
}

/* A flood is to fit in no table: few are enough here. */
static bool exact_may(struct node *node, unsigned int rate)
{
	struct plane *plane = &node->plane;
	uint64_t second = node_now(node) / SECOND;

	if (plane->exact_second != second)
		plane->exact_count = 0;
	plane->exact_second = second;
	return plane->exact_count++ < rate;
}

static int begin(struct node *node, unsigned int flow)
{
	enum strict strict = plane_strict_of(node->world, flow);
	struct plane_flow made;
	int member, derived;

	if (!plane_admits(node))
		return NOBODY;
	if (node->plane.flow[flow].used)
		remove_flow(node, flow, true);
	member = admitted(&node->plane, flow);
	derived = plane_derived(&node->plane, flow);
	if (member != derived && member != NOBODY && !exact_may(node, EXACT_A_SECOND)) {
		node->plane.kept++;
		member = derived;
	}
	if (member == NOBODY)
		return NOBODY;
	if ((strict && exact_may(node, STRICT_A_SECOND)) || member != derived) {
		made = fresh_flow(node, (unsigned int)member, 0);
		made.exact = made.begun = true;
		make_flow(node, flow, &made, RECORD_OWN);
		strict_note(node, flow);
		return member;
	}
	if (strict == STRICT_REQUIRE && !strict_alone(node))
		return NOBODY;
	node->plane.handshake[flow] = (struct plane_handshake){ .used = true,
								.member = (uint8_t)member };
	return member;
}

/* In mid-stream without a record.  What was derived once stays so, whatever becomes of pins. */
static int derive(struct node *node, unsigned int flow, enum packet packet)
{
	int member = plane_derived(&node->plane, flow);

	if (member != NOBODY && packet != PACKET_SYN && packet != PACKET_RST)
		node->plane.handshake[flow] = (struct plane_handshake){ .used = true,
									.member = (uint8_t)member };
	return member;
}

/*
 * What was only begun, or known as a copy, goes on, or is `begun` still.  Makes the pin; the peer
 * hears of the flow once more behind it, and counts it too.
 */
static void acknowledge(struct node *node, unsigned int flow, bool begun)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	struct flow_event event;

	entry->flags &= (uint8_t)~FLOW_REPLICA;
	entry->begun = begun;
	if (begun || entry->counted)
		return;
	hold_pin(node, flow, RECORD_OWN);
	if (!entry->counted)
		return;
	event = plane_flow_event(node, flow);
	plane_emit(node, &event);
}

static int of_client(struct node *node, unsigned int flow, enum packet packet)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	struct plane_handshake *handshake = &node->plane.handshake[flow];
	struct plane_flow made;

	watch(node, flow, packet == PACKET_SYN ? "gets a SYN" : "gets a packet");
	if (packet == PACKET_SYN && (!entry->used || entry->state >= FLOW_CLOSING))
		return begin(node, flow);
	if (entry->used) {
		track(node, entry, packet, FLOW_CLIENT_FIN);
		entry->acked |= packet != PACKET_SYN && packet != PACKET_RST;
		if ((entry->begun || entry->flags & FLOW_REPLICA) && packet != PACKET_SYN &&
		    packet != PACKET_RST)
			acknowledge(node, flow, false);
		return entry->member;
	}
	if (!handshake->used)
		return derive(node, flow, packet);
	if (handshake->synack && packet != PACKET_SYN && packet != PACKET_RST) {
		made = fresh_flow(node, handshake->member, 0);
		made.acked = true;
		make_flow(node, flow, &made, RECORD_OWN);
	}
	return handshake->member;
}

int plane_client(struct node *node, unsigned int flow, enum packet packet)
{
	/* The program is in the kernel from the time that lbd was first there. */
	if (!node->plane.loaded)
		return NOBODY;
	return of_client(node, flow, packet);
}

bool plane_member(struct node *node, unsigned int flow, unsigned int member, enum packet packet)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	struct plane_handshake *handshake = &node->plane.handshake[flow];
	struct plane_flow made;

	if (!node->plane.loaded)
		return false;
	if (entry->used && entry->member == member) {
		track(node, entry, packet, FLOW_MEMBER_FIN);
		if (entry->flags & FLOW_REPLICA && packet != PACKET_RST)
			acknowledge(node, flow, packet == PACKET_SYNACK);
		return packet != PACKET_SYNACK || !entry->begun || strict_passes(node, flow);
	}
	if (handshake->used && handshake->member == member) {
		handshake->synack |= packet == PACKET_SYNACK;
	} else if (entry->used && packet == PACKET_RST) {
		return false;
	} else if (packet == PACKET_SYNACK && plane_strict_of(node->world, flow)) {
		return false;
	}
	if (packet == PACKET_DATA && !entry->used) {
		made = fresh_flow(node, member, FLOW_PICKED_UP);
		make_flow(node, flow, &made, RECORD_OWN);
	}
	return true;
}

void plane_advert(struct node *node)
{
	struct plane *plane = &node->plane;

	if (!plane_admits(node) || node_now(node) <= plane->until ||
	    node->world->options.plant == PLANT_NO_FENCE)
		return;
	plane->fenced = FENCE_ADVERT;
	trace_say(node->world, "node %u: fenced by an advert", node->number + 1);
}

/* --- ageing ----------------------------------------------------------------------------------- */

static uint64_t idle_since(const struct node *node, uint64_t seen)
{
	uint64_t now = node_now(node), from = node->plane.promoted;

	if (from < seen)
		from = seen;
	return now > from ? now - from : 0;
}

void plane_sweep(struct node *node)
{
	const struct world *world = node->world;
	struct flow_event event;

	for (unsigned int f = 0; f < FLOWS; f++) {
		struct plane_flow *entry = &node->plane.flow[f];
		uint64_t limit = entry->state >= FLOW_CLOSING ? SECOND : world->idle;

		if (entry->begun && limit > BEGUN_S * SECOND)
			limit = BEGUN_S * SECOND;
		if (entry->used && idle_since(node, entry->seen) > limit) {
			remove_flow(node, f, true);
		} else if (entry->used && entry->flags & FLOW_REVIVED) {
			entry->flags &= (uint8_t)~FLOW_REVIVED;
			event = plane_flow_event(node, f);
			plane_emit(node, &event);
		}
	}
	for (unsigned int p = 0; p < PINS; p++) {
		struct plane_pin *pin = &node->plane.pin[p];

		if (!pin->used || pin->flows || idle_since(node, pin->seen) <= world->linger)
			continue;
		pin->used = false;
		event = plane_pin_event(node, p);
		plane_emit(node, &event);
	}
}

void plane_reset(struct node *node)
{
	struct plane *plane = &node->plane;
	bool narrow = chance_of(&node->world->chance, 300);

	*plane = (struct plane){ .generation = ++node->world->generations };
	plane->room = narrow && !node->world->quiet ? RING_NARROW : RING;
	for (unsigned int p = 0; p < POOLS; p++) {
		for (unsigned int m = 0; m < MEMBERS; m++)
			plane->standing[p][m] = plane->next_standing[p][m] =
				(struct plane_standing){ true, 2 };
		plane_rebase(plane, p);
		plane_settle(plane, p);
	}
}

bool plane_damage(struct node *node)
{
	struct chance *c = &node->world->fate;
	unsigned int flow = (unsigned int)chance_below(c, FLOWS), pin = plane_pin_of(flow);
	struct plane_flow *entry = &node->plane.flow[flow], ghost;
	uint8_t member = (uint8_t)chance_below(c, MEMBERS);

	if (chance_of(c, 300)) {
		if (!node->plane.pin[pin].used || node->plane.pin[pin].member == member)
			return false;
		node->plane.pin[pin].member = member;
	} else if (!entry->used) {
		ghost = fresh_flow(node, member, FLOW_REPLICA);
		make_flow(node, flow, &ghost, RECORD_PEER);
	} else if (entry->member != member) {
		entry->member = member;
	} else {
		remove_flow(node, flow, false);
	}
	node->world->damaged_flow[flow] = node->world->damaged_pin[pin] = true;
	return true;
}

/* --- records of the peer: apply.bpf.h --------------------------------------------------------- */

static bool serial_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void apply_flow(struct node *node, const struct flow_event *record, unsigned int flow)
{
	struct plane_flow *entry = &node->plane.flow[flow];
	int member = plane_member_number(&record->member);
	bool polite = record->apply == APPLY_IF_ABSENT &&
		      node->world->options.plant != PLANT_OVERWRITE;
	enum record_by by = record->apply == APPLY_IF_ABSENT && record->client_ack ? RECORD_OFFERED
										   : RECORD_PEER;
	uint64_t seen = node_now(node) - ((uint64_t)record->idle << FLOW_TICK_SHIFT);
	struct plane_flow made = { .used = true,
				   .member = (uint8_t)member,
				   .state = record->state,
				   .flags = (record->flags & FLOW_PICKED_UP) | FLOW_REPLICA,
				   .epoch = record->epoch,
				   .acked = record->client_ack,
				   .seen = seen };

	if (!entry->used) {
		if (record->kind == EVENT_FLOW_PUT && member != NOBODY)
			make_flow(node, flow, &made, by);
		return;
	}
	if (serial_after(entry->epoch, record->epoch) &&
	    node->world->options.plant != PLANT_OVERWRITE)
		return;
	if (polite) {
		if (record->kind == EVENT_FLOW_PUT && record->state >= FLOW_CLOSING &&
		    entry->flags & FLOW_REPLICA && entry->member == member &&
		    !(entry->flags & FLOW_REVIVED))
			entry->state = record->state;
		if (record->kind == EVENT_FLOW_PUT && entry->member == member && !entry->counted)
			hold_pin(node, flow, by);
		return;
	}
	if (record->kind == EVENT_FLOW_DEL) {
		remove_flow(node, flow, false);
		return;
	}
	if (!entry->counted)
		hold_pin(node, flow, by);
	entry->member = (uint8_t)member;
	entry->epoch = record->epoch;
	entry->flags &= (uint8_t)~FLOW_REVIVED;
	entry->acked |= entry->flags & FLOW_REPLICA && record->client_ack;
	watch(node, flow, "overwritten");
	if ((int64_t)(seen - entry->seen) > 0)
		entry->seen = seen;
	if (entry->flags & FLOW_REPLICA || node->world->options.plant != PLANT_END_KEPT)
		entry->state = record->state;
}

static void apply_pin(struct node *node, const struct flow_event *record, unsigned int number)
{
	struct plane_pin *pin = &node->plane.pin[number];
	int member = plane_member_number(&record->member);
	uint64_t seen = node_now(node) - ((uint64_t)record->idle << FLOW_TICK_SHIFT);
	bool polite = record->apply == APPLY_IF_ABSENT &&
		      node->world->options.plant != PLANT_OVERWRITE;

	if (pin->used && polite)
		return;
	if (record->kind == EVENT_PIN_PUT && member != NOBODY) {
		if (!pin->used)
			*pin = (struct plane_pin){ .used = true };
		pin->member = (uint8_t)member;
		pin->seen = seen;
	} else if (pin->used && pin->flows) {
		pin->seen = node_now(node);
	} else {
		pin->used = false;
	}
}

void plane_apply(struct node *node, const struct flow_event *record)
{
	bool pin = record->kind == EVENT_PIN_PUT || record->kind == EVENT_PIN_DEL;
	int number = pin ? plane_pin_number(record) : plane_flow_number(&record->key);

	if (number < 0)
		trace_fail(node->world, "I6 a record of a key that nobody has");
	else if (pin)
		apply_pin(node, record, (unsigned int)number);
	else
		apply_flow(node, record, (unsigned int)number);
}
