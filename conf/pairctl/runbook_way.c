// SPDX-License-Identifier: BSD-2-Clause
/* The way of the answers, which each mode has its own of. */
#include "conf/pairctl/runbook_making.h"

#include <string.h>

#include "conf/pairctl/text.h"

/* The way back leads through the pair: its floating inside address, or the VIP itself. */
static void route(const struct making *m, const Conf__Member *member)
{
	const Conf__Array *array = m->array;
	struct runbook_step *step = runbook_add(
		m, text_format("The default gateway of %s", member->name), runbook_server(member),
		text_format("Answers must pass the pair.  Print the old gateway first: the undo "
			    "needs it as $old.\n<INTERFACE> is the name of the network connection, "
			    "as in: netsh interface show interface"));
	char *const *via = array->n_gateway ? array->gateway : array->vip;
	size_t count = array->n_gateway ? array->n_gateway : array->n_vip;

	runbook_line(&step->run, text_format("route print"));
	for (size_t i = 0; i < count; i++) {
		bool v6 = strchr(via[i], ':') != NULL;
		const char *family = v6 ? "ipv6" : "ipv4", *all = v6 ? "::/0" : "0.0.0.0/0";

		runbook_line(&step->run,
			     text_format("netsh interface %s delete route %s \"<INTERFACE>\"",
					 family, all));
		runbook_line(&step->run,
			     text_format("netsh interface %s add route %s \"<INTERFACE>\" %s",
					 family, all, via[i]));
		runbook_line(&step->undo,
			     text_format("netsh interface %s delete route %s \"<INTERFACE>\" %s",
					 family, all, via[i]));
		runbook_line(&step->undo,
			     text_format("netsh interface %s add route %s \"<INTERFACE>\" $old%s",
					 family, all, v6 ? "6" : ""));
	}
}

/* One address of the array, on an adapter that nobody on the wire asks for it. */
static void hold_vip(struct runbook_step *step, const char *vip)
{
	bool v6 = strchr(vip, ':') != NULL;
	const char *family = v6 ? "ipv6" : "ipv4";

	runbook_line(&step->run, text_format("netsh interface %s add address \"caspair\" %s%s",
					     family, vip, v6 ? "/128" : " 255.255.255.255"));
	runbook_line(&step->run,
		     text_format("netsh interface %s set interface \"caspair\" metric=254 "
				 "weakhostreceive=enabled weakhostsend=enabled",
				 family));
	runbook_line(&step->run, text_format("netsh interface %s set interface \"<INTERFACE>\" "
					     "weakhostreceive=enabled",
					     family));
	runbook_line(&step->undo, text_format("netsh interface %s set interface \"<INTERFACE>\" "
					      "weakhostreceive=disabled",
					      family));
	runbook_line(&step->undo,
		     text_format("netsh interface %s delete address \"caspair\" %s", family, vip));
}

/* The member answers the clients by itself, in the name of the VIP. */
static void loopback(const struct making *m, const Conf__Member *member)
{
	struct runbook_step *step = runbook_add(
		m, text_format("%s holds the VIP", member->name), runbook_server(member),
		text_format(
			"In mode dsr the server answers its clients itself, from the VIP, for "
			"which "
			"it must not answer ARP.\nFirst add the Microsoft (KM-TEST) Loopback "
			"Adapter (hdwwiz, network adapters) and call its\nconnection caspair; no "
			"gateway, no registration in DNS.  <INTERFACE> is the name of the "
			"connection\nto the LAN.  IIS sites that are bound to one address need the "
			"VIP too."));

	for (size_t i = 0; i < m->array->n_vip; i++)
		hold_vip(step, m->array->vip[i]);
	runbook_line(&step->run, text_format("netsh interface ipv4 set dnsservers \"caspair\" "
					     "static none register=none"));
	runbook_line(&step->run, text_format("ipconfig /all"));
}

void runbook_way(const struct making *m, const Conf__Member *member)
{
	if (m->array->mode == CONF__ARRAY__MODE__NAT)
		route(m, member);
	else if (m->array->mode == CONF__ARRAY__MODE__DSR)
		loopback(m, member);
}
