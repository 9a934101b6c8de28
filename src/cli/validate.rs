//! `starling validate`.

use super::{Place, say};
use crate::error::Result;
use crate::load;

pub(super) fn run(place: &Place) -> Result<()> {
    let model = place.model()?;
    load::check(&model)?;
    let star = &model.project.star;
    say(&format!(
        "ok: {} sources, {} dimensions, {} facts, {} cubes",
        model.project.sources.len(),
        star.dimensions.len(),
        star.facts.len(),
        model.cubes.len()
    ));
    Ok(())
}
