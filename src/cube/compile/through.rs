//! A dimension that a fact has none of itself, reached through another fact that links the two.

use super::super::model::{Bridge, BridgeEnd, CubeRole};
use super::super::spec::DimensionSpec;
use super::{reading, unknown, unknown_fact_column, with_hierarchies};
use crate::declare::{Code, Diagnostic, Diagnostics, Located};
use crate::star::{CALENDAR, Fact, Role, Star};

/// The role of the dimension of `spec`, which the fact `through` links to one that `fact` has.
pub(super) fn role(
    spec: &DimensionSpec,
    through: &Located<String>,
    star: &Star,
    fact: &Fact,
    diagnostics: &mut Diagnostics,
) -> Option<CubeRole> {
    let Some(link) = star.fact(&through.value) else {
        let known = star.facts.iter().map(|fact| fact.name.as_str());
        diagnostics.push(unknown(through, "fact", known));
        return None;
    };
    if let Some(weight) = &spec.weight
        && !link.columns.iter().any(|column| column.name == weight.value)
    {
        diagnostics.push(unknown_fact_column(weight, link));
    }
    let far = far_role(spec, link, diagnostics)?;
    let near = match shared(link, far, fact).as_slice() {
        [near] => *near,
        several => {
            let names: Vec<&str> = several.iter().map(|(_, own)| own.name.as_str()).collect();
            let shared =
                if names.is_empty() { "no dimension".to_owned() } else { names.join(" and ") };
            let message = format!("`{}` shares {shared} with `{}`", link.name, fact.name);
            let wrong = Diagnostic::new(Code::Mismatch, through.span.clone(), message);
            diagnostics.push(wrong.help("it must have one dimension in the same role as the fact"));
            return None;
        }
    };
    let mut dimension = with_hierarchies(spec, star.dimension(&far.dimension)?, diagnostics);
    // A tree over members that a fact has several of would be a bridge from a bridge.
    dimension.trees.clear();
    let bridge = Bridge {
        name: far.name.clone(),
        role: near.1.clone(),
        table: link.name.clone(),
        key: near.0.key_column(),
        by_member: star.dimension(&near.1.dimension)?.history.is_some(),
        to: BridgeEnd::Members { key: far.key_column(), weight: spec.weight.clone() },
    };
    let reading = reading(spec, &dimension, diagnostics);
    Some(CubeRole { role: far.clone(), dimension, through: Some(bridge), reading })
}

/// The role in which `link` has the dimension of `spec`.
fn far_role<'s>(
    spec: &DimensionSpec,
    link: &'s Fact,
    diagnostics: &mut Diagnostics,
) -> Option<&'s Role> {
    let name = &spec.name;
    if name.value == CALENDAR {
        let message = format!("`{CALENDAR}` cannot be reached through a fact");
        diagnostics.push(Diagnostic::new(Code::Mismatch, name.span.clone(), message));
        return None;
    }
    let roles: Vec<&Role> = link.roles.iter().filter(|role| role.dimension == name.value).collect();
    let wanted = match spec.roles.as_slice() {
        [] => Role::new(&name.value, None),
        [role, ..] => Role::new(&name.value, Some(&role.value)),
    };
    if let Some(second) = spec.roles.get(1) {
        let message = "a dimension is reached through a fact in one role";
        diagnostics.push(Diagnostic::new(Code::Mismatch, second.span.clone(), message));
    }
    let only = match roles.as_slice() {
        [only] if spec.roles.is_empty() => Some(*only),
        _ => None,
    };
    let found = roles.iter().find(|role| **role == &wanted).copied().or(only);
    if found.is_none() {
        let what = format!("dimension or role of the fact `{}`", link.name);
        let at = spec.roles.first().unwrap_or(name);
        diagnostics.push(unknown(at, &what, link.roles.iter().map(|role| role.name.as_str())));
    }
    found
}

/// The roles that both facts have, apart from `far`: that of `link` and that of `fact`.
fn shared<'s>(link: &'s Fact, far: &Role, fact: &'s Fact) -> Vec<(&'s Role, &'s Role)> {
    let others = || link.roles.iter().filter(|role| *role != far);
    let same: Vec<_> = others()
        .filter_map(|role| Some((role, fact.roles.iter().find(|own| *own == role)?)))
        .collect();
    if !same.is_empty() {
        return same;
    }
    // Without a role of one name, one of one dimension will do.
    let of_dimension =
        |role: &'s Role| fact.roles.iter().filter(move |own| own.dimension == role.dimension);
    others().flat_map(|role| of_dimension(role).map(move |own| (role, own))).collect()
}
