/* SPDX-License-Identifier: MIT */
/* mutant_list - the deliberate faults of core (mutant.h).  Layer core/base.
 *
 * X(name, "the rule that it breaks").  Where the rule stands: grep FSP_MUTANT(name).
 */
#ifndef FSP_CORE_BASE_MUTANT_LIST_H
#define FSP_CORE_BASE_MUTANT_LIST_H

#define FSP_MUTANT_LIST(X)                                                                         \
    /* core/raft: elections. */                                                                    \
    X(votes_twice, "a second vote in one term")                                                    \
    X(vote_not_durable, "a vote is answered but not written")                                      \
    X(vote_forgotten_at_restart, "the vote of a term is lost by a restart")                        \
    X(vote_kept_over_term, "a vote is taken along into a new term")                                \
    X(compare_length_first, "a longer log counts as newer than one of a later term")               \
    X(advertise_undurable, "a candidate advertises entries that are not on disk")                  \
    X(reply_before_sync, "answers leave before the disk has what they promise")                    \
    X(same_patience, "all followers lose patience after the same time")                            \
    X(no_stickiness, "voters take part in elections although they hear their leader")              \
    X(no_check_quorum, "a leader that nobody answers goes on leading")                             \
    X(prevote_raises_term, "asking before an election raises the term")                            \
    X(prevote_own_term, "the answer to a pre-vote carries the voter's term")                       \
    X(learner_refuses_vote, "a voter that thinks it is a learner does not vote")                   \
    X(candidate_ignores_leader, "a candidate ignores the leader of its own term")                  \
    X(left_out_never_leads, "who is left out by an entry not yet committed does not campaign")     \
    X(transfer_to_lagging, "leadership is handed to a replica that lacks entries")                 \
    /* core/raft: the log. */                                                                      \
    X(no_noop, "no entry at the start of a term")                                                  \
    X(old_term_counted, "entries of older terms are committed by counting")                        \
    X(half_is_majority, "half of the voters decide")                                               \
    X(leader_counts_undurable, "a leader counts what it has not written")                          \
    X(ack_last_index, "a follower acknowledges its whole log")                                     \
    X(ack_ignores_term, "WRITTEN is judged by index alone")                                        \
    X(commit_cap_last_index, "a follower commits up to the end of its log")                        \
    X(heartbeat_commit_unbounded, "heartbeats carry a commit index beyond what matches")           \
    X(short_append_cuts, "a short append cuts what lies behind it")                                \
    X(no_previous_check, "an append is taken wherever it comes")                                   \
    X(stale_refusal_taken, "an old refusal moves a follower back")                                 \
    X(window_not_freed, "what was acknowledged still counts as in flight")                         \
    X(compacted_term_zero, "the term of a dropped entry is 0")                                     \
    X(log_cut_beyond_durable, "the log is dropped by the applied index in memory")                 \
    X(digests_not_compared, "nobody compares the results of replicas")                             \
    /* core/raft: configurations, snapshots, reads. */                                             \
    X(joint_one_quorum, "a joint configuration decides by its new half")                           \
    X(joint_left_early, "a joint configuration is left before it is committed")                    \
    X(two_changes, "a second change begins before the first is committed")                         \
    X(change_before_own_commit, "a change begins before an entry of the own term is committed")    \
    X(learner_counts, "learners count towards majorities")                                         \
    X(vote_before_caught_up, "a newcomer gets a vote before it has the log")                       \
    X(snapshot_without_conf, "a snapshot brings no configuration")                                 \
    X(snapshot_lowers_commit, "an old snapshot is installed")                                      \
    X(snapshot_resets_vote, "installing a snapshot forgets the vote")                              \
    X(snapshot_never_ends, "a follower stays in the snapshot state")                               \
    X(read_without_round, "a read is answered without asking a majority")                          \
    X(read_before_own_commit, "a read is answered before an entry of the own term is committed")   \
    X(round_reused, "a read counts a round that began before it came")                             \
    /* core/engine. */                                                                             \
    X(read_before_applied, "a read is answered before its index is applied")                       \
    X(answer_with_one_copy, "an answer does not wait for the second copy")                         \
    X(cache_keeps_old_rows, "the cache of rows is not told of what is written")                    \
    X(log_cut_at_written, "the log is dropped behind state rows that are written, not kept")       \
    X(places_merged_early, "of two places the earlier one promises what the later one holds")      \
    X(switch_before_kept, "a snapshot is switched to before its rows are kept")                    \
    /* core/meta: exactly once, time. */                                                           \
    X(first_attempt_is_new, "a first attempt is applied although its row may be gone")             \
    X(horizon_off_by_one, "the horizon covers one number too many")                                \
    X(op_digest_ignored, "an operation id answers another request")                                \
    X(present_op_trimmed, "operation rows of the present number are trimmed")                      \
    X(oldest_ops_outlive_state, "the oldest operation rows are those of another state")            \
    X(refusals_not_kept, "a repeated refusal is judged anew")                                      \
    X(log_time_stands_still, "log time does not advance")                                          \
    X(time_of_the_change_before, "a change row has another time than its entry")                   \
    X(fence_off_by_one, "a publish of an epoch that has passed is taken")                          \
    /* core/meta: files and names. */                                                              \
    X(match_with_siblings, "if-match holds although there are other heads")                        \
    X(heads_lost_on_edit, "an edit drops the other heads")                                         \
    X(none_match_overwrites, "if-none-match overwrites")                                           \
    X(pruned_base_taken, "a pruned version serves as a base")                                      \
    X(cycle_not_seen, "a directory moves into itself")                                             \
    X(full_directory_replaced, "a directory with something in it is replaced")                     \
    X(refused_leaves_rows, "a refused command leaves what it wrote")                               \
    X(quota_counted_when_refused, "a refused command counts towards the quota")                    \
    X(quota_off_by_one, "the quota takes one byte more")                                           \
    X(lease_ignored, "a lease stops nobody")                                                       \
    X(old_token_taken, "a token that has passed is taken")                                         \
    X(batch_in_parts, "a batch that fails in the middle keeps its beginning")                      \
    X(hold_ignored, "a hold does not hold")                                                        \
    /* core/meta: history. */                                                                      \
    X(as_of_off_by_one, "as of shows the change after")                                            \
    X(at_time_off_by_one, "a time shows the change before")                                        \
    X(past_names_lost, "what a name meant before is not kept")                                     \
    X(past_heads_lost, "what heads a file had before is not kept")                                 \
    X(heads_pruned, "a head is pruned")                                                            \
    X(feed_not_chained, "a change row does not name the one before")                               \
    X(feed_misses_copies, "copies are not in the feed")

/* Those that no log of a shard can show: tests/unit/collect hunts them. */
#define FSP_MUTANT_COLLECT_LIST(X)                                                                 \
    /* core/data: objects and their sweep. */                                                      \
    X(put_keeps_stamp, "PUT of what is there does not raise its stamp")                            \
    X(have_keeps_stamp, "HAVE answers yes and does not stamp")                                     \
    X(stored_not_durable, "answers leave before the disk has what they promise")                   \
    X(mark_not_durable, "MARK is acknowledged before it is durable")                               \
    X(sweep_young, "a sweep takes what was stamped in the epoch before")                           \
    X(sweep_reads_database, "a sweep does not see writes that are on their way")                   \
    X(done_any_store, "DONE counts for another disk than the marks")                               \
    /* core/data: the marker. */                                                                   \
    X(mark_old_state, "marks come from a state before the round was opened")                       \
    X(mark_unreadable, "the marker passes over a tree node that it cannot read")                   \
    X(mark_node_first, "a tree node is marked before what is below it")                            \
    X(mark_no_uploads, "uploads are no roots")                                                     \
    X(mark_any_store, "marks on two disks count as one's")

/* And one that it shows by hand. */
#define FSP_MUTANT_BASE_LIST(X) X(base_unchecked, "a base is not looked at again at apply")

#endif
