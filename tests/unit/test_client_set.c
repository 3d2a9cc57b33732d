// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "lbd/client_set.h"

enum { KEY = 4711 };

static struct flow_ip client(uint32_t number)
{
	return flow_ip4(htonl(0x0a010000u + number));
}

static void add(struct client_set *set, struct client_room *room, uint32_t number, uint16_t member,
		unsigned int sessions)
{
	struct flow_ip ip = client(number);

	while (sessions--)
		client_set_add(set, room, &ip, member);
}

static void assert_listed(const struct client_list *list, size_t at, uint32_t number,
			  uint32_t sessions)
{
	struct flow_ip ip = client(number);

	assert_true(at < list->count);
	assert_true(flow_ip_equal(&list->use[at].client, &ip));
	assert_int_equal(list->use[at].sessions, sessions);
}

static void the_busiest_come_first(void **state)
{
	struct client_room room = { .key = KEY, .left = 100 };
	struct client_set set = { 0 };
	struct client_list list;

	(void)state;
	for (uint32_t i = 1; i <= 20; i++)
		add(&set, &room, i, 3, i * 7 % 20 + 1);
	client_set_list(&set, &(struct client_wanted){ .least = 1, .most = 3 }, &list);
	assert_int_equal(list.found, 20);
	assert_int_equal(list.count, 3);
	assert_listed(&list, 0, 17, 20);
	assert_listed(&list, 1, 14, 19);
	assert_listed(&list, 2, 11, 18);
	assert_int_equal(list.held, 57);
	assert_int_equal(set.clients, 20);
	assert_int_equal(set.sessions, 210);
	client_set_free(&set);
	assert_int_equal(set.clients, 0);
}

static void who_has_few_is_left_out(void **state)
{
	struct client_room room = { .key = KEY, .left = 100 };
	struct client_set set = { 0 };
	struct client_list list;

	(void)state;
	add(&set, &room, 1, 0, 39);
	add(&set, &room, 2, 0, 40);
	client_set_list(&set, &(struct client_wanted){ .least = 40, .most = 9 }, &list);
	assert_int_equal(list.count, 1);
	assert_listed(&list, 0, 2, 40);
	client_set_free(&set);
}

static void two_members_of_a_client_are_seen(void **state)
{
	struct client_wanted wanted = { .split = true, .most = 9 };
	struct client_room room = { .key = KEY, .left = 100 };
	struct client_set set = { 0 };
	struct client_list list;

	(void)state;
	add(&set, &room, 1, 5, 2);
	add(&set, &room, 2, 6, 2);
	client_set_list(&set, &wanted, &list);
	assert_int_equal(list.found, 0);
	add(&set, &room, 2, 5, 1);
	client_set_list(&set, &wanted, &list);
	assert_int_equal(list.found, 1);
	assert_listed(&list, 0, 2, 3);
	assert_int_equal(list.use[0].member, 6);
	assert_int_equal(list.use[0].other, 5);
	client_set_free(&set);
}

static void what_finds_no_room_is_counted(void **state)
{
	struct client_room room = { .key = KEY, .left = 3 };
	struct client_set one = { 0 }, two = { 0 };

	(void)state;
	add(&one, &room, 1, 0, 1);
	add(&one, &room, 2, 0, 1);
	add(&two, &room, 1, 0, 1);
	add(&two, &room, 9, 0, 4);
	assert_int_equal(room.missed, 4);
	/* Who is in goes on being counted. */
	add(&one, &room, 2, 0, 6);
	assert_int_equal(one.sessions, 8);
	assert_int_equal(two.sessions, 1);
	assert_int_equal(room.missed, 4);
	client_set_free(&one);
	client_set_free(&two);
}

static void a_list_has_an_end(void **state)
{
	struct client_room room = { .key = KEY, .left = 1000 };
	struct client_set set = { 0 };
	struct client_list list;

	(void)state;
	for (uint32_t i = 0; i < CLIENT_SET_LISTED + 40; i++)
		add(&set, &room, i, 0, i + 1);
	client_set_list(&set, &(struct client_wanted){ .most = SIZE_MAX }, &list);
	assert_int_equal(list.found, CLIENT_SET_LISTED + 40);
	assert_int_equal(list.count, CLIENT_SET_LISTED);
	assert_listed(&list, 0, CLIENT_SET_LISTED + 39, CLIENT_SET_LISTED + 40);
	assert_listed(&list, CLIENT_SET_LISTED - 1, 40, 41);
	client_set_list(&set, &(struct client_wanted){ .most = 0 }, &list);
	assert_int_equal(list.count, 0);
	client_set_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_busiest_come_first),
		cmocka_unit_test(who_has_few_is_left_out),
		cmocka_unit_test(two_members_of_a_client_are_seen),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
