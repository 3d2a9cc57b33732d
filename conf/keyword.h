/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the file as the schema gives them: which are known where, and what was meant. */
#ifndef CASPAIR_KEYWORD_H
#define CASPAIR_KEYWORD_H

#include "conf/near.h"
#include "conf/rules.h"

/* The field that a statement in this block sets; NULL for an unknown word, and for the title's. */
const ProtobufCFieldDescriptor *keyword_find(const ProtobufCMessageDescriptor *type,
					     const char *word);

/* Tries every keyword of a block. */
void keyword_near(struct near *near, const ProtobufCMessageDescriptor *type);

/* The block where this word would be known; false when there is none, or it is the file itself. */
bool keyword_home(char home[RULE_KEYWORD], const char *word);

/* `array "mel"`, `check tcp` or `vrrp`: what messages call a block. */
enum { KEYWORD_LABEL = 112 };
const char *keyword_label(char label[KEYWORD_LABEL], const ProtobufCMessage *message);

#endif
