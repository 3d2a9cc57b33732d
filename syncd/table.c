// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Key and value sizes that we rely on; 0: not checked. */
static const struct {
	uint32_t key, value;
} shape[TABLE_FDS] = {
	[TABLE_FLOWS] = { sizeof(uint32_t), sizeof(struct flow_place) },
	[TABLE_PINS] = { sizeof(struct pin_key), sizeof(struct pin) },
	[TABLE_LOST] = { sizeof(uint32_t), sizeof(struct flow_lost) },
	[TABLE_GAUGES] = { sizeof(uint32_t), sizeof(struct flow_gauges) },
	[TABLE_INBOX] = { sizeof(uint32_t), sizeof(struct flow_event) },
	[TABLE_CONTROL] = { sizeof(uint32_t), sizeof(struct flow_control) },
	[TABLE_MEMBERS] = { sizeof(uint32_t), sizeof(struct flow_member) },
	[TABLE_SOURCES] = { sizeof(uint32_t), sizeof(struct flow_source) },
	[TABLE_ACKED] = { sizeof(uint32_t), sizeof(struct flow_acked) },
	[TABLE_BUCKETS] = { sizeof(uint32_t), sizeof(struct flow_bucket) },
	[TABLE_FORM] = { sizeof(uint32_t), sizeof(struct flow_form) },
};

static uint32_t ticks(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)(((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) >>
			  FLOW_TICK_SHIFT);
}

/* Another CPU may have stamped an entry an instant ahead of us: that is no age of 52 days. */
static uint32_t since(uint32_t now, uint32_t then)
{
	uint32_t age = now - then;

	return age > INT32_MAX ? 0 : age;
}

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* --- open and close --------------------------------------------------------------------------- */

void table_init(struct table *table)
{
	memset(table, 0, sizeof(*table));
	for (size_t i = 0; i < TABLE_FDS; i++)
		table->fd[i] = -1;
}

bool table_is_open(const struct table *table)
{
	return table->fd[TABLE_FLOWS] >= 0;
}

void table_close(struct table *table)
{
	if (table->inbox)
		munmap(table->inbox, FLOW_BATCH * sizeof(*table->inbox));
	if (table->acked)
		munmap(table->acked, sizeof(*table->acked));
	if (table->awake)
		table_sleep(table);
	if (table->consumer)
		munmap(table->consumer, page());
	if (table->producer)
		munmap((void *)(uintptr_t)table->producer, page() + 2 * table->ring);
	for (size_t i = 0; i < TABLE_FDS; i++)
		if (table->fd[i] >= 0)
			close(table->fd[i]);
	table_init(table);
}

static int map_info(int fd, struct bpf_map_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &size) == 0 ? 0 : -errno;
}

static int check_shapes(struct table *table)
{
	struct bpf_map_info info;

	for (size_t i = 0; i < TABLE_FDS; i++) {
		int err = shape[i].value ? map_info(table->fd[i], &info) : 0;

		if (err)
			return err;
		if (shape[i].value &&
		    (info.key_size != shape[i].key || info.value_size != shape[i].value))
			return -EINVAL;
	}
	return 0;
}

static void *map_memory(int fd, size_t size, int protection, size_t offset)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);

	return memory == MAP_FAILED ? NULL : memory;
}

/* The ring's layout is kernel interface (Documentation/bpf/ringbuf.rst); libbpf maps it as we do.
 */
static int map_all(struct table *table)
{
	struct bpf_map_info info;
	int err = map_info(table->fd[TABLE_EVENTS], &info);

	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	table->ring = info.max_entries;
	table->consumer = map_memory(table->fd[TABLE_EVENTS], page(), PROT_READ | PROT_WRITE, 0);
	table->producer = map_memory(table->fd[TABLE_EVENTS], page() + 2 * table->ring, PROT_READ,
				     page());
	table->inbox = map_memory(table->fd[TABLE_INBOX], FLOW_BATCH * sizeof(*table->inbox),
				  PROT_READ | PROT_WRITE, 0);
	table->acked = map_memory(table->fd[TABLE_ACKED], sizeof(*table->acked),
				  PROT_READ | PROT_WRITE, 0);
	if (!table->consumer || !table->producer || !table->inbox || !table->acked)
		return -errno;
	table->data = (const uint8_t *)table->producer + page();
	table->at = table->told = *table->consumer;
	return 0;
}

int table_open(struct table *table, const int *fds, size_t count)
{
	struct flow_control control;
	uint32_t zero = 0;
	int err = count < TABLE_FDS ? -EINVAL : 0;

	table_init(table);
	for (size_t i = 0; i < count; i++) {
		if (i < TABLE_FDS)
			table->fd[i] = fds[i];
		else
			close(fds[i]);
	}
	if (!err)
		err = check_shapes(table);
	if (!err)
		err = map_all(table);
	if (!err && bpf_map_lookup_elem(table->fd[TABLE_CONTROL], &zero, &control) != 0)
		err = -errno;
	if (!err)
		err = places_open(&table->places, table->fd[TABLE_FLOWS], table->fd[TABLE_BUCKETS],
				  table->fd[TABLE_FORM]);
	table->capacity = table->places.form.limit;
	if (!err)
		table->layout = control.layout;
	if (!err && control.layout != FLOW_LAYOUT)
		err = -EINVAL;
	if (err)
		table_close(table);
	return err;
}

/* --- events ----------------------------------------------------------------------------------- */

int table_events_fd(const struct table *table)
{
	return table->fd[TABLE_EVENTS];
}

size_t table_read(struct table *table, struct flow_event *event, size_t max)
{
	uint64_t at = table->at, end = __atomic_load_n(table->producer, __ATOMIC_ACQUIRE);
	size_t n = 0;

	while (at < end && n < max) {
		const uint8_t *record = table->data + (at & (table->ring - 1));
		uint32_t header = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		uint32_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(header & BPF_RINGBUF_DISCARD_BIT) && length == sizeof(*event))
			memcpy(&event[n++], record + BPF_RINGBUF_HDR_SZ, sizeof(*event));
		table->told = at;
		at += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
	}
	table->at = at;
	return n;
}

void table_release(struct table *table)
{
	__atomic_store_n(table->consumer, table->awake ? table->told : table->at,
			 __ATOMIC_RELEASE);
}

void table_stay_awake(struct table *table)
{
	table->awake = true;
}

bool table_sleep(struct table *table)
{
	table->awake = false;
	table->told = table->at;
	__atomic_store_n(table->consumer, table->at, __ATOMIC_RELEASE);
	/* What is reserved after this look finds the position told before it, and wakes us. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	table->awake = __atomic_load_n(table->producer, __ATOMIC_ACQUIRE) != table->at;
	return !table->awake;
}

int table_lost(const struct table *table, uint64_t *events)
{
	struct flow_lost lost;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(table->fd[TABLE_LOST], &zero, &lost) != 0)
		return -errno;
	*events = lost.events;
	return 0;
}

int table_gauges(const struct table *table, struct flow_gauges *gauges)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(table->fd[TABLE_GAUGES], &zero, gauges) == 0 ? 0 : -errno;
}

/* lbd looks at the position after it has said that packets wait, and we the other way round. */
void table_wake_reader(const struct table *table)
{
	const uint64_t step = 1;

	/* One that has not read the last one is awake, or soon will be. */
	if (__atomic_load_n(&table->acked->holding, __ATOMIC_SEQ_CST) &&
	    write(table->fd[TABLE_WAKE], &step, sizeof(step)) < 0)
		return;
}

/* --- records in ------------------------------------------------------------------------------- */

int table_apply(struct table *table, const struct flow_event *event, size_t count,
		struct flow_call *call)
{
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .ctx_in = call,
					 .ctx_size_in = sizeof(*call) };

	/* A call's context comes back where it went in. */
	*call = (struct flow_call){ .count = (uint32_t)count };
	if (count > FLOW_BATCH)
		return -E2BIG;
	memcpy(table->inbox, event, count * sizeof(*event));
	if (bpf_prog_test_run_opts(table->fd[TABLE_APPLY], &run) != 0)
		return -errno;
	return run.retval == 0 ? 0 : -EIO;
}

/* --- records out ------------------------------------------------------------------------------ */

/* A member's address of that family; none for a slot that says nothing. */
static struct flow_ip address_for(const struct flow_member *member, const struct flow_ip *client)
{
	return member->addr[flow_ip_family(client)];
}

/* What an entry's slots stand for. */
struct meaning {
	const struct flow_member *member;
	struct flow_ip source; /* none: the member sees the client */
};

static void fill_flow(struct flow_event *event, const struct flow_key *key, const struct flow *flow,
		      const struct meaning *meaning, uint32_t now)
{
	*event = (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = flow->state,
		.flags = flow->flags &
			 (FLOW_OUTBOUND | FLOW_PICKED_UP | FLOW_REPLICA | FLOW_DOOMED),
		.epoch = flow->epoch,
		.key = *key,
		.member = flow->flags & FLOW_OUTBOUND ? key->vip
						      : address_for(meaning->member, &key->vip),
		.source = meaning->source,
		.source_port = flow->source ? flow->source_port : 0,
		.mode = flow->mode,
		.client_ack = flow->client_ack,
		.client_seq = flow->client_seq,
		.age = since(now, flow->created),
		.idle = since(now, flow->last_seen),
	};
}

static void fill_pin(struct flow_event *event, const struct pin_key *key, const struct pin *pin,
		     const struct flow_member *member, uint32_t now)
{
	*event = (struct flow_event){
		.kind = EVENT_PIN_PUT,
		.key = { .client = key->client },
		.member = address_for(member, &key->client),
		.pool_id = key->pool_id,
		.age = since(now, pin->created),
		.idle = since(now, pin->last_used),
	};
}

static struct flow_member read_member(const struct table *table, uint32_t slot)
{
	struct flow_member member;

	if (slot >= FLOW_MAX_MEMBERS ||
	    bpf_map_lookup_elem(table->fd[TABLE_MEMBERS], &slot, &member) != 0)
		return (struct flow_member){ 0 };
	return member;
}

/* `number` is a slot + 1, 0: none. */
static struct flow_ip read_source(const struct table *table, uint32_t number)
{
	struct flow_source source;
	uint32_t slot = number - 1;

	if (!number || bpf_map_lookup_elem(table->fd[TABLE_SOURCES], &slot, &source) != 0)
		return (struct flow_ip){ 0 };
	return source.addr;
}

static void lookup_flow(struct table *table, struct flow_event *event)
{
	struct flow_key key = event->key;
	struct flow_member member;
	struct meaning meaning = { .member = &member };
	struct flow flow;

	if (!places_find(&table->places, &key, &flow)) {
		*event = (struct flow_event){ .kind = EVENT_FLOW_DEL, .key = key };
		return;
	}
	member = read_member(table, flow.member);
	meaning.source = read_source(table, flow.source);
	fill_flow(event, &key, &flow, &meaning, ticks());
}

static void lookup_pin(struct table *table, struct flow_event *event)
{
	struct pin_key key = { .client = event->key.client, .pool_id = event->pool_id };
	struct flow_member member;
	struct pin pin;

	/* One that points nowhere only counts what is left. */
	if (bpf_map_lookup_elem(table->fd[TABLE_PINS], &key, &pin) != 0 ||
	    pin.member == FLOW_NO_MEMBER) {
		*event = (struct flow_event){ .kind = EVENT_PIN_DEL,
					      .key = { .client = key.client },
					      .pool_id = key.pool_id };
		return;
	}
	member = read_member(table, pin.member);
	fill_pin(event, &key, &pin, &member, ticks());
}

void table_lookup(struct table *table, struct flow_event *event)
{
	if (event->kind == EVENT_FLOW_PUT || event->kind == EVENT_FLOW_DEL)
		lookup_flow(table, event);
	else
		lookup_pin(table, event);
}

void table_walk(struct table *table, enum table_walk walk)
{
	table->walk = walk;
	table->walk_begun = table->walk_done = false;
	table->cursor = 0;
	table->now = ticks();
	/* They keep their slots as long as a flow refers to them, so once a walk is enough. */
	for (uint32_t slot = 0; slot < FLOW_MAX_MEMBERS; slot++)
		table->member[slot] = read_member(table, slot);
	for (uint32_t slot = 0; slot < FLOW_MAX_SOURCES; slot++)
		table->source[slot] = read_source(table, slot + 1);
}

/* The cursor is a place in the map, whoever asks. */
void table_go_on(struct table *table, const struct table *before)
{
	table->walk = before->walk;
	table->walk_begun = before->walk_begun;
	table->walk_done = before->walk_done;
	table->cursor = before->cursor;
	table->now = before->now;
	memcpy(table->member, before->member, sizeof(table->member));
}

static const struct flow_member *walked_member(const struct table *table, uint32_t slot)
{
	static const struct flow_member nobody;

	return slot < FLOW_MAX_MEMBERS ? &table->member[slot] : &nobody;
}

/* The next entries: their number, or negative errno.  A walk sees every entry that is there from
 * its begin to its end, exactly once. */
static int next_flows(struct table *table, struct flow_key *key, struct flow *flow, uint32_t count)
{
	int read;

	if (table->walk_done)
		return 0;
	read = places_read(&table->places, &table->cursor, key, flow, count);
	table->walk_done = places_ended(&table->places, table->cursor);
	return read;
}

static int next_pins(struct table *table, struct pin_key *key, struct pin *pin, uint32_t count)
{
	int err;

	if (table->walk_done)
		return 0;
	err = bpf_map_lookup_batch(table->fd[TABLE_PINS], table->walk_begun ? &table->cursor : NULL,
				   &table->cursor, key, pin, &count, NULL);
	table->walk_begun = true;
	if (err && errno == ENOENT)
		table->walk_done = true;
	else if (err)
		return -errno;
	return (int)count;
}

static int step_flows(struct table *table, struct flow_event *event, uint32_t max)
{
	struct flow_key key[FLOW_BATCH];
	struct flow flow[FLOW_BATCH];
	int n = next_flows(table, key, flow, max);

	for (int i = 0; i < n; i++) {
		struct meaning meaning = { .member = walked_member(table, flow[i].member) };

		if (flow[i].source)
			meaning.source = table->source[flow[i].source - 1];
		fill_flow(&event[i], &key[i], &flow[i], &meaning, table->now);
	}
	return n;
}

static int step_pins(struct table *table, struct flow_event *event, uint32_t max)
{
	struct pin_key key[FLOW_BATCH];
	struct pin pin[FLOW_BATCH];
	int n = next_pins(table, key, pin, max);

	for (int i = 0; i < n; i++)
		fill_pin(&event[i], &key[i], &pin[i], walked_member(table, pin[i].member),
			 table->now);
	return n;
}

int table_step(struct table *table, struct flow_event *event, size_t max)
{
	int n;

	if (max < FLOW_PLACES || max > FLOW_BATCH)
		return -EINVAL;
	do
		n = table->walk == TABLE_WALK_FLOWS ? step_flows(table, event, (uint32_t)max)
						    : step_pins(table, event, (uint32_t)max);
	while (n == 0 && !table->walk_done);
	return n;
}
