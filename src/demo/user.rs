//! People who log in to the CRM: the ERP employees who talk to customers.

use super::employee::Employee;
use super::table::{Shape, Source, Table, cell};

/// A login, made from an employee.
#[derive(Debug)]
pub(super) struct User {
    /// The key.
    pub(super) id: String,
    /// The employee, by position.
    pub(super) employee: usize,
}

/// Everybody outside warehouse and finance.
pub(super) fn users(employees: &[Employee]) -> Vec<User> {
    employees
        .iter()
        .enumerate()
        .filter(|(_, employee)| !matches!(employee.department.code, "D-OPS" | "D-FIN"))
        .enumerate()
        .map(|(serial, (employee, _))| User { id: format!("usr-{:03}", serial + 1), employee })
        .collect()
}

/// The login of an employee; the first one for people who have none.
pub(super) fn user_of(users: &[User], employee: usize) -> usize {
    users.iter().position(|user| user.employee == employee).unwrap_or(0)
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "user",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("user_name", "VARCHAR(60)"),
        ("first_name", "VARCHAR(60)"),
        ("last_name", "VARCHAR(60)"),
        ("full_name_local", "VARCHAR(60)"),
        ("email", "VARCHAR(100)"),
        ("department", "VARCHAR(20)"),
        ("employee_code", "VARCHAR(20)"),
        ("status", "VARCHAR(20)"),
    ],
    key_width: 1,
};

/// Table `user`.
pub(super) fn table(users: &[User], employees: &[Employee]) -> Table {
    Table::of(&SHAPE, users, |user| {
        let employee = &employees[user.employee];
        vec![
            cell(&user.id),
            employee.email.split('@').next().map(str::to_owned),
            cell(employee.person.first),
            cell(employee.person.last),
            employee.person.zh.clone(),
            cell(&employee.email),
            cell(employee.department.code),
            cell(&employee.code),
            cell("Active"),
        ]
    })
}
