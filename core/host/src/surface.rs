//! Short names for a host crate.

/// Defines a macro that keeps its items with the feature and drops them without it. A `cfg` inside [`surface!`] would
/// ask for the features of the crate that calls it.
// rustfmt indents the inner macros once more at every run.
#[rustfmt::skip]
macro_rules! gate {
    ($d:tt $name:ident $feature:literal) => {
        #[cfg(feature = $feature)]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ($d($d item:item)*) => { $d($d item)* };
        }

        #[cfg(not(feature = $feature))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ($d($d item:item)*) => {};
        }
    };
}

gate!($ if_device "device");
gate!($ if_files "files");
gate!($ if_obe "obe");
gate!($ if_open "open");
gate!($ if_pymodaq "pymodaq");
gate!($ if_tls "tls");
gate!($ if_websocket "websocket");
gate!($ if_zeiss "zeiss");

/// Exports everything that is the same on every runtime and that this crate's features include, with the runtime
/// filled in: `labwire_host::surface!(crate::MyRuntime);` at the top of a host crate.
#[macro_export]
macro_rules! surface {
    ($runtime:ty) => {
        pub use $crate::{
            Application, Attached, Caller, ClientSession, Clock, Dial, Dialing, Driven, Ending,
            HostedService, Memory, NoReply, Peers, Pending, PortSecurity, Refused, Remote, RemoteError,
            Runtime, Signal, Statistics, Transport, dial, drive, drive_connector,
        };

        /// A TCP connection that may be encrypted.
        pub type MaybeTls = $crate::MaybeTls<$runtime, <$runtime as $crate::Runtime>::Stream>;

        $crate::if_tls! {
            pub use $crate::{Authorities, Identity, TlsAcceptor, TlsConnector, TlsError};
        }

        /// Host of one service and its connections.
        pub type Host<S> = $crate::Host<S, $runtime>;

        $crate::if_open! {
            pub use $crate::{ClientError, ClientSettings};

            /// Client of one OpEn server.
            pub type OptimizerClient = $crate::OptimizerClient<$runtime>;
        }

        $crate::if_obe! {
            pub use $crate::ObeClient;
        }

        $crate::if_pymodaq! {
            pub use $crate::{AwaitedRegistry, Blocking, BlockingGrabber, ControlError};

            /// Handle of the PyMoDAQ modules in the process that serves them.
            pub type Modules = $crate::Modules<$runtime>;

            /// Controller of the PyMoDAQ modules of a server, from another process.
            pub type ModuleController = $crate::ModuleController<$runtime>;
        }

        $crate::if_websocket! {
            pub use $crate::{CloseWith, Forbidden, WebAccess};

            /// A WebSocket over TCP as a byte stream of messages.
            pub type MessageStream = $crate::MessageStream<$runtime, <$runtime as $crate::Runtime>::Stream>;

            /// A WebSocket over TCP that carries the bytes of a TCP connection.
            pub type WebSocketBytes =
                $crate::WebSocketBytes<$runtime, <$runtime as $crate::Runtime>::Stream>;
        }

        $crate::if_device! {
            /// Self-healing connections to lab devices, and emulated devices.
            pub mod device {
                pub use $crate::{DeviceError, DeviceSettings, DeviceStatus, Keepalive};

                /// Self-healing connection to one device.
                pub type DeviceConnection = $crate::DeviceConnection<$runtime>;

                /// Dialer of one TCP address; a host name is resolved at every attempt.
                pub type TcpDialer = $crate::TcpDialer<$runtime>;

                /// Emulated device on a real port.
                pub type DeviceEmulator = $crate::DeviceEmulator<$runtime>;
            }
        }

        $crate::if_files! {
            pub use $crate::{AppendFile, PosteriorFolder, RunFolder, replace_file, utc_now};
        }

        $crate::if_zeiss! {
            pub use $crate::ZeissClient;

            $crate::if_files! {
                pub use $crate::zeiss;
            }
        }
    };
}
