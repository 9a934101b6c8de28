//! A server whose declarations are edited, broken and mended while it answers.

use crate::support::{binary, python};

#[test]
fn one_bad_cube_harms_no_other_and_edits_are_served() {
    let work = tempfile::tempdir().unwrap();
    python("serving.py", &[binary(), work.path().to_str().unwrap()]);
}
