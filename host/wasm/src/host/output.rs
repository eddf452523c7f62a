//! What guests say: log lines, standard output and error, and their last words before a trap.

use crate::bindings::types::LogLevel;
use crate::guest::Gate;
use bytes::Bytes;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Characters of a log line; the rest is cut.
const LINE_CHARS: usize = 4_000;
/// Bytes of last words that are kept.
const LAST_WORDS_BYTES: usize = 1_000;

/// A line in the host's log, named after the instance. Guest text is hostile: as a field that is not called `message` it
/// is quoted, so that it can neither end its line nor begin another. `gate` bounds how much one turn may say.
pub(crate) fn log(gate: &Gate, level: LogLevel, instance: &str, message: &str) {
    match gate.may_log() {
        Some(0) => tracing::warn!(target: "guest", instance, "it says too much; the rest of this turn is left out"),
        Some(_) => {
            let text: String = message.chars().take(LINE_CHARS).collect();
            let text = text.as_str();
            match level {
                LogLevel::Debug => tracing::debug!(target: "guest", instance, text),
                LogLevel::Info => tracing::info!(target: "guest", instance, text),
                LogLevel::Warn => tracing::warn!(target: "guest", instance, text),
                LogLevel::Error => tracing::error!(target: "guest", instance, text),
            }
        }
        None => {}
    }
}

/// The end of what a guest said on standard error or logged as an error: usually why it is about to trap.
#[derive(Default)]
pub(crate) struct LastWords(Mutex<VecDeque<u8>>);

impl LastWords {
    /// Remembers an error that was logged.
    pub(crate) fn hear(&self, level: LogLevel, message: &str) {
        if matches!(level, LogLevel::Error) {
            self.remember(message.as_bytes());
        }
    }

    fn remember(&self, bytes: &[u8]) {
        // Only the end counts, and a long message must not be held for its sake.
        let bytes = &bytes[bytes.len().saturating_sub(LAST_WORDS_BYTES)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let excess = kept.len().saturating_sub(LAST_WORDS_BYTES);
        kept.drain(..excess);
    }

    /// What was said, if anything.
    pub(crate) fn take(&self) -> Option<String> {
        let bytes: Vec<u8> = self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

/// Standard output or error of a guest: goes to the log, line by line as it is written.
#[derive(Clone)]
pub(crate) struct Output {
    instance: Arc<str>,
    last_words: Arc<LastWords>,
    gate: Arc<Gate>,
}

impl Output {
    pub(crate) fn new(instance: String, last_words: Arc<LastWords>, gate: Arc<Gate>) -> Self {
        Self { instance: instance.into(), last_words, gate }
    }

    fn say(&self, bytes: &[u8]) {
        self.last_words.remember(bytes);
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        if !text.is_empty() {
            log(&self.gate, LogLevel::Debug, &self.instance, text);
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.say(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.say(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
