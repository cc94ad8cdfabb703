//! Names of time limits and size limits, as configurations, logs and error texts spell them.

use core::fmt;

/// An enumeration whose variants have names; [`Other`](Timer::Other) is for those of a single protocol or service.
macro_rules! names {
    ($(#[$about:meta])* $Type:ident { $($(#[$doc:meta])* $Variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $Type {
            $($(#[$doc])* $Variant,)*
            /// Name that belongs to a single protocol or service.
            Other(&'static str),
        }

        impl $Type {
            /// The name, as in the configuration.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Variant => $name,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl fmt::Display for $Type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.name())
            }
        }
    };
}

names! {
    /// Purpose of a timer.
    Timer {
        /// The next attempt to connect: `backoff`.
        Backoff = "backoff",
        /// The end of an attempt to connect: `connect-timeout`.
        ConnectTimeout = "connect-timeout",
        /// The end of a kept-open connection that says nothing: `idle-timeout`.
        IdleTimeout = "idle-timeout",
        /// The end of discarding input after our FIN: `linger-time`.
        LingerTime = "linger-time",
        /// The end of the wait for the rest of a message, or for a reply: `request-timeout`.
        RequestTimeout = "request-timeout",
        /// The first request on a new connection: `settle-time`.
        SettleTime = "settle-time",
        /// The first attempt to connect: `start`.
        Start = "start",
        /// The end of a connection whose peer does not read: `write-timeout`.
        WriteTimeout = "write-timeout",
    }
}

names! {
    /// Quantity that a limit bounds.
    Limit {
        /// The length of a message: `message-bytes`.
        MessageBytes = "message-bytes",
        /// The nesting of a message's values: `message-depth`.
        MessageDepth = "message-depth",
        /// The number of values in a message: `message-values`.
        MessageValues = "message-values",
    }
}
