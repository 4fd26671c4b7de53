use super::*;
use crate::documents::index::Kind;
use crate::limits::{MAX_ERROR_CHARS, MAX_REQUEST_IDS};
use crate::record::{Made, Making, RecordState};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn ids(ids: &[&str]) -> Vec<RequestId> {
    ids.iter().map(|id| RequestId::new(*id).unwrap()).collect()
}

fn sent(began: i64, ended: i64, attempts: u32, request_ids: &[&str]) -> Sent {
    Sent { began: at(began), ended: at(ended), attempts, request_ids: ids(request_ids) }
}

fn entry(change: Change, call: CallName, resource: &str, outcome: Outcome) -> Entry {
    Entry { change, call, resource: resource.to_owned(), outcome }
}

/// A run that failed at its second action.
fn failed() -> Receipt {
    let caller = "arn:aws:sts::123456789012:assumed-role/applier/me".to_owned();
    let digest = Sha256::of(b"plan");
    let bundle = BundleId {
        kind: Kind::Cluster,
        bucket_name: None,
        name: "prod".parse().unwrap(),
        serial: 7,
        sha256: Sha256::of(b"bundle"),
        created: at(0),
        expires: at(9_000),
    };
    Receipt {
        version: RECEIPT_VERSION,
        applier_version: "0.1.0".to_owned(),
        operation: Operation::Apply,
        ending: Ending::Failed,
        signers: vec![BundleSigner {
            role: "generator".to_owned(),
            key: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned(),
            trusted_comment: "timestamp:1\tfile:prod-7.tar.gz\thashed".to_owned(),
        }],
        account_id: "123456789012".parse().unwrap(),
        partition: "aws".parse().unwrap(),
        region: "us-east-2".parse().unwrap(),
        plan_digest: digest.clone(),
        approval: Approval { by: ApprovedBy::PlanDigest, plan_digest: digest },
        choices: Choices { allow_rollback: true, ..Choices::default() },
        started: at(60),
        finished: at(70),
        actions: vec![
            entry(
                Change::Create,
                CallName::CreateBucket,
                "arn:aws:s3:::prod-oidc",
                Outcome::Done(sent(60, 61, 1, &["TX1"])),
            ),
            entry(
                Change::Update,
                CallName::UpdateRole,
                "arn:aws:iam::123456789012:role/team/prod-disk",
                Outcome::Failed {
                    error: "iam:UpdateRole failed: Throttling\n  run it again".to_owned(),
                    sent: sent(61, 70, 3, &["r-1", "r-2"]),
                },
            ),
            entry(Change::Delete, CallName::DeleteObject, "arn:aws:s3:::prod-oidc/keys.json", Outcome::NotReached),
        ],
        distribution: None,
        deployment: None,
        issuer_check: Some(IssuerCheck::NotReached),
        record: Some(Record {
            plan_digest: None,
            version: Record::VERSION,
            name: bundle.name.clone(),
            state: RecordState::Stopped,
            serial: 7,
            sha256: bundle.sha256.clone(),
            time: at(70),
            caller: caller.clone(),
            run: "0".repeat(32),
            made: Made::default(),
            making: Making::default(),
        }),
        bundle,
        caller,
    }
}

#[test]
fn a_receipt_is_read_as_it_was_written() {
    let receipt = failed();
    let bytes = receipt.to_bytes();
    assert_eq!(Receipt::parse(&bytes), Ok(receipt.clone()));
    assert_eq!(receipt.counts().to_string(), "1 done, 1 failed, 1 not reached");
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        json["actions"],
        serde_json::json!([
            {
                "change": "create", "call": "s3:CreateBucket", "resource": "arn:aws:s3:::prod-oidc", "outcome": "done",
                "began": "1970-01-01T00:01:00Z", "ended": "1970-01-01T00:01:01Z", "attempts": 1, "requestIds": ["TX1"],
            },
            {
                "change": "update", "call": "iam:UpdateRole", "resource": "arn:aws:iam::123456789012:role/team/prod-disk",
                "outcome": "failed", "error": "iam:UpdateRole failed: Throttling\n  run it again",
                "began": "1970-01-01T00:01:01Z", "ended": "1970-01-01T00:01:10Z", "attempts": 3, "requestIds": ["r-1", "r-2"],
            },
            {
                "change": "delete", "call": "s3:DeleteObject", "resource": "arn:aws:s3:::prod-oidc/keys.json",
                "outcome": "not-reached",
            },
        ])
    );
    assert_eq!(json["issuerCheck"], serde_json::json!({"outcome": "not-reached"}));
}

#[test]
fn the_other_kinds_of_receipts_are_read_too() {
    let mut nothing = failed();
    nothing.actions.clear();
    nothing.approval.by = ApprovedBy::NothingToDo;
    nothing.issuer_check = Some(IssuerCheck::Done);
    (nothing.ending, nothing.record) = (Ending::Done, None);
    assert_eq!(Receipt::parse(&nothing.to_bytes()), Ok(nothing.clone()));

    let mut unreadable = nothing.clone();
    unreadable.issuer_check = Some(IssuerCheck::Failed("the public cannot read it".to_owned()));
    unreadable.ending = Ending::Failed;
    assert_eq!(Receipt::parse(&unreadable.to_bytes()), Ok(unreadable));

    let mut left = nothing;
    left.approval = Approval { by: ApprovedBy::PlanFile, plan_digest: Sha256::of(b"the whole plan") };
    assert_eq!(Receipt::parse(&left.to_bytes()), Ok(left));

    let mut deleted = failed();
    deleted.operation = Operation::Delete;
    deleted.actions.truncate(1);
    deleted.actions[0].outcome = Outcome::AlreadyDone(sent(60, 61, 2, &["TX1"]));
    (deleted.ending, deleted.issuer_check, deleted.record) = (Ending::Done, None, None);
    assert_eq!(Receipt::parse(&deleted.to_bytes()), Ok(deleted));

    let mut stopped = failed();
    stopped.actions[1].outcome = Outcome::NotReached;
    stopped.ending = Ending::Interrupted;
    assert_eq!(Receipt::parse(&stopped.to_bytes()), Ok(stopped));
}

fn refuse(change: impl FnOnce(&mut Receipt)) -> String {
    let mut receipt = failed();
    change(&mut receipt);
    assert_ne!(receipt, failed(), "the change changes something");
    Receipt::parse(&receipt.to_bytes()).unwrap_err().to_string()
}

#[test]
fn what_contradicts_itself_is_refused() {
    let resource = |receipt: &mut Receipt, index: usize, arn: &str| receipt.actions[index].resource = arn.to_owned();
    let refused = [
        (refuse(|it| it.applier_version = "1".to_owned()), "applierVersion: found \"1\", expected the form 1.2.3"),
        (refuse(|it| it.bundle.serial = 0), "bundle: its serial is 0; it must be from 1 to 999999999"),
        (
            refuse(|it| it.bundle.expires = at(0)),
            "bundle: it expires at 1970-01-01T00:00:00Z, which is not after 1970-01-01T00:00:00Z",
        ),
        (refuse(|it| it.signers.clear()), "signers: found 0, expected 1 to 16"),
        (refuse(|it| it.signers[0].key = "RWQ".to_owned()), "signers[0]: \"RWQ\" is not a minisign public key"),
        (
            refuse(|it| it.signers[0].role = "a\u{202e}b".to_owned()),
            "signers[0]: its role has characters that cannot be seen",
        ),
        (
            refuse(|it| it.caller = "arn:aws:iam::210987654321:root".to_owned()),
            "caller: \"arn:aws:iam::210987654321:root\" is no ARN of account 123456789012 in partition aws",
        ),
        (
            refuse(|it| it.approval.by = ApprovedBy::NothingToDo),
            "approval: it is by \"nothing-to-do\" exactly if there are no actions",
        ),
        (
            refuse(|it| it.finished = at(59)),
            "finished: 1970-01-01T00:00:59Z is before 1970-01-01T00:01:00Z, when the run started",
        ),
        (
            refuse(|it| it.started = at(61)),
            "actions[0]: it took from 1970-01-01T00:01:00Z to 1970-01-01T00:01:01Z, the run from 1970-01-01T00:01:01Z to 1970-01-01T00:01:10Z",
        ),
        (
            refuse(|it| resource(it, 0, "arn:aws:s3:::prod-oidc-2")),
            "actions[0]: the resource of s3:CreateBucket is \"arn:aws:s3:::prod-oidc-2\", expected arn:aws:s3:::prod-oidc...",
        ),
        (
            refuse(|it| resource(it, 1, "arn:aws:iam::123456789012:user/x")),
            "actions[1]: the resource of iam:UpdateRole is \"arn:aws:iam::123456789012:user/x\", expected arn:aws:iam::123456789012:role/...",
        ),
        (
            refuse(|it| it.partition = "aws-cn".parse().unwrap()),
            "caller: \"arn:aws:sts::123456789012:assumed-role/applier/me\" is no ARN of account 123456789012 in partition aws-cn",
        ),
        (refuse(|it| it.issuer_check = None), "issuerCheck: it is not there"),
        (
            refuse(|it| it.issuer_check = Some(IssuerCheck::Done)),
            "issuerCheck: it is made exactly if every action is done",
        ),
        (refuse(|it| it.operation = Operation::Delete), "issuerCheck: after a deletion there is none"),
        (refuse(|it| it.ending = Ending::Done), "ending: found \"done\", but the actions amount to \"failed\""),
        (
            refuse(|it| it.record.as_mut().unwrap().state = RecordState::Deleting),
            "record: it is being deleted, which is not of the operation \"apply\"",
        ),
        (refuse(|it| it.record.as_mut().unwrap().name = "dev".parse().unwrap()), "record: it is of cluster dev"),
        (
            refuse(|it| it.record.as_mut().unwrap().time = at(71)),
            "record: it was written at 1970-01-01T00:01:11Z; the run was from 1970-01-01T00:01:00Z to 1970-01-01T00:01:10Z",
        ),
        (
            refuse(|it| it.record.as_mut().unwrap().run = "x".to_owned()),
            "record: its run is \"x\", expected 32 hexadecimal digits",
        ),
    ];
    for (found, expected) in refused {
        assert_eq!(found, format!("receipt is refused: {expected}"));
    }
    let other = Sha256::of(b"another plan");
    assert_eq!(
        refuse(|it| it.approval.plan_digest = other.clone()),
        format!("receipt is refused: approval: plan {other} was approved, and {} carried out", failed().plan_digest)
    );
}

#[test]
fn what_is_sent_and_how_it_ended_go_together() {
    let refuse = |from: &str, to: &str| {
        let text = String::from_utf8(failed().to_bytes()).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed);
        let error = Receipt::parse(changed.as_bytes()).unwrap_err().to_string();
        error.split(" at line ").next().unwrap().to_owned()
    };
    let together = "an action that was reached has \"began\", \"ended\", \"attempts\" and \"requestIds\"; one that was not has none";
    let refused = [
        (refuse("\"outcome\": \"not-reached\"", "\"outcome\": \"done\""), together),
        (refuse("\"outcome\": \"done\"", "\"outcome\": \"not-reached\""), together),
        (refuse("      \"attempts\": 1,\n", ""), together),
        (refuse("\"outcome\": \"done\"", "\"outcome\": \"failed\""), "an action has an \"error\" exactly if it failed"),
        (refuse("\"outcome\": \"failed\"", "\"outcome\": \"done\""), "an action has an \"error\" exactly if it failed"),
        (refuse("\"attempts\": 3", "\"attempts\": 1"), "an action has 2 request IDs of 1 attempts"),
        (
            refuse("\"ended\": \"1970-01-01T00:01:01Z\"", "\"ended\": \"1970-01-01T00:00:59Z\""),
            "an action ended at 1970-01-01T00:00:59Z, before it began at 1970-01-01T00:01:00Z",
        ),
        (
            refuse("\"r-1\"", "\"r 1\""),
            "invalid request ID \"r 1\": must have 1 to 128 characters of printable ASCII without spaces",
        ),
    ];
    for (found, expected) in refused {
        assert_eq!(found, format!("receipt is refused: {expected}"));
    }
    let many: Vec<String> = (0..=MAX_REQUEST_IDS).map(|number| format!("\"r-{number}\"")).collect();
    assert_eq!(
        refuse("\"r-1\"", &many.join(",")),
        "receipt is refused: an action has 66 request IDs; at most 64 are allowed"
    );
    assert_eq!(
        refuse("Throttling", &"x".repeat(MAX_ERROR_CHARS)),
        "receipt is refused: actions[1]: its error has 4134 characters; at most 4096 are allowed"
    );
    assert_eq!(
        refuse("Throttling", "\\u001b[2J"),
        "receipt is refused: actions[1]: its error has characters that cannot be seen"
    );
}

#[test]
fn versions_and_sizes_are_told_apart() {
    let text = String::from_utf8(failed().to_bytes()).unwrap();
    assert_eq!(
        Receipt::parse(text.replace("\"receiptVersion\": 1", "\"receiptVersion\": 2, \"new\": {}").as_bytes()),
        Err(ReceiptError::Version(2))
    );
    let long = format!("{text}{}", " ".repeat(8 * 1024 * 1024));
    assert_eq!(Receipt::parse(long.as_bytes()), Err(ReceiptError::TooLarge(long.len())));
    assert!(matches!(Receipt::parse(format!("{text}\n").as_bytes()), Err(ReceiptError::Json(_))));
    assert!(matches!(Receipt::parse(b""), Err(ReceiptError::Json(_))));
}

/// Everything of every role is put right, and AWS was so busy that each call was sent twice.
#[test]
fn the_receipt_of_2000_roles_fits() {
    let calls = [
        CallName::UpdateAssumeRolePolicy,
        CallName::UpdateRole,
        CallName::PutRolePermissionsBoundary,
        CallName::TagRole,
        CallName::PutRolePolicy,
        CallName::DetachRolePolicy,
    ];
    let id = "b5a1e9c2-7f3d-4c7a-9b1e-0123456789ab";
    let actions = |roles: usize, calls: &[CallName], ids: &[&str]| {
        let mut receipt = failed();
        receipt.actions = (0..roles)
            .flat_map(|role| {
                let arn = format!("arn:aws:iam::123456789012:role/{role:064}");
                calls.iter().map(move |call| (*call, arn.clone()))
            })
            .map(|(call, arn)| entry(Change::Update, call, &arn, Outcome::Done(sent(60, 61, 2, ids))))
            .collect();
        (receipt.ending, receipt.issuer_check) = (Ending::Done, Some(IssuerCheck::Done));
        receipt.to_bytes()
    };
    let made = actions(2_000, &calls[..2], &[id]);
    assert!(made.len() < 2 * 1024 * 1024, "{}", made.len());
    let busy = actions(2_000, &calls, &[id, id]);
    assert!(busy.len() > 4 * 1024 * 1024 && busy.len() < 6 * 1024 * 1024, "{}", busy.len());
    assert_eq!(Receipt::parse(&busy).unwrap().counts().done, 12_000);
}
