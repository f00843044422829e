//! What a page knows of its business system.

use crate::state::State;
use checkout::{Checkout, Scene, links};
use payment::address::origin;
use payment::domain::Domain;
use payment::param::Param;
use payment::payee::Payee;
use payment::ports::{AttemptRow, Kind};
use payment::request::PayRequest;
use payment::signed::Signed;
use payment::verify::Verified;

/// Where a payer goes when the page is done,
/// who may show it, and who is paid (docs/page.md, What a business system decides).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leave {
    /// Paid: dialogOkUrl, else pageUrl.
    pub(super) ok: Option<String>,
    /// Failed: dialogFailUrl, else pageUrl.
    pub(super) fail: Option<String>,
    /// pageUrl.
    pub(super) page: Option<String>,
    /// The origins that may show the page in a frame: the domain's, else those of
    /// these addresses.
    pub(super) frames: Vec<String>,
    /// Who is paid.
    pub(super) payee: Payee,
    /// The business system, where the address that a payer who has paid goes on to tells it.
    told: Option<Domain>,
}

impl Leave {
    pub(super) fn of(state: &State, domain: &Domain, request: &Verified<PayRequest>) -> Self {
        let page = &request.page_url;
        let leave = Self {
            ok: request.dialog_ok_url.clone().or_else(|| page.clone()),
            fail: request.dialog_fail_url.clone().or_else(|| page.clone()),
            page: page.clone(),
            frames: Vec::new(),
            payee: Payee::default(),
            told: None,
        };
        leave
            .told_by(domain)
            .signed_later(state, domain, &request.signed())
    }

    /// The same, of values that were verified when they were stored. Who comes
    /// back from a channel's own page goes on to pageUrl before all.
    pub(super) fn of_attempt(state: &State, domain: &Domain, attempt: &AttemptRow) -> Self {
        let leave = Self::of_values(&attempt.signed).told_by(domain);
        let leave = match attempt.kind {
            Kind::Page | Kind::Wap => Self {
                ok: leave.page.clone().or(leave.ok),
                ..leave
            },
            Kind::Native | Kind::Jsapi | Kind::Mweb => leave,
        };
        leave.signed_later(state, domain, &attempt.signed)
    }

    fn of_values(signed: &Signed) -> Self {
        let page = signed.page(Param::PageUrl);
        Self {
            ok: signed.page(Param::DialogOkUrl).or_else(|| page.clone()),
            fail: signed.page(Param::DialogFailUrl).or_else(|| page.clone()),
            page,
            frames: Vec::new(),
            payee: Payee::default(),
            told: None,
        }
    }

    fn told_by(self, domain: &Domain) -> Self {
        let listed = &domain.settings.frame_origins;
        let frames = if listed.is_empty() {
            self.origins()
        } else {
            listed.clone()
        };
        Self {
            frames,
            payee: domain.settings.payee.clone(),
            ..self
        }
    }

    /// Where the address that a payer goes on to tells that he has paid, a page that waits
    /// does not hold it yet: it leads to the request's own page, which does once it is paid.
    fn signed_later(self, state: &State, domain: &Domain, signed: &Signed) -> Self {
        let door = state.checkout.door(domain);
        if !door.is_ok_and(|door| door.tells_payer()) {
            return self;
        }
        let page = links::opened(Scene::H5, signed);
        Self {
            ok: Some(format!("{}{page}", state.public_url)),
            told: Some(domain.clone()),
            ..self
        }
    }

    /// The same for a payer who has paid, by the attempt that did it.
    pub(super) async fn once_paid(
        &self,
        checkout: &Checkout,
        winner: Option<&AttemptRow>,
    ) -> Option<String> {
        let Some(domain) = &self.told else {
            return self.ok.clone();
        };
        let signed = match winner {
            Some(winner) => checkout.return_address(domain, winner).await.ok().flatten(),
            None => None,
        };
        signed.or_else(|| self.page.clone())
    }

    /// The origins of these addresses.
    fn origins(&self) -> Vec<String> {
        let mut origins: Vec<_> = [&self.ok, &self.fail, &self.page]
            .into_iter()
            .flatten()
            .filter_map(|url| origin(url))
            .collect();
        origins.sort();
        origins.dedup();
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payer_leaves_by_the_dialog_address_else_by_page_url() {
        let query = "pageUrl=www.10020.cn&dialogOkUrl=http%3A%2F%2Fwww.sohu.com%2Fa";
        let leave = Leave::of_values(&Signed::parse(query).unwrap());
        assert_eq!(leave.ok.as_deref(), Some("http://www.sohu.com/a"));
        assert_eq!(leave.fail.as_deref(), Some("http://www.10020.cn"));
        assert_eq!(
            leave.origins(),
            ["http://www.10020.cn", "http://www.sohu.com"]
        );
    }

    #[test]
    fn strange_hosts_never_reach_a_header() {
        assert_eq!(origin("http://a;b/"), None);
        assert_eq!(origin("http://中文.cn/"), None);
    }
}
