// The payer at a desktop browser.
import { expect } from '@playwright/test';
import {
  another,
  callbacks,
  control,
  payInWallet,
  pick,
  picture,
  platform,
  requestKeyOf,
  scanUrl,
  scripted,
  shop,
  test,
  wasm,
} from './world';

test('buys in the shop, pays with the wallet, and comes back', { tag: '@flow' }, async ({ page, browser, request }) => {
  await page.goto(shop);
  await page.locator('form[action*="buy"] button').first().click();
  await expect(page).toHaveURL(/\/pay\.html\?/);
  const requestKey = requestKeyOf(page.url());
  await picture(page, 'pc-pick');
  await pick(page, 'Wechat');
  await expect(page.locator('svg.qr')).toBeVisible();
  await expect(page.locator('.amount')).toHaveText(/^¥[\d,]+\.\d\d$/);
  await picture(page, 'pc-scan');
  await payInWallet(browser, request);
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
  await expect
    .poll(async () => (await callbacks(request, requestKey)).length)
    .toBeGreaterThan(0);
  await page.goto(`${shop}/log`);
  await expect(page.locator(`[data-request-key="${requestKey}"]`).first()).toBeVisible();
  await picture(page, 'shop-log');
});

test('turns green before it leaves', async ({ page, request }) => {
  await page.goto(await scanUrl(request));
  await expect(page.locator('svg.qr')).toBeVisible();
  await page.route(`${shop}/return*`, (route) => route.abort());
  await control(request, 'pay');
  await expect(page.locator('main[data-state="paid"] .good')).toBeVisible();
  await picture(page, 'pc-paid');
});

test('a declined payer is told so, and can pay again', async ({ page, request }) => {
  await page.goto(await scanUrl(request));
  await expect(page.locator('svg.qr')).toBeVisible();
  await control(request, 'decline');
  await expect(page.locator('.bad h2')).toHaveText('支付未成功');
  await picture(page, 'pc-declined');
  await page.getByRole('button', { name: '重新获取二维码' }).click();
  await expect(page.locator('svg.qr')).toBeVisible();
  await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}$/);
  await page.route(`${shop}/return*`, (route) => route.fulfill({ body: 'back' }));
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('an expired code is replaced on demand', async ({ page, request }) => {
  await page.goto(await scanUrl(request));
  await expect(page.locator('svg.qr')).toBeVisible();
  await control(request, 'expire');
  await expect(page.locator('.bad h2')).toHaveText('二维码已失效');
  await picture(page, 'pc-expired');
  await page.getByRole('button', { name: '重新获取二维码' }).click();
  await expect(page.locator('svg.qr')).toBeVisible();
});

test('reload keeps the same code', async ({ page, request }) => {
  await page.goto(await scanUrl(request));
  const code = await page.locator('svg.qr path').nth(1).getAttribute('d');
  await page.reload();
  expect(await page.locator('svg.qr path').nth(1).getAttribute('d')).toBe(code);
});

test('a forged sign is refused with its code', async ({ page, request }) => {
  const forged = (await scanUrl(request)).replace(/sign=.{4}/, 'sign=0000');
  const answer = await page.goto(forged);
  expect(answer?.status()).toBe(400);
  await expect(page.locator('main')).toContainText('10004');
  await expect(page.locator('svg.qr')).toHaveCount(0);
  await picture(page, 'pc-forged');
});

const SEED =
  '#/?domainCode=test&payTypeCode=&requestChannel=&money=1&info=%E8%BF%99%E6%98%AF%E4%BD%A0%E4%B9%B0%E7%9A%84%E5%95%86%E5%93%81%E8%AF%A6%E5%8D%95%E4%BF%A1%E6%81%AF&infoEn=&requestKey=1464659622189&currencyType=CNY&pageUrl=http:%2F%2Fwww.baidu.com&bgUrl=http:%2F%2Fwww.sina.com&dialogOkUrl=http:%2F%2Fwww.sohu.com&dialogFailUrl=http:%2F%2Fwww.163.com&rate=6.8&payTypeCodeIn=&sign=ad3b0a76afb7fecb0c64bed6503b7b1e9dcfd5ed';

test("the seed's own address opens, is paid, and leaves for dialogOkUrl", { tag: '@flow' }, async ({ page, request }) => {
  test.skip(!scripted(), 'the fragment never reaches the server');
  await page.route('http://www.sohu.com/**', (route) => route.fulfill({ body: 'sohu' }));
  // The one order of the document is paid by whoever comes first.
  const query = await request.get(`/pay/api/pc/wechatQuery${SEED.slice(2)}`);
  await page.goto(`/pay.html${SEED}`);
  if ((await query.json()).errcode !== '0') {
    await expect(page.locator('.amount')).toHaveText('¥0.01');
    await expect(page.locator('h1')).toHaveText('这是你买的商品详单信息');
    await pick(page, 'Wechat');
    await expect(page.locator('svg.qr')).toBeVisible();
    await control(request, 'pay');
  }
  await expect(page).toHaveURL('http://www.sohu.com/');
  await page.goto(`/pay.html${SEED}`);
  await expect(page).toHaveURL('http://www.sohu.com/');
});

test('without script the fragment page says what to do', async ({ browser }) => {
  const context = await browser.newContext({ locale: 'zh-CN', javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${platform}/pay.html${SEED}`);
  await expect(page.locator('noscript p')).toBeVisible();
  await context.close();
});

test('the page counts down and polls the documented path', async ({ page, request }) => {
  test.skip(!scripted(), 'without script it refreshes itself');
  const polls: string[] = [];
  page.on('request', (sent) => {
    if (sent.url().includes('/pay/api/pc/wechatQuery?')) polls.push(sent.url());
  });
  await page.goto(await scanUrl(request));
  if (wasm()) await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
  await expect.poll(() => polls.length).toBeGreaterThan(1);
});

test('a request that can not be paid any more leaves for dialogFailUrl', async ({ page, request }) => {
  test.skip(!wasm(), 'the answer is made up in the browser; without it the server tells');
  await page.route('**/pay/api/pc/wechatQuery?*', (route) =>
    route.fulfill({ json: { errcode: '10008', errormsg: '支付请求已关闭', obj: null } }),
  );
  await page.goto(await scanUrl(request));
  await expect(page).toHaveURL(new RegExp(`^${shop}/failed`));
});

test('a page whose secret ends says nothing of failure, and settles', async ({ page, request }) => {
  test.skip(!scripted(), 'nothing polls');
  test.slow();
  const refused = { errcode: '10004', errormsg: '签名不正确', obj: null };
  let polls = 0;
  await page.route('**/pay/api/pc/wechatQuery?*', (route) => {
    polls += 1;
    return route.fulfill({ json: refused });
  });
  await page.route(`${shop}/return*`, (route) => route.fulfill({ body: 'back' }));
  await page.goto(await scanUrl(request));
  await expect.poll(() => polls, { timeout: 30_000 }).toBeGreaterThan(1);
  await expect(page).toHaveURL(/\/pay\/attempt\//);
  await expect(page.locator('svg.qr')).toBeVisible();
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`), { timeout: 30_000 });
});

test('a page whose polls are lost keeps waiting, and settles when they come back', async ({ page, request }) => {
  test.skip(!scripted(), 'nothing polls');
  let lost = true;
  await page.route('**/pay/api/pc/wechatQuery?*', (route) => (lost ? route.abort() : route.continue()));
  await page.route(`${shop}/return*`, (route) => route.fulfill({ body: 'back' }));
  await page.goto(await scanUrl(request));
  if (wasm()) await expect(page.getByRole('status')).toHaveText('暂时连接不上，正在重试');
  await picture(page, 'pc-trouble-polling');
  await control(request, 'pay');
  lost = false;
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('what WeChat appends does no harm', async ({ page, request }) => {
  const url = await scanUrl(request);
  await page.goto(`${url}&from=singlemessage&isappinstalled=0&from=singlemessage`);
  await expect(page.locator('svg.qr')).toBeVisible();
  if (!scripted()) return;
  await page.goto(`/pay.html?from=singlemessage#/?${new URL(url).search.slice(1)}`);
  await expect(page.locator('svg.qr')).toBeVisible();
});

test('English, dark, and on a phone', async ({ browser, request }) => {
  const url = await scanUrl(request);
  for (const [name, options] of Object.entries({
    'pc-english': { locale: 'en-US' },
    'pc-dark': { colorScheme: 'dark' as const },
    'phone-390': { viewport: { width: 390, height: 844 } },
    desktop: { viewport: { width: 1280, height: 800 } },
  })) {
    const context = await another(browser, options);
    const page = await context.newPage();
    await page.goto(url);
    await expect(page.locator('svg.qr')).toBeVisible();
    const english = name === 'pc-english';
    await expect(page.locator('html')).toHaveAttribute('lang', english ? 'en' : 'zh-CN');
    await picture(page, name);
    await context.close();
  }
});
