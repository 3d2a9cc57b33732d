/* SPDX-License-Identifier: BSD-2-Clause */
/* What has become of those who wanted a service: for pairctl. */
#ifndef CASPAIR_SERVICES_H
#define CASPAIR_SERVICES_H

#include "conf/ctl.h"

struct lbd;

void services_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__ServicesRequest *request);

#endif
