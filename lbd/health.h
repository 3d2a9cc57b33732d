/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the results of probes to verdicts.  Pure: results and times are handed in.
 *
 * A target is one check of one service on one address of a member.  A member is up in a pool while
 * every target of the pool's services on it is up: an affinity group moves as one, and clients of
 * either family may be sent to it.  A service that follows another has no targets of its own, the
 * other's count for its pool too.
 */
#ifndef CASPAIR_HEALTH_H
#define CASPAIR_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/rpcif.h"
#include "lbd/plan.h"

enum { HEALTH_MAX_TARGETS = 16384, HEALTH_TEXT = 200 };

/* How a target is probed. */
enum health_kind {
	HEALTH_TCP,
	HEALTH_RPC,
	HEALTH_SMTP,
	HEALTH_IMAP,
	HEALTH_POP3,
	HEALTH_IMAPS,
	HEALTH_POP3S,
	HEALTH_HTTP,
	HEALTH_HTTPS,
	HEALTH_PING,
	HEALTH_VIP, /* mode dsr, lbd/truth.h: whether the member answers for its VIP */
	HEALTH_KINDS
};

enum health_outcome {
	HEALTH_UNKNOWN = 0, /* no result yet */
	HEALTH_OK,
	HEALTH_REFUSED, /* the member answered with a reset */
	HEALTH_TIMEOUT,
	HEALTH_UNREACHABLE, /* no route, no neighbour, ICMP */
	HEALTH_FAULT,       /* the checker itself could not probe: says nothing about the member */
	HEALTH_HUNG,        /* accepts connections, answers nothing */
	HEALTH_NOT_REGISTERED,    /* the endpoint mapper knows no such service */
	HEALTH_WRONG_SERVICE,     /* another RPC service has the port */
	HEALTH_CONGESTED,         /* lives, but takes nobody for the moment */
	HEALTH_PORT_DRIFT,        /* a port that no client can reach: dynamic again? */
	HEALTH_REFUSES_ANONYMOUS, /* lives, but tells strangers nothing */
	HEALTH_NO_RPC,            /* answers something, but not what was asked */
	HEALTH_UNWILLING,         /* greets with a refusal, or not as this service does */
	HEALTH_BAD_STATUS,        /* HTTP, but not with the status that was wanted */
	HEALTH_NO_HTTP,           /* answers something, but no HTTP */
	HEALTH_NO_TLS,            /* the handshake failed */
	HEALTH_BAD_CERTIFICATE,   /* of another name, another authority, or out of date */
	HEALTH_NO_VIP,            /* does not answer for the VIP, though it does for itself */
	HEALTH_OUTCOMES
};
extern const char *const health_outcome_names[HEALTH_OUTCOMES];

/*
 * The steps of a check.  RPC has the first five, in this order, the last two of them for each port;
 * all others connect, some make TLS, most wait for an answer.
 */
enum health_step {
	HEALTH_STEP_CONNECT_MAPPER,
	HEALTH_STEP_BIND_MAPPER,
	HEALTH_STEP_MAP,
	HEALTH_STEP_CONNECT,
	HEALTH_STEP_BIND,
	HEALTH_STEP_TLS,
	HEALTH_STEP_ANSWER,
	HEALTH_STEPS
};

/* What a probe saw on its way. */
struct health_trace {
	uint16_t port;                  /* where it ended */
	uint16_t interface;             /* which of the target's it ended at */
	uint16_t path;                  /* HTTP: the same of the paths */
	uint16_t status;                /* HTTP: what was answered there; 0: nothing */
	uint16_t step;                  /* enum health_step that it ended in */
	uint16_t mapped[RPCIF_MAX];     /* port of each interface; 0: not learned */
	uint32_t step_us[HEALTH_STEPS]; /* the longest of each kind */
};

struct health_rule {
	uint32_t fall, rise; /* results in a row that change the verdict */
	uint32_t interval_ms, timeout_ms;
	uint32_t silent_syns;     /* of a passive check beside it, see lbd/passive.h; 0: none */
	uint32_t recheck_ms;      /* after the first failure of a row; 0: when it is due */
	uint32_t warn_latency_ms; /* slower answers are warned about; 0: none is */
	uint32_t vip_check;       /* not 0: the same is asked of the VIP, in mode dsr */
};

/* What a check of HTTP or TLS asks for, beyond address and port. */
enum { HEALTH_PATHS = 16, HEALTH_WORD = 256 };
struct health_web {
	char host[HEALTH_WORD];    /* of the request and of TLS; empty: the member's address */
	char ca_file[HEALTH_WORD]; /* who may have signed; empty: whom the system trusts */
	char path[HEALTH_PATHS][HEALTH_WORD];
	uint32_t paths;  /* 1 to HEALTH_PATHS; all have to answer */
	uint32_t status; /* that is wanted; 0: 2xx, 3xx or 401 */
	bool verify;     /* the server's certificate */
};

struct health_target {
	uint16_t member; /* slot */
	struct flow_ip addr;
	struct flow_ip vip; /* HEALTH_VIP: that is asked through `addr`; else none */
	size_t vip_target;  /* index of what asks the VIP after this one; 0: nothing does */
	uint16_t port;      /* host order */
	enum health_kind kind;
	struct rpcif interface[RPCIF_MAX];
	size_t interfaces;
	const struct health_web *web; /* of struct health; NULL where it means nothing */
	uint64_t pools; /* bit = pool slot; the pools whose verdict this target has part in */
	struct health_rule rule;

	bool up;            /* by this node's own probes, or assumed */
	bool confirmed;     /* `up` was reached by counting, it is not assumed */
	bool fresh;         /* no result since the start: the first success counts at once */
	uint32_t good, bad; /* in a row */
	uint32_t slow;      /* successes in a row that took longer than the rule likes */
	enum health_outcome last;
	uint32_t latency_us;
	struct health_trace trace;   /* of the last result */
	uint16_t learned[RPCIF_MAX]; /* ports last named by the mapper; 0: none yet */
	uint64_t since_ns;           /* of the verdict */
	uint64_t heard_ns;           /* of the last result */
	uint64_t good_ns;            /* of the last success, 0: none yet */
	uint64_t bad_ns;             /* when the failures in a row began */
	bool suspected;              /* by a passive check: the next failure decides */
	uint64_t silent_now;         /* SYNs in a row without an answer, seen last */
	uint64_t silent_base;        /* the same when the target passed in spite of them */
	bool refusals_known;         /* the next one means something */
	uint64_t refusals_base;      /* connections refused when it was last hurried for them */
};

/* Whether a target has part in the verdict on a member in a pool. */
static inline bool health_concerns(const struct health_target *target, unsigned int pool,
				   unsigned int member)
{
	return target->member == member && target->pools >> pool & 1;
}

struct health {
	struct health_target *target;
	size_t count;
	size_t probed;           /* by the check child; those behind are HEALTH_VIP */
	struct health_web **web; /* what the targets point to, each once */
	size_t webs;
};

/* Lists the targets of a plan, all assumed as its standings say.  0, -ENOMEM or -E2BIG. */
int health_plan(struct health *health, const struct plan *plan, uint64_t now_ns);
void health_free(struct health *health);

/*
 * Takes what is still known of the targets of an older plan, so that a reload forgets no results.
 */
void health_carry(struct health *health, const struct health *old);

/*
 * What a result means for the clients: who followed the mapper to a port that the VIP does not
 * forward has not got far.  Then `trace` says which.
 */
enum health_outcome health_outcome(const struct plan *plan, const struct health_target *target,
				   enum health_outcome outcome, struct health_trace *trace);

/*
 * Keeps the ports that a mapper has named; one that could not be asked has not moved.  True when
 * one is another than before: `moved` is the bits of those.
 */
bool health_learn(struct health_target *target, const struct health_trace *trace,
		  unsigned int *moved);

/* Whether a result speaks against the member; one of our own faults and a busy server do not. */
bool health_is_bad(enum health_outcome outcome);

/* A result came in; true when it changed or confirmed the target's own verdict. */
bool health_result(struct health_target *target, enum health_outcome outcome, uint32_t latency_us,
		   uint64_t now_ns);

/* Whether the answers have been slow for so many results that it is no accident. */
bool health_is_slow(const struct health_target *target);

/*
 * This node now decides: it begins with the verdicts in force and counts afresh, so that what it
 * saw as a bystander changes nothing at once.
 */
void health_restart(struct health *health, const struct plan *plan, uint64_t now_ns);

enum health_verdict { HEALTH_UNDECIDED, HEALTH_UP, HEALTH_DOWN };

/*
 * What this node's probes say of a member in a pool: down when one target is confirmed down, up
 * when all are confirmed up.
 */
enum health_verdict health_verdict(const struct health *health, unsigned int pool,
				   unsigned int member);

/*
 * Whether this node's probes object to a verdict that is in force since `since_ns`: they have come
 * to the other one, and a result after that time is among the reasons.
 */
bool health_objects(const struct health *health, unsigned int pool, unsigned int member, bool up,
		    uint64_t since_ns);

/*
 * Whether a member of a pool fails by itself: another one has answered this node's probes since it
 * began to fail.
 */
bool health_apart(const struct health *health, unsigned int pool, unsigned int member);

/*
 * "tcp 59531 0.2 ms", "IPv6 tcp 25 refused": what is wrong and where, of the worst target; the
 * empty text where none is.
 */
const char *health_text(char text[HEALTH_TEXT], const struct health *health, unsigned int pool,
			unsigned int member);

#endif
