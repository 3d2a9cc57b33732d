// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/ctl.h"
#include "conf/log.h"
#include "proto/frame.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEVER = 5 }; /* seconds after which a condition is given up */

/* What one end has seen. */
struct end {
	struct ctl_conn *conn;
	unsigned int opened, closed, messages, drained;
	char last[64];
	size_t nfds;
	char from_fd[16];
	bool answer;     /* a question gets an answer */
	bool long_story; /* ... and then more until it is told to stop */
	unsigned int sent;
};

struct fixture {
	struct ev_loop *loop;
	char dir[32], path[64];
	struct ctl_server *server;
	struct ctl_link *link;
	struct end here, there; /* server, link */
};

static int say(struct ctl_conn *conn, const char *text, const int *fds, size_t nfds)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	message.error = copy;
	return ctl_send(conn, &message, fds, nfds);
}

static void on_opened(void *arg, struct ctl_conn *conn)
{
	struct end *end = arg;

	end->opened++;
	end->conn = conn;
	ctl_set_data(conn, end);
}

static void on_message(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
		       size_t nfds)
{
	struct end *end = arg;

	assert_ptr_equal(ctl_data(conn), end);
	end->messages++;
	end->nfds = nfds;
	snprintf(end->last, sizeof(end->last), "%s", message->error ? message->error : "");
	for (size_t i = 0; i < nfds; i++) {
		ssize_t got = pread(fds[i], end->from_fd, sizeof(end->from_fd) - 1, 0);

		end->from_fd[got > 0 ? got : 0] = '\0';
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(fds[i]);
	}
	if (end->answer)
		assert_int_equal(ctl_refuse(conn, 4, "no: %s", end->last), 0);
}

static void on_closed(void *arg, struct ctl_conn *conn)
{
	struct end *end = arg;

	assert_ptr_equal(end->conn, conn);
	end->closed++;
	end->conn = NULL;
}

static void on_drained(void *arg, struct ctl_conn *conn)
{
	struct end *end = arg;

	end->drained++;
	if (end->long_story && end->sent < 100) {
		end->sent++;
		assert_int_equal(say(conn, "and then", NULL, 0), 0);
	}
}

static const struct ctl_ops ops = { on_opened, on_message, on_closed, on_drained };

static void on_never(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop until `*counter` reaches `value`. */
static bool wait_until(struct fixture *f, const unsigned int *counter, unsigned int value)
{
	ev_timer never;
	bool done;

	ev_timer_init(&never, on_never, NEVER, 0.);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &never);
	while (*counter < value && ev_is_active(&never))
		ev_run(f->loop, EVRUN_ONCE);
	done = ev_is_active(&never);
	ev_timer_stop(f->loop, &never);
	return done;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	log_open("test", LOG_LEVEL_ERROR);
	f->loop = ev_loop_new(0);
	snprintf(f->dir, sizeof(f->dir), "/tmp/ctl.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/d.sock", f->dir);
	*state = f;
	return ctl_listen(&f->server, f->loop, f->path, &ops, &f->here);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ctl_link_free(f->link);
	ctl_server_free(f->server);
	ev_loop_destroy(f->loop);
	unlink(f->path);
	if (rmdir(f->dir) < 0)
		return -1;
	free(f);
	return 0;
}

static void connect_link(struct fixture *f)
{
	assert_int_equal(ctl_link(&f->link, f->loop, f->path, &ops, &f->there), 0);
	assert_null(ctl_link_conn(f->link));
	assert_true(wait_until(f, &f->there.opened, 1));
	assert_true(wait_until(f, &f->here.opened, 1));
	assert_ptr_equal(ctl_link_conn(f->link), f->there.conn);
}

/* A peer of the bare kind, to send what ctl_send() would not. */
static int raw(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(wait_until(f, &f->here.opened, 1));
	return fd;
}

static void test_talk(void **state)
{
	struct fixture *f = *state;

	connect_link(f);
	assert_int_equal(ctl_uid(f->here.conn), geteuid());
	f->here.answer = true;
	assert_int_equal(say(f->there.conn, "may I", NULL, 0), 0);
	assert_int_equal(ctl_queued(f->there.conn), 0);
	assert_true(wait_until(f, &f->there.messages, 1));
	assert_string_equal(f->here.last, "may I");
	assert_string_equal(f->there.last, "no: may I");
	assert_int_equal(f->there.nfds, 0);
}

static void test_drained_follows_every_send(void **state)
{
	struct fixture *f = *state;

	connect_link(f);
	f->here.long_story = true;
	assert_int_equal(say(f->here.conn, "once", NULL, 0), 0);
	assert_true(wait_until(f, &f->there.messages, 101));
	assert_true(wait_until(f, &f->here.drained, 101));
}

/* Descriptors arrive with their own message, whatever stands around it in the stream. */
static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	int file[CTL_MAX_FDS + 1];

	connect_link(f);
	for (size_t i = 0; i <= CTL_MAX_FDS; i++) {
		file[i] = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(dprintf(file[i], "file %zu", i), i < 10 ? 6 : 7);
	}
	assert_int_equal(say(f->there.conn, "many", file, CTL_MAX_FDS + 1), -EMSGSIZE);
	say(f->there.conn, "before", NULL, 0);
	say(f->there.conn, "one", file + 3, 1);
	assert_true(wait_until(f, &f->here.messages, 2));
	assert_string_equal(f->here.last, "one");
	assert_int_equal(f->here.nfds, 1);
	assert_string_equal(f->here.from_fd, "file 3");
	say(f->there.conn, "all", file, CTL_MAX_FDS);
	say(f->there.conn, "one", file + 4, 1);
	say(f->there.conn, "behind", NULL, 0);
	assert_true(wait_until(f, &f->here.messages, 3));
	assert_int_equal(f->here.nfds, CTL_MAX_FDS);
	assert_string_equal(f->here.from_fd, "file 15");
	assert_true(wait_until(f, &f->here.messages, 4));
	if (f->here.messages == 4)
		assert_int_equal(f->here.nfds, 1);
	assert_true(wait_until(f, &f->here.messages, 5));
	assert_int_equal(f->here.nfds, 0);
	assert_string_equal(f->here.from_fd, "file 4");
	for (size_t i = 0; i <= CTL_MAX_FDS; i++)
		close(file[i]);
}

static void test_fragments(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[64];
	Cas__Message message = CAS__MESSAGE__INIT;
	char word[] = "bit by bit";
	int fd = raw(f);
	size_t length;

	message.error = word;
	length = cas__message__pack(&message, frame + FRAME_HEADER);
	frame_header(frame, length);
	for (size_t i = 0; i < FRAME_HEADER + length; i++) {
		assert_int_equal(f->here.messages, 0);
		assert_int_equal(send(fd, frame + i, 1, 0), 1);
		ev_run(f->loop, EVRUN_ONCE);
	}
	assert_true(wait_until(f, &f->here.messages, 1));
	assert_string_equal(f->here.last, word);
	/* A last word is read although its sender has gone by then. */
	assert_int_equal(send(fd, frame, FRAME_HEADER + length, 0), FRAME_HEADER + length);
	close(fd);
	say(f->here.conn, "too late", NULL, 0);
	assert_int_equal(say(f->here.conn, "too late", NULL, 0), -EPIPE);
	assert_int_equal(f->here.closed, 0);
	assert_true(wait_until(f, &f->here.closed, 1));
	assert_int_equal(f->here.messages, 2);
	assert_int_equal(ctl_server_refused(f->server), 0);
}

static void test_garbage(void **state)
{
	static const struct {
		const char *what;
		uint8_t data[12];
		size_t length;
	} cases[] = {
		{ "length 0", { 0, 0, 0, 0 }, 4 },
		{ "one above the cap", { 1, 0, 1, 0, 0 }, 5 },
		{ "huge", { 255, 255, 255, 255 }, 4 },
		{ "half a field", { 2, 0, 0, 0, 0x0a, 0x09 }, 6 },
		{ "no such wire type", { 1, 0, 0, 0, 0x0f }, 5 },
		{ "required field absent", { 3, 0, 0, 0, 0xea, 0x00, 0x00 }, 7 },
		{ "SessionsRequest beyond its end", { 4, 0, 0, 0, 0x62, 0x7f, 0, 0 }, 8 },
		{ "Share without who", { 3, 0, 0, 0, 0x92, 0x03, 0x00 }, 7 },
	};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		f->here.opened = 0;
		fd = raw(f);
		assert_int_equal(send(fd, cases[i].data, cases[i].length, 0), cases[i].length);
		if (!wait_until(f, &f->here.closed, i + 1))
			fail_msg("not closed: %s", cases[i].what);
		assert_int_equal(ctl_server_refused(f->server), i + 1);
		close(fd);
	}
	assert_int_equal(f->here.messages, 0);
}

static size_t put_length(uint8_t *at, size_t length)
{
	at[0] = (uint8_t)(length | 0x80);
	at[1] = (uint8_t)(length >> 7 | 0x80);
	at[2] = (uint8_t)(length >> 14);
	return 3;
}

/* A frame that is well formed, but unpacks into megabytes: sessions { session { client, vip } ... }
 */
static void test_bomb(void **state)
{
	static const uint8_t session[] = { 0x0a, 0x04, 0x0a, 0x00, 0x12, 0x00 };
	struct fixture *f = *state;
	uint8_t *frame = calloc(1, FRAME_HEADER + CTL_MAX_FRAME);
	size_t n = (CTL_MAX_FRAME - 5) / sizeof(session), at = FRAME_HEADER;
	int fd = raw(f);

	assert_non_null(frame);
	frame[at++] = 0x82; /* field 32 */
	frame[at++] = 0x02;
	at += put_length(frame + at, n * sizeof(session));
	for (size_t i = 0; i < n; i++, at += sizeof(session))
		memcpy(frame + at, session, sizeof(session));
	frame_header(frame, at - FRAME_HEADER);
	assert_int_equal(send(fd, frame, at, 0), at);
	free(frame);
	assert_true(wait_until(f, &f->here.closed, 1));
	assert_int_equal(f->here.messages, 0);
	close(fd);
}

static void test_oversize(void **state)
{
	struct fixture *f = *state;
	Cas__Message message = CAS__MESSAGE__INIT, empty = CAS__MESSAGE__INIT;
	char *text = malloc(CTL_MAX_FRAME + 1);

	assert_non_null(text);
	memset(text, 'x', CTL_MAX_FRAME);
	text[CTL_MAX_FRAME] = '\0';
	message.error = text;
	connect_link(f);
	assert_int_equal(ctl_send(f->there.conn, &message, NULL, 0), -EMSGSIZE);
	assert_int_equal(ctl_send(f->there.conn, &empty, NULL, 0), -EMSGSIZE);
	text[CTL_MAX_FRAME - 4] = '\0'; /* tag and length: exactly the cap */
	assert_int_equal(ctl_send(f->there.conn, &message, NULL, 0), 0);
	assert_true(wait_until(f, &f->here.messages, 1));
	assert_int_equal(f->there.closed, 0);
	free(text);
}

static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	Cas__Message message = CAS__MESSAGE__INIT;
	char text[4096];
	int result, fd = raw(f);
	size_t sent = 0;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	message.error = text;
	while ((result = ctl_send(f->here.conn, &message, NULL, 0)) == 0)
		sent++;
	assert_int_equal(result, -ENOBUFS);
	assert_in_range(sent * sizeof(text), CTL_MAX_QUEUE, CTL_MAX_QUEUE + (1 << 20));
	assert_int_equal(ctl_send(f->here.conn, &message, NULL, 0), -EPIPE);
	assert_int_equal(f->here.closed, 0); /* never from within ctl_send() */
	assert_true(wait_until(f, &f->here.closed, 1));
	assert_int_equal(ctl_server_refused(f->server), 1);
	close(fd);
}

/* A queue that had to wait arrives whole and in order. */
static void test_queue(void **state)
{
	enum { COUNT = 20000 };
	struct fixture *f = *state;
	char text[32];

	connect_link(f);
	for (unsigned int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(say(f->here.conn, text, NULL, 0), 0);
	}
	assert_true(ctl_queued(f->here.conn) > 0);
	assert_true(wait_until(f, &f->there.messages, COUNT));
	assert_string_equal(f->there.last, "19999");
	assert_int_equal(ctl_queued(f->here.conn), 0);
}

static void test_reconnect(void **state)
{
	struct fixture *f = *state;

	connect_link(f);
	for (unsigned int i = 1; i <= 3; i++) {
		ctl_server_free(f->server);
		assert_int_equal(access(f->path, F_OK), -1);
		assert_int_equal(f->here.closed, 0);
		assert_true(wait_until(f, &f->there.closed, i));
		assert_null(ctl_link_conn(f->link));
		assert_int_equal(ctl_listen(&f->server, f->loop, f->path, &ops, &f->here), 0);
		assert_true(wait_until(f, &f->there.opened, i + 1));
		assert_int_equal(say(ctl_link_conn(f->link), "back", NULL, 0), 0);
		assert_true(wait_until(f, &f->here.messages, i));
	}
}

static void free_link(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
		      size_t nfds)
{
	struct fixture *f = arg;

	(void)conn;
	(void)message;
	(void)fds;
	(void)nfds;
	f->there.messages++;
	ctl_link_free(f->link);
	f->link = NULL;
}

/* A daemon that stops on a message frees what the message came through. */
static void test_free_in_callback(void **state)
{
	static const struct ctl_ops fatal = { NULL, free_link, NULL, NULL };
	struct fixture *f = *state;

	assert_int_equal(ctl_link(&f->link, f->loop, f->path, &fatal, f), 0);
	assert_true(wait_until(f, &f->here.opened, 1));
	say(f->here.conn, "first", NULL, 0);
	say(f->here.conn, "second", NULL, 0);
	assert_true(wait_until(f, &f->here.closed, 1));
	assert_int_equal(f->there.messages, 1);
}

static void test_socket_file(void **state)
{
	struct fixture *f = *state;
	struct ctl_server *second;
	char other[80];
	struct stat st;
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0117, 0);
	assert_int_equal(ctl_listen(&second, f->loop, f->path, &ops, NULL), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(ctl_listen(&second, f->loop, "/tmp/no/such/dir/s", &ops, NULL), -ENOENT);
	memset(other, 'x', sizeof(other));
	other[0] = '/';
	snprintf(other, sizeof(other), "%s/file", f->dir);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ctl_listen(&second, f->loop, other, &ops, NULL), -EEXIST);
	close(fd);
	unlink(other);
	/* Another daemon's socket under our path stays when we leave. */
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(ctl_listen(&second, f->loop, f->path, &ops, NULL), 0);
	ctl_server_free(f->server);
	f->server = second;
	assert_int_equal(access(f->path, F_OK), 0);
}

/* What a killed daemon left behind is replaced. */
static void test_stale_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ctl_server *second;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", f->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(ctl_listen(&second, f->loop, address.sun_path, &ops, NULL), 0);
	ctl_server_free(second);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void test_long_path(void **state)
{
	struct fixture *f = *state;
	struct ctl_server *server;
	struct ctl_link *link;
	char path[120];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ctl_listen(&server, f->loop, path, &ops, NULL), -ENAMETOOLONG);
	assert_int_equal(ctl_link(&link, f->loop, path, &ops, NULL), -ENAMETOOLONG);
	assert_null(link);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct heard {
	unsigned int count;
	char last[64];
};

static void on_answer(void *arg, const Cas__Message *message)
{
	struct heard *heard = arg;

	heard->count++;
	snprintf(heard->last, sizeof(heard->last), "%s", message->error ? message->error : "");
}

/* Asks in a child, because asking blocks: its exit status is -result, or 100 + answers. */
static pid_t ask_aside(const char *path, unsigned int timeout_ms)
{
	Cas__StatusRequest status = CAS__STATUS_REQUEST__INIT;
	Cas__Message question = CAS__MESSAGE__INIT;
	struct heard heard = { 0 };
	pid_t pid = fork();
	int result;

	if (pid != 0)
		return pid;
	question.status = &status;
	result = ctl_ask(path, &question, timeout_ms, on_answer, &heard);
	_exit(result < 0 ? -result : 100 + (int)heard.count);
}

static int outcome(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void answer_thrice(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
			  size_t nfds)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	struct end *end = arg;
	char text[] = "part";

	(void)fds;
	(void)nfds;
	assert_non_null(question->status);
	message.error = text;
	message.has_more = message.more = true;
	ctl_send(conn, &message, NULL, 0);
	ctl_send(conn, &message, NULL, 0);
	message.has_more = message.more = false;
	ctl_send(conn, &message, NULL, 0);
	end->messages++;
}

static void answer_never(void *arg, struct ctl_conn *conn, const Cas__Message *question, int *fds,
			 size_t nfds)
{
	(void)arg;
	(void)conn;
	(void)question;
	(void)fds;
	(void)nfds;
}

static void test_ask(void **state)
{
	static const struct ctl_ops thrice = { NULL, answer_thrice, on_closed, NULL };
	struct fixture *f = *state;
	struct heard heard = { 0 };
	Cas__Message empty = CAS__MESSAGE__INIT;
	pid_t pid;

	assert_int_equal(ctl_ask(f->path, &empty, 100, on_answer, &heard), -EMSGSIZE);
	ctl_server_free(f->server);
	assert_int_equal(outcome(ask_aside(f->path, 100)), ENOENT);
	assert_int_equal(ctl_listen(&f->server, f->loop, f->path, &thrice, &f->here), 0);
	f->here.conn = NULL;
	pid = ask_aside(f->path, 2000);
	assert_true(wait_until(f, &f->here.messages, 1));
	assert_int_equal(outcome(pid), 103);
}

static void test_ask_silent(void **state)
{
	static const struct ctl_ops never = { NULL, answer_never, NULL, NULL };
	struct fixture *f = *state;

	/* Accepted by the kernel, never by the daemon: a stopped process. */
	assert_int_equal(outcome(ask_aside(f->path, 50)), ETIMEDOUT);
	ctl_server_free(f->server);
	assert_int_equal(ctl_listen(&f->server, f->loop, f->path, &never, &f->here), 0);
	assert_int_equal(outcome(ask_aside(f->path, 50)), ETIMEDOUT);
}

static void serve_bytes(struct fixture *f, const void *bytes, size_t length, int expected)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char question[16];
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/raw", f->dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = ask_aside(address.sun_path, 2000);
	fd = accept(listener, NULL, NULL);
	assert_true(recv(fd, question, sizeof(question), 0) > 0);
	assert_int_equal(send(fd, bytes, length, 0), length);
	close(fd);
	close(listener);
	assert_int_equal(outcome(pid), expected);
	assert_int_equal(outcome(ask_aside(address.sun_path, 50)), ECONNREFUSED);
	unlink(address.sun_path);
}

static void test_ask_a_stranger(void **state)
{
	serve_bytes(*state, "HTTP/1.1", 8, EPROTO);
	serve_bytes(*state, "\1\0\0\0\17", 5, EPROTO);
	serve_bytes(*state, "\5\0\0\0\17", 5, ECONNRESET);
	serve_bytes(*state, "", 0, ECONNRESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_talk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drained_follows_every_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bomb, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oversize, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask_a_stranger, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
