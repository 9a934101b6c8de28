//! Handles of prepared statements and tickets of results.
//!
//! Both carry all they stand for, so the server keeps nothing between calls, and any number of
//! statements may stay open. The epoch in a ticket makes the stream read what was announced.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use prost::Message;
use prost::bytes::Bytes;

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// A statement with what was bound and chosen so far.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Handle {
    /// As the client sent it.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// The bound rows as an IPC stream; absent before the first binding.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub parameters: Option<Bytes>,
    /// The epoch to read; absent means the newest one.
    #[prost(uint64, optional, tag = "3")]
    pub epoch: Option<u64>,
    /// The schema of names that do not say theirs; absent means the server's default.
    #[prost(string, optional, tag = "4")]
    pub default_schema: Option<String>,
    /// Which cubes of the epoch it was planned with; set in tickets only.
    #[prost(uint64, optional, tag = "6")]
    pub edition: Option<u64>,
    /// Tells two runs of one statement apart, for cancelling; set in tickets only.
    #[prost(uint64, optional, tag = "5")]
    pub query: Option<u64>,
}

impl Handle {
    /// The opaque bytes a client keeps.
    pub(super) fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// What [`Self::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::decode(bytes).or_fail(ErrorKind::InvalidInput, || {
            "the handle was not issued by this server; prepare the statement again".into()
        })
    }

    /// The same statement with the rows of `batches` bound.
    pub(super) fn with_parameters(self, batches: &[RecordBatch]) -> Result<Self> {
        let Some(first) = batches.first() else { return Ok(Self { parameters: None, ..self }) };
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &first.schema())?;
        for batch in batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        drop(writer);
        Ok(Self { parameters: Some(bytes.into()), ..self })
    }

    /// The bound rows, or `None` before the first binding.
    pub(super) fn bound(&self) -> Result<Option<Vec<RecordBatch>>> {
        let Some(bytes) = &self.parameters else { return Ok(None) };
        let batches =
            StreamReader::try_new(bytes.as_ref(), None).and_then(Iterator::collect).map_err(
                |error| Error::invalid_input("the bound values cannot be read").because(error),
            )?;
        Ok(Some(batches))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn values() -> RecordBatch {
        RecordBatch::try_from_iter([
            ("0", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
            ("1", Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn a_handle_survives_the_round_trip() {
        let handle = Handle {
            sql: "select ?, ?".into(),
            epoch: Some(0),
            default_schema: Some("cubes".into()),
            query: Some(9),
            ..Handle::default()
        };
        let handle = handle.with_parameters(&[values(), values()]).unwrap();
        let back = Handle::from_bytes(&handle.to_bytes()).unwrap();
        assert_eq!(back, handle);
        assert_eq!(back.bound().unwrap().unwrap(), [values(), values()]);
    }

    #[test]
    fn nothing_bound_is_not_an_empty_binding() {
        let handle = Handle { sql: "select 1".into(), ..Handle::default() };
        assert_eq!(handle.bound().unwrap(), None);
        assert_eq!(handle.with_parameters(&[]).unwrap().bound().unwrap(), None);
    }

    #[test]
    fn foreign_bytes_are_refused() {
        assert!(Handle::from_bytes(b"\xff\xff\xff").is_err());
        let broken = Handle { parameters: Some(Bytes::from_static(b"abc")), ..Handle::default() };
        assert!(broken.bound().is_err());
    }
}
