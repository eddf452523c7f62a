//! The history of an execution as a file: everything that it takes to play it again, without the server it comes from.

use crate::executor::OrchestratorExecutor;
use crate::player::{Player, Stopped};
use dacapo_core::history::CorruptHistory;
use dacapo_core::replay::Mismatch;
use dacapo_core::rewind::effective;
use dacapo_core::{ActivityCall, ChildStart, Event, Failure, Identity, InstanceId, Limits, StoredTurn, TurnRecord};
use dacapo_store::ModuleVersion;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The form of file that is written.
const FORMAT: u32 = 1;

/// A history, exported.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryFile {
    /// The form of this file.
    dacapo_history: u32,
    /// The instance.
    pub instance_id: InstanceId,
    /// The orchestrator, as the client spelt it.
    pub name: String,
    /// Created, in milliseconds since 1970; uuids and randomness grow from it.
    pub created_at_ms: u64,
    /// Its execution.
    pub execution: u32,
    /// Its key in its store; they grow from that too. Absent in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_key: Option<i64>,
    /// What it ran on, if that is still known.
    pub module: Option<ModuleName>,
    /// The records, in the encoding of the store but without their seals: a file may be edited.
    turns: Vec<Turn>,
}

/// A version of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModuleName {
    /// The module.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the component, lower-case hex.
    pub digest: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    seq: u64,
    record: Box<RawValue>,
}

/// Why something is no history file.
#[derive(Debug, thiserror::Error)]
pub enum NoHistory {
    /// Not JSON, or other JSON.
    #[error("this is not an exported history ({0}): `dacapo history ID --export FILE` writes one")]
    Unreadable(#[from] serde_json::Error),
    /// Written by a newer Dacapo.
    #[error("this history has form {0}; this version of Dacapo reads form {FORMAT}: upgrade it")]
    Newer(u32),
    /// A record cannot be read.
    #[error(transparent)]
    Corrupt(#[from] CorruptHistory),
}

impl HistoryFile {
    /// Of an instance with these records, all of its execution.
    pub(crate) fn of(
        instance: &dacapo_store::Instance,
        version: Option<&ModuleVersion>,
        turns: &[StoredTurn],
    ) -> Result<Self, serde_json::Error> {
        let module = version.map(|version| ModuleName {
            name: version.module.clone(),
            version: version.version,
            digest: version.digest.clone(),
        });
        let turn = |turn: &StoredTurn| {
            let record = serde_json::from_slice(&turn.record.to_json())?;
            Ok(Turn { seq: turn.seq, record })
        };
        Ok(Self {
            dacapo_history: FORMAT,
            instance_id: instance.id.clone(),
            name: instance.name.clone(),
            created_at_ms: instance.created_at_ms,
            execution: instance.generation,
            instance_key: Some(instance.key.0),
            module,
            turns: turns.iter().map(turn).collect::<Result<_, serde_json::Error>>()?,
        })
    }

    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, NoHistory> {
        let file: Self = serde_json::from_str(text)?;
        if file.dacapo_history > FORMAT {
            return Err(NoHistory::Newer(file.dacapo_history));
        }
        Ok(file)
    }

    /// The records, in order.
    pub fn turns(&self) -> Result<Vec<StoredTurn>, NoHistory> {
        let stored = |turn: &Turn| {
            let record = TurnRecord::from_json(turn.seq, turn.record.get().as_bytes())?;
            Ok(StoredTurn { seq: turn.seq, record })
        };
        self.turns.iter().map(stored).collect()
    }

    /// Plays the history on a version, turn by turn.
    pub async fn replay(
        &self,
        executor: &dyn OrchestratorExecutor,
        version: &ModuleVersion,
        limits: Limits,
    ) -> Result<Replay, ReplayError> {
        let mut turns = effective(self.turns()?).into_iter();
        let opening = turns.next().ok_or(NoHistory::Corrupt(CorruptHistory::NoOpening))?;
        let identity = Identity {
            instance_id: self.instance_id.clone(),
            created_at_ms: self.created_at_ms,
            generation: self.execution,
            key: self.instance_key,
        };
        let player = Player::open(executor, version, identity, limits, opening.record.clone()).await;
        let player = player.map_err(|stopped| ReplayError::of(stopped, &opening, 0))?;
        Ok(Replay { player, opening: Some(opening), turns, commands: 0 })
    }
}

/// A replay on its way.
pub struct Replay {
    player: Player,
    opening: Option<StoredTurn>,
    turns: std::vec::IntoIter<StoredTurn>,
    commands: u32,
}

/// A turn that was played again, and did what it had done.
#[derive(Clone, Debug)]
pub struct Played {
    /// The turn.
    pub turn: StoredTurn,
    /// The number of its first command.
    pub first_command: u32,
    /// The host ended the instance with it, and the guest never saw it.
    pub by_the_host: bool,
}

/// Why a replay does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no history to play.
    #[error(transparent)]
    NoHistory(#[from] NoHistory),
    /// The guest did something else.
    #[error("{mismatch}")]
    Diverged {
        /// The turn in which it did.
        turn: Box<StoredTurn>,
        /// The number of that turn's first command.
        first_command: u32,
        /// Both sides.
        mismatch: Box<Mismatch>,
    },
    /// The guest could not be played.
    #[error("{0}")]
    NotPlayed(String),
}

impl ReplayError {
    fn of(stopped: Stopped, turn: &StoredTurn, first_command: u32) -> Self {
        match stopped {
            Stopped::Corrupt(error) => Self::NoHistory(error.into()),
            Stopped::Mismatch(mismatch) => Self::Diverged { turn: Box::new(turn.clone()), first_command, mismatch },
            Stopped::Play(error) => Self::NotPlayed(error.to_string()),
        }
    }
}

impl Replay {
    /// Plays the next turn; `None` at the end. After an error there is nothing more to play.
    pub async fn next(&mut self) -> Option<Result<Played, ReplayError>> {
        let first_command = self.commands;
        if let Some(turn) = self.opening.take() {
            return Some(Ok(Played { turn, first_command, by_the_host: false }));
        }
        let turn = self.turns.next()?;
        let by_the_host = is_by_the_host(&turn);
        if !by_the_host && let Err(stopped) = self.player.replay(turn.clone()).await {
            self.turns = Vec::new().into_iter();
            return Some(Err(ReplayError::of(stopped, &turn, first_command)));
        }
        let commands = turn.record.events.iter().filter(|event| !event.is_arrival()).count();
        self.commands += u32::try_from(commands).unwrap_or(u32::MAX);
        Some(Ok(Played { turn, first_command, by_the_host }))
    }

    /// How many commands were played.
    pub fn commands(&self) -> u32 {
        self.commands
    }

    /// What is in flight after the turns that were played: activities, children, and the next timer.
    pub fn in_flight(&self) -> (Vec<ActivityCall>, Vec<ChildStart>, Option<u64>) {
        let orchestration = self.player.orchestration();
        let (activities, children) = (orchestration.open_activities(), orchestration.open_children());
        (activities.collect(), children.collect(), orchestration.next_timer())
    }
}

/// A termination, or a guest that was cut for good: the record is all there is of it.
fn is_by_the_host(turn: &StoredTurn) -> bool {
    match turn.record.events.as_slice() {
        [Event::ExecutionTerminated { .. }] => true,
        [Event::ExecutionFailed { failure }] => failure.kind == Failure::CUT,
        _ => false,
    }
}
