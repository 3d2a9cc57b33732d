// SPDX-License-Identifier: BSD-2-Clause
/* Comparisons of both tables, for who asks and for the log. */
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "syncd/syncd.h"

enum { TELL_NS = 1000 * 1000 * 1000, EXIT_PROBLEM = 1, EXIT_UNSAFE = 4 };

static void fill(const struct verify_result *result, const char *why, Cas__VerifyReply *reply)
{
	cas__verify_reply__init(reply);
	reply->slices = result->slices;
	reply->compared = result->compared;
	reply->differing = result->differing;
	reply->left = result->left;
	reply->busy = result->busy;
	reply->entries = result->entries;
	reply->changing = result->changing;
	reply->repaired = result->repaired;
	reply->resent = result->resent;
	reply->duration_ms = result->took_ns / 1000000;
	reply->why = why && *why ? (char *)(uintptr_t)why : NULL;
}

static void answer(struct syncd *syncd, Cas__VerifyReply *reply, bool more)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.verify_reply = reply;
	message.has_more = message.more = more;
	for (size_t i = 0; i < syncd->verify.askers; i++)
		ctl_send(syncd->verify.asker[i], &message, NULL, 0);
}

void compare_asked(struct syncd *syncd, struct ctl_conn *conn)
{
	struct syncd_verify *verify = &syncd->verify;
	const char *why;

	for (size_t i = 0; i < verify->askers; i++)
		if (verify->asker[i] == conn)
			return; /* it is told already */
	if (verify->askers == SYNCD_ASKERS) {
		ctl_refuse(conn, EXIT_PROBLEM, "%d others wait for the comparison already",
			   SYNCD_ASKERS);
		return;
	}
	if (!syncd->session.leading && syncd->session.peer.role == CAS__ROLE__ACTIVE) {
		ctl_refuse(conn, EXIT_UNSAFE, "this node is standby; run it on %s",
			   syncd_name(syncd, 3 - syncd->node));
		return;
	}
	why = session_verify(&syncd->session, daemon_now_ns());
	if (why)
		ctl_refuse(conn, EXIT_UNSAFE, "%s", why);
	else
		verify->asker[verify->askers++] = conn;
}

void compare_closed(struct syncd *syncd, const struct ctl_conn *conn)
{
	struct syncd_verify *verify = &syncd->verify;

	for (size_t i = 0; i < verify->askers; i++)
		if (verify->asker[i] == conn)
			verify->asker[i--] = verify->asker[--verify->askers];
}

void compare_progress(struct syncd *syncd, uint64_t now)
{
	const struct verify *run = &syncd->session.verify;
	struct verify_result result = run->result;
	Cas__VerifyReply reply;

	if (!syncd->verify.askers || now - syncd->verify.told_ns < TELL_NS)
		return;
	syncd->verify.told_ns = now;
	result.took_ns = now - result.begun_ns;
	fill(&result, NULL, &reply);
	reply.has_walked = reply.has_to_walk = true;
	reply.walked = result.walked + run->walked + run->peer_walks;
	reply.to_walk = result.to_walk;
	answer(syncd, &reply, true);
}

static void log_end(const struct verify_result *result, const char *why)
{
	const unsigned int took = (unsigned int)(result->took_ns / 1000000);

	if (why)
		log_info("comparison of the tables broken off after %u of %u slices: %s",
			 result->compared, result->slices, why);
	else if (result->differing || result->busy)
		log_warning("the tables differed in %u of %u slices; %llu entries sent again%s; "
			    "%u slices still differ, %u could not be told",
			    result->differing, result->slices, (unsigned long long)result->repaired,
			    result->resent ? ", and once everything" : "", result->left,
			    result->busy);
	else
		log_debug("the tables are equal: %llu entries in %u ms",
			  (unsigned long long)result->entries, took);
}

void compare_ended(struct syncd *syncd, const struct verify_result *result, const char *why)
{
	struct syncd_verify *verify = &syncd->verify;
	Cas__VerifyReply reply;

	log_end(result, why);
	verify->last = *result;
	snprintf(verify->why, sizeof(verify->why), "%s", why ? why : "");
	verify->ended_ns = daemon_now_ns();
	fill(result, verify->why, &reply);
	answer(syncd, &reply, false);
	verify->askers = 0;
}

void compare_status(struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
		    Cas__VerifyReply *reply)
{
	const struct verify *run = &syncd->session.verify;

	status->has_verify_runs = status->has_verify_differing = status->has_verify_repaired = true;
	status->verify_runs = run->runs;
	status->verify_differing = run->differing;
	status->verify_repaired = run->repaired;
	if (!syncd->verify.ended_ns)
		return;
	fill(&syncd->verify.last, syncd->verify.why, reply);
	status->verify = reply;
	status->has_verify_age_ms = true;
	status->verify_age_ms = (now - syncd->verify.ended_ns) / 1000000;
}
