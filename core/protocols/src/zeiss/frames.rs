//! Framing of texts on either transport.

use labwire_session::framing::length32::Length32;
use labwire_session::framing::until::{Search, Until};
use labwire_session::framing::{FrameError, Framing};

use super::{END_OF_REQUEST, Transport};

/// Framing of the texts in one direction of a connection.
#[derive(Debug)]
pub(super) enum Frames {
    /// Over TCP a request ends with Ctrl-D, or with the stream.
    Request(Search),
    /// Over TCP the answer ends with the stream.
    Answer,
    /// Over WebSocket texts are messages.
    Messages(Length32),
}

impl Frames {
    pub(super) fn of_requests(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Request(Search::new(Until::delimiter([END_OF_REQUEST]))),
            Transport::WebSocket => Self::Messages(Length32),
        }
    }

    pub(super) fn of_answers(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Self::Answer,
            Transport::WebSocket => Self::Messages(Length32),
        }
    }
}

impl Framing for Frames {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        match self {
            Self::Request(search) => search.find(bytes),
            Self::Answer => Ok(None),
            Self::Messages(messages) => messages.find(bytes),
        }
    }

    fn envelope(&self) -> (usize, usize) {
        match self {
            Self::Request(_) => (0, 1),
            Self::Answer => (0, 0),
            Self::Messages(messages) => messages.envelope(),
        }
    }
}
