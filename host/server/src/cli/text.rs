//! JSON laid out, and hostile text made harmless.
//!
//! JSON is laid out as text: numbers and keys stay exactly as the server sent them.

/// `text` with everything escaped that could steer a terminal or mislead a reader, line ends excepted.
pub(crate) fn printable(text: &str) -> String {
    escape(text, |c| c != '\n' && is_hostile(c))
}

/// `text` as part of one line: like [`printable`], and line ends are escaped too.
pub(crate) fn one_line(text: &str) -> String {
    escape(text, is_hostile)
}

/// At most `limit` characters of `text`.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((_, _)) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_escaped(c) {
            // The form of JSON, so that escaped JSON is still the same JSON.
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    out
}

/// Control characters, separators of lines, and what changes the direction of writing: all of them below U+10000.
fn is_hostile(c: char) -> bool {
    let misleads = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || misleads || c == '\u{feff}'
}

/// JSON on one line, without needless space.
pub(crate) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut strings = Strings::default();
    for c in json.chars() {
        if strings.is_inside(c) || !c.is_ascii_whitespace() {
            out.push(c);
        }
    }
    one_line(&out)
}

/// JSON on many lines, indented by two.
pub(crate) fn pretty(json: &str) -> String {
    let json = compact(json);
    let mut out = String::with_capacity(json.len() * 2);
    let mut strings = Strings::default();
    let mut depth = 0usize;
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if strings.is_inside(c) {
            out.push(c);
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Tells which characters of a JSON text belong to its strings.
#[derive(Default)]
struct Strings {
    inside: bool,
    after_backslash: bool,
}

impl Strings {
    /// Whether `c`, the next character, belongs to a string (its quotes do).
    fn is_inside(&mut self, c: char) -> bool {
        match (self.inside, c) {
            (false, '"') => self.inside = true,
            (false, _) => return false,
            (true, _) if self.after_backslash => self.after_backslash = false,
            (true, '\\') => self.after_backslash = true,
            (true, '"') => self.inside = false,
            (true, _) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\rc\u{9b}d\n"), "a\\u001b[31mb\\u000dc\\u009bd\n");
        assert_eq!(one_line("a\nb\tc\u{7f}"), "a\\u000ab\\u0009c\\u007f");
        assert_eq!(one_line("user\u{202e}gpj.exe\u{2028}\u{feff}"), "user\\u202egpj.exe\\u2028\\ufeff");
        assert_eq!(one_line("Zürich 東京 👩‍🚀"), "Zürich 東京 👩‍🚀");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let hostile = "{\"a\u{9b}\": \"\u{202e}\u{7f}\"}";
        let shown = compact(hostile);
        assert_eq!(shown, "{\"a\\u009b\":\"\\u202e\\u007f\"}");
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(parse(&shown), parse(hostile));
        assert_eq!(parse(&pretty(hostile)), parse(hostile));
    }

    #[test]
    fn compact_keeps_strings_and_numbers_as_they_are() {
        let json = "{ \"a b\" : [ 1.0 , 12345678901234567890123 ],\n \"q\\\" {\" : \"x , y\\\\\" }";
        assert_eq!(compact(json), "{\"a b\":[1.0,12345678901234567890123],\"q\\\" {\":\"x , y\\\\\"}");
    }

    #[test]
    fn pretty_puts_each_value_on_a_line() {
        let json = r#"{"a":[1,{"b":"x:y,{"}],"c":{},"d":[ ],"e":null}"#;
        let wanted = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x:y,{\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": null\n}";
        assert_eq!(pretty(json), wanted);
        assert_eq!(pretty("true"), "true");
    }

    #[test]
    fn long_texts_are_shortened_by_characters() {
        assert_eq!(shortened("東京都", 3), "東京都");
        assert_eq!(shortened("東京都庁", 3), "東京…");
    }
}
