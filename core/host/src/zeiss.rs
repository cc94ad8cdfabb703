//! Effects of ZEISS INSPECT's requests on this machine: they fill a [`ProjectFolder`], or become lines of a
//! [`Script`]. In both cases the effect is complete on the disk before the answer `O.k.` is sent.

mod limits;
mod project_folder;
mod script;
mod source;

pub use limits::ImportLimits;
pub use project_folder::{ProjectError, ProjectFolder};
pub use script::Script;
