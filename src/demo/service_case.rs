//! Service cases and the surveys that follow them.

use chrono::{NaiveDateTime, TimeDelta};

use super::calendar::{day_between, first_day, last_day, later, office_time};
use super::dice::Dice;
use super::employee::staff_of;
use super::opportunity::Ground;
use super::table::{Cell, Shape, Source, Table, cell};
use super::user::{User, user_of};

const KINDS: [&str; 5] = ["Defect", "Delivery", "Invoice", "Installation", "Question"];

/// One request for service.
#[derive(Debug)]
pub(super) struct ServiceCase {
    id: String,
    /// The account, by position.
    pub(super) account: usize,
    item: Option<usize>,
    /// What it is about.
    pub(super) kind: &'static str,
    priority: &'static str,
    user: usize,
    /// When it was opened.
    pub(super) opened: NaiveDateTime,
    /// When somebody answered.
    pub(super) responded: Option<NaiveDateTime>,
    /// When it was closed; open cases have not been.
    pub(super) closed: Option<NaiveDateTime>,
}

/// Answers to a survey sent when a case was closed.
#[derive(Debug)]
pub(super) struct Survey {
    case: usize,
    /// When they came in, on the clock of UTC.
    pub(super) at: NaiveDateTime,
    /// How they were asked for.
    pub(super) channel: &'static str,
    /// From 1 to 5.
    pub(super) overall: i64,
    speed: i64,
    quality: i64,
    comment: Option<&'static str>,
}

/// All cases, by time.
pub(super) fn service_cases(ground: Ground<'_>, users: &[User]) -> Vec<ServiceCase> {
    let mut dice = Dice::new(ground.master.seed, "case");
    let open: Vec<usize> =
        (0..ground.accounts.len()).filter(|&index| !ground.accounts[index].is_deleted).collect();
    let staff = staff_of(&ground.master.employees, "D-SERV");
    let mut cases: Vec<ServiceCase> = (0..ground.master.scale.transactions(280))
        .map(|_| service_case(&mut dice, ground, &open, user_of(users, staff[0])))
        .collect();
    for case in &mut cases {
        case.user = user_of(users, *dice.pick(&staff));
    }
    cases.sort_by_key(|case| (case.opened, case.account));
    for (position, case) in cases.iter_mut().enumerate() {
        case.id = format!("cas-{:05}", position + 1);
    }
    cases
}

fn service_case(dice: &mut Dice, ground: Ground<'_>, open: &[usize], user: usize) -> ServiceCase {
    let account = *dice.pick(open);
    let start = later(ground.accounts[account].entered.max(first_day()), 20);
    let date = day_between(dice, start, last_day());
    let opened = office_time(dice, date);
    let priority = dice.word(&["P1", "P2", "P2", "P3", "P3", "P3"]);
    let hours = match priority {
        "P1" => dice.between(1, 8),
        "P2" => dice.between(2, 40),
        _ => dice.between(4, 120),
    };
    let responded = opened + TimeDelta::hours(hours);
    let closed = responded + TimeDelta::hours(dice.between(2, 400));
    let end = last_day().and_hms_opt(23, 59, 59).unwrap_or_default();
    ServiceCase {
        id: String::new(),
        account,
        item: dice.chance(70).then(|| dice.index(ground.master.items.len())),
        kind: dice.word(&KINDS),
        priority,
        user,
        opened,
        responded: (responded <= end).then_some(responded),
        closed: (closed <= end && dice.chance(94)).then_some(closed),
    }
}

/// Quick help makes content customers: speed and overall follow the hours until the answer.
pub(super) fn surveys(seed: u64, cases: &[ServiceCase]) -> Vec<Survey> {
    let mut dice = Dice::new(seed, "survey");
    let mut surveys = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let (Some(responded), Some(closed)) = (case.responded, case.closed) else { continue };
        if dice.chance(70) {
            let hours = responded.signed_duration_since(case.opened).num_hours();
            let speed = (5 - hours / 24 + dice.between(-1, 1)).clamp(1, 5);
            let quality = dice.between(2, 5);
            surveys.push(Survey {
                case: index,
                at: closed + TimeDelta::hours(dice.between(2, 70)),
                channel: dice.word(&["email", "phone", "wechat"]),
                overall: (speed + quality + 1) / 2,
                speed,
                quality,
                comment: comment(&mut dice, speed),
            });
        }
    }
    surveys
}

fn comment(dice: &mut Dice, speed: i64) -> Option<&'static str> {
    let comments = match speed {
        4.. => ["Quick and friendly", "很满意", "Solved in one visit"],
        _ => ["Had to call twice", "等待时间太长", "Nobody said \"sorry\""],
    };
    dice.chance(30).then(|| dice.word(&comments))
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "service_case",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("account_id", "VARCHAR(36)"),
        ("product_code", "VARCHAR(20)"),
        ("type", "VARCHAR(20)"),
        ("priority", "VARCHAR(2)"),
        ("status", "VARCHAR(10)"),
        ("assigned_user_id", "VARCHAR(36)"),
        ("date_entered", "DATETIME"),
        ("first_responded_on", "DATETIME"),
        ("date_closed", "DATETIME"),
    ],
    key_width: 1,
};

static SURVEY_SHAPE: Shape = Shape {
    source: Source::Survey,
    name: "survey",
    columns: &[
        ("survey_id", "VARCHAR(20)"),
        ("account_id", "VARCHAR(36)"),
        ("case_id", "VARCHAR(36)"),
        ("submitted_at", "DATETIME"),
        ("channel", "VARCHAR(10)"),
        ("score.overall", "INTEGER"),
        ("score.speed", "INTEGER"),
        ("score.quality", "INTEGER"),
        ("comment", "VARCHAR(100)"),
    ],
    key_width: 1,
};

/// Table `service_case`.
pub(super) fn table(cases: &[ServiceCase], ground: Ground<'_>, users: &[User]) -> Table {
    Table::of(&SHAPE, cases, |case| row(case, ground, users))
}

fn row(case: &ServiceCase, ground: Ground<'_>, users: &[User]) -> Vec<Cell> {
    vec![
        cell(&case.id),
        cell(&ground.accounts[case.account].id),
        case.item.map(|item| ground.master.items[item].code.clone()),
        cell(case.kind),
        cell(case.priority),
        cell(if case.closed.is_some() { "Closed" } else { "Open" }),
        cell(&users[case.user].id),
        cell(case.opened),
        case.responded.map(|at| at.to_string()),
        case.closed.map(|at| at.to_string()),
    ]
}

/// `crm/survey.ndjson`.
pub(super) fn survey_table(surveys: &[Survey], cases: &[ServiceCase], ground: Ground<'_>) -> Table {
    let numbered: Vec<(usize, &Survey)> = surveys.iter().enumerate().collect();
    Table::of(&SURVEY_SHAPE, &numbered, |&(position, survey)| {
        let case = &cases[survey.case];
        vec![
            cell(format!("srv-{:05}", position + 1)),
            cell(&ground.accounts[case.account].id),
            cell(&case.id),
            cell(survey.at.format("%Y-%m-%dT%H:%M:%SZ")),
            cell(survey.channel),
            cell(survey.overall),
            cell(survey.speed),
            cell(survey.quality),
            survey.comment.map(str::to_owned),
        ]
    })
}
