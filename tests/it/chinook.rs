//! One music shop's database in SQLite, PostgreSQL and MariaDB: the same rows through three connectors
//! are the same warehouse, and its totals are those of the database's own SQL.

use crate::servers::{Database, PASSWORD, mariadb, postgres};
use crate::support::{Project, real_data};

/// How each form of the database spells its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// `InvoiceLine`.
    Pascal,
    /// `invoice_line`.
    Snake,
}

impl Spelling {
    fn name(self, pascal: &str) -> String {
        if self == Self::Pascal {
            return pascal.to_owned();
        }
        let mut snake = String::new();
        for letter in pascal.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        snake
    }

    /// Replaces each `<Name>` of a template by the quoted name, as an SQL expression wants it.
    fn fill(self, template: &str) -> String {
        let mut parts = template.split(['<', '>']);
        let mut text = parts.next().unwrap().to_owned();
        while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
            text.push_str(&self.name(name));
            text.push_str(rest);
        }
        text
    }
}

const SOURCES: &str = "
    tables:
      line: {table: <InvoiceLine>}
      invoice: {table: <Invoice>}
      track: {table: <Track>}
      album: {table: <Album>}
      artist: {table: <Artist>}
      genre: {table: <Genre>}
      customer: {table: <Customer>}
      employee: {table: <Employee>}
";

const CUSTOMER: &str = r#"
version: 1
dimension: customer
key: customer_no
from:
  - table: shop.customer
    columns:
      customer_no: '"<CustomerId>"'
      name: '"<FirstName>" || '' '' || "<LastName>"'
      company: '"<Company>"'
      email: '"<Email>"'
      # PostgreSQL drops the blank behind a text that the script writes as N'…'.
      city: 'trim("<City>")'
      country: '"<Country>"'
levels:
  country: country
  customer: {key: customer_no, caption: name}
hierarchies:
  by_country: [country, customer]
"#;

const TRACK: &str = r#"
version: 1
dimension: track
key: track_no
from:
  - table: shop.track
    lookup:
      album: {table: shop.album, on: {<AlbumId>: 'source."<AlbumId>"'}}
      artist: {table: shop.artist, on: {<ArtistId>: 'album."<ArtistId>"'}}
      genre: {table: shop.genre, on: {<GenreId>: 'source."<GenreId>"'}}
    columns:
      track_no: '"<TrackId>"'
      track: 'source."<Name>"'
      composer: '"<Composer>"'
      milliseconds: '"<Milliseconds>"'
      album: 'album."<Title>"'
      artist: 'artist."<Name>"'
      genre: 'genre."<Name>"'
levels:
  genre: genre
  artist: artist
  track: {key: track_no, caption: track}
hierarchies:
  by_genre: [genre, track]
"#;

const EMPLOYEE: &str = r#"
version: 1
dimension: employee
key: employee_no
from:
  - table: shop.employee
    columns:
      employee_no: '"<EmployeeId>"'
      boss_no: '"<ReportsTo>"'
      name: '"<LastName>"'
      hired: '"<HireDate>"'
levels:
  employee: {key: employee_no, caption: name}
hierarchies:
  organisation: {parent: boss_no, level: employee}
"#;

const SALES: &str = r#"
version: 1
fact: sales
grain: [line_no]
from:
  - table: shop.line
    lookup:
      invoice: {table: shop.invoice, on: {<InvoiceId>: 'source."<InvoiceId>"'}}
      buyer: {table: shop.customer, on: {<CustomerId>: 'invoice."<CustomerId>"'}}
    columns:
      line_no: '"<InvoiceLineId>"'
      quantity: '"<Quantity>"'
      amount: {expr: '"<UnitPrice>" * "<Quantity>"', currency: USD}
      postcode: '"<BillingPostalCode>"'
      invoiced_at: '"<InvoiceDate>"'
dimensions:
  date: {on: '"<InvoiceDate>"'}
  customer: {on: 'invoice."<CustomerId>"'}
  track: {on: '"<TrackId>"'}
  employee: {on: '"<SupportRepId>"'}
"#;

const CUBE: &str = "
version: 1
cube: sales
fact: sales
measures:
  revenue: {sum: amount}
  lines: {count: \"*\"}
";

fn project(connector: &str, spelling: Spelling) -> Project {
    let project = Project::empty();
    project.write("starling.yaml", "version: 1\nname: chinook\nwarehouse: wh\n");
    project.write("password", PASSWORD);
    let sources = spelling.fill(SOURCES);
    project.write(
        "etl/sources.yaml",
        &format!(
            "version: 1\nsources:\n  shop:\n    {connector}\n{}",
            sources.trim_start_matches('\n')
        ),
    );
    for (name, template) in
        [("customer", CUSTOMER), ("track", TRACK), ("employee", EMPLOYEE), ("sales", SALES)]
    {
        project.write(&format!("etl/{name}.yaml"), spelling.fill(template).trim_start());
    }
    project.write("cubes/sales.yaml", CUBE.trim_start());
    project.run(&["load"]).ok();
    project
}

fn server_project(kind: &str, database: &Database, spelling: Spelling) -> Project {
    let url = database.url_as("reader:${file:password}");
    project(&format!("{kind}: {{url: \"{url}\"}}"), spelling)
}

/// The script without what makes and chooses a database.
fn script(name: &str) -> Option<String> {
    let script = std::fs::read_to_string(real_data("chinook")?.join(name)).unwrap();
    let lines = script.lines().filter(|line| {
        let line = line.trim_start().to_ascii_uppercase();
        !["DROP DATABASE", "CREATE DATABASE", "USE ", "\\C "]
            .iter()
            .any(|start| line.starts_with(start))
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn chinook_is_the_same_warehouse_from_every_database() {
    let (Some(for_postgres), Some(for_mysql)) =
        (script("Chinook_PostgreSql.sql"), script("Chinook_MySql.sql"))
    else {
        return;
    };
    let postgres = postgres();
    postgres.sql(&for_postgres);
    let mariadb = mariadb();
    mariadb.sql(&format!("SET sql_mode = 'NO_BACKSLASH_ESCAPES';\n{for_mysql}"));
    let sqlite = real_data("chinook").unwrap().join("Chinook_Sqlite.sql");
    let sqlite =
        project(&format!("sqlite: {{script: \"{}\"}}", sqlite.display()), Spelling::Pascal);
    let from_postgres = server_project("postgres", &postgres, Spelling::Snake);
    let from_mariadb = server_project("mysql", &mariadb, Spelling::Pascal);
    let contents = sqlite.contents();
    assert!(contents.contains("AC/DC"));
    assert_same("PostgreSQL", &contents, &from_postgres.contents());
    assert_same("MariaDB", &contents, &from_mariadb.contents());

    // What the databases themselves say.
    let by_country =
        "SELECT customer_country, AGG(revenue), AGG(lines) FROM cubes.sales GROUP BY 1 ORDER BY 1";
    let ours = from_postgres.sql(by_country);
    assert_eq!(ours.len(), 24);
    let theirs = postgres.sql(
        "SELECT country, sum(unit_price * quantity), count(*) FROM invoice_line JOIN invoice USING (invoice_id)
         JOIN customer USING (customer_id) GROUP BY 1 ORDER BY country COLLATE \"C\"",
    );
    assert_eq!(ours.join("\n"), theirs.trim_end());
    let theirs = mariadb.sql(
        "SELECT Country, SUM(UnitPrice * Quantity), COUNT(*) FROM InvoiceLine JOIN Invoice USING (InvoiceId)
         JOIN Customer USING (CustomerId) GROUP BY 1 ORDER BY CAST(Country AS BINARY)",
    );
    assert_eq!(ours.join("\n"), theirs.trim_end().replace('\t', ","));
    let genre =
        "SELECT track_genre, AGG(revenue) FROM cubes.sales GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3";
    let theirs = postgres.sql(
        "SELECT g.name, sum(l.unit_price * quantity) FROM invoice_line l JOIN track t USING (track_id)
         JOIN genre g USING (genre_id) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
    );
    assert_eq!(from_mariadb.sql(genre).join("\n"), theirs.trim_end());
}

/// The first lines that differ are enough.
#[track_caller]
fn assert_same(database: &str, ours: &str, theirs: &str) {
    let differ = ours.lines().zip(theirs.lines()).filter(|(ours, theirs)| ours != theirs);
    let differ: Vec<_> = differ.take(3).collect();
    assert!(ours == theirs, "{database} gives another warehouse: {differ:#?}");
}
