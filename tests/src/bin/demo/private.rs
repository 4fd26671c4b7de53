//! A cluster whose bucket is private: CloudFront serves its issuer, under a name that CloudFront gives. So there are two bundles: the
//! first makes the distribution, and its signed receipt says the name that the second is made for.

use tests::issuer_server::{CA_FILE, IssuerServer};

use crate::{BUNDLE, Demo, Done, door, plan_digest, step};

const CLUSTER: &str = "transfer/democluster-2.tar.gz";
const RECEIPT: &str = "transfer/endpoint.receipt.json";

pub(super) fn tell(demo: &Demo) -> Done {
    demo.begin();
    let edge = IssuerServer::start_in(&demo.folder, &demo.emulator)?.ok_or(
        "the demo of a private bucket needs openssl, for the certificate of its CloudFront; it is not installed",
    )?;
    demo.endpoint()?;
    demo.distribution()?;
    demo.cluster()?;
    demo.served(&edge)?;
    demo.removed(&edge)
}

impl Demo {
    fn endpoint(&self) -> Done {
        door("First door, first time: the bundle that makes the endpoint.");
        step("The two teams' keys, and the file that says on the privileged side who must have signed:");
        self.make_team_keys()?;
        self.write_trust()?;
        step(
            "A private bucket, an origin access control and a distribution, and nothing else: no key, no roles, no issuer yet,\n\
             because CloudFront alone gives the distribution its name.",
        );
        self.generator(
            &[
                "create-bundle",
                "--create-private-s3-bucket",
                "--name=democluster",
                "--region=us-east-2",
                "--account-id=123456789012",
                "--signing-key=generator-team/minisign.key",
                "--no-password",
                "--output-dir=transfer",
            ],
            0,
        )?;
        step("The reviewer reads and signs it:");
        self.generator(&["review", BUNDLE, "--trust=trust.json"], 0)?;
        self.counter_sign(BUNDLE)
    }

    fn distribution(&self) -> Done {
        door("Second door, first time: CloudFront gives the name.");
        step(&format!(
            "The account is an emulator: AWS_ENDPOINT_URL={}. The apply ends when the distribution is deployed; on AWS that\n\
             takes minutes.",
            self.emulator.url()
        ));
        let plan = self.applier(&["plan", BUNDLE, "--trust=trust.json"], 0)?;
        let approval = format!("--plan-digest={}", plan_digest(&plan)?);
        let receipt = format!("--receipt={RECEIPT}");
        self.applier(&["apply", BUNDLE, "--trust=trust.json", &approval, &receipt], 0)?;
        step(
            "The receipt has the name. It goes back to the first door, and whoever could change it could make AWS trust keys of\n\
             theirs: so whoever applied signs it.",
        );
        self.sign_receipt(RECEIPT)
    }

    fn cluster(&self) -> Done {
        door("First door, second time: the cluster's bundle, for that name.");
        step("The receipt is read as strictly as a bundle. Signed by somebody else, it is refused:");
        let mut arguments = vec![
            "create-bundle",
            "--endpoint-receipt=transfer/endpoint.receipt.json",
            "--receipt-key=review-team/minisign.pub",
            "--name=democluster",
            "--region=us-east-2",
            "--account-id=123456789012",
            "--credentials-requests-dir=credentials-requests",
            "--signing-key=generator-team/minisign.key",
            "--no-password",
            "--output-dir=transfer",
            "--install-archive=installer/democluster-2-install.tar.gz",
        ];
        self.generator(&arguments, 3)?;
        step("With the key of whoever applied:");
        if let Some(key) = arguments.get_mut(2) {
            *key = "--receipt-key=operator/minisign.pub";
        }
        self.generator(&arguments, 0)?;
        self.generator(&["review", CLUSTER, "--trust=trust.json"], 0)?;
        self.counter_sign(CLUSTER)
    }

    fn served(&self, edge: &IssuerServer) -> Done {
        door("Second door, second time: documents, identity provider and roles.");
        let plan = self.applier(&["plan", CLUSTER, "--trust=trust.json"], 0)?;
        step(
            "Before AWS is told to trust the issuer, and at the end, its documents are read at CloudFront's name, over TLS and without\n\
             credentials, and compared with what was signed. (The demo's CloudFront is a local server with a certificate of its own.)",
        );
        let approval = format!("--plan-digest={}", plan_digest(&plan)?);
        let authority = format!("--ca-file={CA_FILE}");
        self.applier_at(
            edge,
            &["apply", CLUSTER, "--trust=trust.json", &approval, &authority, "--receipt=receipt.json"],
        )?;
        step("Again: there is nothing to do.");
        self.applier(&["plan", CLUSTER, "--trust=trust.json", "--detailed-exitcode"], 0)?;
        Ok(())
    }

    fn removed(&self, edge: &IssuerServer) -> Done {
        door("The end of the cluster.");
        step(
            "The distribution is switched off and deleted before the bucket: in the other order somebody else could make a bucket of\n\
             that name, and CloudFront would serve it.",
        );
        self.applier_at(edge, &["delete", CLUSTER, "--trust=trust.json", "--yes", "--receipt=deletion.json"])?;
        door("What next");
        println!("The files are in {}: transfer/ is what crossed from door to door.", self.folder.display());
        println!("With your own account: README.md, \"Private buckets\".");
        Ok(())
    }

    /// The applier, where the edge is found.
    fn applier_at(&self, edge: &IssuerServer, arguments: &[&str]) -> Done {
        let program = self.program(&self.programs.applier, arguments).envs(self.emulator.environment());
        crate::show(&edge.proxied(program), 0).map(drop)
    }
}
