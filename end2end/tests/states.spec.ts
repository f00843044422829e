// Every state of both pages, light and dark, in both languages: axe finds nothing,
// and a picture is taken for a person to look at.
import { expect, type APIRequestContext, type BrowserContextOptions, type Page } from '@playwright/test';
import { copied, findings } from './axe';
import {
  MOBILE,
  PHONE,
  WECHAT,
  another,
  control,
  gateway,
  mobileUrl,
  platform,
  scanUrl,
  scripted,
  shop,
  signedUrl,
  test,
  wasm,
} from './world';

const LOOKS = ['light', 'dark'] as const;
const PC = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: PHONE, userAgent: MOBILE };

interface State {
  name: string;
  options: BrowserContextOptions;
  /** Opens the page and brings it into the state. */
  show(page: Page, request: APIRequestContext): Promise<void>;
}

const states: State[] = [
  {
    name: 'pc-pick',
    options: PC,
    show: async (page, request) => {
      await page.goto(await signedUrl(request));
    },
  },
  {
    name: 'pc-scan',
    options: PC,
    show: async (page, request) => {
      await page.goto(await scanUrl(request));
      if (wasm()) await expect(page.getByRole('timer')).toHaveText(/14:\d\d$/);
    },
  },
  {
    name: 'pc-expired',
    options: PC,
    show: async (page, request) => {
      await page.goto(await scanUrl(request));
      await control(request, 'expire');
      await expect(page.locator('.bad')).toBeVisible();
    },
  },
  {
    name: 'pc-declined',
    options: PC,
    show: async (page, request) => {
      await page.goto(await scanUrl(request));
      await control(request, 'decline');
      await expect(page.locator('.bad')).toBeVisible();
    },
  },
  {
    name: 'pc-paid',
    options: PC,
    show: async (page, request) => {
      // Unanswered, the way out leaves the page as it is, however long it is looked at.
      await page.route(`${shop}/return*`, () => undefined);
      const url = await scanUrl(request);
      await page.goto(url);
      await control(request, 'pay');
      await expect(page.locator('main[data-state="paid"] .good')).toBeVisible();
      await page.goto(url).catch(() => undefined);
      await expect(page.locator('dl')).toBeVisible();
    },
  },
  {
    name: 'pc-offline',
    options: PC,
    show: async (page, request) => {
      await page.route('**/pay/api/pc/wechatQuery?*', (route) => route.abort());
      await page.goto(await scanUrl(request));
      if (wasm()) await expect(page.locator('main[data-said]')).toBeVisible();
    },
  },
  {
    name: 'pc-forged',
    options: PC,
    show: async (page, request) => {
      await page.goto((await signedUrl(request)).replace(/sign=.{4}/, 'sign=0000'));
    },
  },
  {
    name: 'pc-making',
    options: PC,
    show: async (page, request) => {
      const data = { on: 'create', kind: 'delay', ms: 20_000 };
      await request.post(`${gateway}/control/fault`, { data });
      await page.goto(await scanUrl(request));
      await expect(page.locator('p[role="status"]')).toContainText(/正在准备|being prepared/);
    },
  },
  {
    name: 'pc-trouble',
    options: PC,
    show: async (page, request) => {
      const data = { on: 'create', kind: 'busy', times: 9 };
      await request.post(`${gateway}/control/fault`, { data });
      await page.goto(await scanUrl(request));
      await request.post(`${gateway}/control/reset`);
      await expect(page.locator('.bad')).toBeVisible();
    },
  },
  {
    name: 'pc-unknown',
    options: PC,
    show: async (page) => {
      await page.goto(`${platform}/pay/attempt/00000000000000000000000000000000`);
    },
  },
  {
    name: 'pc-fragment',
    options: PC,
    show: async (page) => {
      await page.goto(`${platform}/pay.html`);
    },
  },
  {
    name: 'pc-back-from-channel',
    options: PC,
    show: async (page, request) => {
      const start = (await signedUrl(request)).replace('/pay.html', '/pay/start');
      const answer = await request.post(start, { form: { channel: 'Alipay' }, maxRedirects: 0 });
      await page.goto(`${platform}${answer.headers().location}/stay`);
    },
  },
  {
    name: 'pc-held',
    options: PC,
    show: async (page, request) => {
      const held = { on: 'capture', kind: 'pending' };
      await request.post(`${gateway}/control/fault`, { data: held });
      const start = (await signedUrl(request)).replace('/pay.html', '/pay/start');
      const answer = await request.post(start, { form: { channel: 'Paypal' }, maxRedirects: 0 });
      await control(request, 'pay');
      const stay = `${platform}${answer.headers().location}/stay`;
      await expect(async () => {
        await page.goto(stay);
        await expect(page.locator('h2')).toHaveText(/审核|checked/, { timeout: 500 });
      }).toPass();
    },
  },
  {
    name: 'phone-pick',
    options: phone,
    show: async (page, request) => {
      await page.goto(await mobileUrl(request));
    },
  },
  {
    name: 'phone-open-in-wechat',
    options: phone,
    show: async (page, request) => {
      await page.goto(`${await mobileUrl(request)}&pick=Wechat`);
    },
  },
  {
    name: 'phone-scan',
    options: phone,
    show: async (page, request) => {
      await page.goto(await scanUrl(request));
    },
  },
  {
    name: 'wechat-pay',
    options: { ...phone, userAgent: WECHAT },
    show: async (page, request) => {
      await page.goto(await mobileUrl(request));
      await expect(page.locator('#bridge')).toBeVisible();
    },
  },
  {
    name: 'wechat-no-cookie',
    options: { ...phone, userAgent: WECHAT },
    show: async (page, request) => {
      const lap = Math.floor(Date.now() / 1000);
      await page.goto(`${await mobileUrl(request)}&lap=${lap}`);
      await expect(page.locator('a.button')).toBeVisible();
    },
  },
];

for (const state of states) {
  test(`${state.name} is good to look at and to hear`, async ({ browser, request }) => {
    for (const locale of ['zh-CN', 'en-US']) {
      // The server renders the same for all modes: two looks of four do for the others.
      const schemes = wasm() ? LOOKS : [locale === 'zh-CN' ? LOOKS[0] : LOOKS[1]];
      for (const colorScheme of schemes) {
        const context = await another(browser, { ...state.options, locale, colorScheme });
        const page = await context.newPage();
        await state.show(page, request);
        const look = `${state.name}-${locale.slice(0, 2)}-${colorScheme}`;
        const folder = process.env.TONGFU_SCREENSHOTS;
        if (folder) await page.screenshot({ path: `${folder}/state-${look}-${test.info().project.name}.png`, fullPage: true });
        if (scripted()) {
          expect(await findings(page), look).toEqual([]);
        } else {
          const { context: reader, page: copy } = await copied(browser, page, { ...state.options, colorScheme });
          expect(await findings(copy), look).toEqual([]);
          await reader.close();
        }
        await context.close();
      }
    }
  });
}
