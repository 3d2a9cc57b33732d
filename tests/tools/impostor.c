// SPDX-License-Identifier: BSD-2-Clause
/*
 * impostor CONF KEY OPERATOR-KEY: the node lb2 in somebody else's hands.  It has that node's key,
 * so the channel takes it, and offers revisions that are not to be taken: forged, older, replayed,
 * of another pair or another version, without an operator's word.  Before them two good ones, so
 * that a refusal is known to be for what is wrong, and not for everything.
 *
 * Prints a line for each, "CASE: WORD REASON", and ends after the last; 1 when one was not
 * answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include "bundle.pb-c.h"
#include "conf/files.h"
#include "proto/record.h"
#include "sync.pb-c.h"
#include "syncd/channel.h"
#include "syncd/fetch.h"
#include "syncd/keys.h"

enum { HEAD = 104, AT_SIGNER = 8, AT_SIGNATURE = 40, VERSION = 7, ANSWER_S = 8 };

struct impostor {
	struct ev_loop *loop;
	struct conf *conf;
	struct keys keys;
	struct sign_key *node, *operator_, *stranger;
	struct channel channel;
	ev_timer beat, late;
	struct lineage line; /* what the other node runs */
	bool known;
	size_t at; /* of the cases */
	struct bundle *offered;
	struct record_arena arena;
	_Alignas(16) uint8_t memory[RECORD_ARENA];
	uint8_t frame[RECORD_BYTES];
};

/* --- revisions -------------------------------------------------------------------------------- */

static void die(const char *what)
{
	fprintf(stderr, "impostor: %s\n", what);
	exit(2);
}

static struct bundle *make(const struct impostor *me, const struct lineage *parent,
			   const struct bundle_plan *as, const struct sign_key *key)
{
	struct bundle_plan plan = *as;
	struct bundle *bundle;

	plan.parent = parent;
	plan.file = me->conf->text;
	plan.files = me->conf->texts;
	if (!plan.pair)
		plan.pair = me->conf->file->pair;
	if (bundle_make(&bundle, &plan, key) != 0)
		die("cannot make a revision");
	return bundle;
}

static const struct bundle_plan plain = { .who = "mallory" };
static const struct bundle_plan approved = { .who = "anna", .approve = true };
static const struct bundle_plan elsewhere = { .who = "anna", .approve = true, .pair = "other" };

static struct bundle *good(const struct impostor *me)
{
	return make(me, &me->line, &approved, me->operator_);
}
static struct bundle *by_node(const struct impostor *me)
{
	return make(me, &me->line, &plain, me->node);
}
static struct bundle *by_stranger(const struct impostor *me)
{
	return make(me, &me->line, &approved, me->stranger);
}
static struct bundle *other_pair(const struct impostor *me)
{
	return make(me, &me->line, &elsewhere, me->operator_);
}
static struct bundle *changed_text(const struct impostor *me)
{
	struct bundle *bundle = good(me);

	bundle->packed[bundle->length - 1] ^= 1;
	return bundle;
}
static struct bundle *changed_signature(const struct impostor *me)
{
	struct bundle *bundle = good(me);

	bundle->packed[AT_SIGNATURE] ^= 1;
	return bundle;
}
static struct bundle *no_signer(const struct impostor *me)
{
	struct bundle *bundle = good(me);

	memset(bundle->packed + AT_SIGNER, 0, HEAD - AT_SIGNER);
	return bundle;
}
static struct bundle *newer_format(const struct impostor *me)
{
	struct bundle *bundle = good(me);

	bundle->packed[VERSION]++;
	return bundle;
}
static struct bundle *cut_short(const struct impostor *me)
{
	struct bundle *bundle = good(me);

	bundle->length -= 20;
	return bundle;
}
/* Signed as a version would sign whose files mean something else. */
static struct bundle *newer_schema(const struct impostor *me)
{
	struct bundle *bundle = good(me);
	Revision__Body *body = revision__body__unpack(NULL, bundle->length - HEAD,
						      bundle->packed + HEAD);

	if (!body)
		die("cannot read its own revision");
	body->schema++;
	revision__body__pack(body, bundle->packed + HEAD);
	revision__body__free_unpacked(body, NULL);
	sign_make(bundle->packed + AT_SIGNATURE, me->operator_, "caspair revision 1",
		  bundle->packed + HEAD, bundle->length - HEAD);
	return bundle;
}

/* The line that `line` had so many revisions ago. */
static struct lineage before(const struct lineage *line, size_t back)
{
	struct lineage old = { .tip.number = line->tip.number - back,
			       .ancestors = line->ancestors - back };

	memcpy(old.tip.id, line->ancestor[back - 1], REVISION_ID);
	memcpy(old.ancestor, line->ancestor + back, old.ancestors * REVISION_ID);
	return old;
}
static struct bundle *older(const struct impostor *me)
{
	struct lineage parent = before(&me->line, 2);

	return make(me, &parent, &approved, me->operator_);
}
static struct bundle *replayed(const struct impostor *me)
{
	const struct bundle_plan twin = { .who = "mallory", .approve = true };
	struct lineage parent = before(&me->line, 1);

	return make(me, &parent, &twin, me->operator_);
}
static struct bundle *foreign(const struct impostor *me)
{
	struct lineage parent = me->line;

	parent.tip.id[0] ^= 1;
	return make(me, &parent, &approved, me->operator_);
}

static const struct {
	const char *name;
	struct bundle *(*make)(const struct impostor *me);
	bool claimed; /* as what lb2 runs, not as a push */
} cases[] = {
	{ "joined", good, true },
	{ "joined again", good, true },
	{ "offered", good, false },
	{ "text changed", changed_text, false },
	{ "signature changed", changed_signature, false },
	{ "unsigned", no_signer, false },
	{ "cut short", cut_short, false },
	{ "stranger", by_stranger, false },
	{ "node only", by_node, false },
	{ "other pair", other_pair, false },
	{ "older", older, false },
	{ "replayed", replayed, false },
	{ "foreign", foreign, false },
	{ "newer format", newer_format, false },
	{ "newer schema", newer_schema, false },
	{ "forged, claimed", changed_text, true },
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* --- the channel ------------------------------------------------------------------------------ */

static void say(struct impostor *me, const Sync__Frame *frame)
{
	size_t size = sync__frame__get_packed_size(frame);

	if (size > sizeof(me->frame))
		die("a frame is too long");
	sync__frame__pack(frame, me->frame);
	channel_send(&me->channel, me->frame, size);
}

static ProtobufCBinaryData id_of(const struct revision *revision)
{
	return (ProtobufCBinaryData){ REVISION_ID, (uint8_t *)(uintptr_t)revision->id };
}

static void claim(struct impostor *me, const struct lineage *line)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionState state = SYNC__REVISION_STATE__INIT;

	state.number = line->tip.number;
	state.id = id_of(&line->tip);
	state.ancestors = (ProtobufCBinaryData){ line->ancestors * REVISION_ID,
						 (uint8_t *)(uintptr_t)line->ancestor };
	frame.revision_state = &state;
	say(me, &frame);
}

static void offer(struct impostor *me, const struct revision *which)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionWord word = SYNC__REVISION_WORD__INIT;

	word.word = SYNC__REVISION_WORD__WORD__OFFER;
	word.number = which->number;
	word.id = id_of(which);
	frame.revision_word = &word;
	say(me, &frame);
}

static void next_case(struct impostor *me)
{
	bundle_free(me->offered);
	me->offered = NULL;
	if (me->at == CASES) {
		ev_break(me->loop, EVBREAK_ALL);
		return;
	}
	me->offered = cases[me->at].make(me);
	if (cases[me->at].claimed)
		claim(me, &me->offered->line);
	else
		offer(me, &me->offered->line.tip);
	ev_timer_again(me->loop, &me->late);
}

static void came(struct impostor *me, const char *word, const char *why)
{
	printf("%s: %s %s\n", cases[me->at++].name, word, why ? why : "");
	fflush(stdout);
	next_case(me);
}

static void heard_state(struct impostor *me, const Sync__RevisionState *state)
{
	bool first = !me->known;

	me->known = true;
	me->line = (struct lineage){ .tip.number = state->number,
				     .ancestors = state->ancestors.len / REVISION_ID };
	memcpy(me->line.tip.id, state->id.data, REVISION_ID);
	if (state->ancestors.len)
		memcpy(me->line.ancestor, state->ancestors.data, state->ancestors.len);
	if (first)
		next_case(me);
	else if (me->at < CASES && me->offered &&
		 revision_equal(&me->line.tip, &me->offered->line.tip))
		came(me, "taken", NULL);
}

static void heard_want(struct impostor *me, const Sync__RevisionWant *want)
{
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__RevisionPart part = SYNC__REVISION_PART__INIT;
	size_t left;

	if (!me->offered || want->offset >= me->offered->length)
		return;
	left = me->offered->length - want->offset;
	part.number = want->number;
	part.id = want->id;
	part.offset = want->offset;
	part.size = (uint32_t)me->offered->length;
	part.part.len = left < FETCH_PART ? left : FETCH_PART;
	part.part.data = me->offered->packed + want->offset;
	frame.revision_part = &part;
	say(me, &frame);
}

static void heard_word(struct impostor *me, const Sync__RevisionWord *word)
{
	if (me->at == CASES)
		return;
	if (word->word == SYNC__REVISION_WORD__WORD__CHECKED)
		came(me, "checked", NULL);
	else if (word->word == SYNC__REVISION_WORD__WORD__REFUSED)
		came(me, "refused:", word->why);
}

static void on_frame(void *arg, const uint8_t *bytes, size_t length)
{
	struct impostor *me = arg;
	const Sync__Frame *frame = record_frame(&me->arena, bytes, length);

	if (!frame)
		die("a frame that is not one");
	if (frame->revision_state &&
	    frame->revision_state->ancestors.len <= REVISION_ANCESTORS * REVISION_ID)
		heard_state(me, frame->revision_state);
	else if (frame->revision_want)
		heard_want(me, frame->revision_want);
	else if (frame->revision_word)
		heard_word(me, frame->revision_word);
}

static void beat(void *arg)
{
	struct impostor *me = arg;
	Sync__Frame frame = SYNC__FRAME__INIT;
	Sync__Heartbeat say_it = SYNC__HEARTBEAT__INIT;
	Cas__NodeFacts facts = CAS__NODE_FACTS__INIT;

	facts.version = (char *)(uintptr_t) "9.9";
	say_it.facts = &facts;
	frame.heartbeat = &say_it;
	say(me, &frame);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	beat(timer->data);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct impostor *me = timer->data;

	(void)loop;
	(void)events;
	printf("%s: not answered\n", me->known ? cases[me->at].name : "channel");
	exit(1);
}

static void on_drained(void *arg)
{
	(void)arg;
}
static void on_down(void *arg, const char *why)
{
	(void)arg;
	fprintf(stderr, "impostor: the channel is down: %s\n", why);
}

static const struct channel_ops ops = {
	.up = beat, .down = on_down, .frame = on_frame, .drained = on_drained
};

static void open_channel(struct impostor *me)
{
	const Conf__Config *file = me->conf->file;
	struct channel_config config = { .self = me->keys.self, .paths = 1 };
	struct path_config *path = &config.path[0];

	path->timeout_ms = file->sync->peer_timeout_ms;
	path->rekey_ms = file->sync->rekey_ms;
	if (!endpoint_parse(&path->local, file->node[1]->sync[0], 0, "") ||
	    !endpoint_parse(&path->remote, file->node[0]->sync[0], (uint16_t)file->sync->port,
			    "") ||
	    channel_open(&me->channel, me->loop, &config, &ops, me) != 0)
		die(me->channel.why[0] ? me->channel.why : "the addresses of sync");
}

static void load(struct impostor *me, char **argv)
{
	static struct seal_keypair nobody;
	struct conf_faults faults;
	char why[KEY_WHY];

	me->conf = conf_read_file(argv[1], &faults);
	if (!me->conf || seal_init() != 0 || !keys_load(&me->keys, me->conf, 2, argv[2]) ||
	    sign_key_of_node(&me->node, me->keys.own[0]) != 0)
		die("no configuration, or no key");
	if (sign_key_read(&me->operator_, argv[3], why) != 0)
		die(why);
	seal_keypair_new(&nobody);
	if (sign_key_of_node(&me->stranger, &nobody) != 0)
		die("no key");
	conf_faults_free(&faults);
}

int main(int argc, char **argv)
{
	static struct impostor me;

	if (argc != 4)
		die("usage: impostor CONF KEY OPERATOR-KEY");
	record_arena_init(&me.arena, me.memory, sizeof(me.memory));
	me.loop = ev_default_loop(0);
	load(&me, argv);
	open_channel(&me);
	ev_timer_init(&me.beat, on_beat, 0.1, 0.1);
	ev_timer_init(&me.late, on_late, ANSWER_S, ANSWER_S);
	me.beat.data = me.late.data = &me;
	ev_timer_start(me.loop, &me.beat);
	ev_timer_start(me.loop, &me.late);
	ev_run(me.loop, 0);
	channel_close(&me.channel);
	return 0;
}
