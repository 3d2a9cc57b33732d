// SPDX-License-Identifier: BSD-2-Clause
/* Loading, attaching and running the packet bench's programs. */
#include "tests/bench/packets_tool.h"

#include "proto/flow.h"
#include "proto/flow_ip.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum {
	BATCH = 64,
	REPEAT_MAX = 2000000000,
	PATIENCE_MS = 20000,
	QUIET_MS = 300, /* without progress: frames were lost */
	DRAIN_MS = 50,
	LRU_SIZE = 2000000,
};

/* As in katranlike.bpf.c. */
struct vip_key {
	uint32_t addr[4];
	uint16_t port;
	uint8_t proto;
	uint8_t pad;
};

struct real {
	uint32_t addr[4];
	uint32_t flags;
};

static bool among(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names))
		names++;
	return *names;
}

struct bpf_object *object_load(const struct options *options, const char *const *programs)
{
	struct bpf_object *object = bpf_object__open_file(options->object, NULL);
	struct bpf_program *program;
	struct bpf_map *tally, *other;

	if (!object) {
		fprintf(stderr, "packets: %s cannot be opened\n", options->object);
		return NULL;
	}
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, among(bpf_program__name(program), programs));
	/* Two large tables, of which one is used. */
	other = bpf_object__find_map_by_name(object, among("bench_line", programs) ? "records"
										   : "lines");
	if (other)
		bpf_map__set_autocreate(other, false);
	tally = bpf_object__find_map_by_name(object, "tally");
	if (tally && options->tally)
		bpf_map__set_pin_path(tally, options->tally);
	if (bpf_object__load(object)) {
		fprintf(stderr, "packets: %s cannot be loaded\n", options->object);
		bpf_object__close(object);
		return NULL;
	}
	return object;
}

static int map_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static int program_of(const struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	return program ? bpf_program__fd(program) : -1;
}

static void put(int map, uint32_t key, const void *value)
{
	if (map >= 0 && bpf_map_update_elem(map, &key, value, BPF_ANY))
		die("map");
}

/* --- attach ----------------------------------------------------------------------------------- */

static void set_forward(const struct bpf_object *object, const struct options *options)
{
	struct options out = *options;
	struct bench_forward forward = { 0 };
	struct bench_plan plan;

	out.kind = "ack";
	if (plan_make(&out, &plan)) /* knows the address of its own interface */
		die(options->out);
	forward.ifindex = if_nametoindex(options->out);
	memcpy(forward.dest, plan.frame, sizeof(forward.dest));
	memcpy(forward.source, plan.frame + sizeof(forward.dest), sizeof(forward.source));
	put(map_of(object, "forward"), 0, &forward);
}

/* The connections of the bench's flows, in one table. */
static void fill_lru(int lru, const struct options *options)
{
	struct connection {
		uint32_t source[4], dest[4];
		uint16_t ports[2];
		uint8_t proto, pad[3];
	} key = { .dest = { options->vip.sin_addr.s_addr }, .proto = IPPROTO_TCP };
	const uint64_t value[2] = { 1 };

	key.ports[1] = options->vip.sin_port;
	for (uint32_t i = 0; i < options->flows; i++) {
		key.source[0] = htonl(BENCH_CLIENT_NET + i % BENCH_CLIENTS);
		key.ports[0] = htons((uint16_t)(BENCH_FIRST_PORT + i / BENCH_CLIENTS));
		if (bpf_map_update_elem(lru, &key, value, BPF_ANY))
			die("LRU table");
	}
}

/* The bench's connections for bench_lookup: all of them are the first member's. */
static void fill_records(int records, const struct options *options)
{
	const struct flow record = { .state = FLOW_ESTABLISHED };
	struct flow_key key = { .vip = flow_ip4(options->vip.sin_addr.s_addr),
				.vip_port = options->vip.sin_port };

	for (uint32_t i = 0; i < options->flows; i++) {
		key.client = flow_ip4(htonl(BENCH_CLIENT_NET + i % BENCH_CLIENTS));
		key.client_port = htons((uint16_t)(BENCH_FIRST_PORT + i / BENCH_CLIENTS));
		if (bpf_map_update_elem(records, &key, &record, BPF_ANY))
			die("records");
	}
}

static int make_lru(const struct options *options)
{
	int lru = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "bench_lru", 40, 16, LRU_SIZE, NULL);

	if (lru < 0)
		die("LRU table");
	fill_lru(lru, options);
	return lru;
}

/* One VIP, all places of its ring with one real server, an LRU table for each CPU. */
static void set_katran_like(const struct bpf_object *object, const struct options *options)
{
	struct vip_key key = { .addr = { options->vip.sin_addr.s_addr },
			       .port = options->vip.sin_port,
			       .proto = IPPROTO_TCP };
	const uint32_t vip[2] = { 0 }, number = 1;
	struct real real = { .addr = { options->real.sin_addr.s_addr } };
	int lrus = map_of(object, "lrus"), cpus = libbpf_num_possible_cpus();

	if (bpf_map_update_elem(map_of(object, "vips"), &key, vip, BPF_ANY))
		die("vips");
	for (uint32_t i = 0; i < 65537; i++)
		put(map_of(object, "ring"), i, &number);
	put(map_of(object, "reals"), number, &real);
	for (int i = 0; i < cpus; i++) {
		int lru = make_lru(options);

		put(lrus, (uint32_t)i, &lru);
		close(lru);
	}
}

int attach_run(const struct options *options)
{
	const char *const programs[] = { options->program, NULL };
	struct bpf_object *object = object_load(options, programs);

	if (!object)
		return 1;
	if (options->out)
		set_forward(object, options);
	if (options->vip.sin_family && map_of(object, "vips") >= 0)
		set_katran_like(object, options);
	else if (options->vip.sin_family && map_of(object, "records") >= 0)
		fill_records(map_of(object, "records"), options);
	if (bpf_xdp_attach((int)if_nametoindex(options->on), program_of(object, options->program),
			   XDP_FLAGS_DRV_MODE, NULL))
		die(options->on);
	return 0;
}

/* --- send ------------------------------------------------------------------------------------- */

struct run {
	struct bench_plan *plan;
	struct bench_tally *tally;
	pthread_t sender;
	bool gave_up;
};

static void on_signal(int number)
{
	(void)number;
}

static void sleep_ms(long ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static uint64_t seen(const __u64 *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* A test run ends by its count, which includes frames that had to wait, or by a signal. */
static void *watch(void *arg)
{
	struct run *run = arg;
	uint64_t before = 0;
	int quiet = 0;

	for (int ms = 0; seen(&run->plan->sent) < run->plan->count && ms < PATIENCE_MS; ms += 2) {
		uint64_t now = seen(&run->plan->sent);

		sleep_ms(2);
		quiet = now == before && now ? quiet + 2 : 0;
		/* Lost frames hold the window up for good: open it. */
		if (quiet >= QUIET_MS) {
			run->plan->limit += run->plan->window;
			run->gave_up = true;
			quiet = 0;
		}
		before = now;
	}
	pthread_kill(run->sender, SIGUSR1);
	return NULL;
}

/* CPU time in ns that the named threads have had. */
static uint64_t cpu_time(const char *files)
{
	uint64_t sum = 0;
	char list[512], *save = NULL;

	snprintf(list, sizeof(list), "%s", files ? files : "");
	for (char *file = strtok_r(list, ",", &save); file; file = strtok_r(NULL, ",", &save)) {
		FILE *from = fopen(file, "re");
		unsigned long long ns = 0;

		if (!from || fscanf(from, "%llu", &ns) != 1)
			die(file);
		fclose(from);
		sum += ns;
	}
	return sum;
}

static void run_frames(struct run *run, int program)
{
	const struct sigaction action = { .sa_handler = on_signal };
	uint8_t frame[BENCH_SKEW + BENCH_FRAME] = { 0 };
	struct bpf_test_run_opts test = { .sz = sizeof(test),
					  .data_in = frame,
					  .data_size_in = sizeof(frame),
					  .repeat = REPEAT_MAX,
					  .batch_size = BATCH,
					  .flags = BPF_F_TEST_XDP_LIVE_FRAMES };
	pthread_t watcher;

	run->sender = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&watcher, NULL, watch, run))
		die("thread");
	if (bpf_prog_test_run_opts(program, &test) && errno != EINTR)
		die("live frames");
	pthread_join(watcher, NULL);
}

/* Until everything has arrived, or the receiver has been quiet for a moment. */
static void drain(const struct bench_tally *tally, uint64_t sent)
{
	uint64_t before = 0;

	for (int quiet = 0; seen(&tally->received) < sent && quiet < DRAIN_MS; quiet += 2) {
		if (seen(&tally->received) != before)
			quiet = 0;
		before = seen(&tally->received);
		sleep_ms(2);
	}
}

static void report(const struct options *options, const struct run *run, uint64_t cpu)
{
	uint64_t got = run->tally->received;
	double wall = (double)(run->tally->last_ns - run->plan->first_ns);
	uint64_t timed = run->tally->published;

	printf("{\"kind\":\"%s\",\"flows\":%u,\"sent\":%llu,\"received\":%llu,\"cpu_ns\":%.1f,"
	       "\"wall_pps\":%.0f,\"held_up\":%s}\n",
	       options->kind, options->flows, run->plan->sent, (unsigned long long)got,
	       got ? (double)cpu / (double)got : 0,
	       timed && wall > 0 ? (double)timed * 1e9 / wall : 0, run->gave_up ? "true" : "false");
}

int send_run(const struct options *options)
{
	static const char *const programs[] = { "bench_send", NULL };
	struct bpf_object *object = object_load(options, programs);
	struct run run = { 0 };
	uint64_t cpu;

	if (!object)
		return 1;
	run.plan = mmap(NULL, sizeof(*run.plan), PROT_READ | PROT_WRITE, MAP_SHARED,
			map_of(object, "plan"), 0);
	run.tally = mmap(NULL, sizeof(*run.tally), PROT_READ | PROT_WRITE, MAP_SHARED,
			 map_of(object, "tally"), 0);
	if (run.plan == MAP_FAILED || run.tally == MAP_FAILED)
		die("mmap");
	memset(run.tally, 0, sizeof(*run.tally));
	if (plan_make(options, run.plan)) {
		fprintf(stderr, "packets: these frames cannot be made\n");
		return 2;
	}
	run.plan->ifindex = if_nametoindex(options->out);
	cpu = cpu_time(options->thread);
	run_frames(&run, program_of(object, "bench_send"));
	drain(run.tally, run.plan->sent);
	report(options, &run, cpu_time(options->thread) - cpu);
	bpf_object__close(object);
	return 0;
}

/* --- again ------------------------------------------------------------------------------------ */

/* ns a run of a program behind bench_again. */
static double time_program(const struct bpf_object *object, const struct options *options,
			   int target, int *verdict)
{
	struct xdp_md context = { .data_end = BENCH_FRAME,
				  .ingress_ifindex = if_nametoindex(options->on) };
	uint8_t frame[BENCH_FRAME + 64] = { 0 };
	struct bpf_test_run_opts test = { .sz = sizeof(test),
					  .data_in = frame,
					  .data_size_in = BENCH_FRAME,
					  .data_out = frame,
					  .data_size_out = sizeof(frame),
					  .ctx_in = &context,
					  .ctx_size_in = sizeof(context),
					  .repeat = (int)options->count };

	put(map_of(object, "under_test"), 0, &target);
	if (bpf_prog_test_run_opts(program_of(object, "bench_again"), &test))
		die("test run");
	*verdict = (int)test.retval;
	return test.duration;
}

/* The program that an interface runs. */
static int attached(const char *interface)
{
	uint32_t id = 0;

	if (bpf_xdp_query_id((int)if_nametoindex(interface), 0, &id) || !id) {
		fprintf(stderr, "packets: %s has no XDP program\n", interface);
		return -1;
	}
	return bpf_prog_get_fd_by_id(id);
}

int again_run(const struct options *options)
{
	static const char *const programs[] = { "bench_again", "bench_nothing", NULL };
	struct bpf_object *object = object_load(options, programs);
	int target = attached(options->on), verdict, ignored;
	struct bench_plan plan;
	double empty, full;

	if (!object || target < 0)
		return 1;
	if (plan_make(options, &plan)) {
		fprintf(stderr, "packets: these frames cannot be made\n");
		return 2;
	}
	put(map_of(object, "plan"), 0, &plan);
	empty = time_program(object, options, program_of(object, "bench_nothing"), &ignored);
	full = time_program(object, options, target, &verdict);
	printf("{\"kind\":\"%s\",\"flows\":%u,\"program_ns\":%.0f,\"frame_ns\":%.0f,\"verdict\":%d}"
	       "\n",
	       options->kind, options->flows, full - empty, empty, verdict);
	bpf_object__close(object);
	close(target);
	return 0;
}
