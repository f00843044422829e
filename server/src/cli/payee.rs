//! The settings that tell payers who is paid, of domains and partners alike.

use clap::Args;
use payment::payee::Payee;

/// What payers read of the business system; an empty text takes it away.
#[derive(Args)]
pub(crate) struct PayeeArgs {
    /// Who is paid, in Chinese.
    #[arg(long)]
    payee: Option<String>,
    /// Who is paid, in English.
    #[arg(long)]
    payee_en: Option<String>,
    /// Where a payer finds help, in Chinese: 客服电话 400-000-0000.
    #[arg(long)]
    help_line: Option<String>,
    /// The same in English.
    #[arg(long)]
    help_line_en: Option<String>,
    /// A picture in the folder `marks`, by its file's name without the ending.
    #[arg(long)]
    picture: Option<String>,
}

impl PayeeArgs {
    pub(crate) fn apply(self, payee: &mut Payee) {
        let places = [
            (&mut payee.name, self.payee),
            (&mut payee.name_en, self.payee_en),
            (&mut payee.help, self.help_line),
            (&mut payee.help_en, self.help_line_en),
            (&mut payee.picture, self.picture),
        ];
        for (place, text) in places {
            if let Some(text) = text {
                *place = text;
            }
        }
    }
}
