//! An app's logo: whatever was sent is decoded, scaled and encoded anew, so that nothing but the picture is kept.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};
use keyward_rules::limits::{LOGO_BYTES, LOGO_PIXELS};

/// Pixels of a side that are decoded at most.
const SIDE: u32 = 4_096;
/// Bytes that decoding may take.
const ROOM: u64 = 80 * 1024 * 1024;

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

/// The picture as a PNG of at most [`LOGO_PIXELS`] a side, without anything else that the file held.
///
/// # Errors
/// [`NotALogo`].
pub fn logo_of(file: &[u8]) -> Result<Vec<u8>, NotALogo> {
    if file.len() > LOGO_BYTES {
        return Err(NotALogo::TooLarge);
    }
    let mut reader =
        ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| NotALogo::Unreadable)?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(NotALogo::Unreadable);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(ROOM);
    reader.limits(limits);
    let picture = reader.decode().map_err(|_| NotALogo::Unreadable)?;
    let picture = picture.thumbnail(LOGO_PIXELS, LOGO_PIXELS).into_rgba8();
    let mut out = Vec::new();
    picture.write_to(&mut Cursor::new(&mut out), ImageFormat::Png).map_err(|_| NotALogo::Unreadable)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbaImage};

    use super::{NotALogo, logo_of};

    fn png(side: u32) -> Vec<u8> {
        let mut out = Vec::new();
        RgbaImage::from_pixel(side, side, image::Rgba([10, 200, 30, 255]))
            .write_to(&mut Cursor::new(&mut out), ImageFormat::Png)
            .unwrap();
        out
    }

    #[test]
    fn a_picture_comes_back_smaller_and_bare() {
        let mut sent = png(300);
        // A text chunk somebody hid in front of the end.
        let end = sent.len() - 12;
        let chunk = [&14_u32.to_be_bytes()[..], b"tEXtcomment\0hid", &0x1234_5678_u32.to_be_bytes()].concat();
        sent.splice(end..end, chunk);
        let made = logo_of(&png(300)).unwrap();
        assert_eq!(image::load_from_memory(&made).unwrap().width(), 128);
        if let Ok(made) = logo_of(&sent) {
            assert!(!made.windows(7).any(|window| window == b"comment"));
        }
    }

    #[test]
    fn what_was_made_stays_as_it_is_when_it_comes_again() {
        let noise = RgbaImage::from_fn(200, 90, |x, y| {
            let byte = |salt: u32| (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729) ^ salt).to_be_bytes()[3];
            image::Rgba([byte(1), byte(77), byte(200), byte(13)])
        });
        let mut sent = Vec::new();
        noise.write_to(&mut Cursor::new(&mut sent), ImageFormat::Png).unwrap();
        for sent in [sent, png(300), png(8)] {
            let made = logo_of(&sent).unwrap();
            assert_eq!(logo_of(&made).unwrap(), made);
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert_eq!(logo_of(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(b""), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(b"GIF89a\x01\0\x01\0\0\0\0;"), Err(NotALogo::Unreadable));
        assert_eq!(logo_of(&vec![0; 600_000]), Err(NotALogo::TooLarge));
        assert_eq!(logo_of(&png(40)[..30]), Err(NotALogo::Unreadable));
        // Few bytes that claim many pixels.
        let mut bomb = png(8);
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert_eq!(logo_of(&bomb), Err(NotALogo::Unreadable));
    }
}
