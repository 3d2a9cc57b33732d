# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
id=B2
title="a member is not heard any more, and comes back"
touches="members"
member=m3
hold_ms=3000
dark_ms=5
lost=any
stays=1

inject() { on m3 nft -f - <<<'table inet hole { chain in { type filter hook input priority 0; drop; }; }'; }
heal() { on m3 nft delete table inet hole; }
