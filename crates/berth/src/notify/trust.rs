//! Whom connections to elsewhere are trusted with.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The certificates of a text in PEM; `None`: those that this machine trusts.
///
/// Errors: why there are none, for people.
pub(super) fn certificates(pem: Option<&str>) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = match pem {
        Some(pem) => CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("the authorities are no PEM: {error}"))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    if found.is_empty() { Err("no authorities are trusted here: set ca_file".to_owned()) } else { Ok(found) }
}

/// The same for rustls.
///
/// Errors: as above.
pub(super) fn roots(pem: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(pem)?);
    Ok(roots)
}
