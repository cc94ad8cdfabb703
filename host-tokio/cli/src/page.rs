//! The page that the program carries.

use labwire_tokio::web::PageFile;

include!(concat!(env!("OUT_DIR"), "/page.rs"));
