//! labwire-tests.
