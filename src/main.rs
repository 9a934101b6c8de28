//! The `starling` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    starling::cli::main()
}
