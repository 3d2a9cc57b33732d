/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CASPAIR_DIFF_EFFECT_H
#define CASPAIR_DIFF_EFFECT_H

#include "conf/diff.h"

/* Fills in the shares and the effects.  0 or -ENOMEM. */
int diff_effects(struct diff *diff, const struct conf *before, const struct conf *after);

#endif
