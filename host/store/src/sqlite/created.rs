//! Where in the order of creation a span of time lies, without an index for it.
//!
//! Keys ascend with creation, and times nearly do: a clock may be put back, and two callers may overtake each other. The
//! store keeps the *lag*, the most that an instance was ever created "before" one with a lesser key. Whatever the lag,
//! halving finds keys outside of which nothing of the span can be; the smaller it is, the less else is between them.

use super::fault::Fault;
use super::queries::Wanted;
use crate::model::InstanceKey;
use rusqlite::{Connection, OptionalExtension as _};

/// What the writer remembers of the creation times so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CreationTimes {
    latest_ms: i64,
    lag_ms: i64,
}

impl CreationTimes {
    /// After opening: no instance is later than the newest one by more than the lag.
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let lag_ms = lag_ms(connection)?;
        let sql = "SELECT created_at_ms FROM instances ORDER BY key DESC LIMIT 1";
        let newest: Option<i64> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
        Ok(Self { latest_ms: newest.map_or(0, |at_ms| at_ms.saturating_add(lag_ms)), lag_ms })
    }

    /// An instance is created.
    pub(super) fn add(&mut self, at_ms: i64) {
        self.lag_ms = self.lag_ms.max(self.latest_ms - at_ms);
        self.latest_ms = self.latest_ms.max(at_ms);
    }

    /// Keeps the lag, where it has grown.
    pub(super) fn save(&self, connection: &Connection, before: &Self) -> Result<(), Fault> {
        if self.lag_ms > before.lag_ms {
            connection.prepare_cached("UPDATE creation SET lag_ms = ?1")?.execute([self.lag_ms])?;
        }
        Ok(())
    }
}

fn lag_ms(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.prepare_cached("SELECT lag_ms FROM creation")?.query_row([], |row| row.get(0))?)
}

/// Of the instances after `after`, those that can be meant lie after the first and up to the second of these keys.
pub(super) fn bounds(
    connection: &Connection,
    wanted: &Wanted,
    after: InstanceKey,
) -> Result<(InstanceKey, InstanceKey), Fault> {
    let lag_ms = lag_ms(connection)?;
    let mut bounds = (after.0, i64::MAX);
    if wanted.created_from > 0 {
        // What fails here is too early, and so is everything before it.
        bounds.0 = boundary(connection, after.0, |at_ms| at_ms.saturating_add(lag_ms) >= wanted.created_from)?;
    }
    if wanted.created_to < i64::MAX {
        // What passes here is too late, and so is everything after it.
        bounds.1 = boundary(connection, after.0, |at_ms| at_ms > wanted.created_to.saturating_add(lag_ms))?;
    }
    Ok((InstanceKey(bounds.0), InstanceKey(bounds.1)))
}

/// A key after `after` such that the last instance up to it fails and the first after it passes, as far as there are
/// such. That need not be the only place where failing ends.
fn boundary(connection: &Connection, after: i64, passes: impl Fn(i64) -> bool) -> Result<i64, Fault> {
    let mut at_or_after =
        connection.prepare_cached("SELECT key, created_at_ms FROM instances WHERE key >= ?1 ORDER BY key LIMIT 1")?;
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(key) FROM instances")?.query_row([], |row| row.get(0))?;
    let (mut fails, mut passing) = (after, newest.unwrap_or(0).saturating_add(1));
    while passing - fails > 1 {
        let middle = fails + (passing - fails) / 2;
        let (key, at_ms): (i64, i64) = at_or_after.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if passes(at_ms) { passing = middle } else { fails = key }
    }
    Ok(fails.max(passing - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InstanceFilter;
    use crate::sqlite::schema;

    /// A database with instances created at these times, keys from 1.
    fn created_at(times: &[i64]) -> Connection {
        let mut connection = Connection::open_in_memory().expect("opens");
        schema::migrate(&mut connection).expect("migrates");
        let before = CreationTimes::read(&connection).expect("reads");
        let mut after = before;
        for (key, at_ms) in (1..).zip(times) {
            after.add(*at_ms);
            let columns = "key, status, version, generation, epoch, next_seq, inbox_next, inbox_done, open_activities, \
                 has_work, created_at_ms, updated_at_ms, id, name";
            let sql =
                format!("INSERT INTO instances ({columns}) VALUES (?1, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?2, 0, ?1, 'f')");
            connection.execute(&sql, [key, *at_ms]).expect("inserts");
        }
        after.save(&connection, &before).expect("saves");
        connection
    }

    fn span(connection: &Connection, from: u64, to: u64) -> (i64, i64) {
        let filter = InstanceFilter { created_from_ms: Some(from), created_to_ms: Some(to), ..Default::default() };
        let wanted = Wanted::of(&filter).expect("times that are kept");
        let (after, last) = bounds(connection, &wanted, InstanceKey::ZERO).expect("reads");
        (after.0, last.0)
    }

    #[test]
    fn a_span_holds_all_of_its_instances_and_little_else() {
        // Up to 7 ms back and forth while 10 ms pass from one instance to the next; a gap in the keys besides.
        let times: Vec<i64> = (1..=1_000).map(|n| n * 10 + (n * 5) % 8).collect();
        let connection = created_at(&times);
        connection.execute("DELETE FROM instances WHERE key BETWEEN 300 AND 500", []).expect("deletes");
        for (from, to) in
            [(1, 10), (2_000, 2_100), (2_995, 5_020), (3_500, 3_600), (9_990, 99_999), (0, 50), (20_000, 30_000)]
        {
            let (after, last) = span(&connection, from, to);
            let meant = |key: &i64| {
                let at_ms = times[*key as usize - 1] as u64;
                (from..=to).contains(&at_ms) && !(300..=500).contains(key)
            };
            assert!((1..=1_000).filter(meant).all(|key| key > after && key <= last), "{from}..={to}: {after} {last}");
            let others = (after + 1..=last.min(1_000)).filter(|key| !meant(key) && !(300..=500).contains(key)).count();
            assert!(others <= 4, "{from}..={to}: {others} others between {after} and {last}");
        }
    }

    #[test]
    fn the_lag_is_how_far_times_ever_went_back() {
        let lag = |times: &[i64]| lag_ms(&created_at(times)).expect("reads");
        assert_eq!(lag(&[]), 0);
        assert_eq!(lag(&[5, 6, 6, 90]), 0);
        assert_eq!(lag(&[100, 99, 98, 99, 98, 120, 119]), 2, "jitter does not add up");
        assert_eq!(lag(&[100, 300, 50, 400, 350]), 250);
    }

    #[test]
    fn after_opening_again_the_lag_holds_for_what_was_before() {
        let connection = created_at(&[100, 300, 200]);
        let before = CreationTimes::read(&connection).expect("reads");
        assert_eq!(before, CreationTimes { latest_ms: 300, lag_ms: 100 });
        let mut after = before;
        after.add(250);
        assert_eq!(after, before);
        after.add(150);
        assert_eq!(after.lag_ms, 150);
    }
}
