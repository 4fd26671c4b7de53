//! `airlock-applier apply`: shows the plan, has it approved, carries it out, writes the receipt.

use std::sync::Arc;

use bundle_schema::documents::contents::IssuerDocuments;
use bundle_schema::documents::index::Endpoint;
use bundle_schema::exit::ExitCode;

use super::execute::Execution;
use super::{Failure, admit, now, plan};
use crate::account::issuer::web::{PublishedIssuer, Publisher, Roots};
use crate::apply::issuer_check::IssuerCheck;
use crate::cli::ApplyArgs;
use crate::plan::Operation;

pub(super) async fn run(args: &ApplyArgs) -> Result<ExitCode, Failure> {
    args.execute.check()?;
    let roots = args.ca_file.as_deref().map(Roots::read).transpose()?;
    let admitted = admit(&args.bundle)?;
    let choices = args.account.choices.read(&admitted)?;
    let file = args.execute.plan_file(Operation::Apply, admitted.bundle(), &choices)?;
    let (account, planned) = plan::compute(&admitted, &args.account, &choices).await?;
    let contents = admitted.bundle().contents();
    let header = &contents.header;
    let reader = |issuer: &IssuerDocuments| {
        let url = issuer.provider.url.as_str();
        let (publisher, url) = match header.endpoint {
            Some(Endpoint::PublicBucket) => (Publisher::Bucket, account.public_url(&header.bucket(), url)),
            Some(Endpoint::Cloudfront) => (Publisher::CloudFront, url.to_owned()),
            Some(Endpoint::Hosted) | None => (Publisher::SomebodyElse, url.to_owned()),
        };
        Arc::new(PublishedIssuer::new(url, publisher, roots))
    };
    let issuer = contents.issuer.as_ref().filter(|_| !args.skip_issuer_check);
    let at_once = args.account.requests.concurrency.into();
    let execution = Execution {
        args: &args.execute,
        format: args.bundle.format,
        concurrency: args.account.requests.concurrency,
        file_stem: header.file_stem(),
        wait: args.execute.wait(header),
        issuer: issuer.map(|issuer| Arc::new(IssuerCheck::of(issuer, reader(issuer), at_once))),
    };
    let again = async {
        admitted.check_time(now()?)?;
        plan::read_and_plan(&account, &admitted, &choices).await
    };
    Box::pin(execution.run(&account, planned, file, again)).await
}
