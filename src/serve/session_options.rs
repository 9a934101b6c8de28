//! Messages of the session actions; the Flight library does not have them yet.
//!
//! Unlike the other actions' they travel bare, not wrapped in `Any`. Field numbers are those of
//! `Flight.proto`.

use std::collections::HashMap;

/// The action that reads the options of a session.
pub(super) const GET: &str = "GetSessionOptions";
/// The action that sets options of a session.
pub(super) const SET: &str = "SetSessionOptions";
/// The action that ends a session.
pub(super) const CLOSE: &str = "CloseSession";

/// A value of one of five types, or none at all, which resets the option.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(StringList),
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct StringList {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SetSessionOptionsResult {
    /// Options that were not set, each with the reason.
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct OptionError {
    #[prost(enumeration = "OptionErrorKind", tag = "1")]
    pub value: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum OptionErrorKind {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn bytes_are_those_of_the_format() {
        // Written by hand from Flight.proto: field 1, an entry {1: "schema", 2: {1: "cubes"}}.
        let bytes = b"\x0a\x11\x0a\x06schema\x12\x07\x0a\x05cubes";
        let request = SetSessionOptionsRequest::decode(bytes.as_slice()).unwrap();
        let value = request.session_options["schema"].value.clone();
        assert_eq!(value, Some(OptionValue::Text("cubes".into())));
        assert_eq!(request.encode_to_vec(), bytes);
        let closed = CloseSessionResult { status: CloseStatus::Closed.into() };
        assert_eq!(closed.encode_to_vec(), b"\x08\x01");
    }
}
