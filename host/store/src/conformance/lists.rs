//! Listing instances.

use super::fixture::{Fixture, id, json, new_instance, purge};
use crate::{InstanceFilter, InstanceKey, Page};
use dacapo_core::{Orchestration, RuntimeStatus};

/// What a filter finds, all pages of `limit` together.
fn find(fixture: &Fixture, filter: &InstanceFilter, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), InstanceKey::ZERO);
    loop {
        let Page { instances, next } = fixture.store().list(filter, after, limit).expect("lists");
        let is_last = next.is_none();
        assert!(instances.len() == limit || is_last && instances.len() < limit, "a page before the last is full");
        assert!(is_last || next == instances.last().map(|one| one.key), "the next page begins after the last instance");
        assert!(is_last || !instances.is_empty());
        found.extend(instances.into_iter().map(|one| one.id.to_string()));
        match next {
            Some(key) => {
                assert!(key > after, "a page begins after the one before");
                after = key;
            }
            None => return found,
        }
    }
}

fn all() -> InstanceFilter {
    InstanceFilter::default()
}

/// Not of their ids.
pub fn a_listing_is_in_the_order_of_creation(fixture: &mut Fixture) {
    for text in ["c", "a", "b"] {
        fixture.create(text);
    }
    fixture.finish("c", RuntimeStatus::Completed);
    assert_eq!(find(fixture, &all(), 10), ["c", "a", "b"]);
    fixture.create("c");
    assert_eq!(find(fixture, &all(), 10), ["a", "b", "c"]);
    let page = fixture.store().list(&all(), InstanceKey::ZERO, 10).expect("lists");
    assert_eq!(page.instances[1], fixture.get("b"));
}

/// For every size of a page and every number of instances.
pub fn pages_are_full_and_the_last_says_so(fixture: &mut Fixture) {
    let filters = [
        all(),
        InstanceFilter { id_prefix: Some("i".to_owned()), ..all() },
        InstanceFilter { statuses: vec![RuntimeStatus::Running, RuntimeStatus::Pending], ..all() },
    ];
    let mut expected = Vec::new();
    for n in 0..7 {
        for (filter, limit) in filters.iter().flat_map(|filter| (1..8).map(move |limit| (filter, limit))) {
            assert_eq!(find(fixture, filter, limit), expected, "{n} instances, pages of {limit}");
        }
        let text = format!("i{n}");
        fixture.create(&text);
        if n % 2 == 0 {
            fixture.play(&text, |_| ());
        }
        expected.push(text);
    }
    // A gap in the keys is no end.
    fixture.done(purge("i3", true));
    expected.remove(3);
    assert_eq!(find(fixture, &all(), 2), expected);
    assert_eq!(find(fixture, &all(), 3), expected);
}

/// A page may be asked for only to learn whether there is anything.
pub fn a_page_of_nothing_says_whether_there_is_more(fixture: &mut Fixture) {
    let empty = fixture.store().list(&all(), InstanceKey::ZERO, 0).expect("lists");
    assert_eq!(empty, Page::default());
    let key = fixture.create("a");
    let more = fixture.store().list(&all(), InstanceKey::ZERO, 0).expect("lists");
    assert_eq!(more, Page { instances: Vec::new(), next: Some(InstanceKey::ZERO) });
    assert_eq!(fixture.store().list(&all(), key, 0).expect("lists"), Page::default());
}

/// No character of a prefix stands for another.
pub fn prefixes_are_plain_text(fixture: &mut Fixture) {
    let ids = [
        "a%b",
        "a_b",
        "axb",
        "Axb",
        "a[x]",
        "a*",
        "ä",
        "äb",
        "äc",
        "Äb",
        "日本",
        "日木",
        "a\u{10FFFF}",
        "a\u{10FFFF}z",
        "b",
    ];
    for text in ids {
        fixture.create(text);
    }
    let prefixes = [
        "",
        "a",
        "A",
        "a%",
        "a_",
        "%",
        "_",
        "a[",
        "a*",
        "ä",
        "Ä",
        "äb",
        "日",
        "a\u{10FFFF}",
        "\u{10FFFF}",
        "b",
        "bb",
        "'",
        "\0",
    ];
    for prefix in prefixes {
        let filter = InstanceFilter { id_prefix: Some(prefix.to_owned()), ..all() };
        let expected: Vec<&str> = ids.into_iter().filter(|text| text.starts_with(prefix)).collect();
        assert_eq!(find(fixture, &filter, 2), expected, "prefix {prefix:?}");
    }
}

/// As function names are compared everywhere.
pub fn names_ignore_case_beyond_ascii(fixture: &mut Fixture) {
    let version = fixture.some_version();
    for (text, name) in
        [("1", "Prüfung"), ("2", "PRÜFUNG"), ("3", "prufung"), ("4", "ΣΊΣΥΦΟΣ"), ("5", "a%"), ("6", "ab")]
    {
        let mut new = new_instance(text, version);
        new.name = name.to_owned();
        fixture.create_as(new);
    }
    let named = |name: &str| find(fixture, &InstanceFilter { name: Some(name.to_owned()), ..all() }, 10);
    assert_eq!(named("prÜfung"), ["1", "2"]);
    assert_eq!(named("PRUFUNG"), ["3"]);
    assert_eq!(named("ΣΊΣΥΦΟΣ"), ["4"]);
    assert_eq!(named("A%"), ["5"]);
    assert!(named("").is_empty() && named("prüf").is_empty());
    assert_eq!(fixture.get("2").name, "PRÜFUNG");
}

/// A clock may have been put back between two.
pub fn creation_times_are_inclusive_and_need_not_ascend(fixture: &mut Fixture) {
    let version = fixture.some_version();
    let times = [100, 300, 200, 300, 50, 400, 250];
    for at_ms in times {
        let text = format!("t{at_ms}-{}", fixture.observe().instances.len());
        let mut new = new_instance(&text, version);
        new.opening = Orchestration::opening("Flow", json("1"), at_ms);
        fixture.create_as(new);
    }
    let found = |from, to| {
        let filter = InstanceFilter { created_from_ms: from, created_to_ms: to, ..all() };
        let ids = find(fixture, &filter, 2);
        ids.iter().map(|text| fixture.get(text).created_at_ms).collect::<Vec<_>>()
    };
    let bounds =
        [None, Some(0), Some(50), Some(51), Some(200), Some(299), Some(300), Some(400), Some(401), Some(u64::MAX)];
    for (from, to) in bounds.into_iter().flat_map(|from| bounds.map(|to| (from, to))) {
        let range = from.unwrap_or(0)..=to.unwrap_or(u64::MAX);
        let expected: Vec<u64> = times.into_iter().filter(|at_ms| range.contains(at_ms)).collect();
        assert_eq!(found(from, to), expected, "{range:?}");
    }
}

/// In the order of creation all the same, and each instance once.
pub fn statuses_are_any_of_the_given(fixture: &mut Fixture) {
    let statuses: Vec<RuntimeStatus> = RuntimeStatus::ALL.into_iter().rev().chain(RuntimeStatus::ALL).collect();
    for (n, status) in statuses.iter().enumerate() {
        let text = format!("{n}");
        fixture.create(&text);
        fixture.play(&text, |turn| turn.status = *status);
    }
    let mut asked: Vec<Vec<RuntimeStatus>> = RuntimeStatus::ALL.map(|one| vec![one]).to_vec();
    asked.push(vec![RuntimeStatus::Running, RuntimeStatus::Failed, RuntimeStatus::Running]);
    asked.push(vec![RuntimeStatus::Terminated, RuntimeStatus::Pending, RuntimeStatus::Completed]);
    asked.push(RuntimeStatus::ALL.to_vec());
    asked.push(Vec::new());
    for asked in asked {
        let wanted = |n: &usize| asked.is_empty() || asked.contains(&statuses[*n]);
        let expected: Vec<String> = (0..statuses.len()).filter(wanted).map(|n| n.to_string()).collect();
        let filter = InstanceFilter { statuses: asked.clone(), ..all() };
        assert_eq!(find(fixture, &filter, 3), expected, "{asked:?}");
    }
}

/// [`InstanceFilter::matches`] is the definition, for every combination.
pub fn filters_agree_with_their_definition(fixture: &mut Fixture) {
    let version = fixture.some_version();
    let ids = ["a", "a1", "a2", "b", "b1", "ä1"];
    for (n, text) in (0u64..).zip(ids) {
        let mut new = new_instance(text, version);
        new.name = ["Flow", "FLOW", "Föhn", "FÖHN"][n as usize % 4].to_owned();
        new.opening = Orchestration::opening("Flow", json("1"), 100 + (n % 3) * 10);
        fixture.create_as(new);
        fixture.play(text, |turn| turn.status = RuntimeStatus::ALL[(n as usize * 3 + 1) % 8]);
    }
    let instances: Vec<_> = ids.into_iter().map(|text| fixture.get(text)).collect();
    for filter in combinations() {
        let expected: Vec<String> =
            instances.iter().filter(|one| filter.matches(one)).map(|one| one.id.to_string()).collect();
        assert_eq!(find(fixture, &filter, 2), expected, "{filter:?}");
    }
    assert!(fixture.store().instance(&id("zzz")).expect("reads").is_none());
}

fn combinations() -> Vec<InstanceFilter> {
    let mut filters = vec![all()];
    let text = |text: &str| Some(text.to_owned());
    let vary = |filters: Vec<InstanceFilter>, variants: &[fn(&mut InstanceFilter)]| -> Vec<InstanceFilter> {
        let each = |filter: &InstanceFilter| {
            let mut varied = vec![filter.clone()];
            for variant in variants {
                let mut filter = filter.clone();
                variant(&mut filter);
                varied.push(filter);
            }
            varied
        };
        filters.iter().flat_map(each).collect()
    };
    for prefix in ["a", "ä"] {
        filters.push(InstanceFilter { id_prefix: text(prefix), ..all() });
    }
    filters = vary(filters, &[|one| one.name = Some("flow".to_owned()), |one| one.name = Some("föHN".to_owned())]);
    filters = vary(filters, &[|one| one.created_from_ms = Some(110)]);
    filters = vary(filters, &[|one| one.created_to_ms = Some(110)]);
    vary(
        filters,
        &[
            |one| one.statuses = vec![RuntimeStatus::Running],
            |one| one.statuses = vec![RuntimeStatus::Completed, RuntimeStatus::Running, RuntimeStatus::Canceled],
        ],
    )
}
