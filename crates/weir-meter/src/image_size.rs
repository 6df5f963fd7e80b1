//! The size of an image, from the first bytes of its file. Formats that vision models take: PNG, JPEG, GIF, WebP.

/// Width and height in pixels; `None` for anything else, and for bytes that end too early.
pub(crate) fn of(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some((be32(bytes, 16)?, be32(bytes, 20)?)),
        [b'G', b'I', b'F', b'8', ..] => Some((le16(bytes, 6)?, le16(bytes, 8)?)),
        [0xFF, 0xD8, rest @ ..] => jpeg(rest),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', chunk @ ..] => webp(chunk),
        _ => None,
    }
}

/// Walks the segments to the frame header.
fn jpeg(mut rest: &[u8]) -> Option<(u32, u32)> {
    loop {
        let [0xFF, marker, tail @ ..] = rest else { return None };
        match marker {
            0xFF => rest = &rest[1..],
            0xD0..=0xD8 | 0x01 => rest = tail,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((be16(tail, 5)?, be16(tail, 3)?));
            }
            _ => rest = tail.get(usize::try_from(be16(tail, 0)?).ok()?..)?,
        }
    }
}

fn webp(chunk: &[u8]) -> Option<(u32, u32)> {
    match chunk.get(..4)? {
        b"VP8 " => Some((le16(chunk, 14)? & 0x3FFF, le16(chunk, 16)? & 0x3FFF)),
        b"VP8L" => {
            let bits = le16(chunk, 9)? | le16(chunk, 11)? << 16;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => Some((le24(chunk, 12)? + 1, le24(chunk, 15)? + 1)),
        _ => None,
    }
}

fn byte(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at).copied().map(u32::from)
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(byte(bytes, at)? << 8 | byte(bytes, at + 1)?)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(be16(bytes, at)? << 16 | be16(bytes, at + 2)?)
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(byte(bytes, at)? | byte(bytes, at + 1)? << 8)
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    Some(le16(bytes, at)? | byte(bytes, at + 2)? << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_all_formats_are_read() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
        let gif = b"GIF89a\x80\x02\xe0\x01";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc2\0\x11\x08\x01\xe0\x02\x80\x03";
        let vp8 = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01";
        let vp8l = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\x00";
        let vp8x = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0";
        for image in [&png[..], gif, jpeg, vp8, vp8l, vp8x] {
            assert_eq!(of(image), Some((640, 480)), "{image:?}");
            for end in 0..image.len() - 1 {
                let _ = of(&image[..end]);
            }
        }
        assert_eq!(of(b"BM"), None);
    }
}
