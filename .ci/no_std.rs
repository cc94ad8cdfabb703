//! Links labwire-core into a program without std. See the stage `no_std` of .ci/run.
#![no_std]

extern crate labwire_core;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
