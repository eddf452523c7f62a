//! The suite that every store passes: one behaviour of the contract, one named test.
//!
//! A store joins with a function that opens an empty one:
//! ```
//! use dacapo_store::{conformance::Fixture, memory::MemoryStore};
//!
//! fn empty() -> Fixture {
//!     Fixture::volatile(MemoryStore::new())
//! }
//! dacapo_store::conformance_suite!(empty);
//! ```

pub mod batches;
pub mod fixture;
pub mod inbox;
pub mod instances;
pub mod lists;
pub mod modules;
pub mod observed;
pub mod outbox;
pub mod turns;
pub mod work;

pub use fixture::Fixture;
pub use observed::Observed;

/// Expands to one `#[test]` for each behaviour; the argument is a `fn() -> Fixture`.
#[macro_export]
macro_rules! conformance_suite {
    ($empty:ident) => {
        $crate::conformance_cases! { $empty =>
            instances: create_makes_a_pending_instance, an_unknown_id_is_nobody, ids_are_case_sensitive,
                keys_ascend_and_are_never_used_twice, create_refuses_the_id_of_an_unfinished_instance,
                create_refuses_an_unknown_version, a_refused_replacement_keeps_the_finished_instance,
                a_replaced_instance_leaves_nothing, a_replaced_id_has_a_new_key_and_the_next_epoch,
                purge_refuses_an_unknown_id, purge_refuses_an_unfinished_instance_unless_forced,
                a_purge_by_key_leaves_other_keys_alone, a_purged_instance_leaves_nothing, the_input_is_that_of_the_opening, an_unknown_key_has_no_input;
            turns: a_turn_appends_its_record_and_sets_what_it_says, a_turn_with_a_wrong_belief_is_fenced,
                a_turn_is_committed_once, a_turn_of_an_instance_that_is_gone_is_fenced,
                the_custom_status_stays_until_it_is_set_or_cleared, every_status_is_applied_as_given,
                a_finishing_turn_ends_timers_activities_and_inbox, a_history_is_read_from_a_number_on,
                histories_do_not_mix, a_long_history_comes_in_order, a_record_that_cannot_be_read_is_named,
                times_beyond_the_range_are_cut;
            outbox: a_child_is_created_with_its_parent_link, a_child_whose_id_is_in_use_is_not_started,
                a_finished_instance_makes_way_for_a_child, a_detached_child_tells_its_sender_at_once,
                a_rewound_call_reopens_its_failed_child, the_same_call_leaves_a_child_that_has_not_ended_alone, a_rewound_call_hears_again_of_a_child_that_has_completed,
                a_failed_child_whose_version_is_gone_is_not_reopened,
                what_no_rewound_call_can_reopen_is_started_anew, an_event_that_nobody_is_there_for_is_dropped, a_turn_whose_receiver_has_no_room_is_refused, a_parent_learns_that_a_child_it_waits_for_was_purged,
                the_end_of_a_child_reaches_its_parent, the_end_of_a_child_reaches_nobody_but_its_parent,
                an_event_to_the_sender_is_dropped_where_it_ends,
                the_children_that_end_are_the_unfinished_ones_waited_for, a_refused_turn_sends_nothing,
                a_turn_that_names_an_unknown_version_is_refused_whole, the_next_execution_begins_anew,
                the_next_execution_holds_its_version, only_a_failed_instance_is_reopened;
            inbox: entries_are_numbered_from_zero_without_a_gap, an_entry_comes_back_as_it_was_delivered,
                what_nobody_wants_is_discarded, a_turn_consumes_a_prefix, a_turn_that_consumes_what_is_not_there_is_fenced,
                deliver_refuses_an_unknown_id, deliver_refuses_a_finished_instance, deliver_refuses_when_the_inbox_is_full, deliver_refuses_what_the_flow_does_not_take,
                a_refused_delivery_takes_no_number, inboxes_do_not_mix, an_empty_inbox_is_empty;
            lists: a_listing_is_in_the_order_of_creation, pages_are_full_and_the_last_says_so,
                a_page_of_nothing_says_whether_there_is_more, prefixes_are_plain_text, names_ignore_case_beyond_ascii,
                creation_times_are_inclusive_and_need_not_ascend, statuses_are_any_of_the_given,
                filters_agree_with_their_definition;
            work: an_instance_is_busy_while_there_is_something_to_do, a_finished_instance_is_never_busy,
                the_busy_are_paged_by_key, timers_come_by_time_and_key, a_timer_that_is_moved_is_listed_once;
            modules: versions_count_from_one_within_a_module, a_version_keeps_what_was_deployed,
                the_newest_deployment_is_active, the_same_component_becomes_active_again, modules_come_by_name_and_number,
                a_component_lives_as_long_as_a_version_needs_it, a_name_of_another_module_is_refused,
                only_active_versions_hold_names, a_version_that_comes_back_needs_its_names_too,
                delete_refuses_an_unknown_version, delete_refuses_a_version_with_unfinished_instances,
                deleting_the_active_version_activates_the_newest_left,
                delete_refuses_to_bring_back_a_function_that_another_module_has_now, version_numbers_are_never_used_twice,
                any_version_can_be_activated, an_instance_moves_to_another_version, a_move_of_what_has_moved_on_is_refused,
                pins_count_the_unfinished;
            batches: answers_come_in_order, an_empty_batch_is_nothing, a_refused_write_does_not_keep_the_others,
                a_refused_write_changes_nothing, a_write_sees_those_before_it, readers_see_whole_batches,
                reopening_shows_everything, numbers_go_on_after_reopening, a_store_says_what_it_is;
        }
    };
}

/// The loop of [`conformance_suite`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($empty:ident => $($module:ident: $($case:ident),*;)*) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                $crate::conformance::$module::$case(&mut super::$empty());
            })*
        })*
    };
}

#[cfg(test)]
mod tests {
    /// A behaviour that no store is asked for would look tested.
    #[test]
    fn every_case_is_in_the_suite() {
        let suite = include_str!("mod.rs");
        let files = [
            include_str!("batches.rs"),
            include_str!("inbox.rs"),
            include_str!("instances.rs"),
            include_str!("lists.rs"),
            include_str!("modules.rs"),
            include_str!("outbox.rs"),
            include_str!("turns.rs"),
            include_str!("work.rs"),
        ];
        let cases =
            files.iter().flat_map(|text| text.split("pub fn ").skip(1).filter_map(|rest| rest.split('(').next()));
        let missing: Vec<&str> = cases
            .filter(|case| !suite.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *case))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
