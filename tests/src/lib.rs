//! What the end-to-end tests share: a served Dacapo, and the three ways to play every test.
//!
//! [`every_way!`] makes three tests of one body. *Warm* keeps guests parked; *replayed* has a budget of zero, so that
//! every turn plays the history from its beginning; *restarted* stops the server and starts it again on the same data
//! wherever the body says [`Server::interlude`].

pub mod api;
pub mod database;
pub mod draw;
pub mod golden;
pub mod program;
pub mod server;
pub mod service;
#[cfg(target_os = "linux")]
pub mod torture;
pub mod watch;

pub use server::{Server, Way};

/// Makes three tests of `async fn name(server: &mut Server)`.
#[macro_export]
macro_rules! every_way {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident: &mut Server) $body:block)*) => { $(
        mod $name {
            use super::*;

            async fn body($server: &mut $crate::Server) -> anyhow::Result<()> {
                $body
                Ok(())
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn warm() -> anyhow::Result<()> {
                $crate::Server::play($crate::Way::Warm, async |server| body(server).await).await
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn replayed() -> anyhow::Result<()> {
                $crate::Server::play($crate::Way::Replayed, async |server| body(server).await).await
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn restarted() -> anyhow::Result<()> {
                $crate::Server::play($crate::Way::Restarted, async |server| body(server).await).await
            }
        }
    )* };
}
