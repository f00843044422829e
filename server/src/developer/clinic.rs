//! The sign clinic as a page (docs/signing.md, When a sign fails): paste what you send, and
//! the text that you signed, and see what differs. It needs no script.

use super::shell::{self, Wish, said_in};
use crate::state::State;
use axum::Form;
use axum::extract::{self, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use leptos::prelude::*;
use payment::lang::Lang;
use payment::pasted::{self, Kind, Pasted, report};
use payment::printable::printable;
use payment::sign::Purpose;
use payment::slip;
use payment::verify::Explained;
use serde::Deserialize;

/// What may be chosen: its word in the form, and what it is called.
const KINDS: [(&str, &str, &str); 8] = [
    ("", "自动识别", "as it looks"),
    (
        "pay",
        "付款页、pay、wechatQuery",
        "a page, pay, wechatQuery",
    ),
    ("query", "query、queryInfo", "query, queryInfo"),
    ("refund", "refund", "refund"),
    ("close", "close", "close"),
    ("callback", "回调", "a callback"),
    ("forecore", "forecore（四方接口）", "forecore"),
    ("epay", "epay（易支付）", "epay"),
];

/// What was pasted.
#[derive(Default, Deserialize)]
pub(super) struct Sheet {
    #[serde(default)]
    pasted: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    theirs: String,
}

/// What is said to it.
struct Said {
    good: bool,
    head: String,
    lines: Vec<String>,
    forms: Vec<Explained>,
}

/// The empty page.
pub(super) async fn show(Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    page(wish.language(&headers), &Sheet::default(), None)
}

/// What was pasted, looked at.
pub(super) async fn look(
    extract::State(state): extract::State<State>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    form: Form<Sheet>,
) -> Response {
    let lang = wish.language(&headers);
    let Form(sheet) = form;
    let said = said(&state, lang, &sheet).await;
    page(lang, &sheet, Some(said))
}

async fn said(state: &State, lang: Lang, sheet: &Sheet) -> Said {
    let pasted = Pasted::new(&sheet.pasted);
    match judged(state, lang, sheet, &pasted).await {
        Ok(said) => said,
        Err(head) => Said {
            good: false,
            head,
            lines: Vec::new(),
            forms: Vec::new(),
        },
    }
}

async fn judged(
    state: &State,
    lang: Lang,
    sheet: &Sheet,
    pasted: &Pasted<'_>,
) -> Result<Said, String> {
    let pairs = pasted.pairs().map_err(|refusal| refusal.text(lang))?;
    let kind = kind(&sheet.kind).unwrap_or_else(|| Kind::guess(pasted, &pairs));
    let code = kind.domain_code(&pairs);
    let code = code.map_err(|refusal| refusal.text(lang))?;
    let found = state.checkout.development(&code).await;
    let domain = found.map_err(|failure| failure.code().message(lang).to_owned())?;
    let unknown = said_in(
        lang,
        "没有这个开发用的域：demo、test、p001，或在开发实例里新建的",
        "no such domain of a development: demo, test, p001, or one that was made on a development instance",
    );
    let domain = domain.ok_or(unknown)?;
    let now_ms = state.checkout.now_ms();
    let told = report(&domain, pasted, kind, now_ms);
    let (told, refusal) = told.map_err(|refusal| refusal.text(lang))?;
    let mut lines = Vec::new();
    if !told.slips.is_empty() {
        lines.push(slip::told(&told.slips, lang));
    }
    if !told.left_out.is_empty() {
        let names = printable(&told.left_out.join(", "));
        lines.push(said_in(
            lang,
            &format!("不是接口参数，不参与签名：{names}"),
            &format!("not signed, not part of the interface: {names}"),
        ));
    }
    if !sheet.theirs.is_empty() {
        // Browsers send a line's end as two characters.
        let theirs = sheet.theirs.replace("\r\n", "\n");
        let difference = pasted::difference(&domain, &told.forms, &theirs);
        lines.push(compared(lang, difference));
    }
    Ok(Said {
        good: refusal.is_none(),
        head: match refusal {
            None if kind.is_judged_whole() => {
                said_in(lang, "签名正确，请求会被接受", "accepted: the sign holds")
            }
            None => said_in(
                lang,
                "签名正确；这里不检查各个值",
                "the sign holds; the values are not judged",
            ),
            Some(refusal) => format!("{} {}", refusal.code().code(), refusal.text(lang)),
        },
        lines,
        forms: told.forms,
    })
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "pay" => Kind::Call(Purpose::Pay),
        "query" => Kind::Call(Purpose::Query),
        "refund" => Kind::Call(Purpose::Refund),
        "close" => Kind::Call(Purpose::Close),
        "callback" => Kind::Callback,
        "forecore" => Kind::Partner,
        "epay" => Kind::Epay,
        _ => return None,
    })
}

/// A text with its line ends as such: it is copied from here.
fn as_copied(text: &str) -> String {
    text.split('\n')
        .map(printable)
        .collect::<Vec<_>>()
        .join("\n")
}

fn compared(lang: Lang, difference: Option<(usize, String, String)>) -> String {
    match difference {
        None => said_in(
            lang,
            "你签的文本是对的：剩下的是密钥（另一个环境的、带了空格或换行）、算法、大小写",
            "your text is the right one: what is left is the secret (of another place, with a blank or a line's end), the algorithm, the case of the digits",
        ),
        Some((place, ours, theirs)) => {
            let (ours, theirs) = (printable(&ours), printable(&theirs));
            said_in(
                lang,
                &format!(
                    "你签的文本从第{place}个字节（从0数，密钥算作***）起不同：你的是“{theirs}”，应为“{ours}”"
                ),
                &format!(
                    "your text differs at byte {place} (from 0, *** in the secret's place): it goes on “{theirs}”, “{ours}” is right"
                ),
            )
        }
    }
}

fn page(lang: Lang, sheet: &Sheet, said: Option<Said>) -> Response {
    let text = |zh: &str, en: &str| said_in(lang, zh, en);
    let options = KINDS.map(|(word, zh, en)| {
        view! { <option value=word selected=word == sheet.kind>{text(zh, en)}</option> }
    });
    let action = said_in(lang, "/sign?lang=zh", "/sign?lang=en");
    let view = view! {
        <p>{text(
            "粘贴你要发送的完整地址、表单或JSON，看哪里签错了。只认开发用的域。",
            "Paste the whole address, form or JSON that you send, and see what is wrong with its sign. For the domains of a development alone.",
        )}</p>
        <form method="post" action=action>
            <label>{text("地址、表单或JSON", "Address, form or JSON")}
                <textarea name="pasted" rows="6" required spellcheck="false" autocomplete="off">{escaped(&sheet.pasted)}</textarea>
            </label>
            <label>{text("这是什么", "What it is")}<select name="kind">{options}</select></label>
            <label>{text("你自己签名前的文本（可不填；密钥可写成***）", "The text that you signed (may be left empty; *** for the secret)")}
                <textarea name="theirs" rows="3" spellcheck="false" autocomplete="off">{escaped(&sheet.theirs)}</textarea>
            </label>
            <button>{text("检查", "Look")}</button>
        </form>
        {said.map(|said| result(lang, said))}
    };
    shell::page(lang, "/sign", &text("签名诊所", "Sign clinic"), view)
}

/// The text of a textarea, which the renderer leaves as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn result(lang: Lang, said: Said) -> impl IntoView {
    let class = if said.good { "said good" } else { "said bad" };
    let lines = said.lines.into_iter().map(|line| view! { <p>{line}</p> });
    let lines = lines.collect_view();
    let forms = said.forms.into_iter().map(|form| {
        let holds = if form.holds {
            said_in(lang, "成立", "holds")
        } else {
            said_in(lang, "不成立", "does not hold")
        };
        let (english, chinese) = form.name;
        let name = said_in(lang, chinese, english);
        let values = form
            .lines
            .iter()
            .map(|line| view! { <li>{printable(line)}</li> });
        let values = values.collect_view();
        view! {
            <details open=form.holds>
                <summary>{name}" — "{holds}</summary>
                <ol>{values}</ol>
                <pre>{as_copied(&form.text)}</pre>
            </details>
        }
    });
    let forms: Vec<_> = forms.collect();
    let forms = (!forms.is_empty()).then(|| {
        let signed = said_in(
            lang,
            "应签的内容（***是密钥）",
            "What is signed (*** is the secret)",
        );
        view! { <section><h2>{signed}</h2>{forms}</section> }
    });
    view! {
        <section class=class role="status"><h2>{said.head}</h2>{lines}</section>
        {forms}
    }
}
