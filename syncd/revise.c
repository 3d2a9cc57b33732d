// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/revise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/files.h"
#include "conf/log.h"
#include "proto/memo.h"
#include "syncd/syncd.h"

enum { SETTLE_NS = 1000 * 1000 * 1000 };

const char *const revise_counter_names[BUNDLE_VERDICTS] = {
	[BUNDLE_SAME] = "revision-same",
	[BUNDLE_MALFORMED] = "revision-malformed",
	[BUNDLE_FORMAT] = "revision-format",
	[BUNDLE_UNSIGNED] = "revision-unsigned",
	[BUNDLE_STRANGER] = "revision-stranger",
	[BUNDLE_FORGED] = "revision-forged",
	[BUNDLE_PAIR] = "revision-pair",
	[BUNDLE_OLDER] = "revision-older",
	[BUNDLE_REPLAYED] = "revision-replayed",
	[BUNDLE_FOREIGN] = "revision-foreign",
	[BUNDLE_UNAPPROVED] = "revision-unapproved",
	[BUNDLE_NO_MEMORY] = "revision-memory",
};

uint64_t revise_unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void revise_up(struct syncd *syncd)
{
	bool again = syncd->revise.push.up;

	fetch_end(&syncd->revise.fetch);
	if (!syncd->revise.history)
		return;
	push_up(&syncd->revise.push, daemon_now_ns());
	if (again)
		remote_again(syncd);
}

void revise_down(struct syncd *syncd)
{
	remote_cut(syncd);
	fetch_end(&syncd->revise.fetch);
	if (syncd->revise.history)
		push_down(&syncd->revise.push, daemon_now_ns());
}

void revise_role(struct syncd *syncd)
{
	if (syncd->revise.history)
		push_role(&syncd->revise.push, syncd->session.leading, daemon_now_ns());
}

void revise_logged(struct syncd *syncd, const struct flow_event *event)
{
	struct revise *revise = &syncd->revise;
	struct revision which = { 0 };
	struct memo memo = { 0 };

	if (!memo_take(&memo, event) || memo.size != REVISE_RECORD)
		return;
	for (size_t i = 0; i < 8; i++)
		which.number |= (uint64_t)memo.bytes[i] << (8 * i);
	memcpy(which.id, memo.bytes + 8, REVISION_ID);
	revise->logged = which;
	revise->logged_ns = daemon_now_ns();
}

/* Bases that lbd has not switched to yet are those of the configuration before. */
static void take_logged(struct syncd *syncd, uint64_t now)
{
	struct revise *revise = &syncd->revise;

	if (!revise->logged_ns ||
	    (!session_settled(&syncd->session) && now - revise->logged_ns < SETTLE_NS))
		return;
	revise->logged_ns = 0;
	push_logged(&revise->push, &revise->logged, now);
}

static void take_answers(struct revise *revise, uint64_t now)
{
	char why[INSPECT_TEXT];

	if (!revise->wait.any || revise->wait.lbd || revise->wait.vrrpd)
		return;
	snprintf(why, sizeof(why), "%s", revise->wait.why);
	revise->wait.any = false;
	push_applied(&revise->push, why[0] ? why : NULL, now);
}

void revise_tick(struct syncd *syncd, uint64_t now)
{
	struct revise *revise = &syncd->revise;

	if (!revise->history)
		return;
	if (revise->push.leading != syncd->session.leading)
		revise_role(syncd);
	take_logged(syncd, now);
	take_answers(revise, now);
	if (fetch_stalled(&revise->fetch, now))
		revise_fetch_failed(syncd, "the peer stopped giving it");
	push_tick(&revise->push, now);
}

/* --- start and stop --------------------------------------------------------------------------- */

/* The working copy, as long as nobody has pushed. */
static bool make_base(struct syncd *syncd)
{
	struct bundle_plan plan = { .pair = syncd->conf->file->pair };
	struct conf_text *file = NULL;
	struct bundle *base = NULL;
	char why[KEY_WHY] = "";
	int err = bundle_files_load(&file, &plan.files, syncd->options.config, why);

	plan.file = file;
	if (err == 0)
		err = bundle_make(&base, &plan, NULL);
	if (err == 0)
		err = history_base(syncd->revise.history, base);
	bundle_free(base);
	bundle_files_free(file, plan.files);
	if (err)
		log_error("the configuration cannot be kept as a revision: %s%s%s", strerror(-err),
			  why[0] ? ": " : "", why);
	return err == 0;
}

void revise_reread(struct syncd *syncd)
{
	struct revise *revise = &syncd->revise;

	if (!revise->history || history_standing(revise->history)->pushed)
		return;
	if (make_base(syncd))
		push_line(&revise->push, history_line(revise->history), daemon_now_ns());
}

static uint64_t left_ns(const struct standing *standing)
{
	uint64_t now = revise_unix_ms();

	/* A clock that was set must not make it last for ever. */
	if (standing->confirm_by_ms <= now)
		return 0;
	return (standing->confirm_by_ms - now < 3600000 ? standing->confirm_by_ms - now : 3600000) *
	       1000000;
}

bool revise_start(struct syncd *syncd)
{
	struct revise *revise = &syncd->revise;
	const struct standing *standing;
	char why[HISTORY_WHY] = "";
	int err = history_open(&revise->history, syncd->options.state_dir, true, why);

	if (err) {
		log_error("revisions of the configuration cannot be kept: %s",
			  why[0] ? why : strerror(-err));
		revise->history = NULL;
		return false;
	}
	standing = history_standing(revise->history);
	if (standing->damaged) {
		snprintf(revise->damage, sizeof(revise->damage),
			 "the store of revisions was damaged: %s", standing->why);
		log_error("%s", revise->damage);
	}
	if (!standing->pushed && !make_base(syncd)) {
		history_close(revise->history);
		revise->history = NULL;
		return false;
	}
	standing = history_standing(revise->history);
	if (!revision_none(&standing->staged))
		history_unstage(revise->history);
	standing = history_standing(revise->history);
	push_open(&revise->push, history_line(revise->history),
		  standing->pushed && standing->confirm_by_ms, left_ns(standing), &revise_ops,
		  syncd, daemon_now_ns());
	session_revision(&syncd->session, standing->pushed ? revise->push.line.tip.id : NULL);
	return true;
}

void revise_stop(struct syncd *syncd)
{
	struct revise *revise = &syncd->revise;

	fetch_end(&revise->fetch);
	remote_stop(syncd);
	upload_end(&revise->upload);
	bundle_free(revise->given);
	bundle_free(revise->sent);
	history_close(revise->history);
	revise->history = NULL;
}

/* --- status ----------------------------------------------------------------------------------- */

static bool store_is_whole(const struct revise *revise)
{
	return revision_none(&history_standing(revise->history)->need);
}

const char *revise_wrong(const struct syncd *syncd)
{
	const struct push *push = &syncd->revise.push;

	if (!syncd->revise.history)
		return "the store of revisions could not be opened";
	if (push_split(push))
		return "the nodes have two histories of the configuration: pairctl adopt NODE says "
		       "whose holds";
	if (push->why[0])
		return push->why;
	/* It comes from the peer, as to a node that was away. */
	return store_is_whole(&syncd->revise) ? NULL : syncd->revise.damage;
}

void revise_status(const struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
		   char id[REVISION_TEXT])
{
	const struct push *push = &syncd->revise.push;
	const struct revision *tip = &push->line.tip;

	status->revision_why = (char *)(uintptr_t)revise_wrong(syncd);
	if (syncd->revise.history && syncd->revise.damage[0]) {
		status->store_damage = (char *)(uintptr_t)syncd->revise.damage;
		status->has_store_whole = true;
		status->store_whole = store_is_whole(&syncd->revise);
	}
	if (!syncd->revise.history || push->line.base || revision_none(tip))
		return;
	status->has_revision = true;
	status->revision = tip->number;
	for (size_t i = 0; i < REVISION_DIGITS / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", tip->id[i]);
	status->revision_id = id;
	status->has_confirm_left_ms = push->unconfirmed;
	if (push->unconfirmed && push->deadline_ns > now)
		status->confirm_left_ms = (push->deadline_ns - now) / 1000000;
	if (push->phase != PUSH_IDLE)
		status->push_phase = (char *)(uintptr_t)push_phase_names[push->phase];
	status->has_pushes = status->has_rollbacks = status->has_joins = true;
	status->pushes = push->pushed;
	status->rollbacks = push->rolled_back;
	status->joins = push->joined;
}
