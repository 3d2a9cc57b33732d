// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/release.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/checksum.h"
#include "lbd/dataplane.h"

/* Ten times within FLOW_STALE_NS. */
static const double beat_every = 0.1;

static void send_packet(void *arg, struct flow_held *packet)
{
	struct release *release = arg;
	int error;

	checksum_complete(packet->frame, packet->length);
	error = dataplane_release(release->plane, packet);
	if (!error)
		return;
	/* Like any packet that gets lost: it is sent once more. */
	release->unsent++;
	log_debug("a packet that had waited cannot be sent: %s", strerror(-error));
}

static bool is_alone(const struct release *release, uint64_t now)
{
	uint64_t synced_ns = __atomic_load_n(&release->plane->acked->synced_ns, __ATOMIC_ACQUIRE);

	return !synced_ns || (int64_t)(now - synced_ns) > (int64_t)FLOW_STALE_NS;
}

bool release_standby(const struct release *release)
{
	return !is_alone(release, daemon_now_ns());
}

static struct hold_sight look(const struct release *release)
{
	const struct flow_acked *acked = release->plane->acked;
	struct hold_sight sight = { .now_ns = daemon_now_ns() };
	struct flow_lost lost;
	uint32_t zero = 0;

	sight.alone = is_alone(release, sight.now_ns);
	sight.position = __atomic_load_n(&acked->position, __ATOMIC_ACQUIRE);
	sight.certain = !bpf_map_lookup_elem(release->plane->map[MAP_LOST], &zero, &lost) &&
			lost.events == __atomic_load_n(&acked->lost, __ATOMIC_ACQUIRE);
	return sight;
}

static void arm(struct release *release)
{
	uint64_t now = daemon_now_ns(), until = release->hold.until_ns;

	ev_timer_stop(release->loop, &release->due);
	if (!until)
		return;
	ev_now_update(release->loop);
	ev_timer_set(&release->due, until > now ? (double)(until - now) / 1e9 : 0., 0.);
	ev_timer_start(release->loop, &release->due);
}

/*
 * Syncd moves the position, then looks whether anybody waits; we say that somebody does, then look
 * at the position.  So one of the two sees the other, and no packet waits for nothing.
 */
static void settle(struct release *release)
{
	struct flow_acked *acked = release->plane->acked;
	struct hold_sight sight;

	if (release->hold.waiting) {
		__atomic_store_n(&acked->holding, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		sight = look(release);
		hold_sift(&release->hold, &sight, send_packet, release);
	}
	if (!release->hold.waiting)
		__atomic_store_n(&acked->holding, 0, __ATOMIC_SEQ_CST);
	arm(release);
}

static void on_held(void *arg, struct flow_held *packet)
{
	struct release *release = arg;

	if (hold_take(&release->hold, packet, daemon_now_ns(), send_packet, release))
		release->unsent++;
}

static void on_packets(struct ev_loop *loop, ev_io *io, int events)
{
	struct release *release = io->data;

	(void)loop;
	(void)events;
	dataplane_held(release->plane);
	settle(release);
}

static void on_followed(struct ev_loop *loop, ev_io *io, int events)
{
	struct release *release = io->data;
	uint64_t steps;

	(void)loop;
	(void)events;
	if (read(io->fd, &steps, sizeof(steps)) == sizeof(steps))
		settle(release);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	settle(timer->data);
}

static void on_beat(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct release *release = timer->data;

	(void)loop;
	(void)events;
	__atomic_store_n(&release->plane->acked->reader_ns, daemon_now_ns(), __ATOMIC_RELEASE);
}

static void start_watchers(struct release *release, int packets)
{
	struct ev_loop *loop = release->loop;

	ev_io_init(&release->packets, on_packets, packets, EV_READ);
	ev_io_init(&release->followed, on_followed, release->wake, EV_READ);
	ev_timer_init(&release->due, on_due, 0., 0.);
	ev_timer_init(&release->beat, on_beat, 0., beat_every);
	release->packets.data = release->followed.data = release;
	release->due.data = release->beat.data = release;
	ev_io_start(loop, &release->packets);
	ev_io_start(loop, &release->followed);
	ev_timer_start(loop, &release->beat);
}

int release_start(struct release *release, struct ev_loop *loop, struct dataplane *plane)
{
	int error, packets = -1;

	*release = (struct release){ .plane = plane, .wake = -1 };
	error = hold_open(&release->hold);
	if (!error) {
		packets = dataplane_hold(plane, on_held, release);
		error = packets < 0 ? packets : 0;
	}
	if (!error) {
		release->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		error = release->wake < 0 ? -errno : 0;
	}
	if (error) {
		log_error("packets of strict services cannot be read: %s", strerror(-error));
		hold_close(&release->hold);
		return error;
	}
	release->loop = loop;
	start_watchers(release, packets);
	return 0;
}

/* The data plane does without us from the next packet on. */
void release_stop(struct release *release)
{
	if (!release->loop)
		return;
	__atomic_store_n(&release->plane->acked->reader_ns, 0, __ATOMIC_RELEASE);
	dataplane_held(release->plane);
	hold_empty(&release->hold, send_packet, release);
	__atomic_store_n(&release->plane->acked->holding, 0, __ATOMIC_RELEASE);
	ev_io_stop(release->loop, &release->packets);
	ev_io_stop(release->loop, &release->followed);
	ev_timer_stop(release->loop, &release->due);
	ev_timer_stop(release->loop, &release->beat);
	close(release->wake);
	hold_close(&release->hold);
	release->loop = NULL;
}
