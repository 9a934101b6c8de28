//! Temporary projects, and the program run on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program under test.
pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_starling")
}

/// This repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Stdout of a run that must succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self.out
    }

    /// Stderr of a run that must fail as a handled problem, in one message, without a panic.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_eq!(self.code, Some(1), "{}\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        let messages = self.err.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(messages.count(), 1, "{}", self.err);
        self.err
    }
}

/// A project folder of its own, with its warehouse in it.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A copy of a folder of this repository.
    pub fn copy_of(folder: &str) -> Self {
        let project = Self::empty();
        copy(&repository().join(folder), project.path());
        project
    }

    /// A shop: customers and sales as CSV, one cube, one row that cannot load.
    pub fn shop() -> Self {
        let project = Self::empty();
        project.write("starling.yaml", "version: 1\nname: shop\nwarehouse: wh\n");
        project
            .write("data/customers.csv", "no,name,city\nC1,Ada,Paris\nC2,Bob,Rome\nC3,Cyd,Rome\n");
        project.write(
            "data/sales.csv",
            "id,day,customer,amount\n1,2024-01-31,C1,10.50\n2,2024-02-29,C2,4.25\n\
             3,2024-02-30,C1,1.00\n4,2024-03-01,C9,2.00\n5,2025-01-01,C3,100.00\n",
        );
        project.write(
            "etl/sources.yaml",
            "version: 1\nsources:\n  shop:\n    csv: {path: data}\n    tables:\n      \
             customer: {file: customers.csv, key: [no]}\n      sale:\n        \
             file: sales.csv\n        types: {day: date, amount: \"decimal(10,2)\"}\n",
        );
        project.write(
            "etl/customer.yaml",
            "version: 1\ndimension: customer\nkey: customer_no\nfrom:\n  - table: shop.customer\n    \
             columns: {customer_no: no, name: name, city: city}\nlevels:\n  city: city\n  \
             customer: {key: customer_no, caption: name}\nhierarchies:\n  by_city: [city, customer]\n",
        );
        project.write(
            "etl/sales.yaml",
            "version: 1\nfact: sales\ngrain: [sale_no]\nfrom:\n  - table: shop.sale\n    \
             columns: {sale_no: id, amount: {expr: amount, currency: EUR}}\ndimensions:\n  \
             date: {on: day}\n  customer: {on: customer}\n",
        );
        project.write(
            "cubes/sales.yaml",
            "version: 1\ncube: sales\nfact: sales\nmeasures:\n  revenue: {sum: amount}\n  \
             sales: {count: \"*\"}\n  average: {expr: \"revenue / sales\"}\n",
        );
        project
    }

    /// A shop that has goals too, and a cube that puts sales and goals together.
    pub fn shop_with_goals() -> Self {
        let shop = Self::shop();
        shop.write(
            "data/goals.csv",
            "month,city,amount\n2024-01-01,Rome,50\n2024-02-01,Paris,60\n",
        );
        shop.edit(
            "etl/sources.yaml",
            "      sale:",
            "      goal: {file: goals.csv, types: {month: date, amount: \"decimal(10,2)\"}}\n      sale:",
        );
        shop.write(
            "etl/goal.yaml",
            "fact: goal\ngrain: [month]\nfrom:\n  - table: shop.goal\n    columns: {month: month, town: city, \
             amount: {expr: amount, currency: EUR}}\ndimensions:\n  date: {on: month}\n",
        );
        shop.write(
            "cubes/goals.yaml",
            "version: 1\ncube: goals\nfact: goal\nlevels:\n  town: {key: town}\nmeasures:\n  goal: {sum: \
             amount}\n  months: {count: \"*\"}\n",
        );
        shop.write(
            "cubes/both.yaml",
            "version: 1\ncube: both\ncubes:\n  sales: {measures: [revenue, average], unrelated: repeat}\n  goals: \
             {measures: goal, grain: {date: month}, unrelated: empty}\nmeasures:\n  reached: {expr: revenue / \
             goal}\n",
        );
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Replaces text in one of its files; the text must be there.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        assert!(text.contains(from), "`{from}` is not in {name}");
        self.write(name, &text.replace(from, to));
    }

    /// The program on this project.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("-C").arg(self.path()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Rows of a query as CSV lines without the header.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<String> {
        let out = self.run(&["sql", sql, "--format", "csv"]).ok();
        out.lines().skip(1).map(str::to_owned).collect()
    }

    /// Everything in the warehouse, as text: every table in full, and what the loads counted.
    #[track_caller]
    pub fn contents(&self) -> String {
        let tables = self.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'warehouse' ORDER BY 1",
        );
        let mut text = String::new();
        for table in tables {
            let sql = format!("SELECT * FROM warehouse.{table} ORDER BY 1, 2, 3");
            text.push_str(&format!("{table}\n{}\n", self.sql(&sql).join("\n")));
        }
        let quarantine = "SELECT * FROM system.quarantine ORDER BY 1, 2, 3, 4, 5";
        text.push_str(&self.sql(quarantine).join("\n"));
        text
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// Stdout of a script of `tests/python`, run in the environment that `scripts/test` made.
#[track_caller]
pub fn python(script: &str, arguments: &[&str]) -> String {
    let python = std::env::var("STARLING_PYTHON").unwrap_or_else(|_| "python3".into());
    let path = repository().join("tests/python").join(script);
    let output = Command::new(python).arg(path).args(arguments).output().unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, Some(0), "{script}\n{}\n{}", run.out, run.err);
    run.out
}

/// Whether the long suites were asked for.
pub fn long_tests() -> bool {
    std::env::var_os("STARLING_LONG_TESTS").is_some()
}

/// A folder of real data that nobody here made; `None`, with a word, where it is not there.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("STARLING_DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| repository().join("../shared/data")).join(name);
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    println!("skipped: no folder of real data; set STARLING_DATA to one with {name}");
    None
}
