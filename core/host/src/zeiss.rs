//! What ZEISS INSPECT's requests do on this machine: they fill a [`ProjectFolder`], or become lines of a [`Script`].
//! Both keep what they have said `O.k.` to: it is on the disk, whole, before the
//! answer goes out.

mod project_folder;
mod script;
mod source;

pub use project_folder::{ProjectError, ProjectFolder};
pub use script::Script;
