//! The port that browsers use, on real sockets: who may use it, the bridge, the page, and what watches.

mod bridge;
mod page;
mod port;
