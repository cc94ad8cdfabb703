//! labwire-tokio.
