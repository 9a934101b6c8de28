//! How much a database server must prove before it is spoken to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::error::{Error, ErrorKind, Result, ResultExt};

/// The modes of libpq's `sslmode`, with the same meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Mode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it; nothing is verified.
    Prefer,
    /// TLS; nothing is verified unless a root certificate is named.
    Require,
    /// TLS, and the certificate is signed by a trusted authority.
    VerifyCa,
    /// As `VerifyCa`, and it is the host's own.
    VerifyFull,
}

/// Whom to trust, as the URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Trust {
    pub(in crate::source) mode: Mode,
    /// A PEM file of authorities; the system's when absent.
    pub(in crate::source) roots: Option<PathBuf>,
}

impl Trust {
    pub(super) fn parse(mode: Option<&str>, roots: Option<String>) -> Result<Self, String> {
        // MySQL's clients write VERIFY_CA and VERIFY_IDENTITY.
        let word = mode.map(|mode| mode.to_ascii_lowercase().replace('_', "-"));
        let mode = match word.as_deref() {
            None | Some("prefer" | "preferred" | "allow") => Mode::Prefer,
            Some("disable" | "disabled") => Mode::Disable,
            Some("require" | "required") => Mode::Require,
            Some("verify-ca") => Mode::VerifyCa,
            Some("verify-full" | "verify-identity") => Mode::VerifyFull,
            Some(_) => {
                return Err(
                    "`sslmode` must be disable, prefer, require, verify-ca or verify-full".into()
                );
            }
        };
        Ok(Self { mode, roots: roots.map(PathBuf::from) })
    }

    /// The mode in effect: as with libpq, a named root certificate is also verified against by `require`.
    pub(in crate::source) fn effective(&self) -> Mode {
        match self.mode {
            Mode::Require if self.roots.is_some() => Mode::VerifyCa,
            mode => mode,
        }
    }
}

/// The TLS of a client that trusts as `trust` says.
pub(in crate::source) fn client_config(trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mode = trust.effective();
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        Mode::Disable | Mode::Prefer | Mode::Require => {
            Arc::new(Lenient { verifier: None, provider: Arc::clone(&provider) })
        }
        Mode::VerifyCa | Mode::VerifyFull => {
            let roots = Arc::new(roots(trust.roots.as_deref())?);
            let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            let strict = builder.build().or_fail(ErrorKind::SourceUnavailable, || {
                "no certificate authority is known; name one with `sslrootcert`".into()
            })?;
            if mode == Mode::VerifyFull {
                strict
            } else {
                Arc::new(Lenient { verifier: Some(strict), provider: Arc::clone(&provider) })
            }
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .or_fail(ErrorKind::Internal, || "setting up TLS".into())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let loaded = match file {
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    if let (Some(path), Some(error)) = (file, loaded.errors.into_iter().next()) {
        let what = format!("cannot read the certificates of `{}`", path.display());
        return Err(Error::new(ErrorKind::SourceUnavailable, what).because(error));
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(loaded.certs);
    Ok(store)
}

/// Accepts a certificate of any name, and any certificate at all without a verifier, as the modes below
/// `verify-full` are defined; that the server holds its key is verified always.
#[derive(Debug)]
struct Lenient {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(verifier) = &self.verifier else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
