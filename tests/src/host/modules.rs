//! PyMoDAQ servers, instruments and controllers over real sockets.

use std::future::{Future, pending};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use futures_lite::future::{or, zip};
use labwire_core::limits::HostLimits;
use labwire_core::pymodaq::{
    Answer, Command, DataClass, DataDim, DataToExport, DataWithAxes, Generation, Limits, ModuleAnswer,
    NdArray,
};
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::service::registry::{OperationError, Registry, RegistrySettings};
use labwire_core::session::Backoff;
use labwire_core::simulate::{Camera, NoiseMeter, Stage};
use labwire_host::{Blocking, BlockingGrabber, ModuleController, Modules, dial};

use super::Host;
use crate::peer::RawPeer;

fn instrument(name: &str, generation: Generation, hardware: Hardware) -> Instrument {
    let mut config = ModuleSettings::default();
    config.generation = generation;
    config.name = Some(name.to_owned());
    Instrument::new(hardware, config)
}

fn camera() -> Hardware {
    Hardware::Grabber(Box::new(Camera::new(1, 200, 100)))
}

fn stage() -> Hardware {
    Hardware::Actuator(Box::new(Stage::new()))
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(10), Duration::from_millis(50), 1)
}

fn registry<H: Host>() -> H {
    H::start(Registry::new(RegistrySettings::default()), HostLimits::default())
}

/// Runs an instrument that dials `address` until it is dropped.
async fn dialling<H: Host>(address: SocketAddr, instrument: Instrument) {
    let host = labwire_host::Host::<_, H::Runtime>::start("instrument", instrument, HostLimits::default());
    dial(&host, address, backoff()).await;
}

async fn controller<H: Host>(address: SocketAddr) -> ModuleController<H::Runtime> {
    ModuleController::connect(address, &Limits::default())
        .await
        .expect("the server listens")
}

async fn ask<R: labwire_host::Runtime>(
    controller: &ModuleController<R>,
    modules: &[&str],
    command: Command,
) -> Vec<ModuleAnswer> {
    let modules = modules.iter().map(|&name| name.to_owned()).collect();
    controller.ask(modules, command).await.expect("an answer")
}

/// Names of all modules, once there are `count` of them.
async fn names<R: labwire_host::Runtime>(controller: &ModuleController<R>, count: usize) -> Vec<String> {
    loop {
        let names: Vec<_> = ask(controller, &[], Command::List)
            .await
            .into_iter()
            .map(|answer| answer.module)
            .collect();
        if names.len() == count && names.iter().all(|name| !name.contains(':')) {
            return names;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Output of `foreground`, while `background` runs alongside it.
async fn while_running<T>(background: impl Future<Output = ()>, foreground: impl Future<Output = T>) -> T {
    let background = async {
        background.await;
        pending().await
    };
    or(foreground, background).await
}

/// Three instruments of three generations, a controller, and every command.
pub fn instruments_dial_in_and_controllers_use_them<H: Host>() {
    let host = registry::<H>();
    let address = host.address();
    host.block_on(async {
        let meter = Hardware::Grabber(Box::new(NoiseMeter::new(1)));
        let instruments = zip(
            dialling::<H>(address, instrument("meter", Generation::G2, meter)),
            zip(
                dialling::<H>(address, instrument("camera", Generation::G4, camera())),
                dialling::<H>(address, instrument("stage", Generation::G3c, stage())),
            ),
        );
        let background = async {
            instruments.await;
        };
        while_running(background, async {
            let controller = controller::<H>(address).await;
            let mut names = names(&controller, 3).await;
            names.sort();
            assert_eq!(names, ["camera", "meter", "stage"]);

            let grabbed = ask(&controller, &[], Command::Grab(None)).await;
            let mut sizes: Vec<usize> = grabbed
                .into_iter()
                .map(|answer| match answer.result {
                    Ok(Answer::Data(data)) => data.arrays().map(NdArray::len).sum(),
                    other => panic!("{other:?}"),
                })
                .collect();
            sizes.sort_unstable();
            assert_eq!(sizes, [1, 20_000]);

            // A stop overtakes the move it stops.
            let (moved, stopped) = zip(ask(&controller, &["stage"], Command::MoveAbs(40.0)), async {
                ask(&controller, &["stage"], Command::Position).await;
                ask(&controller, &[], Command::Stop).await
            })
            .await;
            assert!(
                moved[0]
                    .result
                    .as_ref()
                    .is_err_and(|error| error.starts_with("stopped at "))
            );
            let Ok(Answer::Position { value, units }) = &stopped[0].result else {
                panic!("{stopped:?}")
            };
            assert!(*value < 39.0 && units == "mm", "{value} {units}");

            let set = Command::Set {
                path: vec!["velocity".into()],
                value: "1e6".into(),
            };
            let set = ask(&controller, &["stage"], set).await;
            assert_eq!(set[0].result, Ok(Answer::Set { confirmed: true }));
            let moved = ask(&controller, &["stage"], Command::MoveAbs(-20.0)).await;
            let Ok(Answer::Position { value, .. }) = moved[0].result else {
                panic!("{moved:?}")
            };
            assert!((value + 19.995).abs() < 1e-9, "{value}");
        })
        .await;
    });
    assert_eq!(host.shutdown().cut, 0);
}

/// The program that owns the hardware listens; the server connects to it and gives orders from its own process.
pub fn a_server_dials_instruments_that_listen<H: Host>() {
    let host: H = H::start(
        instrument("stage", Generation::G3c, stage()),
        HostLimits::default(),
    );
    let address = host.address();
    host.block_on(async {
        let registry = Registry::new(RegistrySettings::default());
        let modules = Modules::<H::Runtime>::start("registry", registry, HostLimits::default());
        while_running(dial(modules.host(), address, backoff()), async {
            while modules.names().await != ["stage"] {
                thread::sleep(Duration::from_millis(1));
            }
            let moved = modules.order("stage", Command::MoveAbs(0.1)).await;
            assert!(matches!(moved, Ok(Answer::Position { .. })), "{moved:?}");
            let beyond = modules.order("stage", Command::MoveAbs(1000.0)).await;
            assert!(matches!(beyond, Err(OperationError::Refused(_))), "{beyond:?}");
            let grabbed = modules.grab("stage", None).await;
            assert_eq!(grabbed, Err(OperationError::WrongKind("ACTUATOR")));
            assert_eq!(modules.host().shutdown().await, 0);
            let gone = modules.order("stage", Command::Home).await;
            assert!(matches!(gone, Err(OperationError::Gone(_))), "{gone:?}");
        })
        .await;
    });
    host.shutdown();
}

/// An instrument identifies itself first, and again after its server has gone.
pub fn an_instrument_comes_back_to_its_server<H: Host>() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let server = thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().expect("the instrument");
            let mut hello = [0; 11];
            std::io::Read::read_exact(&mut stream, &mut hello).expect("an identification");
            assert_eq!(&hello, b"\0\0\0\x07GRABBER");
            // Bytes that it does not understand make it disconnect and come back.
            let _ = stream.write_all(&[0xff; 100]);
        }
    });
    let host = registry::<H>();
    host.block_on(async {
        let dialling = dialling::<H>(address, instrument("camera", Generation::G3c, camera()));
        let served = async {
            while !server.is_finished() {
                ask(&controller::<H>(host.address()).await, &[], Command::List).await;
            }
        };
        while_running(dialling, served).await;
    });
    server.join().expect("three identifications");
}

/// Driver that blocks its own thread.
pub fn a_driver_that_blocks_delays_nobody<H: Host>() {
    struct Slow;

    impl BlockingGrabber for Slow {
        fn grab(&mut self, dim: DataDim, timestamp: f64) -> Result<DataToExport, String> {
            if dim == DataDim::DataND {
                return Err("no such data".into());
            }
            thread::sleep(Duration::from_millis(20));
            let data = vec![NdArray::vector(&[1.0, 2.0])];
            let data = DataWithAxes::new(DataClass::DataRaw, "slow", timestamp, data);
            Ok(DataToExport::new("slow", timestamp, vec![data]))
        }
    }

    let host = registry::<H>();
    let address = host.address();
    host.block_on(async {
        let slow = Hardware::Grabber(Box::new(Blocking::new(Slow)));
        while_running(
            dialling::<H>(address, instrument("slow", Generation::G4, slow)),
            async {
                let controller = controller::<H>(address).await;
                names(&controller, 1).await;
                let grab = |dim| ask(&controller, &["slow"], Command::Grab(Some(dim)));
                let (grabbed, listed) =
                    zip(grab(DataDim::Data1D), ask(&controller, &[], Command::List)).await;
                assert!(matches!(&grabbed[0].result, Ok(Answer::Data(data)) if data.arrays().count() == 1));
                assert_eq!(listed.len(), 1);
                let refused = grab(DataDim::DataND).await;
                assert_eq!(refused[0].result, Err("the module says: no such data".into()));
            },
        )
        .await;
    });
}

/// Strangers that are silent, vanish or talk, and one that answers without having been asked.
pub fn strangers_cost_the_others_nothing<H: Host>() {
    let host = registry::<H>();
    let address = host.address();
    host.block_on(async {
        while_running(
            dialling::<H>(address, instrument("camera", Generation::G4, camera())),
            async {
                let controller = controller::<H>(address).await;
                names(&controller, 1).await;
                let silent = RawPeer::connect(address);
                let mut garbage = RawPeer::connect(address);
                garbage.send([0xff; 64]);
                let mut vanished = RawPeer::connect(address);
                vanished.send(b"\0\0\0\x07GRABBER\0\0\0\x04Don");
                drop(vanished);
                let mut reset = RawPeer::connect(address);
                reset.send(b"\0\0\0\x07GRABBER\0\0\0\x04Done\0\0");
                reset.reset();
                let mut unasked = RawPeer::connect(address);
                unasked.send(b"\0\0\0\x07GRABBER\0\0\0\x04Done\0\0\0\x01\0\0\0\x05array\0\0\0\x03|u1");
                for _ in 0..10 {
                    let grabbed = ask(&controller, &["camera"], Command::Grab(None)).await;
                    assert!(matches!(grabbed[0].result, Ok(Answer::Data(_))));
                }
                unasked.send(b"\0\0\0\x01\0\0\0\x01\0\0\0\x01\x07");
                loop {
                    let last = ask(&controller, &[], Command::Last).await;
                    assert_eq!(last.len(), 2, "the camera, and who was not asked");
                    if let Some(Ok(Answer::Data(data))) = last.last().map(|answer| answer.result.clone()) {
                        assert_eq!(data.arrays().next().and_then(|array| array.value(0)), Some(7.0));
                        break;
                    }
                }
                drop(silent);
            },
        )
        .await;
    });
    assert_eq!(host.shutdown().cut, 0);
}
