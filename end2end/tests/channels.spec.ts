// Channels whose own page the payer visits, on PC and on a phone.
import { expect, type APIRequestContext, type Page } from '@playwright/test';
import {
  PHONE,
  another,
  bookOrder,
  callbacks,
  control,
  gateway,
  newestOrder,
  pick,
  picture,
  requestKeyOf,
  scripted,
  shop,
  signedUrl,
  test,
} from './world';

async function fault(request: APIRequestContext, data: object): Promise<void> {
  expect((await request.post(`${gateway}/control/fault`, { data })).ok()).toBeTruthy();
}

/** A channel whose own page the payer visits, and the words of that page. */
interface Channel {
  code: string;
  name: string;
  title: string;
  go: string;
  amount: string;
  pay: string;
  cancel: string;
}

const alipay: Channel = {
  code: 'Alipay',
  name: '支付宝支付',
  title: '支付宝收银台（沙箱）',
  go: '去支付宝支付',
  amount: '¥123.45',
  pay: '支付',
  cancel: '取消',
};
const chinapay: Channel = {
  code: 'ChinapayOld',
  name: '银联支付',
  title: '银联 ChinaPay（沙箱）',
  go: '去银联支付',
  amount: '¥123.45',
  pay: '支付',
  cancel: '取消',
};
// 123.45 at the development instance's 7.1 CNY per USD.
const paypal: Channel = {
  code: 'Paypal',
  name: 'PayPal',
  title: 'PayPal (sandbox)',
  go: '去PayPal支付',
  amount: 'USD 17.39',
  pay: 'Pay Now',
  cancel: 'Cancel and return',
};

/** To the channel's page, by itself where scripts run. */
async function toChannel(page: Page, channel: Channel): Promise<void> {
  await pick(page, channel.code);
  if (!scripted()) {
    await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}$/);
    await page.getByRole('button', { name: channel.go }).click();
  }
  await expect(page.locator('h1')).toHaveText(channel.title);
}

/** Pays or cancels there; without script ChinaPay's page needs one more tap. */
async function tap(page: Page, channel: Channel, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  if (channel === chinapay && !scripted()) {
    await page.getByRole('button', { name: '返回商户' }).click();
  }
}

for (const channel of [alipay, chinapay, paypal]) {
  for (const pagePath of ['/pay.html', '/mpay.html']) {
    test.describe(`${channel.code} from ${pagePath}`, () => {
      test.use({
        viewport: pagePath === '/mpay.html' ? PHONE : { width: 1280, height: 800 },
      });
      const url = async (request: APIRequestContext) =>
        (await signedUrl(request)).replace('/pay.html', pagePath);
      const shot = `${channel.code}-${pagePath.slice(1, -5)}`;

      test('is paid at the channel and goes back to the shop', { tag: '@flow' }, async ({ page, request }) => {
        const address = await url(request);
        await page.goto(address);
        await picture(page, `pick-${shot}`);
        if (channel === paypal) await expect(page.getByText('US$17.39')).toBeVisible();
        await toChannel(page, channel);
        await expect(page.locator('.amount')).toHaveText(channel.amount);
        await tap(page, channel, channel.pay);
        await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
        const key = requestKeyOf(address);
        await expect.poll(async () => (await callbacks(request, key)).length).toBeGreaterThan(0);
        const { values } = (await callbacks(request, key))[0];
        expect(values.payTypeName).toBe(channel.name);
        expect(values.money).toBe('12345');
      });

      test('cancelled, another channel is picked and paid', async ({ page, request }) => {
        await page.goto(await url(request));
        await toChannel(page, channel);
        await tap(page, channel, channel.cancel);
        await expect(page).toHaveURL(/\/pay\/attempt\/[0-9a-f]{32}\/stay(\?|$)/);
        await expect(page.locator('h2').first()).toHaveText('等待付款结果');
        await picture(page, `stay-${shot}`);
        await page.getByRole('link', { name: '更换支付方式' }).click();
        await pick(page, 'Wechat');
        await expect(page.locator('svg.qr')).toBeVisible();
        if (pagePath === '/pay.html') {
          const order = await control(request, 'pay');
          expect(order.channel).toBe('Wechat');
          await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
        }
      });
    });
  }

  test(`${channel.code}: the return is confirmed where the notify is lost`, async ({ page, request }) => {
    const times = channel === paypal ? 2 : 1;
    await fault(request, { on: 'notify', kind: 'drop', times });
    await page.goto(await signedUrl(request));
    await toChannel(page, channel);
    await tap(page, channel, channel.pay);
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`), { timeout: 15_000 });
  });

  test(`${channel.code}: approved in two tabs, it is paid once`, async ({ page, request }) => {
    const url = await signedUrl(request);
    await page.goto(url);
    await toChannel(page, channel);
    const order = await newestOrder(request);
    expect(order.channel).toBe(channel.code);
    const second = await page.context().newPage();
    await second.goto(url);
    await toChannel(second, channel);
    expect((await newestOrder(request)).channelOrderNo).toBe(order.channelOrderNo);
    await tap(page, channel, channel.pay);
    await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
    await second.getByRole('button', { name: channel.pay, exact: true }).click();
    await expect(second.locator('h1')).not.toHaveText(channel.title);
    const kept = await bookOrder(request, order.channelOrderNo);
    expect([kept.timesPaid, kept.refunds.length]).toEqual([1, 0]);
    await expect.poll(async () => (await callbacks(request, requestKeyOf(url))).length).toBe(1);
  });

  test(`${channel.code}: coming back with the browser sends nobody away again`, { tag: '@flow' }, async ({ page, request }) => {
    await page.goto(await signedUrl(request));
    await toChannel(page, channel);
    await page.goBack();
    await expect(page).not.toHaveURL(new RegExp(`^${gateway}`));
    await expect(page.locator('.amount').first()).toHaveText('¥123.45');
  });
}

test('a return that says paid is not believed', async ({ page, request }) => {
  await page.goto(await signedUrl(request));
  const forwards = page.waitForRequest(/gateway\.do/);
  await toChannel(page, alipay);
  const token = /return%2F([0-9a-f]{32})/.exec((await forwards).url())?.[1];
  await page.goto(`/pay/return/${token}?trade_no=1&total_amount=123.45&sign=x`);
  await expect(page).toHaveURL(/\/stay$/);
  await expect(page.locator('h2').first()).toHaveText('等待付款结果');
  await control(request, 'pay');
  await expect(page).toHaveURL(new RegExp(`^${shop}/return`));
});

test('money that comes by two channels goes back once', async ({ page, request }) => {
  const url = await signedUrl(request);
  await page.goto(url);
  await toChannel(page, alipay);
  const first = await newestOrder(request);
  expect(first.channel).toBe('Alipay');
  await fault(request, { on: 'notify', kind: 'drop', times: 2 });
  // A second page of the same request, paid by WeChat, while the cashier is open.
  const other = await page.context().newPage();
  await other.goto(url);
  await request.post(`${gateway}/control/pay`, { data: { channelOrderNo: first.channelOrderNo } });
  await pick(other, 'Wechat');
  await expect(other).toHaveURL(/\/pay\/attempt\//);
  const wechat = await newestOrder(request);
  await request.post(`${gateway}/control/pay`, { data: { channelOrderNo: wechat.channelOrderNo } });
  const back = async () => {
    let sum = 0;
    for (const order of [first, wechat]) {
      for (const refund of (await bookOrder(request, order.channelOrderNo)).refunds) sum += refund.amount;
    }
    return sum;
  };
  await expect.poll(back, { timeout: 30_000 }).toBe(12_345);
});

test('Alipay’s app offers Alipay and no WeChat', async ({ browser, request }) => {
  const context = await another(browser, {
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AlipayClient/10.5.60',
    viewport: PHONE,
  });
  const page = await context.newPage();
  await page.goto((await signedUrl(request)).replace('/pay.html', '/mpay.html'));
  const codes = await page.locator('input[name="channel"]').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
  expect(codes[0]).toBe('Alipay');
  expect(codes).not.toContain('Wechat');
  await toChannel(page, alipay);
  await context.close();
});
