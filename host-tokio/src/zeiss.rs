//! What a ZEISS INSPECT request does on this machine: it fills a [`ProjectFolder`], or becomes a line of a [`Script`].
//!
//! Both keep what they have said `O.k.` to: it is on the disk, whole, before the answer goes out.

mod durable;
mod project_folder;
mod script;
mod source;

pub use project_folder::{ProjectError, ProjectFolder};
pub use script::Script;
