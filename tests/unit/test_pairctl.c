// SPDX-License-Identifier: BSD-2-Clause
/* What pairctl prints for replies made here, word for word, and its asking of stand-in daemons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/ctl.h"
#include "conf/log.h"
#include "conf/pairctl/pairctl.h"
#include "conf/pairctl/text.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The verbs' strings are not const in the generated structs: these are never written. */
static char LB1[] = "lb1", LB2[] = "lb2", PAIR[] = "exch-east", DIGEST[] = "ddc72f283f8f",
	    OTHER[] = "0123456789ab", VERSION[] = "0.1", YIELDED[] = "lb2 yielded",
	    STARTED[] = "started as standby", MEL[] = "mel", VIP[] = "10.20.0.10",
	    FQDN[] = "outlook.example.com", RPC[] = "rpc-epm", MAPI[] = "mapi", P135[] = "135",
	    P59531[] = "59531", ETH0[] = "eth0", NATIVE[] = "native", LOST[] = "connection refused";

/* A healthy pair as its active node tells it. */
struct scene {
	Cas__ServiceStatus service[2];
	Cas__ServiceStatus *services[2];
	Cas__ArrayStatus array;
	Cas__ArrayStatus *arrays[1];
	Cas__Interface interface;
	Cas__Interface *interfaces[1];
	Cas__NodeFacts peer;
	Cas__LbdStatus lbd;
	Cas__VrrpStatus vrrp;
	Cas__AdvertWay way[2], *ways[2];
	Cas__SyncStatus sync;
	struct status_replies replies;
};

#define SET(message, field, value) ((message).has_##field = true, (message).field = (value))

static void set_array(struct scene *s)
{
	static char *vips[] = { VIP };

	for (int i = 0; i < 2; i++) {
		cas__service_status__init(&s->service[i]);
		s->service[i].name = i ? MAPI : RPC;
		s->service[i].ports = i ? P59531 : P135;
		SET(s->service[i], members_up, 3);
		SET(s->service[i], members, 3);
		s->services[i] = &s->service[i];
	}
	cas__array_status__init(&s->array);
	s->array.name = MEL;
	s->array.vip = vips;
	s->array.n_vip = 1;
	s->array.fqdn = FQDN;
	s->array.service = s->services;
	s->array.n_service = 2;
	s->arrays[0] = &s->array;
	cas__interface__init(&s->interface);
	s->interface.name = ETH0;
	s->interface.xdp = NATIVE;
	s->interface.up = true;
	s->interfaces[0] = &s->interface;
}

static void set_lbd(struct scene *s)
{
	cas__lbd_status__init(&s->lbd);
	s->lbd.node = LB1;
	s->lbd.pair = PAIR;
	s->lbd.version = VERSION;
	s->lbd.config_digest = DIGEST;
	SET(s->lbd, flows, 12431);
	SET(s->lbd, pins, 3204);
	SET(s->lbd, flows_max, 1000000);
	SET(s->lbd, members_up, 3);
	SET(s->lbd, members, 3);
	SET(s->lbd, check_child, true);
	s->lbd.array = s->arrays;
	s->lbd.n_array = 1;
	s->lbd.interface = s->interfaces;
	s->lbd.n_interface = 1;
}

static void set_vrrp(struct scene *s)
{
	cas__vrrp_status__init(&s->vrrp);
	s->vrrp.config_digest = DIGEST;
	s->vrrp.reason = YIELDED;
	SET(s->vrrp, role, CAS__ROLE__ACTIVE);
	SET(s->vrrp, since_ms, 12ull * 86400000);
	SET(s->vrrp, lbd_link, true);
	SET(s->vrrp, syncd_link, true);
	SET(s->vrrp, carrier, true);
}

static void set_sync(struct scene *s)
{
	cas__node_facts__init(&s->peer);
	s->peer.name = LB2;
	s->peer.reason = STARTED;
	s->peer.config_digest = DIGEST;
	s->peer.version = VERSION;
	SET(s->peer, role, CAS__ROLE__STANDBY);
	SET(s->peer, since_ms, 200000);
	SET(s->peer, flows, 12430);
	SET(s->peer, pins, 3204);
	SET(s->peer, members_up, 3);
	SET(s->peer, members, 3);
	SET(s->peer, lbd, true);
	SET(s->peer, vrrpd, true);
	SET(s->peer, sync, CAS__SYNC_STATE__IN_SYNC);
	cas__sync_status__init(&s->sync);
	s->sync.config_digest = DIGEST;
	s->sync.peer = &s->peer;
	s->sync.peer_name = LB2;
	SET(s->sync, peer_age_ms, 120);
	SET(s->sync, state, CAS__SYNC_STATE__IN_SYNC);
	SET(s->sync, lag_ms, 0.25);
	SET(s->sync, channel_up, true);
	SET(s->sync, lbd_link, true);
	SET(s->sync, vrrpd_link, true);
}

static void scene_init(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	set_array(s);
	set_lbd(s);
	set_vrrp(s);
	set_sync(s);
	s->replies.lbd = &s->lbd;
	s->replies.vrrp = &s->vrrp;
	s->replies.sync = &s->sync;
}

/* The text and the exit status for a scene; the text is freed by the caller. */
static char *show(const struct scene *s, bool colour, int *status)
{
	Answer__Status *answer = status_build(&s->replies);
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	status_print(answer, colour, out);
	fclose(out);
	*status = status_exit(answer);
	status_free(answer);
	return text;
}

static void test_status_healthy(void **state)
{
	static const char golden[] = "pair exch-east\n"
				     "node  role     since     why                 sessions  "
				     "affinity  sync                 "
				     "members  config        told\n"
				     "lb1   ACTIVE   12 d      lb2 yielded           12,431     "
				     "3,204  in sync, lag 0.2 ms  "
				     "3/3      ddc72f283f8f  now\n"
				     "lb2   standby  3 m 20 s  started as standby    12,430     "
				     "3,204  in sync              "
				     "3/3      ddc72f283f8f  0.1 s ago\n"
				     "\n"
				     "array mel  10.20.0.10  outlook.example.com\n"
				     "  service  ports  up\n"
				     "  rpc-epm  135    3/3\n"
				     "  mapi     59531  3/3\n";
	struct scene s;
	int status;
	char *text;

	(void)state;
	scene_init(&s);
	text = show(&s, false, &status);
	assert_string_equal(text, golden);
	assert_int_equal(status, PAIRCTL_DONE);
	free(text);
	text = show(&s, true, &status);
	assert_non_null(strstr(text, "\033[32mACTIVE\033[0m"));
	free(text);
}

/* The same order of nodes, whoever is asked. */
static void test_status_order(void **state)
{
	struct scene s;
	int status;
	char *text;

	(void)state;
	scene_init(&s);
	s.lbd.node = LB2;
	s.sync.peer_name = LB1;
	text = show(&s, false, &status);
	assert_true(strstr(text, "\nlb1 ") < strstr(text, "\nlb2 "));
	assert_non_null(strstr(strstr(text, "\nlb2 "), "ACTIVE"));
	free(text);
}

static void test_status_unknown(void **state)
{
	static const char golden[] = "pair unknown\n"
				     "node       role     since    why      sessions  affinity  "
				     "sync     members  config   "
				     "told\n"
				     "peer       unknown  unknown  unknown   unknown   unknown  "
				     "unknown  unknown  unknown  "
				     "never\n"
				     "this node  unknown  unknown  unknown   unknown   unknown  "
				     "unknown  unknown  unknown  "
				     "never\n"
				     "\n"
				     "problem: lbd is gone\n";
	struct scene s = { .replies = { .silent = { "lbd is gone" } } };
	int status;
	char *text;

	(void)state;
	text = show(&s, false, &status);
	assert_string_equal(text, golden);
	assert_int_equal(status, PAIRCTL_UNREACHABLE);
	free(text);
}

/* One thing changed in a healthy scene each: what must be said, and the exit status. */
static void no_lbd(struct scene *s)
{
	s->replies.lbd = NULL;
	snprintf(s->replies.silent[0], sizeof(s->replies.silent[0]), "lbd does not answer");
}

static Cas__VerifyReply compared(uint32_t differing, uint32_t left, uint32_t busy)
{
	Cas__VerifyReply reply = CAS__VERIFY_REPLY__INIT;

	reply.slices = reply.compared = 64;
	reply.differing = differing;
	reply.left = left;
	reply.busy = busy;
	reply.entries = 12431;
	reply.changing = 7;
	reply.repaired = 2 * differing;
	reply.duration_ms = 130;
	return reply;
}

static void set_compared(struct scene *s, uint32_t differing, uint32_t left)
{
	static Cas__VerifyReply reply;

	reply = compared(differing, left, 0);
	s->sync.verify = &reply;
	SET(s->sync, verify_age_ms, 5000);
}

static void tables_differ(struct scene *s)
{
	set_compared(s, 3, 1);
}

static void tables_mended(struct scene *s)
{
	set_compared(s, 3, 0);
}

static void no_vrrpd(struct scene *s)
{
	s->replies.vrrp = NULL;
	snprintf(s->replies.silent[1], sizeof(s->replies.silent[1]), "vrrpd does not answer");
}

static void old_peer(struct scene *s)
{
	s->sync.peer_age_ms = 3001;
}

static void fresh_peer(struct scene *s)
{
	s->sync.peer_age_ms = 3000;
}

static void never_heard(struct scene *s)
{
	s->sync.peer = NULL;
	s->sync.has_peer_age_ms = false;
}

static void peer_active(struct scene *s)
{
	s->peer.role = CAS__ROLE__ACTIVE;
}

static void nobody_active(struct scene *s)
{
	s->vrrp.role = CAS__ROLE__STANDBY;
}

static void fault(struct scene *s)
{
	s->vrrp.role = CAS__ROLE__FAULT;
}

static void alone(struct scene *s)
{
	s->sync.state = CAS__SYNC_STATE__ALONE;
}

static void loading(struct scene *s)
{
	s->vrrp.role = CAS__ROLE__STANDBY;
	s->peer.role = CAS__ROLE__ACTIVE;
	s->sync.state = CAS__SYNC_STATE__LOADING;
}

static void future_state(struct scene *s)
{
	s->sync.state = (Cas__SyncState)99;
}

static void channel_down(struct scene *s)
{
	s->sync.channel_up = false;
	s->sync.reason = LOST;
}

static void path_down(struct scene *s)
{
	static char eth0[] = "eth0", eth2[] = "eth2", down[] = "down", use[] = "in use";
	static char ours[] = "192.0.2.1", theirs[] = "192.0.2.2", why[] = "connection silent";
	static Cas__SyncPath path[2], *list[2] = { &path[0], &path[1] };

	cas__sync_path__init(&path[0]);
	cas__sync_path__init(&path[1]);
	path[0].name = eth2;
	path[0].address = path[1].address = ours;
	path[0].peer = path[1].peer = theirs;
	path[0].state = down;
	path[0].why = why;
	path[1].name = eth0;
	path[1].state = use;
	s->sync.n_path = 2;
	s->sync.path = list;
}

static void fenced(struct scene *s)
{
	SET(s->lbd, fenced, true);
}

static void fenced_standby(struct scene *s)
{
	fenced(s);
	s->vrrp.role = CAS__ROLE__STANDBY;
	s->peer.role = CAS__ROLE__ACTIVE;
}

/* What the peer said before the channel fell is of another moment. */
static void both_active_once(struct scene *s)
{
	peer_active(s);
	channel_down(s);
}

static void none_active_once(struct scene *s)
{
	nobody_active(s);
	channel_down(s);
}

static void peer_stuck(struct scene *s)
{
	peer_active(s);
	SET(s->peer, fenced, true);
}

/* Its syncd has begun before its vrrpd. */
static void peer_without_role(struct scene *s)
{
	nobody_active(s);
	s->peer.role = CAS__ROLE__NONE;
	s->peer.vrrpd = false;
}

static void standby_hears(struct scene *s, uint32_t age_ms)
{
	s->vrrp.role = CAS__ROLE__STANDBY;
	s->peer.role = CAS__ROLE__ACTIVE;
	SET(s->vrrp, advert_ms, 100);
	SET(s->vrrp, last_advert_age_ms, age_ms);
}

static void hears_adverts(struct scene *s)
{
	standby_hears(s, 500);
}

static void deaf(struct scene *s)
{
	standby_hears(s, 501);
}

static void always_deaf(struct scene *s)
{
	standby_hears(s, 0);
	s->vrrp.has_last_advert_age_ms = false;
}

/* Both families are spoken; how long ago each was heard, in ms. */
static void hears_over(struct scene *s, uint32_t four, uint32_t six)
{
	static char to4[] = "10.20.0.12", to6[] = "2001:db8::12";

	standby_hears(s, four < six ? four : six);
	for (int i = 0; i < 2; i++) {
		cas__advert_way__init(&s->way[i]);
		s->way[i].destination = i ? to6 : to4;
		SET(s->way[i], heard_ms, i ? six : four);
		s->ways[i] = &s->way[i];
	}
	s->way[0].source = VIP;
	s->vrrp.way = s->ways;
	s->vrrp.n_way = 2;
}

static void hears_both(struct scene *s)
{
	hears_over(s, 10, 1500);
}

static void hears_no_ipv6(struct scene *s)
{
	hears_over(s, 10, 1501);
}

static void never_hears_ipv4(struct scene *s)
{
	hears_over(s, 10, 10);
	s->way[0].has_heard_ms = false;
}

/* The peer leads since so short a time that its adverts are not due yet. */
static void hears_soon(struct scene *s)
{
	standby_hears(s, 4000);
	s->peer.since_ms = 499;
}

static void checker_died(struct scene *s)
{
	s->lbd.check_child = false;
}

static void interface_down(struct scene *s)
{
	s->interface.up = false;
}

static void table_full(struct scene *s)
{
	s->lbd.flows = 1000000;
}

static void table_nearly_full(struct scene *s)
{
	s->lbd.flows = 800000;
}

static void table_has_room(struct scene *s)
{
	s->lbd.flows = 799999;
}

static void pins_full(struct scene *s)
{
	SET(s->lbd, pins_max, 3204);
}

static void pins_nearly_full(struct scene *s)
{
	SET(s->lbd, pins_max, 4005);
}

static void pins_have_room(struct scene *s)
{
	SET(s->lbd, pins_max, 4006);
}

static void other_size(struct scene *s)
{
	SET(s->lbd, flows_wanted, 2000000);
}

static void setting_waits(struct scene *s)
{
	static char text[] = "vrrp / virtual-mac: no -> yes", *list[] = { text };

	s->vrrp.pending = list;
	s->vrrp.n_pending = 1;
}

static void peer_has_not_followed(struct scene *s)
{
	static char former[] = "version 3, vrid 51 on eth0";

	s->vrrp.former = former;
}

static void one_member_down(struct scene *s)
{
	s->service[1].members_up = 2;
}

static void standby_objects(struct scene *s)
{
	static char line[] = "lb2 sees mel/cas1 down in rpc: tcp 59531 refused", *lines[] = { line };

	s->lbd.objection = lines;
	s->lbd.n_objection = 1;
}

static void service_down(struct scene *s)
{
	s->service[1].members_up = 0;
}

static void digests_differ(struct scene *s)
{
	s->peer.config_digest = OTHER;
}

static void daemons_differ(struct scene *s)
{
	s->vrrp.config_digest = OTHER;
}

/* A reload that lbd and vrrpd of both nodes took, and no syncd. */
static void syncds_stay_behind(struct scene *s)
{
	s->lbd.config_digest = OTHER;
	s->vrrp.config_digest = OTHER;
}

static void peer_lacks_vrrpd(struct scene *s)
{
	s->peer.vrrpd = false;
}

static void no_link(struct scene *s)
{
	s->vrrp.syncd_link = false;
}

static void no_carrier(struct scene *s)
{
	s->vrrp.carrier = false;
}

static void gate_shut(struct scene *s)
{
	loading(s);
	s->vrrp.gate = LOST;
}

static void test_status_cases(void **state)
{
	static const struct {
		void (*change)(struct scene *s);
		int status;
		const char *says;
		const char *hides; /* may be NULL: must not be said */
	} cases[] = {
		{ no_lbd, 1, "problem: lbd does not answer", "array mel" },
		{ no_vrrpd, 1, "problem: vrrpd does not answer", "ACTIVE" },
		{ tables_differ, 1, "problem: the tables of both nodes differ in 1 of 64", NULL },
		{ tables_mended, 0, "note: the tables of both nodes differed in 3 of 64",
		  "problem" },
		{ old_peer, 1, "note: lb2 was last heard 3.0 s ago", "standby " },
		{ old_peer, 1, "problem: lb2 is unknown", NULL },
		{ fresh_peer, 0, "3.0 s ago", "unknown" },
		{ never_heard, 1, "problem: lb2 is unknown", "standby " },
		{ peer_active, 1, "problem: both nodes are active", NULL },
		{ nobody_active, 1, "problem: no node is active", NULL },
		{ fault, 1, "problem: lb1 is in fault: lb2 yielded", "ACTIVE" },
		{ alone, 1, "problem: no standby is in sync (alone)", NULL },
		{ loading, 1, "problem: lb1 is not in sync (loading)", "no standby" },
		{ future_state, 1, "no standby is in sync (unknown)", NULL },
		{ channel_down, 1, "problem: the channel to lb2 is down: connection ref", NULL },
		{ path_down, 1,
		  "problem: the sync path eth2 (192.0.2.1 to 192.0.2.2) is down: connection silent",
		  "path eth0" },
		{ fenced, 1, "problem: lb1 is fenced", NULL },
		{ fenced_standby, 0, "standby", "fenced" },
		{ peer_stuck, 1, "problem: vrrpd of lb2 is stuck", "both nodes" },
		{ peer_without_role, 1, "vrrpd does not run on lb2", "no node is active" },
		{ both_active_once, 1, "the channel to lb2 is down", "both nodes" },
		{ none_active_once, 1, "the channel to lb2 is down", "no node is active" },
		{ hears_adverts, 0, "standby", "problem" },
		{ hears_soon, 0, "standby", "problem" },
		{ deaf, 1, "problem: lb2 is active, but the last advert was heard 0.5 s", NULL },
		{ always_deaf, 1, "problem: lb2 is active, but no advert was ever heard", NULL },
		{ hears_both, 0, "\nadverts: 10.20.0.10 to 10.20.0.12, unknown to 2001:db8::12\n",
		  "problem" },
		{ hears_no_ipv6, 1, "problem: adverts of lb2 come over IPv4 only: look",
		  "IPv6 only" },
		{ never_hears_ipv4, 1, "problem: adverts of lb2 come over IPv6 only: look",
		  "IPv4 only" },
		{ checker_died, 1, "problem: the health checker does not run", NULL },
		{ interface_down, 1, "problem: interface eth0 is down", NULL },
		{ table_full, 1, "problem: the flow table is full", "nearly" },
		{ table_nearly_full, 1,
		  "problem: the flow table is nearly full: 800000 of 1000000 flows", NULL },
		{ table_has_room, 0, "799", "the flow table" },
		{ pins_full, 1, "problem: the table of pins is full: new clients keep no affinity",
		  "nearly" },
		{ pins_nearly_full, 1, "problem: the table of pins is nearly full: 3204 of 4005",
		  NULL },
		{ pins_have_room, 0, "lb1", "the table of pins" },
		{ other_size, 0, "note: the tables of lb1 have room for 1000000 flows", "problem" },
		{ setting_waits, 0,
		  "note: vrrpd of lb1 runs with older settings: restart it there (vrrp / "
		  "virtual-mac: no -> yes)",
		  "problem" },
		{ peer_has_not_followed, 0,
		  "note: lb2 is not known to have followed: adverts go as before, too (version 3, "
		  "vrid 51 on eth0)",
		  "problem" },
		{ one_member_down, 0, "note: mel/mapi: 2 of 3 members are up", "problem" },
		{ standby_objects, 0, "note: lb2 sees mel/cas1 down in rpc: tcp 59531 refused",
		  "problem" },
		{ service_down, 1, "problem: mel/mapi has no member up", NULL },
		{ digests_differ, 1, "lb1 ddc72f283f8f, lb2 0123456789ab", NULL },
		{ daemons_differ, 1, "vrrpd 0123456789ab, syncd ddc72f283f8f", NULL },
		{ syncds_stay_behind, 1, "the daemons run different", "the nodes run" },
		{ peer_lacks_vrrpd, 1, "problem: vrrpd does not run on lb2", NULL },
		{ no_link, 1, "problem: vrrpd has no link to syncd", NULL },
		{ no_carrier, 1, "problem: lb1 has no carrier", NULL },
		{ gate_shut, 1, "note: lb1 would not take over from a living peer: ", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s;
		int status;
		char *text;

		scene_init(&s);
		cases[i].change(&s);
		text = show(&s, false, &status);
		if (status != cases[i].status || !strstr(text, cases[i].says) ||
		    (cases[i].hides && strstr(text, cases[i].hides)))
			fail_msg("case %zu: status %d\n%s", i, status, text);
		free(text);
	}
}

/* What a peer calls itself does not steer the operator's terminal. */
static void test_status_hostile(void **state)
{
	char evil[] = "\033]0;evil\007\nproblem: fake";
	struct scene s;
	int status;
	char *text;

	(void)state;
	scene_init(&s);
	s.peer.reason = evil;
	text = show(&s, false, &status);
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "\nproblem"));
	free(text);
}

static void test_status_json(void **state)
{
	static const char *const parts[] = {
		("{\"schema\":1,\"pair\":\"exch-east\",\"nodes\":[{\"name\":\"lb1\",\"local\":true,"
		 "\"known\":true,\"age_seconds\":0,\"role\":\"active\""),
		"{\"name\":\"lb2\",\"local\":false,\"known\":false,\"age_seconds\":12.5}",
		"\"problems\":[\"lb2 is unknown: it is not heard\"]",
	};
	struct scene s;
	Answer__Status *answer;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	scene_init(&s);
	s.sync.peer_age_ms = 12500;
	answer = status_build(&s.replies);
	answer_print(&answer->base, out);
	fclose(out);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("%s\nnot in\n%s", parts[i], text);
	assert_int_equal(text[size - 1], '\n');
	status_free(answer);
	free(text);
}

static void test_members(void **state)
{
	static const char golden[] = "array/member  address                   state     sessions  "
				     "pool  weight    share  "
				     "since    check\n"
				     "mel/cas1      10.20.0.21                up           5,004  "
				     "rpc       10      40%  "
				     "41 d     tcp 59531 0.2 ms\n"
				     "                                                            "
				     "web        0      12%  "
				     "4 ms     refused\n"
				     "mel/cas2      10.20.0.22                down       unknown\n"
				     "mel/cas3      10.20.0.23, 2001:db8::23  degraded         0  "
				     "rpc        5  unknown  "
				     "unknown\n"
				     "lb2 sees mel/cas1 up in web: https 443 12.0 ms\n"
				     "mel/cas1: 1,234,567 connections so far, 31 MB in, 4.2 GB "
				     "out\n";
	char cas1[] = "cas1", cas2[] = "cas2", cas3[] = "cas3", a1[] = "10.20.0.21",
	     a2[] = "10.20.0.22", a3[] = "10.20.0.23", a4[] = "2001:db8::23", up[] = "up",
	     down[] = "down", degraded[] = "degraded", rpc[] = "rpc", web[] = "web",
	     good[] = "tcp 59531 0.2 ms", bad[] = "refused", lb2[] = "lb2",
	     other[] = "https 443 12.0 ms";
	Cas__PoolVerdict pool[3] = { CAS__POOL_VERDICT__INIT, CAS__POOL_VERDICT__INIT,
				     CAS__POOL_VERDICT__INIT };
	char *addresses[] = { a1, a2, a3, a4 };
	Cas__PoolVerdict *first[] = { &pool[0], &pool[1] }, *third[] = { &pool[2] };
	Cas__MemberStatus member[3] = { CAS__MEMBER_STATUS__INIT, CAS__MEMBER_STATUS__INIT,
					CAS__MEMBER_STATUS__INIT };
	Cas__MemberStatus *list[] = { &member[0], &member[1], &member[2] };
	Cas__MembersReply reply = CAS__MEMBERS_REPLY__INIT;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	pool[0].pool = rpc, pool[0].up = 1, pool[0].weight = 10, pool[0].check = good;
	SET(pool[0], share, 0.4);
	SET(pool[0], since_ms, 3542400000);
	pool[1].pool = web, pool[1].check = bad;
	pool[1].objector = lb2, pool[1].objection = other;
	SET(pool[1], share, 0.12);
	SET(pool[1], since_ms, 4);
	pool[2].pool = rpc, pool[2].up = 1, pool[2].weight = 5;
	member[0].name = cas1, member[0].state = up;
	member[1].name = cas2, member[1].state = down;
	member[2].name = cas3, member[2].state = degraded;
	for (int i = 0; i < 3; i++) {
		member[i].array = MEL;
		member[i].address = addresses + i;
		member[i].n_address = i == 2 ? 2 : 1;
	}
	SET(member[0], sessions, 5004);
	SET(member[0], pair_connections, 1234567);
	SET(member[0], pair_bytes_in, 31000000);
	SET(member[0], pair_bytes_out, 4200000000);
	SET(member[2], sessions, 0);
	member[0].pool = first, member[0].n_pool = 2;
	member[2].pool = third, member[2].n_pool = 1;
	reply.member = list;
	reply.n_member = 3;
	members_print(&reply, false, out);
	fclose(out);
	assert_string_equal(text, golden);
	free(text);
}

static void test_words_about_members(void **state)
{
	char array[] = "mel", cas3[] = "cas3", note[] = "n\n";
	Cas__AdminReply reply = CAS__ADMIN_REPLY__INIT;
	Cas__AdminState word = CAS__ADMIN_STATE__INIT;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	word.array = array;
	word.member = cas3;
	reply.state = &word;
	SET(reply, sessions, 1311);
	admin_print(&reply, out);
	word.word = CAS__ADMIN_STATE__WORD__DRAIN;
	admin_print(&reply, out);
	SET(word, left_ms, 1800000);
	SET(word, spread_ms, 600000);
	reply.note = note;
	admin_print(&reply, out);
	word = (Cas__AdminState)CAS__ADMIN_STATE__INIT;
	word.array = array;
	word.member = cas3;
	word.word = CAS__ADMIN_STATE__WORD__MAINTENANCE;
	reply.note = NULL;
	admin_print(&reply, out);
	fclose(out);
	assert_string_equal(
		text, "mel/cas3 takes its share again\n"
		      "mel/cas3 is being drained; 1,311 sessions may stay as long as they like\n"
		      "(pairctl undrain cas3 takes it back)\n"
		      "mel/cas3 is being drained; 1,311 sessions are ended in 30 m 0 s, over "
		      "10 m 0 s\n"
		      "(pairctl undrain cas3 takes it back)\n"
		      "note: n?\n"
		      "mel/cas3 is in maintenance; 1,311 sessions are ended now\n"
		      "(pairctl undrain cas3 takes it back)\n");
	free(text);
}

static void test_sentences(void **state)
{
	char cas1[] = "mel-cas1", pinned[] = "pinned", web[] = "web", cas2[] = "mel-cas2";
	Cas__WhereReply where = CAS__WHERE_REPLY__INIT;
	Cas__FailoverReply failover = CAS__FAILOVER_REPLY__INIT;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	where.member = cas1;
	where.because = pinned;
	where_print(&where, out);
	where.pool = web;
	where.without_pin = cas2;
	SET(where, pin_left_ms, 2280000);
	where_print(&where, out);
	failover_print(&failover, out);
	failover.new_active = LB2;
	SET(failover, took_ms, 4);
	SET(failover, flows, 12431);
	SET(failover, peer_flows, 12430);
	failover_print(&failover, out);
	fclose(out);
	assert_string_equal(text, "new session -> mel-cas1: pinned\n"
				  "new session -> mel-cas1: pinned, pool web, 38 m 0 s left   "
				  "(without the pin: mel-cas2)\n"
				  "the peer is active; how many sessions it holds is unknown\n"
				  "lb2 is active after 4 ms; 12,430 of 12,431 sessions present\n");
	free(text);
}

static void test_compared(void **state)
{
	static const char broken_why[] = "the channel is down";
	static const int exits[] = { 0, 1, 5, 1, 1 };
	char *text, why[sizeof(broken_why)];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	memcpy(why, broken_why, sizeof(why));
	for (unsigned int i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		Cas__VerifyReply reply = compared(i && i < 3 ? 2 : 0, i == 2, i == 3);

		reply.resent = i == 2;
		reply.why = i == 4 ? why : NULL;
		reply.compared = i == 4 ? 0 : reply.compared;
		assert_int_equal(verify_exit(&reply), exits[i]);
		verify_print(&reply, out);
	}
	fclose(out);
	assert_string_equal(
		text, "equal: 12,431 entries in 64 slices, 7 left out as they changed, 0.1 s\n"
		      "mended, equal now: 12,431 entries in 64 slices, 7 left out as they changed, "
		      "0.1 s\n"
		      "2 of 64 slices differed; 4 entries were sent again\n"
		      "not equal: 12,431 entries in 64 slices, 7 left out as they changed, 0.1 s\n"
		      "2 of 64 slices differed; 4 entries were sent again, and once everything\n"
		      "1 slices still differ: look at the log of syncd on the standby\n"
		      "not equal: 12,431 entries in 64 slices, 7 left out as they changed, 0.1 s\n"
		      "1 slices did not stand still for long enough: ask again\n"
		      "broken off after 0 of 64 slices: the channel is down\n");
	free(text);
}

static void test_amounts(void **state)
{
	static const struct {
		uint64_t value;
		const char *duration, *count, *bytes;
	} cases[] = {
		{ 0, "0 ms", "0", "0 B" },
		{ 99, "99 ms", "99", "99 B" },
		{ 400, "0.4 s", "400", "400 B" },
		{ 999, "0.9 s", "999", "999 B" },
		{ 1000, "1.0 s", "1,000", "1.0 kB" },
		{ 9999, "9.9 s", "9,999", "10 kB" },
		{ 59999, "59 s", "59,999", "60 kB" },
		{ 200000, "3 m 20 s", "200,000", "200 kB" },
		{ 3600000, "1 h 0 m", "3,600,000", "3.6 MB" },
		{ 86400000, "1 d", "86,400,000", "86 MB" },
		{ UINT64_MAX, "213503982334 d", "18,446,744,073,709,551,615", "18 EB" },
	};
	char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(text_duration(text, cases[i].value), cases[i].duration);
		assert_string_equal(text_count(text, cases[i].value), cases[i].count);
		assert_string_equal(text_bytes(text, cases[i].value), cases[i].bytes);
	}
	assert_string_equal(text_ms(text, 0.2), "0.2 ms");
	assert_string_equal(text_ms(text, 5100), "5.1 s");
	assert_string_equal(text_ms(text, -1), "0 ms");
	assert_string_equal(text_ms(text, 1e300), "0 ms");
}

/* --- the program, asking stand-in daemons ----------------------------------------------------- */

enum { MAX_ARGUMENTS = 10, OUTPUT = 8192 };

static char program[4096]; /* set once by main() */

/* Daemons that answer as `message` does, in a child, under RUN/{lbd,vrrpd}.sock. */
struct stand_in {
	char dir[32], path[2][64];
	pid_t pid;
};

static int setup(void **state)
{
	struct stand_in *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	snprintf(s->dir, sizeof(s->dir), "/tmp/pairctl.XXXXXX");
	if (!mkdtemp(s->dir))
		return -1;
	snprintf(s->path[0], sizeof(s->path[0]), "%s/lbd.sock", s->dir);
	snprintf(s->path[1], sizeof(s->path[1]), "%s/vrrpd.sock", s->dir);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stand_in *s = *state;

	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	unlink(s->path[0]);
	unlink(s->path[1]);
	if (rmdir(s->dir) < 0)
		return -1;
	free(s);
	return 0;
}

typedef void handler(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
		     size_t nfds);

static void serve(const struct stand_in *s, handler *message, int ready)
{
	const struct ctl_ops ops = { .message = message };
	struct ev_loop *loop = ev_loop_new(0);
	struct ctl_server *server[2];

	log_open("test", LOG_LEVEL_ERROR);
	for (int i = 0; i < 2; i++)
		if (ctl_listen(&server[i], loop, s->path[i], &ops, NULL) < 0)
			_exit(1);
	if (write(ready, "!", 1) == 1)
		ev_run(loop, 0);
	_exit(1);
}

static void start(struct stand_in *s, handler *message)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	s->pid = fork();
	if (s->pid == 0)
		serve(s, message, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

/* Runs pairctl; returns its exit status and all that it printed. */
static int run(const struct stand_in *s, const char *const *arguments, char output[OUTPUT])
{
	char *argv[MAX_ARGUMENTS + 4] = { program, strdup("--run-dir"), strdup(s->dir) };
	int ends[2], status, n = 3;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	for (; *arguments; arguments++)
		argv[n++] = strdup(*arguments);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execv(program, argv);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], output + used, OUTPUT - 1 - used)) > 0)
		used += (size_t)got;
	output[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (n > 1)
		free(argv[--n]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct command_line {
	const char *arguments[MAX_ARGUMENTS];
	int status;
	const char *says;
};

static void run_all(const struct stand_in *s, const struct command_line *lines, size_t count)
{
	char output[OUTPUT];

	for (size_t i = 0; i < count; i++) {
		int status = run(s, lines[i].arguments, output);

		if (status != lines[i].status || !strstr(output, lines[i].says))
			fail_msg("case %zu: exit %d\n%s", i, status, output);
	}
}

static void test_command_line(void **state)
{
	static const struct command_line lines[] = {
		{ { "help" }, 0, "usage: pairctl" },
		{ { "--help" }, 0, "usage: pairctl" },
		{ { "version" }, 0, "caspair pairctl 0" },
		{ { "-j", "version" }, 0, "{\"schema\":1,\"version\":\"0" },
		{ { NULL }, 3, "problem: syncd does not answer" },
		{ { "status" }, 3, "lbd.sock: it is not running" },
		{ { "status", "-j" }, 3, "\"known\":false" },
		{ { "staus" }, 2, "there is no verb \"staus\"" },
		{ { "status", "now" }, 2, "wrong arguments" },
		{ { "status", "--top", "3" }, 2, "status takes no --top" },
		{ { "members", "--anyway", "x" }, 2, "members takes no --anyway" },
		{ { "sessions", "--top", "0" }, 2, "not a number of sessions" },
		{ { "sessions", "--top", "-1" }, 2, "not a number of sessions" },
		{ { "sessions", "--top", "4294967296" }, 2, "not a number of sessions" },
		{ { "sessions", "--client", "here" }, 2, "is not an address" },
		{ { "sessions" }, 3, "lbd does not answer" },
		{ { "sessions", "-j" }, 3, "\"sessions\":[],\"failure\":{\"schema\":1," },
		{ { "members", "-j" }, 3, "\"exit_status\":3}" },
		{ { "canary" }, 2, "canary wants --to HOST:PORT" },
		{ { "canary", "--to", "10.0.0.1:25", "-n", "1001" }, 2, "at most 1000" },
		{ { "canary", "--to", "10.0.0.1:25", "-n", "0" }, 2, "not a number" },
		{ { "canary", "--to", "10.0.0.1:25", "--kind", "ftp" }, 2, "none of tcp, rpc" },
		{ { "status", "-n", "5" }, 2, "status takes no --sessions" },
		{ { "drill", "--dry-run" }, 3, "lbd does not answer" },
		{ { "drill", "--show" }, 2, "drill --show wants the number" },
		{ { "drill", "--show", "x" }, 2, "x is not the number of a drill" },
		{ { "drill", "5" }, 2, "an argument with --show only" },
		{ { "drill", "--kind", "kill-lbd,fire" }, 2, "there is no drill \"fire\"" },
		{ { "drill", "--heal", "5" }, 2, "--heal" },
		{ { "drill", "--canary", "5" }, 2, "--canary wants --canary-from" },
		{ { "drill", "--to", "vip:25" }, 2, "want --canary N" },
		{ { "metrics", "-j" }, 2, "metrics are text" },
		{ { "metrics", "--state-dir", "/dev/null" }, 1, "cannot be read: Not a directory" },
		{ { "metrics", "--state-dir", "/proc/1/nothing" }, 0, "timestamp_seconds 0" },
		{ { "where", "10.0.0.1" }, 2, "usage: pairctl where CLIENT PORT" },
		{ { "where", "10.0.0.1", "0" }, 2, "0 is not a port" },
		{ { "where", "10.0.0.1", "80x" }, 2, "80x is not a port" },
		{ { "where", "10.0.0.300", "80" }, 2, "is not an address" },
		{ { "failover", "--anyway", "" }, 2, "wants the reason" },
		{ { "failover" }, 3, "vrrpd does not answer" },
		{ { "drain" }, 2, "usage: pairctl drain MEMBER" },
		{ { "drain", "m1" }, 3, "lbd does not answer" },
		{ { "drain", "m1", "--deadline", "30" }, 2, "--deadline 30 has no unit" },
		{ { "drain", "m1", "--deadline", "31d" }, 2, "--deadline 31d is out of range" },
		{ { "drain", "m1", "--spread", "1min" }, 2, "which --deadline" },
		{ { "drain", "m1", "--deadline", "1h", "--spread", "x" }, 2, "--spread takes" },
		{ { "undrain", "m1", "--deadline", "1h" }, 2, "undrain takes no --deadline" },
		{ { "up", "m1", "-m", "done" }, 3, "lbd does not answer" },
		{ { "status", "-m", "x" }, 2, "status takes no --reason" },
		{ { "push", "conf/dist/pair.conf" }, 3, "syncd does not answer" },
		{ { "push", "tests/data/conf/faults.conf" }, 1, "faults.conf:" },
		{ { "push", "a", "--config", "b" }, 2, "name the file once" },
		{ { "push", "--alone", "" }, 2, "wants the reason" },
		{ { "push", "--confirm-within", "30" }, 2, "has no unit" },
		{ { "push", "--confirm-within", "2h" }, 2, "out of range" },
		{ { "push", "--no-confirm", "--confirm-within", "9s" }, 2, "until when" },
		{ { "confirm" }, 3, "syncd does not answer" },
		{ { "rollback", "0" }, 2, "0 is not the number of a revision" },
		{ { "rollback", "4x" }, 2, "4x is not the number of a revision" },
		{ { "rollback", "-j" }, 3, "\"exit_status\":3}" },
		{ { "maintenance", "m1", "m2" }, 2, "wrong arguments" },
		{ { "keygen", "--key", "/none/k" }, 1, "/none/k: " },
		{ { "keygen", "--show", "--key", "/none/k" }, 1, "does not exist" },
		{ { "keygen", "--operator", "anna", "/none/k" }, 1, "/none/k: " },
		{ { "keygen", "--operator", "anna", "--show", "/none/k" }, 1, "does not exist" },
		{ { "keygen", "--operator", "anna" }, 2, "--operator NAME FILE" },
		{ { "keygen", "--operator", "a b", "/none/k" }, 2, "letters, digits" },
		{ { "keygen", "--operator", "anna", "--next", "/none/k" }, 2, "with --show only" },
		{ { "push", "conf/dist/pair.conf", "--sign-key", "/none/k" },
		  3,
		  "syncd does not answer" },
		{ { "adopt" }, 2, "wrong arguments" },
		{ { "adopt", "lb1" }, 3, "syncd does not answer" },
		{ { "history", "--state-dir", "/none" }, 0, "nothing was pushed yet" },
		{ { "show", "3", "--state-dir", "/none" }, 1, "revision 3 is not kept here" },
		{ { "show" }, 2, "usage: pairctl show" },
		{ { "diff", "1", "2", "3" }, 2, "usage: pairctl diff" },
		{ { "check", "a", "b" }, 2, "wrong arguments" },
		{ { "check", "a", "--config", "b" }, 2, "name the file once" },
		{ { "check", "/none/pair.conf" }, 1, "1 error, 0 warnings\n" },
		{ { "check", "conf/dist/pair.conf" }, 0, "0 errors, " },
		{ { "check", "--config", "tests/data/conf/faults.conf" }, 1, " errors, " },
		{ { "check", "-j", "tests/data/conf/faults.conf" }, 1, "\"severity\":\"error\"" },
		{ { "--what" }, 2, "unrecognized option" },
	};

	run_all(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

static void refuse(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
		   size_t nfds)
{
	(void)arg;
	(void)fds;
	(void)nfds;
	if (question->failover && !question->failover->anyway)
		ctl_refuse(conn, 4, "lb2 is behind by 1,204 events");
	else if (question->failover)
		ctl_refuse(conn, 5, "lb2 did not take over: %s", question->failover->anyway);
	else
		ctl_refuse(conn, 99, "no array \"%s\"",
			   question->where && question->where->array ? question->where->array : "");
}

static void test_refusals(void **state)
{
	static const struct command_line lines[] = {
		{ { "failover" }, 4, "refused: lb2 is behind by 1,204 events\n" },
		{ { "-j", "failover" },
		  4,
		  "{\"schema\":1,\"error\":\"lb2 is behind by 1,204 "
		  "events\",\"exit_status\":4}\n" },
		{ { "failover", "--anyway", "fire" }, 5, "pairctl: lb2 did not take over: fire" },
		{ { "where", "10.0.0.1", "443", "--array", "syd" }, 1, "no array \"syd\"" },
		{ { "sessions" }, 1, "no array" },
		{ { "sessions", "-j" }, 1, "\"failure\":{\"schema\":1,\"error\":\"no array" },
		{ { "status" }, 1, "lbd tells no status: no array" },
	};
	char output[OUTPUT];
	static const char *const status[] = { "status", NULL };

	start(*state, refuse);
	run_all(*state, lines, 6);
	/* Somebody answers, but tells nothing: not a pair to be content with. */
	assert_int_equal(run(*state, status, output), 3);
	assert_non_null(strstr(output, lines[6].says));
}

/* Session lists come in parts. */
static void tell(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
		 size_t nfds)
{
	char client[] = "10.1.8.44:51022", vip[] = "10.20.0.10:59531";
	Cas__Session session = CAS__SESSION__INIT, *list[] = { &session, &session };
	Cas__SessionsReply sessions = CAS__SESSIONS_REPLY__INIT;
	Cas__FailoverReply failover = CAS__FAILOVER_REPLY__INIT;
	Cas__MembersReply members = CAS__MEMBERS_REPLY__INIT;
	Cas__WhereReply where = CAS__WHERE_REPLY__INIT;
	Cas__EncryptionSource source = CAS__ENCRYPTION_SOURCE__INIT, *open[] = { &source };
	Cas__EncryptionReply encryption = CAS__ENCRYPTION_REPLY__INIT;
	Cas__ClientUse busy = CAS__CLIENT_USE__INIT, *uses[] = { &busy };
	Cas__UsageArray used = CAS__USAGE_ARRAY__INIT, *arrays[] = { &used };
	Cas__IdleService idle = CAS__IDLE_SERVICE__INIT, *idles[] = { &idle };
	Cas__IdleClient silent = CAS__IDLE_CLIENT__INIT, *silents[] = { &silent };
	Cas__UsageReply usage = CAS__USAGE_REPLY__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;

	(void)arg;
	(void)fds;
	(void)nfds;
	busy.array = used.array = MEL;
	busy.client = VIP;
	busy.group = busy.member = busy.other = MAPI;
	busy.sessions = used.top_sessions = 60;
	SET(busy, limit, question->usage && question->usage->has_top ? 70 : 50);
	used.sessions = 240;
	used.clients = 90;
	used.top = 1;
	usage.array = arrays;
	usage.busiest = usage.near = usage.split = uses;
	usage.n_array = usage.n_busiest = usage.n_near = 1;
	SET(usage, nears, 3);
	SET(usage, walked, 1000);
	/* An array that was asked for is in order. */
	usage.n_split = question->usage && !question->usage->array;
	SET(usage, splits, usage.n_split);
	idle.array = silent.array = MEL;
	idle.service = silent.service = silent.member = MAPI;
	silent.client = VIP;
	idle.sessions = 240;
	idle.below_5min = 238;
	idle.longer = idle.near = question->usage && question->usage->array ? 0 : 2;
	idle.timeout_ms = silent.timeout_ms = 10000000;
	idle.longest_ms = silent.idle_ms = 8000000;
	usage.idle = idles;
	usage.idle_client = silents;
	usage.n_idle = usage.n_idle_client = question->usage && question->usage->has_keepalive &&
					     question->usage->keepalive;
	message.usage_reply = question->usage ? &usage : NULL;
	where.member = where.because = MAPI;
	session.client = client;
	session.vip = vip;
	SET(session, age_ms, 25920000);
	SET(session, bytes_in, 31000000);
	sessions.session = list;
	sessions.n_session = 2;
	message.sessions_reply = question->sessions ? &sessions : NULL;
	message.members_reply = question->members ? &members : NULL;
	message.where_reply = question->where ? &where : NULL;
	source.array = MEL;
	source.client = VIP;
	source.level = source.authentication = RPC;
	source.binds = 12;
	/* An array that was asked for has none. */
	encryption.source = open;
	encryption.n_source = encryption.sources = question->encryption &&
						   !question->encryption->array;
	message.encryption_reply = question->encryption ? &encryption : NULL;
	message.failover_reply = question->failover ? &failover : NULL;
	if (question->sessions) {
		SET(message, more, true);
		ctl_send(conn, &message, NULL, 0);
		SET(message, more, false);
		SET(sessions, total, 7);
		sessions.n_session = question->sessions->has_limit ? 1 : 2;
	}
	ctl_send(conn, &message, NULL, 0);
}

/* With an array that was asked for, all is near and fast. */
static void tell_latency(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
			 size_t nfds)
{
	char network[] = "10.9.4.0/24", why[] = "mode dsr: past the pair";
	Cas__Latency times = CAS__LATENCY__INIT;
	Cas__LatencyNet net = CAS__LATENCY_NET__INIT, *nets[] = { &net };
	Cas__LatencyMember member = CAS__LATENCY_MEMBER__INIT, silent = member,
			   *members[] = { &member, &silent };
	Cas__LatencyArray array = CAS__LATENCY_ARRAY__INIT, hidden = array,
			  *arrays[] = { &array, &hidden };
	Cas__LatencyReply reply = CAS__LATENCY_REPLY__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;
	bool good = question->latency && question->latency->array;

	(void)arg;
	(void)fds;
	(void)nfds;
	times.count = 10;
	times.mean_us = 12500;
	times.p50_us = 8192;
	times.p99_us = 262144;
	net.array = array.array = hidden.array = member.array = silent.array = MEL;
	net.net = network;
	net.handshakes = 10;
	net.slow = good ? 4 : 5;
	net.mean_us = 230000;
	net.max_us = 1500000;
	member.member = silent.member = MAPI;
	member.connect = member.bind = &times;
	SET(member, slow, good ? 4 : 5);
	array.client_rtt = &times;
	hidden.unseen = why;
	reply.array = arrays;
	reply.net = nets;
	reply.member = members;
	reply.n_array = reply.n_member = 2;
	reply.n_net = 1;
	reply.nets = 3;
	reply.client_limit_us = 200000;
	reply.rpc_limit_us = 10000;
	message.latency_reply = question->latency ? &reply : NULL;
	ctl_send(conn, &message, NULL, 0);
}

static void test_latency(void **state)
{
	static const struct command_line lines[] = {
		{ { "report", "latency" },
		  1,
		  "mel    10.9.4.0/24          10  230.0 ms  1500.0 ms     5  0 ms  too far\n"
		  "2 networks that are nearer are not listed" },
		{ { "report", "latency", "--array", "mel" },
		  0,
		  "mel    10.9.4.0/24          10  230.0 ms  1500.0 ms     4  0 ms\n" },
		{ { "report", "latency" },
		  1,
		  "mel: half of 10 round trips to clients below 8.2 ms, 99% below 262.1 ms\n"
		  "mel: clients are not seen, mode dsr: past the pair\n" },
		{ { "report", "latency" }, 1, "5  too slow\n" },
		{ { "report", "latency" }, 1, "no check rpc-epm has asked it\n" },
		{ { "-j", "report", "latency" }, 1, "\"unseen\":\"mode dsr: past the pair\"" },
		{ { "report", "latency", "--top", "3" }, 2, "report latency takes no --top" },
	};

	start(*state, tell_latency);
	run_all(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

/* Services come in parts as well: of mel two, then of syd one, which is in order. */
static void tell_services(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
			  size_t nfds)
{
	char syd[] = "syd";
	Cas__ServiceCounts pair = CAS__SERVICE_COUNTS__INIT, node = pair;
	Cas__ServiceUse rpc = CAS__SERVICE_USE__INIT, mapi = rpc, *list[] = { &rpc, &mapi };
	Cas__ServicesReply services = CAS__SERVICES_REPLY__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;

	(void)arg;
	(void)fds;
	(void)nfds;
	rpc.array = mapi.array = MEL;
	rpc.service = RPC;
	mapi.service = MAPI;
	rpc.pair = mapi.pair = &pair;
	rpc.node = mapi.node = &node;
	SET(pair, requests, 1700);
	SET(pair, connections, 1500);
	SET(pair, bytes_in, 31000000);
	SET(pair, reset, 2);
	SET(pair, no_member, 3);
	SET(pair, withheld, 4);
	SET(pair, waited, 5);
	SET(node, connections, 900);
	SET(node, limited, 6);
	SET(node, bytes_out, 7);
	services.service = list;
	services.n_service = 2;
	message.services_reply = question->services ? &services : NULL;
	SET(message, more, question->services != NULL);
	if (question->services)
		ctl_send(conn, &message, NULL, 0);
	rpc.array = syd;
	cas__service_counts__init(&pair);
	services.n_service = 1;
	SET(message, more, false);
	ctl_send(conn, &message, NULL, 0);
}

static void test_services(void **state)
{
	static const struct command_line lines[] = {
		{ { "services" },
		  0,
		  "array/service  requests  connections     in  out  reset  refused\n"
		  "mel               3,400        3,000  62 MB  0 B      4       14\n"
		  "mel/rpc-epm       1,700        1,500  31 MB  0 B      2        7\n"
		  "mel/mapi          1,700        1,500  31 MB  0 B      2        7\n"
		  "syd/rpc-epm           0            0    0 B  0 B      0        0\n"
		  "mel/rpc-epm: 3 no member was up, 4 without the standby, "
		  "5 answers waited for the standby\n"
		  "mel/mapi: 3 no member was up, " },
		{ { "-j", "services" },
		  0,
		  "{\"schema\":1,\"arrays\":[{\"array\":\"mel\",\"services\":2,\"pair\":{"
		  "\"requests\":3400," },
		{ { "-j", "services" }, 0, "{\"array\":\"syd\",\"services\":1,\"pair\":{" },
		{ { "-j", "services" }, 0, "{\"array\":\"mel\",\"service\":\"mapi\",\"pair\":{" },
		{ { "metrics", "--state-dir", "/none" },
		  0,
		  "# TYPE caspair_service_connections_total counter\n"
		  "caspair_service_connections_total{array=\"mel\",service=\"rpc-epm\"} 900\n"
		  "caspair_service_connections_total{array=\"mel\",service=\"mapi\"} 900\n"
		  "caspair_service_connections_total{array=\"syd\",service=\"rpc-epm\"} 900\n" },
		{ { "metrics", "--state-dir", "/none" },
		  0,
		  "caspair_service_bytes_total{array=\"mel\",service=\"mapi\",direction=\"out\"} 7\n" },
		{ { "metrics", "--state-dir", "/none" },
		  0,
		  "caspair_service_refused_total{array=\"mel\",service=\"mapi\",reason=\"limited\"} "
		  "6\n" },
		{ { "services", "--top", "3" }, 2, "services takes no --top" },
	};

	start(*state, tell_services);
	run_all(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

static void test_answers(void **state)
{
	static const struct command_line lines[] = {
		{ { "sessions" }, 0, "4 of 7 sessions\n" },
		{ { "sessions", "--top", "3" }, 0, "3 of 7 sessions\n" },
		{ { "sessions" }, 0, "10.1.8.44:51022        10.20.0.10:59531       unknown" },
		{ { "sessions" }, 0, "7 h 12 m" },
		{ { "-j", "sessions" },
		  0,
		  "{\"schema\":1,\"sessions\":[{\"client\":\"10.1.8.44:51022\"," },
		{ { "-j", "sessions" }, 0, "}],\"total\":7}\n" },
		{ { "members" }, 0, "array/member" },
		{ { "-j", "members" }, 0, "{\"schema\":1,\"members\":[]}\n" },
		{ { "where", "10.1.8.44", "443" }, 0, "new session -> mapi: mapi\n" },
		{ { "-j", "where", "10.1.8.44", "443" },
		  0,
		  "{\"schema\":1,\"client\":\"10.1.8.44\",\"port\":443,\"answer\":{" },
		{ { "report", "encryption" }, 1, "1 clients have bound below packet privacy\n" },
		{ { "report", "encryption" }, 1, "mel    10.20.0.10  rpc-epm" },
		{ { "report", "encryption", "--array", "mel" }, 0, "0 clients have bound below" },
		{ { "-j", "report", "encryption" }, 1, "\"binds\":12" },
		{ { "report", "sessions" }, 1, "60     50  beyond it\n2 more are not listed" },
		{ { "report", "sessions", "--top", "1" }, 0, "60     70  near it" },
		{ { "report", "sessions" }, 1, "mel    10.20.0.10        60  25.0%\n" },
		{ { "report", "sessions" },
		  1,
		  "mel: 240 sessions of 90 clients; the busiest 1 have 25.0% of them\n" },
		{ { "report", "affinity" },
		  1,
		  "1 clients are at two members of one affinity group (1,000 entries" },
		{ { "report", "affinity", "--array", "mel" }, 0, "0 clients are at two members" },
		{ { "-j", "report", "affinity" }, 1, "\"splits\":1" },
		{ { "report", "affinity", "--top", "3" }, 2, "report affinity takes no --top" },
		{ { "report", "keepalive" },
		  1,
		  "mel    mapi          240    0  238     0    0      0       2  2 h 13 m  2 h 46 "
		  "m\n" },
		{ { "report", "keepalive" },
		  1,
		  "mel    mapi     10.20.0.10  mapi    2 h 13 m             80%\n" },
		{ { "report", "keepalive" }, 1, "\n2 sessions have been silent for 80%" },
		{ { "report", "keepalive", "--array", "mel" }, 0, "\n0 sessions have been silent" },
		{ { "-j", "report", "keepalive" }, 1, "\"below_5min\":238" },
		{ { "report", "weather" }, 2, "there is no report \"weather\"" },
		{ { "failover" }, 0, "the peer is active" },
		{ { "-j", "failover" }, 0, "{\"schema\":1,\"answer\":{\"told\":[]}}\n" },
	};

	start(*state, tell);
	run_all(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

/* The program under test lies above the tests, in the same build. */
static void find_program(const char *self)
{
	const char *slash = strrchr(self, '/');

	snprintf(program, sizeof(program), "%.*s/../pairctl", slash ? (int)(slash - self) : 1,
		 slash ? self : ".");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_healthy),
		cmocka_unit_test(test_status_order),
		cmocka_unit_test(test_status_unknown),
		cmocka_unit_test(test_status_cases),
		cmocka_unit_test(test_status_hostile),
		cmocka_unit_test(test_status_json),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_compared),
		cmocka_unit_test(test_words_about_members),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test_setup_teardown(test_command_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_latency, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services, setup, teardown),
	};

	(void)argc;
	find_program(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
