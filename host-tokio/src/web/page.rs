//! Files of the page.

use std::io::ErrorKind;
use std::path::Path;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use labwire_host::warn_sampled;
use tower_http::services::ServeDir;

use super::{Body, text, typed};

/// Replacement for a page that has not been built.
const NOT_BUILT: &str = include_str!("not_built.html");

/// File in `folder` that the request names.
pub(super) async fn file(folder: &Path, request: Request<Incoming>) -> Response<Body> {
    if !folder.join("index.html").is_file() {
        let page = NOT_BUILT.replace("{folder}", &folder.display().to_string());
        return typed(StatusCode::NOT_FOUND, "text/html; charset=utf-8", page);
    }
    match ServeDir::new(folder).try_call(request).await {
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
