//! `starling sql` and `starling query`: questions without a server.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::args::{MomentOptions, QueryOptions, SqlOptions};
use super::{Place, output, say};
use crate::cube::{CubeQuery, Filter, Sort, Top};
use crate::engine::{self, Moment, Policy, Principal, Snapshot, execute, physical_plan, plan};
use crate::error::{Error, ErrorKind, Result, ResultExt};

pub(super) async fn sql(place: &Place, options: &SqlOptions) -> Result<()> {
    let snapshot = place.snapshot(options.moment.moment()?).await?;
    if let Some(times) = options.repeat {
        let (all, planning) = median_times(&snapshot, &options.sql, times).await?;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        say(&format!(
            "{:.2} ms, of it {:.2} ms planning, the medians of {times}",
            ms(all),
            ms(planning)
        ));
    }
    output::print(ask(&snapshot, &options.sql).await?, options.format).await
}

async fn ask(snapshot: &Snapshot, sql: &str) -> Result<SendableRecordBatchStream> {
    let plan = plan(snapshot, sql, &Principal::everyone(), Policy::Everything).await?;
    execute(snapshot, plan).await
}

/// How long a question takes, all rows read, and how long it takes of that to plan it, from text to
/// physical plan.
async fn median_times(
    snapshot: &Snapshot,
    sql: &str,
    times: usize,
) -> Result<(Duration, Duration)> {
    let (mut all, mut planning) = (Vec::new(), Vec::new());
    for _ in 0..times.max(1) {
        #[expect(clippy::disallowed_methods, reason = "how long it took is for the person only")]
        let started = Instant::now();
        let plan = plan(snapshot, sql, &Principal::everyone(), Policy::Everything).await?;
        let plan = physical_plan(snapshot, plan).await?;
        planning.push(started.elapsed());
        let _rows: Vec<RecordBatch> = engine::run(snapshot, plan)?.try_collect().await?;
        all.push(started.elapsed());
    }
    all.sort();
    planning.sort();
    Ok((all[all.len() / 2], planning[planning.len() / 2]))
}

pub(super) async fn cube(place: &Place, options: &QueryOptions) -> Result<()> {
    let query = match &options.json {
        Some(file) => CubeQuery::from_json(&text_of(file)?)?,
        None => written(options)?,
    };
    let query = at_moment(query, options)?;
    let moment = Moment::of(query.epoch, query.as_of.as_deref())?;
    let snapshot = place.snapshot(moment).await?;
    let (query, is_detail) = options.navigation.walk(query, &snapshot)?;
    if options.print_json {
        if is_detail {
            return Err(Error::invalid_input(
                "fact rows are no cube query; leave out --drill-through or --print-json",
            ));
        }
        return output::print_text(&query.to_json()?);
    }
    let cube = snapshot.cube(&query.cube)?;
    if is_detail {
        let sql = query.drill_through(cube, &snapshot.context).await?;
        return output::print(ask(&snapshot, &sql).await?, options.format).await;
    }
    let cells = query.run(cube, &snapshot.context, options.max_cells).await?;
    output::print_batch(&cells.cells, options.format)
}

/// The query that the options spell.
fn written(options: &QueryOptions) -> Result<CubeQuery> {
    let sets = options.sets.iter().cloned().map(Filter::Set);
    let filters = options.filters.iter().cloned().map(Filter::Sql).chain(sets);
    Ok(CubeQuery {
        cube: options.cube.clone().unwrap_or_default(),
        rows: options.rows.clone(),
        columns: options.columns.clone(),
        measures: options.measures.clone(),
        filters: filters.collect(),
        top: options.top.iter().map(|text| top(text, options)).collect::<Result<_>>()?,
        having: options.having.clone(),
        sort: options.sort.iter().cloned().map(Sort::from).collect(),
        limit: options.limit,
        totals: options.totals,
        members: options.members,
        ..CubeQuery::default()
    })
}

/// `LEVEL=N` or `LEVEL=N:MEASURE`
fn top(text: &str, options: &QueryOptions) -> Result<Top> {
    let parts = text.split_once('=').and_then(|(level, rest)| {
        let (n, by) = rest.split_once(':').unwrap_or((rest, ""));
        Some((level, n.trim().parse().ok()?, by))
    });
    let Some((level, n, by)) = parts else {
        let what =
            format!("`--top {text}` is not LEVEL=N or LEVEL=N:MEASURE, as in customer.city=3");
        return Err(Error::invalid_input(what));
    };
    let first = options.measures.first().map_or("", String::as_str);
    let by = if by.is_empty() { first } else { by };
    if by.is_empty() {
        let what = format!("`--top {text}` leads in no measure; write {level}={n}:MEASURE");
        return Err(Error::invalid_input(what));
    }
    let (level, by) = (level.to_owned(), by.to_owned());
    Ok(Top { level, n, by, least: false, others: options.others.clone() })
}

/// The query in the epoch of the command line, which goes before one in JSON.
fn at_moment(query: CubeQuery, options: &QueryOptions) -> Result<CubeQuery> {
    let MomentOptions { epoch, as_of } = &options.moment;
    match options.moment.moment()? {
        Moment::Newest => Ok(query),
        _ => Ok(CubeQuery { epoch: *epoch, as_of: as_of.clone(), ..query }),
    }
}

/// What is in `file`, or on stdin when that is a minus.
fn text_of(file: &str) -> Result<String> {
    if file == "-" {
        return std::io::read_to_string(std::io::stdin())
            .or_fail(ErrorKind::InvalidInput, || "reading a query from stdin".into());
    }
    std::fs::read_to_string(file)
        .or_fail(ErrorKind::NotFound, || format!("cannot read the query `{file}`"))
}
