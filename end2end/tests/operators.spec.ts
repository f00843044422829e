// Each role and each act at the operator's console [docs/console.md, Roles and Acts]: by
// forms alone, in both languages, light and dark, on a phone too.
import { expect, type BrowserContextOptions, type Locator, type Page } from '@playwright/test';
import { copied, findings } from './axe';
import {
  ROLES,
  added,
  fault,
  lingeringOrder,
  openOrder,
  paidOrder,
  signIn,
  type Operator,
  type Role,
} from './operators';
import {
  PHONE,
  another,
  bookOrder,
  callbacks,
  control,
  gateway,
  operator,
  scripted,
  signedUrl,
  test,
  wasm,
} from './world';

test.skip(() => scripted() && !wasm(), 'the console has no script');

// What one test has go wrong, the next one does not meet.
test.afterEach(async ({ request }) => {
  await request.post(`${gateway}/control/reset`);
});

/** The least role that may do each act, and what hinders it on an open order and on a paid one. */
const ACTS: [act: string, least: Role, open: string | null, paid: string | null][] = [
  ['requery', 'support', null, null],
  ['resend', 'support', 'This order has no callback', null],
  ['refund', 'cashier', 'Nothing is left to give back', null],
  ['close', 'cashier', null, 'It is paid: give money back instead'],
  ['honour', 'cashier', 'This is no money that came after a close', 'This is no money that came after a close'],
  ['unpaid', 'cashier', 'Only ten minutes after its end', 'It has ended'],
];
const DESKTOP = { width: 1280, height: 800 };

const form = (page: Page, act: string): Locator => page.locator(`form[action$="/${act}"]`);

/** Shows an order. */
async function show(page: Page, number: string): Promise<void> {
  await page.goto(`${operator}/find?number=${number}`);
  await expect(page).toHaveURL(/\/order\/\d+$/);
}

/** The same, once its business system has taken its callback. */
async function showPaid(page: Page, number: string): Promise<void> {
  await expect(async () => {
    await show(page, number);
    await expect(page.locator('main')).toContainText('delivered', { timeout: 500 });
  }).toPass();
}

/** What is settled by hand. */
async function unfold(page: Page): Promise<void> {
  const details = page.locator('details');
  if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
}

/** Fills a form's reason and sends it. */
async function act(page: Page, which: string, more: Record<string, string> = {}): Promise<void> {
  const one = form(page, which);
  for (const [name, value] of Object.entries({ reason: `why ${which}`, ...more })) {
    await one.locator(`[name=${name}]`).fill(value);
  }
  await one.locator('button').click();
}

const said = (page: Page): Locator => page.locator('[role=status]');

/** Good to look at and to hear: nothing sticks out, and axe finds nothing. */
async function looks(page: Page, what: string, options: BrowserContextOptions): Promise<void> {
  const folder = process.env.TONGFU_SCREENSHOTS;
  const file = `${folder}/operators-${what}-${(options.viewport as any).width}.png`;
  if (folder) await page.screenshot({ path: file, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide, what).toBeLessThanOrEqual(0);
  if (!scripted()) return;
  const { context, page: copy } = await copied(page.context().browser()!, page, options);
  expect(await findings(copy), what).toEqual([]);
  await context.close();
}

for (const role of ROLES) {
  test(`${role} is offered what it may do, and told why not the rest`, async ({ browser, page, request }) => {
    const open = await openOrder(page, request);
    const who = added(role);
    // One is signed in twice, and sees an order that is open and then paid.
    for (const [viewport, colorScheme] of [[DESKTOP, 'light'], [PHONE, 'dark']] as const) {
      const isPaid = viewport === PHONE;
      if (isPaid) await control(request, 'pay');
      const options = { viewport, colorScheme, locale: 'en-US' };
      const context = await another(browser, options);
      const console = await context.newPage();
      await signIn(console, who);
      await (isPaid ? showPaid : show)(console, open);
      await unfold(console);
      for (const [name, least, whileOpen, oncePaid] of ACTS) {
        const hindrance = isPaid ? oncePaid : whileOpen;
        const may = ROLES.indexOf(role) >= ROLES.indexOf(least);
        const one = form(console, name);
        await expect(one.locator('p').first(), name).not.toBeEmpty();
        if (hindrance === null && may) {
          await expect(one.locator('button'), name).toBeEnabled();
          await expect(one.locator('[name=reason]'), name).toBeVisible();
        } else {
          await expect(one.locator('button'), name).toBeDisabled();
          await expect(one.locator('[name=reason]'), name).toHaveCount(0);
          await expect(one.locator('.bad'), name).toContainText(hindrance ?? `the role ${least} is needed`);
        }
      }
      await looks(console, `${role}-order`, options);
      await console.goto(`${operator}/queues`);
      await expect(console.locator('main')).toContainText('this one');
      await looks(console, `${role}-queues`, options);
      await context.close();
    }
  });
}

test('support asks a channel now, and sends a callback again', async ({ browser, page, request }) => {
  const address = await signedUrl(request);
  await page.goto(`${address}&pick=Wechat`);
  await expect(page.locator('svg.qr')).toBeVisible();
  // No notify arrives: the question settles it.
  await fault(request, 'notify', 'never', 1);
  // Nor does a page ask.
  await page.goto('about:blank');
  const number = (await control(request, 'pay')).channelOrderNo;
  const options = { viewport: DESKTOP, colorScheme: 'light' as const, locale: 'en-US' };
  const context = await another(browser, options);
  const console = await context.newPage();
  await signIn(console, added('support'));
  await show(console, number);
  // Unless the platform's own clock asked meanwhile.
  await expect(form(console, 'requery')).toContainText(/Paid: (SUCCESSPAY; closed: CLOSED|stays)/);
  await act(console, 'requery');
  await expect(said(console)).toContainText('Asked; this is how it stands.');
  await expect(console.locator('main')).toContainText('why requery');
  const key = new URL(address).searchParams.get('requestKey')!;
  await expect.poll(async () => (await callbacks(request, key)).length).toBe(1);
  await show(console, number);
  await act(console, 'resend');
  await expect(said(console)).toContainText('goes out again at once');
  await expect.poll(async () => (await callbacks(request, key)).length).toBe(2);
  await looks(console, 'resent', options);
  await context.close();
});

test('a cashier closes an order, once its channel takes no money for it', async ({ browser, page, request }) => {
  const number = await openOrder(page, request);
  const options = { viewport: PHONE, colorScheme: 'dark' as const, locale: 'en-US' };
  const context = await another(browser, options);
  const console = await context.newPage();
  await signIn(console, added('cashier'));
  await show(console, number);
  await expect(form(console, 'close')).toContainText('closes it at its channel and asks again');
  await fault(request, 'close', 'busy');
  await act(console, 'close');
  await expect(said(console)).toContainText('It is not closed yet');
  expect((await bookOrder(request, number)).state).toBe('NOTPAY');
  await looks(console, 'not-closed', options);
  await act(console, 'close');
  await expect(said(console)).toContainText("it can't be paid any more");
  expect((await bookOrder(request, number)).state).toBe('CLOSED');
  await expect(form(console, 'close').locator('.bad')).toHaveText('It is closed already');
  await expect(console.locator('main')).toContainText('why close');
  await looks(console, 'closed', options);
  await context.close();
});

test('two give back together, and what is asked for may be refused', async ({ browser, page, request }) => {
  const number = await paidOrder(page, request);
  const options = { viewport: PHONE, colorScheme: 'light' as const, locale: 'en-US' };
  const [asks, grants] = [await another(browser, options), await another(browser, options)];
  const [li, an]: [Operator, Operator] = [added('cashier'), added('cashier')];
  const [lis, ans] = [await asks.newPage(), await grants.newPage()];
  await signIn(lis, li);
  await signIn(ans, an);
  await showPaid(lis, number);
  await act(lis, 'refund', { yuan: '100.01' });
  await expect(said(lis)).toContainText('waits a day');
  await expect(form(lis, 'grant').locator('.bad')).toHaveText("Who asks for a refund can't grant it");
  await show(ans, number);
  await expect(form(ans, 'grant')).toContainText(`${li.name} asks, because “why refund”`);
  await looks(ans, 'to-grant', options);
  await form(ans, 'grant').locator('[name=code]').fill('000000');
  await form(ans, 'grant').locator('button').click();
  await expect(said(ans)).toContainText('The one-time password is wrong');
  await act(ans, 'refuse');
  await expect(said(ans)).toContainText('nothing is given back');
  await show(lis, number);
  await expect(lis.locator('main')).toContainText(`refused by ${an.name}`);
  await act(lis, 'refund', { yuan: '100.02' });
  await expect(said(lis)).toContainText('waits a day');
  await show(ans, number);
  await form(ans, 'grant').locator('[name=code]').fill(an.codes.shift()!);
  await form(ans, 'grant').locator('button').click();
  await expect(said(ans)).toContainText('Granted');
  await expect(async () => {
    await show(ans, number);
    await expect(ans.locator('main')).toContainText('SUCCESSREFUND', { timeout: 500 });
  }).toPass();
  await looks(ans, 'granted', options);
  await asks.close();
  await grants.close();
});

test('a refund that waits for a person is ended by hand', async ({ browser, page, request }) => {
  const number = await paidOrder(page, request);
  const options = { viewport: PHONE, colorScheme: 'dark' as const, locale: 'en-US' };
  const context = await another(browser, options);
  const console = await context.newPage();
  await signIn(console, added('cashier'));
  await fault(request, 'refund', 'abnormal');
  await showPaid(console, number);
  await act(console, 'refund', { yuan: '1.00' });
  await expect(said(console)).toContainText('written down');
  await expect(async () => {
    await show(console, number);
    await expect(form(console, 'by-hand')).toHaveCount(1, { timeout: 500 });
  }).toPass();
  await console.goto(`${operator}/`);
  await expect(console.locator('main')).toContainText('It is given back');
  await looks(console, 'board-at-risk', options);
  await show(console, number);
  await unfold(console);
  await looks(console, 'by-hand', options);
  await form(console, 'by-hand').locator('[value=channel]').check();
  await act(console, 'by-hand');
  await expect(said(console)).toContainText('the money is back');
  await expect(form(console, 'by-hand')).toHaveCount(0);
  await context.close();
});

test('money that came after a close is let pay', async ({ browser, page, request }) => {
  const number = await lingeringOrder(page, request);
  const options = { viewport: DESKTOP, colorScheme: 'dark' as const, locale: 'en-US' };
  const context = await another(browser, options);
  const console = await context.newPage();
  await signIn(console, added('cashier'));
  await show(console, number);
  await act(console, 'close');
  await expect(said(console)).toContainText('dealt with as late');
  // It would go back by itself, and does not.
  await fault(request, 'refund', 'refund_fails');
  const data = { channelOrderNo: number };
  expect((await request.post(`${gateway}/control/pay`, { data })).ok()).toBeTruthy();
  await expect(async () => {
    await show(console, number);
    await expect(console.locator('main')).toContainText('FAILUREREFUND', { timeout: 500 });
  }).toPass({ timeout: 45_000 });
  await unfold(console);
  await looks(console, 'late', options);
  await act(console, 'honour');
  await expect(said(console)).toContainText('the money pays its request after all');
  await expect(console.locator('h2').filter({ hasText: 'SUCCESSPAY' })).toBeVisible();
  await context.close();
});

test('queues tell of a channel that fails, and the board leads to them', async ({ browser, request }) => {
  const options = { viewport: PHONE, colorScheme: 'light' as const, locale: 'zh-CN' };
  const context = await another(browser, options);
  const console = await context.newPage();
  await signIn(console, added('viewer'));
  await fault(request, 'any', 'busy', 100_000);
  for (let order = 0; order < 3; order += 1) await request.get(`${await signedUrl(request)}&pick=Wechat`);
  await console.goto(`${operator}/queues`);
  const line = console.locator('tr', { hasText: '微信支付 / sandbox' }).first();
  await expect(line).toContainText('tongfu channel check Wechat/sandbox');
  await expect(line.locator('td').nth(3)).toContainText(/[1-9]/);
  await looks(console, 'queues-fails', options);
  await console.goto(`${operator}/`);
  await console.locator('main [href="/queues"]').click();
  await expect(console.locator('h1')).toHaveText('队列');
  await context.close();
});
