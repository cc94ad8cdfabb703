//! labwire-async-std.
