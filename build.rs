//! The binary carries the demo company; Cargo must know when its files change.

fn main() {
    for path in ["starling.yaml", "etl", "cubes", "checks", "fixtures"] {
        println!("cargo:rerun-if-changed={path}");
    }
}
