//! The command line.

use std::io::Write;
use std::process;

use bundle_schema::exit::{self, ExitCode};
use bundle_schema::layout::WIDTH;
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{create_bundle, create_key_pair, create_signing_key, review, sign};
use crate::failure::Failure;

/// Makes keys and signed STS Airlock bundles on a host without a network.
#[derive(Debug, Parser)]
#[command(name = "airlock-generator", version, max_term_width = WIDTH, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Example, from a release's CredentialsRequests to a reviewed bundle:
  airlock-generator create-signing-key --output-dir keys
  airlock-generator create-bundle --name prod --region us-east-2 \\
      --account-id 123456789012 --credentials-requests-dir requests \\
      --signing-key keys/minisign.key --output-dir out
  airlock-generator review out/prod-1.tar.gz --trusted-key keys/minisign.pub

Exit codes: 0 done; 1 reading or writing failed, or review --fail-on; 2 a flag, a setting or a key
file is wrong; 3 a signature, a digest or the trust file refused it; 4 a request
or a bundle is invalid; 5 the bundle has expired.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a minisign key pair, with which bundles are signed
    #[command(after_help = CREATE_SIGNING_KEY)]
    CreateSigningKey(create_signing_key::Arguments),
    /// Make the key pair that signs the cluster's service account tokens
    #[command(after_help = CREATE_KEY_PAIR)]
    CreateKeyPair(create_key_pair::Arguments),
    /// Make a signed bundle and an install archive from CredentialsRequests
    #[command(after_help = CREATE_BUNDLE)]
    CreateBundle(Box<create_bundle::Arguments>),
    /// Report what a bundle allows, and whether it is what was asked for
    #[command(after_help = REVIEW)]
    Review(review::Arguments),
    /// Add a signature to a bundle or a receipt
    #[command(after_help = SIGN)]
    Sign(sign::Arguments),
}

const CREATE_SIGNING_KEY: &str = "\
Example:
  airlock-generator create-signing-key --output-dir keys

The password is asked for twice and not shown. Only the owner can read
minisign.key, from the moment it exists. Both files have stock minisign's
format. Neither is ever overwritten.";

const CREATE_KEY_PAIR: &str = "\
Example:
  airlock-generator create-key-pair --output-dir out

An existing private key is kept, and its public half is written again if it is
missing. create-bundle with the same --output-dir uses the pair. Without this
command, create-bundle makes a pair whose private half is in the install archive
and nowhere else.";

const CREATE_BUNDLE: &str = "\
Examples:
  airlock-generator create-bundle --name prod --region us-east-2 \\
      --account-id 123456789012 --credentials-requests-dir requests \\
      --signing-key keys/minisign.key --output-dir out
  airlock-generator create-bundle --previous out/prod-1.tar.gz \\
      --trusted-key keys/minisign.pub --credentials-requests-dir requests-2 \\
      --signing-key keys/minisign.key --output-dir out
  airlock-generator create-bundle --config prod.yaml \\
      --install-archive - | age -r age1... > install.tar.gz.age
  airlock-generator create-bundle --create-private-s3-bucket --name prod \\
      --region us-east-2 --account-id 123456789012 \\
      --signing-key keys/minisign.key --output-dir out
  airlock-generator create-bundle --endpoint-receipt prod-1-receipt.json \\
      --receipt-key operator.pub --credentials-requests-dir requests \\
      --signing-key keys/minisign.key --output-dir out

Output files, which appear together or not at all, and are never overwritten:
  NAME-SERIAL.tar.gz                   the bundle, for the applier
  NAME-SERIAL.tar.gz.minisig           its signature
  NAME-SERIAL-install.tar.gz           manifests and, for a cluster's first
                                       bundle, private key, for the installer's
                                       directory; only the owner can read it
  NAME-SERIAL-install.tar.gz.minisig   its signature, to check before extracting

A private bucket behind CloudFront is made in one of two ways:
  - With a host name of your own: --issuer-url https://HOST[/PATH] and
    --certificate-arn ARN (ACM, us-east-1), or --iam-certificate-id ID. One
    bundle makes everything.
  - At the name that CloudFront gives the distribution, which is not known
    before: --create-private-s3-bucket makes a first bundle with bucket and
    distribution alone (fourth example). Its apply writes a receipt, which
    whoever applied signs. --endpoint-receipt makes the cluster's bundle of it
    (fifth example): name, account, region, bucket and issuer are the receipt's,
    and every --receipt-key must have signed it. One file of --config serves
    both; what is for the cluster alone waits in it for the second bundle.
--issuer-url alone leaves the documents to somebody else, and there is no
bucket.

--previous BUNDLE makes the next bundle of a cluster (second example). Every
--trusted-key, or every role of --trust, must have signed the older one; it may
have expired. These are taken from it:
  never given otherwise  name, account, region, partition, DNS suffix, role
                         path, bucket, issuer, distribution, and the public
                         keys: no private key is needed
  unless given anew      serial (its own plus one), tags, audiences, thumbprints
                         and feature gates, each as a whole; permissions
                         boundary, role names, feature set, certificate
  unless --install-config is given    capabilities
  where still needed     service accounts of requests that name none
Nothing else is: the requests are those of --credentials-requests-dir, and
--expires-in counts from now. To go without a setting that the older bundle has,
such as its boundary, leave --previous out and give --serial and
--public-key-file.

Keys change in two bundles: --previous OLD --add-public-key FILE publishes a
new key besides; once the API server signs with it, and no token of the old key
is left, --previous OLD --drop-key KID publishes the old one no longer. The key
that signed goes on signing; where it is dropped, the one that is left does, and
--signing-kid KID says which where there are several. At most 4 are published.

A cluster moves to another issuer with --previous OLD and what names the new one:
--issuer-url URL, alone or with a certificate; --endpoint-receipt FILE, once the
bundle of --create-private-s3-bucket --previous OLD --bucket-name BUCKET is
applied; or --bucket-name BUCKET alone, for a public bucket. A new bucket needs
another name, because the old issuer goes on serving. Roles trust both until a
later bundle is made with --drop-issuer URL, once no token of the old one is left.

The cluster's key pair is the first of these:
  1. --previous BUNDLE, or --public-key-file FILE: the public half alone, for a
     cluster that has its key already.
  2. OUTPUT_DIR/serviceaccount-signer.private, from create-key-pair or ccoctl.
  3. For a cluster's first bundle, a new pair. Its private half is in the install archive and
     nowhere else: keep that archive until the installer has it. With
     --install-archive - it is never on a disk unencrypted.
Only the install archive of a cluster's first bundle holds a private key: the
one of serial 1, or the one right after the endpoint's.

The file of --config is YAML. Its keys are the names of the flags; what may be
given several times is a list:
  name: prod
  account-id: \"012345678901\"
  tag: [team=edge]

The same input, keys and time (--created or SOURCE_DATE_EPOCH) give the same
bytes.";

const REVIEW: &str = "\
Examples:
  airlock-generator review prod-2.tar.gz --trust trust.json \\
      --against prod-1.tar.gz
  airlock-generator review prod-2.tar.gz --trusted-key generator.pub \\
      --credentials-requests-dir requests --format html --output review.html

The bundle is made again from the requests, the public key and the settings in
it, and every entry is compared. With --credentials-requests-dir the requests
are those that you extracted from the release; then whoever made the bundle need
not be believed.

--against says what came and went since an older bundle. \"Allows nothing new\"
stands there only where it is so for every action, resource and condition; each
widening has a witness, an action and a resource that were refused and are
allowed. What cannot be decided counts as widened.

--accepted FILE names findings that were accepted:
  {\"accepted\": [{\"id\": \"airlock/unscoped-write\", \"role\": \"prod-...\",
    \"by\": \"Ada\", \"reason\": \"...\", \"until\": \"2027-01-31\"}]}
One without a statement is for every statement of the role, one without a role
for findings about the bundle. An expired or unused one is a finding itself.

Exit codes: 0 the report is written; 1 a finding at or above --fail-on; 3 a
signature or a key is refused; 4 the bundle is invalid, or is not what its
requests ask for (the report is written all the same).";

const SIGN: &str = "\
Examples:
  airlock-generator sign prod-1.tar.gz --signing-key review/minisign.key \\
      --trusted-key generator.pub
  airlock-generator sign prod-1.tar.gz --signing-key review/minisign.key \\
      --sha256 HEX
  airlock-generator sign receipt.json --signing-key operator/minisign.key \\
      --signer operator

Shows the bundle and asks before it signs; with --sha256 it signs that file
without a question, and no other. A bundle that is not what its requests ask for
is refused; --without-rebuild signs it, and the trusted comment says so. Writes
FILE.LABEL.minisig, as `minisign -S -m FILE -x FILE.LABEL.minisig` does. An
expired or invalid bundle is not signed. The label is for people: the applier
decides by keys alone.

A receipt is read as strictly as a bundle, and signed by whoever applied, with a
key that signs no bundles: airlock-applier verify RECEIPT checks it.

--trust is for the team that signs last, with a copy of the privileged side's
trust file. Checked before the question and the password: at most one role has
not signed, each signature by a key of the file matches, and the bundle is
within the file's limits, as the applier checks them; for a receipt those on
accounts, partitions and names. Checked once the key is
open, because its public half is encrypted too: the key belongs to a role, and
every other role has signed.";

/// The command line, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> process::ExitCode {
    let result = match Cli::parse().command {
        Command::CreateSigningKey(arguments) => create_signing_key::run(arguments),
        Command::CreateKeyPair(arguments) => create_key_pair::run(arguments),
        Command::CreateBundle(arguments) => create_bundle::run(*arguments),
        Command::Review(arguments) => review::run(&arguments),
        Command::Sign(arguments) => sign::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::Done.into(),
        Err(Failure { code, error }) => {
            // Nobody may be listening.
            let _ = writeln!(std::io::stderr(), "{}", exit::describe(error.as_ref()));
            code.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
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
    fn every_option_is_explained_and_every_command_has_an_example() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_after_help().unwrap().to_string().contains("Example"), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }
}
