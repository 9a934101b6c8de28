//! `starling members`.

use super::args::MembersOptions;
use super::{Place, output, say};
use crate::cube::MemberSearch;
use crate::error::{Error, Result};

pub(super) async fn run(place: &Place, options: &MembersOptions) -> Result<()> {
    let snapshot = place.snapshot(options.moment.moment()?).await?;
    let cube = snapshot.cube(&options.cube)?;
    let search = MemberSearch {
        level: options.level.clone(),
        text: options.search.clone(),
        under: options.under.iter().map(|text| level_and_member(text)).collect::<Result<_>>()?,
        limit: options.limit,
        members: options.members,
    };
    let found = search.run(cube, &snapshot.context).await?;
    let shown = found.rows.num_rows() as u64;
    let cut = if shown < found.matched { format!(", {shown} are shown") } else { String::new() };
    say(&format!("{} of {} members match{cut}", found.matched, found.all));
    output::print_batch(&found.rows, options.format)
}

fn level_and_member(text: &str) -> Result<(String, String)> {
    let parts = text.split_once('=').map(|(level, member)| (level.to_owned(), member.to_owned()));
    parts.ok_or_else(|| Error::invalid_input(format!("`--under {text}` is not LEVEL=MEMBER")))
}
