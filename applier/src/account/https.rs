//! How every connection to AWS and to an issuer is made: TLS by rustls with ring, through the proxy that the environment names.
//! The SDK's own default is the same with aws-lc in place of ring, whose C takes a minute to compile.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// The client of the SDK's services.
pub(super) fn client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = proxied();
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(TLS).build()
    })
}

/// A connector that trusts whom the context says.
pub(super) fn connector(context: TlsContext) -> Connector {
    proxied().tls_provider(TLS).tls_context(context).build()
}

fn proxied() -> ConnectorBuilder {
    Connector::builder().proxy_config(ProxyConfig::from_env())
}
