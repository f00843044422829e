// The world around the page: shop, wallet and the gateway's controls.
import {
  expect,
  test as base,
  type APIRequestContext,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from '@playwright/test';
import { createHash } from 'node:crypto';
import { port } from './ports';

export const platform = `http://127.0.0.1:${port}`;
export const gateway = `http://127.0.0.1:${port + 1}`;
export const shop = `http://127.0.0.1:${port + 2}`;
export const operator = `http://127.0.0.1:${port + 3}`;

/** A test whose browser is as its mode wants it. */
export const test = base.extend({
  context: async ({ context }, use) => {
    await prepare(context);
    await use(context);
  },
});

/** What the page has to do without in this run. */
export const mode = (): string => base.info().project.name;
export const scripted = (): boolean => mode() !== 'no-script';
/** Whether the islands live as soon as they can. */
export const wasm = (): boolean => mode() === 'script' || mode() === 'no-fallback';

/** Takes from a browser what its mode lacks. */
async function prepare(context: BrowserContext): Promise<void> {
  if (mode() === 'no-fallback') {
    await context.route(`${platform}/**`, async (route) => {
      if (route.request().resourceType() !== 'document') return route.fallback();
      const response = await route.fetch({ maxRedirects: 0 });
      const body = (await response.text()).replace(/<script nonce="\w+">[^]*?<\/script>/, '');
      await route.fulfill({ response, body });
    });
  }
  if (mode() === 'late') await slowModule(context, 10_000);
}

/** Lets the module come so much later. */
export async function slowModule(context: BrowserContext | Page, ms: number): Promise<void> {
  await context.route('**/assets/*.wasm', async (route) => {
    await new Promise((done) => setTimeout(done, ms));
    // The page may be gone by then.
    await route.continue().catch(() => undefined);
  });
}

export const PHONE = { width: 390, height: 844 };
export const MOBILE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/17.5 Mobile/15E148 Safari/604.1';
export const WECHAT =
  'Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 ' +
  'Chrome/116.0 XWEB/1420273 Mobile Safari/537.36 MMWEBSDK/20260101 MicroMessenger/8.0.68 Language/zh_CN';

/** Another browser of the same mode. */
export async function another(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const kind = { locale: 'zh-CN', reducedMotion: 'reduce' as const, javaScriptEnabled: scripted() };
  const context = await browser.newContext({ ...kind, ...options });
  await prepare(context);
  return context;
}

/** A bridge that comes 50 ms late, and does what the payer does: pay, cancel, fail. */
export async function bridge(page: Page, acts: string[]): Promise<void> {
  await page.exposeFunction('wechatSheet', async (parameters: object) => {
    const act = acts.length > 1 ? acts.shift() : acts[0];
    const answer = await page.request.post(`${gateway}/wallet/jsapi`, { data: { ...parameters, act } });
    return answer.json();
  });
  await page.addInitScript(() => {
    setTimeout(() => {
      (window as any).WeixinJSBridge = {
        invoke: (name: string, parameters: object, done: (result: object) => void) => {
          if (name === 'getBrandWCPayRequest') (window as any).wechatSheet(parameters).then(done);
        },
      };
      document.dispatchEvent(new Event('WeixinJSBridgeReady'));
    }, 50);
  });
}

/** An order of the development partner, as its program makes it [docs/forecore.md]. */
export async function partnerOrder(
  request: APIRequestContext,
  fields: Record<string, string>,
): Promise<{ url: string; outOrderId: string }> {
  const outOrderId = `e${Date.now()}${Math.floor(Math.random() * 1e6)}`;
  const order = {
    partnerId: 'p001',
    outOrderId,
    money: '14.27',
    currency: 'CNY',
    cb_url: `${shop}/notification?from=e2e`,
    return_url: `${shop}/return?order=${outOrderId}`,
    userId: 'u1',
    time: String(Date.now()),
    ...fields,
  };
  const url = `${platform}/forecore/order?${partnerSigned(order)}`;
  const answer = await (await request.get(url)).json();
  expect(answer.err).toBeUndefined();
  return { url: answer.url, outOrderId };
}

/** What a partner is told of its order. */
export async function partnerQuery(request: APIRequestContext, outOrderId: string): Promise<any> {
  const query = { partnerId: 'p001', outOrderId, time: String(Date.now()) };
  return (await request.get(`${platform}/forecore/queryOrder?${partnerSigned(query)}`)).json();
}

function partnerSigned(fields: Record<string, string>): string {
  const escape = (text: string) => encodeURIComponent(text);
  const names = Object.keys(fields).sort();
  const text = names.map((name) => `${name}=${escape(fields[name])}`).join('&');
  const sign = createHash('md5').update(`123456${text}`).digest('hex');
  return `${text}&sign=${sign}`;
}

export interface ChannelOrder {
  channel: string;
  channelOrderNo: string;
  amount: number;
  state: string;
  createdMs: number;
  codeUrl?: string;
}

/** A fresh complete signed address, as the shop makes it. */
export async function signedUrl(request: APIRequestContext): Promise<string> {
  return (await (await request.get(`${shop}/sample-url`)).text()).trim();
}

/** The same with WeChat picked: the code is shown at once. */
export async function scanUrl(request: APIRequestContext): Promise<string> {
  return `${await signedUrl(request)}&pick=Wechat`;
}

/** Picks a channel on the page's picker. */
export async function pick(page: Page, channel: string): Promise<void> {
  await page.locator(`input[name="channel"][value="${channel}"]`).check();
  await page.locator('form button').click();
}

/** The same for the mobile page. */
export async function mobileUrl(request: APIRequestContext): Promise<string> {
  return (await signedUrl(request)).replace('/pay.html?', '/mpay.html?');
}

/** The gateway's newest order that is still open. */
export async function newestOrder(request: APIRequestContext): Promise<ChannelOrder> {
  const orders: ChannelOrder[] = await (await request.get(`${gateway}/control/orders`)).json();
  const open = orders.filter((order) => order.state === 'NOTPAY');
  // Numbers of several channels have no common order.
  open.sort((a, b) => a.createdMs - b.createdMs);
  expect(open.length).toBeGreaterThan(0);
  return open[open.length - 1];
}

/** Does something to the gateway's newest open order: pay, decline, expire. */
export async function control(request: APIRequestContext, act: string): Promise<ChannelOrder> {
  const order = await newestOrder(request);
  const data = { channelOrderNo: order.channelOrderNo };
  const answer = await request.post(`${gateway}/control/${act}`, { data });
  expect(answer.ok()).toBeTruthy();
  return order;
}

/** A person with a wallet of their own pays the newest open order. */
export async function payInWallet(browser: Browser, request: APIRequestContext): Promise<void> {
  const order = await newestOrder(request);
  const context = await browser.newContext({ locale: 'zh-CN' });
  const wallet = await context.newPage();
  await wallet.goto(`${gateway}/wallet`);
  const row = wallet.locator(`[data-order="${order.channelOrderNo}"]`);
  await row.locator('button[name="act"][value="pay"]').click();
  await context.close();
}

/** The gateway's order of this number. */
export async function bookOrder(request: APIRequestContext, number: string): Promise<any> {
  const orders: any[] = await (await request.get(`${gateway}/control/orders`)).json();
  return orders.find((order) => order.channelOrderNo === number);
}

/** What the shop received for a key. */
export async function callbacks(request: APIRequestContext, requestKey: string): Promise<any[]> {
  const all: any[] = await (await request.get(`${shop}/control/callbacks`)).json();
  return all.filter((entry) => JSON.stringify(entry).includes(requestKey));
}

export function requestKeyOf(url: string): string {
  return new URL(url).searchParams.get('requestKey') ?? '';
}

/** A picture for a person to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.TONGFU_SCREENSHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}-${mode()}.png`, fullPage: true });
}
