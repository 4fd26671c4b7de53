//! Private buckets: what CloudFront names during a stopped run is what the file left out.

use super::*;
use crate::fixture::{alias_contents, behind_contents, endpoint_contents};

#[test]
fn a_new_account_is_finished() {
    resumed_after_every_call_of(&endpoint_contents(), &Held::nothing(), &Choices::default());
    resumed_after_every_call_of(&alias_contents(), &Held::nothing(), &Choices::default());
    resumed_after_every_call_of(&behind_contents(), &Held::everything(&endpoint_contents()), &Choices::default());
}

#[test]
fn changes_are_finished() {
    let mut held = Held::everything(&alias_contents());
    held.distribution().settings.comment = "mine".to_owned();
    held.distribution().tags.clear();
    held.cloudfront.access_control = None;
    held.bucket().policy = None;
    resumed_after_every_call_of(&alias_contents(), &held, &Choices::default());
}

#[test]
fn what_is_adopted_is_finished() {
    let mut held = Held::everything(&alias_contents());
    held.bucket().record = None;
    held.distribution().settings.comment = "mine".to_owned();
    held.access_control().settings.description = String::new();
    resumed_after_every_call_of(&alias_contents(), &held, &Choices { adopt: true, ..Choices::default() });
}

#[test]
fn a_distribution_that_somebody_else_made_is_not_the_files() {
    let file = written(&plan_with(&alias_contents(), &Held::nothing().state(), &Choices::default()).unwrap());
    let mut held = Held::everything(&alias_contents());
    held.bucket().record = None;
    let plan = plan_with(&alias_contents(), &held.state(), &Choices { adopt: true, ..Choices::default() }).unwrap();
    let refused = file.covers(&plan).unwrap_err().to_string();
    assert!(refused.contains("- not in the file: DISTRIBUTION E1DISTRIBUTION IS NOT IN THE RECORD"), "{refused}");
}
