//! The names that a host crate gives to what stands here.

/// Everything that is the same on every runtime, with the runtime filled in: `labwire_host::surface!(crate::MyRuntime);`
/// at the top of a host crate.
#[macro_export]
macro_rules! surface {
    ($runtime:ty) => {
        pub use $crate::{
            Application, Attached, AwaitedRegistry, Blocking, BlockingGrabber, Caller, ClientError,
            ClientOptions, ClientSession, Clock, CloseWith, ControlError, Dial, Dialing, Driven, Ending,
            Forbidden, HostedService, NoReply, ObeClient, Pending, PosteriorFolder, Refused, Runtime, Signal,
            Statistics, Transport, WebAccess, ZeissClient, dial, drive, drive_connector,
        };

        /// A service and everything attached to it.
        pub type Host<S> = $crate::Host<S, $runtime>;

        /// Calls one OpEn server.
        pub type OptimizerClient = $crate::OptimizerClient<$runtime>;

        /// Uses PyMoDAQ modules in the process that serves them.
        pub type Modules = $crate::Modules<$runtime>;

        /// Uses the PyMoDAQ modules of a server, from another process.
        pub type ModuleController = $crate::ModuleController<$runtime>;

        /// A WebSocket over TCP as a byte stream of messages.
        pub type MessageStream = $crate::MessageStream<$runtime, <$runtime as $crate::Runtime>::Stream>;

        /// A WebSocket over TCP that carries the bytes of a TCP connection.
        pub type WebSocketBytes = $crate::WebSocketBytes<$runtime, <$runtime as $crate::Runtime>::Stream>;

        /// Connections to lab devices that heal themselves, and devices that are not there.
        pub mod device {
            pub use $crate::{DeviceError, DeviceOptions, DeviceStatus, Keepalive};

            /// A connection to one device, which heals itself.
            pub type DeviceConnection = $crate::DeviceConnection<$runtime>;

            /// Connects to one address by TCP; a name is looked up at every attempt.
            pub type TcpDialer = $crate::TcpDialer<$runtime>;

            /// A device that is not there, on a port that is.
            pub type DeviceEmulator = $crate::DeviceEmulator<$runtime>;
        }

        pub use $crate::zeiss;
    };
}
