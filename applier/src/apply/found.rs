//! One action of a plan: sent, and looked at where AWS says that it is done already.
//!
//! Input: an action. Output: whether it is done by this run or before, or why it failed. What was to be made counts as done
//! only if what is there is exactly what the action would have made.

use std::time::Duration;

use crate::account::live::{BucketState, ReadAccount};
use crate::account::{AwsError, CallLog};
use crate::apply::WriteAccount;
use crate::apply::failure::ActionError;
use crate::apply::issuer_check::IssuerCheck;
use crate::plan::action::{Action, Call};
use crate::plan::reconcile;
use crate::record::RoleId;

/// How IAM and S3 say that what a call deletes is not there.
const GONE: [&str; 4] = ["NoSuchEntity", "NoSuchEntityException", "NoSuchBucket", "NoSuchKey"];

/// An action that is done.
pub(super) struct Performed {
    /// Before the call that AWS answered last: an earlier answer was lost.
    pub(super) already: bool,
    /// The ID of a role that was made.
    pub(super) role_id: Option<RoleId>,
}

/// Sends an action's call, and finds out whether it is done already where AWS says so.
pub(super) async fn perform(
    account: &(impl ReadAccount + WriteAccount),
    action: &Action,
    issuer: Option<&IssuerCheck>,
    log: &CallLog,
) -> Result<Performed, ActionError> {
    // IAM reads the issuer when the provider is made.
    if let (Call::CreateProvider { .. }, Some(check)) = (&action.call, issuer) {
        check.wait().await?;
    }
    let error = match account.perform(action, log).await {
        Ok(role_id) => return Ok(Performed { already: false, role_id }),
        Err(error) => error,
    };
    // What was to be deleted is gone, after an answer that was lost or by somebody else's hand.
    if action.removes() && error.code().is_some_and(|code| GONE.contains(&code)) {
        return Ok(Performed { already: true, role_id: None });
    }
    let says_done =
        ["BucketAlreadyOwnedByYou", "EntityAlreadyExists", "EntityAlreadyExistsException", "PreconditionFailed"];
    if !error.code().is_some_and(|code| says_done.contains(&code)) {
        return Err(error.into());
    }
    // As after an answer that was lost: the call was carried out, and sent again. What was just made may not be found yet.
    for pause in [0, 500, 1_500, 4_000].map(Duration::from_millis) {
        tokio::time::sleep(pause).await;
        match is_done(account, action).await? {
            Found::Ours(role_id) => return Ok(Performed { already: true, role_id }),
            Found::Other => break,
            Found::Nothing => {}
        }
    }
    Err(ActionError::Changed { resource: action.resource.clone() })
}

/// What stands where an action would make something.
enum Found {
    /// Exactly what the action makes; the ID of a role.
    Ours(Option<RoleId>),
    /// Something else.
    Other,
    /// Nothing, although AWS says that there is something.
    Nothing,
}

impl Found {
    fn of(is_ours: Option<bool>) -> Self {
        match is_ours {
            Some(true) => Self::Ours(None),
            Some(false) => Self::Other,
            None => Self::Nothing,
        }
    }
}

/// Whether the account holds exactly what the action would make.
async fn is_done(account: &impl ReadAccount, action: &Action) -> Result<Found, AwsError> {
    Ok(Found::of(match &action.call {
        Call::CreateBucket { input, tags } => match account.find_bucket(&input.bucket).await? {
            BucketState::Present(()) => {
                let bucket = account.bucket_settings(&input.bucket).await?;
                Some(bucket.is_new() && tags.iter().all(|(key, value)| bucket.tags.get(key) == Some(value)))
            }
            BucketState::Absent => None,
            BucketState::Forbidden | BucketState::InRegion(_) => Some(false),
        },
        Call::PutObject { bucket, after, .. } => {
            account.object(bucket, &after.key).await?.map(|live| reconcile::same_object(after, &live))
        }
        Call::CreateProvider { input, tags } => {
            let live = account.provider(&action.resource).await?;
            live.map(|live| reconcile::provider(input, tags, Some(&live)).is_empty())
        }
        Call::CreateRole { input } => {
            return Ok(match account.role(&input.role_name, &input.role_name).await? {
                Some(live) if reconcile::is_just_made(input, &live) => Found::Ours(Some(live.id)),
                Some(_) => Found::Other,
                None => Found::Nothing,
            });
        }
        _ => Some(false),
    }))
}
