//! The only reader of the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Every variable, for `${env:NAME}` in declarations.
    pub environment: BTreeMap<String, String>,
    /// Where this user's caches live.
    pub cache_folder: PathBuf,
    /// `STARLING_PAUSE_AFTER_WRITE`: stop for ever after so many writes, for tests that kill.
    pub pause_after_write: Option<u64>,
}

impl Config {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads it")]
    pub fn from_environment() -> Self {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let folder = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let cache_folder = match (folder("XDG_CACHE_HOME"), folder("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => PathBuf::from(home).join(".cache"),
            (None, None) => temporary_folder(),
        };
        let pause = environment.get("STARLING_PAUSE_AFTER_WRITE").and_then(|n| n.parse().ok());
        Self { environment, cache_folder, pause_after_write: pause }
    }
}

/// Where files may lie that nobody needs any more after the process: `TMPDIR`, or the system's.
pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}
