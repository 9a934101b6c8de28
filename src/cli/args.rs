//! What a person can type; nothing is resolved here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::navigation::Navigation;
use crate::cube::{OTHERS, Reading, USUAL_CELLS};
use crate::engine::Moment;
use crate::error::Result;

/// A company's CRM and ERP systems as a data warehouse with OLAP cubes.
#[derive(Debug, Parser)]
#[command(name = "starling", version, max_term_width = 100)]
pub(super) struct Arguments {
    /// The project folder, which holds starling.yaml.
    #[arg(
        short = 'C',
        long = "project",
        value_name = "PROJECT_DIR",
        default_value = ".",
        global = true
    )]
    pub(super) project: PathBuf,

    /// The warehouse, instead of the one the project names.
    #[arg(long, value_name = "URL-or-path", global = true)]
    pub(super) warehouse: Option<String>,

    /// Say more on stderr; twice for even more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(super) verbose: u8,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check every declaration and report all mistakes at once.
    Validate,
    /// Say what a load of the declarations as they are would change, without loading.
    Plan(PlanOptions),
    /// Load what changed in the sources into the warehouse.
    Load(LoadOptions),
    /// Print the rows of a source table as they arrive, before any feed.
    Read(ReadOptions),
    /// Run one SQL query on the warehouse, without a server.
    Sql(SqlOptions),
    /// Ask a cube for levels and measures, as a pivot table.
    Query(QueryOptions),
    /// List the members of a level, or search them.
    Members(MembersOptions),
    /// Try the checks in `checks/` and report all that do not hold.
    Test(TestOptions),
    /// Write the data dictionary: cubes, measures and where they come from, in Markdown.
    Docs(DocsOptions),
    /// Write the JSON Schemas of declarations, for editors.
    Schema(SchemaOptions),
    /// Answer queries over Arrow Flight SQL.
    Serve(ServeOptions),
    /// Load and serve the demo company, or generate its files.
    Demo(DemoOptions),
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Table,
    /// An array of objects.
    Json,
    /// With a header line.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ReadOptions {
    /// The table, as a feed calls it.
    #[arg(value_name = "SOURCE.TABLE")]
    pub(super) table: String,

    /// Only the first so many rows.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,

    /// How rows are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct PlanOptions {
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ReportFormat,
}

#[derive(Debug, Args)]
pub(super) struct TestOptions {
    /// Try only the checks of these names.
    #[arg(value_name = "CHECK")]
    pub(super) names: Vec<String>,

    /// Try only checks that bring their own rows; no warehouse is needed.
    #[arg(long)]
    pub(super) given: bool,

    /// How the report is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ReportFormat,

    /// Ask this epoch instead of the newest.
    #[arg(long)]
    pub(super) epoch: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct DocsOptions {
    /// A file that ends in .md, or a folder for one page each; stdout when absent.
    #[arg(long, value_name = "FILE-or-folder")]
    pub(super) out: Option<PathBuf>,

    /// The locale of titles, such as zh; the first that is declared when absent.
    #[arg(long)]
    pub(super) locale: Option<String>,
}

/// What a declaration file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaKind {
    /// starling.yaml.
    Project,
    /// Sources and code lists.
    Sources,
    /// A dimension.
    Dimension,
    /// A fact.
    Fact,
    /// A cube.
    Cube,
    /// Checks.
    Checks,
}

#[derive(Debug, Args)]
pub(super) struct SchemaOptions {
    /// Only this kind of file.
    #[arg(value_enum)]
    pub(super) kind: Option<SchemaKind>,

    /// The folder to write to; stdout when absent.
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct LoadOptions {
    /// Say nothing but errors.
    #[arg(short, long)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct SqlOptions {
    /// The query.
    pub(super) sql: String,

    /// Run it so many times and say the median time on stderr; rows are printed once.
    #[arg(long, value_name = "TIMES")]
    pub(super) repeat: Option<usize>,

    /// How rows are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) moment: MomentOptions,
}

/// Which epoch is asked.
#[derive(Debug, Args)]
pub(super) struct MomentOptions {
    /// Ask this epoch instead of the newest.
    #[arg(long, value_name = "NUMBER")]
    pub(super) epoch: Option<u64>,

    /// Ask the newest epoch there was at this time, such as 2024-05-31 or 2024-05-31T18:00:00Z.
    #[arg(long, value_name = "TIME", conflicts_with = "epoch")]
    pub(super) as_of: Option<String>,
}

impl MomentOptions {
    pub(super) fn moment(&self) -> Result<Moment> {
        Moment::of(self.epoch, self.as_of.as_deref())
    }
}

#[derive(Debug, Args)]
pub(super) struct QueryOptions {
    /// The cube.
    #[arg(required_unless_present = "json", conflicts_with = "json")]
    pub(super) cube: Option<String>,

    /// Read the query as JSON from this file, or from stdin with a minus.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "rows", "columns", "measures", "filters", "sets", "top", "others", "having", "sort",
        "limit", "totals", "members",
    ])]
    pub(super) json: Option<String>,

    /// Print the query as JSON instead of asking it.
    #[arg(long)]
    pub(super) print_json: bool,

    /// Levels or named sets down the side, such as date.year,region.country.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    pub(super) rows: Vec<String>,

    /// Levels or named sets across the top.
    #[arg(long, value_name = "LEVELS", value_delimiter = ',')]
    pub(super) columns: Vec<String>,

    /// Measures and calculations in the cells.
    #[arg(long, value_delimiter = ',')]
    pub(super) measures: Vec<String>,

    /// A condition in SQL over levels, such as "date_year = '2024'"; may be given several times.
    #[arg(long = "filter", value_name = "CONDITION")]
    pub(super) filters: Vec<String>,

    /// Only members of this named set of the cube; may be given several times.
    #[arg(long = "set", value_name = "NAME")]
    pub(super) sets: Vec<String>,

    /// Only the leading members of a level, such as customer.city=3; by the first measure, or by the
    /// one behind a colon.
    #[arg(long, value_name = "LEVEL=N[:MEASURE]")]
    pub(super) top: Vec<String>,

    /// One row for all members that do not lead.
    #[arg(
        long, value_name = "CAPTION", requires = "top", num_args = 0..=1, require_equals = true,
        default_missing_value = OTHERS
    )]
    pub(super) others: Option<String>,

    /// Only rows whose total meets this condition in SQL over measures, such as "revenue > 1000";
    /// may be given several times.
    #[arg(long, value_name = "CONDITION")]
    pub(super) having: Vec<String>,

    /// Order rows by a level or measure; a minus in front puts the greatest first.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub(super) sort: Vec<String>,

    /// At most so many rows.
    #[arg(long)]
    pub(super) limit: Option<usize>,

    /// Add totals.
    #[arg(long)]
    pub(super) totals: bool,

    /// See members with a history as_was, as_is or as of a day, as in as_of_2024-06-30; as the cube
    /// declares it unless told.
    #[arg(long, value_name = "READING")]
    pub(super) members: Option<Reading>,

    #[command(flatten)]
    pub(super) navigation: Navigation,

    /// Refuse an answer of more cells than this.
    #[arg(long, value_name = "NUMBER", default_value_t = USUAL_CELLS)]
    pub(super) max_cells: u64,

    /// How rows are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) moment: MomentOptions,
}

#[derive(Debug, Args)]
pub(super) struct MembersOptions {
    /// The cube.
    pub(super) cube: String,

    /// The level, such as customer.city.
    pub(super) level: String,

    /// Only members with this text in their key or a caption; case does not matter.
    #[arg(long, value_name = "TEXT")]
    pub(super) search: Option<String>,

    /// Only members below this one of a coarser level; may be given several times.
    #[arg(long, value_name = "LEVEL=MEMBER")]
    pub(super) under: Vec<String>,

    /// At most so many.
    #[arg(long)]
    pub(super) limit: Option<usize>,

    /// See members with a history as_was, as_is or as of a day, as in as_of_2024-06-30; as the cube
    /// declares it unless told.
    #[arg(long, value_name = "READING")]
    pub(super) members: Option<Reading>,

    /// How rows are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) moment: MomentOptions,
}

#[derive(Debug, Args)]
pub(super) struct ServeOptions {
    /// Where to listen for Arrow Flight SQL; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8815")]
    pub(super) flight: SocketAddr,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DemoOptions {
    #[command(subcommand)]
    pub(super) command: Option<DemoCommand>,

    #[command(flatten)]
    pub(super) serve: ServeOptions,
}

#[derive(Debug, Subcommand)]
pub(super) enum DemoCommand {
    /// Write the files of the demo company.
    Generate(GenerateOptions),
}

#[derive(Debug, Args)]
pub(super) struct GenerateOptions {
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,

    /// How many times the smallest company.
    #[arg(long, default_value_t = 1)]
    pub(super) scale: u32,

    /// The folder to write to.
    #[arg(long)]
    pub(super) out: PathBuf,
}
