/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers who does not encrypt RPC, out of the data plane's census. */
#ifndef CASPAIR_CENSUS_H
#define CASPAIR_CENSUS_H

#include "conf/ctl.h"

struct lbd;

/* One answer; an array that there is not, or where nothing is inspected, is refused. */
void census_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__EncryptionRequest *request);

#endif
