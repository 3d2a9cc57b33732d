// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ll

/* A wish that takes effect after a year or more is a slip of somebody's pen. */
#define MOST_MS (366ll * 24 * 3600 * 1000)

/* What the other node may have rounded and the log delayed. */
#define SAME_NS (5000 * MS)

void admin_free(struct admin *admin)
{
	free(admin->wish);
	*admin = (struct admin){ 0 };
}

static size_t place_of(const struct admin *admin, const char *array, const char *member)
{
	size_t i = 0;

	while (i < admin->count && (strcmp(admin->wish[i].array, array) != 0 ||
				    strcmp(admin->wish[i].member, member) != 0))
		i++;
	return i;
}

const struct admin_wish *admin_find(const struct admin *admin, const char *array,
				    const char *member)
{
	size_t at = place_of(admin, array, member);

	return at < admin->count ? &admin->wish[at] : NULL;
}

int admin_put(struct admin *admin, const struct admin_wish *wish)
{
	size_t at = place_of(admin, wish->array, wish->member);
	struct admin_wish *more;

	if (wish->word == CAS__ADMIN_STATE__WORD__UP) {
		if (at < admin->count)
			admin->wish[at] = admin->wish[--admin->count];
		return 0;
	}
	if (at == admin->count) {
		more = realloc(admin->wish, (at + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		admin->wish = more;
		admin->count++;
	}
	admin->wish[at] = *wish;
	return 0;
}

/* A name that is too long would be somebody else's. */
static bool take_name(char name[ADMIN_NAME], const char *from)
{
	size_t length = strlen(from);

	if (!length || length >= ADMIN_NAME)
		return false;
	memcpy(name, from, length + 1);
	return true;
}

/* Cut between two characters of UTF-8, not within one; it ends in logs and on terminals. */
static void take_text(char *text, size_t size, const char *from)
{
	size_t length = from ? strnlen(from, size) : 0;

	if (length == size)
		for (length--; length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80;)
			length--;
	for (size_t i = 0; i < length; i++)
		text[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ? '?' : from[i];
	text[length] = '\0';
}

/* Less than nothing: since its deadline, its sessions are being ended. */
static int64_t left_of(const Cas__AdminState *state, const struct admin_time *time)
{
	int64_t left_ms = state->left_ms;

	if (state->has_deadline_ms && state->deadline_ms > time->unix_ms)
		left_ms = state->deadline_ms - time->unix_ms < MOST_MS
				  ? (int64_t)(state->deadline_ms - time->unix_ms)
				  : MOST_MS;
	else if (state->has_deadline_ms)
		left_ms = time->unix_ms - state->deadline_ms < MOST_MS
				  ? -(int64_t)(time->unix_ms - state->deadline_ms)
				  : -MOST_MS;
	if (left_ms > MOST_MS)
		return MOST_MS;
	return left_ms > -MOST_MS ? left_ms : -MOST_MS;
}

bool admin_read(struct admin_wish *wish, const Cas__AdminState *state,
		const struct admin_time *time)
{
	*wish = (struct admin_wish){ .word = state->word };
	if (!take_name(wish->array, state->array) || !take_name(wish->member, state->member))
		return false;
	if (state->word != CAS__ADMIN_STATE__WORD__UP &&
	    state->word != CAS__ADMIN_STATE__WORD__DRAIN &&
	    state->word != CAS__ADMIN_STATE__WORD__MAINTENANCE)
		return false;
	take_text(wish->owner, sizeof(wish->owner), state->owner);
	take_text(wish->reason, sizeof(wish->reason), state->reason);
	wish->uid = state->uid;
	wish->since_ms = state->since_ms;
	wish->ends = state->word == CAS__ADMIN_STATE__WORD__MAINTENANCE || state->has_deadline_ms ||
		     state->has_left_ms;
	if (!wish->ends)
		return true;
	wish->deadline_ns = (int64_t)time->now_ns + left_of(state, time) * MS;
	wish->spread_ns = state->spread_ms < MOST_MS ? (int64_t)state->spread_ms * MS
						     : MOST_MS * MS;
	return true;
}

void admin_write(Cas__AdminState *state, const struct admin_wish *wish,
		 const struct admin_time *time, bool on_disk)
{
	int64_t left_ms = (wish->deadline_ns - (int64_t)time->now_ns) / MS;

	cas__admin_state__init(state);
	state->array = (char *)(uintptr_t)wish->array;
	state->member = (char *)(uintptr_t)wish->member;
	state->word = wish->word;
	if (wish->word == CAS__ADMIN_STATE__WORD__UP)
		return;
	state->owner = (char *)(uintptr_t)wish->owner;
	state->reason = wish->reason[0] ? (char *)(uintptr_t)wish->reason : NULL;
	state->has_uid = state->has_since_ms = 1;
	state->uid = wish->uid;
	state->since_ms = wish->since_ms;
	if (wish->word != CAS__ADMIN_STATE__WORD__DRAIN || !wish->ends)
		return;
	state->has_spread_ms = wish->spread_ns != 0;
	state->spread_ms = (uint64_t)(wish->spread_ns / MS);
	state->has_left_ms = !on_disk;
	state->left_ms = left_ms;
	/* A date before the first one is a long past deadline all the same. */
	state->has_deadline_ms = on_disk;
	if (left_ms > 0 || time->unix_ms > (uint64_t)-left_ms)
		state->deadline_ms = time->unix_ms + (uint64_t)left_ms;
}

bool admin_same(const struct admin_wish *one, const struct admin_wish *other)
{
	int64_t apart = one->deadline_ns - other->deadline_ns;

	if (one->word != other->word || one->ends != other->ends || one->uid != other->uid ||
	    one->since_ms != other->since_ms || one->spread_ns != other->spread_ns)
		return false;
	if (strcmp(one->owner, other->owner) != 0 || strcmp(one->reason, other->reason) != 0)
		return false;
	return !one->ends || one->word == CAS__ADMIN_STATE__WORD__MAINTENANCE ||
	       (apart < SAME_NS && apart > -SAME_NS);
}

enum plan_duty admin_duty(const struct admin_wish *wish, uint64_t now_ns)
{
	if (!wish)
		return PLAN_SERVES;
	if (wish->word == CAS__ADMIN_STATE__WORD__MAINTENANCE)
		return PLAN_AWAY;
	if (!wish->ends || (int64_t)now_ns < wish->deadline_ns + wish->spread_ns)
		return PLAN_RESTS;
	return PLAN_AWAY;
}

uint32_t admin_share(const struct admin_wish *wish, uint64_t now_ns)
{
	int64_t passed_ns;

	if (!wish || !wish->ends)
		return 0;
	if (admin_duty(wish, now_ns) == PLAN_AWAY)
		return UINT32_MAX;
	passed_ns = (int64_t)now_ns - wish->deadline_ns;
	if (passed_ns < 0)
		return 0;
	return (uint32_t)((double)passed_ns / (double)wish->spread_ns * UINT32_MAX);
}
