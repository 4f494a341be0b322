/* SPDX-License-Identifier: MIT */
/* joint - one shard's log while its voters change and a disk is lost.  README.md maps it to the code. */

/*
 * Replica numbers 1, 2, 3 are the voters of the first configuration; 4 and 5 are newcomers without a log, and learners
 * from the start.  There is one target, C_NEW, reached through a joint configuration, and at most one disk is lost.
 *
 * Terms come one after the other, and in a term first all votes, then all that its leader does (README, "Order").
 * Messages that are late, lost, repeated or overtaken are state that may be read at any later moment of the term:
 *   a granted vote = a bit in votes[candidate]
 *   an append      = any prefix of the leader's log, which only grows
 *   its answer     = acks[replica], the highest own-term index granted to the leader
 *
 * A log is named by (term, index) of its last entry; bt, bi, bc say which log the leader of a term began with.
 */

#ifndef MAXTERM
#define MAXTERM 4 /* terms 1..MAXTERM; the last one only elects, since nobody comes after it to miss an entry */
#endif

#define N 5
#define C_OLD 7 /* sets are bits: replica r is bit r - 1 */
#ifndef C_NEW
#define C_NEW 28 /* 3, 4, 5: the least overlap that one change may have here */
#endif

#define OLD 0
#define JOINT 1
#define NEW 2

byte lt[N + 1]; /* term of the last durable entry; replicas are 1..N */
byte li[N + 1]; /* its index; 0: no log, 1: the entry that all began with */
byte now;       /* the present term */
byte lost;      /* the replica whose disk was lost, or 0 */
bool spent;     /* the one loss has happened */
bool touched;   /* replica 1 has acted (symmetry, below) */

/* While the term has no leader: */
byte vote[N + 1];  /* durable */
byte votes[N + 1]; /* who granted this candidate */

/* Then: */
byte lead;        /* the leader; N + 1: the term is over */
byte top;         /* the last entry it has appended, durable or not */
byte acks[N + 1]; /* its own disk answers as the others do */

/* Of each leader's log, for ever: */
byte bt[MAXTERM + 1]; /* the log it began with: term, */
byte bi[MAXTERM + 1]; /* index, */
byte bc[MAXTERM + 1]; /* configuration */
byte jp[MAXTERM + 1]; /* index of the joint entry that it appended, or 0 */
byte fp[MAXTERM + 1]; /* index of the final entry that it appended, or 0 */

/* The last entry that was committed by counting, and whether a joint entry was. */
byte ct, ci;
bool joint_committed;

/* The properties, by name, so that a counter-example says which one it breaks. */
bool r1_one_leader_a_term = true;
bool r3_leader_has_all_committed = true;
bool r7_adjacent_quorums_meet = true;
bool committed_is_not_cut = true;
bool goal_not_reached = true; /* WITNESS */

hidden byte pop[32]; /* members of a set; a constant, so not part of the state */
byte k, x, y; /* for loops inside one step; 0 between steps */

#define BIT(r) (1 << ((r) - 1))
#define MAJORITY(s, c) (2 * pop[(s) & (c)] > pop[c])

#ifdef ONE_QUORUM /* mutant: a joint configuration decides by its new half alone */
#define BOTH(s) MAJORITY(s, C_NEW)
#else
#define BOTH(s) (MAJORITY(s, C_OLD) && MAJORITY(s, C_NEW))
#endif
#define QUORUM(s, c) ((c) == OLD -> MAJORITY(s, C_OLD) : ((c) == NEW -> MAJORITY(s, C_NEW) : BOTH(s)))

#ifdef LEARNER_COUNTS /* mutant: whoever holds an entry counts */
#define COMMITS(s, c) ((c) == OLD -> 2 * pop[s] > pop[C_OLD] : QUORUM(s, c))
#else
#define COMMITS(s, c) QUORUM(s, c)
#endif

/* The configuration of the log (t, i): that of its last configuration entry, committed or not. */
#define CONF(t, i) ((fp[t] != 0 && (i) >= fp[t]) -> NEW : ((jp[t] != 0 && (i) >= jp[t]) -> JOINT : bc[t]))
#ifdef ON_COMMIT /* mutant: a candidate that does not know its joint entry committed still elects by the old ones */
#define ELECTS(r) (CONF(lt[r], li[r]) == JOINT -> OLD : CONF(lt[r], li[r]))
#else
#define ELECTS(r) CONF(lt[r], li[r])
#endif
#define VOTERS(c) ((c) == OLD -> C_OLD : ((c) == NEW -> C_NEW : C_OLD | C_NEW))

/* Term of the entry with index q in a log whose last entry is of term t. */
#define AT1(t, q) ((q) > bi[t] -> (t) : 0)
#define AT2(t, q) ((q) > bi[t] -> (t) : AT1(bt[t], q))
#define AT3(t, q) ((q) > bi[t] -> (t) : AT2(bt[t], q))
#define AT(t, q) ((q) > bi[t] -> (t) : AT3(bt[t], q))
#define HOLDS(t, i, et, ei) ((i) >= (ei) && AT(t, ei) == (et)) /* entry (et, ei) is in the log (t, i) */
#define HAS_TERM(r, t) (lt[r] == (t) || bt[lt[r]] == (t) || bt[bt[lt[r]]] == (t))

/* 1 and 2 differ in nothing but their names, and so do 4 and 5: of a pair, 1 or 4 is the first to act. */
#ifndef PAIRED
#define PAIRED 1
#endif
#define MAY_ACT(r) (((r) != 2 || touched) && ((r) != 5 || !PAIRED || li[4] > 0 || lost == 4))
#ifdef FOUR /* replica 5 stays away */
#define AWAKE(r) (lost != (r) && (r) != 5 && MAY_ACT(r))
#else
#define AWAKE(r) (lost != (r) && MAY_ACT(r))
#endif

#define ACKED(f, i) ((acks[f] >= (i) -> 1 : 0) << ((f) - 1))
#define ACKSET(i) (ACKED(1, i) | ACKED(2, i) | ACKED(3, i) | ACKED(4, i) | ACKED(5, i))

/* R7: a quorum of one configuration and one of the next in a log share a member. */
inline quorums_meet(before, after)
{
#ifndef NO_R7
    x = 1;
    do
    :: x < 32 ->
        y = 1;
        do
        :: y < 32 ->
            r7_adjacent_quorums_meet = !(QUORUM(x, before) && QUORUM(y, after)) || (x & y) != 0;
            assert(r7_adjacent_quorums_meet);
            y++
        :: else -> break
        od;
        x++
    :: else -> break
    od;
    x = 0;
    y = 0
#else
    skip
#endif
}

/* What only the term before could use is cleared, and what is said of terms of which no log holds an entry: pasts
 * that make no difference become one state. */
inline end_term()
{
    lead = N + 1;
    top = 0;
    k = 1;
    do
    :: k <= N -> acks[k] = 0; k++
    :: else -> break
    od;
    k = 0
}

inline begin_term()
{
    end_term();
    now++;
    lead = 0;
    k = 1;
    do
    :: k < now ->
        if
        :: !HAS_TERM(1, k) && !HAS_TERM(2, k) && !HAS_TERM(3, k) && !HAS_TERM(4, k) && !HAS_TERM(5, k) ->
            bt[k] = 0; bi[k] = 0; bc[k] = 0; jp[k] = 0; fp[k] = 0
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

inline touch(r)
{
    if
    :: r == 1 -> touched = true
    :: else -> skip
    fi
}

/* The first candidate of a term begins it. */
inline campaign(r)
{
    d_step {
        AWAKE(r) && li[r] > 0 && (VOTERS(ELECTS(r)) & BIT(r)) != 0 &&
            ((lead == 0 && now > 0 && vote[r] == 0) || ((lead != 0 || now == 0) && now < MAXTERM)) ->
        if
        :: lead != 0 || now == 0 -> begin_term()
        :: else -> skip
        fi;
        touch(r);
        vote[r] = r;
        votes[r] = BIT(r)
    }
}

#ifdef VOTE_BEHIND /* mutant: the longer log wins, whatever its terms */
#define NOT_BEHIND(c, r) (li[c] >= li[r])
#else
#define NOT_BEHIND(c, r) (lt[c] > lt[r] || (lt[c] == lt[r] && li[c] >= li[r]))
#endif

/* At most one vote a term, for a log that is not behind the own, and never without a log. */
inline grant(r, c)
{
    d_step {
        lead == 0 && vote[c] == c && vote[r] == 0 && AWAKE(r) && li[r] > 0 &&
            NOT_BEHIND(c, r) ->
        touch(r);
        vote[r] = c;
        votes[c] = votes[c] | BIT(r)
    }
}

#define ELECTED(r) (vote[r] == (r) && lost != (r) && QUORUM(votes[r], ELECTS(r)))

/* Votes enough: the term has its leader, which appends its no-op. */
inline take_lead(r)
{
    d_step {
        lead == 0 && ELECTED(r) ->
        k = 1;
        do
        :: k <= N && k != r -> r1_one_leader_a_term = r1_one_leader_a_term && !ELECTED(k); k++
        :: k == r -> k++
        :: else -> break
        od;
#ifdef NO_R1 /* with a mutant: what else does it break? */
        r1_one_leader_a_term = true;
#endif
        assert(r1_one_leader_a_term);
        r3_leader_has_all_committed = HOLDS(lt[r], li[r], ct, ci);
        assert(r3_leader_has_all_committed);
        lead = r;
        bt[now] = lt[r];
        bi[now] = li[r];
        bc[now] = CONF(lt[r], li[r]);
        top = li[r] + 1;
        k = 1;
        do
        :: k <= N -> vote[k] = 0; votes[k] = 0; k++
        :: else -> break
        od;
        k = 0
    }
}

#ifdef WITNESS /* not a mutant: must fail, or the model cannot do what it is about */
#define SEEN \
    goal_not_reached = !(fp[now] != 0 && ci >= fp[now] && bc[now] == JOINT && lost != 0 && lead == 4); \
    assert(goal_not_reached)
#else
#define SEEN skip
#endif

/* Commits what can be: entries of the own term only, counted in the last configuration of the leader's log.  At once,
 * since a leader that waits, or never learns of an answer, promises less. */
inline settle()
{
    k = top;
    do
    :: k > bi[now] && (ct < now || ci < k) ->
        if
        :: COMMITS(ACKSET(k), CONF(now, top)) ->
            ct = now;
            ci = k;
            joint_committed = joint_committed || CONF(now, k) != OLD;
            SEEN;
            break
        :: else -> k--
        fi
    :: else -> break
    od;
    k = 0
}

#define LEADS (lead != 0 && lead <= N && now < MAXTERM)

inline enter_joint()
{
    d_step {
        LEADS && CONF(now, top) == OLD ->
        quorums_meet(OLD, JOINT);
        top++;
        jp[now] = top;
        settle()
    }
}

#ifdef LEAVE_EARLY /* mutant: leaves a joint configuration that is not committed */
#define MAY_LEAVE true
#else
#define MAY_LEAVE joint_committed
#endif

inline leave_joint()
{
    d_step {
        LEADS && CONF(now, top) == JOINT && MAY_LEAVE ->
        quorums_meet(JOINT, NEW);
        top++;
        fp[now] = top;
        settle()
    }
}

/* Mutant: from the old configuration to the new in one entry. */
inline leap()
{
    d_step {
        LEADS && CONF(now, top) == OLD ->
        quorums_meet(OLD, NEW);
        top++;
        fp[now] = top;
        settle()
    }
}

#ifdef CUT_ALWAYS /* mutant: a late append cuts what it does not mention */
#define CHANGES(r, q) (lt[r] != AT(now, q) || li[r] != (q))
#else
#define CHANGES(r, q) (!HOLDS(lt[r], li[r], AT(now, q), q))
#endif

/* The leader's log up to q is durable at r; r may be the leader.  Only what conflicts is cut. */
inline receive(r, q)
{
    d_step {
        LEADS && q <= top && AWAKE(r) && CHANGES(r, q) ->
        touch(r);
        committed_is_not_cut = !HOLDS(lt[r], li[r], ct, ci) || HOLDS(AT(now, q), q, ct, ci);
        assert(committed_is_not_cut);
        lt[r] = AT(now, q);
        li[r] = q;
        if
        :: q > bi[now] -> acks[r] = (acks[r] > q -> acks[r] : q); settle()
        :: else -> skip
        fi
    }
}

/* A disk is lost, and its number is silent for ever: the node comes back under another one.  Silence may always be put
 * off, as messages may be late: the loss is the last event of its term. */
#if defined(LOST_LOG) /* mutant: the number goes on with an empty disk */
#define MAY_LOSE true
#define LOSS(r) lt[r] = 0; li[r] = 1; vote[r] = 0
#elif defined(LOST_VOTE) /* mutant: the log was saved, term and vote were not, and the number goes on */
#define MAY_LOSE true
#define LOSS(r) vote[r] = 0
#else
#define MAY_LOSE LEADS
#define LOSS(r) lt[r] = 0; li[r] = 0; lost = r; end_term()
#endif

inline lose(r)
{
    d_step {
        !spent && MAY_LOSE && MAY_ACT(r) ->
        spent = true;
        touch(r);
        LOSS(r)
    }
}

#define REPLICAS(OPTION) OPTION(1) OPTION(2) OPTION(3) OPTION(4) OPTION(5)
#define INDEXES(OPTION, r) OPTION(r, 1) OPTION(r, 2) OPTION(r, 3) OPTION(r, 4) OPTION(r, 5) OPTION(r, 6)
#define CAMPAIGN(r) :: campaign(r)
#define TAKE_LEAD(r) :: take_lead(r)
#define LOSE(r) :: lose(r)
#define GRANTS(c) :: grant(1, c) :: grant(2, c) :: grant(3, c) :: grant(4, c) :: grant(5, c)
#define RECEIVE(r, q) :: receive(r, q)
#define RECEIVES(r) INDEXES(RECEIVE, r)

active proctype world()
{
    d_step {
        k = 1;
        do
        :: k < 32 -> pop[k] = pop[k >> 1] + (k & 1); k++
        :: else -> break
        od;
        k = 0;
        li[1] = 1;
        li[2] = 1;
        li[3] = 1;
        ci = 1
    };
end:
    do
    REPLICAS(CAMPAIGN)
    REPLICAS(GRANTS)
    REPLICAS(TAKE_LEAD)
    :: enter_joint()
    :: leave_joint()
#ifdef LEAP
    :: leap()
#endif
    REPLICAS(RECEIVES)
    REPLICAS(LOSE)
    od
}
