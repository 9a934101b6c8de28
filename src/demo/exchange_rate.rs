//! Monthly conversion rates into yuan.

use chrono::NaiveDate;

use super::calendar::{MONTH_COUNT, month_index, month_start};
use super::decimal::rate;
use super::dice::Dice;
use super::table::{Shape, Source, Table, cell};

/// The two currencies the company trades in; yuan is the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Currency {
    /// Chinese yuan, the base currency.
    Cny,
    /// American dollar.
    Usd,
}

impl Currency {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Cny, Self::Usd];

    /// ISO 4217 code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
            Self::Usd => "USD",
        }
    }
}

/// The dollar in yuan, month by month, in ten-thousandths.
#[derive(Debug)]
pub(super) struct Rates {
    usd_e4: Vec<i64>,
}

impl Rates {
    /// A slow walk between 6.70 and 7.35.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "rate");
        let mut e4 = 67_900;
        let usd_e4 = (0..MONTH_COUNT)
            .map(|_| {
                e4 = (e4 + dice.between(-620, 700)).clamp(67_000, 73_500);
                e4
            })
            .collect();
        Self { usd_e4 }
    }

    /// Yuan for one unit of `currency` in the month of `date`, in ten-thousandths.
    pub(super) fn e4(&self, currency: Currency, date: NaiveDate) -> i64 {
        match currency {
            Currency::Cny => 10_000,
            Currency::Usd => self.usd_e4.get(month_index(date) as usize).copied().unwrap_or(70_000),
        }
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "exchange_rate",
    columns: &[
        ("date", "DATE"),
        ("from_currency", "VARCHAR(3)"),
        ("to_currency", "VARCHAR(3)"),
        ("exchange_rate", "DECIMAL(12,4)"),
    ],
    key_width: 3,
};

/// `erp/exchange_rate.csv`: valid from the first day of each month.
pub(super) fn table(rates: &Rates) -> Table {
    let rows: Vec<(NaiveDate, Currency)> = (0..MONTH_COUNT)
        .flat_map(|month| Currency::ALL.map(|currency| (month_start(month), currency)))
        .collect();
    Table::of(&SHAPE, &rows, |&(date, currency)| {
        vec![cell(date), cell(currency.code()), cell("CNY"), cell(rate(rates.e4(currency, date)))]
    })
}
