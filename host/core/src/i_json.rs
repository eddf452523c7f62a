//! What JSON may hold so that every reader takes it, and takes it alike: I-JSON (RFC 7493), to a bounded depth.

use std::borrow::Cow;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) reason: String,
    /// Its position in the text, in bytes.
    pub(crate) at: usize,
}

/// Digits that no number of a finite double is longer than, unless it has an exponent.
const FINITE_DIGITS: usize = 308;
/// How much of a name or number is shown.
const SHOWN_CHARS: usize = 40;

/// Looks through `json`, which has to be JSON, once. Refused is what some readers fail on or read differently: half
/// surrogate pairs, numbers past the range of a double, names that occur twice in an object, more than `depth` levels.
/// Let through is what every reader takes, though RFC 7493 advises against it: long integers, noncharacters.
pub(crate) fn check(json: &str, depth: usize) -> Result<(), Flaw> {
    Scan { json, at: 0, depth, open: Vec::new(), names: Vec::new(), expects_name: false }.run()
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
    depth: usize,
    /// The arrays (`None`) and objects that are open; of an object, where its names begin in `names`.
    open: Vec<Option<usize>>,
    /// The names of the open objects, each with its position.
    names: Vec<(Cow<'a, str>, usize)>,
    expects_name: bool,
}

impl Scan<'_> {
    fn run(mut self) -> Result<(), Flaw> {
        while let Some(byte) = self.json.as_bytes().get(self.at) {
            match byte {
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b'{' => self.opened(Some(self.names.len()))?,
                b'[' => self.opened(None)?,
                b'}' | b']' => self.closed()?,
                b',' => self.pass(matches!(self.open.last(), Some(Some(_)))),
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    fn pass(&mut self, expects_name: bool) {
        self.expects_name = expects_name;
        self.at += 1;
    }

    fn opened(&mut self, names: Option<usize>) -> Result<(), Flaw> {
        // What stands in it is a level too.
        if self.open.len() + 1 >= self.depth {
            return self.flaw(self.at, format!("more than {} levels (limit `payload_depth`)", self.depth));
        }
        self.open.push(names);
        self.pass(names.is_some());
        Ok(())
    }

    fn closed(&mut self) -> Result<(), Flaw> {
        if let Some(Some(first)) = self.open.pop() {
            self.names[first..].sort_unstable();
            if let Some([_, (name, at)]) = self.names[first..].windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return self.flaw(*at, format!("the name {:?} a second time in an object", shown(name)));
            }
            self.names.truncate(first);
        }
        self.pass(false);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Flaw> {
        let (json, start) = (self.json, self.at);
        let bytes = json.as_bytes();
        let mut escaped = false;
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        if std::mem::take(&mut self.expects_name) {
            let name = match escaped {
                true => serde_json::from_str(&json[start..self.at]).map(Cow::Owned),
                false => Ok(Cow::Borrowed(&json[start + 1..self.at - 1])),
            };
            self.names.push((name.expect("a string whose escapes were looked at"), start));
        }
        Ok(())
    }

    /// Passes an escape; the two halves of a surrogate pair at once.
    fn escape(&mut self) -> Result<(), Flaw> {
        match self.code_unit(self.at) {
            None => self.at += 2,
            Some(0xd800..=0xdbff) if matches!(self.code_unit(self.at + 6), Some(0xdc00..=0xdfff)) => self.at += 12,
            Some(0xd800..=0xdfff) => {
                let half = &self.json[self.at..self.at + 6];
                return self.flaw(self.at, format!("half a surrogate pair, {half},"));
            }
            Some(_) => self.at += 6,
        }
        Ok(())
    }

    /// The code unit that `\uXXXX` at this position means; `None` where something else stands there.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<(), Flaw> {
        let rest = &self.json[self.at..];
        let part_of_it = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let length = rest.bytes().take_while(part_of_it).count();
        let number = &rest[..length];
        let may_overflow = length > FINITE_DIGITS || number.contains(['e', 'E']);
        if may_overflow && number.parse::<f64>().is_ok_and(f64::is_infinite) {
            return self.flaw(self.at, format!("the number {}, which is past the range of a double,", shown(number)));
        }
        self.at += length;
        Ok(())
    }

    fn flaw(&self, at: usize, reason: String) -> Result<(), Flaw> {
        Err(Flaw { reason, at })
    }
}

fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(json: &str) -> (String, usize) {
        let Flaw { reason, at } = check(json, 8).expect_err(json);
        (reason, at)
    }

    #[test]
    fn what_every_reader_takes_is_let_through() {
        let plain = [
            r#"{"a": [1, -2.5e3, true, null, "x"], "b": {"a": 1, "c": {"a": {}}}, "": ""}"#,
            r#""a \"quoted\" \\u text, \ud83d\ude00 \u00fc \\ud800 \n""#,
            r#"[1e308, 1E-400, 0.0e999, 123456789012345678901234567890, "1e400", "\uffff"]"#,
            "[[], [], {}, [[[[[[1]]]]]]]",
            r#"[{"a": 1}, {"a": 1}, ["a", "a"]]"#,
            "1",
        ];
        for json in plain {
            assert_eq!(check(json, 8), Ok(()), "{json}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_found_where_it_stands() {
        let half = |half: &str, at| (format!("half a surrogate pair, {half},"), at);
        assert_eq!(flaw(r#""\ud800""#), half("\\ud800", 1));
        assert_eq!(flaw(r#"["\ud83d\ude00\udE00"]"#), half("\\udE00", 14));
        assert_eq!(flaw(r#""\ud83d\ud83d\ude00""#), half("\\ud83d", 1));
        assert_eq!(flaw(r#"{"\ud800é": 1}"#), half("\\ud800", 2));
        assert_eq!(flaw(r#""\ud800\\udc00""#), half("\\ud800", 1));
    }

    #[test]
    fn a_number_past_a_double_is_found() {
        for (json, at) in [("1e400", 0), ("[1,-1E+309 ]", 3), ("{\"a\":2e308}", 5)] {
            let (reason, found) = flaw(json);
            assert!(reason.contains("past the range of a double") && found == at, "{reason} {found}");
        }
        let long = "9".repeat(400);
        assert!(flaw(&long).0.contains("99999…"));
        assert_eq!(check(&format!("0.{long}"), 8), Ok(()));
    }

    #[test]
    fn a_name_that_occurs_twice_is_found_however_it_is_spelt() {
        assert_eq!(flaw(r#"{"a":1,"b":2,"a":3}"#), ("the name \"a\" a second time in an object".into(), 13));
        assert_eq!(flaw(r#"[{"x":{"u":{},"\u0075":2}}]"#).1, 14);
        let many: Vec<String> = (0..100).map(|n| format!("\"n{}\":0", n % 99)).collect();
        assert!(flaw(&format!("{{{}}}", many.join(","))).0.contains("n0"));
    }

    #[test]
    fn the_levels_are_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check(&nested(127), 128), Ok(()));
        serde_json::from_str::<serde_json::Value>(&nested(127)).expect("a strict reader takes as many");
        let flaw = check(&nested(128), 128).expect_err("too deep");
        assert_eq!(flaw, Flaw { reason: "more than 128 levels (limit `payload_depth`)".into(), at: 127 });
        serde_json::from_str::<serde_json::Value>(&nested(128)).expect_err("and no more");
    }
}
