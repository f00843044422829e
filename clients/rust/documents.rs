//! The samples of the platforms' own documents.

use std::process::Command;

fn client(words: &[&str]) -> Command {
    let mut client = Command::new(env!("CARGO_BIN_EXE_tongfu-client"));
    client.args(words);
    client
}

fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the client runs");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn an_address_has_the_documents_sign() {
    let mut address = client(&[
        "address",
        "--sha1",
        "money=1",
        "info=这是你买的商品详单信息",
        "infoEn=",
        "requestKey=1464659622189",
        "currencyType=CNY",
        "pageUrl=http://www.baidu.com",
        "bgUrl=http://www.sina.com",
        "dialogOkUrl=http://www.sohu.com",
        "dialogFailUrl=http://www.163.com",
        "rate=6.8",
        "payTypeCode=Alipay",
    ]);
    address
        .env("TONGFU_DOMAIN", "test")
        .env("TONGFU_SECRET", "test");
    let printed = printed(&mut address);
    let sign = "sign=ad3b0a76afb7fecb0c64bed6503b7b1e9dcfd5ed";
    assert!(printed.contains(sign), "{printed}");
}

#[test]
fn a_partners_example_verifies_and_a_changed_one_does_not() {
    let told = "outOrderId=abc123&money=1.00&partnerId=p001&type=WECHATPAYH5&currency=USD&sign=a90a66d09bde8a32725c9efde082fae1";
    let good = |told: &str| {
        client(&["notification", told])
            .status()
            .expect("it runs")
            .success()
    };
    assert!(good(told));
    assert!(!good(&told.replace("1.00", "2.00")));
}
