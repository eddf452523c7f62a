//! Plays one execution on a guest, turn by turn: live, or from a history.

use crate::executor::{GuestEnd, OrchestratorExecutor, Play, PlayError, SharedOrchestration};
use dacapo_core::history::CorruptHistory;
use dacapo_core::orchestration::Stop;
use dacapo_core::replay::Mismatch;
use dacapo_core::{Identity, Limits, Orchestration, StoredTurn, TurnEnd, TurnOutcome, TurnRecord};
use dacapo_store::ModuleVersion;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An execution with its guest, parked or playing.
pub(crate) struct Player {
    orchestration: SharedOrchestration,
    play: Box<dyn Play>,
}

/// Why a turn did not come to its end. Nothing of it may be kept, and the player is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// What is stored is not a history.
    #[error(transparent)]
    Corrupt(#[from] CorruptHistory),
    /// The guest did something else than the history says.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
    /// The guest could not go on.
    #[error(transparent)]
    Play(#[from] PlayError),
}

impl Player {
    /// Sets up an execution that begins with `opening`. Nothing of the flow has run yet.
    pub(crate) async fn open(
        executor: &dyn OrchestratorExecutor,
        version: &ModuleVersion,
        identity: Identity,
        limits: Limits,
        opening: TurnRecord,
    ) -> Result<Self, Stopped> {
        let orchestration = Arc::new(Mutex::new(Orchestration::open(identity, limits, opening)?));
        let play = executor.begin(version, orchestration.clone()).await?;
        Ok(Self { orchestration, play })
    }

    /// What the guest talks to.
    pub(crate) fn orchestration(&self) -> MutexGuard<'_, Orchestration> {
        // Poisoned by a panic in the middle of a turn; the task that played it has ended with it.
        self.orchestration.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it costs to keep the guest parked, in bytes. An estimate.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.play.memory_bytes()
    }

    /// Plays a turn that was recorded: the guest must do again what it did.
    pub(crate) async fn replay(&mut self, turn: StoredTurn) -> Result<TurnOutcome, Stopped> {
        self.orchestration().replay_turn(turn)?;
        self.turn().await
    }

    /// Lets the guest run and closes the turn that was begun, live or replayed.
    pub(crate) async fn turn(&mut self) -> Result<TurnOutcome, Stopped> {
        // What has arrived for a suspended instance is kept; its guest learns of it when it is resumed.
        let is_suspended = self.orchestration().is_suspended();
        let ended = if is_suspended { Ok(GuestEnd::Parked) } else { self.play.run_turn().await };
        let mut orchestration = self.orchestration();
        let end = match (ended, orchestration.stop()) {
            (_, Some(Stop::Fault(fault))) => TurnEnd::Faulted(fault.clone().into_failure()),
            // `finish_turn` reports it, whatever the guest did after it.
            (_, Some(Stop::Mismatch(_))) | (Ok(GuestEnd::Parked), None) => TurnEnd::Parked,
            (Ok(GuestEnd::Returned(result)), None) => TurnEnd::Returned(result),
            (Ok(GuestEnd::Trapped(failure)), None) => TurnEnd::Faulted(failure),
            (Err(error), None) => return Err(error.into()),
        };
        Ok(orchestration.finish_turn(end)?)
    }
}
