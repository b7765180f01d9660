//! `audit`: pages, exports and the live tail of the broker's log, and the check of its files.

use std::path::Path;

use broker::store::{VerifyReport, verify_folder};
use broker_client::{AuditFormat, AuditLine};
use broker_core::json::Json;

use super::Session;
use crate::arguments::{AuditCommand, AuditFilter, Format};
use crate::out;
use crate::plan::audit::{PATH, query, record_line};
use crate::plan::{json_number, json_object};
use crate::problem::Problem;
use crate::request::{Method, Request};
use crate::show::{self, json_text, yaml};

/// Carries out an `audit` command that needs the broker.
pub(super) async fn run(command: &AuditCommand, session: &Session<'_>) -> Result<(), Problem> {
    match command {
        AuditCommand::Query { filter, limit } => page(filter, *limit, session).await,
        AuditCommand::Export { filter } => export(filter, session).await,
        AuditCommand::Tail { filter } => tail(filter, session).await,
        AuditCommand::Verify { .. } => Err(Problem::Usage("this command needs no server".to_owned())),
    }
}

async fn page(filter: &AuditFilter, limit: Option<u64>, session: &Session<'_>) -> Result<(), Problem> {
    let mut request = Request::new(Method::Get, PATH);
    request.query = query(filter);
    request.query.extend(filter.after.map(|after| ("after", after.to_string())));
    request.query.extend(limit.map(|limit| ("limit", limit.to_string())));
    let answer = session.server.send(&request).await?;
    let json = show::parsed(answer.body.expose())?;
    let data = json.get("data").cloned().unwrap_or_default();
    let text = match session.settings.format {
        Format::Json => json_text::indent(answer.body.expose()).to_string(),
        Format::Yaml => yaml::document(&json).to_string(),
        Format::Table => match data.get("items") {
            Some(Json::Array(items)) => items.iter().map(record_line).collect(),
            _ => return Err(Problem::Unreachable("the answer holds no records".to_owned())),
        },
    };
    out::print(&text)?;
    if matches!(data.get("has_more"), Some(Json::Bool(true)))
        && let Some(Json::Number(cursor)) = data.get("next_cursor")
    {
        out::note(&format!("There is more: go on with -after={}.", cursor.as_str()));
    }
    Ok(())
}

async fn export(filter: &AuditFilter, session: &Session<'_>) -> Result<(), Problem> {
    let mut stream = open(filter, filter.after, AuditFormat::Export, session).await?;
    loop {
        let line = stream.next().await.map_err(|error| {
            Problem::Unreachable(format!("the export is not complete: {error}; repeat it"))
        })?;
        match line {
            Some(AuditLine::Record { json, .. }) => out::print(&(json + "\n"))?,
            Some(AuditLine::Trailer { json }) => return out::print(&(json + "\n")),
            Some(AuditLine::Ended { .. }) | None => {
                return Err(Problem::Unreachable("the export is not complete; repeat it".to_owned()));
            }
        }
    }
}

/// Prints records as they come. A reader that was too slow is caught up with; when the server ends, so does this.
async fn tail(filter: &AuditFilter, session: &Session<'_>) -> Result<(), Problem> {
    let mut after = filter.after;
    loop {
        let mut stream = open(filter, after, AuditFormat::Tail, session).await?;
        let lagged = loop {
            let line = stream.next().await.map_err(|error| session.server.stream_problem(&error, after))?;
            match line {
                Some(AuditLine::Record { seq, json }) => {
                    out::print(&tail_line(&json, session.settings.format)?)?;
                    after = seq.or(after);
                }
                Some(AuditLine::Ended { lagged, cursor }) => {
                    after = Some(cursor);
                    break lagged;
                }
                Some(AuditLine::Trailer { .. }) | None => break false,
            }
        };
        if !lagged {
            let from = after.map(|after| format!(" after record {after}")).unwrap_or_default();
            out::note(&format!("The server has ended the log's tail{from}."));
            return Ok(());
        }
    }
}

fn tail_line(record: &str, format: Format) -> Result<String, Problem> {
    Ok(match format {
        Format::Json => format!("{record}\n"),
        Format::Table => record_line(&show::parsed(record)?),
        Format::Yaml => format!("---\n{}", yaml::document(&show::parsed(record)?).as_str()),
    })
}

async fn open(
    filter: &AuditFilter,
    after: Option<u64>,
    format: AuditFormat,
    session: &Session<'_>,
) -> Result<broker_client::AuditStream, Problem> {
    let query = query(filter);
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let opened = session.server.session().audit_stream(&query, after, format).await;
    opened.map_err(|error| session.server.problem(&Request::new(Method::Get, PATH), error))
}

/// Checks the files of a log.
pub(super) fn verify(folder: &Path, format: Format) -> Result<(), Problem> {
    let report = verify_folder(folder).map_err(|error| {
        Problem::Failed(format!("the audit log in {} is not whole: {error}", folder.display()))
    })?;
    out::print(&verified(&report, format))
}

fn verified(report: &VerifyReport, format: Format) -> String {
    let root: String = report.root.iter().map(|byte| format!("{byte:02x}")).collect();
    let json = json_object([
        ("ok", Json::Bool(true)),
        ("log", Json::string(&report.log)),
        ("records", json_number(report.records)),
        ("proven", json_number(report.proven)),
        ("from_journal", json_number(report.from_journal)),
        ("root", Json::string(&root)),
        ("segments", json_number(report.segments)),
        ("torn_bytes", json_number(report.torn_bytes)),
    ]);
    match format {
        Format::Json => json_text::indent(&json.to_text()).to_string(),
        Format::Yaml => yaml::document(&json).to_string(),
        Format::Table => {
            let mut text = format!(
                "ok: {} records, numbered without a gap; the first {} give the root in audit.head\nfiles {}\nlog   {}\nroot  {root}\n",
                report.records, report.proven, report.segments, report.log
            );
            if report.from_journal > 0 || report.torn_bytes > 0 {
                text.push_str(&format!(
                    "{} records come from the journal; {} bytes of unfinished writing wait for the broker's next start\n",
                    report.from_journal, report.torn_bytes
                ));
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_how_much_was_proven() {
        let report = VerifyReport {
            log: "l".to_owned(),
            records: 12,
            proven: 10,
            from_journal: 2,
            root: [0xab; 32],
            segments: 1,
            torn_bytes: 0,
        };
        let root = "ab".repeat(32);
        assert_eq!(
            verified(&report, Format::Table),
            format!(
                "ok: 12 records, numbered without a gap; the first 10 give the root in audit.head\nfiles 1\nlog   l\nroot  {root}\n2 records come from the journal; 0 bytes of unfinished writing wait for the broker's next start\n"
            )
        );
        let json: serde_json::Value = serde_json::from_str(&verified(&report, Format::Json)).unwrap();
        assert_eq!((&json["ok"], &json["records"], &json["root"]), (&true.into(), &12.into(), &root.into()));
    }

    #[test]
    fn a_folder_without_a_log_is_a_failed_check() {
        let dir = tempfile::tempdir().unwrap();
        let problem = verify(dir.path(), Format::Table).unwrap_err();
        assert!(problem.exit_code() == 1 && problem.to_string().contains("is not whole: "), "{problem}");
    }

    #[test]
    fn tail_lines_keep_the_record_as_it_is() {
        let record = r#"{"seq":1,"n":1.50}"#;
        assert_eq!(tail_line(record, Format::Json).unwrap(), format!("{record}\n"));
        assert_eq!(tail_line(record, Format::Yaml).unwrap(), "---\n\"n\": 1.50\nseq: 1\n");
        assert!(tail_line(record, Format::Table).unwrap().starts_with("     1  "));
    }
}
