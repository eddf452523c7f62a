//! Torture in short: some rounds of each kind of `cargo xtask torture`, and what once cost data.
//!
//! What happens is drawn from a seed; `DACAPO_TORTURE_SEED` chooses another one.

use anyhow::{Result, ensure};
use dacapo_tests::draw::Draw;
use dacapo_tests::torture::Torture;
use dacapo_tests::torture::power::{Scenario, round};
use dacapo_tests::torture::trouble::Trouble;
use std::time::Duration;

/// Of a round.
const FLOWS: usize = 21;

fn seed() -> Result<u64> {
    Ok(std::env::var("DACAPO_TORTURE_SEED").ok().map(|text| text.parse()).transpose()?.unwrap_or(20_240_229))
}

/// Plays so many rounds of one kind; nothing that was promised may be broken.
async fn rounds(trouble: Trouble, rounds: u64) -> Result<()> {
    let torture =
        Torture { troubles: vec![trouble], rounds, time: Duration::from_secs(600), seed: seed()?, flows: FLOWS };
    let reports = torture.run().await?;
    ensure!(reports.iter().all(|report| report.broken.is_empty()), "see above");
    Ok(())
}

async fn power_lost(scenario: Scenario) -> Result<()> {
    let ledger = round(scenario, FLOWS, &mut Draw::of(seed()?)).await?;
    println!("{}", ledger.figures);
    let broken: Vec<_> =
        ledger.broken().into_iter().take(10).map(|(promise, what)| format!("{promise:?}: {what}")).collect();
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_the_load_of_all_samples_break_no_promise() -> Result<()> {
    rounds(Trouble::Kill, 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_error_of_the_disk_the_process_ends_and_the_next_one_knows_all() -> Result<()> {
    rounds(Trouble::Io, 3).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_for_a_while() -> Result<()> {
    rounds(Trouble::Full, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stands_still_goes_on() -> Result<()> {
    rounds(Trouble::Stop, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_stop_under_load_drains() -> Result<()> {
    rounds(Trouble::Terminate, 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_holds_nobody_up() -> Result<()> {
    rounds(Trouble::Clock, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_leaves_all_that_was_acknowledged() -> Result<()> {
    power_lost(Scenario::Plain).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_loss_after_deaths_leaves_all_that_was_acknowledged() -> Result<()> {
    power_lost(Scenario::Deaths).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_after_a_failed_sync_stands_behind_no_hole() -> Result<()> {
    power_lost(Scenario::HoleInTheLog).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_process_shows_is_on_the_disk() -> Result<()> {
    power_lost(Scenario::UnsyncedRecovery).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_fails_half_way_costs_nothing() -> Result<()> {
    power_lost(Scenario::SplitCheckpoint).await
}
