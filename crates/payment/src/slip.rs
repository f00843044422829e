//! What can go wrong when a sign is made, each with the word that vectors know it by and a
//! sentence that says what to do.

use crate::lang::Lang;
use crate::sign::Purpose;

/// What a sign was made otherwise than it should be.
pub type Slips = Vec<Slip>;

/// All that was done otherwise, in one sentence.
#[must_use]
pub fn told(slips: &[Slip], lang: Lang) -> String {
    let texts: Vec<String> = slips.iter().map(|slip| slip.text(lang)).collect();
    texts.join(match lang {
        Lang::Zh => "；",
        Lang::En => "; ",
    })
}

/// One thing that was done otherwise than docs/signing.md says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is told by its sentence")]
pub enum Slip {
    UpperCase,
    Base64,
    Md5,
    Sha1,
    Sha256,
    Sha512,
    Hmac,
    HmacMd5,
    HmacSha1,
    SortedByName,
    NotSorted,
    PhpSort,
    CaseFolded,
    CodePoint,
    Downwards,
    SortedByValue,
    EqualOnce,
    SecretFirst,
    SecretLast,
    SecretAsKey,
    NoSecret,
    SecretBlank,
    EndedSecret,
    Names,
    NoNames,
    Separated,
    Escaped,
    EscapedTwice,
    NotEscaped,
    EscapedOtherwise,
    LowerEscapes,
    SlashBare,
    PlusSentBare,
    EncodedTwice,
    LineEnd,
    Trimmed,
    ByteOrderMark,
    Gbk,
    HtmlEscaped,
    Undefined,
    EmptyToo,
    SignToo,
    UnsignedToo(&'static str),
    LeftOut(&'static str),
    Yuan,
    Decimals,
    OtherPurpose(Purpose),
    NoPurpose,
    BackslashN,
    CarriageReturn,
    SignTypeMissing,
    SignTypeNotSigned,
    OldForm,
}

impl Slip {
    /// The word that vectors know it by.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::UpperCase => "upper-case",
            Self::Base64 => "base64",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Hmac => "hmac",
            Self::HmacMd5 => "hmac-md5",
            Self::HmacSha1 => "hmac-sha1",
            Self::SortedByName => "sorted-by-name",
            Self::NotSorted => "not-sorted",
            Self::PhpSort => "php-sort",
            Self::CaseFolded => "case-folded",
            Self::CodePoint => "code-point",
            Self::Downwards => "downwards",
            Self::SortedByValue => "sorted-by-value",
            Self::EqualOnce => "equal-once",
            Self::SecretFirst => "secret-first",
            Self::SecretLast => "secret-last",
            Self::SecretAsKey => "secret-as-key",
            Self::NoSecret => "no-secret",
            Self::SecretBlank => "secret-blank",
            Self::EndedSecret => "ended-secret",
            Self::Names => "names",
            Self::NoNames => "no-names",
            Self::Separated => "separated",
            Self::Escaped => "escaped",
            Self::EscapedTwice => "escaped-twice",
            Self::NotEscaped => "not-escaped",
            Self::EscapedOtherwise => "escaped-otherwise",
            Self::LowerEscapes => "lower-escapes",
            Self::SlashBare => "slash-bare",
            Self::PlusSentBare => "plus-sent-bare",
            Self::EncodedTwice => "encoded-twice",
            Self::LineEnd => "line-end",
            Self::Trimmed => "trimmed",
            Self::ByteOrderMark => "byte-order-mark",
            Self::Gbk => "gbk",
            Self::HtmlEscaped => "html-escaped",
            Self::Undefined => "undefined",
            Self::EmptyToo => "empty-too",
            Self::SignToo => "sign-too",
            Self::UnsignedToo(_) => "unsigned-too",
            Self::LeftOut(_) => "left-out",
            Self::Yuan => "yuan",
            Self::Decimals => "decimals",
            Self::OtherPurpose(_) => "other-purpose",
            Self::NoPurpose => "no-purpose",
            Self::BackslashN => "backslash-n",
            Self::CarriageReturn => "carriage-return",
            Self::SignTypeMissing => "sign-type-missing",
            Self::SignTypeNotSigned => "sign-type-not-signed",
            Self::OldForm => "old-form",
        }
    }

    /// What was done, and what is right.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        let sentence = match lang {
            Lang::Zh => self.zh(),
            Lang::En => self.en(),
        };
        let what = match self {
            Self::UnsignedToo(name) | Self::LeftOut(name) => name,
            Self::OtherPurpose(purpose) => purpose.word(),
            _ => return sentence.to_owned(),
        };
        sentence.replace("{}", what)
    }

    fn zh(self) -> &'static str {
        match self {
            Self::UpperCase => "签名用了大写十六进制，应为小写",
            Self::Base64 => "签名用了Base64，应为小写十六进制",
            Self::Md5 => "用了MD5",
            Self::Sha1 => "用了SHA-1",
            Self::Sha256 => "用了SHA-256",
            Self::Sha512 => "用了SHA-512",
            Self::Hmac => "用密钥做了HMAC；这种签名的密钥是待签文本的一部分，直接做摘要",
            Self::HmacMd5 => "用了HMAC-MD5",
            Self::HmacSha1 => "用了HMAC-SHA1",
            Self::SortedByName => "按参数名排序了，应把值（连同密钥）排序",
            Self::NotSorted => "没有排序，按传参的次序拼接了",
            Self::PhpSort => "PHP的sort()把数字样的值按大小排了，应用sort($values, SORT_STRING)",
            Self::CaseFolded => "排序时不分大小写了，应按字符编码排",
            Self::CodePoint => "按码点排序了，应按UTF-16编码单元排（表情符号在全角字母之前）",
            Self::Downwards => "倒着排序了，应从小到大",
            Self::SortedByValue => "按值排序了，应按参数名排序",
            Self::EqualOnce => "相同的值只签了一次，应各签各的",
            Self::SecretFirst => "密钥放在了最前面，那不是它的位置",
            Self::SecretLast => "密钥放在了最后面，没有按规定的位置",
            Self::SecretAsKey => "末尾加了&key=密钥（微信的旧方法），这里不是这样",
            Self::NoSecret => "签名里没有密钥",
            Self::SecretBlank => "密钥前后带了空格或换行",
            Self::EndedSecret => "用了已失效的旧密钥",
            Self::Names => "把参数名也签了（name=value），这里只签值",
            Self::NoNames => "只签了值，这里要签name=value",
            Self::Separated => "各部分的连接不对：该直接拼接的地方加了分隔符，或该有&的地方没有",
            Self::Escaped => "对URL编码后的值做了签名，应签解码后的原值",
            Self::EscapedTwice => "签名前对值做了两次URL编码，应只做一次",
            Self::NotEscaped => "签名前没有对值做URL编码",
            Self::EscapedOtherwise => {
                "编码方式不对：空格应为%20而不是+，字母、数字和-._~之外都要编码（RFC 3986）"
            }
            Self::LowerEscapes => "URL编码用了小写十六进制（%2f），应为大写（%2F）",
            Self::SlashBare => "值里的/（或:）没有编码，签名里它也要编码",
            Self::PlusSentBare => "值里的+发送时没有写成%2B，到这里成了空格",
            Self::EncodedTwice => "值发送时被URL编码了两次",
            Self::LineEnd => "待签文本末尾多了换行（echo会加，用printf或echo -n）",
            Self::Trimmed => "签名前去掉了值前后的空格，发送的值却带着",
            Self::ByteOrderMark => "待签文本开头有BOM（EF BB BF）",
            Self::Gbk => "按GBK编码签名了，应为UTF-8",
            Self::HtmlEscaped => "值被HTML转义后（&amp;等）签名了",
            Self::Undefined => "没有的参数被当作undefined或null签进去了，应略去",
            Self::EmptyToo => "空值也签了，空值不参与签名",
            Self::SignToo => "把sign自己也签了",
            Self::UnsignedToo(_) => "把{}也签了，它不参与签名",
            Self::LeftOut(_) => "漏签了{}，或签名后才加上、改动了它",
            Self::Yuan => "签的金额是元，发送的是分",
            Self::Decimals => "签的金额带小数（100.0），发送的不带",
            Self::OtherPurpose(_) => "首行写成了{}，这个调用的首行不同",
            Self::NoPurpose => "缺少首行（pay、query、refund、close）",
            Self::BackslashN => "首行后是反斜杠加n两个字符，应为一个换行（PHP要用双引号）",
            Self::CarriageReturn => "首行后是回车加换行，应只有一个换行",
            Self::SignTypeMissing => "这是HMAC-SHA256签名，但没有带signType=HMAC-SHA256",
            Self::SignTypeNotSigned => "signType没有参与签名，它要签",
            Self::OldForm => "signType是HMAC-SHA256，签名却按SHA-1的旧方法做的",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::UpperCase => "the sign is in upper-case hex; it is lower-case",
            Self::Base64 => "the sign is in Base64; it is lower-case hex",
            Self::Md5 => "made by MD5",
            Self::Sha1 => "made by SHA-1",
            Self::Sha256 => "made by SHA-256",
            Self::Sha512 => "made by SHA-512",
            Self::Hmac => {
                "made by an HMAC; here the secret is a part of the text, and the text is hashed as it is"
            }
            Self::HmacMd5 => "made by HMAC-MD5",
            Self::HmacSha1 => "made by HMAC-SHA1",
            Self::SortedByName => {
                "sorted by the names; the values are sorted, the secret among them"
            }
            Self::NotSorted => "not sorted: joined in the order in which they were sent",
            Self::PhpSort => {
                "PHP's sort() compares what looks like numbers as numbers: use sort($values, SORT_STRING)"
            }
            Self::CaseFolded => "sorted without regard to case; sort by code unit",
            Self::CodePoint => {
                "sorted by code point; sort by UTF-16 code unit (an emoji before a full-width letter)"
            }
            Self::Downwards => "sorted downwards; sort upwards",
            Self::SortedByValue => "sorted by the values; sort by the names",
            Self::EqualOnce => "equal values were signed once; each is signed",
            Self::SecretFirst => "the secret stands first; it is in another place",
            Self::SecretLast => "the secret stands last; it is in another place",
            Self::SecretAsKey => {
                "`&key=` and the secret at the end, as WeChat's old sign has it; not here"
            }
            Self::NoSecret => "the secret is missing",
            Self::SecretBlank => "the secret has a blank or line end around it",
            Self::EndedSecret => "made with an older secret that has ended",
            Self::Names => "names are signed too (name=value); only values are",
            Self::NoNames => "only values are signed; name=value is",
            Self::Separated => {
                "joined otherwise: something stands where nothing does, or & is missing where it stands"
            }
            Self::Escaped => {
                "the values were signed as the address encodes them; sign them as they are"
            }
            Self::EscapedTwice => {
                "the values were escaped twice before they were signed; escape them once"
            }
            Self::NotEscaped => "the values were not escaped before they were signed",
            Self::EscapedOtherwise => {
                "escaped in another way: a blank is %20 and not +, all but letters, digits and -._~ is escaped (RFC 3986)"
            }
            Self::LowerEscapes => "escaped in lower-case hex (%2f); it is upper-case (%2F)",
            Self::SlashBare => {
                "a / (or :) in a value was left bare; it is escaped in the signed text"
            }
            Self::PlusSentBare => {
                "a + in a value was sent bare and arrived as a blank: send it as %2B"
            }
            Self::EncodedTwice => "the values were URL-encoded twice when they were sent",
            Self::LineEnd => "the signed text ends with a line feed (echo adds one: use printf)",
            Self::Trimmed => "the values were trimmed before they were signed, and sent untrimmed",
            Self::ByteOrderMark => "the signed text begins with a byte order mark (EF BB BF)",
            Self::Gbk => "signed in GBK; it is UTF-8",
            Self::HtmlEscaped => "the values were signed after HTML escaping (&amp; and the like)",
            Self::Undefined => {
                "missing parameters were signed as `undefined` or `null`; leave them out"
            }
            Self::EmptyToo => "empty values were signed too; they are left out",
            Self::SignToo => "sign itself was signed too",
            Self::UnsignedToo(_) => "{} was signed too; it is not",
            Self::LeftOut(_) => {
                "{} was not signed, or was added or changed after the sign was made"
            }
            Self::Yuan => "the sum was signed in yuan and sent in fen",
            Self::Decimals => "the sum was signed with decimals (100.0) and sent without",
            Self::OtherPurpose(_) => "the first line says {}; this call's is another",
            Self::NoPurpose => "the first line is missing (pay, query, refund, close)",
            Self::BackslashN => {
                "the first line ends with a backslash and an n, not with a line feed (PHP: double quotes)"
            }
            Self::CarriageReturn => "a carriage return stands before the first line's end",
            Self::SignTypeMissing => {
                "this is an HMAC-SHA256 sign, and signType=HMAC-SHA256 was not sent"
            }
            Self::SignTypeNotSigned => "signType was not signed; it is",
            Self::OldForm => "signType says HMAC-SHA256, and the sign was made the SHA-1 way",
        }
    }
}
