//! A cluster whose issuer is a public bucket: the main job, a next bundle that wants more, and one of which a byte was changed.

use std::io::Write;
use std::path::Path;
use std::{env, fs, io};

use crate::{BUNDLE, Demo, Done, copy_folder, door, plan_digest, step};

const WIDENED: &str = "transfer/democluster-2.tar.gz";
const TAMPERED: &str = "tampered/democluster-1.tar.gz";

pub(super) fn tell(demo: &Demo) -> Done {
    demo.begin();
    demo.offline()?;
    demo.review()?;
    demo.privileged()?;
    demo.widened()?;
    demo.tampered()?;
    demo.what_next()
}

impl Demo {
    fn offline(&self) -> Done {
        door("First door: the air-gapped host. It has the private keys and no network.");
        step(
            "Two signing keys: one for the team that generates bundles, one for the team that reviews them. Each team keeps\n\
             its own. In life they have a password, which is asked for; a demo has nobody to ask, so --no-password it is.",
        );
        self.make_team_keys()?;
        step(
            "The bundle, and beside it the install archive. The bundle holds every document that AWS will be sent, with no\n\
             placeholder; the install archive alone holds the cluster's private key, and never leaves for the other door.",
        );
        self.generator(
            &[
                "create-bundle",
                "--name=democluster",
                "--region=us-east-2",
                "--account-id=123456789012",
                "--credentials-requests-dir=credentials-requests",
                "--signing-key=generator-team/minisign.key",
                "--no-password",
                "--output-dir=transfer",
                "--install-archive=installer/democluster-1-install.tar.gz",
            ],
            0,
        )?;
        step("Stock tools read it. This is all that crosses over:");
        self.tool("tar", &["tzf", BUNDLE])?;
        Ok(())
    }

    fn review(&self) -> Done {
        door("Between the doors: two signatures are demanded.");
        step(
            "The privileged side keeps a trust file, which never travels with a bundle. It says who must have signed.",
        );
        self.write_trust()?;
        step(
            "So far only the generator's team has signed. The applier refuses, before it even looks into the archive:",
        );
        self.applier(&["verify", BUNDLE, "--trust=trust.json"], 3)?;
        step(
            "The reviewer's report: the bundle is made again from the requests in it and compared, every role is shown by what it\n\
             may do, and what a security review should know is a finding. (--format html makes a page of it.)",
        );
        self.generator(&["review", BUNDLE, "--trust=trust.json"], 0)?;
        step(
            "The reviewer signs it. On a terminal, sign shows the head of the report and asks; elsewhere it is told the SHA-256\n\
             of the file that was reviewed:",
        );
        self.counter_sign(BUNDLE)?;
        Ok(())
    }

    fn privileged(&self) -> Done {
        door("Second door: the privileged network. It has AWS credentials and no private key.");
        step("Now all required roles have signed:");
        self.applier(&["verify", BUNDLE, "--trust=trust.json"], 0)?;
        step(&format!(
            "The plan, from what the account holds now. The account is an emulator (moto): AWS_ENDPOINT_URL={}",
            self.emulator.url()
        ));
        let plan = self.applier(&["plan", BUNDLE, "--trust=trust.json"], 0)?;
        step("Exactly that plan is applied: its digest says so, and a plan with another digest would be refused.");
        let digest = plan_digest(&plan)?;
        let approval = format!("--plan-digest={digest}");
        self.applier(&["apply", BUNDLE, "--trust=trust.json", &approval, "--receipt=receipt.json"], 0)?;
        step(
            "Again: there is nothing to do. With --detailed-exitcode, code 0 says so to a script; 10 would mean changes.",
        );
        self.applier(&["plan", BUNDLE, "--trust=trust.json", "--detailed-exitcode"], 0)?;
        step(
            "The receipt says what was done to which resource, by whom, on whose signatures. Whoever applied signs it with a key\n\
             of their own:",
        );
        self.sign_receipt("receipt.json")?;
        step("Whoever has that key's public half reads it later, without AWS:");
        self.applier(&["verify", "receipt.json", "--trusted-key=operator/minisign.pub"], 0)?;
        Ok(())
    }

    fn widened(&self) -> Done {
        door("The next release, and somebody at the first door wants more than it asks for.");
        step(
            "The release's requests are the same. In the copy that the bundle is made of, one role gets two actions more:",
        );
        let requests = self.folder.join("changed-requests");
        copy_folder(&self.folder.join("credentials-requests"), &requests)?;
        let request = requests.join("01-image-store.yaml");
        let text = fs::read_to_string(&request)?;
        let (asked, more) =
            ("- s3:GetObject\n", "- s3:GetObject\n      - s3:PutBucketPolicy\n      - iam:CreateAccessKey\n");
        if !text.contains(asked) {
            return Err("the sample request is another one".into());
        }
        fs::write(&request, text.replacen(asked, more, 1))?;
        self.generator(
            &[
                "create-bundle",
                &format!("--previous={BUNDLE}"),
                "--trust=trust.json",
                "--credentials-requests-dir=changed-requests",
                "--signing-key=generator-team/minisign.key",
                "--no-password",
                "--output-dir=transfer",
            ],
            0,
        )?;
        step("Against the bundle that was reviewed last time, the report says in its first line that it allows more:");
        let against = format!("--against={BUNDLE}");
        let flags = ["review", WIDENED, "--trust=trust.json", &against];
        self.generator(&[&flags[..], &["--fail-on=warning", "--output=widened.txt"]].concat(), 1)?;
        self.tool("head", &["-n", "19", "widened.txt"])?;
        step("The same as a page for a browser, which loads nothing from anywhere:");
        self.generator(&[&flags[..], &["--format=html", "--output=widened.html"]].concat(), 0)?;
        step(
            "And whoever extracted the release's requests alone need not believe the first door at all: the bundle is not what\n\
             they ask for.",
        );
        let requests = "--credentials-requests-dir=credentials-requests";
        self.generator(&["review", WIDENED, requests, "--output=not-the-release.txt"], 4)?;
        self.tool("head", &["-n", "15", "not-the-release.txt"])?;
        Ok(())
    }

    fn tampered(&self) -> Done {
        door("Somebody between the doors changes one byte.");
        fs::create_dir_all(self.folder.join("tampered"))?;
        for ending in ["", ".minisig", ".reviewer.minisig"] {
            fs::copy(self.folder.join(format!("{BUNDLE}{ending}")), self.folder.join(format!("{TAMPERED}{ending}")))?;
        }
        let mut bytes = fs::read(self.folder.join(TAMPERED))?;
        let middle = bytes.len() / 2;
        let byte = bytes.get_mut(middle).ok_or("the bundle is empty")?;
        *byte ^= 1;
        fs::write(self.folder.join(TAMPERED), bytes)?;
        self.emulator.forget();
        self.applier(&["apply", TAMPERED, "--trust=trust.json", "--yes"], 3)?;
        let seen = self.emulator.requests().len();
        println!("The account saw {seen} requests.");
        if seen == 0 { Ok(()) } else { Err("the applier talked to AWS about a tampered bundle".into()) }
    }

    fn what_next(&self) -> Done {
        let keep = env::args().any(|argument| argument == "--keep");
        let programs = self.programs.generator.parent().unwrap_or(Path::new("."));
        door("What next");
        println!("The files are in {}:", self.folder.display());
        println!("  transfer/    the bundle and its signatures: what crosses from door to door");
        println!(
            "  installer/   the install archive with the cluster's private key: extract it into the installer's folder"
        );
        println!("  widened.html the reviewer's page about the bundle that allows more: open it in a browser");
        println!("  receipt.json, trust.json, and the two teams' keys");
        println!("\nTo type the commands yourself:");
        println!("  cd {}", self.folder.display());
        println!("  export PATH={}:$PATH", programs.display());
        if keep {
            for (name, value) in self.emulator.environment() {
                println!("  export {name}={value}");
            }
        } else {
            println!(
                "  (verify and everything of airlock-generator works as it stands; for plan and apply, run the demo"
            );
            println!(
                "   with `-- --keep`, which leaves the emulated account running, or use credentials of a test account)"
            );
        }
        println!("\nThen, with your own release's requests and your own account: README.md, \"The real workflow\".");
        if keep {
            print!("\nThe emulator runs until you press Enter. ");
            io::stdout().flush()?;
            io::stdin().read_line(&mut String::new())?;
        }
        Ok(())
    }
}
