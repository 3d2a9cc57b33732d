/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the data plane counts, a reason each.  Both compilers read this file.
 */
#ifndef CASPAIR_FLOW_COUNTER_H
#define CASPAIR_FLOW_COUNTER_H

#include <linux/types.h>

/* Map `counters`: PERCPU_ARRAY of __u64, one per reason.  Names: flow_counter_names in lbd. */
enum flow_counter {
	COUNT_FORWARDED_IN = 0, /* to a member */
	COUNT_FORWARDED_OUT,    /* to a client */
	COUNT_PASSED,           /* not ours: left to the kernel */
	COUNT_ADMITTED,         /* handshake begun */
	COUNT_PROMOTED,         /* flow recorded after its handshake */
	COUNT_PICKED_UP,        /* flow recorded in mid-stream */
	COUNT_DERIVED,          /* forwarded without a record, by pin or Maglev */
	COUNT_STATELESS_OUT,    /* reply without a record, rewritten by (member, port) */
	COUNT_DROP_MALFORMED,
	COUNT_DROP_FRAGMENT,
	COUNT_DROP_TTL,
	COUNT_DROP_NOT_OWNER, /* new connection at a node that may not admit */
	COUNT_DROP_NO_MEMBER, /* pool empty */
	COUNT_DROP_NO_ROUTE,
	COUNT_DROP_NEIGHBOUR, /* being resolved; TCP retries */
	COUNT_DROP_TOO_BIG,
	COUNT_DROP_ARP,   /* ARP request for an address that another node owns */
	COUNT_FLOWS_FULL, /* no room: forwarded by Maglev, not recorded */
	COUNT_PINS_FULL,
	COUNT_EVENT_LOST,
	COUNT_EXPIRED_IDLE,
	COUNT_EXPIRED_CLOSED,
	COUNT_ADVERT_FENCED,
	COUNT_DROP_STRAY_RESET,  /* of a member that does not hold the flow on record */
	COUNT_DROP_ND,           /* neighbour solicitation for a VIP while fenced */
	COUNT_DROP_EXTENSION,    /* IPv6 extension headers beyond what is followed */
	COUNT_ANSWERED,          /* of the drops above: with an ICMP error to the sender */
	COUNT_ICMP_IN,           /* errors about a member's packets, brought to it */
	COUNT_ICMP_OUT,          /* errors about a client's */
	COUNT_DROP_NOT_ACCEPTED, /* to a floating address, of no service, where that is refused */
	COUNT_RESET_FLOWS,       /* ended by us, both ends told */
	COUNT_RESET_UNSENT,      /* an end to which there was no way */
	COUNT_ANSWERED_DOOMED,   /* a packet of a doomed flow, answered with a reset */
	COUNT_ANSWERED_UNKNOWN,  /* one without a record, by the service's policy */
	COUNT_ANSWERED_CLOSED,   /* one to a port that is not open now */
	COUNT_DROP_UNKNOWN,      /* without a record, by the service's policy */
	COUNT_DROP_ANSWER_RATE,  /* more resets a second than are worth it */
	COUNT_DROP_NO_ANSWER,    /* a frame that cannot be made into a reset */
	COUNT_ANSWERED_SOURCE_FLOWS, /* a SYN of a source that has as many flows as it may */
	COUNT_DROP_SOURCE_RATE,      /* one of a source that has begun enough this second */
	COUNT_EXACT,         /* flow recorded at its SYN: the peer would derive another member */
	COUNT_EXACT_KEPT,    /* not recorded, for there were too many: sent where the peer would */
	COUNT_EXPIRED_BEGUN, /* recorded at its SYN, and nothing came of it */
	COUNT_DROP_INDIRECT,     /* DSR: the way to the member leads over a gateway */
	COUNT_DROP_NO_SOURCE,    /* every port that was tried of the sources is in use */
	COUNT_DROP_UNSOURCED,    /* in mid-stream, and no record tells its source */
	COUNT_CLAIMS_LIMITED,    /* DSR: too many new flows at once, forwarded but not recorded */
	COUNT_SOURCES_GIVEN,     /* new connections that got a source */
	COUNT_SOURCES_STOLEN,    /* of those: from a handshake that was not completed */
	COUNT_STRICT,         /* flow recorded at its SYN, for its service is strict */
	COUNT_STRICT_HELD,    /* packets that wait for the peer */
	COUNT_STRICT_AT_ONCE, /* that need not: the peer was faster than the member */
	COUNT_STRICT_ALONE,   /* that need not: no standby follows closely */
	COUNT_STRICT_AGAIN,   /* dropped: sent once more while the former one waits, or never asked for */
	COUNT_STRICT_FULL,    /* no room to wait, or too long: prefer sends it, require drops it */
	COUNT_STRICT_UNREAD,  /* likewise: lbd is not there */
	COUNT_STRICT_LIMITED, /* likewise, a SYN: too many in this second, or the table is full */
	COUNT_LISTENED,       /* the node had slept, and heard before it answered; lease_overslept() */
	COUNT_MAX
};

/*
 * Map `service_stats`, same index as `services`: PERCPU_ARRAY.  Nothing of it is counted by the
 * packets of an established flow: what they carry is added when their flow has ended.
 */
enum flow_service_counter {
	SERVICE_REQUESTS = 0, /* SYNs let through, repeated ones too */
	SERVICE_CONNECTIONS,  /* recorded by this node */
	SERVICE_BYTES_IN,     /* of flows that were removed, as this node saw them */
	SERVICE_BYTES_OUT,
	SERVICE_RESET,     /* ended by us */
	SERVICE_NO_MEMBER, /* from here on what was not let through */
	SERVICE_NO_SOURCE, /* every port that was tried of the sources is in use */
	SERVICE_LIMITED,   /* a source has begun, or has, enough */
	SERVICE_NOT_OWNER, /* SYNs at a node that may not admit */
	SERVICE_CLOSED,    /* to a port that is not open now */
	SERVICE_UNKNOWN,   /* in mid-stream, without the record that the service wants */
	SERVICE_WAITED,    /* strict: answers that were held, */
	SERVICE_WITHHELD,  /* and packets that were dropped for it */
	SERVICE_COUNTS
};

struct flow_service_stats {
	__u64 count[SERVICE_COUNTS];
};

#endif
