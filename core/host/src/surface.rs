//! Short names for a host crate.

/// Exports everything that is the same on every runtime, with the runtime filled in:
/// `labwire_host::surface!(crate::MyRuntime);` at the top of a host crate.
#[macro_export]
macro_rules! surface {
    ($runtime:ty) => {
        pub use $crate::{
            Application, Attached, AwaitedRegistry, Blocking, BlockingGrabber, Caller, ClientError,
            ClientSession, ClientSettings, Clock, CloseWith, ControlError, Dial, Dialing, Driven, Ending,
            Forbidden, HostedService, NoReply, ObeClient, Pending, PosteriorFolder, Refused, Runtime, Signal,
            Statistics, Transport, WebAccess, ZeissClient, dial, drive, drive_connector,
        };

        /// Host of one service and its connections.
        pub type Host<S> = $crate::Host<S, $runtime>;

        /// Client of one OpEn server.
        pub type OptimizerClient = $crate::OptimizerClient<$runtime>;

        /// Handle of the PyMoDAQ modules in the process that serves them.
        pub type Modules = $crate::Modules<$runtime>;

        /// Controller of the PyMoDAQ modules of a server, from another process.
        pub type ModuleController = $crate::ModuleController<$runtime>;

        /// A WebSocket over TCP as a byte stream of messages.
        pub type MessageStream = $crate::MessageStream<$runtime, <$runtime as $crate::Runtime>::Stream>;

        /// A WebSocket over TCP that carries the bytes of a TCP connection.
        pub type WebSocketBytes = $crate::WebSocketBytes<$runtime, <$runtime as $crate::Runtime>::Stream>;

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

        pub use $crate::zeiss;
    };
}
