//! Instance ids, task ids, and what is derived from them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// The longest instance id, in characters.
pub const MAX_INSTANCE_ID_CHARS: usize = 256;
/// The longest function, event or module name, in characters.
pub const MAX_NAME_CHARS: usize = 256;

/// The id of an instance: case-sensitive, chosen by the client or drawn by the server.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(Arc<str>);

/// Why a text is not an instance id.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidInstanceId {
    /// The empty text.
    #[error("An instance id must not be empty.")]
    Empty,
    /// A path segment of its own meaning: clients and proxies would take it out of a URL.
    #[error("The instance id must not be '.' or '..': URLs take these for folders.")]
    Dots,
    /// Reserved for the platform.
    #[error("The instance id '{0}' must not start with '@'.")]
    Reserved(String),
    /// It could not stand in a URL path.
    #[error(
        "The instance id must not contain '/', '\\', '#', '?' or control characters; found {found:?} at character {at}."
    )]
    Character {
        /// The offending character.
        found: char,
        /// Its position, from 0.
        at: usize,
    },
    /// More than [`MAX_INSTANCE_ID_CHARS`].
    #[error("An instance id has at most {MAX_INSTANCE_ID_CHARS} characters; this one has {0}.")]
    TooLong(usize),
}

impl InstanceId {
    /// Checks `text` by the rules of the HTTP contract.
    pub fn parse(text: &str) -> Result<Self, InvalidInstanceId> {
        if text.is_empty() {
            return Err(InvalidInstanceId::Empty);
        }
        if matches!(text, "." | "..") {
            return Err(InvalidInstanceId::Dots);
        }
        if text.starts_with('@') {
            return Err(InvalidInstanceId::Reserved(text.chars().take(32).collect()));
        }
        let bad = |c: char| matches!(c, '/' | '\\' | '#' | '?') || c.is_control();
        if let Some((at, found)) = text.chars().enumerate().find(|(_, c)| bad(*c)) {
            return Err(InvalidInstanceId::Character { found, at });
        }
        let chars = text.chars().count();
        if chars > MAX_INSTANCE_ID_CHARS {
            return Err(InvalidInstanceId::TooLong(chars));
        }
        Ok(Self(text.into()))
    }

    /// Whatever a store has in the place of an id, unchecked: to purge what has no valid one.
    pub fn as_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({:?})", &*self.0)
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InvalidInstanceId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> String {
        id.0.to_string()
    }
}

/// A task: the n-th command of its execution, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u32);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Function and event names compare ignoring case: this is the form to compare by.
pub fn fold_name(name: &str) -> String {
    name.to_lowercase()
}

/// The one of `names` that is `wanted`, ignoring case: the owner's spelling of it.
pub fn find_name<'a>(names: &'a [String], wanted: &str) -> Option<&'a str> {
    let wanted = fold_name(wanted);
    names.iter().map(String::as_str).find(|name| fold_name(name) == wanted)
}

/// The digest of a component: SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A seed for random numbers that grows from a text which is the same on every replay.
pub fn seed_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// What makes one execution of one instance different from every other, the earlier users of its id included.
/// Everything that looks drawn (uuids, random seeds, idempotency keys) is derived from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The instance.
    pub instance_id: InstanceId,
    /// When the instance was created; an id that is used again has another time.
    pub created_at_ms: u64,
    /// 0, and one more for each continue-as-new.
    pub generation: u32,
    /// Its key in the store, which no other instance ever has. Absent in executions by the first [`crate::Rules`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<i64>,
}

impl Identity {
    fn derive(&self, purpose: &str, n: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [purpose.as_bytes(), self.instance_id.as_str().as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(self.created_at_ms.to_le_bytes());
        hash.update(self.generation.to_le_bytes());
        hash.update(n.to_le_bytes());
        if let Some(key) = self.key {
            hash.update(key.to_le_bytes());
        }
        hash.finalize().into()
    }

    /// The n-th uuid that the orchestrator asks for, from 0.
    pub fn uuid(&self, n: u64) -> String {
        format_uuid(&self.derive("uuid", n))
    }

    /// The idempotency key of an activity call: the same for every attempt and re-run of it.
    pub fn idempotency_key(&self, task: TaskId) -> String {
        format_uuid(&self.derive("activity", u64::from(task.0)))
    }

    /// The id of a child that was given none: it begins with its parent's, for people.
    pub fn child_id(&self, task: TaskId) -> InstanceId {
        let parent: String = self.instance_id.as_str().chars().take(MAX_INSTANCE_ID_CHARS - 64).collect();
        let own = hex::encode(&self.derive("child", u64::from(task.0))[..8]);
        InstanceId::parse(&format!("{parent}:{own}")).expect("characters of an id, and hex digits")
    }

    /// The seed of the guest's random numbers.
    pub fn random_seed(&self) -> [u8; 32] {
        self.derive("random", 0)
    }
}

/// RFC 9562 version 8: custom bits, here the head of a SHA-256.
fn format_uuid(hash: &[u8; 32]) -> String {
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_is_checked_and_the_error_says_what_is_wrong() {
        assert!(InstanceId::parse("order 7:ü").is_ok());
        assert!(InstanceId::parse(&"x".repeat(256)).is_ok());
        assert_eq!(InstanceId::parse(""), Err(InvalidInstanceId::Empty));
        assert_eq!(InstanceId::parse(".."), Err(InvalidInstanceId::Dots));
        assert!(InstanceId::parse("...").is_ok());
        assert_eq!(InstanceId::parse("@x"), Err(InvalidInstanceId::Reserved("@x".into())));
        assert_eq!(InstanceId::parse("a/b"), Err(InvalidInstanceId::Character { found: '/', at: 1 }));
        assert_eq!(InstanceId::parse("a\n"), Err(InvalidInstanceId::Character { found: '\n', at: 1 }));
        assert_eq!(InstanceId::parse(&"x".repeat(257)), Err(InvalidInstanceId::TooLong(257)));
    }

    #[test]
    fn derived_values_differ_by_every_part_of_the_identity() {
        let id = |text: &str, created_at_ms, generation| Identity {
            instance_id: InstanceId::parse(text).expect("valid"),
            created_at_ms,
            generation,
            key: Some(7),
        };
        let a = id("a", 1, 0);
        assert_eq!(a.uuid(3), id("a", 1, 0).uuid(3));
        let others = [
            id("b", 1, 0).uuid(3),
            id("a", 2, 0).uuid(3),
            id("a", 1, 1).uuid(3),
            a.uuid(4),
            a.idempotency_key(TaskId(3)),
            Identity { key: Some(8), ..a.clone() }.uuid(3),
            Identity { key: None, ..a.clone() }.uuid(3),
        ];
        assert!(others.iter().all(|other| *other != a.uuid(3)));
        assert_eq!(&a.uuid(3)[14..15], "8");
    }
}
