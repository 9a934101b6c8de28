//! Which days count for which cell: the relation through which calculations over time see facts.
//!
//! ```text
//! day | groups over time…      one row for each day and cell that the day's facts count for
//! ```
//!
//! A fact joined through it stands in every cell it counts for: in one of the next year, in every
//! later one of the same year, and so on. Any aggregate over that is right, distinct counts too.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{Column, JoinType, Result, plan_err};
use datafusion::functions::core::expr_fn::{greatest, least};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::functions_nested::expr_fn::range;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::bound::BoundCube;
use super::context::{Length, Period, Step, TimeWindow};
use super::day_arithmetic::{DayMove, moved};
use super::fact_span::FactSpan;
use super::normal_form::{column_of, columns, level_name};
use super::planner::{STAR, fact_reference, over_star, physical, role_reference};
use super::retail_arithmetic::Beyond;
use super::time_calendar::{TimeCalendar, civil_level, finest_of, retail_level};

/// The relation's name where it is joined.
pub(super) const TIME: &str = "time";
/// Its column of days, as version keys of the date dimension.
pub(super) const DAY: &str = "day";
/// Its column of the number of periods in the window, for [`TimeWindow::Periods`].
pub(super) const PERIODS: &str = "periods";

// Columns on the way to it.
const START: &str = "start";
const END: &str = "end";
const FIRST: &str = "first";
const LAST: &str = "last";
const FROM: &str = "from";
const MOVED: &str = "moved";
/// The level that repeats, and is no period.
const WEEKDAY: &str = "weekday";

/// The cells of one grouping set as far as time goes.
pub(super) struct TimeCells<'a> {
    /// The cube.
    pub bound: &'a BoundCube,
    /// The time role, by position in the cube.
    pub role: usize,
    /// What is grouped by over the time role, under the names to give.
    pub groups: Vec<(String, Expr)>,
    /// Conditions over the time role.
    pub conditions: Vec<Expr>,
    /// What all grouping sets of the question group by over the time role.
    pub all_groups: Vec<Expr>,
    /// All that the question says of the time role, in groups and in conditions.
    pub said: Vec<Expr>,
    /// What of that is over levels that the facts do not have.
    pub unsaid: Vec<Expr>,
    /// Every cube whose facts the question is over, with its time role.
    pub bases: Vec<(&'a BoundCube, usize)>,
}

impl TimeCells<'_> {
    /// The relation for `window`; `None` where the cells have no period and the window needs one.
    pub(super) fn map(&self, window: TimeWindow) -> Result<Option<LogicalPlan>> {
        self.check_calendar(window)?;
        self.check_weekdays(window)?;
        let plan = match window {
            TimeWindow::Own => return datafusion::common::internal_err!("own facts need no map"),
            TimeWindow::Shifted { by, so_far } => {
                let Some(moved) = self.moved(by)? else { return Ok(None) };
                self.shifted(moved, so_far)?
            }
            TimeWindow::ToDate { period, years_back } => self.to_date(period, years_back)?,
            TimeWindow::Months(count) => {
                let after = col(END) + lit(1_i64);
                let from = self.calendar().months_before(after, i32::from(count));
                self.spread(self.ending(self.end_of_facts())?, from, col(END), None)?
            }
            TimeWindow::Days(count) => {
                let from = col(END) - lit(i64::from(count) - 1);
                self.spread(self.ending(col(LAST))?, from, col(END), None)?
            }
            TimeWindow::Periods(count) => {
                let Some(period) = self.finest() else { return Ok(None) };
                self.periods(period, count)?
            }
            TimeWindow::Running => self.running()?,
        };
        plan.alias(TIME)?.build().map(Some)
    }

    /// Months and years are those of one calendar, in which the facts have their levels.
    fn check_calendar(&self, window: TimeWindow) -> Result<()> {
        let levels = self.levels_of(self.said.iter());
        let counts_days = matches!(window, TimeWindow::Days(_) | TimeWindow::Running);
        let Some(retail) = retail_level(&levels).filter(|_| !counts_days) else { return Ok(()) };
        let role = &self.bound.cube.roles[self.role].role.name;
        if let Some(civil) = civil_level(&levels) {
            return plan_err!(
                "`{role}_{retail}` and `{role}_{civil}` are of two calendars, and a calculation over \
                 months or years counts in one; ask by levels of one of them"
            );
        }
        if let TimeWindow::ToDate { period, .. } = window
            && period.is_fiscal()
        {
            return plan_err!(
                "a fiscal year or quarter to date does not fit `{role}_{retail}`, as the retail \
                 calendar has other years; ask ytd or qtd, or ask by other levels of time"
            );
        }
        if let Some(lacking) = retail_level(&self.levels_of(self.unsaid.iter())) {
            return plan_err!(
                "a calculation over months or years of the retail calendar does not fit the cube \
                 `{}`, which has no `{role}_{lacking}`; ask its measures in a question of their own",
                self.bound.cube.name
            );
        }
        Ok(())
    }

    /// The same day of another month or year is another weekday.
    fn check_weekdays(&self, window: TimeWindow) -> Result<()> {
        let by_weeks = match window {
            TimeWindow::Shifted { by: Step::Year, .. } => self.is_of_weeks() || self.is_retail(),
            TimeWindow::Shifted { by: Step::Period, .. } => self.finest().is_none_or(|period| {
                period == Period::Week || period != Period::Day && self.is_retail()
            }),
            _ => true,
        };
        if by_weeks || !self.levels_of_question().contains(WEEKDAY) {
            return Ok(());
        }
        plan_err!(
            "a comparison with another time does not fit `{}_{WEEKDAY}`: the same days of it are \
             other weekdays; ask it by weeks, or select the cells to compare in a CTE",
            self.bound.cube.roles[self.role].role.name
        )
    }

    /// The finest level of time that is grouped by.
    pub(super) fn finest(&self) -> Option<Period> {
        finest_of(&self.levels_of(self.groups.iter().map(|(_, group)| group)))
    }

    /// The calendar in which the question counts.
    fn calendar(&self) -> TimeCalendar {
        let rules = self.bound.cube.roles[self.role].dimension.calendar.unwrap_or_default();
        TimeCalendar::of(rules, &self.levels_of(self.said.iter()))
    }

    fn is_retail(&self) -> bool {
        matches!(self.calendar(), TimeCalendar::Retail(_))
    }

    /// The names of the dimension's levels anywhere in the question.
    fn levels_of_question(&self) -> BTreeSet<String> {
        self.levels_of(self.all_groups.iter().chain(&self.conditions))
    }

    /// The names of the dimension's levels in `exprs`.
    fn levels_of<'e>(&self, exprs: impl Iterator<Item = &'e Expr>) -> BTreeSet<String> {
        let prefix = format!("{}_", self.bound.cube.roles[self.role].role.name);
        let flat = exprs.flat_map(columns);
        let of_level = flat.filter_map(|column| {
            let flat = self.bound.cube.column(level_name(&column)?)?;
            Some(flat.level.as_ref()?.strip_prefix(&prefix)?.to_owned())
        });
        of_level.collect()
    }

    /// Whether the question is about ISO weeks, which years of months do not hold whole.
    fn is_of_weeks(&self) -> bool {
        let levels = self.levels_of_question();
        let of_months = [Period::Month, Period::Quarter, Period::FiscalQuarter, Period::Half];
        levels.contains(Period::Week.level())
            && !of_months.iter().any(|period| levels.contains(period.level()))
    }

    /// Whether the cells are of retail weeks or days: these are compared with those of the same number,
    /// and week 53 of a year with nothing in one of 52 weeks.
    fn is_of_retail_weeks(&self) -> bool {
        const WHOLE: [&str; 4] = ["retail_month", "retail_quarter", "retail_year", WEEKDAY];
        let groups = self.groups.iter().map(|(_, group)| group);
        // An attribute of days is no level.
        let is_whole = |group: &Expr| {
            columns(group).iter().all(|column| {
                let levels = self.levels_of(std::iter::once(&Expr::Column(column.clone())));
                levels.iter().any(|level| WHOLE.contains(&level.as_str()))
            })
        };
        !groups.into_iter().all(is_whole)
            || self.levels_of(self.conditions.iter()).contains("retail_week")
    }

    /// Where a day goes that another month or year does not have.
    fn beyond(&self, by: Step) -> Beyond {
        let exprs = self.groups.iter().map(|(_, group)| group).chain(&self.conditions);
        match by {
            Step::Year if self.is_of_retail_weeks() => Beyond::Nowhere,
            _ if self.levels_of(exprs).contains(WEEKDAY) => Beyond::LastWeek,
            _ => Beyond::LastDay,
        }
    }

    /// The days that meet the conditions, with the groups they are in.
    fn days(&self) -> Result<LogicalPlanBuilder> {
        let exprs = self.groups.iter().map(|(_, group)| group).chain(&self.conditions);
        let used: BTreeSet<String> = exprs
            .flat_map(columns)
            .filter_map(|column| level_name(&column).map(str::to_owned))
            .collect();
        let flat = used.iter().filter_map(|name| self.bound.cube.column(name));
        let mut shown: Vec<Expr> = flat.map(|column| physical(column, self.bound)).collect();
        shown.push(self.key().alias(DAY));
        let mut days = self.all_days()?.project(shown)?.alias(STAR)?;
        for condition in &self.conditions {
            days = days.filter(over_star(condition.clone())?)?;
        }
        let groups = self
            .groups
            .iter()
            .map(|(name, group)| over_star(group.clone()).map(|group| group.alias(name)));
        let mut shown = groups.collect::<Result<Vec<_>>>()?;
        shown.push(Expr::Column(column_of(STAR, DAY)).alias(DAY));
        days.project(shown)
    }

    /// Every day of the calendar.
    fn all_days(&self) -> Result<LogicalPlanBuilder> {
        let source = Arc::clone(self.bound.dimension(self.role));
        let days = LogicalPlanBuilder::scan(role_reference(self.bound, self.role), source, None)?;
        // Unknown and not applicable are no days.
        days.filter(self.key().gt(lit(0_i64)))
    }

    fn key(&self) -> Expr {
        self.column(&self.bound.cube.roles[self.role].dimension.key_column())
    }

    fn column(&self, name: &str) -> Expr {
        Expr::Column(Column::new(Some(role_reference(self.bound, self.role)), name))
    }

    /// The first and the last day with facts, in one row.
    ///
    /// Of several facts the last day is that of the one that ends first: what is compared up to a
    /// day must have got there.
    fn span(&self) -> Result<LogicalPlan> {
        let (key, facts) = known_days(self.bound, self.role)?;
        let mut span = facts.aggregate(
            Vec::<Expr>::new(),
            vec![min(key.clone()).alias(FIRST), max(key).alias(LAST)],
        )?;
        let mut ends = vec![col(LAST)];
        let others = self.bases.iter().filter(|(cube, _)| cube.cube.name != self.bound.cube.name);
        for (at, (cube, role)) in others.enumerate() {
            let (key, facts) = known_days(cube, *role)?;
            let name = format!("last_{at}");
            let end = facts.aggregate(Vec::<Expr>::new(), vec![max(key).alias(&name)])?;
            span = span.cross_join(end.build()?)?;
            ends.push(col(&name));
        }
        span.project(vec![col(FIRST), least(ends).alias(LAST)])?.build()
    }

    /// `rows` with the columns `first` and `last` of [`Self::span`].
    fn with_span(&self, rows: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
        let Some(span) = self.told_span() else { return rows.cross_join(self.span()?) };
        let own = rows.schema().columns().into_iter().map(Expr::Column);
        let span = [lit(span.first).alias(FIRST), lit(span.last).alias(LAST)];
        let shown: Vec<Expr> = own.chain(span).collect();
        rows.project(shown)
    }

    /// What [`Self::span`] gives, where the statistics of all facts tell.
    fn told_span(&self) -> Option<FactSpan> {
        let own = FactSpan::told(self.bound, self.role)?;
        let lasts = self.bases.iter().map(|(cube, role)| Some(FactSpan::told(cube, *role)?.last));
        let lasts = lasts.collect::<Option<Vec<i64>>>()?;
        Some(FactSpan { last: lasts.into_iter().fold(own.last, i64::min), ..own })
    }

    fn group_columns(&self) -> Vec<Expr> {
        self.groups.iter().map(|(name, _)| col(name)).collect()
    }

    /// The cells that begin no later than facts end: groups, start, end, first, last.
    fn cells(&self) -> Result<LogicalPlanBuilder> {
        let ends = vec![min(col(DAY)).alias(START), max(col(DAY)).alias(END)];
        let cells = self.days()?.aggregate(self.group_columns(), ends)?;
        self.with_span(cells)?.filter(col(START).lt_eq(col(LAST)))
    }

    /// The cells, whose end is moved back to `latest` where it is later.
    fn ending(&self, latest: Expr) -> Result<LogicalPlanBuilder> {
        let mut shown = self.group_columns();
        shown.extend([least(vec![col(END), latest]).alias(END), col(FIRST), col(LAST)]);
        self.cells()?.project(shown)
    }

    /// For each of `cells` the days from `from` up to `upto` that facts can be on.
    fn spread(
        &self,
        cells: LogicalPlanBuilder,
        from: Expr,
        upto: Expr,
        periods: Option<Expr>,
    ) -> Result<LogicalPlanBuilder> {
        let days = range(greatest(vec![from, col(FIRST)]), upto + lit(1_i64), lit(1_i64));
        let mut shown = self.group_columns();
        shown.extend(periods.map(|periods| periods.alias(PERIODS)));
        shown.push(days.alias(DAY));
        cells.project(shown)?.unnest_column(Column::from_name(DAY))
    }

    /// How every day of the calendar is moved; `None` without a period to move it by.
    fn moved(&self, by: Step) -> Result<Option<Expr>> {
        let calendar = self.calendar();
        let by_length = |length: Length| calendar.later(col(DAY), length, self.beyond(by));
        Ok(match by {
            Step::Year if !self.is_retail() && self.is_of_weeks() => {
                Some(moved(col(DAY), DayMove::NextWeekYear))
            }
            Step::Year => Some(by_length(Period::Year.length())),
            Step::Period => self.finest().map(|period| by_length(period.length())),
        })
    }

    fn shifted(&self, moved: Expr, so_far: bool) -> Result<LogicalPlanBuilder> {
        let sources = self.all_days()?.project(vec![self.key().alias(DAY)])?;
        let sources = sources.project(vec![col(DAY).alias(FROM), moved.alias(MOVED)])?.build()?;
        // A period counts whole once it has begun; the total is that of the periods that are shown.
        let period = finest_of(&self.levels_of(self.all_groups.iter()));
        let period = period.unwrap_or(Period::Month);
        let joined = self.days()?.join(
            sources,
            JoinType::Inner,
            (vec![Column::from_name(DAY)], vec![Column::from_name(MOVED)]),
            None,
        )?;
        let joined =
            self.with_span(joined)?.filter(self.start_of(period, col(DAY)).lt_eq(col(LAST)))?;
        let joined = if so_far { joined.filter(col(MOVED).lt_eq(col(LAST)))? } else { joined };
        let mut shown = self.group_columns();
        shown.push(col(FROM).alias(DAY));
        joined.project(shown)
    }

    fn to_date(&self, period: Period, years_back: u8) -> Result<LogicalPlanBuilder> {
        let mut cells = self.ending(self.end_of_facts())?;
        if years_back > 0 {
            let mut shown = self.group_columns();
            let of_weeks = self.is_of_retail_weeks();
            let back = self.calendar().years_back(col(END), years_back, of_weeks);
            shown.extend([back.alias(END), col(FIRST), col(LAST)]);
            cells = cells.project(shown)?;
        }
        self.spread(cells, self.start_of(period, col(END)), col(END), None)
    }

    /// The first day of the `period` that `day` is in.
    fn start_of(&self, period: Period, day: Expr) -> Expr {
        self.calendar().start_of(period, day)
    }

    /// The last day of the month in which the last fact happened.
    fn end_of_facts(&self) -> Expr {
        self.calendar().end_of_month(col(LAST))
    }

    /// The periods in which the cells end and those before, `count` in all, each of them whole.
    fn periods(&self, period: Period, count: u16) -> Result<LogicalPlanBuilder> {
        let (begun, first) = (self.start_of(period, col(END)), self.start_of(period, col(FIRST)));
        let (from, back) = match period.length() {
            Length::Days(days) => {
                let from = begun.clone() - lit(days * (i64::from(count) - 1));
                (from, (begun - first) / lit(days))
            }
            Length::Months(months) => {
                let earlier = Length::Months(months * (1 - i32::from(count)));
                let back = self.calendar().months_between(first, begun.clone());
                // It is the first day of a month, which every month has.
                let from = self.calendar().later(begun, earlier, Beyond::LastDay);
                (from, back / lit(i64::from(months)))
            }
        };
        // A period counts when it does not end before the first fact.
        let counted = least(vec![lit(i64::from(count)), back + lit(1_i64)]);
        let counted = when(col(END).gt_eq(col(FIRST)), counted).otherwise(lit(0_i64))?;
        self.spread(self.ending(col(END))?, from, col(END), Some(counted))
    }

    fn running(&self) -> Result<LogicalPlanBuilder> {
        let cells = self.ending(self.end_of_facts())?;
        let spread = self.spread(cells, col(FIRST), col(END), None)?;
        if self.conditions.is_empty() {
            return Ok(spread);
        }
        let meeting = Self {
            bound: self.bound,
            role: self.role,
            groups: Vec::new(),
            conditions: self.conditions.clone(),
            all_groups: Vec::new(),
            said: Vec::new(),
            unsaid: Vec::new(),
            bases: Vec::new(),
        };
        let meeting = meeting.days()?.project(vec![col(DAY).alias(FROM)])?.build()?;
        let mut shown = self.group_columns();
        shown.push(col(DAY));
        spread
            .join(
                meeting,
                JoinType::Inner,
                (vec![Column::from_name(DAY)], vec![Column::from_name(FROM)]),
                None,
            )?
            .project(shown)
    }
}

/// The rows of a cube's fact on known days, and the column of these.
fn known_days(cube: &BoundCube, role: usize) -> Result<(Expr, LogicalPlanBuilder)> {
    let fact = fact_reference(cube);
    let key = Column::new(Some(fact.clone()), cube.cube.roles[role].role.key_column());
    let key = Expr::Column(key);
    let facts = LogicalPlanBuilder::scan(fact, Arc::clone(cube.fact()), None)?;
    Ok((key.clone(), facts.filter(key.gt(lit(0_i64)))?))
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}
