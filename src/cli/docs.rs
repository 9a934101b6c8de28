//! `starling docs`: the data dictionary of a project.

use super::args::DocsOptions;
use super::{Place, say, write_file, write_out};
use crate::dictionary::{Style, one_text, pages};
use crate::error::Result;

pub(super) fn run(place: &Place, options: &DocsOptions) -> Result<()> {
    let model = place.model()?;
    let file = |path: &std::path::Path| path.extension().is_some_and(|ending| ending == "md");
    let folder = options.out.as_ref().filter(|path| !file(path));
    let style = Style { locale: options.locale.clone(), files: folder.is_some() };
    let pages = pages(&model, &style);
    if let Some(folder) = folder {
        for page in &pages {
            write_file(&folder.join(format!("{}.md", page.name)), page.text.as_bytes())?;
        }
        say(&format!("{} pages written to {}", pages.len(), folder.display()));
        return Ok(());
    }
    let text = one_text(&pages);
    match &options.out {
        None => write_out(&text),
        Some(path) => {
            write_file(path, text.as_bytes())?;
            say(&format!("written to {}", path.display()));
            Ok(())
        }
    }
}
