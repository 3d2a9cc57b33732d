// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/pinhole.h"

#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "lbd/arena.h"
#include "lbd/keep.h"
#include "lbd/lbd.h"
#include "lbd/tables.h"
#include "lbd/tell.h"

static const char file_name[] = "learned";

/* --- on disk ---------------------------------------------------------------------------------- */

void pinhole_load(struct pinhole *pinhole, const char *state_dir)
{
	Cas__LearnedFile *file = (Cas__LearnedFile *)keep_load(
		state_dir, file_name, &cas__learned_file__descriptor,
		"learned ports are open until the checks have learned them anew");

	*pinhole = (struct pinhole){ 0 };
	for (size_t i = 0; file && i < file->n_member; i++) {
		struct learned_ports ports;

		if (learned_read(&ports, file->member[i]))
			learned_put(&pinhole->learned, &ports);
	}
	cas__learned_file__free_unpacked(file, NULL);
}

void pinhole_free(struct pinhole *pinhole)
{
	learned_free(&pinhole->learned);
}

static void save(const struct lbd *lbd)
{
	const struct learned *learned = &lbd->pinhole.learned;
	Cas__LearnedFile file = CAS__LEARNED_FILE__INIT;
	Cas__LearnedPorts *member = calloc(learned->count + 1, sizeof(*member));
	uint32_t(*number)[LEARNED_PORTS] = calloc(learned->count + 1, sizeof(*number));

	file.member = calloc(learned->count + 1, sizeof(*file.member));
	for (size_t i = 0; member && number && file.member && i < learned->count; i++) {
		learned_write(&member[i], &learned->list[i], number[i]);
		file.member[file.n_member++] = &member[i];
	}
	if (member && number && file.member)
		keep_save(lbd->options.state_dir, file_name, &file.base);
	else
		log_error("no memory for %s/%s", lbd->options.state_dir, file_name);
	free(file.member);
	free(number);
	free(member);
}

/* --- in force --------------------------------------------------------------------------------- */

static void apply(struct lbd *lbd)
{
	uint64_t changed = learned_plan(&lbd->pinhole.learned, lbd->plan);

	for (unsigned int i = 0; i < FLOW_MAX_ARRAYS; i++) {
		int error = changed >> i & 1 ? tables_ports(&lbd->plane, lbd->plan, i) : 0;

		if (error)
			log_error("open ports cannot be written: %s", strerror(-error));
	}
}

static void tell_ports(struct lbd *lbd, const struct learned_ports *ports, bool news)
{
	uint32_t number[LEARNED_PORTS];
	Cas__LearnedPorts message;

	learned_write(&message, ports, number);
	tell(&lbd->plane, EVENT_LEARNED, news, &message.base);
}

void pinhole_announce(struct lbd *lbd, bool news)
{
	const struct learned *learned = &lbd->pinhole.learned;

	for (size_t i = 0; lbd->judge.role == JUDGE_ACTIVE && i < learned->count; i++)
		tell_ports(lbd, &learned->list[i], news);
}

/* All that the checks of one member know; false: nothing yet. */
static bool collect(const struct lbd *lbd, unsigned int member, struct learned_ports *ports)
{
	const struct health *health = &lbd->judge.health;

	*ports = (struct learned_ports){ 0 };
	snprintf(ports->array, sizeof(ports->array), "%s",
		 lbd->plan->array_of_member[member]->name);
	snprintf(ports->member, sizeof(ports->member), "%s", lbd->plan->member[member]->name);
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		for (size_t j = 0; target->member == member && j < target->interfaces; j++)
			if (target->learned[j])
				learned_add(ports, target->learned[j]);
	}
	return ports->ports;
}

void pinhole_tick(struct lbd *lbd)
{
	struct learned_ports ports;
	bool changed = false;

	if (lbd->judge.role == JUDGE_STANDBY || lbd->pinhole.seen == lbd->judge.news)
		return;
	lbd->pinhole.seen = lbd->judge.news;
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		if (!lbd->plan->member[m] || !collect(lbd, m, &ports))
			continue;
		if (learned_put(&lbd->pinhole.learned, &ports) <= 0)
			continue;
		changed = true;
		if (lbd->judge.role == JUDGE_ACTIVE)
			tell_ports(lbd, &ports, true);
	}
	if (!changed)
		return;
	apply(lbd);
	save(lbd);
}

void pinhole_obey(struct lbd *lbd, const uint8_t *bytes, size_t size)
{
	Cas__LearnedPorts *message = cas__learned_ports__unpack(NULL, size, bytes);
	struct learned_ports ports;
	bool good = message && learned_read(&ports, message);

	cas__learned_ports__free_unpacked(message, NULL);
	if (!good || lbd->judge.role == JUDGE_ACTIVE) {
		log_debug("learned ports that cannot be taken: ignored");
		return;
	}
	if (learned_put(&lbd->pinhole.learned, &ports) <= 0)
		return;
	apply(lbd);
	save(lbd);
}

bool pinhole_status(const struct lbd *lbd, struct arena *arena, unsigned int member,
		    Cas__MemberStatus *status)
{
	const struct learned_ports *ports = learned_find(&lbd->pinhole.learned,
							 lbd->plan->array_of_member[member]->name,
							 lbd->plan->member[member]->name);

	if (!ports)
		return true;
	status->learned_port = arena_take(arena, ports->ports * sizeof(*status->learned_port));
	for (size_t i = 0; status->learned_port && i < ports->ports; i++)
		status->learned_port[status->n_learned_port++] = ports->port[i];
	return status->learned_port;
}
