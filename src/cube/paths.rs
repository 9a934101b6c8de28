//! The hierarchies of one role of a cube, by flat names of levels.

use super::model::Cube;

/// Every hierarchy of a role, coarse levels first.
pub(super) struct Paths(Vec<Vec<String>>);

impl Paths {
    /// The hierarchies of the role at position `role` of `cube`.
    pub(super) fn of(cube: &Cube, role: usize) -> Self {
        let name = &cube.roles[role].role.name;
        let paths = cube.hierarchies().into_iter();
        Self(paths.filter(|(of, _, _)| of.role.name == *name).map(|(_, _, path)| path).collect())
    }

    /// Whether any of them has `level`.
    pub(super) fn have(&self, level: &str) -> bool {
        self.0.iter().any(|path| path.iter().any(|on| on == level))
    }

    /// Whether `fine` stands below `coarse` on one of them.
    pub(super) fn is_finer(&self, fine: &str, coarse: &str) -> bool {
        self.0.iter().any(|path| {
            let place = |level: &str| path.iter().position(|on| on == level);
            matches!((place(fine), place(coarse)), (Some(fine), Some(coarse)) if fine > coarse)
        })
    }

    /// The level next above `level`, on the first that has one.
    pub(super) fn coarser(&self, level: &str) -> Option<&str> {
        self.0.iter().find_map(|path| {
            let at = path.iter().position(|on| on == level)?;
            path.get(at.checked_sub(1)?).map(String::as_str)
        })
    }

    /// The level next below `level`, on the first that has one.
    pub(super) fn finer(&self, level: &str) -> Option<&str> {
        self.0.iter().find_map(|path| {
            let at = path.iter().position(|on| on == level)?;
            path.get(at + 1).map(String::as_str)
        })
    }
}
