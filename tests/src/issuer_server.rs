//! Issuers' hosts over TLS, with a certificate of an authority of their own, reached through a proxy: a host that somebody else
//! runs, and CloudFront's edge in front of an emulated account.

use std::path::{Path, PathBuf};

use crate::emulator::{Emulator, Served};
use crate::program::{Outcome, Program, tool};
use crate::scene::{REGION, Scene};
use crate::server::Server;
use crate::{SetupError, crate_file};

/// A host that somebody else runs: no DNS server knows it, the proxy does. With a DNS record of [`IssuerServer::point`] it is
/// CloudFront's.
pub const HOST: &str = "oidc.example.com";
/// A host that the certificate names too, and that is nowhere before it has a DNS record of [`IssuerServer::point`].
pub const ALIAS: &str = "issuer.example.com";
/// The certificate of the hosts' authority, in the scene's folder.
pub const CA_FILE: &str = "ca.pem";

/// The running hosts and their proxy; they end with this value.
pub struct IssuerServer {
    server: Server,
    folder: PathBuf,
}

impl IssuerServer {
    /// Starts it beside an account, with its files in the scene's folder. None where openssl, which makes the certificates, is not
    /// installed.
    pub fn start(scene: &Scene, emulator: &Emulator) -> Result<Option<Self>, SetupError> {
        Self::start_in(&scene.path(""), emulator)
    }

    /// Starts it beside an account, with its files in this folder.
    pub fn start_in(folder: &Path, emulator: &Emulator) -> Result<Option<Self>, SetupError> {
        let Some(openssl) = tool("openssl") else { return Ok(None) };
        make_certificates(folder, &openssl);
        let arguments = ["server.pem", "server.key", ""].map(|name| folder.join(name).into_os_string());
        let arguments = arguments.into_iter().chain([emulator.port().to_string().into()]);
        let server = Server::start("the issuer's server", "python3", "issuer.py", arguments)?;
        Ok(Some(Self { server, folder: folder.to_owned() }))
    }

    fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// The proxy's variables. The account is no business of the proxy's.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [("HTTPS_PROXY", self.proxy()), ("HTTP_PROXY", self.proxy()), ("NO_PROXY", "127.0.0.1".to_owned())]
    }

    /// A program that finds the hosts through the proxy. It trusts them with `--ca-file` [`CA_FILE`].
    #[must_use]
    pub fn proxied(&self, program: Program) -> Program {
        self.environment().iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    /// Makes the host's DNS record: CloudFront's domain of a distribution.
    pub fn point(&self, scene: &Scene, host: &str, domain: &str) {
        scene.write(&format!("dns/{host}"), domain);
    }

    /// What a client that trusts the authority is answered at this URL, through the proxy.
    pub fn get(&self, url: &str) -> Served {
        let answer = self.fetch(url).exits(0).json();
        serde_json::from_value(answer).expect("it prints what is served")
    }

    /// As [`IssuerServer::get`], where the host may not be found or not be trusted: exit code 1 then.
    pub fn fetch(&self, url: &str) -> Outcome {
        let authority = self.folder.join(CA_FILE);
        let python = Program::new("python3").args([crate_file("support/fetch.py").as_os_str(), self.proxy().as_ref()]);
        python.args([authority.as_os_str(), url.as_ref()]).run()
    }
}

/// An authority, and a certificate of it for every host.
fn make_certificates(folder: &Path, openssl: &Program) {
    let new_key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let runs = |arguments: &[&[&str]]| drop(openssl.clone().args(arguments.concat()).in_folder(folder).run().exits(0));
    let authority = ["-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", CA_FILE];
    runs(&[&new_key, &authority]);
    runs(&[&new_key, &["-subj", "/CN=issuer", "-keyout", "server.key", "-out", "server.csr"]]);
    let names = format!("subjectAltName=DNS:{HOST},DNS:{ALIAS},DNS:*.cloudfront.net,DNS:*.s3.{REGION}.amazonaws.com\n");
    std::fs::write(folder.join("names"), names).expect("the folder can be written to");
    let signed = ["x509", "-req", "-in", "server.csr", "-CA", CA_FILE, "-CAkey", "ca.key", "-CAcreateserial"];
    runs(&[&signed, &["-days", "2", "-extfile", "names", "-out", "server.pem"]]);
}
