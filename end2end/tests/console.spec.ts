// The operator's console [docs/console.md]: an order is found and given back by forms
// alone, and every page is good to look at and to hear.
import { readFileSync } from 'node:fs';
import { expect, type APIRequestContext, type Page } from '@playwright/test';
import { copied, findings } from './axe';
import { PHONE, another, control, operator, pick, platform, scripted, signedUrl, test, wasm } from './world';

test.skip(() => scripted() && !wasm(), 'the console has no module');

async function signIn(page: Page): Promise<void> {
  await page.goto(`${operator}/`);
  await page.locator('[name=name]').fill('dev');
  await page.locator('[name=password]').fill('tongfu-development');
  await page.locator('main button').click();
  await expect(page).toHaveURL(`${operator}/`);
}

/** An order that is paid by WeChat; gives the channel's number. */
async function paidOrder(page: Page, request: APIRequestContext): Promise<string> {
  await page.goto(await signedUrl(request));
  await pick(page, 'Wechat');
  await expect(page.locator('svg.qr')).toBeVisible();
  return (await control(request, 'pay')).channelOrderNo;
}

test('an order is found by its number, told and given back', async ({ browser, page, request }) => {
  const number = await paidOrder(page, request);
  const context = await another(browser, { locale: 'en-US' });
  const console = await context.newPage();
  await signIn(console);
  await console.locator('[name=number]').fill(number);
  await console.locator('header .find button').click();
  await expect(console).toHaveURL(/\/order\/\d+$/);
  await expect(console.locator('main')).toContainText(number);
  const refund = console.locator('form[action$="/refund"]');
  await expect(refund).toContainText("can't be undone");
  await refund.locator('[name=yuan]').fill('0.30');
  await refund.locator('[name=reason]').fill('he asked');
  await refund.locator('button').click();
  await expect(console.locator('[role=status]')).toContainText('The refund is written down');
  await expect(async () => {
    await console.reload();
    await expect(console.locator('main')).toContainText('SUCCESSREFUND', { timeout: 500 });
  }).toPass();
  await console.locator('.who button').click();
  await expect(console).toHaveURL(/\/sign-in$/);
  await context.close();
});

test('keys lead through a list, and a number is copied', async ({ browser, page, request }) => {
  test.skip(!scripted(), 'without script there are neither');
  const number = await paidOrder(page, request);
  await paidOrder(page, request);
  const context = await another(browser, { locale: 'en-US', permissions: ['clipboard-read', 'clipboard-write'] });
  const console = await context.newPage();
  await signIn(console);
  await console.keyboard.press('/');
  await expect(console.locator('.find input')).toBeFocused();
  await console.keyboard.type('jk/');
  await expect(console.locator('.find input')).toHaveValue('jk/');
  await console.keyboard.press('Escape');
  await expect(console.locator('.find input')).not.toBeFocused();

  await console.goto(`${operator}/orders`);
  const links = console.locator('main tbody tr a:first-of-type');
  await console.keyboard.press('j');
  await expect(links.first()).toBeFocused();
  await console.keyboard.press('j');
  await expect(links.nth(1)).toBeFocused();
  await console.keyboard.press('k');
  await console.keyboard.press('Enter');
  await expect(console).toHaveURL(/\/order\/\d+/);

  await console.goto(`${operator}/find?number=${number}`);
  const channelNumber = console.locator('dd.copy', { hasText: number });
  await channelNumber.locator('button').click();
  await expect(channelNumber.locator('button')).toHaveText('Copied');
  expect(await console.evaluate(() => navigator.clipboard.readText())).toBe(number);

  await console.locator('.keys button').click();
  await expect(console.locator('.keys')).toContainText('Keys are off');
  await console.reload();
  await console.keyboard.press('/');
  await expect(console.locator('.find input')).not.toBeFocused();
  await context.close();
});

for (const [name, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: PHONE })) {
  for (const [locale, colorScheme] of [['zh-CN', 'light'], ['en-US', 'dark']] as const) {
    test(`its pages are good to look at and to hear: ${name}, ${locale}`, async ({ browser, page, request }) => {
      const number = await paidOrder(page, request);
      const options = { viewport, locale, colorScheme };
      const context = await another(browser, options);
      const console = await context.newPage();
      const look = async (what: string) => {
        const folder = process.env.TONGFU_SCREENSHOTS;
        const file = `${folder}/console-${what}-${name}-${locale.slice(0, 2)}.png`;
        if (folder) await console.screenshot({ path: file, fullPage: true });
        const wide = await console.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wide, what).toBeLessThanOrEqual(0);
        if (scripted()) {
          // The pages let no script in but what the test brings.
          const { context: reader, page: copy } = await copied(browser, console, options);
          expect(await findings(copy), what).toEqual([]);
          await reader.close();
        }
      };
      await console.goto(`${operator}/`);
      await look('sign-in');
      await signIn(console);
      await look('board');
      await console.locator('main [href="/queues"]').click();
      await expect(console.locator('h1')).toHaveText(locale === 'zh-CN' ? '队列' : 'Queues');
      await look('queues');
      await console.goto(`${operator}/orders`);
      await look('orders');
      await console.goto(`${operator}/acts`);
      await look('acts');
      await console.goto(`${operator}/accounts`);
      await look('accounts');
      await console.locator('tbody a').first().click();
      await look('account');
      await console.goto(`${operator}/businesses`);
      await look('businesses');
      const maker = console.locator('form[action="/businesses/epay"]');
      await maker.locator('[name=name]').fill('a panel');
      await maker.locator('[name=reason]').fill('its first day');
      await maker.locator('button').click();
      await expect(console.locator('code').last()).toHaveText(/^\w{32}$/);
      await look('issued');
      await console.locator('main a').click();
      await console.locator('summary').click();
      await look('business');
      const settings = console.locator('form.settings');
      await settings.locator('[name=callback]').fill('https://panel.example/a/long/address/of/callbacks/');
      await settings.locator('[name=payments-frozen]').selectOption('true');
      await settings.locator('button').click();
      await expect(console.locator('tbody tr')).toHaveCount(2);
      await look('planned');
      await console.locator('main [name=reason]').fill('a stolen secret');
      await console.locator('main form button').click();
      await expect(console.locator('[role=status].good')).toBeVisible();
      await console.goto(`${operator}/figures?days=7`);
      await console.locator('summary').first().click();
      await look('figures');
      await console.goto(`${operator}/find?number=${number}`);
      await look('order');
      await console.locator('a[href^="/notify/"]').first().click();
      await look('notify');
      await console.goBack();
      // More than one may give back alone.
      const refund = console.locator('form[action$="/refund"]');
      await refund.locator('[name=yuan]').fill('100.01');
      await refund.locator('[name=reason]').fill('broken');
      await refund.locator('button').click();
      await expect(console.locator('[role=status].good')).toBeVisible();
      await expect(console.locator('form[action$="/grant"] button')).toBeDisabled();
      await look('asked');
      const refuse = console.locator('form[action$="/refuse"]');
      await refuse.locator('[name=reason]').fill('a mistake');
      await refuse.locator('button').click();
      await expect(refuse).toHaveCount(0);
      await refund.locator('[name=yuan]').fill('0.01');
      await refund.locator('[name=reason]').fill('a coupon');
      await refund.locator('button').click();
      await expect(console.locator('[role=status].good')).toBeVisible();
      await console.goto(`${operator}/refunds`);
      await expect(console.locator('tbody tr').first()).toBeVisible();
      await look('refunds');
      await context.close();
    });
  }
}

test('a figure leads to its rows, which are taken away as CSV', async ({ browser, page, request }) => {
  const number = await paidOrder(page, request);
  const context = await another(browser, { locale: 'en-US' });
  const console = await context.newPage();
  await signIn(console);
  await expect(async () => {
    await console.locator('nav [href="/figures"]').click();
    await expect(console.locator('main')).toContainText('By channel', { timeout: 500 });
  }).toPass();
  await expect(console.locator('svg.plot').first()).toBeVisible();
  const line = console.locator('h3:text("By channel") + table tr', { hasText: 'Wechat' }).first();
  await line.locator('a').click();
  await expect(console).toHaveURL(/\/orders\?.*channel=Wechat/);
  const rows = console.locator('tbody tr');
  await expect(rows.first()).toContainText('SUCCESSPAY');
  const download = console.waitForEvent('download');
  await console.locator('a[href^="/orders.csv"]').click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^orders-[\d-]+\.csv$/);
  const table = readFileSync(await file.path(), 'utf8');
  expect(table.startsWith('\ufefforderSn,')).toBe(true);
  expect(table).toContain(`${number}\t`);
  await context.close();
});

test('nobody who has not signed in sees anything', async ({ page }) => {
  const read = ['/', '/queues', '/acts', '/notify/1', '/orders', '/orders.csv', '/figures'];
  const one = ['/refunds', '/refunds.csv', '/businesses', '/business/demo', '/accounts', '/find?number=1', '/order/1'];
  for (const path of [...read, ...one]) {
    await page.goto(`${operator}${path}`);
    await expect(page).toHaveURL(/\/sign-in\?next=/);
  }
  await page.goto(`${platform}/sign-in`);
  await expect(page.locator('[name=password]')).toHaveCount(0);
});
