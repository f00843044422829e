//! The way to a page of the channel's.

use crate::http::is_guarded;
use payment::obj::{Form, Method};
use reqwest::Url;

/// A payer's link as a form: a browser takes its query from the fields. Nothing
/// for an address that nobody vouches for.
pub(crate) fn form(href: &str) -> Option<Form> {
    let mut url = Url::parse(href).ok().filter(|_| is_guarded(href))?;
    let fields = url.query_pairs().into_owned().collect();
    url.set_query(None);
    Some(Form {
        method: Method::Get,
        action: url.into(),
        fields,
    })
}
