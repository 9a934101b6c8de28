//! The options of `starling query` that lead from one question to the next, in the order given.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::cube::{Cube, CubeQuery};
use crate::engine::Snapshot;
use crate::error::{Error, Result};

/// Steps from query to query.
#[derive(Clone, Debug, Default)]
pub(super) struct Navigation {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    DrillDown(String),
    RollUp(String),
    Slice(String),
    Pivot,
    DrillThrough,
    DrillAcross(String),
}

/// Name, value, help, and the step it is.
type Flag = (&'static str, Option<&'static str>, &'static str, fn(String) -> Step);

const FLAGS: [Flag; 6] = [
    (
        "drill-down",
        Some("LEVEL[@HIERARCHY][=MEMBER]"),
        "Show the next finer level too, of all members or of one",
        Step::DrillDown,
    ),
    (
        "roll-up",
        Some("LEVEL[@HIERARCHY]"),
        "Replace a level by the next coarser one; a dimension loses all its levels",
        Step::RollUp,
    ),
    ("slice", Some("LEVEL=MEMBER"), "Keep one member of a level", Step::Slice),
    ("pivot", None, "Exchange rows and columns", |_| Step::Pivot),
    ("drill-through", None, "Show the fact rows behind the cells; the last step", |_| {
        Step::DrillThrough
    }),
    (
        "drill-across",
        Some("CUBE[:MEASURE,…]"),
        "Ask another cube the same, for the measures named or those it shares",
        Step::DrillAcross,
    ),
];

impl Args for Navigation {
    fn augment_args(command: Command) -> Command {
        let arg = |(name, value, help, _): Flag| {
            let arg = Arg::new(name).long(name).help(help).action(ArgAction::Append);
            match value {
                Some(value) => arg.value_name(value),
                // A flag that counts as a value keeps its place among the others.
                None => {
                    arg.num_args(0).value_parser(value_parser!(String)).default_missing_value("")
                }
            }
        };
        command
            .next_help_heading("From this question to the next, in the order given")
            .args(FLAGS.into_iter().map(arg))
            .next_help_heading(None::<&'static str>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Navigation {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut found: Vec<(usize, Step)> = Vec::new();
        for (name, _, _, step) in FLAGS {
            if matches.value_source(name) != Some(ValueSource::CommandLine) {
                continue;
            }
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<String>(name).into_iter().flatten();
            found.extend(places.zip(values.map(|value| step(value.clone()))));
        }
        found.sort_by_key(|(place, _)| *place);
        Ok(Self { steps: found.into_iter().map(|(_, step)| step).collect() })
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Navigation {
    /// The query at the end of the way, and whether the fact rows behind it are wanted.
    pub(super) fn walk(&self, start: CubeQuery, snapshot: &Snapshot) -> Result<(CubeQuery, bool)> {
        let mut query = start;
        let mut is_detail = false;
        for step in &self.steps {
            if is_detail {
                return Err(Error::invalid_input("nothing can follow --drill-through"));
            }
            let cube = snapshot.cube(&query.cube)?;
            query = match step {
                Step::DrillDown(text) => match text.split_once('=') {
                    Some((level, member)) => query.drill_down_member(cube, level, member)?,
                    None => query.drill_down(cube, text)?,
                },
                Step::RollUp(name) if is_role(cube, name) => query.roll_up_all(cube, name)?,
                Step::RollUp(level) => query.roll_up(cube, level)?,
                Step::Slice(text) => {
                    let Some((level, member)) = text.split_once('=') else {
                        let what = format!("`--slice {text}` is not LEVEL=MEMBER");
                        return Err(Error::invalid_input(what));
                    };
                    query.slice(cube, level, member)?
                }
                Step::Pivot => query.pivot(),
                Step::DrillThrough => {
                    is_detail = true;
                    query
                }
                Step::DrillAcross(text) => {
                    let (name, measures) = text.split_once(':').unwrap_or((text, ""));
                    let measures: Vec<String> =
                        measures.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
                    query.drill_across(cube, snapshot.cube(name)?, &measures, &snapshot.context)?
                }
            };
        }
        Ok((query, is_detail))
    }
}

/// Whether `name` is a dimension of the cube and no level.
fn is_role(cube: &Cube, name: &str) -> bool {
    let level = name.replace('.', "_");
    cube.column(&level).is_none() && cube.roles.iter().any(|role| role.role.name == name)
}
