// SPDX-License-Identifier: BSD-2-Clause
/*
 * Start order, end order, and what happens on a reload.  What is pinned goes on forwarding whatever
 * happens here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "conf/memory.h"
#include "lbd/lbd.h"
#include "lbd/plan.h"
#include "lbd/tables.h"

static const double poll_every = 0.1, settle_after = 0.05;

/* The plan that a configuration calls for after the one in force (or the pinned one). */
static struct plan *make_plan(const struct lbd *lbd, const struct conf *conf, struct plan *old)
{
	uint64_t flows[FLOW_MAX_MEMBERS];
	char error[PLAN_ERROR_TEXT];
	struct plan *plan;

	dataplane_member_flows(&lbd->plane, flows);
	dataplane_source_flows(&lbd->plane, old->source_flows);
	plan = plan_make(conf, old, flows, daemon_now_ns(), error);
	if (!plan)
		log_error("%s", error);
	if (plan) {
		roster_plan(&lbd->roster, plan);
		learned_plan(&lbd->pinhole.learned, plan);
	}
	return plan;
}

static int first_plan(struct lbd *lbd)
{
	struct plan *old = plan_new();
	int error = old ? 0 : -ENOMEM;

	if (!error && lbd->plane.adopted) {
		error = tables_read(&lbd->plane, old);
		plan_adopt(old, daemon_now_ns());
	}
	if (!error && !(lbd->plan = make_plan(lbd, lbd->conf, old)))
		error = -EINVAL;
	if (!error)
		error = tables_install(&lbd->plane, old, lbd->plan, conf_seed(lbd->conf));
	if (error)
		log_error("tables cannot be set up: %s", strerror(-error));
	plan_free(old);
	return error;
}

static int attach(struct lbd *lbd, const struct conf *conf)
{
	const char **names = conf_interfaces(conf);
	struct attach_wish wish = { .names = names,
				    .xdp = conf->file->forwarding->xdp,
				    .place = conf->file->forwarding->hook };
	struct flow_ip vip;
	int error;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < conf->file->n_array; i++)
		for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++)
			wish.family[f] |= conf_vip(conf->file->array[i], f, &vip);
	error = attach_set(&lbd->attach, &wish);
	free(names);
	return error;
}

/* Whatever can fail comes before the first change. */
static int reload_with(struct lbd *lbd, struct conf *conf)
{
	struct conf *old_conf = lbd->conf;
	struct plan *plan, *old = lbd->plan;
	struct health health = { 0 };
	struct fqdn fqdn = { 0 };
	int error;

	generation_prepare(&lbd->judge.generation);
	plan = make_plan(lbd, conf, old);
	if (!plan)
		return -EINVAL;
	error = health_plan(&health, plan, daemon_now_ns());
	if (!error)
		error = fqdn_plan(&fqdn, conf->file);
	if (!error)
		error = attach(lbd, conf);
	if (!error)
		error = tables_install(&lbd->plane, old, plan, conf_seed(conf));
	if (error) {
		fqdn_free(&fqdn);
		health_free(&health);
		plan_free(plan);
		return error;
	}
	guard_replan(&lbd->guard, &fqdn);
	judge_replan(&lbd->judge, plan, &health);
	sweep_replan(&lbd->sweep, plan);
	reset_replan(&lbd->reset, plan);
	neighbour_replan(&lbd->neighbour, plan);
	meter_read(lbd);
	lbd->plan = plan;
	lbd->conf = conf;
	meter_replan(lbd);
	plan_free(old);
	conf_free(old_conf);
	return 0;
}

/* The only part of a configuration that a running lbd cannot follow. */
static void say_sizes(const struct dataplane *plane, const Conf__Forwarding *wanted)
{
	if (wanted->flows != plane->flows_max || wanted->pins != plane->pins_max)
		log_warning("the tables keep room for %u flows and %u pins until lbd is restarted",
			    plane->flows_max, plane->pins_max);
}

/* Frees `conf` when it is not taken over. */
static int take_over(struct lbd *lbd, struct conf *conf, unsigned int node)
{
	int error = conf ? reload_with(lbd, conf) : -EINVAL;

	if (error) {
		log_error("the configuration is not taken over (%s); the old one stays in force",
			  strerror(-error));
		if (conf)
			conf_free(conf);
		return error;
	}
	lbd->node = node;
	log_info("configuration %s is in force", conf->digest_text);
	say_sizes(&lbd->plane, conf->file->forwarding);
	share_tell(lbd);
	return 0;
}

static void on_reload(struct ev_loop *loop, void *arg)
{
	struct lbd *lbd = arg;
	unsigned int node;
	struct conf *conf = daemon_config(&lbd->options, &node);

	(void)loop;
	take_over(lbd, conf, node);
}

int lbd_follow(struct lbd *lbd, const struct revision *which)
{
	unsigned int node;
	struct conf *conf;

	if (revision_equal(&lbd->conf->revision, which))
		return 0;
	conf = daemon_config(&lbd->options, &node);
	if (conf && !revision_equal(&conf->revision, which)) {
		conf_free(conf);
		return -ESTALE;
	}
	return take_over(lbd, conf, node);
}

static void on_stop(struct ev_loop *loop, void *arg)
{
	(void)arg;
	log_info("leaving; the data plane goes on forwarding");
	ev_break(loop, EVBREAK_ALL);
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct lbd *lbd = timer->data;
	enum judge_role role = judge_look(&lbd->judge);

	(void)loop;
	(void)events;
	roster_tick(lbd);
	pinhole_tick(lbd);
	sweep_active(&lbd->sweep, role == JUDGE_ACTIVE);
	if (reset_survey(&lbd->reset, &lbd->judge.health) && role == JUDGE_ACTIVE)
		sweep_hurry(&lbd->sweep);
}

/* Several link events come for each change: look once, when they are over. */
static void on_links_changed(void *arg)
{
	struct lbd *lbd = arg;

	ev_timer_stop(lbd->loop, &lbd->settle);
	ev_timer_set(&lbd->settle, settle_after, 0.);
	ev_timer_start(lbd->loop, &lbd->settle);
}

static void on_settle(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct lbd *lbd = timer->data;
	bool was = lbd->attached;

	(void)loop;
	(void)events;
	lbd->attached = attach_refresh(&lbd->attach, lbd->why);
	warm_again(&lbd->warm);
	if (was != lbd->attached)
		share_tell(lbd);
}

/* The bound itself is the configuration's to keep; what is pinned has its old size. */
static void say_memory(const struct dataplane *plane)
{
	struct memory memory = memory_plan(plane->flows_max, plane->pins_max, 0);
	char text[MEMORY_TEXT];

	log_info("%u flows and %u pins at most; the tables take %s", plane->flows_max,
		 plane->pins_max, memory_print(text, &memory));
}

static int start(struct lbd *lbd)
{
	const Conf__Forwarding *forwarding = lbd->conf->file->forwarding;
	/* The socket comes first: it is what tells that no other lbd is at work on these tables. */
	int error = share_start(&lbd->share, lbd);

	if (!error)
		error = dataplane_open(&lbd->plane, lbd->options.bpf_dir, forwarding->flows,
				       forwarding->pins);
	if (error)
		return error;
	say_memory(&lbd->plane);
	attach_init(&lbd->attach, lbd->options.bpf_dir, &lbd->plane);
	roster_load(&lbd->roster, lbd->options.state_dir);
	pinhole_load(&lbd->pinhole, lbd->options.state_dir);
	lbd->plane.node = lbd->node;
	error = first_plan(lbd);
	if (!error)
		error = move_commit(&lbd->plane);
	if (!error)
		error = attach(lbd, lbd->conf);
	if (!error)
		error = move_finish(&lbd->plane);
	if (!error)
		reset_start(&lbd->reset, lbd->loop, &lbd->plane, &lbd->attach, lbd->plan);
	if (!error)
		error = judge_start(&lbd->judge, lbd->loop, &lbd->plane, lbd->plan);
	if (!error)
		error = guard_start(&lbd->guard, &lbd->judge.checker, lbd->conf->file);
	if (!error)
		error = sweep_start(&lbd->sweep, lbd->loop, &lbd->plane, lbd->plan, &lbd->reset);
	if (!error)
		error = neighbour_start(&lbd->neighbour, lbd->loop, &lbd->plane, lbd->plan,
					on_links_changed, lbd);
	if (!error)
		judge_ask_vips(&lbd->judge, &lbd->neighbour);
	if (!error)
		reset_listen(&lbd->reset);
	if (!error)
		error = release_start(&lbd->release, lbd->loop, &lbd->plane);
	if (!error)
		error = warm_start(&lbd->warm, lbd->loop, &lbd->plane, &lbd->neighbour);
	if (error)
		return error;
	roster_start(&lbd->roster, lbd);
	meter_start(&lbd->meter, lbd);
	opinion_start(&lbd->opinions, lbd);
	lbd->attached = true;
	ev_init(&lbd->settle, on_settle);
	ev_timer_init(&lbd->poll, on_poll, 0., poll_every);
	lbd->settle.data = lbd->poll.data = lbd;
	ev_timer_start(lbd->loop, &lbd->poll);
	daemon_start(&lbd->daemon, lbd->loop, on_stop, on_reload, lbd);
	return 0;
}

/* Also after a start that went half way: what was made newly is then taken back. */
static void stop(struct lbd *lbd, bool failed)
{
	bool fresh = lbd->plane.skeleton && !lbd->plane.adopted;

	warm_stop(&lbd->warm);
	release_stop(&lbd->release);
	sweep_stop(&lbd->sweep);
	reset_stop(&lbd->reset);
	judge_stop(&lbd->judge); /* asks the neighbours */
	guard_stop(&lbd->guard);
	neighbour_stop(&lbd->neighbour);
	roster_stop(&lbd->roster);
	opinion_stop(&lbd->opinions, lbd);
	meter_stop(lbd);
	pinhole_free(&lbd->pinhole);
	share_stop(&lbd->share);
	attach_close(&lbd->attach);
	dataplane_close(&lbd->plane);
	if (failed && fresh)
		dataplane_remove(lbd->options.bpf_dir);
	plan_free(lbd->plan);
	conf_free(lbd->conf);
}

static int detach(const char *dir)
{
	if (access(dir, F_OK)) {
		log_info("nothing is pinned under %s", dir);
		return EXIT_SUCCESS;
	}
	return dataplane_remove(dir) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct lbd lbd = { .started_ns = daemon_now_ns() };
	int error;

	daemon_options(&lbd.options, "lbd", true, argc, argv);
	if (lbd.options.detach)
		return detach(lbd.options.bpf_dir);
	lbd.conf = daemon_config(&lbd.options, &lbd.node);
	if (!lbd.conf)
		return EXIT_FAILURE;
	lbd.loop = ev_default_loop(EVFLAG_AUTO);
	error = start(&lbd);
	if (!error) {
		daemon_ready("forwarding");
		log_info("ready; tables %s", lbd.plane.adopted ? "adopted" : "are new");
		ev_run(lbd.loop, 0);
		daemon_end(&lbd.daemon, lbd.loop);
	}
	stop(&lbd, error != 0);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
