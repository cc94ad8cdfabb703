//! Detectors of 0, 1 and 2 dimensions.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use labwire_protocols::pymodaq::{
    Axis, DataClass, DataDim, DataToExport, DataWithAxes, Dtype, NdArray, Settings,
};
use labwire_service::module::Grabber;
use labwire_session::time::Instant;
use labwire_solve::math;

use super::{Entry, Noise, number, settings};

/// Longest exposure, in milliseconds.
const MAX_EXPOSURE: f64 = 60_000.0;
/// Largest number of pixels along a side.
const MAX_PIXELS: f64 = 8192.0;

/// Exposure in progress.
#[derive(Clone, Debug)]
struct Exposure {
    milliseconds: f64,
    until: Option<Instant>,
}

impl Exposure {
    fn new(milliseconds: f64) -> Self {
        Self {
            milliseconds,
            until: None,
        }
    }

    fn start(&mut self, now: Instant) {
        self.until = Some(now + Duration::from_secs_f64(self.milliseconds / 1000.0));
    }

    fn is_over(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    fn entry(&self) -> Entry<'static> {
        (
            "exposure",
            "Exposure (ms)",
            "float",
            self.milliseconds.to_string(),
        )
    }
}

/// Data as a PyMoDAQ plugin exports them: one item, to be plotted and saved.
fn exported(name: &str, mut data: DataWithAxes) -> DataToExport {
    data.extra_attributes = ["do_plot", "do_save"]
        .map(|name| (name.to_string(), true.into()))
        .into();
    DataToExport::new(name, data.timestamp, [data].into())
}

/// 0D detector: a level with white noise, in volts.
#[derive(Clone, Debug)]
pub struct NoiseMeter {
    noise: Noise,
    exposure: Exposure,
    level: f64,
    deviation: f64,
}

impl NoiseMeter {
    /// Creates a meter at a level of 1 V with a noise of 0.1 V.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed),
            exposure: Exposure::new(10.0),
            level: 1.0,
            deviation: 0.1,
        }
    }
}

impl Grabber for NoiseMeter {
    fn settings(&self) -> Settings {
        settings(&[
            self.exposure.entry(),
            ("level", "Level (V)", "float", self.level.to_string()),
            (
                "deviation",
                "Standard deviation (V)",
                "float",
                self.deviation.to_string(),
            ),
        ])
    }

    fn configure(&mut self, _now: Instant, settings: &Settings) -> Result<(), String> {
        let exposure = number(settings, "exposure", 0.0, MAX_EXPOSURE)?;
        let level = number(settings, "level", -1e6, 1e6)?;
        self.deviation = number(settings, "deviation", 0.0, 1e6)?;
        (self.exposure.milliseconds, self.level) = (exposure, level);
        Ok(())
    }

    fn start(&mut self, now: Instant, _dim: DataDim) {
        self.exposure.start(now);
    }

    fn poll(&mut self, now: Instant, timestamp: f64) -> Option<Result<DataToExport, String>> {
        if !self.exposure.is_over(now) {
            return None;
        }
        let value = self.level + self.deviation * self.noise.normal();
        let data = [NdArray::vector(&[value])].into();
        let mut data = DataWithAxes::new(DataClass::DataFromPlugins, "voltage", timestamp, data);
        data.units = "V".into();
        Some(Ok(exported("noise meter", data)))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.exposure.until
    }
}

/// 1D detector: three lines on a background over a wavelength axis, with shot noise, in counts.
#[derive(Clone, Debug)]
pub struct Spectrometer {
    noise: Noise,
    exposure: Exposure,
    pixels: usize,
}

impl Spectrometer {
    /// Creates a spectrometer with 1024 pixels from 400 to 800 nm.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed),
            exposure: Exposure::new(50.0),
            pixels: 1024,
        }
    }
}

/// Expected counts at a wavelength in nm during 50 ms.
fn expected(wavelength: f64) -> f64 {
    let line = |center: f64, width: f64, height: f64| {
        let distance = (wavelength - center) / width;
        height * math::exp(-0.5 * distance * distance)
    };
    20.0 + line(486.1, 2.0, 300.0) + line(587.6, 3.0, 150.0) + line(656.3, 2.5, 900.0)
}

impl Grabber for Spectrometer {
    fn settings(&self) -> Settings {
        settings(&[
            self.exposure.entry(),
            ("pixels", "Pixels", "int", self.pixels.to_string()),
        ])
    }

    fn configure(&mut self, _now: Instant, settings: &Settings) -> Result<(), String> {
        let pixels = number(settings, "pixels", 2.0, MAX_PIXELS)?;
        self.exposure.milliseconds = number(settings, "exposure", 0.0, MAX_EXPOSURE)?;
        self.pixels = pixels as usize;
        Ok(())
    }

    fn start(&mut self, now: Instant, _dim: DataDim) {
        self.exposure.start(now);
    }

    fn poll(&mut self, now: Instant, timestamp: f64) -> Option<Result<DataToExport, String>> {
        if !self.exposure.is_over(now) {
            return None;
        }
        let step = 400.0 / (self.pixels - 1) as f64;
        let wavelengths: Vec<f64> = (0..self.pixels)
            .map(|pixel| 400.0 + step * pixel as f64)
            .collect();
        let gain = self.exposure.milliseconds / 50.0;
        let counts = |&wavelength: &f64| {
            let expected = gain * expected(wavelength);
            math::max(expected + math::sqrt(expected) * self.noise.normal(), 0.0)
        };
        let counts: Vec<f64> = wavelengths.iter().map(counts).collect();
        let data = [NdArray::vector(&counts)].into();
        let mut data = DataWithAxes::new(DataClass::DataFromPlugins, "spectrum", timestamp, data);
        data.units = "count".into();
        data.axes = [Axis::new("wavelength", "nm", NdArray::vector(&wavelengths), 0)].into();
        Some(Ok(exported("spectrometer", data)))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.exposure.until
    }
}

/// 2D detector: a round spot drifting over a noisy background, 12 bits in `u16`, with axes in micrometres.
#[derive(Clone, Debug)]
pub struct Camera {
    noise: Noise,
    exposure: Exposure,
    width: usize,
    height: usize,
    /// Position of the spot, in fractions of the sides.
    spot: (f64, f64),
}

/// Pixel size in micrometres.
const PIXEL_SIZE: f64 = 5.5;

impl Camera {
    /// Creates a camera with `width` x `height` pixels (1 to 8192 each).
    #[must_use]
    pub fn new(seed: u64, width: usize, height: usize) -> Self {
        let side = |pixels: usize| pixels.clamp(1, MAX_PIXELS as usize);
        Self {
            noise: Noise::new(seed),
            exposure: Exposure::new(20.0),
            width: side(width),
            height: side(height),
            spot: (0.5, 0.5),
        }
    }

    fn image(&mut self) -> NdArray {
        let mut wander = |place: f64| math::clamp(place + 0.02 * self.noise.normal(), 0.1, 0.9);
        self.spot = (wander(self.spot.0), wander(self.spot.1));
        let radius = 0.08 * self.width.min(self.height) as f64;
        let profile = |center: f64, pixels: usize| -> Vec<f64> {
            let distance = |pixel: usize| (pixel as f64 - center * pixels as f64) / radius;
            (0..pixels)
                .map(|pixel| math::exp(-0.5 * distance(pixel) * distance(pixel)))
                .collect()
        };
        let (columns, rows) = (
            profile(self.spot.0, self.width),
            profile(self.spot.1, self.height),
        );
        let height = math::min(3000.0 * self.exposure.milliseconds / 20.0, 4000.0);
        let mut data = Vec::with_capacity(2 * self.width * self.height);
        for row in &rows {
            let height = height * row;
            // 5 bits of background per pixel, 12 pixels per random number.
            for columns in columns.chunks(12) {
                let mut bits = self.noise.bits();
                for column in columns {
                    let pixel = (height * column) as u16 + (bits & 31) as u16;
                    data.extend_from_slice(&pixel.to_le_bytes());
                    bits >>= 5;
                }
            }
        }
        let shape = [self.height, self.width].into();
        NdArray::new(Dtype::U16, shape, data).unwrap_or_else(|_| NdArray::vector::<u16>(&[]))
    }
}

impl Grabber for Camera {
    fn settings(&self) -> Settings {
        settings(&[
            self.exposure.entry(),
            ("width", "Width (pixels)", "int", self.width.to_string()),
            ("height", "Height (pixels)", "int", self.height.to_string()),
        ])
    }

    fn configure(&mut self, _now: Instant, settings: &Settings) -> Result<(), String> {
        let width = number(settings, "width", 1.0, MAX_PIXELS)?;
        let height = number(settings, "height", 1.0, MAX_PIXELS)?;
        self.exposure.milliseconds = number(settings, "exposure", 0.0, MAX_EXPOSURE)?;
        (self.width, self.height) = (width as usize, height as usize);
        Ok(())
    }

    fn start(&mut self, now: Instant, _dim: DataDim) {
        self.exposure.start(now);
    }

    fn poll(&mut self, now: Instant, timestamp: f64) -> Option<Result<DataToExport, String>> {
        if !self.exposure.is_over(now) {
            return None;
        }
        let data = [self.image()].into();
        let mut data = DataWithAxes::new(DataClass::DataFromPlugins, "image", timestamp, data);
        let axis = |label, pixels: usize, index| {
            let coordinates: Vec<f64> = (0..pixels).map(|pixel| PIXEL_SIZE * pixel as f64).collect();
            Axis::new(label, "um", NdArray::vector(&coordinates), index)
        };
        data.units = "count".into();
        data.axes = [axis("y", self.height, 0), axis("x", self.width, 1)].into();
        Some(Ok(exported("camera", data)))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.exposure.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grab(grabber: &mut dyn Grabber) -> DataToExport {
        grabber.start(Instant::ZERO, DataDim::Data2D);
        assert!(grabber.poll(Instant::ZERO, 0.0).is_none());
        let due = grabber.poll_timeout().unwrap();
        let data = grabber.poll(due, 1.0).unwrap().unwrap();
        assert_eq!((grabber.poll(due, 1.0), grabber.poll_timeout()), (None, None));
        data
    }

    fn values(data: &DataToExport) -> Vec<f64> {
        data.arrays()
            .flat_map(NdArray::values)
            .map(Option::unwrap)
            .collect()
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(grab(&mut NoiseMeter::new(3)), grab(&mut NoiseMeter::new(3)));
        assert_ne!(grab(&mut NoiseMeter::new(3)), grab(&mut NoiseMeter::new(4)));
    }

    #[test]
    fn noise_has_its_mean_and_deviation() {
        let mut meter = NoiseMeter::new(1);
        let samples: Vec<f64> = (0..4000).map(|_| values(&grab(&mut meter))[0]).collect();
        let mean = samples.iter().sum::<f64>() / 4000.0;
        let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4000.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((math::sqrt(variance) - 0.1).abs() < 0.005, "{variance}");
    }

    #[test]
    fn the_strongest_line_is_where_it_should_be() {
        let spectrum = grab(&mut Spectrometer::new(1));
        let counts = values(&spectrum);
        let highest = (0..counts.len())
            .max_by(|&a, &b| counts[a].total_cmp(&counts[b]))
            .unwrap();
        let wavelength = spectrum.data[0].axes[0].data.value(highest).unwrap();
        assert!((wavelength - 656.3).abs() < 3.0, "{wavelength}");
    }

    #[test]
    fn an_image_has_its_size_and_a_spot() {
        let mut camera = Camera::new(1, 100, 60);
        let image = grab(&mut camera);
        assert_eq!(image.data[0].data[0].shape(), [60, 100]);
        assert_eq!(image.data[0].dim, DataDim::Data2D);
        let values = values(&image);
        let bright = values.iter().filter(|&&value| value > 1500.0).count();
        assert!(bright > 10 && bright < 600, "{bright}");
        assert!(values.iter().all(|&value| value < 4096.0));
    }

    #[test]
    fn settings_are_checked() {
        let mut camera = Camera::new(1, 100, 60);
        let mut changed = camera.settings();
        changed.set_value(&["width"], "0").unwrap();
        let error = camera.configure(Instant::ZERO, &changed).unwrap_err();
        assert_eq!(error, "width must be a number from 1 to 8192, not \"0\"");
        changed.set_value(&["width"], "20").unwrap();
        camera.configure(Instant::ZERO, &changed).unwrap();
        assert_eq!(grab(&mut camera).data[0].data[0].shape(), [60, 20]);
    }
}
