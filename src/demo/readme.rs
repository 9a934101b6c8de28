//! The page that explains the files.

use super::defect::Kind;
use super::dirt::Dirt;
use super::table::Source;

const INTRODUCTION: &str = "# The demo company

A company that sells pumps, valves and sensors in China and abroad, from 2023-01-01 to 2025-12-31.
It does not exist, and neither do its customers, people and numbers; only the names and codes of places are real.
Its ERP is a folder of CSV files, its CRM one SQLite script, and its surveys are NDJSON.
Defects are planted in them, each one is listed, and the right answers are computed beside them.
";

const ORIGIN: &str = "
The files are generated, never edited:

```sh
starling demo generate --seed SEED --scale SCALE --out fixtures
```

The same seed and scale give the same bytes.
The licence is that of the project.
Tax numbers look like real ones, but their check digits are not right.
";

const READING: &str = "
## How to read them

- All text is UTF-8 with line feeds; CSV files have a header and follow RFC 4180.
- `erp/payment.csv` is punctuated with `;` between fields and `,` before decimals; all others with `,` and `.`.
- `crm.sql` makes a database with `sqlite3 crm.db < crm.sql`; it has primary keys and no foreign keys, so orphans fit in.
- A document counts when `docstatus` is 1 (0 is a draft, 2 is cancelled); a CRM record counts when `deleted` is 0.
  Rows of documents and opportunities that do not count are left out by rule, with their details.
- `base_` amounts are in yuan: the amount times the conversion rate of the month, half a fen rounded up, line by line.
- A sales line is `sales_invoice_item`; its invoice gives date, customer, sales person and two counties, where the bill and where the goods go.
- A county name is not a key: 鼓楼区 lies in four cities, 朝阳区, 和平区 and 西湖区 in two, and there are two Orange Counties.
- `erp_code` on an account and `erp_sales_order` on an opportunity tie the CRM to the ERP, where somebody noted them.

## Truth

`truth/` is computed from the company before dirt was planted, and from the list of defects; sums are exact decimals.

- `defects.csv`: one line per defect; `row` counts data rows of the table from 1, `key` is the natural key as written.
  A row has at most one defect, so counts add up.
- `NAME_by_*.csv`, `totals.json`: after both systems are loaded as they are.
  What is quarantined, dropped or left out by rule is not counted; what points nowhere is counted under `(unknown)`.
  Countries and counties are those of the bill, unless the role says `shipping`.
  `invoices`, `orders`, `people` and the like count each once and must not be summed over groups that share one.
- `receivable_by_*.csv`: invoices with their taxes, and receipts that are `settled` at the rate of their invoice, not rounded.
  By month each is on its own day; by month due, receipts stand with their invoices, those of invoices that are not loaded under `(unknown)`.
- `stage_move_by_month_stage.csv`: `days_in_stage` are whole days in the stage that was left, where the change into it is loaded too.
- `deal_by_*.csv`: opportunities by day of entry and country of the account, orders by day and country of the customer.
- `survey_by_month_channel.csv`: months on the company's clock, eight hours ahead of the UTC of the file.
- `customer_match.csv`: which account and which customer are one company, what gives it away, and how the account is spelled.
  `evidence` is the strongest thing both records show: `erp_code`, `tax_no`, `domain` of mail or web, or only the `name` (and county).
  One side is empty for companies that only one system knows; deleted accounts are left out.
  Some companies share a name and are not one: their tax numbers differ.
- `unified_sales_by_customer.csv`: sales after customers are unified.
";

/// The text of `README.md`.
pub(super) fn render(dirt: &Dirt, seed: u64, scale: u32) -> String {
    let origin = ORIGIN.replace("SEED", &seed.to_string()).replace("SCALE", &scale.to_string());
    format!("{INTRODUCTION}{origin}{READING}{}{}", row_counts(dirt), defect_counts(dirt))
}

fn row_counts(dirt: &Dirt) -> String {
    let mut text = String::from("\n## Rows\n\n| file or table | rows |\n|---|---:|\n");
    for source in [Source::Erp, Source::Crm, Source::Survey] {
        for dirty in dirt.of(source) {
            let name = dirty.table.shape.name;
            let place = match source {
                Source::Erp => format!("erp/{name}.csv"),
                Source::Crm => format!("crm.sql, {name}"),
                Source::Survey => format!("crm/{name}.ndjson"),
            };
            text.push_str(&format!("| {place} | {} |\n", dirty.table.rows.len()));
        }
    }
    text
}

fn defect_counts(dirt: &Dirt) -> String {
    let mut text =
        String::from("\n## Defects\n\n| kind | rows | outcome | rule |\n|---|---:|---|---|\n");
    for kind in Kind::ALL {
        let defects = dirt.tables.iter().flat_map(|dirty| &dirty.defects);
        let count = defects.filter(|defect| defect.kind == kind).count();
        let (name, outcome, rule) = (kind.name(), kind.outcome().name(), kind.rule());
        text.push_str(&format!("| {name} | {count} | {outcome} | {rule} |\n"));
    }
    text
}
