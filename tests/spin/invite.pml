/* SPDX-License-Identifier: MIT */
/* invite - two newcomers with one invitation, through a log that loses its tail.  README.md maps it to the code. */

/*
 * Two replicas apply one log, each at its own pace.  A command may be proposed at any time and any number of times: a
 * retry whose first outcome is unknown, a copy that was late.  A change of leader cuts entries that are not committed.
 * Invitation X is what two newcomers share; Y, open from the start, is a second one that only A has.
 *
 * The log is unbounded; what is kept of it are the entries that not both replicas have applied, WINDOW at most.
 */

#ifndef WINDOW
#define WINDOW 4
#endif

/* Commands, each with an op id of its own.  INVITE_AGAIN is the same invitation sent by a person as a new operation. */
#define INVITE 1
#define INVITE_AGAIN 2
#define JOIN_A 3
#define JOIN_B 4
#define UNINVITE 5
#define JOIN_A_BY_Y 6
#define REMOVE_A 7

/* Log time, as far as X is concerned: 0 and 1 before its expiry, 2 the day after, 3 later. */
#define EXPIRY 1
#define FORGET 2
#define LATEST 3

/* Rows of an invitation, and of a node. */
#define NONE 0
#define OPEN 1
#define SPENT_A 2
#define SPENT_B 3
#define REVOKED 4
#define MEMBER 1
#define REMOVED 2

byte command[WINDOW]; /* the log after what both have applied */
byte stamp[WINDOW];   /* its log time */
bool judged[WINDOW];  /* mutant JUDGED_EARLY: the leader's verdict */
byte length;
byte committed;
byte before; /* log time of the last entry that both have applied */

byte applied[2]; /* of the window */
byte inv_x[2];
byte inv_y[2];
byte node_a[2];
byte node_b[2];
byte done[2]; /* the operation table: bit per op id, found or below the horizon */

/* Ghosts: what has happened at a replica, whatever its rows say now. */
byte admissions_x[2];
bool gone_a[2];
bool closed_x[2];
bool in_a, in_b; /* admitted by X, at any replica */

/* The properties, by name, so that a counter-example says which one it breaks. */
bool b4_one_node_an_invitation = true;
bool b4_one_admission_an_invitation = true;
bool removed_never_again = true;
bool revoked_is_void = true;
bool equal_index_equal_state = true;
bool goal_not_reached = true; /* WITNESS */

byte k, c, t; /* inside one step; 0 between steps */

#define LAST (length == 0 -> before : stamp[length - 1])

#ifdef TIME_FALLS /* mutant: log time follows the leader's clock back */
#define STAMP_OK(at) true
#else
#define STAMP_OK(at) ((at) >= LAST)
#endif

#define NOT_IN(r, who) ((who) == JOIN_B -> node_b[r] == NONE : node_a[r] == NONE)
#define VALID(r, who, late) ((who) == JOIN_A_BY_Y -> inv_y[r] == OPEN && NOT_IN(r, who) : \
                                                     inv_x[r] == OPEN && !(late) && NOT_IN(r, who))

/* Who leads proposes: any replica may, and it need not have applied what it has in its log. */
inline propose(r, what, at)
{
    d_step {
        length < WINDOW && STAMP_OK(at) ->
        command[length] = what;
        stamp[length] = at;
#ifdef JUDGED_EARLY /* mutant: a JOIN is judged by the leader's state at that moment, and applied as judged */
        judged[length] = VALID(r, what, at > EXPIRY);
#endif
        length++
    }
}

#ifdef JUDGED_EARLY
#define ADMITS(r, late) judged[applied[r]]
#elif defined(RETRY_TWICE) /* mutant: the retry of who spent the invitation is a success, carried out again */
#define ADMITS(r, late) \
    (VALID(r, c, late) || (c == JOIN_A && inv_x[r] == SPENT_A) || (c == JOIN_B && inv_x[r] == SPENT_B))
#else
#define ADMITS(r, late) VALID(r, c, late)
#endif

#ifdef FORGET_EARLY /* mutant: a spent id is dropped while its invitation could still be sent again */
#define FORGOTTEN(r) (t > FORGET || (t == EXPIRY && inv_x[r] > OPEN))
#else
#define FORGOTTEN(r) (t > FORGET)
#endif

#ifdef NO_TABLE /* operations are not remembered: nothing here may rest on that */
#define KNOWN(r) false
#else
#define KNOWN(r) ((done[r] & (1 << c)) != 0)
#endif

#ifdef REMOVE_FORGETS /* mutant: a removed node leaves no row */
#define AFTER_REMOVE NONE
#else
#define AFTER_REMOVE REMOVED
#endif
#ifdef REVOKE_FORGETS /* mutant: a revoked invitation leaves no row */
#define AFTER_REVOKE NONE
#else
#define AFTER_REVOKE REVOKED
#endif

inline admit(r)
{
    if
    :: c == JOIN_A_BY_Y ->
        inv_y[r] = SPENT_A
    :: else ->
        inv_x[r] = (c == JOIN_A -> SPENT_A : SPENT_B);
        admissions_x[r]++;
        in_a = in_a || c == JOIN_A;
        in_b = in_b || c == JOIN_B;
        b4_one_admission_an_invitation = admissions_x[r] <= 1;
        assert(b4_one_admission_an_invitation);
        b4_one_node_an_invitation = !(in_a && in_b);
        assert(b4_one_node_an_invitation);
        revoked_is_void = !closed_x[r];
        assert(revoked_is_void)
    fi;
    if
    :: c == JOIN_B -> node_b[r] = MEMBER
    :: else ->
        removed_never_again = !gone_a[r];
        assert(removed_never_again);
        node_a[r] = MEMBER
    fi
}

/* The state machine's step: the next committed entry at replica r.  `late`: X has expired. */
inline apply(r, late)
{
    d_step {
        applied[r] < committed ->
        c = command[applied[r]];
        t = stamp[applied[r]];
        if
        :: FORGOTTEN(r) -> inv_x[r] = NONE
        :: else -> skip
        fi;
        if
        :: KNOWN(r) -> skip
        :: else ->
            if
            :: (c == INVITE || c == INVITE_AGAIN) && inv_x[r] == NONE && !(late) -> inv_x[r] = OPEN
            :: (c == JOIN_A || c == JOIN_B || c == JOIN_A_BY_Y) && ADMITS(r, late) -> admit(r)
            :: c == UNINVITE && inv_x[r] == OPEN -> inv_x[r] = AFTER_REVOKE; closed_x[r] = true
            :: c == REMOVE_A && node_a[r] == MEMBER -> node_a[r] = AFTER_REMOVE; gone_a[r] = true
            :: else -> skip /* refused */
            fi;
#ifndef NO_TABLE
            done[r] = done[r] | (1 << c) /* refusals are results, too */
#endif
        fi;
        applied[r]++;
        if
        :: applied[0] == applied[1] ->
            equal_index_equal_state = inv_x[0] == inv_x[1] && inv_y[0] == inv_y[1] && node_a[0] == node_a[1] &&
                                      node_b[0] == node_b[1] && done[0] == done[1];
#ifndef NO_EQUAL
            assert(equal_index_equal_state);
#endif
        :: else -> skip
        fi;
        c = 0;
        t = 0;
        do /* what both have applied leaves the window */
        :: applied[0] > 0 && applied[1] > 0 ->
            before = stamp[0];
            k = 1;
            do
            :: k < WINDOW -> command[k - 1] = command[k]; stamp[k - 1] = stamp[k]; judged[k - 1] = judged[k]; k++
            :: else -> break
            od;
            command[WINDOW - 1] = 0;
            stamp[WINDOW - 1] = 0;
            judged[WINDOW - 1] = false;
            applied[0] = applied[0] - 1;
            applied[1] = applied[1] - 1;
            length--;
            committed--
        :: else -> break
        od;
        k = 0
#ifdef WITNESS /* not a mutant: must fail, or the model cannot do what it is about */
        ;
        goal_not_reached = !(node_b[r] == MEMBER && gone_a[r] && in_b && inv_y[r] == SPENT_A && inv_x[r] == NONE);
        assert(goal_not_reached)
#endif
    }
}

inline cut()
{
    d_step {
        length > committed ->
        length--;
        command[length] = 0;
        stamp[length] = 0;
        judged[length] = false
    }
}

#define AT(r, what) :: propose(r, what, 0) :: propose(r, what, 1) :: propose(r, what, 2) :: propose(r, what, 3)
#define PROPOSE(r) AT(r, INVITE) AT(r, INVITE_AGAIN) AT(r, JOIN_A) AT(r, JOIN_B) AT(r, UNINVITE) \
                   AT(r, JOIN_A_BY_Y) AT(r, REMOVE_A)

active proctype world()
{
    d_step {
        inv_y[0] = OPEN;
        inv_y[1] = OPEN
    };
end:
    do
    PROPOSE(0)
#ifdef JUDGED_EARLY /* only there does it matter who leads */
    PROPOSE(1)
#endif
    :: d_step { committed < length -> committed++ }
    :: cut()
#ifdef LOCAL_CLOCK /* mutant: the clock of whoever applies says whether X has expired */
    :: apply(0, false)
    :: apply(0, true)
    :: apply(1, false)
    :: apply(1, true)
#else
    :: apply(0, t > EXPIRY)
    :: apply(1, t > EXPIRY)
#endif
    od
}
