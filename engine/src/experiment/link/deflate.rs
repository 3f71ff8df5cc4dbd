//! Text made short and long again: raw DEFLATE (RFC 1951) with a dictionary.
//!
//! A link is too short for a compressor to learn what experiments look like, so both
//! sides begin with a text that has what they share: names of fields, and words of
//! common prompts. To whoever unpacks, that text stands in front of what was packed, as
//! a stored block; so any reader of DEFLATE will do, the browser's own included.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Every link of the form v2 that was given out needs this text as it is: another
/// text is another form.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

const _: () = assert!(DICTIONARY.len() <= u16::MAX as usize);

/// Why packed bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They are cut short or changed.
    Broken,
    /// They would become more bytes than are taken.
    TooLarge,
}

#[inline]
pub(super) fn pack(text: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(DICTIONARY.len() + text.len() + 64);
    let mut put = |bytes: &[u8], flush| {
        let end = deflate.total_in() + bytes.len() as u64;
        loop {
            out.reserve(64);
            let left = (end - deflate.total_in()) as usize;
            let rest = &bytes[bytes.len() - left..];
            let status = deflate.compress_vec(rest, &mut out, flush);
            // A flush is through when it left room.
            let through = deflate.total_in() == end && out.len() < out.capacity();
            if through || !matches!(status, Ok(Status::Ok | Status::BufError)) {
                return out.len();
            }
        }
    };
    let start = put(DICTIONARY, FlushCompress::Sync);
    put(text, FlushCompress::Finish);
    out.split_off(start)
}

/// The text, if it has at most so many bytes: no more are ever made.
#[inline]
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    match inflated(packed, most)? {
        (text, used) if used == packed.len() => Ok(text),
        _ => Err(Fault::Broken),
    }
}

/// The same, of what something may follow.
#[inline]
pub(super) fn unpack_first(packed: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
    Ok(inflated(packed, most)?.0)
}

/// The text, and how many of the bytes it was packed in.
fn inflated(packed: &[u8], most: usize) -> Result<(Vec<u8>, usize), Fault> {
    let mut inflate = Decompress::new(false);
    let length = DICTIONARY.len() as u16;
    let [a, b] = length.to_le_bytes();
    let mut head = vec![0, a, b, !a, !b];
    head.extend_from_slice(DICTIONARY);
    let mut out = Vec::with_capacity(DICTIONARY.len() + 4 * packed.len().min(most) + 1_024);
    inflate
        .decompress_vec(&head, &mut out, FlushDecompress::None)
        .map_err(|_| Fault::Broken)?;
    if out != DICTIONARY {
        return Err(Fault::Broken);
    }
    let start = inflate.total_in();
    loop {
        let rest = &packed[(inflate.total_in() - start) as usize..];
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress_vec(rest, &mut out, FlushDecompress::None);
        if out.len() - DICTIONARY.len() > most {
            return Err(Fault::TooLarge);
        }
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(Status::Ok | Status::BufError)
                if out.len() == out.capacity()
                    || (inflate.total_in(), inflate.total_out()) != before =>
            {
                let more = out.len().min(most + DICTIONARY.len() + 1 - out.len());
                out.reserve_exact(more.max(1));
            }
            _ => return Err(Fault::Broken),
        }
    }
    let used = (inflate.total_in() - start) as usize;
    Ok((out.split_off(DICTIONARY.len()), used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        let mut state = 1_u32;
        let mut noise = Vec::new();
        for _ in 0..200_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push((state >> 24) as u8);
        }
        for text in [
            &b""[..],
            b"a",
            DICTIONARY,
            &noise,
            &noise[..100],
            &[b'a'; 500_000],
        ] {
            let packed = pack(text);
            assert_eq!(unpack(&packed, text.len()).as_deref(), Ok(text));
            if let Some(less) = text.len().checked_sub(1) {
                assert_eq!(unpack(&packed, less), Err(Fault::TooLarge));
            }
            for end in [0, 1, packed.len() / 2, packed.len() - 1] {
                assert_eq!(unpack(&packed[..end], 1_000_000), Err(Fault::Broken));
            }
            let more = [&packed[..], b"x"].concat();
            assert_eq!(unpack(&more, 1_000_000), Err(Fault::Broken));
            assert_eq!(unpack_first(&more, 1_000_000).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_bomb_makes_no_more_than_is_taken() {
        let bomb = pack(&vec![b' '; 50_000_000]);
        assert!(bomb.len() < 60_000, "{}", bomb.len());
        assert_eq!(unpack(&bomb, 4_000_000), Err(Fault::TooLarge));
    }

    #[test]
    fn changed_bytes_are_an_error_or_another_text() {
        let packed = pack(br#"{"clean":"When John and Mary went to the store"}"#);
        for at in 0..packed.len() {
            for bit in 0..8 {
                let mut changed = packed.clone();
                changed[at] ^= 1 << bit;
                // Whatever it says, it says it.
                let _ = unpack(&changed, 10_000);
            }
        }
    }
}
