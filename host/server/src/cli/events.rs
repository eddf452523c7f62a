//! The format of event streams (`text/event-stream`).

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The id to resume after; the last one that was sent, where this event has none of its own.
    pub(crate) id: Option<String>,
    /// What it says.
    pub(crate) data: String,
}

/// Makes events of the pieces in which a stream arrives.
#[derive(Default)]
pub(crate) struct EventReader {
    rest: Vec<u8>,
    next: Event,
    has_data: bool,
}

impl EventReader {
    /// Takes the next piece; the events that it completes.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Vec<Event> {
        self.rest.extend_from_slice(piece);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        String::from_utf8_lossy(&lines).lines().filter_map(|line| self.line(line)).collect()
    }

    /// An empty line ends an event; one without data is none (a comment that keeps the connection awake).
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = Event { id: self.next.id.clone(), data: std::mem::take(&mut self.next.data) };
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.next.data.push('\n');
                }
                self.next.data.push_str(value);
            }
            "id" => self.next.id = Some(value.to_owned()),
            // Comments, and fields that tell nothing about the instance.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, data: &str) -> Event {
        Event { id: id.map(str::to_owned), data: data.into() }
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        let stream = ": hello\n\nid: 1\nevent: status\ndata: {\"a\":\ndata: \"é\"}\n\nid: 2\r\ndata:x\r\n\r\n: awake\n\ndata\n\n";
        let wanted = [event(Some("1"), "{\"a\":\n\"é\"}"), event(Some("2"), "x"), event(Some("2"), "")];
        for size in [1, 2, 3, 7, stream.len()] {
            let mut reader = EventReader::default();
            let found: Vec<_> = stream.as_bytes().chunks(size).flat_map(|piece| reader.read(piece)).collect();
            assert_eq!(found, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_was_cut_off_is_none() {
        assert_eq!(EventReader::default().read(b"data: x\n"), []);
        assert_eq!(EventReader::default().read(b"data: x\n\ndata: y"), [event(None, "x")]);
    }
}
