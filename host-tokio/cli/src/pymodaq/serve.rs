//! `labwire pymodaq serve`: the PyMoDAQ server alone.

use std::path::PathBuf;

use toml::Value;

use crate::config::{ConfigArgument, Layers};
use crate::failure::{Failure, Outcome};
use crate::serve;
use crate::serve::access::Access;
use crate::serve::reload::{Again, Source};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Address for modules to connect to: host:port, port 0 for any free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Listening instrument to connect to; repeat for several.
    #[arg(long, value_name = "HOST:PORT")]
    connect: Vec<String>,
    /// Release of PyMoDAQ of every module, such as 1.6 or 4.2, its generation (g1, g2, g2b, g3a, g3b, g3c, g4), or auto
    /// to detect it.
    #[arg(long, value_name = "NAME")]
    generation: Option<String>,
    /// Write the address to this file, as JSON, once it listens.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let ready_file = arguments.ready_file.clone();
    let has_file = arguments.config.file().is_some();
    let source = Source {
        layers: arguments.layers()?,
        again: has_file.then(|| -> Again { Box::new(move || arguments.layers()) }),
    };
    serve::run_with(source, Some(&["pymodaq".to_owned()]), ready_file)
}

impl Arguments {
    fn layers(&self) -> Result<Layers, Failure> {
        let mut layers = self.config.layers()?;
        self.apply(&mut layers)?;
        Ok(layers)
    }

    fn apply(&self, layers: &mut Layers) -> Result<(), Failure> {
        let texts = [
            ("--listen", "address", &self.listen),
            ("--generation", "generation", &self.generation),
        ];
        for (flag, key, text) in texts {
            if let Some(text) = text {
                layers.set(flag, "pymodaq", key, Value::String(text.clone()))?;
            }
        }
        if !self.connect.is_empty() {
            layers.set("--connect", "pymodaq", "connect", self.connect.clone().into())?;
        }
        self.access.apply(layers)
    }
}
