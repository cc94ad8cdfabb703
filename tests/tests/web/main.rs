//! Port for browsers, on real sockets: access, the bridge, the page, and monitoring.

mod bridge;
mod page;
mod port;
