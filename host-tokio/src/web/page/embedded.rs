//! Files that are part of the program, as a file system.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::io::{self, Cursor, ErrorKind, Read, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::read::GzDecoder;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File, Metadata};

/// File of a page that a program carries. One that ends with `.gz` stands for the file without, too, if that is not there.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "programs write it down")]
pub struct PageFile {
    /// Path below the page's folder, with slashes: `assets/main-Bx3f9a1c.js`.
    pub path: &'static str,
    /// Content.
    pub bytes: &'static [u8],
    /// Time of the last change, in nanoseconds since 1970 (UTC). With the number of bytes it is the file's ETag.
    pub modified: u64,
    /// Whether another content would have another path, so that browsers need never ask again.
    pub is_immutable: bool,
}

/// Files that were asked for without their compression, by the address of their bytes: all connections share them.
static UNPACKED: Mutex<BTreeMap<usize, Bytes>> = Mutex::new(BTreeMap::new());

/// File, and whether it is asked for without the compression that it has.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) file: &'static PageFile,
    is_unpacked: bool,
}

/// File at a path, which may begin with a slash or a dot.
pub(super) fn find(files: &'static [PageFile], path: &Path) -> Option<Found> {
    let at = |is_asked: &dyn Fn(&str) -> bool| files.iter().find(|file| is_asked(file.path));
    let is_named = |name: &str| names(path).eq(names(name.as_ref()));
    let is_packed = |name: &str| name.strip_suffix(".gz").is_some_and(is_named);
    let found = |is_unpacked| move |file| Found { file, is_unpacked };
    at(&is_named)
        .map(found(false))
        .or_else(|| at(&is_packed).map(found(true)))
}

impl Found {
    fn len(self) -> u64 {
        match (self.is_unpacked, self.file.bytes.last_chunk()) {
            // RFC 1952, section 2.3.1: the last four bytes are the length of the original.
            (true, Some(length)) => u32::from_le_bytes(*length).into(),
            _ => self.file.bytes.len() as u64,
        }
    }

    fn content(self) -> io::Result<Bytes> {
        if !self.is_unpacked {
            return Ok(Bytes::from_static(self.file.bytes));
        }
        let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
        let place = self.file.bytes.as_ptr().addr();
        if let Some(content) = unpacked.get(&place) {
            return Ok(content.clone());
        }
        let mut content = Vec::new();
        GzDecoder::new(self.file.bytes).read_to_end(&mut content)?;
        let content = Bytes::from(content);
        unpacked.insert(place, content.clone());
        Ok(content)
    }
}

/// Names of folders and file in a path.
fn names(path: &Path) -> impl Iterator<Item = Component<'_>> {
    let components = path.components();
    components.filter(|part| !matches!(part, Component::CurDir | Component::RootDir))
}

#[derive(Clone, Debug)]
pub(super) struct Embedded(pub(super) &'static [PageFile]);

impl Embedded {
    fn look_up(&self, path: &Path) -> io::Result<Entry> {
        if let Some(found) = find(self.0, path) {
            return Ok(Entry(Some(found)));
        }
        let is_below = |file: &PageFile| {
            let mut parts = names(file.path.as_ref());
            names(path).all(|name| parts.next() == Some(name))
        };
        match self.0.iter().any(is_below) {
            true => Ok(Entry(None)),
            false => Err(ErrorKind::NotFound.into()),
        }
    }
}

impl Backend for Embedded {
    type File = OpenFile;
    type Metadata = Entry;
    type OpenFuture = Ready<io::Result<OpenFile>>;
    type MetadataFuture = Ready<io::Result<Self::Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let file = self.look_up(&path).and_then(|Entry(found)| {
            let found = found.ok_or(ErrorKind::IsADirectory)?;
            Ok(OpenFile {
                found,
                bytes: Cursor::new(found.content()?),
            })
        });
        ready(file)
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        ready(self.look_up(&path))
    }
}

/// What there is at a path: a file, or a folder (`None`).
pub(super) struct Entry(Option<Found>);

impl Metadata for Entry {
    fn is_dir(&self) -> bool {
        self.0.is_none()
    }

    fn modified(&self) -> io::Result<SystemTime> {
        let found = self.0.ok_or(ErrorKind::IsADirectory)?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(found.file.modified))
    }

    fn len(&self) -> u64 {
        self.0.map_or(0, Found::len)
    }
}

pub(super) struct OpenFile {
    found: Found,
    bytes: Cursor<Bytes>,
}

impl File for OpenFile {
    type Metadata = Entry;
    type MetadataFuture<'a> = Ready<io::Result<Self::Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(Entry(Some(self.found))))
    }
}

impl AsyncRead for OpenFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.bytes).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.bytes).poll_complete(context)
    }
}
