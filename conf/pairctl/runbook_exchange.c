// SPDX-License-Identifier: BSD-2-Clause
/*
 * The steps for Exchange 2010: names, static ports, encryption, keep-alives, Kerberos, routes,
 * firewall, and at the end the switch of the databases, which is what moves the clients.
 *
 * A member's name is taken for its server's.  The services with one port that are named mapi and
 * address-book are the ones whose ports are made static.
 */
#include "conf/pairctl/runbook_making.h"

#include <stdlib.h>
#include <string.h>

#include "conf/pairctl/text.h"
#include "proto/addr.h"

/* Windows' default of two hours is longer than many a firewall keeps an idle connection. */
enum { KEEP_ALIVE_MS = 900000, RPC_KEEP_ALIVE_S = 120, DNS_TTL_S = 300 };

#define SHELL "Exchange Management Shell"

static const char rpc_key[] =
	"HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeRPC\\ParametersSystem";
static const char book_key[] =
	"HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeAB\\Parameters";
static const char tcp_key[] = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters";
static const char runtime_key[] = "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\RPC";

struct runbook_step *runbook_add(const struct making *m, char *title, char *where, char *why)
{
	struct runbook *book = m->book;
	struct runbook_step *step = text_alloc(book->count + 1, sizeof(*step));

	if (book->count)
		memcpy(step, book->step, book->count * sizeof(*step));
	free(book->step);
	book->step = step;
	step += book->count++;
	*step = (struct runbook_step){ .title = title, .where = where, .why = why };
	return step;
}

void runbook_line(struct runbook_lines *lines, char *text)
{
	char **more = realloc(lines->line, (lines->count + 1) * sizeof(*more));

	if (!more)
		abort();
	lines->line = more;
	more[lines->count++] = text;
}

static const Conf__Service *find_service(const Conf__Array *array, const char *name)
{
	for (size_t i = 0; i < array->n_service; i++) {
		const Conf__Service *service = array->service[i];

		if (strcmp(service->name, name) == 0 && service->n_ports == 1 &&
		    service->ports[0]->first == service->ports[0]->last)
			return service;
	}
	return NULL;
}

char *runbook_server(const Conf__Member *member)
{
	return text_format("%s, PowerShell as administrator", member->name);
}

/* --- names ---------------------------------------------------------------------------------- */

static void name_in_dns(const struct making *m)
{
	const char *fqdn = m->array->fqdn, *dot = strchr(fqdn, '.');
	struct runbook_step *step;

	if (!dot)
		return;
	step = runbook_add(
		m, text_format("The name %s leads to the VIP, inside only", fqdn),
		text_format("the DNS server of zone %s", dot + 1),
		text_format("It must not resolve outside: there Outlook would wait for a "
			    "TCP timeout before it\ntries HTTPS.  Nor may it be the name of "
			    "Outlook Anywhere or OWA.\nWhere the zone has a shorter name, "
			    "what it lacks belongs to the record's."));
	for (size_t i = 0; i < m->array->n_vip; i++) {
		const char *kind = strchr(m->array->vip[i], ':') ? "AAAA" : "A";

		runbook_line(&step->run, text_format("dnscmd . /RecordAdd %s %.*s %d %s %s",
						     dot + 1, (int)(dot - fqdn), fqdn, DNS_TTL_S,
						     kind, m->array->vip[i]));
		runbook_line(&step->undo,
			     text_format("dnscmd . /RecordDelete %s %.*s %s %s /f", dot + 1,
					 (int)(dot - fqdn), fqdn, kind, m->array->vip[i]));
	}
}

static const char *site_name(const struct making *m)
{
	if (m->site->name)
		return m->site->name;
	return m->array->site ? m->array->site : "<AD SITE>";
}

static void array_object(const struct making *m)
{
	struct runbook_step *step = runbook_add(
		m, text_format("The array object of site %s", site_name(m)), text_format(SHELL),
		text_format(
			"It balances nothing: it gives databases a name that outlives a server. "
			" One for each site."));

	runbook_line(&step->run,
		     text_format("New-ClientAccessArray -Name '%s' -Fqdn '%s' -Site '%s'",
				 m->array->name, m->array->fqdn, site_name(m)));
	runbook_line(&step->undo,
		     text_format("Remove-ClientAccessArray -Identity '%s' -Confirm:$false",
				 m->array->name));
}

/* --- the servers ---------------------------------------------------------------------------- */

/* What a key holds is kept once, also when the step is repeated: the undo restores it. */
static void registry(struct runbook_step *step, const char *key, const char *file)
{
	runbook_line(
		&step->run,
		text_format(
			"if (-not (Test-Path \"$env:ProgramData\\caspair-%s.reg\")) { reg export "
			"\"%s\" \"$env:ProgramData\\caspair-%s.reg\" }",
			file, key, file));
}

static void registry_set(struct runbook_step *step, const char *key, const char *value,
			 const char *type, unsigned int number)
{
	runbook_line(&step->run, text_format("reg add \"%s\" /v \"%s\" /t %s /d %u /f", key, value,
					     type, number));
	runbook_line(&step->undo, text_format("reg delete \"%s\" /v \"%s\" /f", key, value));
}

static void registry_restore(struct runbook_step *step, const char *file)
{
	runbook_line(&step->undo,
		     text_format("reg import \"$env:ProgramData\\caspair-%s.reg\"", file));
}

static void restart(struct runbook_step *step, const char *service)
{
	runbook_line(&step->run, text_format("Restart-Service %s -Force", service));
	runbook_line(&step->undo, text_format("Restart-Service %s -Force", service));
}

static void mapi_port(const struct making *m, const Conf__Member *member)
{
	const Conf__Service *mapi = find_service(m->array, "mapi");
	struct runbook_step *step;

	if (!mapi)
		return;
	step = runbook_add(
		m,
		text_format("RPC Client Access of %s listens on port %u", member->name,
			    mapi->ports[0]->first),
		runbook_server(member),
		text_format("The same port on every server of the array.  The restart ends "
			    "this server's sessions:\ndrain it first where the array is in "
			    "use already."));
	registry(step, rpc_key, "rpc");
	registry_set(step, rpc_key, "TCP/IP Port", "REG_DWORD", mapi->ports[0]->first);
	registry_restore(step, "rpc");
	restart(step, "MSExchangeRPC");
}

/* Before SP1 the port stands in a file, and an upgrade loses it. */
static void book_port_in_file(struct runbook_step *step, unsigned int port)
{
	static const char file[] = "$file = \"$env:ExchangeInstallPath\\Bin\\"
				   "Microsoft.Exchange.AddressBook.Service.exe.config\"";

	runbook_line(&step->run, text_format("%s", file));
	runbook_line(&step->run, text_format("if (-not (Test-Path \"$file.caspair\")) { Copy-Item "
					     "$file \"$file.caspair\" }"));
	runbook_line(&step->run, text_format("$xml = [xml](Get-Content $file)"));
	runbook_line(&step->run, text_format("($xml.configuration.appSettings.add | Where-Object { "
					     "$_.key -eq 'RpcTcpPort' }).value = '%u'",
					     port));
	runbook_line(&step->run, text_format("$xml.Save($file)"));
	runbook_line(&step->undo, text_format("%s", file));
	runbook_line(&step->undo, text_format("Move-Item -Force \"$file.caspair\" $file"));
}

static void book_port(const struct making *m, const Conf__Member *member)
{
	const Conf__Service *book = find_service(m->array, "address-book");
	bool rtm = m->site->version == RUNBOOK_2010_RTM;
	struct runbook_step *step;

	if (!book)
		return;
	step = runbook_add(
		m,
		text_format("The address book of %s listens on port %u", member->name,
			    book->ports[0]->first),
		runbook_server(member),
		text_format(rtm ? "Without a service pack this stands in a file.  The upgrade "
				  "to SP1 loses it: make a new\nrunbook then, with --exchange "
				  "2010-sp1."
				: "From SP1 on this is a string in the registry, not a "
				  "number."));
	if (rtm) {
		book_port_in_file(step, book->ports[0]->first);
	} else {
		runbook_line(&step->run, text_format("reg add \"%s\" /f", book_key));
		registry(step, book_key, "ab");
		registry_set(step, book_key, "RpcTcpPort", "REG_SZ", book->ports[0]->first);
		registry_restore(step, "ab");
	}
	restart(step, "MSExchangeAB");
}

/* Below half of the shortest time after which the pair ends an idle session. */
static unsigned int keep_alive_ms(const Conf__Array *array)
{
	unsigned int least = KEEP_ALIVE_MS;

	for (size_t i = 0; i < array->n_service; i++)
		if (array->service[i]->affinity_group &&
		    array->service[i]->idle_timeout_ms / 2 < least)
			least = array->service[i]->idle_timeout_ms / 2;
	return least;
}

static void keep_alives(const struct making *m, const Conf__Member *member)
{
	struct runbook_step *step = runbook_add(
		m, text_format("Keep-alives of %s", member->name), runbook_server(member),
		text_format("Windows sends the first one after two hours, and RPC asks for none: "
			    "firewalls on the way\nforget the connection before, and Outlook logs "
			    "events 25 and 26.  In force after a restart of the server."));

	runbook_line(&step->run, text_format("reg add \"%s\" /f", runtime_key));
	registry(step, tcp_key, "tcp");
	registry(step, runtime_key, "runtime");
	registry_set(step, tcp_key, "KeepAliveTime", "REG_DWORD", keep_alive_ms(m->array));
	registry_set(step, runtime_key, "MinimumConnectionTimeout", "REG_DWORD", RPC_KEEP_ALIVE_S);
	registry_restore(step, "tcp");
	registry_restore(step, "runtime");
}

/* "135,443,6005-59530": as netsh takes them. */
static char *ports_text(const Conf__Array *array)
{
	char *text = text_format("%s", "");

	for (size_t i = 0; i < array->n_service; i++) {
		for (size_t j = 0; j < array->service[i]->n_ports; j++) {
			const Conf__PortRange *range = array->service[i]->ports[j];
			char *more = range->first == range->last
					     ? text_format("%s%s%u", text, *text ? "," : "",
							   range->first)
					     : text_format("%s%s%u-%u", text, *text ? "," : "",
							   range->first, range->last);

			free(text);
			text = more;
		}
	}
	return text;
}

static void firewall(const struct making *m, const Conf__Member *member)
{
	char *ports = ports_text(m->array);
	struct runbook_step *step = runbook_add(
		m, text_format("The firewall of %s", member->name), runbook_server(member),
		text_format(
			"Exchange's own rules know its programs; this one knows the ports of the "
			"array.  Clients keep\ntheir addresses, and so does the rule."));

	runbook_line(&step->run,
		     text_format("netsh advfirewall firewall add rule name=\"caspair %s\" "
				 "dir=in action=allow protocol=TCP localport=%s",
				 m->array->name, ports));
	runbook_line(&step->undo,
		     text_format("netsh advfirewall firewall delete rule name=\"caspair %s\"",
				 m->array->name));
	free(ports);
}

/* --- the array ------------------------------------------------------------------------------ */

static void encryption(const struct making *m)
{
	struct runbook_step *step = runbook_add(
		m, text_format("RPC must be encrypted"), text_format(SHELL),
		text_format("Outlook 2003 does not encrypt by default and fails from then on: see "
			    "who is left with\npairctl report encryption before."));

	runbook_line(
		&step->run,
		text_format("Get-RpcClientAccess | Select-Object Server,EncryptionRequired | "
			    "Export-Csv -NoClobber \"$env:ProgramData\\caspair-encryption.csv\""));
	for (size_t i = 0; i < m->array->n_member; i++)
		runbook_line(
			&step->run,
			text_format("Set-RpcClientAccess -Server '%s' -EncryptionRequired $true",
				    m->array->member[i]->name));
	runbook_line(&step->undo,
		     text_format("Import-Csv \"$env:ProgramData\\caspair-encryption.csv\" | "
				 "ForEach-Object { Set-RpcClientAccess -Server $_.Server "
				 "-EncryptionRequired ($_.EncryptionRequired -eq 'True') }"));
}

static void kerberos(const struct making *m)
{
	static const char *const classes[] = { "exchangeMDB", "exchangeRFR", "exchangeAB", "http" };
	const char *account = m->site->account ? m->site->account : "<DOMAIN>\\<ACCOUNT>$";
	struct runbook_step *step;

	if (m->site->version == RUNBOOK_2010_RTM)
		return;
	step = runbook_add(
		m, text_format("Kerberos for the name %s", m->array->fqdn),
		text_format("a domain controller, and then the " SHELL),
		text_format("Without a credential that all servers share, clients fall back "
			    "to NTLM in silence.\nThe account is a computer account made for "
			    "this."));
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		runbook_line(&step->run, text_format("setspn -S %s/%s %s", classes[i],
						     m->array->fqdn, account));
		runbook_line(&step->undo, text_format("setspn -D %s/%s %s", classes[i],
						      m->array->fqdn, account));
	}
	runbook_line(&step->run,
		     text_format("& \"$env:ExchangeInstallPath\\Scripts\\"
				 "RollAlternateServiceAccountPassword.ps1\" -ToArrayMembers '%s' "
				 "-GenerateNewPasswordFor '%s' -Verbose",
				 m->array->fqdn, account));
	for (size_t i = 0; i < m->array->n_member; i++)
		runbook_line(&step->undo, text_format("Set-ClientAccessServer '%s' "
						      "-RemoveAlternateServiceAccountCredentials",
						      m->array->member[i]->name));
}

static void databases(const struct making *m)
{
	struct runbook_step *step = runbook_add(
		m, text_format("Databases name the array"), text_format(SHELL),
		text_format(
			"This is what moves the clients.  Profiles that exist keep the old name "
			"until they are repaired;\nnew ones use the array.  Public folders never "
			"pass it."));

	runbook_line(
		&step->run,
		text_format("Get-MailboxDatabase | Select-Object Name,RpcClientAccessServer | "
			    "Export-Csv -NoClobber \"$env:ProgramData\\caspair-databases.csv\""));
	runbook_line(
		&step->run,
		text_format(
			"Get-ExchangeServer | Where-Object { $_.IsMailboxServer -and $_.Site "
			"-like '*/%s' } | ForEach-Object { Get-MailboxDatabase -Server $_.Name } "
			"| Set-MailboxDatabase -RpcClientAccessServer '%s'",
			site_name(m), m->array->fqdn));
	runbook_line(
		&step->undo,
		text_format("Import-Csv \"$env:ProgramData\\caspair-databases.csv\" | "
			    "ForEach-Object { Set-MailboxDatabase $_.Name -RpcClientAccessServer "
			    "$_.RpcClientAccessServer }"));
}

static void proof(const struct making *m)
{
	struct runbook_step *step = runbook_add(
		m, text_format("See that it works"),
		text_format("any node of the pair, and a client"),
		text_format(
			"Every member must be up in every pool, and clients must reach the VIP by "
			"name."));

	runbook_line(&step->run, text_format("pairctl status"));
	runbook_line(&step->run, text_format("pairctl members"));
	runbook_line(&step->run, text_format("nslookup %s", m->array->fqdn));
	runbook_line(&step->run,
		     text_format("rpcping -t ncacn_ip_tcp -s %s -e 135", m->array->fqdn));
}

void runbook_array(struct runbook *book, const struct conf *conf, const Conf__Array *array,
		   const struct runbook_site *site)
{
	const struct making making = { book, conf, array, site };

	name_in_dns(&making);
	array_object(&making);
	for (size_t i = 0; i < array->n_member; i++) {
		mapi_port(&making, array->member[i]);
		book_port(&making, array->member[i]);
		keep_alives(&making, array->member[i]);
		firewall(&making, array->member[i]);
		runbook_way(&making, array->member[i]);
	}
	encryption(&making);
	kerberos(&making);
	databases(&making);
	proof(&making);
}
