//! People who work in the departments.

use chrono::NaiveDate;

use super::calendar::{day, day_between};
use super::department::{DEPARTMENTS, Department};
use super::dice::Dice;
use super::person::Person;
use super::table::{Cell, Shape, Source, Table, cell};

/// Somebody on the payroll.
#[derive(Debug)]
pub(super) struct Employee {
    /// The key.
    pub(super) code: String,
    /// Name and gender.
    pub(super) person: Person,
    /// Where she works.
    pub(super) department: &'static Department,
    /// Company mail address.
    pub(super) email: String,
    designation: &'static str,
    joined: NaiveDate,
    reports_to: Option<String>,
}

/// Everybody, department by department; the first of a department leads it.
pub(super) fn employees(seed: u64) -> Vec<Employee> {
    let mut dice = Dice::new(seed, "employee");
    let mut employees: Vec<Employee> = Vec::new();
    for department in &DEPARTMENTS {
        let head = employees.first().map(|head| head.code.clone());
        for place in 0..department.head_count {
            let serial = employees.len() + 1;
            let is_domestic = !matches!(department.code, "D-AMER" | "D-EMEA" | "D-APAC");
            let person = Person::new(&mut dice, is_domestic);
            let lead = (place > 0).then(|| format!("EMP-{:03}", serial - place));
            employees.push(Employee {
                code: format!("EMP-{serial:03}"),
                email: format!("{}@starling.example", person.mailbox(serial)),
                designation: designation(department, place),
                joined: day_between(&mut dice, day(2012, 3, 1), day(2022, 11, 30)),
                reports_to: lead.or_else(|| head.clone()),
                person,
                department,
            });
        }
    }
    employees
}

/// Positions of the people of one department.
pub(super) fn staff_of(employees: &[Employee], department: &str) -> Vec<usize> {
    (0..employees.len()).filter(|&index| employees[index].department.code == department).collect()
}

fn designation(department: &Department, place: usize) -> &'static str {
    match (department.target_percent > 0, department.code, place) {
        (_, "D-SALES" | "D-DOM" | "D-INTL", _) => "Sales Director",
        (true, _, 0) => "Sales Manager",
        (true, _, _) => "Sales Representative",
        (false, "D-SERV", 0) => "Service Manager",
        (false, "D-SERV", _) => "Service Engineer",
        (false, "D-FIN", _) => "Accountant",
        (false, _, _) => "Warehouse Clerk",
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "employee",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("employee_name", "VARCHAR(80)"),
        ("employee_name_zh", "VARCHAR(40)"),
        ("gender", "VARCHAR(1)"),
        ("department", "VARCHAR(20)"),
        ("designation", "VARCHAR(60)"),
        ("date_of_joining", "DATE"),
        ("reports_to", "VARCHAR(20)"),
        ("company_email", "VARCHAR(80)"),
        ("status", "VARCHAR(10)"),
    ],
    key_width: 1,
};

/// `erp/employee.csv`.
pub(super) fn table(employees: &[Employee]) -> Table {
    Table::of(&SHAPE, employees, row)
}

fn row(employee: &Employee) -> Vec<Cell> {
    vec![
        cell(&employee.code),
        cell(employee.person.full_name()),
        employee.person.zh.clone(),
        cell(employee.person.gender),
        cell(employee.department.code),
        cell(employee.designation),
        cell(employee.joined),
        employee.reports_to.clone(),
        cell(&employee.email),
        cell("Active"),
    ]
}
