//! The command line. Exit codes, flags and their meaning are API.

use std::path::PathBuf;

use bundle_schema::layout::WIDTH;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

/// What the command line says.
#[derive(Debug, Parser)]
#[command(
    name = "airlock-applier",
    version,
    max_term_width = WIDTH,
    about = "Verify a signed STS Airlock bundle and apply it to the AWS account it was made for",
    after_help = "Exit codes: 0 done or nothing to do; 2 usage; 3 signature or trust refused;\n\
                  4 bundle or plan file invalid; 5 refused by the live account; 6 AWS failed,\n\
                  running it again is safe; 10 something to do, or something foreign (plan\n\
                  --detailed-exitcode); 1 anything else"
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check signatures, form and content of a bundle or a receipt, without AWS
    #[command(
        override_usage = "airlock-applier verify FILE [OPTIONS]\n           (--trust FILE | --trusted-key KEY...)",
        after_help = "Examples:\n  airlock-applier verify prod-1.tar.gz --trust trust.json\n  \
                            airlock-applier verify receipt.json --trusted-key operator.pub\n\n\
                            A receipt is signed by whoever applied (airlock-generator sign RECEIPT), so it\n\
                            needs other keys than a bundle: a trust file of its own, or --trusted-key. Of\n\
                            the trust file's limits, those on accounts, partitions and names hold. A receipt\n\
                            says what its signers say was done; the account is not asked."
    )]
    Verify(VerifyArgs),
    /// Show what an apply would do to the account, and change nothing
    #[cfg(feature = "aws")]
    #[command(
        override_usage = "airlock-applier plan BUNDLE [OPTIONS]\n           (--trust FILE | --trusted-key KEY...)",
        after_help = "Examples:\n  airlock-applier plan prod-1.tar.gz --trust trust.json --detailed-exitcode\n  \
                            airlock-applier plan prod-1.tar.gz --trust trust.json --output plan.json\n\n\
                            Credentials, profile and endpoint come from the environment (AWS_PROFILE,\n\
                            AWS_ENDPOINT_URL, ...)."
    )]
    Plan(PlanArgs),
    /// Make the account hold what the bundle says, and write a receipt
    #[cfg(feature = "aws")]
    #[command(
        override_usage = "airlock-applier apply BUNDLE [OPTIONS]\n           (--trust FILE | --trusted-key KEY...)",
        after_help = "Examples:\n  airlock-applier apply prod-1.tar.gz --trust trust.json \\\n      --plan-digest 6b86b2...\n  \
                            airlock-applier apply prod-1.tar.gz --trust trust.json --plan plan.json\n\n\
                            Credentials, profile and endpoint come from the environment (AWS_PROFILE,\n\
                            AWS_ENDPOINT_URL, ...).\n\
                            Ctrl-C finishes the calls under way, begins no other, and writes the receipt.\n\
                            With --plan the same command goes on from there, under the same approval."
    )]
    Apply(ApplyArgs),
    /// Delete from the account what the bundle names and the record knows, and write a receipt
    #[cfg(feature = "aws")]
    #[command(
        override_usage = "airlock-applier delete BUNDLE [OPTIONS]\n           (--trust FILE | --trusted-key KEY...)",
        after_help = "Examples:\n  airlock-applier delete prod-7.tar.gz --trust trust.json\n  \
                            airlock-applier delete prod-7.tar.gz --trust trust.json --output plan.json\n  \
                            airlock-applier delete prod-7.tar.gz --trust trust.json --plan plan.json\n\n\
                            Shows what goes and asks for the bundle's name. Without a terminal, --yes,\n\
                            --plan-digest or --plan it shows that alone, with its digest, and ends with\n\
                            code 2. --output writes the plan and deletes nothing.\n\
                            Roles go first, then the identity provider, a private bucket's distribution,\n\
                            the documents, the record, the bucket; documents that somebody else publishes\n\
                            stay. The bundle must be signed and valid; it may have expired.\n\
                            Ctrl-C finishes the calls under way, begins no other, and writes the receipt."
    )]
    Delete(DeleteArgs),
    /// Print the least IAM policy with which a bundle can be planned, applied or deleted
    #[cfg(feature = "aws")]
    #[command(
        override_usage = "airlock-applier permissions BUNDLE --for PURPOSE [OPTIONS]\n           (--trust FILE | --trusted-key KEY...)",
        after_help = "Example:\n  airlock-applier permissions prod-1.tar.gz --trust trust.json --for apply\n\n\
                            No call to AWS is made. Actions have the exact resources of the bundle. What one\n\
                            managed policy cannot hold is divided: one document after the other, or with\n\
                            --format json a list of documents. sts:GetCallerIdentity needs no permission."
    )]
    Permissions(PermissionsArgs),
}

/// A bundle, and whom to trust about it.
#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The bundle, <name>-<serial>.tar.gz
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// A signature to read, instead of every BUNDLE.minisig and BUNDLE.<signer>.minisig beside the bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Vec<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TrustArgs {
    /// The trust file: roles whose signatures are demanded, and limits
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
    /// A minisign public key file or its base64 line; every key given must have signed
    #[arg(long, value_name = "KEY")]
    pub(crate) trusted_key: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs, stable
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle, <name>-<serial>.tar.gz, or the receipt, JSON
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// A signature to read, instead of every FILE.minisig and FILE.<signer>.minisig beside the file
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Vec<PathBuf>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// End with exit code 10 if there is something to do, something of others on what is the cluster's, or a role of the
    /// cluster's that is not in the bundle
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Write the plan to this new file too, for apply --plan
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[command(flatten)]
    pub(crate) execute: ExecuteArgs,
    /// Do not look whether the public can read the issuer's documents, for a host that cannot reach them
    #[arg(long)]
    pub(crate) skip_issuer_check: bool,
    /// Certificates of authorities (PEM) to trust besides the system's when the documents of an issuer are read that is
    /// hosted elsewhere or behind CloudFront
    #[arg(long, value_name = "FILE", conflicts_with = "skip_issuer_check")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    #[command(flatten)]
    pub(crate) requests: RequestArgs,
    #[command(flatten)]
    pub(crate) execute: ExecuteArgs,
    /// Delete also what carries the cluster's tag and is not in the record of what was made, as the plan shows it: of
    /// ccoctl, or of somebody else
    #[arg(long)]
    pub(crate) adopt: bool,
    /// The receipt of the last apply, where the bucket or the tags with the record are gone
    #[arg(long, value_name = "FILE")]
    pub(crate) previous_receipt: Option<PathBuf>,
    /// Take policies that are not in the bundle off the cluster's roles, which cannot be deleted with them
    #[arg(long)]
    pub(crate) prune: bool,
    /// Delete nothing: show what would go, and write that plan to this new file, for delete --plan
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "plan", "plan_digest", "receipt"])]
    pub(crate) output: Option<PathBuf>,
}

/// How a plan is approved and carried out.
#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// Do it without asking, whatever the plan is
    #[arg(long)]
    pub(crate) yes: bool,
    /// Do it without asking if this is the plan's digest, and refuse otherwise; with --plan, the file's
    #[arg(long, value_name = "SHA256")]
    pub(crate) plan_digest: Option<bundle_schema::names::Sha256>,
    /// Do without asking what is left of the plan in this file, and refuse whatever is not in it
    #[arg(long, value_name = "FILE", conflicts_with = "yes")]
    pub(crate) plan: Option<PathBuf>,
    /// Seconds for which the record of a run that was cut off must not have changed before this run goes on from there; 0
    /// only if nobody else can be at it
    #[arg(long, value_name = "SECONDS", default_value_t = crate::apply::hold::TAKE_OVER_AFTER, value_parser = clap::value_parser!(u16).range(..=3600))]
    pub(crate) take_over_after: u16,
    /// Minutes to wait until CloudFront has deployed a distribution; 0 to look once
    #[arg(long, value_name = "MINUTES", default_value_t = crate::apply::deployment::WAIT_TIMEOUT, value_parser = clap::value_parser!(u16).range(..=1440))]
    pub(crate) wait_timeout: u16,
    /// Where the receipt goes [default: <name>-<serial>.<time>.receipt.json in the current directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct PermissionsArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    /// What is to be done with the bundle
    #[arg(long = "for", value_enum, value_name = "PURPOSE")]
    pub(crate) purpose: crate::permissions::Purpose,
    /// With what `--prune` needs
    #[arg(long)]
    pub(crate) prune: bool,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// How many requests may be under way at once; where a service throttles, they slow down by themselves
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) concurrency: u8,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    pub(crate) requests: RequestArgs,
    #[command(flatten)]
    pub(crate) choices: ChoiceArgs,
}

/// What is allowed besides what every plan may do.
#[cfg(feature = "aws")]
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Take over what has the right name and is not in the record of what was made, as the plan shows it: of ccoctl, or of
    /// somebody else; with --prune, also remove roles that are the cluster's by their tag alone
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Apply a bundle that is older than what the account holds, or one whose bucket, or hosted issuer's provider, is gone
    #[arg(long)]
    pub(crate) allow_rollback: bool,
    /// The receipt of the last apply, where the bucket or the tags with the record are gone
    #[arg(long, value_name = "FILE")]
    pub(crate) previous_receipt: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) foreign_policies: ForeignPolicyArgs,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ForeignPolicyArgs {
    /// Remove policies that are not in the bundle from the cluster's roles, and the cluster's roles that are not in it
    #[arg(long)]
    pub(crate) prune: bool,
    /// Give permissions also to roles that have policies which are not in the bundle, and keep those
    #[arg(long)]
    pub(crate) leave_foreign_policies: bool,
}

/// The command line, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_80_columns() {
        let mut cli = Cli::command();
        cli.build();
        let helps = |command: &mut clap::Command| {
            [command.render_help(), command.render_long_help()].map(|help| help.to_string())
        };
        let mut all = helps(&mut cli).to_vec();
        cli.get_subcommands_mut().for_each(|command| all.extend(helps(command)));
        let long: Vec<&str> =
            all.iter().flat_map(|help| help.lines()).filter(|line| line.chars().count() > WIDTH).collect();
        assert_eq!(long, Vec::<&str>::new());
    }

    #[test]
    fn some_trust_is_demanded_and_only_of_one_kind() {
        let parse = |more: &[&str]| {
            let line = ["airlock-applier", "verify", "b.tar.gz"].iter().chain(more);
            Cli::try_parse_from(line).map(drop).map_err(|error| error.exit_code())
        };
        assert_eq!(parse(&[]), Err(2));
        assert_eq!(parse(&["--trust", "t", "--trusted-key", "k"]), Err(2));
        assert_eq!(parse(&["--trusted-key", "k", "--trusted-key", "l", "--signature", "s"]), Ok(()));
    }
}
