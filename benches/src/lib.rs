//! labwire-benches.
