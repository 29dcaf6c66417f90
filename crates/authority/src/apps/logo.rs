//! An app's logo: every picture is decoded, scaled down and encoded anew, so that only its pixels are kept.

use std::io::Cursor;
use std::ops::Range;

use keyward_rules::limits::{LOGO_BYTES, LOGO_PIXELS};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels of a side that are decoded at most.
const SIDE: usize = 1_024;
/// Bytes that decoding may take.
const ROOM: usize = 8 * 1024 * 1024;
/// Red, green, blue and alpha.
const CHANNELS: usize = 4;

/// Why a file is no logo.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotALogo {
    /// Too many bytes.
    #[error("a logo has at most {} KiB", LOGO_BYTES / 1024)]
    TooLarge,
    /// Not one of the two formats, broken, or too many pixels.
    #[error("a logo is a PNG or JPEG picture of at most {SIDE} pixels a side")]
    Unreadable,
}

/// A file of which only the head was read: its format and its size in pixels are right. Decoding it takes a core, so that
/// comes after the factor, and in a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentPicture(Vec<u8>);

impl SentPicture {
    /// Looks at a file.
    ///
    /// # Errors
    /// [`NotALogo`].
    pub fn look(file: Vec<u8>) -> Result<Self, NotALogo> {
        if file.len() > LOGO_BYTES {
            return Err(NotALogo::TooLarge);
        }
        let size = match file.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => png_decoder(&file).read_header_info().ok().map(png::Info::size),
            [0xff, 0xd8, 0xff, ..] => jpeg_size(&file),
            _ => None,
        };
        let fits = |side: u32| usize::try_from(side).is_ok_and(|side| side <= SIDE);
        match size {
            Some((width, height)) if fits(width) && fits(height) => Ok(Self(file)),
            Some(_) | None => Err(NotALogo::Unreadable),
        }
    }

    /// The file as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The picture as a PNG of at most [`LOGO_PIXELS`] a side, without anything else that the file held.
    ///
    /// # Errors
    /// [`NotALogo::Unreadable`].
    pub fn to_logo(&self) -> Result<Vec<u8>, NotALogo> {
        let picture = match self.0.as_slice() {
            [0x89, ..] => Picture::from_png(&self.0),
            _ => Picture::from_jpeg(&self.0),
        };
        let picture = picture.and_then(|picture| picture.fitted(LOGO_PIXELS as usize));
        picture.and_then(|picture| picture.to_png()).ok_or(NotALogo::Unreadable)
    }
}

fn png_decoder(file: &[u8]) -> png::Decoder<Cursor<&[u8]>> {
    png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes: ROOM })
}

fn jpeg_decoder(file: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default().set_max_width(SIDE).set_max_height(SIDE);
    JpegDecoder::new_with_options(ZCursor::new(file), options.jpeg_set_out_colorspace(ColorSpace::RGBA))
}

fn jpeg_size(file: &[u8]) -> Option<(u32, u32)> {
    let mut decoder = jpeg_decoder(file);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?))
}

/// Pixels in rows, eight bits a channel.
struct Picture {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Picture {
    fn from_png(file: &[u8]) -> Option<Self> {
        let mut decoder = png_decoder(file);
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().ok()?;
        let mut pixels = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut pixels).ok()?;
        pixels.truncate(frame.buffer_size());
        let rgba = match frame.color_type {
            png::ColorType::Rgba => pixels,
            png::ColorType::GrayscaleAlpha => pixels
                .as_chunks::<2>()
                .0
                .iter()
                .flat_map(|&[gray, alpha]| [gray, gray, gray, alpha])
                .collect(),
            png::ColorType::Grayscale | png::ColorType::Rgb | png::ColorType::Indexed => return None,
        };
        Self { width: frame.width as usize, height: frame.height as usize, rgba }.checked()
    }

    fn from_jpeg(file: &[u8]) -> Option<Self> {
        let mut decoder = jpeg_decoder(file);
        let rgba = decoder.decode().ok()?;
        let (width, height) = decoder.dimensions()?;
        Self { width, height, rgba }.checked()
    }

    fn checked(self) -> Option<Self> {
        let fits = self.width > 0 && self.height > 0 && self.width <= SIDE && self.height <= SIDE;
        (fits && self.rgba.len() == self.width * self.height * CHANNELS).then_some(self)
    }

    /// The same picture with at most `side` pixels a side; a smaller one stays as it is.
    fn fitted(self, side: usize) -> Option<Self> {
        let longest = self.width.max(self.height);
        if longest <= side {
            return Some(self);
        }
        let scaled = |length: usize| (length * side).div_ceil(longest);
        let (width, height) = (scaled(self.width), scaled(self.height));
        let mut rgba = Vec::with_capacity(width * height * CHANNELS);
        for y in 0..height {
            for x in 0..width {
                let columns = x * self.width / width..((x + 1) * self.width).div_ceil(width);
                let rows = y * self.height / height..((y + 1) * self.height).div_ceil(height);
                rgba.extend(self.mean(columns, rows)?);
            }
        }
        Self { width, height, rgba }.checked()
    }

    /// The mean colour of an area. Transparent pixels count for nothing, or their colour would bleed into the edge.
    fn mean(&self, columns: Range<usize>, rows: Range<usize>) -> Option<[u8; CHANNELS]> {
        let (mut sums, mut weight, mut count) = ([0_u64; 3], 0_u64, 0_u64);
        for row in rows {
            let at = (row * self.width + columns.start) * CHANNELS;
            let pixels = self.rgba.get(at..at + columns.len() * CHANNELS)?;
            for &[red, green, blue, alpha] in pixels.as_chunks::<CHANNELS>().0 {
                for (sum, channel) in sums.iter_mut().zip([red, green, blue]) {
                    *sum += u64::from(channel) * u64::from(alpha);
                }
                weight += u64::from(alpha);
                count += 1;
            }
        }
        let rounded = |sum: u64, by: u64| u8::try_from((sum + by / 2).checked_div(by).unwrap_or(0)).ok();
        let [red, green, blue] = sums.map(|sum| rounded(sum, weight));
        Some([red?, green?, blue?, rounded(weight, count)?])
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder =
            png::Encoder::new(&mut out, u32::try_from(self.width).ok()?, u32::try_from(self.height).ok()?);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.rgba).ok()?;
        writer.finish().ok()?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{NotALogo, Picture, SentPicture};

    fn logo_of(file: &[u8]) -> Result<Vec<u8>, NotALogo> {
        SentPicture::look(file.to_vec())?.to_logo()
    }

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Vec<u8> {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgba = places.flat_map(|(x, y)| pixel(x, y)).collect();
        Picture { width, height, rgba }.to_png().unwrap()
    }

    fn png(side: usize) -> Vec<u8> {
        picture(side, side, |_, _| [10, 200, 30, 255])
    }

    fn noise(width: usize, height: usize) -> Vec<u8> {
        picture(width, height, |x, y| {
            [1, 77, 200, 13].map(|salt: usize| ((x * 7_919) ^ (y * 104_729) ^ salt).to_be_bytes()[7])
        })
    }

    fn read(file: &[u8]) -> Picture {
        Picture::from_png(file).unwrap()
    }

    #[test]
    fn a_picture_comes_back_smaller_and_bare() {
        let made = read(&logo_of(&png(300)).unwrap());
        assert_eq!((made.width, made.height), (128, 128));
        assert!(made.rgba.as_chunks::<4>().0.iter().all(|pixel| *pixel == [10, 200, 30, 255]));
        let made = read(&logo_of(&noise(500, 90)).unwrap());
        assert_eq!((made.width, made.height), (128, 24));

        let mut with_text = Vec::new();
        let mut encoder = png::Encoder::new(&mut with_text, 2, 1);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.add_text_chunk("comment".to_owned(), "hidden".to_owned()).unwrap();
        encoder.write_header().unwrap().write_image_data(&[0, 255]).unwrap();
        assert!(with_text.windows(6).any(|window| window == b"hidden"));
        let made = logo_of(&with_text).unwrap();
        assert!(!made.windows(6).any(|window| window == b"hidden"));
        assert_eq!(read(&made).rgba, [0, 0, 0, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn an_area_becomes_its_mean_and_transparent_pixels_lend_no_colour() {
        let quarters = picture(256, 2, |x, _| if x % 2 == 0 { [200, 0, 0, 255] } else { [0, 0, 100, 255] });
        assert_eq!(read(&logo_of(&quarters).unwrap()).rgba[..4], [100, 0, 50, 255]);
        let edge = picture(256, 2, |x, _| if x % 2 == 0 { [200, 0, 0, 255] } else { [0, 250, 0, 0] });
        assert_eq!(read(&logo_of(&edge).unwrap()).rgba[..4], [200, 0, 0, 128]);
    }

    #[test]
    fn what_was_made_stays_as_it_is_when_it_comes_again() {
        for sent in [noise(200, 90), png(300), png(8), noise(1, 1_024)] {
            let made = logo_of(&sent).unwrap();
            assert_eq!(logo_of(&made).unwrap(), made);
        }
    }

    #[test]
    fn a_jpeg_is_a_picture_too() {
        let made = read(&logo_of(include_bytes!("../../testdata/logo.jpg")).unwrap());
        assert_eq!((made.width, made.height), (128, 64));
        let [left, right] = [0, made.rgba.len() - 4].map(|at| &made.rgba[at..at + 3]);
        assert!(left[0] > 200 && left[2] < 50, "{left:?}");
        assert!(right[2] > 200 && right[0] < 50, "{right:?}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert_eq!(logo_of(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(b""), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(b"GIF89a\x01\0\x01\0\0\0\0;"), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(&vec![0; 600_000]), Err(NotALogo::TooLarge));
        assert_eq!(logo_of(&png(40)[..30]), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(&include_bytes!("../../testdata/logo.jpg")[..100]), Err(NotALogo::Unreadable));
        // Few bytes with many pixels.
        assert_eq!(logo_of(&picture(1_025, 1, |_, _| [0; 4])), Err(NotALogo::Unreadable));
        let bomb = picture(1_024, 1_024, |_, _| [0; 4]);
        assert!(bomb.len() < 512 * 1024 && logo_of(&bomb).is_ok(), "the largest picture");
    }
}
