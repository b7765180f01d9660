//! Recorded answers of real servers: first the recorded server itself, as the proof of the runners, then our broker.
//!
//! `GOLDEN_DIR=folder` runs on other files of the same names and shape.

use harness::golden::report::Report;
use harness::golden::{Recordings, acl, eso, gjson, hcl, http_scenarios, template};
use harness::target::{Broker, BrokerOptions, Kind, OpenBao};

fn conclude(report: Option<Report>, file: &str) {
    match report {
        Some(report) => report.conclude(),
        None => println!("GOLDEN_DIR has no {file}: nothing to compare"),
    }
}

#[test]
fn golden_hcl_policy_on_the_parser() {
    conclude(hcl::run(&Recordings::open().unwrap()).unwrap(), hcl::FILE);
}

#[test]
fn golden_gjson() {
    conclude(gjson::run(&Recordings::open().unwrap()).unwrap(), gjson::FILE);
}

#[test]
fn golden_go_template_on_the_engine() {
    conclude(template::run(&Recordings::open().unwrap()).unwrap(), template::FILE);
}

#[test]
fn golden_openbao_http_on_openbao() {
    let recordings = Recordings::open().unwrap();
    conclude(http_scenarios::run(&recordings, Kind::OpenBao, OpenBao::start).unwrap(), http_scenarios::FILE);
}

#[test]
fn golden_acl_on_openbao() {
    let recordings = Recordings::open().unwrap();
    conclude(acl::run(&recordings, &OpenBao::start().unwrap()).unwrap(), acl::FILE);
}

/// Our syncer, with the recorded server behind.
#[test]
fn golden_eso_on_openbao() {
    let recordings = Recordings::open().unwrap();
    conclude(eso::run(&recordings, &OpenBao::start().unwrap()).unwrap(), eso::FILE);
}

/// Our broker: fails with a clear message as long as its binary is not built.
mod broker {
    use super::*;

    #[test]
    fn golden_openbao_http_on_broker() {
        let recordings = Recordings::open().unwrap();
        let start = || Broker::start(&BrokerOptions::default());
        conclude(http_scenarios::run(&recordings, Kind::Broker, start).unwrap(), http_scenarios::FILE);
    }

    #[test]
    fn golden_acl_on_broker() {
        let recordings = Recordings::open().unwrap();
        conclude(
            acl::run(&recordings, &Broker::start(&BrokerOptions::default()).unwrap()).unwrap(),
            acl::FILE,
        );
    }

    #[test]
    fn golden_eso_on_broker() {
        let recordings = Recordings::open().unwrap();
        let broker = Broker::start(&BrokerOptions::default()).unwrap();
        conclude(eso::run(&recordings, &broker).unwrap(), eso::FILE);
    }
}
