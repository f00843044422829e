//! One contract, two databases: every scenario runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod accounts;
mod acts;
mod attempts;
mod by_hand;
mod callbacks;
mod changes;
mod connect;
mod domains;
mod figures;
mod harness;
mod listing;
mod marks;
mod migrations;
mod operators;
mod partners;
mod plans;
mod pruning;
mod reach;
mod refunds;
mod sealing;
mod story;
mod timers;
mod versions;

use harness::on_both;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

on_both! {
    domains::a_domain_is_kept_with_its_rule_settings_and_secrets,
    domains::a_code_is_taken_once,
    domains::a_rotated_secret_is_kept_with_its_end,
    domains::of_two_changes_at_once_one_is_refused,
    attempts::a_new_request_gets_an_attempt,
    attempts::the_same_values_give_the_same_open_attempt,
    attempts::other_values_end_the_open_attempt,
    attempts::many_requests_are_read_at_once,
    attempts::an_ended_attempt_keeps_its_next_query,
    attempts::an_attempt_s_time_is_ended,
    attempts::held_money_is_asked_about_again,
    attempts::an_attempt_without_an_order_is_left_behind,
    attempts::a_request_is_closed_or_begun,
    attempts::a_request_key_takes_no_other_sum,
    attempts::a_taken_number_is_told,
    attempts::twenty_at_once_begin_one_attempt,
    attempts::an_attempt_is_found_by_token_and_by_channel_number,
    attempts::an_attempt_is_found_by_its_payment,
    attempts::money_that_its_channel_holds_keeps_others_away,
    attempts::the_code_is_kept_once_the_channel_took_the_order,
    attempts::another_sum_of_the_channels_is_kept_until_it_is_paid,
    attempts::money_settles_once_among_fifty,
    attempts::two_paid_attempts_have_one_winner,
    attempts::money_after_the_end_still_pays,
    attempts::a_paid_attempt_is_never_closed,
    attempts::a_paid_request_begins_no_attempt,
    attempts::a_due_query_is_taken_by_one,
    callbacks::a_callback_is_written_with_the_payment_alone,
    callbacks::a_due_callback_is_taken_by_one,
    callbacks::a_callback_is_tried_again_delivered_or_parked,
    callbacks::a_parked_callback_is_listed_and_sent_again,
    callbacks::callbacks_of_an_order_go_out_in_turn,
    callbacks::nobody_is_told_of_a_payment_that_went_back_whole,
    callbacks::what_is_sent_again_is_put_off_by_no_try_from_before,
    callbacks::what_is_sent_again_comes_in_its_order,
    callbacks::each_try_is_kept_with_what_followed,
    callbacks::callbacks_of_a_business_system_are_read_on,
    callbacks::a_delivered_callback_stays_delivered,
    callbacks::a_notify_is_kept_byte_for_byte,
    refunds::a_refund_is_claimed_once,
    refunds::the_last_refund_is_told_with_the_whole_sum,
    refunds::partial_refunds_stay_within_the_sum,
    refunds::ten_refunds_at_once_never_exceed_the_sum,
    refunds::refunds_of_a_day_stay_within_their_limit,
    refunds::operators_of_one_moment_give_a_sum_once,
    refunds::what_an_operator_gives_back_alone_stays_within_its_limit,
    refunds::who_asks_for_a_refund_cannot_grant_it,
    refunds::parts_of_a_changed_sum_make_the_whole,
    refunds::a_refund_goes_forward_and_shows_in_the_status,
    refunds::a_failed_refund_frees_its_sum_and_is_listed,
    refunds::money_beside_the_request_is_to_be_refunded,
    refunds::money_that_went_back_is_kept_once_within_what_is_left,
    by_hand::a_refund_takes_the_place_of_its_row_at_the_channel,
    by_hand::a_refund_by_hand_is_named_once,
    by_hand::a_late_word_changes_nothing_of_what_a_person_said,
    refunds::a_closed_request_takes_no_attempt,
    refunds::a_paid_request_is_not_closed,
    refunds::late_money_follows_the_domains_policy,
    story::everything_that_happens_is_told_in_its_order,
    story::a_golive_is_told_once,
    story::a_changed_or_missing_entry_shows,
    story::fifty_writers_at_once_make_one_chain,
    story::a_mismatch_is_kept_once_and_listed,
    story::late_money_is_honoured_where_its_refund_has_not_left,
    timers::what_a_wrong_clock_put_too_far_ahead_is_due,
    timers::an_order_past_its_end_may_wait_longer,
    timers::callbacks_that_nobody_takes_are_told,
    listing::orders_are_found_by_what_is_known_of_them,
    listing::refunds_are_listed_by_what_is_known_of_them,
    listing::a_list_goes_on_where_its_page_ended,
    figures::what_became_of_a_time_is_told,
    figures::what_was_paid_is_summed,
    figures::an_hour_that_changes_is_read_anew,
    figures::a_day_is_kept_until_its_payments_change,
    pruning::what_is_looked_after_is_done,
    pruning::an_overtaken_callback_keeps_nothing,
    pruning::payloads_go_and_what_is_known_stays,
    marks::how_far_the_books_are_is_kept,
    accounts::an_account_is_kept_with_its_keys,
    operators::an_operator_proves_itself_and_has_sessions,
    operators::what_proves_an_operator_is_replaced_or_taken_once,
    acts::acts_are_chained_each_in_a_place_of_its_own,
    acts::an_alarm_is_taken_by_one_and_ends_when_it_is_seen_no_more,
    sealing::who_is_at_work_is_known_with_its_keys,
    sealing::a_key_takes_over_what_another_kept,
    story::what_was_told_is_found_and_sealed,
    story::a_sound_database_has_no_contradictions,
    story::accounts_are_in_use_while_an_order_of_theirs_may_be_paid,
    story::what_waits_is_counted,
    story::each_kind_has_as_many_lines_as_are_counted,
    callbacks::a_notify_is_listed_by_its_outcome_alone,
    callbacks::a_stray_notify_is_attached_by_a_person,
    partners::an_order_is_kept_once_under_the_partners_number,
    callbacks::a_notify_that_nobody_finished_is_due_again,
    callbacks::a_busy_receiver_is_passed_over,
    refunds::a_trip_is_used_once,
    refunds::signs_with_other_readings_are_counted,
    refunds::all_instances_sign_trips_by_the_first_ones_key,
    refunds::a_long_address_is_kept_once_until_its_end,
    changes::a_change_is_told_once,
    changes::a_business_system_that_changes_is_told,
    changes::a_business_system_that_comes_is_told,
    changes::many_changes_are_told_as_all,
}

#[tokio::test]
async fn a_reopened_file_keeps_everything_and_migrates_once() {
    let folder = harness::temp_folder();
    let address = format!("sqlite:{}", folder.join("kept.db").display());
    let store = store::migrate(&address).await.unwrap();
    store
        .add_domain(&payment::domain::Domain::test())
        .await
        .unwrap();
    drop(store);
    let store = store::migrate(&address).await.unwrap();
    assert!(store.domain("test").await.unwrap().is_some());
}

/// Before 3.51.3 a log that begins anew beside a reader may spoil the file (sqlite.org,
/// wal.html, The WAL-Reset Bug).
#[tokio::test]
async fn the_sqlite_that_is_built_in_is_a_sound_one() {
    let mut line = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let version: String = sqlx::query_scalar("select sqlite_version()")
        .fetch_one(&mut line)
        .await
        .unwrap();
    let numbers: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
    assert!(numbers.as_slice() >= &[3, 51, 3], "{version}");
}

/// A backup is put back as docs/operate.md says, or the log of the books before it is
/// left beside it: SQLite would write that over the copy.
#[tokio::test]
async fn a_copy_beside_an_older_log_is_not_opened() {
    let folder = harness::temp_folder();
    let file = |name: &str| folder.join(name);
    let address = |name: &str| format!("sqlite:{}", file(name).display());
    let store = store::migrate(&address("a.db")).await.unwrap();
    let mut line = SqliteConnection::connect(&address("a.db")).await.unwrap();
    let copy = format!("vacuum into '{}'", file("copy.db").display());
    line.execute(AssertSqlSafe(copy)).await.unwrap();
    store
        .add_domain(&payment::domain::Domain::test())
        .await
        .unwrap();
    // As a power cut leaves them.
    for (from, to) in [
        ("a.db", "cut.db"),
        ("a.db-wal", "cut.db-wal"),
        ("a.db-wal", "copy.db-wal"),
    ] {
        std::fs::copy(file(from), file(to)).unwrap();
    }
    for opened in [
        store::open(&address("copy.db")).await,
        store::migrate(&address("copy.db")).await,
    ] {
        let refused = opened.err().unwrap().to_string();
        assert!(refused.contains("-wal"), "{refused}");
    }
    std::fs::remove_file(file("copy.db-wal")).unwrap();
    let restored = store::open(&address("copy.db")).await.unwrap();
    assert!(restored.domain("test").await.unwrap().is_none());
    let recovered = store::open(&address("cut.db")).await.unwrap();
    assert!(recovered.domain("test").await.unwrap().is_some());
}

#[tokio::test]
async fn an_address_of_neither_database_is_refused_without_showing_it() {
    for address in [
        "mysql://u:hunter2@h/d",
        "postgres://u:hunter2@127.0.0.1:1/d",
    ] {
        let Err(error) = store::migrate(address).await else {
            panic!("opened")
        };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
