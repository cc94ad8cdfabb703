//! Suite of device connections on smol.

#[path = "runtimes/smol.rs"]
mod runtime;

use runtime::Smol;
use smol::block_on;

labwire_tests::device_suite!(Smol, block_on);
