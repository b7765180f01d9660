//! Our template engine beside Go's on random templates, and gjson beside the Go library.

use harness::oracle::{Data, Oracle, compare};

#[test]
fn the_oracle_agrees_with_itself() {
    let mut second = Oracle::start().unwrap();
    let report = compare::run(1, 20_000, Data::new(), |t, d| second.render(t, d).unwrap()).unwrap();
    println!("{}", report.text(1));
    assert!(report.failures.is_empty());
}
