//! Modules, their versions, names and pins.

use super::fixture::{Fixture, new_instance, new_module, purge};
use crate::{FunctionKind, ModuleVersion, NewModule, Refused, VersionId, Write, Written};
use dacapo_core::RuntimeStatus;
use dacapo_core::ids::sha256_hex;

fn versions(fixture: &Fixture) -> Vec<(String, u32, bool)> {
    let all = fixture.store().modules().expect("reads");
    all.into_iter().map(|one| (one.module, one.version, one.active)).collect()
}

fn taken(kind: FunctionKind, function: &str, module: &str) -> Result<Written, Refused> {
    Err(Refused::NameTaken { kind, function: function.to_owned(), module: module.to_owned() })
}

/// Their keys differ all the same.
pub fn versions_count_from_one_within_a_module(fixture: &mut Fixture) {
    let added = [("m", "d1"), ("n", "d2"), ("m", "d3"), ("m", "d4"), ("n", "d5")];
    let found: Vec<ModuleVersion> =
        added.iter().map(|(module, digest)| fixture.add(new_module(module, digest, &[]))).collect();
    assert_eq!(found.iter().map(|one| one.version).collect::<Vec<_>>(), [1, 1, 2, 3, 2]);
    let mut ids: Vec<VersionId> = found.iter().map(|one| one.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

/// What the module has now.
fn of_module(fixture: &Fixture, module: &str) -> Vec<ModuleVersion> {
    let all = fixture.store().modules().expect("reads").into_iter();
    all.filter(|version| version.module == module).collect()
}

/// The answer to a change: what the module has after it.
fn changed(fixture: &Fixture, module: &str) -> Written {
    Written::ModuleChanged { versions: of_module(fixture, module) }
}

/// All of it, in order.
pub fn a_version_keeps_what_was_deployed(fixture: &mut Fixture) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let component: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let new = NewModule {
        module: "Orders \"ü\"".to_owned(),
        digest: sha256_hex(&component),
        component,
        orchestrators: names(&["Z", "a,b", "Ä\"[]"]),
        activities: names(&["z", "A"]),
        imports: names(&["dacapo:flow/host@0.1.0"]),
        created_at_ms: 77,
    };
    let answer = fixture.done(Write::AddModule(new.clone()));
    let found = fixture.store().modules().expect("reads").remove(0);
    assert_eq!(answer, Written::ModuleAdded { version: found.clone(), added: true, versions: vec![found.clone()] });
    let expected = ModuleVersion {
        id: found.id,
        module: new.module,
        version: 1,
        digest: new.digest.clone(),
        size_bytes: 100_000,
        orchestrators: new.orchestrators,
        activities: new.activities,
        imports: new.imports,
        created_at_ms: 77,
        active: true,
    };
    assert_eq!(found, expected);
    assert_eq!(fixture.store().component(&new.digest).expect("reads"), Some(new.component));
    assert_eq!(fixture.store().component(&found.digest.to_uppercase()).expect("reads"), None);
}

/// One active version for each module.
pub fn the_newest_deployment_is_active(fixture: &mut Fixture) {
    for (module, digest) in [("m", "d1"), ("m", "d2"), ("n", "d1"), ("m", "d3")] {
        assert!(fixture.add(new_module(module, digest, &[])).active);
    }
    let expected = [("m", 1, false), ("m", 2, false), ("m", 3, true), ("n", 1, true)];
    assert_eq!(versions(fixture), expected.map(|(module, number, active)| (module.to_owned(), number, active)));
}

/// And nothing is added.
pub fn the_same_component_becomes_active_again(fixture: &mut Fixture) {
    let first = fixture.add(new_module("m", "d1", &["F"]));
    let again = Write::AddModule(new_module("m", "d1", &["F"]));
    let expected = |fixture: &Fixture| Written::ModuleAdded {
        version: first.clone(),
        added: false,
        versions: of_module(fixture, "m"),
    };
    assert_eq!(fixture.done(again.clone()), expected(fixture), "it is active already");
    fixture.add(new_module("m", "d2", &["F"]));
    assert_eq!(versions(fixture), [("m".to_owned(), 1, false), ("m".to_owned(), 2, true)]);
    assert_eq!(fixture.done(again), expected(fixture));
    assert_eq!(versions(fixture), [("m".to_owned(), 1, true), ("m".to_owned(), 2, false)]);
    let other = fixture.add(new_module("n", "d1", &[]));
    assert_eq!(other.version, 1, "the same component is a version of its own in another module");
    assert_eq!(fixture.add(new_module("m", "d3", &["F"])).version, 3);
}

/// Numbers as numbers.
pub fn modules_come_by_name_and_number(fixture: &mut Fixture) {
    for n in 0..11 {
        fixture.add(new_module("m", &format!("d{n}"), &[]));
    }
    for module in ["z", "M", "ä"] {
        fixture.add(new_module(module, "d", &[]));
    }
    let mut expected = vec![("M".to_owned(), 1, true)];
    expected.extend((1..=11).map(|number| ("m".to_owned(), number, number == 11)));
    expected.extend([("z".to_owned(), 1, true), ("ä".to_owned(), 1, true)]);
    assert_eq!(versions(fixture), expected);
}

/// Two versions may share it.
pub fn a_component_lives_as_long_as_a_version_needs_it(fixture: &mut Fixture) {
    let first = fixture.add(new_module("m", "same", &[]));
    let second = fixture.add(new_module("n", "same", &[]));
    let component = || fixture.store().component(&sha256_hex(b"same")).expect("reads");
    assert_eq!(component(), Some(b"same".to_vec()));
    assert_eq!(fixture.done(Write::DeleteVersion(first.id)), changed(fixture, "m"));
    assert_eq!(component(), Some(b"same".to_vec()));
    fixture.done(Write::DeleteVersion(second.id));
    assert_eq!(component(), None);
    fixture.add(new_module("m", "same", &[]));
    assert_eq!(component(), Some(b"same".to_vec()));
}

/// Ignoring case, by kind; a module may repeat its own.
pub fn a_name_of_another_module_is_refused(fixture: &mut Fixture) {
    let mut first = new_module("m", "d1", &["Größe", "F"]);
    first.activities = vec!["Act".to_owned()];
    fixture.add(first);
    let before = fixture.observe();
    let add = |digest: &str, orchestrators: &[&str], activities: &[&str]| {
        let mut new = new_module("n", digest, orchestrators);
        new.activities = activities.iter().map(|name| (*name).to_owned()).collect();
        fixture.write(Write::AddModule(new))
    };
    assert_eq!(add("d2", &["X", "GRÖSSE", "GRÖßE"], &[]), taken(FunctionKind::Orchestrator, "GRÖßE", "m"));
    assert_eq!(add("d2", &["f"], &["act"]), taken(FunctionKind::Orchestrator, "f", "m"));
    assert_eq!(add("d2", &["X"], &["ACT"]), taken(FunctionKind::Activity, "ACT", "m"));
    assert_eq!(fixture.observe(), before);
    assert!(add("d2", &["Act"], &["F", "Größe"]).is_ok(), "an activity may be called as an orchestrator is");
    assert!(fixture.write(Write::AddModule(new_module("m", "d3", &["f"]))).is_ok(), "its own");
}

/// What an older version exported is free.
pub fn only_active_versions_hold_names(fixture: &mut Fixture) {
    fixture.add(new_module("m", "d1", &["F"]));
    fixture.add(new_module("m", "d2", &["G"]));
    let other = fixture.add(new_module("n", "d3", &["F"]));
    assert_eq!(
        fixture.write(Write::AddModule(new_module("o", "d4", &["F"]))),
        taken(FunctionKind::Orchestrator, "F", "n")
    );
    fixture.done(Write::DeleteVersion(other.id));
    assert!(fixture.write(Write::AddModule(new_module("o", "d4", &["F"]))).is_ok());
}

/// A version that becomes active again is checked as a new one is.
pub fn a_version_that_comes_back_needs_its_names_too(fixture: &mut Fixture) {
    fixture.add(new_module("m", "d1", &["F"]));
    fixture.add(new_module("m", "d2", &["G"]));
    fixture.add(new_module("n", "d3", &["F"]));
    let before = fixture.observe();
    assert_eq!(
        fixture.write(Write::AddModule(new_module("m", "d1", &["F"]))),
        taken(FunctionKind::Orchestrator, "F", "n")
    );
    assert_eq!(fixture.observe(), before);
}

/// Deleted ones included.
pub fn delete_refuses_an_unknown_version(fixture: &mut Fixture) {
    let id = fixture.version("m");
    assert_eq!(fixture.write(Write::DeleteVersion(VersionId(id.0 + 1))), Err(Refused::UnknownVersion));
    fixture.done(Write::DeleteVersion(id));
    assert_eq!(fixture.write(Write::DeleteVersion(id)), Err(Refused::UnknownVersion));
    assert_eq!(fixture.write(Write::Create(new_instance("a", id))), Err(Refused::UnknownVersion));
}

/// Finished ones do not pin.
pub fn delete_refuses_a_version_with_unfinished_instances(fixture: &mut Fixture) {
    let (pinned, other) = (fixture.version("m"), fixture.version("n"));
    for (n, status) in RuntimeStatus::ALL.into_iter().enumerate() {
        for version in [pinned, other] {
            let text = format!("{n}-{}", version.0);
            fixture.create_as(new_instance(&text, version));
            fixture.play(&text, |turn| turn.status = status);
        }
    }
    let before = fixture.observe();
    for left in (1..=4).rev() {
        assert_eq!(fixture.write(Write::DeleteVersion(pinned)), Err(Refused::Pinned { instances: left }));
        if left == 4 {
            assert_eq!(fixture.observe(), before);
        }
        fixture.finish(&format!("{}-{}", left - 1, pinned.0), RuntimeStatus::Terminated);
    }
    assert!(matches!(fixture.write(Write::DeleteVersion(pinned)), Ok(Written::ModuleChanged { .. })));
    assert_eq!(
        fixture.get(&format!("0-{}", pinned.0)).version,
        pinned,
        "a finished instance still says what it ran on"
    );
    assert_eq!(fixture.write(Write::DeleteVersion(other)), Err(Refused::Pinned { instances: 4 }));
}

/// Only then.
pub fn deleting_the_active_version_activates_the_newest_left(fixture: &mut Fixture) {
    let ids: Vec<VersionId> = (1..=4).map(|n| fixture.add(new_module("m", &format!("d{n}"), &[])).id).collect();
    let active = || versions(fixture).into_iter().filter(|one| one.2).map(|one| one.1).collect::<Vec<_>>();
    fixture.add(new_module("m", "d2", &[]));
    fixture.done(Write::DeleteVersion(ids[2]));
    assert_eq!(active(), [2], "an older one was active, and was not deleted");
    fixture.done(Write::DeleteVersion(ids[1]));
    assert_eq!(active(), [4]);
    fixture.done(Write::DeleteVersion(ids[3]));
    assert_eq!(active(), [1]);
    fixture.done(Write::DeleteVersion(ids[0]));
    assert!(versions(fixture).is_empty());
}

/// Two active versions with one function would leave open which of them is meant.
pub fn delete_refuses_to_bring_back_a_function_that_another_module_has_now(fixture: &mut Fixture) {
    fixture.add(new_module("m", "d1", &["F"]));
    let without = fixture.add(new_module("m", "d2", &["G"]));
    let taker = fixture.add(new_module("n", "d3", &["f"]));
    let before = fixture.observe();
    let taken = Refused::NameTaken { kind: FunctionKind::Orchestrator, function: "F".into(), module: "n".into() };
    assert_eq!(fixture.write(Write::DeleteVersion(without.id)), Err(taken));
    assert_eq!(fixture.observe(), before);
    fixture.done(Write::DeleteVersion(taker.id));
    fixture.done(Write::DeleteVersion(without.id));
}

/// Not even after all of a module's versions are gone.
pub fn version_numbers_are_never_used_twice(fixture: &mut Fixture) {
    let first = fixture.add(new_module("m", "d1", &[]));
    let second = fixture.add(new_module("m", "d2", &[]));
    fixture.done(Write::DeleteVersion(second.id));
    let third = fixture.add(new_module("m", "d2", &[]));
    assert_eq!((second.version, third.version), (2, 3));
    assert!(third.id != second.id && third.id != first.id);
    fixture.done(Write::DeleteVersion(first.id));
    fixture.done(Write::DeleteVersion(third.id));
    let fourth = fixture.add(new_module("m", "d1", &[]));
    assert_eq!(fourth.version, 4);
    assert!(![first.id, second.id, third.id].contains(&fourth.id));
}

/// If its names are free.
pub fn any_version_can_be_activated(fixture: &mut Fixture) {
    let first = fixture.add(new_module("m", "d1", &["F"]));
    let second = fixture.add(new_module("m", "d2", &["G"]));
    fixture.add(new_module("n", "d3", &[]));
    let active =
        |fixture: &Fixture| versions(fixture).into_iter().filter(|one| one.2).map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(fixture.write(Write::Activate(VersionId(99))), Err(Refused::UnknownVersion));
    assert_eq!(fixture.done(Write::Activate(first.id)), changed(fixture, "m"));
    assert_eq!(active(fixture), [1, 1]);
    assert_eq!(fixture.done(Write::Activate(first.id)), changed(fixture, "m"), "it is already");
    fixture.done(Write::Activate(second.id));
    assert_eq!(active(fixture), [2, 1]);
    fixture.add(new_module("o", "d4", &["f"]));
    let before = fixture.observe();
    assert_eq!(fixture.write(Write::Activate(first.id)), taken(FunctionKind::Orchestrator, "F", "o"));
    assert_eq!(fixture.observe(), before);
}

/// Whoever holds it as it was is fenced off.
pub fn an_instance_moves_to_another_version(fixture: &mut Fixture) {
    let (first, second) = (fixture.version("m"), fixture.version("n"));
    for (text, status) in [("a", RuntimeStatus::Running), ("b", RuntimeStatus::Failed)] {
        fixture.create_as(new_instance(text, first));
        fixture.play(text, |turn| turn.status = status);
        let (mut expected, late) = (fixture.get(text), fixture.next_turn(text));
        let fence = expected.fence();
        assert_eq!(fixture.done(Write::Repin { fence, version: second }), Written::Repinned);
        (expected.version, expected.epoch) = (second, expected.epoch + 1);
        assert_eq!(fixture.get(text), expected);
        assert_eq!(fixture.write(Write::Turn(late)), Err(Refused::Fenced));
        assert_eq!(fixture.write(Write::Repin { fence, version: first }), Err(Refused::Fenced));
    }
    let before = fixture.observe();
    fixture.reopen();
    assert_eq!(fixture.observe(), before);
    assert!(matches!(fixture.write(Write::DeleteVersion(first)), Ok(Written::ModuleChanged { .. })));
    assert_eq!(fixture.write(Write::DeleteVersion(second)), Err(Refused::Pinned { instances: 1 }));
}

/// And changes nothing.
pub fn a_move_of_what_has_moved_on_is_refused(fixture: &mut Fixture) {
    let (first, second) = (fixture.version("m"), fixture.version("n"));
    fixture.create_as(new_instance("a", first));
    let begun = fixture.get("a").fence();
    fixture.play("a", |_| {});
    fixture.create_as(new_instance("b", first));
    fixture.finish("b", RuntimeStatus::Completed);
    let (now, ended) = (fixture.get("a").fence(), fixture.get("b").fence());
    let before = fixture.observe();
    let repin = |fence, version| fixture.write(Write::Repin { fence, version });
    assert_eq!(repin(begun, second), Err(Refused::Fenced));
    assert_eq!(repin(now, VersionId(99)), Err(Refused::UnknownVersion));
    assert_eq!(repin(ended, second), Err(Refused::Finished { status: RuntimeStatus::Completed }));
    fixture.done(purge("b", false));
    assert_eq!(repin(ended, second), Err(Refused::Fenced));
    assert_eq!(fixture.observe().instances, before.instances.into_iter().take(1).collect::<Vec<_>>());
}

/// By version.
pub fn pins_count_the_unfinished(fixture: &mut Fixture) {
    let (first, second) = (fixture.version("m"), fixture.version("n"));
    let pins = |fixture: &Fixture| fixture.store().pins().expect("reads");
    assert_eq!(pins(fixture), []);
    for text in ["a", "b", "c"] {
        fixture.create_as(new_instance(text, second));
    }
    fixture.create_as(new_instance("d", first));
    assert_eq!(pins(fixture), [(first, 1), (second, 3)]);
    fixture.finish("a", RuntimeStatus::Failed);
    fixture.finish("d", RuntimeStatus::Completed);
    assert_eq!(pins(fixture), [(second, 2)]);
}
