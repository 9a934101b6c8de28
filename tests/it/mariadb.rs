//! MariaDB as a source, on a real server.

use crate::postgres::round_trip;
use crate::servers::mariadb;

#[test]
fn every_type_of_mariadb_makes_the_round_trip() {
    round_trip("mysql", &mariadb());
}
