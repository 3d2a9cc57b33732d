// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/opinion.h"

#include <stdio.h>
#include <string.h>

#include "conf/ctl.h"
#include "conf/log.h"
#include "lbd/lbd.h"
#include "lbd/pool.h"

static const double tell_every = 1.;
static const uint64_t believed_ns = 10 * 1000000000ull;

/* --- this node's own ---------------------------------------------------------------------- */

static bool objects(const struct lbd *lbd, unsigned int pool, unsigned int member)
{
	const struct standing *standing = &lbd->plan->standing[pool][member];

	/* What an operator wants away is not down for its checks. */
	return lbd->judge.role == JUDGE_STANDBY && lbd->plan->duty[member] != PLAN_AWAY &&
	       health_objects(&lbd->judge.health, pool, member, standing->up, standing->since_ns);
}

static void name_verdict(struct opinion *opinion, const struct plan *plan, unsigned int pool,
			 unsigned int member)
{
	snprintf(opinion->array, OPINION_NAME, "%s", plan->array_of_member[member]->name);
	snprintf(opinion->member, OPINION_NAME, "%s", plan->member[member]->name);
	snprintf(opinion->pool, OPINION_NAME, "%s", plan->name_of_pool[pool]);
	opinion->up = plan->standing[pool][member].up;
}

/* As many as fit a message. */
static size_t form(const struct lbd *lbd, struct opinion opinion[OPINIONS])
{
	size_t count = 0;

	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS && count < OPINIONS; m++) {
			if (!pool_has(lbd->plan, p, m) || !objects(lbd, p, m))
				continue;
			name_verdict(&opinion[count], lbd->plan, p, m);
			opinion[count].up = !opinion[count].up;
			health_text(opinion[count++].check, &lbd->judge.health, p, m);
		}
	return count;
}

static void send_opinions(struct lbd *lbd, struct opinion *own, size_t count)
{
	Cas__Opinion word[OPINIONS], *list[OPINIONS];
	Cas__Opinions opinions = CAS__OPINIONS__INIT;
	Cas__Counts counts = CAS__COUNTS__INIT;
	Cas__Message message = CAS__MESSAGE__INIT;

	for (size_t i = 0; i < count; i++) {
		cas__opinion__init(&word[i]);
		word[i].array = own[i].array;
		word[i].member = own[i].member;
		word[i].pool = own[i].pool;
		word[i].up = own[i].up;
		word[i].check = own[i].check;
		list[i] = &word[i];
	}
	opinions.opinion = list;
	opinions.n_opinion = count;
	counts.opinions = &opinions;
	message.counts = &counts;
	ctl_send(lbd->share.syncd, &message, NULL, 0);
}

/* That there are none any longer is told once; should it get lost, the peer forgets by itself. */
static void on_tell(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct opinion own[OPINIONS];
	struct lbd *lbd = timer->data;
	size_t count = form(lbd, own);

	(void)loop;
	(void)events;
	if (lbd->share.syncd && (count || lbd->opinions.told))
		send_opinions(lbd, own, count);
	lbd->opinions.told = count;
}

void opinion_start(struct opinions *opinions, struct lbd *lbd)
{
	ev_timer_init(&opinions->tell, on_tell, tell_every, tell_every);
	opinions->tell.data = lbd;
	ev_timer_start(lbd->loop, &opinions->tell);
}

void opinion_stop(struct opinions *opinions, struct lbd *lbd)
{
	if (opinions->tell.data)
		ev_timer_stop(lbd->loop, &opinions->tell);
}

/* --- the peer's --------------------------------------------------------------------------- */

static bool same_place(const struct opinion *one, const struct opinion *other)
{
	return !strcmp(one->array, other->array) && !strcmp(one->member, other->member) &&
	       !strcmp(one->pool, other->pool);
}

static const struct opinion *find(const struct opinion *list, size_t count,
				  const struct opinion *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (same_place(&list[i], wanted))
			return &list[i];
	return NULL;
}

static void take(struct opinion *opinion, const Cas__Opinion *word)
{
	snprintf(opinion->array, OPINION_NAME, "%s", word->array);
	snprintf(opinion->member, OPINION_NAME, "%s", word->member);
	snprintf(opinion->pool, OPINION_NAME, "%s", word->pool);
	snprintf(opinion->check, HEALTH_TEXT, "%s", word->check);
	opinion->up = word->up;
}

void opinions_hear(struct opinions *opinions, const Cas__Opinions *word, uint64_t now_ns)
{
	struct opinion next;
	size_t count = word->n_opinion < OPINIONS ? word->n_opinion : OPINIONS;
	bool stale = now_ns - opinions->heard_ns > believed_ns;
	size_t before = stale ? 0 : opinions->count;

	for (size_t i = 0; i < count; i++) {
		take(&next, word->opinion[i]);
		if (!find(opinions->heard, before, &next))
			log_warning("the standby sees %s/%s %s in %s: %s", next.array, next.member,
				    next.up ? "up" : "down", next.pool, next.check);
	}
	for (size_t i = 0; i < count; i++)
		take(&opinions->heard[i], word->opinion[i]);
	if (before && !count)
		log_info("the standby sees all members as this node does");
	opinions->count = count;
	opinions->heard_ns = now_ns;
}

const struct opinion *opinions_find(const struct opinions *opinions, const struct opinion *verdict,
				    uint64_t now_ns)
{
	const struct opinion *opinion = find(opinions->heard, opinions->count, verdict);

	/* This node may have come to the same verdict meanwhile. */
	if (!opinion || opinion->up == verdict->up || now_ns - opinions->heard_ns > believed_ns)
		return NULL;
	return opinion;
}

/* --- told --------------------------------------------------------------------------------- */

/* Who has something against a verdict, and what; NULL: nobody. */
static const char *objector(const struct lbd *lbd, unsigned int pool, unsigned int member,
			    char text[HEALTH_TEXT])
{
	Conf__Node *const *node = lbd->conf->file->node;
	const struct opinion *heard;
	struct opinion named;

	if (objects(lbd, pool, member)) {
		health_text(text, &lbd->judge.health, pool, member);
		return node[lbd->node - 1]->name;
	}
	if (lbd->judge.role == JUDGE_STANDBY)
		return NULL;
	name_verdict(&named, lbd->plan, pool, member);
	heard = opinions_find(&lbd->opinions, &named, daemon_now_ns());
	if (!heard)
		return NULL;
	memcpy(text, heard->check, HEALTH_TEXT);
	return node[2 - lbd->node]->name;
}

bool opinion_verdict(const struct lbd *lbd, struct arena *arena, unsigned int pool,
		     unsigned int member, Cas__PoolVerdict *verdict)
{
	char text[HEALTH_TEXT];
	const char *who = objector(lbd, pool, member, text);

	if (!who)
		return true;
	verdict->objector = arena_print(arena, "%s", who);
	verdict->objection = arena_print(arena, "%s", text);
	return verdict->objector && verdict->objection;
}

static char *line(const struct lbd *lbd, struct arena *arena, unsigned int pool,
		  unsigned int member)
{
	const struct plan *plan = lbd->plan;
	char text[HEALTH_TEXT];
	const char *who = objector(lbd, pool, member, text);

	if (!who)
		return NULL;
	return arena_print(arena, "%s sees %s/%s %s in %s: %s", who,
			   plan->array_of_member[member]->name, plan->member[member]->name,
			   plan->standing[pool][member].up ? "down" : "up",
			   plan->name_of_pool[pool], text);
}

bool opinion_status(const struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status)
{
	status->objection = arena_take(arena, OPINIONS * sizeof(*status->objection));
	if (!status->objection)
		return false;
	for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
		for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
			if (status->n_objection == OPINIONS || !pool_has(lbd->plan, p, m))
				continue;
			status->objection[status->n_objection] = line(lbd, arena, p, m);
			status->n_objection += !!status->objection[status->n_objection];
		}
	return true;
}
