//! labwire's C interface. Its users read `include/labwire.h`, which cbindgen writes from this crate.
#![allow(
    unsafe_code,
    reason = "C passes pointers, whose targets only the caller knows"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the header says once what holds for all pointers"
)]
#![allow(missing_debug_implementations, reason = "C does not print them")]
#![allow(non_camel_case_types, reason = "types have the names that they have in C")]

mod argument;
mod client;
mod designer;
mod device;
mod error;
mod instrument;
mod problem;
mod server;
mod session;
mod solver;

pub use designer::*;
pub use device::*;
pub use error::*;
pub use instrument::*;
pub use problem::*;
pub use server::*;
pub use session::*;
pub use solver::*;

use core::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// Version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn labwire_version() -> *const c_char {
    VERSION.as_ptr()
}
