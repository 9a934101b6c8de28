//! Members of a level: found by name, searched, and missed with the nearest there is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;

use super::asked_columns::with_asked_columns;
use super::model::{BridgeEnd, ColumnKind, Cube};
use super::query::column;
use super::reading::Reading;
use super::sql_text::{is_in, quoted, quoted_text};
use crate::declare::nearest;
use crate::error::{Error, ErrorKind, Result};
use crate::star::{CATALOG, Level};

/// So many members are looked through for the one that was probably meant.
const MOST_COMPARED: usize = 100_000;

/// A member of a level.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// The caption in the project's locale.
    pub caption: ScalarValue,
    /// What the members of the level are ordered by.
    pub order: ScalarValue,
}

/// By what a member is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// A caption; that of the project's locale goes before others.
    Caption,
    /// The key.
    Key,
}

/// The table that lists a level's members, and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemberTable {
    /// The flat name of the level.
    pub level: String,
    /// A dimension, or the fact for a level of its own.
    pub table: String,
    /// Whether it has far more rows than members.
    pub is_fact: bool,
    /// The column that tells members apart.
    pub key: String,
    /// The column that shows them in the project's locale.
    pub caption: String,
    /// The columns that show them in other locales, by locale.
    pub captions: Vec<(String, String)>,
    /// The column that orders them.
    pub order: String,
    /// The rows whose members are to be seen, as a condition in SQL; none where all are.
    pub condition: Option<String>,
    /// How members are seen where that hides some.
    pub reading: Option<Reading>,
}

impl MemberTable {
    /// Where the members of the level called `name` are, which are seen as `members` says, or else as
    /// the cube declares.
    pub(super) fn of(cube: &Cube, name: &str, members: Option<Reading>) -> Result<Self> {
        let flat = column(cube, name)?;
        let found = cube.columns.iter().find(|column| column.name == flat);
        let found = found.ok_or_else(|| Error::internal(format!("no column `{flat}`")))?;
        let tree = found.bridge.as_deref().and_then(|name| cube.bridge(name));
        let tree = tree.and_then(|bridge| match &bridge.to {
            BridgeEnd::Tree(tree) => Some((bridge, tree)),
            BridgeEnd::Members { .. } => None,
        });
        let (table, level) = match found.role.map(|position| &cube.roles[position]) {
            Some(role) if let Some((bridge, tree)) = tree => {
                let trees = &role.dimension.trees;
                let tree = trees.iter().find(|known| known.name == *tree);
                let shown_by = tree.and_then(|tree| tree.shown_by(&role.dimension));
                match found.kind {
                    // All members of the tree are members of the level that shows them.
                    ColumnKind::Level => (role.dimension.name.as_str(), shown_by),
                    _ => (bridge.table.as_str(), None),
                }
            }
            Some(role) => {
                let own = flat.strip_prefix(&role.role.name).and_then(|own| own.strip_prefix('_'));
                (role.dimension.name.as_str(), own.and_then(|own| role.dimension.level(own)))
            }
            None => (cube.table_of(found), cube.levels.iter().find(|level| level.name == flat)),
        };
        let role = found.role.map(|position| &cube.roles[position]);
        let of_dimension = role.filter(|role| role.dimension.name == table);
        let seen = of_dimension.and_then(|role| {
            let reading = members.unwrap_or(role.reading);
            Some((reading, reading.condition(&role.dimension)?))
        });
        let (reading, condition) = seen.unzip();
        let table = Self::over(flat, table, found.role.is_none(), level, &found.source);
        Ok(Self { condition, reading, ..table })
    }

    /// A key or attribute is its own level.
    fn over(flat: String, table: &str, is_fact: bool, level: Option<&Level>, source: &str) -> Self {
        let table = table.to_owned();
        match level {
            Some(level) => Self {
                level: flat,
                table,
                is_fact,
                key: level.key.clone(),
                caption: level.caption.clone(),
                captions: level.captions.clone().into_iter().collect(),
                order: level.sort.clone().unwrap_or_else(|| level.key.clone()),
                condition: None,
                reading: None,
            },
            None => Self {
                level: flat,
                table,
                is_fact,
                key: source.to_owned(),
                caption: source.to_owned(),
                captions: Vec::new(),
                order: source.to_owned(),
                condition: None,
                reading: None,
            },
        }
    }

    /// The table as SQL names it.
    pub(super) fn relation(&self) -> String {
        format!("{CATALOG}.warehouse.{}", quoted(&self.table))
    }

    /// The condition on rows that are to be seen, with WHERE in front.
    pub(super) fn where_shown(&self) -> String {
        self.condition.iter().map(|condition| format!(" WHERE {condition}")).collect()
    }

    /// The rows that are to be seen, over columns of `relation`.
    pub(super) fn shown(&self, cube: &Cube, relation: &str) -> DataFusionResult<Option<Expr>> {
        let role = cube.column(&self.level).and_then(|column| column.role);
        match role.map(|at| &cube.roles[at]).filter(|_| self.condition.is_some()) {
            Some(role) => role.reading.filter(&role.dimension, relation),
            None => Ok(None),
        }
    }

    /// The members called `names`, in their order; one that is not there is an error.
    pub(super) async fn find(
        &self,
        names: &[String],
        by: NamedBy,
        cube: &Cube,
        context: &SessionContext,
    ) -> Result<Vec<Member>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let columns = self.named_in(by);
        let list: Vec<String> = names.iter().map(|name| quoted_text(name)).collect();
        let list = list.join(", ");
        let texts: Vec<String> = columns.iter().map(|column| text(column)).collect();
        let conditions: Vec<String> =
            texts.iter().map(|column| format!("{column} IN ({list})")).collect();
        let shown: Vec<String> =
            texts.iter().enumerate().map(|(at, text)| format!("{text} AS t{at}")).collect();
        let sql = format!(
            "SELECT DISTINCT {} AS caption, {} AS sort, {} FROM {} WHERE ({}){}",
            quoted(&self.caption),
            quoted(&self.order),
            shown.join(", "),
            self.relation(),
            conditions.join(" OR "),
            self.condition.iter().map(|shown| format!(" AND {shown}")).collect::<String>()
        );
        let rows = collected(context, &sql).await?;
        let texts = (0..columns.len())
            .map(|at| cast(rows.column(at + 2), &DataType::Utf8).map_err(Error::from))
            .collect::<Result<Vec<_>>>()?;
        let mut members = Vec::new();
        for name in names {
            let Some(row) = row_of(&texts, name) else {
                return Err(self.missing(name, by, cube, context).await?);
            };
            members.push(Member {
                caption: ScalarValue::try_from_array(rows.column(0), row)?,
                order: ScalarValue::try_from_array(rows.column(1), row)?,
            });
        }
        Ok(members)
    }

    /// The columns that members are named in.
    fn named_in(&self, by: NamedBy) -> Vec<&String> {
        match by {
            NamedBy::Key => vec![&self.key],
            NamedBy::Caption => {
                let others = self.captions.iter().map(|(_, column)| column);
                std::iter::once(&self.caption).chain(others).collect()
            }
        }
    }

    /// Whether there is a member `name` where members are seen in another way.
    async fn is_seen_otherwise(
        &self,
        name: &str,
        by: NamedBy,
        context: &SessionContext,
    ) -> Result<bool> {
        let columns = self.named_in(by);
        let name = quoted_text(name);
        let same: Vec<String> =
            columns.iter().map(|column| format!("{} = {name}", text(column))).collect();
        let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", self.relation(), same.join(" OR "));
        Ok(counted(context, &sql).await? > 0)
    }

    /// There is no member `name`: says which was probably meant.
    async fn missing(
        &self,
        name: &str,
        by: NamedBy,
        cube: &Cube,
        context: &SessionContext,
    ) -> Result<Error> {
        let (column, what) = match by {
            NamedBy::Caption => (&self.caption, "member"),
            NamedBy::Key => (&self.key, "member with the key"),
        };
        if let Some(reading) = self.reading
            && self.is_seen_otherwise(name, by, context).await?
        {
            let what = format!(
                "the level `{}` has no {what} `{name}` {}; it has where members are seen otherwise, such \
                 as {}",
                self.level,
                reading.words(),
                Reading::AsWas
            );
            return Ok(Error::new(ErrorKind::NotFound, what));
        }
        let sql = format!(
            "SELECT DISTINCT {} AS name FROM {}{} LIMIT {MOST_COMPARED}",
            text(column),
            self.relation(),
            self.where_shown()
        );
        let rows = collected(context, &sql).await?;
        let names = cast(rows.column(0), &DataType::Utf8)?;
        let known: Vec<&str> = names.as_string::<i32>().iter().flatten().collect();
        let lower = name.to_lowercase();
        let near = known.iter().copied().find(|known| known.to_lowercase() == lower);
        let hint = match near.or_else(|| nearest(name, known.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "look for it with `starling members {} {} --search TEXT`",
                cube.name, self.level
            ),
        };
        let what = format!("the level `{}` has no {what} `{name}`; {hint}", self.level);
        Ok(Error::new(ErrorKind::NotFound, what))
    }
}

/// The row in which `name` stands in the first column that has it.
fn row_of(columns: &[ArrayRef], name: &str) -> Option<usize> {
    columns.iter().find_map(|column| {
        let column = column.as_string::<i32>();
        (0..column.len()).find(|row| column.is_valid(*row) && column.value(*row) == name)
    })
}

/// A column as text.
fn text(column: &str) -> String {
    format!("CAST({} AS VARCHAR)", quoted(column))
}

/// All rows of `sql` in one batch.
pub(super) async fn collected(context: &SessionContext, sql: &str) -> Result<RecordBatch> {
    let mut state = context.state();
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(sql, &dialect)?;
    with_asked_columns(&mut state, &statement);
    let plan = state.statement_to_plan(statement).await?;
    let frame = DataFrame::new(context.state(), plan);
    let task = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    // Parts of a sum have more places than the statement says, as long as it is not analysed.
    let schema = plan.schema();
    let batches = collect(plan, task).await?;
    Ok(concat_batches(&schema, &batches)?)
}

/// The one number that `sql` gives.
pub(super) async fn counted(context: &SessionContext, sql: &str) -> Result<u64> {
    let rows = collected(context, sql).await?;
    let number = ScalarValue::try_from_array(rows.column(0), 0)?.cast_to(&DataType::UInt64)?;
    match number {
        ScalarValue::UInt64(Some(number)) => Ok(number),
        other => Err(Error::internal(format!("`{sql}` gave {other}, which is no count"))),
    }
}

/// Which members to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberSearch {
    /// The level, as in a query.
    pub level: String,
    /// A part of a caption in any locale or of the key; letters' case means nothing.
    pub text: Option<String>,
    /// Only below these members of other levels of the same dimension.
    pub under: Vec<(String, String)>,
    /// At most so many.
    pub limit: Option<usize>,
    /// How members with a history are seen; as the cube declares when absent.
    pub members: Option<Reading>,
}

/// Members that were found.
#[derive(Clone, Debug)]
pub struct FoundMembers {
    /// Key, caption and captions in other locales, in the order of the level.
    pub rows: RecordBatch,
    /// How many match, whatever the limit.
    pub matched: u64,
    /// How many the level has.
    pub all: u64,
}

impl MemberSearch {
    /// Lists the members.
    pub async fn run(&self, cube: &Cube, context: &SessionContext) -> Result<FoundMembers> {
        let table = MemberTable::of(cube, &self.level, self.members)?;
        let mut conditions: Vec<String> = table.condition.iter().cloned().collect();
        for (level, member) in &self.under {
            let above = MemberTable::of(cube, level, self.members)?;
            conditions.push(table.under(above, member, cube, context).await?);
        }
        if let Some(wanted) = &self.text {
            conditions.push(table.matches(wanted));
        }
        let condition = match conditions.as_slice() {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        };
        let mut columns = vec![
            format!("{} AS {}", quoted(&table.key), quoted("key")),
            format!("{} AS caption", quoted(&table.caption)),
        ];
        let locales = table.captions.iter();
        columns.extend(locales.map(|(locale, column)| {
            format!("{} AS {}", quoted(column), quoted(&format!("caption_{locale}")))
        }));
        let distinct = format!(
            "SELECT DISTINCT {}, {} AS sort FROM {}{condition}",
            columns.join(", "),
            quoted(&table.order),
            table.relation()
        );
        let shown: Vec<String> = ["key".to_owned(), "caption".to_owned()]
            .into_iter()
            .chain(table.captions.iter().map(|(locale, _)| format!("caption_{locale}")))
            .map(|name| quoted(&name))
            .collect();
        let mut sql = format!(
            "SELECT {} FROM ({distinct}) AS members ORDER BY sort, {}",
            shown.join(", "),
            quoted("key")
        );
        if let Some(limit) = self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        let key = quoted(&table.key);
        let count = |condition: &str| {
            format!("SELECT COUNT(DISTINCT {key}) FROM {}{condition}", table.relation())
        };
        Ok(FoundMembers {
            rows: collected(context, &sql).await?,
            matched: counted(context, &count(&condition)).await?,
            all: counted(context, &count(&table.where_shown())).await?,
        })
    }
}

impl MemberTable {
    /// The condition that `wanted` is part of a caption or the key.
    fn matches(&self, wanted: &str) -> String {
        let wanted = quoted_text(&wanted.to_lowercase());
        let others = self.captions.iter().map(|(_, column)| column);
        let columns = [&self.key, &self.caption].into_iter().chain(others);
        let found: Vec<String> =
            columns.map(|c| format!("strpos(lower({}), {wanted}) > 0", text(c))).collect();
        format!("({})", found.join(" OR "))
    }

    /// The condition that a member lies below `member` of the level `above`, which is of the same table.
    async fn under(
        &self,
        above: Self,
        member: &str,
        cube: &Cube,
        context: &SessionContext,
    ) -> Result<String> {
        if self.role(cube) != above.role(cube) {
            let what = format!(
                "`{}` is not above `{}`: they are of different dimensions",
                above.level, self.level
            );
            return Err(Error::invalid_input(what));
        }
        let found = above.find(&[member.to_owned()], NamedBy::Caption, cube, context).await?;
        let captions: Vec<ScalarValue> = found.into_iter().map(|member| member.caption).collect();
        is_in(&above.caption, &captions)
    }

    fn role(&self, cube: &Cube) -> Option<usize> {
        cube.column(&self.level).and_then(|column| column.role)
    }
}
