//! A QR code as inline SVG: one path, drawn by the server.

use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code, as the standard asks.
const QUIET: usize = 4;
/// Contents of more bytes are long.
const LONG: usize = 150;
/// Codes with more modules in a row are drawn larger.
const DENSE: usize = 57;

/// `content` as an SVG that a screen reader calls `label`; nothing where the
/// content is longer than a code can hold.
pub(crate) fn svg(content: &str, label: &str) -> Option<String> {
    // A long address needs fewer modules more than it needs to survive a torn corner.
    let level = if content.len() > LONG {
        EcLevel::L
    } else {
        EcLevel::M
    };
    let code = QrCode::with_error_correction_level(content, level).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    // A long address makes small modules: they need more room to be read.
    let class = if width > DENSE { "qr wide" } else { "qr" };
    Some(format!(
        "<svg class=\"{class}\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path stroke=\"#000\" d=\"{}\"/></svg>",
        runs(&code.to_colors(), width)
    ))
}

/// Each run of dark modules in a row as one stroke through its middle.
fn runs(modules: &[Color], width: usize) -> String {
    let mut path = String::new();
    for (y, row) in modules.chunks(width).enumerate() {
        let mut end = None;
        let mut x = 0;
        while x < width {
            let length = row[x..]
                .iter()
                .take_while(|module| **module == Color::Dark)
                .count();
            if length > 0 {
                path.push_str(&match end {
                    None => format!("M{} {}.5h{length}", x + QUIET, y + QUIET),
                    Some(end) => format!("m{} 0h{length}", x - end),
                });
                end = Some(x + length);
            }
            x += length.max(1);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_dark_modules_become_strokes() {
        use Color::{Dark, Light};
        let modules = [Dark, Dark, Light, Light, Light, Dark, Dark, Light, Dark];
        assert_eq!(runs(&modules, 3), "M4 4.5h2M6 5.5h1M4 6.5h1m1 0h1");
    }

    #[test]
    fn a_code_is_drawn_with_its_quiet_zone() {
        let svg = svg("weixin://wxpay/bizpayurl?pr=abc", "code").unwrap();
        assert!(svg.contains("viewBox=\"0 0 37 37\""), "{svg}");
    }
}
