//! Files of the page.

mod embedded;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Request, Response, StatusCode};
use labwire_host::warn_sampled;
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, DefaultServeDirFallback};

use self::embedded::Embedded;
use super::{Body, text, typed};

pub use embedded::PageFile;

/// Page of the port. A file that a browser asks for is sent compressed, if the browser takes it and the file has a neighbour
/// of the same name with `.br` or `.gz` behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Page {
    /// Files of a folder, which may change at any time.
    Folder(PathBuf),
    /// Files that the program carries; none if it was built without a page.
    Embedded(&'static [PageFile]),
}

/// Replacement for a page that is not there.
const NO_PAGE: &str = include_str!("no_page.html");

/// What browsers are told about a file that changes its name with its content.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// File of the page that the request names.
pub(super) async fn file(page: &Page, request: Request<Incoming>) -> Response<Body> {
    match *page {
        Page::Folder(ref folder) if !folder.join("index.html").is_file() => {
            no_page(&format!("There is no index.html in {}.", folder.display()))
        }
        Page::Folder(ref folder) => serve(ServeDir::new(folder), request).await,
        Page::Embedded([]) => no_page("This program was built without the page."),
        Page::Embedded(files) => {
            let asked = embedded::find(files, Path::new(request.uri().path()));
            let is_immutable = asked.is_some_and(|found| found.file.is_immutable);
            let folder = ServeDir::with_backend("", Embedded(files));
            let mut response = serve(folder, request).await;
            if is_immutable && !response.status().is_client_error() {
                response
                    .headers_mut()
                    .insert(CACHE_CONTROL, HeaderValue::from_static(FOREVER));
            }
            response
        }
    }
}

async fn serve<B: Backend>(
    folder: ServeDir<DefaultServeDirFallback, B>,
    request: Request<Incoming>,
) -> Response<Body> {
    let mut folder = folder.precompressed_br().precompressed_gzip();
    match folder.try_call(request).await {
        Ok(response) => response.map(|body| body.boxed_unsync()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            text(StatusCode::NOT_FOUND, "there is no such file")
        }
        Err(error) => {
            warn_sampled!(%error, "cannot read the page");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        }
    }
}

fn no_page(why: &str) -> Response<Body> {
    let page = NO_PAGE.replace("{why}", why);
    typed(StatusCode::NOT_FOUND, "text/html; charset=utf-8", page)
}
