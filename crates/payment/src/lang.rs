//! The two languages of the product, and how a caller's wish is read.

/// A language of pages and errormsg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Chinese, the default.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The value of an HTML `lang` attribute.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The value of the page parameter `lang`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// What is said in it: the one or the other.
    #[must_use]
    pub fn choose<T>(self, zh: T, en: T) -> T {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The other language.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// Reads the page parameter `lang` (`zh`, `zh-CN`, `en`, `en-US`, …).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.get(..2)?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The language that an `Accept-Language` header prefers: the one of the two
    /// with the greater weight, the earlier one where they weigh the same; a weight of
    /// 0 is none;
    /// Chinese where it names neither.
    #[must_use]
    pub fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(u32, Self)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let Some(lang) = parts.next().and_then(Self::parse) else {
                continue;
            };
            let weight = parts.find_map(quality).map_or(Some(1000), permille);
            if weight == Some(0) {
                continue;
            }
            let weight = weight.unwrap_or(0);
            if best.is_none_or(|(other, _)| weight > other) {
                best = Some((weight, lang));
            }
        }
        best.map_or(Self::Zh, |(_, lang)| lang)
    }
}

/// The number of a parameter `q=0.8`, whose name may be in either case.
fn quality(parameter: &str) -> Option<&str> {
    let (name, number) = parameter.split_once('=')?;
    name.eq_ignore_ascii_case("q").then_some(number)
}

/// A quality value such as `0.8` in thousandths; nothing where it can't be read.
fn permille(number: &str) -> Option<u32> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let (whole, digits): (u32, u32) = (whole.parse().ok()?, digits.parse().ok()?);
    Some(whole.saturating_mul(1000).saturating_add(digits).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_of_the_two_languages_is_taken() {
        for (header, lang) in [
            ("", Lang::Zh),
            ("fr,de;q=0.9", Lang::Zh),
            ("en-US,en;q=0.9,zh;q=0.8", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("zh;q=0.2, en;q=0.7", Lang::En),
            ("*", Lang::Zh),
            ("en;q=x", Lang::En),
            ("en;q=0", Lang::Zh),
            ("en;q=0.0, zh;q=0.1", Lang::Zh),
            ("en;q=0, *", Lang::Zh),
            ("en;Q=0", Lang::Zh),
            ("en ; q=0", Lang::Zh),
            ("zh;Q=0.2, en;Q=0.7", Lang::En),
            ("en;level=1;q=0", Lang::Zh),
            ("zh;q=0.2, en;q=0.7;level=1", Lang::En),
            ("en;q=4294967295", Lang::En),
        ] {
            assert_eq!(Lang::from_accept_language(header), lang, "{header}");
        }
    }
}
