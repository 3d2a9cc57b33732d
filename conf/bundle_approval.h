/* SPDX-License-Identifier: BSD-2-Clause */
/* An operator's word for the files of a revision: for bundle.c only. */
#ifndef CASPAIR_BUNDLE_APPROVAL_H
#define CASPAIR_BUNDLE_APPROVAL_H

#include "bundle.pb-c.h"
#include "conf/bundle.h"

void approval_make(struct bundle_approval *approval, const struct sign_key *key,
		   const uint8_t content[BUNDLE_CONTENT], const char *pair);

/* `wire` may be NULL.  False: it cannot be one. */
bool approval_take(struct bundle_approval *approval, const Revision__Approval *wire);

#endif
