// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/witness.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "vrrp/lease.h"

static const uint64_t silent_ns = INQUIRY_SILENT_MS * UINT64_C(1000000);
/* The kernel is asked in a tenth of a second.  From here on that is worth a line in the log. */
static const uint64_t late_ns = 2000000000;

/* --- who they are ----------------------------------------------------------------------------- */

static struct witness *find(struct witness *list, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_compare(&list[i].addr, addr) == 0)
			return &list[i];
	}
	return NULL;
}

/* What is known of those that were there before. */
struct before {
	struct witness witness[WITNESS_MAX];
	size_t count;
};

static void add(struct witnesses *witnesses, struct before *before, const char *text)
{
	struct witness witness = { 0 };
	const struct witness *old;

	if (witnesses->count == WITNESS_MAX || !addr_parse(&witness.addr, text) ||
	    find(witnesses->witness, witnesses->count, &witness.addr))
		return;
	old = find(before->witness, before->count, &witness.addr);
	witnesses->witness[witnesses->count++] = old ? *old : witness;
}

static void add_member(struct witnesses *witnesses, struct before *before,
		       const Conf__Member *member)
{
	for (size_t i = 0; i < member->n_address; i++)
		add(witnesses, before, member->address[i]);
}

void witness_plan(struct witnesses *witnesses, const struct conf *conf)
{
	const Conf__Config *file = conf->file;
	struct before before = { .count = witnesses->count };

	memcpy(before.witness, witnesses->witness, sizeof(before.witness));
	witnesses->count = 0;
	for (size_t i = 0; i < file->vrrp->n_witness; i++)
		add(witnesses, &before, file->vrrp->witness[i]);
	/* Any address that no interface has a network for leads to the default gateway. */
	add(witnesses, &before, "192.0.2.1");
	for (size_t i = 0; i < file->n_array; i++) {
		for (size_t j = 0; j < file->array[i]->n_member; j++)
			add_member(witnesses, &before, file->array[i]->member[j]);
	}
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void note(struct witnesses *witnesses, const struct inquiry_finding *finding)
{
	struct witness *witness = find(witnesses->witness, witnesses->count, &finding->addr);

	if (!witness)
		return; /* another configuration has come since it was asked for */
	if (finding->ifindex)
		witness->ifindex = finding->ifindex;
	if (finding->seen_ns) {
		witness->seen_ns = finding->seen_ns;
		witness->known = true;
	}
	witness->answered = witness->known && finding->reachable;
}

bool witness_answers(const struct witness *witness)
{
	return witness->known && lease_now() - witness->seen_ns < silent_ns;
}

static bool answers_on(const struct witnesses *witnesses, int ifindex)
{
	for (size_t i = 0; i < witnesses->count; i++) {
		if (witnesses->witness[i].ifindex == ifindex && witnesses->witness[i].answered)
			return true;
	}
	return false;
}

static enum lookout_round judge(struct witnesses *witnesses)
{
	bool answer = false;

	witnesses->known = 0;
	witnesses->dark = 0;
	for (size_t i = 0; i < witnesses->count; i++) {
		const struct witness *witness = &witnesses->witness[i];

		witnesses->known += witness->known;
		answer = answer || witness->answered;
		if (witness->known && !answers_on(witnesses, witness->ifindex))
			witnesses->dark = witness->ifindex;
	}
	if (!witnesses->known)
		return LOOKOUT_UNKNOWN;
	if (!answer)
		return LOOKOUT_SILENT;
	return witnesses->dark ? LOOKOUT_PARTLY : LOOKOUT_ANSWERS;
}

static void on_answer(struct ev_loop *loop, ev_io *io, int events)
{
	struct witnesses *witnesses = io->data;
	struct inquiry_answer answer;
	bool overslept;

	(void)loop;
	(void)events;
	if (!inquiry_take(&witnesses->inquiry, &answer))
		return;
	if (witnesses->late)
		log_info("the kernel answers questions of neighbours again, after %.1f s",
			 (double)(lease_now() - witnesses->asked_ns) / 1e9);
	for (size_t i = 0; i < answer.count; i++)
		note(witnesses, &answer.finding[i]);
	overslept = witnesses->overslept;
	witnesses->asked_ns = 0;
	witnesses->late = witnesses->overslept = false;
	if (overslept)
		witness_ask(witnesses, false);
	else
		witnesses->told(witnesses->arg, judge(witnesses));
}

static void look_at_clock(struct witnesses *witnesses)
{
	if (witnesses->late || lease_now() - witnesses->asked_ns < late_ns)
		return;
	witnesses->late = true;
	log_warning("the kernel has not answered a question of neighbours for 2 s: a driver or a "
		    "program keeps its lock of network devices");
}

void witness_ask(struct witnesses *witnesses, bool again)
{
	struct inquiry_question question = { .again = again, .count = witnesses->count };

	if (witnesses->asked_ns) {
		look_at_clock(witnesses);
		return;
	}
	for (size_t i = 0; i < witnesses->count; i++)
		question.addr[i] = witnesses->witness[i].addr;
	if (inquiry_ask(&witnesses->inquiry, &question))
		witnesses->asked_ns = lease_now();
}

void witness_overslept(struct witnesses *witnesses)
{
	if (!witnesses->asked_ns)
		return;
	witnesses->overslept = true;
	witnesses->asked_ns = lease_now(); /* it was not the kernel that took so long */
}

int witness_open(struct witnesses *witnesses, struct ev_loop *loop, witness_told *told, void *arg)
{
	int err = inquiry_open(&witnesses->inquiry);

	if (err)
		return err;
	witnesses->loop = loop;
	witnesses->told = told;
	witnesses->arg = arg;
	ev_io_init(&witnesses->io, on_answer, witnesses->inquiry.fd, EV_READ);
	witnesses->io.data = witnesses;
	ev_io_start(loop, &witnesses->io);
	return 0;
}

void witness_close(struct witnesses *witnesses)
{
	ev_io_stop(witnesses->loop, &witnesses->io);
	inquiry_close(&witnesses->inquiry);
}
