// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/answer.h"

#include "lbd/census.h"
#include "lbd/distance.h"
#include "lbd/lbd.h"
#include "lbd/members.h"
#include "lbd/services.h"
#include "lbd/sessions.h"
#include "lbd/status.h"
#include "lbd/usage.h"
#include "lbd/where.h"

void answer_question(struct lbd *lbd, struct ctl_conn *conn, const Cas__Message *message)
{
	if (message->status)
		status_answer(lbd, conn);
	else if (message->members)
		members_answer(lbd, conn);
	else if (message->services)
		services_answer(lbd, conn, message->services);
	else if (message->sessions)
		sessions_answer(lbd, conn, message->sessions);
	else if (message->encryption)
		census_answer(lbd, conn, message->encryption);
	else if (message->usage)
		usage_answer(lbd, conn, message->usage);
	else if (message->latency)
		distance_answer(lbd, conn, message->latency);
	else if (message->admin)
		roster_answer(lbd, conn, message->admin);
	else if (message->where)
		where_answer(lbd, conn, message->where);
	else
		ctl_refuse(conn, 1, "lbd has no answer to this; is pairctl of another version?");
}

void answer_continue(struct ctl_conn *conn)
{
	struct answering *answering = ctl_data(conn);

	if (answering && answering->go_on)
		answering->go_on(answering);
}

void answer_forget(struct ctl_conn *conn)
{
	struct answering *answering = ctl_data(conn);

	if (answering)
		answering->forget(answering);
}
