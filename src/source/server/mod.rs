//! What connectors of database servers share: the address with its secret, TLS, patience with a
//! server that is away, and the threads that talk to it.

mod address;
mod key_ranges;
mod retry;
mod runtime;
mod select;
mod stream;
mod table;
mod tls;

pub use address::ServerAddress;
pub(super) use key_ranges::{KeyRange, key_ranges};
pub(super) use retry::{Transient, patiently};
pub(super) use runtime::wait_for;
pub(super) use select::select;
pub(super) use stream::{BatchSender, stream};
pub use table::ServerTable;
pub(super) use tls::{Mode, Trust, client_config};
