//! What a page knows of its business system.

use payment::address::origin;
use payment::domain::Domain;
use payment::param::Param;
use payment::payee::Payee;
use payment::ports::{AttemptRow, Kind};
use payment::request::PayRequest;
use payment::signed::Signed;

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
}

impl Leave {
    pub(super) fn of(domain: &Domain, request: &PayRequest) -> Self {
        let page = &request.page_url;
        let leave = Self {
            ok: request.dialog_ok_url.clone().or_else(|| page.clone()),
            fail: request.dialog_fail_url.clone().or_else(|| page.clone()),
            page: page.clone(),
            frames: Vec::new(),
            payee: Payee::default(),
        };
        leave.told_by(domain)
    }

    /// The same, of values that were verified when they were stored. Who comes
    /// back from a channel's own page goes on to pageUrl before all.
    pub(super) fn of_attempt(domain: &Domain, attempt: &AttemptRow) -> Self {
        let leave = Self::of_values(&attempt.signed).told_by(domain);
        match attempt.kind {
            Kind::Page | Kind::Wap => Self {
                ok: leave.page.clone().or(leave.ok),
                ..leave
            },
            Kind::Native | Kind::Jsapi | Kind::Mweb => leave,
        }
    }

    fn of_values(signed: &Signed) -> Self {
        let page = signed.page(Param::PageUrl);
        Self {
            ok: signed.page(Param::DialogOkUrl).or_else(|| page.clone()),
            fail: signed.page(Param::DialogFailUrl).or_else(|| page.clone()),
            page,
            frames: Vec::new(),
            payee: Payee::default(),
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
