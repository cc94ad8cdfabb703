//! Gives the shared library its name, so that programs do not record where it was when they were linked.
fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblabwire.so");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
