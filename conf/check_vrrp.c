// SPDX-License-Identifier: BSD-2-Clause
/* What the protocol of the adverts does not allow together. */
#include "conf/check.h"

#include "conf/store.h"

enum { MS_SECOND = 1000, TTL_MAX = 255 };

static void check_version_2(const struct check *c, const Conf__Vrrp *vrrp)
{
	/* RFC 3768, 5.3.7: a byte of seconds.  Others have flooded the LAN with less. */
	if (vrrp->advert_ms % MS_SECOND)
		fault_error(
			c->faults,
			source_at(c->source, vrrp, vrrp->has_advert_ms ? "advert_ms" : "version"),
			"version 2 of VRRP knows whole seconds only: advert %ums is not; write "
			"advert 1s",
			vrrp->advert_ms);
	if (vrrp->checksum != CONF__VRRP__CHECKSUM__AUTO)
		fault_error(c->faults, source_at(c->source, vrrp, "checksum"),
			    "version 2 of VRRP has one form of the checksum: leave it out");
}

void check_vrrp(const struct check *check)
{
	const Conf__Vrrp *vrrp = check->file->vrrp;

	if (!vrrp)
		return;
	if (vrrp->version == 2)
		check_version_2(check, vrrp);
	if (vrrp->unicast_ttl_min < TTL_MAX && !vrrp->unicast)
		fault_error(check->faults, source_at(check->source, vrrp, "unicast_ttl_min"),
			    "unicast-ttl-min needs unicast: adverts to the group never cross a "
			    "router");
}
