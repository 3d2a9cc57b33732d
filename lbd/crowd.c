// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/crowd.h"

#include <string.h>

static uint32_t age_of(uint32_t idle, uint32_t linger)
{
	uint64_t age = linger ? (uint64_t)idle * CROWD_AGES / linger : CROWD_AGES;

	return age < CROWD_AGES ? (uint32_t)age : CROWD_AGES - 1;
}

bool crowd_yields(struct crowd *crowd, uint32_t idle, uint32_t linger)
{
	uint32_t age = age_of(idle, linger);

	if (crowd->left && age >= crowd->from) {
		crowd->left--;
		return true;
	}
	crowd->resting[age]++;
	return false;
}

/* The age from which on there are `wanted`, or the youngest. */
static uint32_t age_for(const struct crowd *crowd, uint64_t wanted)
{
	uint32_t age = CROWD_AGES;
	uint64_t found = 0;

	while (age && found < wanted)
		found += crowd->resting[--age];
	return age;
}

uint64_t crowd_walked(struct crowd *crowd, uint64_t used, uint64_t room)
{
	uint64_t resting = 0;

	crowd->left = 0;
	if (used > room - room / 16) {
		crowd->left = used - (room - room / 8);
		crowd->from = age_for(crowd, crowd->left);
	}
	for (uint32_t age = 0; age < CROWD_AGES; age++)
		resting += crowd->resting[age];
	memset(crowd->resting, 0, sizeof(crowd->resting));
	return crowd->left < resting ? crowd->left : resting;
}
