//! The binary format of `COPY`, taken apart into rows (PostgreSQL documentation, "COPY", "Binary Format").

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags and the length of the header's extension.
const HEADER: usize = SIGNATURE.len() + 8;
/// A field of PostgreSQL is shorter than 1 GiB.
const MAX_FIELD: usize = 1 << 30;

/// The place of each field of a row in its bytes; `None` is NULL.
pub(super) type Fields = Vec<Option<(usize, usize)>>;

/// Takes the bytes of a `COPY` in pieces of any size, and gives rows of `width` fields.
#[derive(Debug)]
pub(super) struct CopyDecoder {
    width: usize,
    state: State,
    /// What came and is not yet a whole row.
    pending: BytesMut,
    /// Bytes without which looking again is in vain.
    wanted: usize,
    fields: Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

/// What stands at the beginning of some bytes.
enum Found {
    /// Something of so many bytes.
    Whole(usize),
    /// At least so many are needed.
    Wants(usize),
    /// The end of the data, of so many bytes.
    End(usize),
}

impl CopyDecoder {
    /// Before the first byte.
    pub(super) fn new(width: usize) -> Self {
        let fields = Vec::with_capacity(width);
        Self { width, state: State::Header, pending: BytesMut::new(), wanted: 0, fields }
    }

    /// Takes the next bytes, and calls `row` with each row that they complete.
    pub(super) fn push(
        &mut self,
        bytes: &Bytes,
        mut row: impl FnMut(&[u8], &Fields) -> Result<()>,
    ) -> Result<()> {
        // A server sends a row at a time, so that usually nothing is left over and nothing is copied.
        if self.pending.is_empty() {
            let used = self.take(bytes, &mut row)?;
            self.pending.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < self.wanted {
            return Ok(());
        }
        let pending = self.pending.split();
        let used = self.take(&pending, &mut row)?;
        self.pending.extend_from_slice(&pending[used..]);
        Ok(())
    }

    /// Says whether the data came to its end.
    pub(super) fn finish(&self) -> Result<()> {
        if self.state == State::Ended { Ok(()) } else { Err(broken("it ends within the data")) }
    }

    /// Rows from the beginning of `bytes`, and how many bytes they took.
    fn take(
        &mut self,
        bytes: &[u8],
        row: &mut impl FnMut(&[u8], &Fields) -> Result<()>,
    ) -> Result<usize> {
        let mut used = 0;
        loop {
            let rest = &bytes[used..];
            let found = match self.state {
                State::Header => header(rest)?,
                State::Rows => self.tuple(rest)?,
                State::Ended if rest.is_empty() => return Ok(used),
                State::Ended => return Err(broken("it goes on after its end")),
            };
            match (found, self.state) {
                (Found::Wants(count), _) => {
                    self.wanted = count;
                    return Ok(used);
                }
                (Found::End(count), _) => {
                    self.state = State::Ended;
                    used += count;
                }
                (Found::Whole(count), State::Header) => {
                    self.state = State::Rows;
                    used += count;
                }
                (Found::Whole(count), _) => {
                    row(&rest[..count], &self.fields)?;
                    used += count;
                }
            }
        }
    }

    fn tuple(&mut self, bytes: &[u8]) -> Result<Found> {
        let Some(mut rest) = bytes.get(..2) else { return Ok(Found::Wants(2)) };
        match rest.get_i16() {
            -1 => return Ok(Found::End(2)),
            width if usize::try_from(width) == Ok(self.width) => {}
            width => {
                return Err(broken(&format!("a row has {width} fields instead of {}", self.width)));
            }
        }
        self.fields.clear();
        let mut at = 2;
        for _ in 0..self.width {
            let Some(mut length) = bytes.get(at..at + 4) else { return Ok(Found::Wants(at + 4)) };
            at += 4;
            let length = match length.get_i32() {
                -1 => {
                    self.fields.push(None);
                    continue;
                }
                length => usize::try_from(length).ok().filter(|length| *length <= MAX_FIELD),
            };
            let Some(length) = length else { return Err(broken("a field has no possible length")) };
            if bytes.len() < at + length {
                return Ok(Found::Wants(at + length));
            }
            self.fields.push(Some((at, at + length)));
            at += length;
        }
        Ok(Found::Whole(at))
    }
}

fn header(bytes: &[u8]) -> Result<Found> {
    let Some(header) = bytes.get(..HEADER) else { return Ok(Found::Wants(HEADER)) };
    let (signature, mut rest) = header.split_at(SIGNATURE.len());
    if signature != SIGNATURE {
        return Err(broken("it does not begin as one"));
    }
    // Bits 0 to 15 may be ignored, the others must be understood.
    if rest.get_u32() >> 16 != 0 {
        return Err(broken("its header has flags that are not known"));
    }
    let extension = usize::try_from(rest.get_i32()).ok().filter(|length| *length <= MAX_FIELD);
    let Some(extension) = extension else {
        return Err(broken("its header has no possible length"));
    };
    let whole = HEADER + extension;
    Ok(if bytes.len() < whole { Found::Wants(whole) } else { Found::Whole(whole) })
}

fn broken(how: &str) -> Error {
    let what = format!("the server sent something that is not a binary COPY: {how}");
    Error::new(ErrorKind::SourceUnavailable, what)
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{Rng, RngExt, SeedableRng};

    use super::*;

    type Rows = Vec<Vec<Option<Vec<u8>>>>;

    fn encode(rows: &Rows) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for row in rows {
            bytes.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
            for field in row {
                let length = field.as_ref().map_or(-1, |f| i32::try_from(f.len()).unwrap());
                bytes.extend(length.to_be_bytes());
                bytes.extend(field.iter().flatten());
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    fn decode(pieces: &[&[u8]], width: usize) -> Result<Rows> {
        let mut decoder = CopyDecoder::new(width);
        let mut rows = Rows::new();
        for piece in pieces {
            decoder.push(&Bytes::copy_from_slice(piece), |row, fields| {
                let field = |f: &Option<(usize, usize)>| f.map(|(a, b)| row[a..b].to_vec());
                rows.push(fields.iter().map(field).collect());
                Ok(())
            })?;
        }
        decoder.finish()?;
        Ok(rows)
    }

    fn random_rows(random: &mut ChaCha8Rng) -> (Rows, usize) {
        let width = random.random_range(0..5);
        let field = |random: &mut ChaCha8Rng| {
            let length = random.random_range(0..40);
            random.random_bool(0.8).then(|| (0..length).map(|_| random.random()).collect())
        };
        let rows = (0..random.random_range(0..20))
            .map(|_| (0..width).map(|_| field(random)).collect())
            .collect();
        (rows, width)
    }

    #[test]
    fn pieces_of_any_size_give_the_same_rows() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..300 {
            let (rows, width) = random_rows(&mut random);
            let bytes = encode(&rows);
            let size = random.random_range(1..=bytes.len());
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(decode(&pieces, width).unwrap(), rows);
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let rows = vec![vec![Some(b"abc".to_vec()), None]; 3];
        let bytes = encode(&rows);
        for end in 0..bytes.len() {
            assert!(decode(&[&bytes[..end]], 2).is_err(), "{end}");
        }
        assert!(decode(&[&bytes, b"x"], 2).is_err());
        assert!(decode(&[&bytes], 3).unwrap_err().to_string().contains("2 fields instead of 3"));
    }

    #[test]
    fn random_and_mutated_bytes_neither_panic_nor_grow() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..20_000 {
            let (rows, width) = random_rows(&mut random);
            let mut bytes = encode(&rows);
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            if random.random_bool(0.1) {
                random.fill_bytes(&mut bytes[HEADER..]);
            }
            let mut decoder = CopyDecoder::new(width);
            let pushed = decoder.push(&Bytes::from(bytes.clone()), |row, fields| {
                assert!(row.len() <= bytes.len() && fields.len() == width);
                Ok(())
            });
            assert!(decoder.pending.len() <= bytes.len());
            drop(pushed);
        }
    }
}
