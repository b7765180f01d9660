//! Records arrive in order and in batches, whatever the broker says, and never stop an open.

use std::sync::Mutex;

use super::*;

/// Answers with what is prepared, then with "taken", and keeps the numbers it was sent.
#[derive(Default)]
struct Log {
    answers: Mutex<Vec<ReportError>>,
    sent: Mutex<Vec<Vec<u64>>>,
}

impl Sink for Log {
    async fn report(&self, batch: &Batch) -> Result<(), ReportError> {
        assert_eq!(batch.first, batch.records[0].number);
        self.sent.lock().unwrap().push(batch.records.iter().map(|record| record.number).collect());
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { Ok(()) } else { Err(answers.remove(0)) }
    }
}

const OPEN: Open<'_> = Open { object: "process 1 (x)", target: "file a", path: "secret/data/a", version: 1 };

/// Notes `count` opens, of which the queue's bound drops some, and delivers them. Returns the numbers of each batch sent.
fn check(count: usize, answers: Vec<ReportError>) -> Vec<Vec<u64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = Arc::new(Log { answers: Mutex::new(answers), ..Log::default() });
    let (opens, waiting) = queue(Metrics::default());
    (0..count).for_each(|_| opens.note(OPEN));
    drop(opens);
    runtime.block_on(deliver(Arc::clone(&log), waiting, CancellationToken::new()));
    log.sent.lock().unwrap().clone()
}

#[test]
fn batches_are_full_and_in_order() {
    let away = || ReportError::Away(String::new());
    let refused = || ReportError::Refused(String::new());
    for (count, answers, expected) in [
        (0, vec![], vec![]),
        (3, vec![], vec![1..=3]),
        (130, vec![], vec![1..=64, 65..=128, 129..=130]),
        (3, vec![away()], vec![1..=3, 1..=3]),
        (70, vec![away(), refused()], vec![1..=64, 1..=64, 65..=70]),
        (70, vec![refused()], vec![1..=64, 65..=70]),
        (70, vec![ReportError::Unsupported], vec![1..=64]),
    ] {
        let text = format!("{count} {answers:?}");
        let expected: Vec<Vec<u64>> = expected.into_iter().map(Iterator::collect).collect();
        assert_eq!(check(count, answers), expected, "{text}");
    }
}

#[test]
fn a_full_queue_drops_and_the_numbers_tell() {
    let (opens, mut waiting) = queue(Metrics::default());
    (0..QUEUE + 5).for_each(|_| opens.note(OPEN));
    let mut next = || waiting.blocking_recv().map(|record| record.number);
    assert_eq!(next(), Some(1));
    opens.note(OPEN);
    for number in 2..=QUEUE as u64 / 2 {
        assert_eq!(next(), Some(number));
    }
    opens.note(OPEN);
    opens.lost(3);
    opens.note(OPEN);
    drop(opens);
    let rest: Vec<u64> = std::iter::from_fn(next).collect();
    let whole = QUEUE as u64;
    let first = whole / 2 + 1;
    let expected: Vec<u64> = (first..=whole).chain([whole + 7, whole + 11]).collect();
    assert_eq!(rest, expected, "six are missing until half of the queue is sent, then three");
}

#[tokio::test]
async fn a_gap_begins_a_new_batch_and_the_end_sends_what_is_left() {
    let log = Arc::new(Log::default());
    let (sender, waiting) = mpsc::channel(QUEUE);
    for number in [1, 2, 5] {
        let record = Record {
            number,
            object: "o".to_owned(),
            target: "t".to_owned(),
            path: "p".to_owned(),
            version: 1,
        };
        sender.send(record).await.unwrap();
    }
    let stop = CancellationToken::new();
    stop.cancel();
    log.answers.lock().unwrap().push(ReportError::Away(String::new()));
    deliver(Arc::clone(&log), waiting, stop).await;
    assert_eq!(*log.sent.lock().unwrap(), [vec![1, 2], vec![5]]);
}

#[test]
fn texts_are_made_fit() {
    let long = "é".repeat(600);
    for (text, expected) in [("a b", "a b"), ("a\nb\u{7f}", "a?b?"), (long.as_str(), &*"é".repeat(512))] {
        assert_eq!(printable(text), expected);
    }
}
