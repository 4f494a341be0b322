#!/bin/sh
# SPDX-License-Identifier: MIT
# mutants.sh - breaks core/raft and core/engine on purpose, one line at a time, in a copy; each break
# must be caught by the simulator or by a unit suite.  A survivor is a missing check.
#
#   tests/sim/mutants.sh [SEEDS] [NAME]      in the root of the repository; needs gcc and Check
set -eu
seeds=${1:-400}
only=${2:-}
work=$(mktemp -d /tmp/fsp-mutants.XXXXXX)
trap 'rm -rf "$work"' EXIT
flags="-std=c17 -D_GNU_SOURCE -DFSP_SLOW_CHECKS=1 -O1 -fno-strict-aliasing -w"
libraries=$(pkg-config --libs check libcrypto libsodium)" -lmbedcrypto -lm"
folders="core/base core/crypto core/auth core/meta core/raft core/engine"

# Folders that are not mutated are compiled once.
mkdir -p "$work/objects" "$work/tree"
cp -r core tests "$work/tree/"
cd "$work/tree"
for source in core/base/*.c core/crypto/*.c core/auth/*.c core/meta/*.c tests/sim/*.c; do
    gcc $flags -I. -c "$source" -o "$work/objects/$(echo "$source" | tr / _).o"
done
core_objects=$(ls "$work"/objects/core_*.o)
sim_objects=$(ls "$work"/objects/tests_sim_*.o)

# Links everything with the files of core/raft and core/engine as they are now; then runs it.
# Prints who caught it; fails if nobody did.
hunt() {
    gcc $flags -I. core/raft/*.c core/engine/*.c $core_objects $sim_objects \
        -o "$work/sim" $libraries 2>"$work/errors" || { echo "DOES NOT COMPILE"; return 1; }
    if ! timeout 300 "$work/sim" --seeds "$seeds" >"$work/out" 2>&1; then
        echo "simulator: $(grep -v '^repeat' "$work/out" | head -1)"
        return 0
    fi
    for suite in tests/unit/raft/test_*.c tests/unit/engine/test_*.c; do
        gcc $flags -I. "$suite" core/raft/*.c core/engine/*.c $core_objects \
            -o "$work/suite" $libraries
        if ! CK_VERBOSITY=silent timeout 60 "$work/suite" >"$work/out" 2>&1; then
            echo "$(basename "$suite" .c)"
            return 0
        fi
    done
    echo "SURVIVED"
    return 1
}

hunt >"$work/control" || true
grep -q SURVIVED "$work/control" || { echo "the code itself fails: $(cat "$work/control")"; exit 1; }

total=0
survivors=0
# mutant NAME FILE SED-EXPRESSION: the expression must change the file.
mutant() {
    [ -z "$only" ] || [ "$only" = "$1" ] || return 0
    total=$((total + 1))
    cp "$2" "$work/kept"
    sed -i "$3" "$2"
    if cmp -s "$2" "$work/kept"; then
        echo "$1: DOES NOT APPLY"
        survivors=$((survivors + 1))
        return 0
    fi
    verdict=$(hunt) || survivors=$((survivors + 1))
    echo "$1: $verdict"
    cp "$work/kept" "$2"
}

settle=core/raft/raft_settle.c
raft=core/raft/raft.c
log=core/raft/raft_log.c
replica=core/engine/replica.c
apply=core/engine/replica_apply.c
write=core/engine/replica_write.c
rows=core/engine/log_rows.c

mutant commit_before_written $settle 's/uint64_t index = self->log.durable;/uint64_t index = self->log.last;/'
mutant commit_old_terms $settle '/if (term != self->hard.term)/,+1d'
mutant ready_without_commit $settle 's/== FSP_OK \&\& term == self->hard.term;/== FSP_OK;/'
mutant drop_by_memory $settle 's/self->durable_applied < wanted/self->handed < wanted/; s/below = self->durable_applied - /below = self->handed - /'
mutant drop_keeps_nothing $settle 's/self->durable_applied - FSP_RAFT_KEEP_ENTRIES;/self->durable_applied;/'
mutant drop_one_too_many $settle 's/effect->drop_below = below;/effect->drop_below = below + 1;/'
mutant hand_out_skips $settle 's/FSP_RAFT_FETCH_APPLY, self->handed + 1,/FSP_RAFT_FETCH_APPLY, self->handed + 2,/'
mutant term_not_raised $raft 's/self->hard.term + 1, .vote/self->hard.term + (self->hard.term == 0), .vote/'
mutant no_noop $raft 's/(void)append(self, FSP_ENTRY_NOOP, NULL, effects);//'
mutant leads_before_vote_is_written $raft 's/become(self, FSP_RAFT_CANDIDATE, effects);/&lead(self, effects);/; s/FSP_ASSERT(self->durable_hard.*//; s/^campaign(/&/; s/^static void$/static void/; /^static void$/{N;s/static void\ncampaign/static void lead(fsp_raft_t *self, fsp_raft_effects_t *effects);\nstatic void\ncampaign/}'
mutant watermark_ignored $raft 's/r->last_index < r->watermark/false/'
mutant applied_is_not_restored $raft 's/self->handed = restore->applied_index;/self->handed = restore->last_index;/'
mutant aba $log 's/|| present != term)/|| false)/'
mutant cache_forgets_early $log 's/fsp_raft_log_cached_first(self) <= handed)/self->cached > 0)/'
mutant settles_early $write 's/effect->durable = durable;/&fsp_overlay_settle(self->pending, write->token);/'
mutant tag_of_write_before $apply 's/self->next_token, self->rows/self->next_token - 1, self->rows/'
mutant command_is_lazy $write 's/raft_effect->entry_count > 0;/false;/'
mutant start_not_recorded $write 's/self->hard_row.start = .*/;/'
mutant rows_without_batch $apply 's/self->next_token, self->rows, FSP/self->next_token, NULL, FSP/'
mutant lazy_counts_as_durable $replica 's/status || !write.durable ||/status ||/'
mutant log_time_not_restored $replica 's/self->proposed_time = log.last_time.*/self->proposed_time = 0;/'
mutant log_time_of_state_only $replica 's/self->proposed_time = log.last_time.*/self->proposed_time = state.log_time;/'
mutant term_of_leader $apply 's/entry->index, entry->term, time/entry->index, fsp_raft_term(self->raft), time/'
mutant wall_time_at_apply $apply 's/time = fsp_load_u64(bytes.data);/time = fsp_load_u64(bytes.data) + self->next_token;/'
mutant reads_do_not_wait $apply 's/!read->known || read->index > self->applied_index/!read->known/'
mutant read_index_ignored $apply 's/!read->known || read->index > self->applied_index/false/'
mutant failure_forgotten $replica 's/self->failure = status;/;/'
mutant fetch_stops_early $replica 's/return self->fetch_from > 0 ? 0 : fsp_raft_deadline/return fsp_raft_deadline/'
mutant gap_accepted $rows 's/|| index != summary->last + 1)/)/'
mutant term_check_of_state_dropped $replica 's/state->applied_term != log->applied_term/false/'

echo "mutants=$total survivors=$survivors"
[ "$survivors" -eq 0 ]
