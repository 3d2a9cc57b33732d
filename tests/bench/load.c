// SPDX-License-Identifier: BSD-2-Clause
/*
 * Real TCP for the bench of the data plane.
 *
 *	load serve PORT
 *	load down|up ADDRESS PORT SECONDS		bulk on one connection, sums compared
 *	load requests ADDRESS PORT SECONDS CLIENTS	1 byte there, 64 back, on open connections
 *	load connects ADDRESS PORT SECONDS CLIENTS	connect, one request, the server closes
 *
 * The first byte on a connection says what it is for.  Prints one line of JSON; exit status 1 when
 *a connection failed or a sum differed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK = 256 << 10,
	BLOCKS = 128, /* between two comparisons of sums */
	ANSWER = 64,
	CLIENTS_MAX = 256,
	SAMPLES_MAX = 1 << 18,
	STACK = 512 << 10,
};

struct client {
	pthread_t thread;
	const struct load *load;
	uint64_t done, failed;
	uint32_t *sample; /* ns of each connection; for connects */
};

struct load {
	const char *kind;
	struct sockaddr_in to;
	uint64_t until;
	void (*work)(struct client *client);
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool get(int fd, void *to, size_t length)
{
	return recv(fd, to, length, MSG_WAITALL) == (ssize_t)length;
}

static bool put(int fd, const void *from, size_t length)
{
	const char *at = from;

	while (length) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Position matters: lost, doubled or exchanged words are seen. */
static uint64_t sum_block(const uint64_t *block, uint64_t sum)
{
	for (size_t i = 0; i < BLOCK / sizeof(*block); i++)
		sum = (sum << 1 | sum >> 63) ^ block[i];
	return sum;
}

static bool give_blocks(int fd, uint64_t *block)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < BLOCKS; i++) {
		block[i % (BLOCK / sizeof(*block))] ^= now();
		sum = sum_block(block, sum);
		if (!put(fd, block, BLOCK))
			return false;
	}
	return put(fd, &sum, sizeof(sum));
}

static bool take_blocks(int fd, uint64_t *block)
{
	uint64_t sum = 0, told;

	for (unsigned int i = 0; i < BLOCKS; i++) {
		if (!get(fd, block, BLOCK))
			return false;
		sum = sum_block(block, sum);
	}
	return get(fd, &told, sizeof(told)) && told == sum;
}

/* --- server ----------------------------------------------------------------------------------- */

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint64_t *block = calloc(1, BLOCK);
	const char answer[ANSWER] = { 0 };
	char wish;

	while (block && get(fd, &wish, 1)) {
		if (wish == 'd' && !give_blocks(fd, block))
			break;
		if (wish == 'u' && (!take_blocks(fd, block) || !put(fd, &wish, 1)))
			break;
		if ((wish == 'r' || wish == 'c') && !put(fd, answer, sizeof(answer)))
			break;
		if (wish == 'c')
			break;
	}
	free(block);
	close(fd);
	return NULL;
}

static int listen_on(uint16_t port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096))
		die("listen");
	return fd;
}

static _Noreturn void serve(uint16_t port)
{
	int listener = listen_on(port);
	const int one = 1;
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&thread, &attributes, serve_one, (void *)(intptr_t)fd))
			close(fd);
	}
}

/* --- clients ---------------------------------------------------------------------------------- */

static int open_connection(const struct load *load)
{
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!connect(fd, (const struct sockaddr *)&load->to, sizeof(load->to)))
		return fd;
	close(fd);
	return -1;
}

static void bulk(struct client *client)
{
	bool down = client->load->kind[0] == 'd';
	int fd = open_connection(client->load);
	uint64_t *block = calloc(1, BLOCK);
	char echo;

	while (block && now() < client->load->until) {
		bool good = fd >= 0 && put(fd, down ? "d" : "u", 1);

		if (good && down)
			good = take_blocks(fd, block);
		else if (good)
			good = give_blocks(fd, block) && get(fd, &echo, 1);
		if (!good) {
			client->failed++;
			break;
		}
		client->done += BLOCKS;
	}
	free(block);
	close(fd);
}

static void request(struct client *client)
{
	char answer[ANSWER];
	int fd = open_connection(client->load);

	while (now() < client->load->until) {
		if (fd < 0 || !put(fd, "r", 1) || !get(fd, answer, sizeof(answer))) {
			client->failed++;
			break;
		}
		client->done++;
	}
	close(fd);
}

/* Reads to the end, so that the server's side is the one that waits in TIME_WAIT. */
static void connect_again(struct client *client)
{
	char answer[ANSWER];

	while (now() < client->load->until && client->done < SAMPLES_MAX) {
		uint64_t begun = now();
		int fd = open_connection(client->load);

		if (fd < 0 || !put(fd, "c", 1) || !get(fd, answer, sizeof(answer)))
			client->failed++;
		else
			client->sample[client->done++] = (uint32_t)(now() - begun);
		if (fd >= 0) {
			recv(fd, answer, 1, 0);
			close(fd);
		}
		if (client->failed > 100)
			break;
	}
}

static void *run_client(void *arg)
{
	struct client *client = arg;

	client->load->work(client);
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Percentiles of all clients together, in microseconds. */
static void print_latency(const struct client *clients, unsigned int count, uint64_t total)
{
	uint32_t *all = malloc((total + 1) * sizeof(*all));
	size_t n = 0;

	if (!all)
		die("samples");
	for (unsigned int i = 0; i < count; i++) {
		memcpy(all + n, clients[i].sample, clients[i].done * sizeof(*all));
		n += clients[i].done;
	}
	qsort(all, n, sizeof(*all), ascending);
	if (n)
		printf(",\"p50_us\":%.1f,\"p99_us\":%.1f", all[n / 2] / 1e3,
		       all[n * 99 / 100] / 1e3);
	free(all);
}

static int report(const struct load *load, const struct client *clients, unsigned int count,
		  double seconds)
{
	uint64_t done = 0, failed = 0;
	bool is_bulk = load->work == bulk;

	for (unsigned int i = 0; i < count; i++) {
		done += clients[i].done;
		failed += clients[i].failed;
	}
	printf("{\"kind\":\"%s\",\"clients\":%u,\"failed\":%llu,", load->kind, count,
	       (unsigned long long)failed);
	if (is_bulk)
		printf("\"gbit_s\":%.3f", (double)done * BLOCK * 8 / seconds / 1e9);
	else
		printf("\"per_s\":%.0f", (double)done / seconds);
	if (load->work == connect_again)
		print_latency(clients, count, done);
	printf("}\n");
	return failed ? 1 : 0;
}

static int run(struct load *load, double seconds, unsigned int count)
{
	struct client *clients = calloc(count, sizeof(*clients));
	uint64_t begun = now();

	if (!clients)
		die("clients");
	load->until = begun + (uint64_t)(seconds * 1e9);
	for (unsigned int i = 0; i < count; i++) {
		clients[i].load = load;
		clients[i].sample = calloc(SAMPLES_MAX, sizeof(uint32_t));
		if (!clients[i].sample ||
		    pthread_create(&clients[i].thread, NULL, run_client, &clients[i]))
			die("client");
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(clients[i].thread, NULL);
	return report(load, clients, count, (double)(now() - begun) / 1e9);
}

int main(int argc, char **argv)
{
	struct load load = { .to = { .sin_family = AF_INET } };
	int clients = argc > 5 ? atoi(argv[5]) : 1;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve((uint16_t)atoi(argv[2]));
	if (argc < 5 || inet_pton(AF_INET, argv[2], &load.to.sin_addr) != 1 || clients < 1 ||
	    clients > CLIENTS_MAX) {
		fprintf(stderr,
			"usage: load serve PORT\n"
			"       load down|up|requests|connects ADDRESS PORT SECONDS [CLIENTS]\n");
		return 2;
	}
	load.kind = argv[1];
	load.to.sin_port = htons((uint16_t)atoi(argv[3]));
	load.work = !strcmp(load.kind, "requests")   ? request
		    : !strcmp(load.kind, "connects") ? connect_again
						     : bulk;
	return run(&load, atof(argv[4]), (unsigned int)clients);
}
