// Two engines behind one small face: open an address, run a function in the page, end.
import puppeteer from 'puppeteer-core';
import { Builder, Capabilities } from 'selenium-webdriver';

/** Firefox, by WebDriver BiDi. */
async function firefox(program, agent) {
  const extraPrefsFirefox = { 'intl.accept_languages': 'zh-CN', ...(agent && { 'general.useragent.override': agent }) };
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: program,
    headless: true,
    extraPrefsFirefox,
  });
  const page = await browser.newPage();
  return {
    open: (url) => page.goto(url, { waitUntil: 'domcontentloaded' }),
    run: (act, ...values) => page.evaluate(act, ...values),
    url: async () => page.url(),
    end: () => browser.close(),
  };
}

/** WebKit's MiniBrowser, by a WebKitWebDriver that runs already. */
async function webkit(program, agent) {
  const args = ['--automation', ...(agent ? [`--user-agent=${agent}`] : [])];
  const wishes = new Capabilities({
    browserName: 'MiniBrowser',
    'webkitgtk:browserOptions': { binary: program, args },
  });
  const driver = await new Builder().usingServer(process.env.TONGFU_WEBKIT_DRIVER).withCapabilities(wishes).build();
  return {
    open: (url) => driver.get(url),
    run: (act, ...values) => driver.executeScript(`return (${act})(...arguments)`, ...values),
    url: () => driver.getCurrentUrl(),
    end: () => driver.quit(),
  };
}

export const engines = { firefox, webkit };
