//! Pixel image as a drawing backend. Its letters are bitmaps, so that no font has to be installed.

use std::convert::Infallible;

use embedded_graphics::mono_font::iso_8859_1::{FONT_7X13, FONT_9X18};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind};

/// Size from which letters are drawn in the larger font.
const LARGE: f64 = 14.0;

/// Pixels of 3 bytes each, by rows.
pub(super) struct Pixels {
    size: (u32, u32),
    bytes: Vec<u8>,
}

impl Pixels {
    pub(super) fn new(size: (u32, u32)) -> Self {
        let bytes = vec![0; 3 * size.0 as usize * size.1 as usize];
        Self { size, bytes }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Blends a colour over a pixel; pixels outside are ignored.
    fn mix(&mut self, (x, y): (i32, i32), colour: [u8; 3], share: f64) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if x >= self.size.0 || y >= self.size.1 {
            return;
        }
        let start = 3 * (y as usize * self.size.0 as usize + x as usize);
        for (old, new) in self.bytes[start..start + 3].iter_mut().zip(colour) {
            *old = (f64::from(*old) * (1.0 - share) + f64::from(new) * share).round() as u8;
        }
    }
}

impl OriginDimensions for Pixels {
    fn size(&self) -> Size {
        Size::new(self.size.0, self.size.1)
    }
}

impl DrawTarget for Pixels {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, colour) in pixels {
            self.mix((point.x, point.y), [colour.r(), colour.g(), colour.b()], 1.0);
        }
        Ok(())
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for &mut Pixels {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> Drawn {
        self.mix(point, [colour.rgb.0, colour.rgb.1, colour.rgb.2], colour.alpha);
        Ok(())
    }

    /// Upright only: no rotated text is drawn on pixels.
    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let (red, green, blue) = style.color().rgb;
        let letters = MonoTextStyle::new(font(style), Rgb888::new(red, green, blue));
        let anchor = style.anchor();
        let place = TextStyleBuilder::new()
            .alignment(match anchor.h_pos {
                HPos::Left => Alignment::Left,
                HPos::Center => Alignment::Center,
                HPos::Right => Alignment::Right,
            })
            .baseline(match anchor.v_pos {
                VPos::Top => Baseline::Top,
                VPos::Center => Baseline::Middle,
                VPos::Bottom => Baseline::Bottom,
            })
            .build();
        // Cannot fail.
        let _ = Text::with_text_style(text, Point::new(x, y), letters, place).draw(*self);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let letter = font(style).character_size;
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Ok((letter.width.saturating_mul(count), letter.height))
    }
}

fn font(style: &impl BackendTextStyle) -> &'static MonoFont<'static> {
    if style.size() >= LARGE {
        &FONT_9X18
    } else {
        &FONT_7X13
    }
}
