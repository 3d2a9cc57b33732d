/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulator: two whole nodes in virtual time on a network that fails.  The machines of vrrpd
 * and syncd are the product's own, as are the codec of what crosses the channel and the choice of
 * members; the data plane, the shells of the daemons and the world around them are modelled here,
 * a file a part.  All chance comes from the seed: the same seed is the same run.
 *
 * World time is in nanoseconds from 0.  Each node has a clock of its own that starts anew with the
 * machine and runs a little fast or slow.
 */
#ifndef CASPAIR_TESTS_SIM_H
#define CASPAIR_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lbd/admin.h"
#include "lbd/barrier.h"
#include "lbd/hold.h"
#include "lbd/learned.h"
#include "proto/flow_lease.h"
#include "proto/memo.h"
#include "proto/record.h"
#include "syncd/marks.h"
#include "syncd/session.h"
#include "tests/sim/revise.h"
#include "vrrp/fsm.h"
#include "vrrp/lookout.h"

enum {
	NODES = 2,
	CLIENTS = 12,
	SERVICES = 3,
	PORTS = 3, /* of a client, for each service */
	FLOWS = CLIENTS * SERVICES * PORTS,
	POOLS = 2, /* the first two services share an affinity group */
	MEMBERS = 4,
	PINS = CLIENTS * POOLS,
	RING = 512,
	RING_NARROW = 24, /* a fault: less than what lbd says at once */
	INBOX = 4096,
	LAN_QUEUE = 128,
	JOURNAL = 1024,
	KEPT = 512, /* records of the log that outlive syncd */
	TRACE = 60,
	HELD = 64, /* SYN-ACKs that lbd has not read */
	NOBODY = -1,
};

static const uint64_t US = 1000, MS = 1000000, SECOND = 1000000000;

/* --- chance ----------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 to below - 1. */
static inline uint64_t chance_below(struct chance *chance, uint64_t below)
{
	return below ? chance_next(chance) % below : 0;
}

static inline uint64_t chance_between(struct chance *chance, uint64_t low, uint64_t high)
{
	return low + chance_below(chance, high - low + 1);
}

static inline bool chance_of(struct chance *chance, unsigned int permille)
{
	return chance_below(chance, 1000) < permille;
}

/* --- agenda: what happens when ---------------------------------------------------------------- */

enum event_kind {
	/* Of a daemon: dropped when it has died, put off while it is stopped. */
	EV_INBOX,
	EV_LAN_READ,
	EV_TIMER,
	EV_CHORES,
	EV_PULSE,
	EV_LINKS,
	EV_PATIENCE,
	EV_ROUND,
	EV_FENCE,
	EV_TICK,
	EV_RING,
	EV_CHANNEL,
	EV_YIELD_AGAIN,
	EV_POLL,
	EV_PUBLISH,
	EV_SWITCH,
	EV_ANNOUNCE,
	EV_SWEEP,
	EV_PROBE,
	EV_HELD,     /* SYN-ACKs wait for the standby */
	EV_FOLLOWED, /* it has got further, or time is up */
	EV_LAST_OF_DAEMON = EV_FOLLOWED,
	/* Of the world. */
	EV_ADVERT, /* arg: priority */
	EV_GARP,
	EV_ARP,
	EV_CONNECT,
	EV_CLIENT,   /* arg: flow */
	EV_ANSWERED, /* a SYN-ACK that had waited; arg: flow * MEMBERS + member */
	EV_COMPLETE, /* arg: flow */
	EV_FAULT,
	EV_START,   /* of a daemon */
	EV_CUT_END, /* arg: path */
	EV_CARRIER,
	EV_CONFIG, /* arg: revision */
	EV_DISK,
	EV_NIC,
	EV_WITNESSES,
	EV_OPERATOR,
	EV_PUSH,
	EV_WRITE_CUT,  /* arg: the power goes, or syncd is killed */
	EV_CUT_PASSED, /* nothing was written */
};

struct event {
	uint64_t at, order;
	uint32_t arg, life;
	uint8_t kind, node, daemon;
};

struct agenda {
	struct event *heap;
	size_t count, size;
	uint64_t order;
};

void agenda_put(struct agenda *agenda, struct event event);
bool agenda_take(struct agenda *agenda, struct event *event);

/* --- the data plane of a node (plane.c) ------------------------------------------------------- */

struct plane_flow {
	bool used, counted, closing;
	bool exact; /* recorded at its SYN */
	bool begun; /* and not acknowledged yet */
	bool acked; /* the client's acknowledgement is known */
	uint8_t member, state, flags;
	uint32_t epoch;
	uint64_t seen;
};

struct plane_pin {
	bool used;
	uint8_t member;
	uint32_t flows;
	uint64_t seen;
};

struct plane_handshake {
	bool used, synack;
	uint8_t member;
};

enum strict { STRICT_NOT, STRICT_PREFER, STRICT_REQUIRE };

/* proto/flow.h, struct flow_acked; and struct strict of a flow that was recorded at its SYN. */
struct plane_acked {
	uint64_t position, lost, synced_ns, reader_ns;
};

struct plane_strict {
	uint64_t position, held_ns;
};

/* A SYN-ACK that lbd is to hold. */
struct plane_held {
	uint64_t position;
	uint16_t flow, member;
};

/* Without padding: the oracle compares whole arrays of these. */
struct plane_standing {
	uint32_t up; /* 0 or 1 */
	uint32_t weight;
};

struct plane {
	bool loaded;
	struct plane_flow flow[FLOWS];
	struct plane_pin pin[PINS];
	struct plane_handshake handshake[FLOWS];
	struct plane_standing standing[POOLS][MEMBERS];
	unsigned int bits[POOLS];
	const struct flow_maglev *table[POOLS];
	/* The base, and the one to come as far as a follower was told; lbd/plan.h, struct standing.
	 */
	struct plane_standing base_standing[POOLS][MEMBERS], next_standing[POOLS][MEMBERS];
	unsigned int base_bits[POOLS];
	unsigned int base_kept; /* as in struct plan */
	const struct flow_maglev *base[POOLS];
	uint32_t numbers[POOLS]; /* flow_pool.generation */
	uint64_t exact_second, exact_count, kept;
	/* The lease; times of the node's own clock. */
	uint64_t until, epoch, promoted;
	enum lease_role role;
	enum lease_fence fenced;
	bool bound; /* the lease has a hard end */
	struct flow_event ring[RING];
	size_t ringed, room;
	uint64_t written; /* to the ring, ever */
	struct plane_acked acked;
	struct plane_strict strict[FLOWS];
	struct plane_held held[HELD];
	size_t helds;
	uint64_t lost, generation;
	bool lost_seen; /* keys of lost events are known to differ until the reader notices */
};

enum packet { PACKET_SYN, PACKET_SYNACK, PACKET_ACK, PACKET_DATA, PACKET_FIN, PACKET_RST };

struct node;
/* The member that gets a client's packet, or NOBODY. */
int plane_client(struct node *node, unsigned int flow, enum packet packet);
/* Whether a member's packet gets to the client. */
bool plane_member(struct node *node, unsigned int flow, unsigned int member, enum packet packet);
/* An advert of the other node passes. */
void plane_advert(struct node *node);
/* lbd/tables.c: the table for new clients; the base, which is that too when nothing has changed. */
void plane_publish(struct plane *plane, unsigned int pool);
void plane_settle(struct plane *plane, unsigned int pool);
void plane_rebase(struct plane *plane, unsigned int pool);
void plane_install(struct plane *plane, unsigned int pool); /* by an lbd that has just started */
bool plane_settled(const struct plane *plane, unsigned int pool);
void plane_emit(struct node *node, const struct flow_event *event);
void plane_emit_gen(struct node *node, unsigned int pool, enum flow_gen state, uint32_t number);
/* Where a packet in mid-stream goes of which there is no record, or NOBODY. */
int plane_derived(const struct plane *plane, unsigned int flow);
unsigned int plane_pin_of(unsigned int flow);
void plane_emit_pool(struct node *node, unsigned int pool);
void plane_sweep(struct node *node);
void plane_apply(struct node *node, const struct flow_event *record);
void plane_reset(struct node *node);
/* Something in the table is lost, left over or other, and nobody is told.  False: not this time. */
bool plane_damage(struct node *node);
bool plane_admits(const struct node *node);
enum strict plane_strict_of(const struct world *world, unsigned int flow);

struct flow_key plane_key(unsigned int flow);
/* Number of a record's flow or pin; negative for what no client here has. */
int plane_flow_number(const struct flow_key *key);
int plane_pin_number(const struct flow_event *event);
uint32_t plane_pool_id(unsigned int pool);
int plane_member_number(const struct flow_ip *ip);
/* What the tables say of a flow or pin, as a record. */
struct flow_event plane_flow_event(const struct node *node, unsigned int flow);
struct flow_event plane_pin_event(const struct node *node, unsigned int pin);

/* --- daemons ---------------------------------------------------------------------------------- */

enum daemon { VRRPD, SYNCD, LBD, DAEMONS };

enum letter_kind {
	L_LEASE, /* to vrrpd */
	L_REPORT,
	L_WORD,
	L_READY,
	L_SYNCD_OPEN,
	L_SYNCD_CLOSED,
	L_CARRIER,
	L_ATTACH, /* to syncd */
	L_ROLE,
	L_SEND_WORD,
	L_HAND_OVER,
	L_VRRPD_CLOSED,
	L_SHARED,
	L_FENCED,
	L_CONFIG,
	L_SWITCHED,
	L_HEEDED,
	L_FOLLOWED,
	L_FOLLOW, /* to lbd and vrrpd */
	L_SHARE,  /* to lbd */
	L_VERDICT,
	L_STANDBY,
	L_PASSED,
	L_HEED,
	L_LBD_VRRPD_CLOSED,
};

struct letter {
	enum letter_kind kind;
	bool complete, peer_vrrpd, whole; /* whole: struct lookout, of the sender or the peer */
	Cas__PeerWord__Word word;
	struct fsm_word said;
	uint64_t sent; /* by the node's clock */
	Cas__Role role, peer_role;
	Cas__SyncState sync;
	uint64_t epoch, id, vrrpd_age;
	struct fsm_report report;
	struct flow_event verdict;
};

struct process {
	bool alive;
	uint32_t life;
	uint64_t stalled_until;
	struct letter *inbox;
	size_t first, letters;
	uint64_t last_at; /* letters of one socket do not overtake each other */
};

struct vrrpd {
	struct fsm fsm;
	uint64_t used, reserved; /* struct epoch_store */
	bool lbd, syncd;         /* linked */
	bool mapped, holds;
	uint64_t timer_at;
	uint8_t lan[LAN_QUEUE];
	uint64_t lan_at[LAN_QUEUE]; /* when the kernel had it, by the node's clock */
	size_t heard;
	Cas__SyncState sync;
	Cas__Role peer_role;
	bool peer_vrrpd, peer_whole;
	struct lookout lookout;
	bool round, answer, known; /* a round runs; the witnesses answer it; they ever did */
	uint64_t fence_id;         /* of the command that runs */
	uint64_t peer_spoke, reported_at, failover_id, failover_at;
	bool yielded;
};

struct parcel {
	struct parcel *next;
	uint32_t conn;
	uint8_t kind; /* enum parcel_kind */
	size_t length;
	uint8_t bytes[];
};

enum parcel_kind { PARCEL_UP, PARCEL_DATA, PARCEL_DOWN };

struct syncd {
	bool lbd, vrrpd; /* linked */
	bool standby;    /* attached, as lbd was told */
	bool shared;
	uint64_t generation, lost;
	uint64_t yield_until, reported_ns, role_ns;
	bool ring_armed, torn, open;
	bool lan_whole; /* of its vrrpd */
	/* channel */
	uint32_t conn; /* 0: none */
	uint64_t heard_ns, last_at;
	struct parcel *first, **last; /* to this node */
	size_t inbound;
	enum session_walk walking;
	unsigned int walk_at, walk_slice;
	struct flow_event *late; /* planted: applied after the acknowledgement */
	size_t lates;
	struct hands hands;
	struct marks marks;
	struct session session; /* last: large, and session_open() clears it */
};

struct lbd {
	bool active, publishing, switching;
	unsigned int dirty, stale;
	bool standby;
	struct barrier barrier[POOLS];
	struct memo memo;
	struct hold hold;
	uint64_t due_at; /* world time; who waits longest is let go */
};

struct node {
	struct world *world;
	unsigned int number;
	bool powered, carrier;
	/* Dead behind a carrier: what it sends, what it should hear; on one interface only. */
	bool mute, deaf, one_side;
	uint64_t paused_until;              /* nothing runs, packets included; its clock does */
	uint32_t revision;                  /* of the configuration */
	uint64_t booted;                    /* world time */
	int64_t drift;                      /* of its clock, in 10^-6 */
	uint64_t disk;                      /* the stored epoch; 0: no file */
	uint64_t disk_before, disk_sure_at; /* until then a power cut may bring back the former */
	unsigned int disk_ms;               /* that a write takes */
	bool disk_full;
	struct vault_record store; /* of revisions, on its disk */
	struct revision runs[DAEMONS];
	unsigned int cut_in; /* writes to the store; 0: all is well */
	bool cut_power;
	struct process process[DAEMONS];
	struct vrrpd vrrpd;
	struct syncd *syncd;
	struct lbd lbd;
	struct admin admin; /* on its disk */
	struct learned learned;
	struct plane plane;
	uint64_t led; /* highest epoch in which it ever led */
	bool was_synced;
	struct trail *trail;            /* of syncd: as long as the machine is up */
	struct flow_event reread[RING]; /* of the ring, if syncd is killed now */
	size_t rereads;
	uint64_t read_at;
};

/* --- the world -------------------------------------------------------------------------------- */

enum client_state { CLIENT_CLOSED, CLIENT_SYN, CLIENT_OPEN };

struct session_of_client {
	enum client_state state;
	bool closing;  /* its end has begun: nothing can be lost any more */
	bool asked;    /* CLOSED: a SYN of it is with its member */
	bool promised; /* the standby had it before the client had an answer */
	bool untold;   /* its node lost the lead before the other one had heard of it */
	uint8_t member;
	uint64_t opened;
	unsigned int packets, retries;
};

enum plant {
	PLANT_NONE,
	PLANT_ACK_EARLY,
	PLANT_NO_SWEEP,
	PLANT_EPOCH_LOST,
	PLANT_OVERWRITE,
	PLANT_NO_GATE,
	PLANT_LATE_LEASE,
	PLANT_NO_FENCE,
	PLANT_NO_VERDICTS,
	PLANT_SILENT_LOSS,
	PLANT_HOLE_FORGOTTEN,
	PLANT_CONFIG_UNHEARD,
	PLANT_END_KEPT,
	PLANT_NO_WITNESS,
	PLANT_HASTY,
	PLANT_VERIFY_BLIND,
	PLANT_NO_BARRIER,
	PLANT_KEPT_STALE,
	PLANT_KEPT_SHORT,
	PLANT_WISH_UNHEARD,
	PLANT_PORTS_UNHEARD,
	PLANT_STAGE_SKIPPED,
	PLANT_STAGE_UNSTORED,
	PLANT_CONFIRM_UNHEARD,
	PLANT_CONFIRM_UNSTORED,
	PLANT_HISTORY_LOST,
	PLANT_RELEASE_EARLY,
	PLANTS
};
extern const char *const plant_names[PLANTS];

struct options {
	uint64_t seed;
	bool verbose;
	enum plant plant;
	unsigned int watched; /* flow + 1; 0: none */
	uint64_t skip;        /* faults that do not happen: bit n is the nth */
	bool mute;            /* nothing is printed */
};

/* What became of a run. */
struct outcome {
	char failure[200]; /* empty: none */
	unsigned int faults;
};

struct figures {
	uint64_t fenced;
	double dark_longest_s, both_longest_s;
	uint64_t seeds, failures, faults, failovers, refused, takeovers, opened, packets, lost,
		snapshots, resumes, frames, single, storm, pushes, histories, promised;
	double hours, heal_longest_s;
};

struct path {
	bool cut[NODES];      /* what node n sends is lost */
	unsigned int lossy;   /* permille */
	unsigned int doubled; /* permille */
	uint64_t delay, jitter;
};

/* What an active node was told last of a member, and found last. */
struct said {
	struct admin_wish wish;
	unsigned int to; /* node that was told */
	bool held;       /* by the other one, too */
};

struct found {
	uint16_t port;
	unsigned int by;
	bool held;
};

struct world {
	struct options options;
	struct chance chance;
	/* When faults come, and what each is like: left out, it changes none of the others. */
	struct chance schedule, fate;
	struct chance wishes; /* of those who push */
	struct agenda agenda;
	struct node node[NODES];
	struct path lan, channel;
	uint64_t now;
	uint32_t conns;
	uint64_t connecting_until;
	int owner; /* whom the clients' and members' neighbour entries name */
	uint64_t owner_since;
	struct session_of_client client[FLOWS];
	bool at_member[MEMBERS][FLOWS];
	struct plane_standing truth[POOLS][MEMBERS]; /* what probes and operators say */
	uint16_t port[MEMBERS];                      /* where its service is; 0: nowhere yet */
	struct said said[MEMBERS];
	struct found found[MEMBERS];
	bool single;        /* one fault at a time */
	bool pushing;       /* configurations come by push, not by hand */
	struct made **made; /* every revision there ever was */
	uint32_t mades;
	bool quiet; /* no more faults */
	bool preempt;
	bool fence, consistency; /* there is a fence command; and its policy */
	bool witnesses_dead;     /* for both nodes */
	uint64_t dark_since;     /* nobody serves the address that clients know; 0: somebody does */
	bool lit;                /* the pair has been whole once */
	bool faulty;             /* single: the fault has not healed yet */
	/* A standby's table that was damaged, and where; 0: never. */
	uint64_t damaged_at;
	bool damaged, damaged_flow[FLOWS], damaged_pin[PINS];
	uint64_t verify_every;
	uint64_t covered_at; /* last time that the standby held all that the active node had */
	unsigned int strikes;
	uint64_t fault_at, stable_since, overlap_since, stall_until, faults_until;
	enum strict strict[SERVICES];
	uint64_t idle, linger; /* time-outs of the data plane */
	unsigned int pace;     /* of the clients, ms */
	uint64_t generations;
	uint32_t revision;
	struct record_arena arena;
	_Alignas(16) uint8_t memory[RECORD_ARENA];
	uint8_t frame[RECORD_BYTES];
	struct record_batch batch;
	char trace[TRACE][160];
	uint64_t traced;
	struct outcome outcome;
	struct figures *figures;
};

static inline bool node_runs(const struct node *node)
{
	return node->powered && node->paused_until <= node->world->now;
}

/* Neither mute nor deaf: clients, members and witnesses can talk to it. */
static inline bool node_on_lan(const struct node *node)
{
	return node_runs(node) && node->carrier && !node->mute && !node->deaf;
}

static inline struct node *world_peer(struct node *node)
{
	return &node->world->node[1 - node->number];
}

/* A node's clock, which starts a little above 0 when it boots. */
static inline uint64_t node_clock(const struct node *node, uint64_t at)
{
	uint64_t since = at - node->booted;

	return SECOND + since + (uint64_t)((int64_t)(since / 1000) * node->drift / 1000);
}

static inline uint64_t node_now(const struct node *node)
{
	return node_clock(node, node->world->now);
}

/* World time of a moment of the node's clock; may be early by a microsecond. */
static inline uint64_t node_moment(const struct node *node, uint64_t clock)
{
	uint64_t since = clock > SECOND ? clock - SECOND : 0;

	return node->booted + since - (uint64_t)((int64_t)(since / 1000) * node->drift / 1000);
}

/* world.c */
struct outcome world_run(const struct options *options, struct figures *figures);
void world_later(struct world *world, uint64_t after, enum event_kind kind, unsigned int node,
		 uint32_t arg);
/* An event of a running daemon. */
void world_wake(struct node *node, enum daemon daemon, enum event_kind kind, uint64_t at);
void world_post(struct node *node, enum daemon to, const struct letter *letter);
void world_start_daemon(struct node *node, enum daemon daemon);
void world_kill_daemon(struct node *node, enum daemon daemon);
void world_boot(struct node *node);
void world_power_off(struct node *node);

/* trace.c: `fail` ends the run after the running event. */
void trace_say(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_print(const struct world *world);

/* vrrpd.c */
void vrrpd_start(struct node *node);
void vrrpd_event(struct node *node, const struct event *event);
void vrrpd_letter(struct node *node, const struct letter *letter);
void vrrpd_failover(struct node *node);
void vrrpd_stop(struct node *node);
void vrrpd_take(struct node *node, struct fsm_event *event);
void vrrpd_report(struct node *node); /* its role, to syncd */

/* lan.c: the witnesses are asked; `urgent`: because the peer does not hear this node. */
void lan_ask(struct node *node, bool urgent);
void lan_round(struct node *node);

/* syncd.c */
void syncd_start(struct node *node);
void syncd_killed(struct node *node);
void syncd_end(struct node *node);
void syncd_event(struct node *node, const struct event *event);
void syncd_letter(struct node *node, const struct letter *letter);
void syncd_work(struct node *node);
void syncd_drain(struct node *node);
void syncd_ring(struct node *node); /* an event lies in the ring */
void syncd_digest(const struct node *node, uint8_t digest[SESSION_DIGEST]);
extern const struct session_ops syncd_ops;

/* lbd.c */
void lbd_start(struct node *node);
void lbd_event(struct node *node, const struct event *event);
void lbd_letter(struct node *node, const struct letter *letter);

/* strict.c */
void strict_draw(struct world *world);
bool strict_alone(const struct node *node);
/* A flow has been recorded at its SYN. */
void strict_note(struct node *node, unsigned int flow);
/* Whether what tells its client may pass now. */
bool strict_passes(struct node *node, unsigned int flow);
void strict_acked(struct node *node);
void strict_event(struct node *node, enum event_kind kind);
void strict_beat(struct node *node);
void strict_start(struct node *node);
void strict_end(struct node *node);

/* roster.c */
void roster_announce(struct node *node, bool news);
void roster_obey(struct node *node, const struct flow_event *part);
void roster_command(struct world *world);
void roster_move(struct world *world);
void roster_probe(struct node *node);
/* The node leads from now on: with what its predecessor's standby held. */
void roster_look(struct world *world, const struct node *standby);
void roster_inherited(const struct node *node);
bool roster_equal(const struct node *one, const struct node *other);
void roster_end(struct node *node);

/* wire.c */
void wire_advert(struct node *from, uint8_t priority);
void wire_advert_arrives(struct node *node, uint32_t priority);
void wire_send(struct node *from, const uint8_t *bytes, size_t length);
void wire_drop(struct node *node); /* this end closes */
void wire_read(struct node *node);
void wire_connect(struct world *world, bool renew);
void wire_forget(struct node *node);
void wire_timeout(struct node *node);

/* client.c */
void client_step(struct world *world, unsigned int flow);
/* A SYN-ACK that had waited. */
void client_answered(struct world *world, unsigned int flow, unsigned int member);
void client_complete(struct world *world, unsigned int flow);
void client_learn(struct world *world, int node);
void client_arp(struct world *world);

/* nemesis.c */
void nemesis_draw(struct world *world);
void nemesis_strike(struct world *world);
void nemesis_heal(struct world *world);
void nemesis_end_cut(struct world *world, uint32_t path);
void nemesis_carrier(struct node *node, bool up);
void nemesis_config(struct node *node, uint32_t revision);
void nemesis_end_disk(struct node *node);
void nemesis_write_cut(struct node *node, bool power_goes);
void nemesis_end_nic(struct node *node);
void nemesis_fence(struct node *victim);
void nemesis_operator(struct world *world);

/* reduce.c: runs a failing seed again with ever fewer faults, and prints what is left. */
void reduce(const struct options *options, const struct outcome *outcome);

/* oracle.c: the invariants. */
void oracle_step(struct world *world);
void oracle_records(struct node *node);
/* The client of a strict service is about to hear of a flow that the standby is said to hold. */
void oracle_promised(const struct node *leader, unsigned int flow);
/* The operator's failover lets go of the role. */
void oracle_handed_over(const struct node *node);
void oracle_promoted(struct node *node, uint64_t epoch, bool yielded);
/* Whether the pair is whole: one active, one standby in sync, equal tables. */
bool oracle_whole(struct world *world, char *why, size_t size);
bool oracle_roles(const struct world *world);
/* Whether a damage is gone, found or overwritten. */
bool oracle_mended(struct world *world);
/* What a comparison of the tables came to. */
void oracle_verified(struct node *node, const struct verify_result *result);

#endif
