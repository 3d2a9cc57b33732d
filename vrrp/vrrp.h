/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon as a whole: what main.c puts together, role.c drives and control.c shows. */
#ifndef CASPAIR_VRRP_H
#define CASPAIR_VRRP_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "conf/daemon.h"
#include "request.pb-c.h"
#include "vrrp/announce.h"
#include "vrrp/defend.h"
#include "vrrp/epoch.h"
#include "vrrp/fence.h"
#include "vrrp/fsm.h"
#include "vrrp/guard.h"
#include "vrrp/lease.h"
#include "vrrp/link.h"
#include "vrrp/pending.h"
#include "vrrp/rival.h"
#include "vrrp/track.h"
#include "vrrp/vip.h"
#include "vrrp/watch.h"
#include "vrrp/witness.h"

struct conf;
struct ctl_conn;
struct ctl_server;

/* A request of pairctl to hand the role over, one at a time. */
struct failover {
	struct ctl_conn *conn; /* NULL: none under way, or nobody waits for the answer */
	uint64_t id;
	uint64_t started; /* 0: none under way */
	bool anyway;
	uint64_t let_go; /* when */
	bool yielded; /* syncd has answered, the peer has not */
	bool counted; /* flows and peer_flows are known */
	uint64_t flows, peer_flows;
	ev_timer patience;
};

struct vrrpd {
	struct ev_loop *loop;
	struct daemon daemon;
	struct daemon_options options;
	struct conf *conf;
	/* What it was started with, for what only a start brings: virtual MAC and fence helper. */
	struct conf *first;
	struct pending pending; /* of `conf`: what waits for the next start */
	unsigned int node; /* 1 or 2 */

	struct fsm fsm;
	struct epoch_store epochs;
	struct lease lease;
	struct link link, former;
	struct link_heard heard; /* the advert in hand */
	struct vips vips;
	struct watch watch;
	struct track track;
	struct witnesses witnesses;
	struct lookout lookout;
	struct fence fence;
	int announcer;
	struct announce_schedule telling, asking;
	struct rival rival;
	struct defend defend;
	struct disputes disputes;

	int timer; /* timerfd: the next deadline of machine and schedule */
	ev_io timer_io, link_io[LINK_FAMILIES], former_io[LINK_FAMILIES];
	ev_timer chores; /* each second: what has failed and may work now */
	ev_timer pulse;  /* that we live, for the peer: see hear.c */
	uint64_t pulsed; /* when the last pulse was */
	struct guard guard;
	uint64_t epoch_logged;

	struct ctl_server *server;
	struct failover failover;

	uint64_t started;
	uint64_t flows;  /* of lbd, as last heard */
	uint64_t lbd_at; /* when that was, or when it was missed first */
	uint64_t reported_at;
	Cas__SyncState sync; /* of this node */
	Cas__Role peer_role;
	bool peer_lbd;   /* nothing is known against it */
	bool peer_vrrpd; /* has spoken lately */
	bool peer_held;  /* it does not hear our adverts */
	uint64_t peer_spoke; /* its vrrpd, when it said what is known of it */
	bool peer_whole; /* witnesses answer it on all of its interfaces, for all that is known */
	char gate[128];  /* why the gate is closed; empty: open */
};

struct lan_ways {
	Cas__AdvertWay way[LINK_FAMILIES], *list[LINK_FAMILIES];
	char source[LINK_FAMILIES][ADDR_TEXT], destination[LINK_FAMILIES][ADDR_TEXT];
};

/*
 * main.c: this revision of the configuration is in force, take it over as after SIGHUP.  0, also
 * when it is the one that runs; or a negative errno, logged, and the old one stays: -ESTALE when the
 * state directory says that it is another.
 */
int vrrpd_follow(struct vrrpd *vrrpd, const struct revision *which);

/* role.c: feeds the machine and does what it says. */

/* Starts the watchers and gives the machine its first event.  Everything else must be open. */
int role_start(struct vrrpd *vrrpd);
void role_end(struct vrrpd *vrrpd);
/* Takes the event, with the present time and for `reason` (NULL: the machine's own). */
void role_event(struct vrrpd *vrrpd, struct fsm_event *event, const char *reason);
/*
 * The configuration has changed: addresses, priority, pace.  Takes `conf`; 0, or a negative errno,
 * logged, and the old one stays.
 */
int role_reload(struct vrrpd *vrrpd, struct conf *conf);
void role_config(const struct vrrpd *vrrpd, const struct conf *conf, struct fsm_config *config);
/* Hosts may have learned another station: a round of announcements soon. */
void role_reannounce(struct vrrpd *vrrpd);
/* The interface of the adverts has been made anew. */
void role_link_renewed(struct vrrpd *vrrpd, int ifindex);
/* The peer runs this configuration too: it is spoken to in one way only. */
void role_followed(struct vrrpd *vrrpd);

/* deed.c: carries out what the machine has decided. */

/* enum fsm_action, in the order of their bits. */
void deed_carry_out(struct vrrpd *vrrpd, unsigned int actions);
/* Gratuitous ARP for every address, and the question who else has it, when a round is due. */
void deed_announce_round(struct vrrpd *vrrpd, uint64_t now);
/* Tells hosts of the addresses where the adverts go that another node has them.  For rival.h. */
void deed_announce_rival(void *vrrpd, const uint8_t mac[6]);
/* Somebody says that he has a floating address: when that is a stranger, and this node leads, it is
 * announced again, and told.  For defend.h. */
void deed_defend(void *vrrpd, const struct claim *claim);
/* Announces what had to wait for it.  True: something still has to. */
bool deed_defend_rest(void *vrrpd);
/* Each second: asks whether disputes about addresses go on, and tells of those that are over. */
void deed_mind_disputes(struct vrrpd *vrrpd, uint64_t now);
/* Tells syncd which role this node has. */
void deed_report_role(struct vrrpd *vrrpd);
/* The role in the words of the messages. */
Cas__Role deed_role(const struct vrrpd *vrrpd);

/* lan.c: where the adverts go, and the node's own addresses that they come from. */

/* Interfaces and the node's address are there; otherwise says what is missing.  0 or -errno. */
int lan_check(const struct vrrpd *vrrpd, const struct conf *conf);
/* Whether adverts are to come from another interface or address than now. */
bool lan_moves(const struct vrrpd *vrrpd, const struct conf *conf);
/*
 * Opens the sockets as the configuration and the planned addresses say.  After a change that the
 * peer has to follow the former ones stay besides, until it is known to have.  0 or -errno, logged.
 */
int lan_open(struct vrrpd *vrrpd, int ifindex);
/* For people: how adverts go besides, for a peer that has not followed yet.  False: they do not. */
enum { LINK_TEXT = 80 };
bool lan_former(const struct vrrpd *vrrpd, char text[LINK_TEXT]);
/* For the status: where adverts go and whether any come.  How many ways there are. */
size_t lan_ways(const struct vrrpd *vrrpd, struct lan_ways *ways);
/* An address has come or gone there: the source of IPv6 adverts may be another now.  NULL: whichever
 * it was. */
void lan_address_changed(struct vrrpd *vrrpd, const struct addr *addr, int ifindex);

/* A MAC address as people write it. */
enum { MAC_TEXT = 18 };
const char *lan_print_mac(char text[MAC_TEXT], const uint8_t mac[6]);

/* hear.c: turns what the neighbours in the node and the kernel say into events. */
int hear_start(struct vrrpd *vrrpd);
void hear_end(struct vrrpd *vrrpd);
/* Other interfaces are to be watched, or news of them were lost: looks at all of them. */
void hear_look(struct vrrpd *vrrpd);
/* The peer does not hear us: the witnesses are asked at once. */
void hear_asked(struct vrrpd *vrrpd);
/* Which of the interfaces have failed now (enum fsm_fault). */
unsigned int hear_faults(const struct vrrpd *vrrpd);

/* control.c: pairctl. */
int control_start(struct vrrpd *vrrpd);
void control_end(struct vrrpd *vrrpd);
void control_ready(struct vrrpd *vrrpd, const Cas__HandOverReady *ready);
/* The standby's operator asks for a planned failover. */
void control_hand_back(struct vrrpd *vrrpd);
/* The end of a hand-over: the peer has confirmed, or has not. */
void control_result(struct vrrpd *vrrpd, bool confirmed);

const char *vrrpd_own_name(const struct vrrpd *vrrpd);
const char *vrrpd_peer_name(const struct vrrpd *vrrpd);

#endif
